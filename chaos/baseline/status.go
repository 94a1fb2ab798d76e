package baseline

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// statusTime bounds one question and its answer.
const statusTime = 2 * time.Second

// standing is what /settled tells.
type standing struct {
	Leader string   `json:"leader"` // the node's name; "": nobody is known to lead
	Voters []string `json:"voters"`
	Wanted int      `json:"wanted"` // voters in a cluster of that size
}

// settled says that the log has its full strength.
func (s *standing) settled() bool { return s.Leader != "" && len(s.Voters) >= s.Wanted }

func (l *raftLog) standing(nodes, voters int) (s standing) {
	s.Voters, s.Wanted = []string{}, min(nodes, voters)
	leader, _ := l.raft.LeaderWithID()
	for _, x := range l.servers() {
		if x.voter {
			s.Voters = append(s.Voters, x.name)
		}
		if x.addr == string(leader) {
			s.Leader = x.name
		}
	}
	return s
}

// serveStatus answers who asks whether the log is settled, until it is closed: a node is ready for clients before it has a vote, and an
// outage that comes earlier would be held against a cluster that is not complete.
func (l *raftLog) serveStatus(at string, voters int) error {
	ln, err := net.Listen("tcp", at)
	if err != nil {
		return fmt.Errorf("--status: %w", err)
	}
	var asked sync.RWMutex // held by those who ask the library: it owes nobody an answer when it is shut down
	closed := false
	mux := http.NewServeMux()
	mux.HandleFunc("GET /settled", func(w http.ResponseWriter, r *http.Request) {
		nodes, err := strconv.Atoi(r.URL.Query().Get("nodes"))
		if err != nil {
			http.Error(w, "how many nodes? /settled?nodes=N", http.StatusBadRequest)
			return
		}
		asked.RLock()
		defer asked.RUnlock()
		if closed {
			return
		}
		s := l.standing(nodes, voters)
		w.Header().Set("Content-Type", "application/json")
		if !s.settled() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		json.NewEncoder(w).Encode(s)
	})
	web := &http.Server{Handler: mux, ReadHeaderTimeout: statusTime, WriteTimeout: statusTime, IdleTimeout: statusTime}
	l.group.Go(func() { web.Serve(ln) })
	l.group.Go(func() {
		<-l.ctx.Done()
		web.Close()
		asked.Lock()
		closed = true
		asked.Unlock()
	})
	return nil
}
