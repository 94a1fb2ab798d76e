package node

import (
	"log/slog"
	"testing"
)

// TestF5RestartFromData: a node that is started again with its data alone, without a seed, finds the others where they were, and takes
// no client before it has. Its former life is over, its new one has a higher epoch.
func TestF5RestartFromData(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nodes := runCluster(t, 2)
	words := []string{"--name", "n3", "--workers", "2", "--data", dir}
	third, err := launch(slog.New(slog.DiscardHandler), hooks{}, append(words, "--join", nodes[0].GossipAddr())...)
	if err != nil {
		t.Fatal(err)
	}
	settle(t, append(nodes, third)...)
	eventually(t, "the others' addresses are kept", func() bool {
		peers, err := third.data.Peers()
		return err == nil && len(peers) == 2
	}, third)
	epoch := third.life.Load().Epoch
	third.Close()

	third = run(t, hooks{}, words...)
	settle(t, append(nodes, third)...)
	if r := third.ready.Load(); r.reason != reasonReady {
		t.Errorf("ready with a reservation: %s", r.reason)
	}
	if now := third.life.Load().Epoch; now <= epoch {
		t.Errorf("epoch %d after %d", now, epoch)
	}
	works(t, append(nodes, third)...)
}
