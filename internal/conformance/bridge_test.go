package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// post sends one request to the HTTP bridge of the node of that number, and returns the status and the answer as it was decoded.
func (p *place) post(home int, path, body string, headers ...string) (int, map[string]any) {
	p.Helper()
	r := p.request(home, http.MethodPost, path, body, headers...)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, map[string]any{"error": err.Error()} // this may not be the test's goroutine
	}
	return p.answer(a)
}

func (p *place) request(home int, method, path, body string, headers ...string) *http.Request {
	p.Helper()
	u, err := url.Parse(p.nodes[home%len(p.nodes)].URLs()[0])
	if err != nil {
		p.Fatal(err)
	}
	r, err := http.NewRequestWithContext(p.Context(), method, "http://"+u.Host+path, strings.NewReader(body))
	if err != nil {
		p.Fatal(err)
	}
	r.Close = true
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (p *place) answer(a *http.Response) (int, map[string]any) {
	p.Helper()
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		p.Fatal(err)
	}
	if len(b) == 0 {
		return a.StatusCode, nil
	}
	var out map[string]any
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		p.Fatalf("%d %q: %v", a.StatusCode, b, err)
	}
	return a.StatusCode, out
}

func (p *place) ok(status int, out map[string]any) map[string]any {
	p.Helper()
	if status != http.StatusOK {
		p.Fatalf("status %d: %v", status, out)
	}
	return out
}

// failed expects an error with its status.
func (p *place) failed(wantStatus int, wantURI string) func(status int, out map[string]any) {
	p.Helper()
	return func(status int, out map[string]any) {
		p.Helper()
		_, args := out["args"].([]any)
		_, kwargs := out["kwargs"].(map[string]any)
		if status != wantStatus || out["error"] != wantURI || !args || !kwargs {
			p.Errorf("got %d %v, want %d %s", status, out, wantStatus, wantURI)
		}
	}
}

func TestHTTP_01_Publish(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.join("A")
		topic := p.uri("topic")
		s := a.subscribe(topic, `{}`)
		p.settle()
		out := p.ok(p.post(1, "/publish", fmt.Sprintf(`{"topic":%q,"args":["ü",1.5,null],"kwargs":{"k":[true]}}`, topic)))
		m := a.expect(`[36,%d,"*",{},["ü",1.5,null],{"k":[true]}]`, s)
		if id := fmt.Sprint(out["id"]); id != fmt.Sprint(num(m[2])) {
			p.Errorf("publication %s was told, %v is", id, m[2])
		}
		p.ok(p.post(1, "/publish?realm="+realm, fmt.Sprintf(`{"topic":%q,"args":[],"kwargs":null,"other":1}`, topic)))
		if m := a.expect(`[36,%d,"*",{}]`, s); len(m) != 4 {
			p.Errorf("no payload came as %s", show(m))
		}
		p.ok(p.post(2, "/publish", fmt.Sprintf(`{"topic":%q,"kwargs":{"a":9007199254740992}}`, topic), "Content-Type", "Application/JSON; charset=UTF-8"))
		a.expect(`[36,%d,"*",{},[],{"a":9007199254740992}]`, s)

		// Options count; this one keeps the event from everybody.
		p.ok(p.post(1, "/publish", fmt.Sprintf(`{"topic":%q,"options":{"eligible":[],"x_own":1}}`, topic)))
		p.ok(p.post(1, "/publish?realm="+otherRealm, fmt.Sprintf(`{"topic":%q}`, topic)))
		a.quiet()
	})
}

func TestHTTP_01_Call(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.join("A")
		procedure := p.uri("proc")
		r := a.register(procedure, `{}`)
		p.settle()
		type answer struct {
			status int
			out    map[string]any
		}
		call := func(more string, yield string) answer {
			got := make(chan answer, 1)
			go func() {
				status, out := p.post(1, "/call", fmt.Sprintf(`{"procedure":%q%s}`, procedure, more))
				got <- answer{status, out}
			}()
			m := a.recv()
			if num(m[0]) != 68 || num(m[2]) != r {
				p.Fatalf("got %s, want an INVOCATION of %d", show(m), r)
			}
			if id := num(m[1]); strings.Contains(more, "args") && fmt.Sprint(m[4:]) != "[[1 2] map[k:1]]" {
				p.Errorf("invocation %d has the payload %v", id, m[4:])
			}
			a.send(yield, num(m[1]))
			return <-got
		}
		x := call(`,"args":[1,2],"kwargs":{"k":1}`, `[70,%d,{},[3],{"l":"x"}]`)
		if got, want := fmt.Sprint(p.ok(x.status, x.out)), "map[args:[3] kwargs:map[l:x]]"; got != want {
			p.Errorf("%s, not %s", got, want)
		}
		x = call(``, `[70,%d,{}]`)
		if got, want := fmt.Sprint(p.ok(x.status, x.out)), "map[args:[] kwargs:map[]]"; got != want {
			p.Errorf("%s, not %s", got, want)
		}
		x = call(``, `[8,68,%d,{},"com.app.broken",["why"],{"k":2}]`)
		p.failed(http.StatusInternalServerError, "com.app.broken")(x.status, x.out)
		if got := fmt.Sprint(x.out["args"], x.out["kwargs"]); got != "[why] map[k:2]" {
			p.Errorf("the error came with %s", got)
		}
		x = call(``, `[8,68,%d,{},"wamp.error.invalid_argument"]`)
		p.failed(http.StatusBadRequest, "wamp.error.invalid_argument")(x.status, x.out)

		// A callee that leaves, and one that does not answer in time.
		x = call(``, `[6,{"message":"%d"},"wamp.close.close_realm"]`)
		p.failed(http.StatusBadGateway, "wamp.error.canceled")(x.status, x.out)
		b := p.join("B")
		slow := p.uri("slow")
		b.register(slow, `{}`)
		p.settle()
		p.failed(http.StatusGatewayTimeout, "wamp.error.timeout")(p.post(2, "/call", fmt.Sprintf(`{"procedure":%q,"options":{"timeout":50}}`, slow)))
		p.failed(http.StatusNotFound, "wamp.error.no_such_procedure")(p.post(0, "/call", fmt.Sprintf(`{"procedure":%q}`, p.uri("none"))))
		p.ok(p.post(0, "/call", `{"procedure":"wamp.session.count"}`))
	})
}

// A caller that goes away cancels its call.
func TestHTTP_01_LEV_01_WhoGivesUpCancels(t *testing.T) {
	everywhere(t, func(p *place) {
		a := p.join("A")
		procedure := p.uri("proc")
		r := a.register(procedure, `{}`)
		p.settle()
		c := p.connection(1 % len(p.nodes))
		body := fmt.Sprintf(`{"procedure":%q}`, procedure)
		fmt.Fprintf(c, "POST /call HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		m := a.expect(`[68,"*",%d,{}]`, r)
		c.Close()
		a.expect(`[69,%d,{"mode":"killnowait"}]`, num(m[1]))
	})
}

func TestHTTP_01_Authentication(t *testing.T) {
	here(t, func(p *place) {
		in, count := "?realm="+ruledRealm, `{"procedure":"wamp.session.count"}`
		basic := func(authID, secret string) (int, map[string]any) {
			r := p.request(0, http.MethodPost, "/call"+in, count)
			r.SetBasicAuth(authID, secret)
			a, err := http.DefaultClient.Do(r)
			if err != nil {
				p.Fatal(err)
			}
			if a.StatusCode == http.StatusUnauthorized && !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic ") {
				p.Errorf("%s: 401 without WWW-Authenticate", authID)
			}
			return p.answer(a)
		}
		p.ok(basic("joe", "sesame"))
		p.ok(basic("joe", "sesame"))
		// A wrong secret and a name that does not exist are answered alike.
		status, wrong := basic("joe", "wrong")
		p.failed(http.StatusUnauthorized, "wamp.error.authentication_denied")(status, wrong)
		status, unknown := basic("nobody", "sesame")
		p.failed(http.StatusUnauthorized, "wamp.error.authentication_denied")(status, unknown)
		if fmt.Sprint(wrong) != fmt.Sprint(unknown) {
			p.Errorf("%v for a wrong secret, %v for nobody", wrong, unknown)
		}
		denied := p.failed(http.StatusUnauthorized, "wamp.error.invalid_argument")
		denied(basic("", "sesame"))
		denied(p.post(0, "/call"+in, count, "Authorization", "Bearer abc"))
		denied(p.post(0, "/call"+in+"&key=a&signature=b", count))

		// Rules hold.
		r := p.request(0, http.MethodPost, "/publish"+in, fmt.Sprintf(`{"topic":%q}`, p.uri("forbidden")))
		r.SetBasicAuth("joe", "sesame")
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			p.Fatal(err)
		}
		p.failed(http.StatusForbidden, notAuthorized)(p.answer(a))
		p.failed(http.StatusNotFound, "wamp.error.no_such_realm")(p.post(0, "/call?realm=nowhere", count))
	})
}

func TestHTTP_01_BadRequests(t *testing.T) {
	here(t, func(p *place) {
		const badInput = "wamp.error.invalid_argument"
		topic := p.uri("topic")
		w := p.join("W")
		w.subscribe(topic, `{}`)
		for body, status := range map[string]int{
			``: 400, `[]`: 400, `{`: 400, `{}`: 400, `{"topic":1}`: 400, `{"procedure":"a.b"}`: 400, `{"topic":null}`: 400, `{"topic":"a.b"} x`: 400,
			`{"topic":"a.b","args":{}}`: 400, `{"topic":"a.b","kwargs":[]}`: 400, `{"topic":"a.b","args":"x"}`: 400, `{"topic":"a.b","options":[]}`: 400,
			`{"topic":"a.b","options":{"exclude_me":1}}`: 400, `{"topic":"a.b","options":{"exclude":["x"]}}`: 400,
			`{"topic":"a.b","args":["` + "\xff" + `"]}`: 400, `{"topic":"a.b","args":` + strings.Repeat("[", 80) + strings.Repeat("]", 80) + `}`: 400,
			`{"topic":"a.b","options":{"ppt_scheme":"x_y"}}`: 501,
		} {
			p.failed(status, badInput)(p.post(0, "/publish", body))
		}
		p.failed(http.StatusBadRequest, "wamp.error.invalid_uri")(p.post(0, "/publish", `{"topic":"a..b"}`))
		p.failed(http.StatusBadRequest, badInput)(p.post(0, "/call", `{"procedure":"a.b","options":{"timeout":"x"}}`))
		p.failed(http.StatusNotImplemented, badInput)(p.post(0, "/call", `{"procedure":"a.b","options":{"receive_progress":true}}`))
		large := fmt.Sprintf(`{"topic":%q,"args":[%q]}`, topic, strings.Repeat("x", 1<<20))
		p.failed(http.StatusRequestEntityTooLarge, "wamp.error.payload_size_exceeded")(p.post(0, "/publish", large))
		p.failed(http.StatusUnsupportedMediaType, badInput)(p.post(0, "/publish", `{}`, "Content-Type", "text/plain"))
		p.failed(http.StatusUnsupportedMediaType, badInput)(p.post(0, "/publish", `{}`, "Content-Type", "application/json; charset=latin1"))
		p.failed(http.StatusNotFound, "wamp.error.invalid_uri")(p.post(0, "/", `{}`))
		a, err := http.DefaultClient.Do(p.request(0, http.MethodGet, "/publish", ""))
		if err != nil {
			p.Fatal(err)
		}
		p.failed(http.StatusMethodNotAllowed, badInput)(p.answer(a))
		// None of them has ended the session that they have in common, or any other.
		p.ok(p.post(0, "/publish", fmt.Sprintf(`{"topic":%q}`, topic)))
		w.expect(`[36,"*","*",{}]`)
	})
}

// A page of another site gets nothing done, as by WebSocket.
func TestHTTP_01_Origins(t *testing.T) {
	alone(t, func(p *place) {
		body := `{"topic":"a.b"}`
		u, _ := url.Parse(p.nodes[0].URLs()[0])
		p.failed(http.StatusForbidden, notAuthorized)(p.post(0, "/publish", body, "Origin", "https://evil.example"))
		p.failed(http.StatusForbidden, notAuthorized)(p.post(0, "/publish", body, "Origin", "null"))
		p.ok(p.post(0, "/publish", body, "Origin", "http://"+u.Host))
		p.ok(p.post(0, "/publish", body, "Origin", "https://app.example"))
		a, err := http.DefaultClient.Do(p.request(0, http.MethodOptions, "/publish", "", "Origin", "https://app.example"))
		if err != nil {
			p.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Origin") != "https://app.example" ||
			!strings.Contains(a.Header.Get("Access-Control-Allow-Headers"), "Content-Type") {
			p.Errorf("preflight: %d %v", a.StatusCode, a.Header)
		}
	}, "--bridge", "realm1", "--allowed-origins", "https://app.example")
}

// Without the option there is no bridge.
func TestHTTP_01_Off(t *testing.T) {
	alone(t, func(p *place) {
		c := p.connection(0)
		fmt.Fprintf(c, "POST /publish HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		c.SetReadDeadline(time.Now().Add(patience))
		a, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			p.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != http.StatusUpgradeRequired {
			p.Errorf("status %d", a.StatusCode)
		}
	})
}
