package cors

import "net/http"

// Admits says whether the page that a request comes from may use what is served under the request's host, and tells the browser so. What
// comes from no page is admitted. allowed nil: no pages of other sites.
func Admits(w http.ResponseWriter, r *http.Request, allowed func(origin, host string) bool) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	w.Header().Add("Vary", "Origin")
	if allowed == nil || !allowed(origin, r.Host) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	return true
}

// Preflight answers OPTIONS: which methods and headers a page may use.
func Preflight(w http.ResponseWriter, methods, headers string) {
	w.Header().Set("Access-Control-Allow-Methods", methods)
	w.Header().Set("Access-Control-Allow-Headers", headers)
	w.WriteHeader(http.StatusNoContent)
}
