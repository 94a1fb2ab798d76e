// Package cors answers browsers that ask, for a page of one site, to use what another one serves (the Fetch standard, CORS protocol).
//
// Model: no state. Owner: whoever serves HTTP calls it on the request's goroutine, before anything else. Arrows: none of ours.
package cors
