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

// What is read is what the library reads; leap seconds and years that nanoseconds cannot count are refused.
func TestParseTimeAgainstTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(0, rapid.Int64Range(-9_000_000_000_000_000_000, 9_000_000_000_000_000_000).Draw(t, "nanos"))
		at = at.In(time.FixedZone("", 60*rapid.IntRange(-23*60, 23*60).Draw(t, "offset")))
		layout := rapid.SampledFrom([]string{time.RFC3339, time.RFC3339Nano, "2006-01-02T15:04:05.000Z07:00"}).Draw(t, "layout")
		text := at.Format(layout)
		want, err := time.Parse(time.RFC3339, text)
		if got, ok := parseTime(text); err != nil || !ok || got != want.UnixNano() {
			t.Fatalf("%s: %d %v, not %d %v", text, got, ok, want.UnixNano(), err)
		}
	})
	for _, bad := range []string{"", "2026", "2026-11-25", "2026-11-25T01:02:03", "2026-11-25 01:02:03Z", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
		"2026-11-25T24:00:00Z", "2026-11-25T01:02:03.Z", "2026-11-25T01:02:03+0100", "2026-11-25T01:02:03+01:60", "2026-11-25T01:02:03Zx", "x026-11-25T01:02:03Z"} {
		if got, ok := parseTime(bad); ok {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
}
