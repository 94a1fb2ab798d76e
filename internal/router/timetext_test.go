package router

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimeText: times are told as the library tells them.
func TestTimeText(t *testing.T) {
	tell := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
	leap := time.Date(2024, 2, 29, 23, 59, 59, 999e6, time.UTC).UnixMilli()
	for _, ms := range []int64{0, 1, leap, leap + 1, time.Date(2100, 2, 28, 0, 0, 0, 0, time.UTC).UnixMilli() + 86_400_000} {
		if got := timeText(ms); got != tell(ms) {
			t.Errorf("%s, not %s", got, tell(ms))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, 253_402_300_799_999).Draw(t, "ms") // to the end of 9999
		if got := timeText(ms); got != tell(ms) {
			t.Fatalf("%s, not %s", got, tell(ms))
		}
	})
}
