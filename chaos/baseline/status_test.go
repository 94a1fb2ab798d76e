package baseline

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// A node is ready before it has a vote; who wants to know whether a cluster has its full strength asks for that.
func TestStatus(t *testing.T) {
	probe := httptest.NewServer(nil)
	at := strings.TrimPrefix(probe.URL, "http://")
	probe.Close() // its port is free now
	l := newLab(t, Config{Tables: "raft-lan", Voters: 3, Status: at}, 1)
	ask := func(query string) (status int, s standing) {
		t.Helper()
		answer, err := http.Get("http://" + at + "/settled" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		json.NewDecoder(answer.Body).Decode(&s)
		return answer.StatusCode, s
	}
	if status, s := ask("?nodes=1"); status != http.StatusOK || s.Leader != "n0" || !slices.Equal(s.Voters, []string{"n0"}) {
		t.Errorf("alone: status %d, %+v", status, s)
	}
	if status, s := ask("?nodes=3"); status != http.StatusServiceUnavailable || s.Wanted != 3 {
		t.Errorf("one of three: status %d, %+v", status, s)
	}
	if status, _ := ask(""); status != http.StatusBadRequest {
		t.Errorf("no number of nodes: status %d", status)
	}
	l.conf.Status = ""
	l.add()
	l.add()
	l.voters(0, 3)
	if status, s := ask("?nodes=3"); status != http.StatusOK || len(s.Voters) != 3 {
		t.Errorf("three of three: status %d, %+v", status, s)
	}
	if status, s := ask("?nodes=5"); status != http.StatusOK || s.Wanted != 3 {
		t.Errorf("three votes in a cluster of five: status %d, %+v", status, s)
	}
}
