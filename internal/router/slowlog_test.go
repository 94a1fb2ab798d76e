package router

import (
	"slices"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

// TestSlowConsumersAreToldOnce: a person hears of a session that was closed for a full queue, and not of each of a thousand.
func TestSlowConsumersAreToldOnce(t *testing.T) {
	b := newBench(t, 1)
	told := func(now int64) bool {
		c, _ := b.join(wamp.JSON)
		in := Input{Kind: InPressure, Conn: c, Level: 2, On: true, Now: now}
		fx := b.w.Step(&in, nil)
		if !slices.ContainsFunc(fx, func(e Effect) bool { return e.Kind == FxReset }) {
			t.Fatal("the session is not closed")
		}
		return slices.ContainsFunc(fx, func(e Effect) bool { return e.Kind == FxLog && strings.Contains(e.Text, "does not read") })
	}
	if !told(2) || told(3) || told(slowLogEvery) || !told(slowLogEvery+2) {
		t.Error("told too often, or not at all")
	}
}
