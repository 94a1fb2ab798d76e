package router

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"kleeblatt/internal/wamp"
)

// FuzzAsk: what another node asks is read without harm, and says the same when it is written again.
func FuzzAsk(f *testing.F) {
	f.Add(AppendAsk(nil, &Ask{Kind: 3, Realm: "r", Caller: 1, Session: 2, ID: 3, Match: wamp.Wildcard, URI: "a..b", Who: "w", Reason: "x.y", Message: "m",
		Filtered: true, Roles: []string{"a", "b"}}))
	f.Add(AppendAsk(nil, &Ask{}))
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := ParseAsk(b)
		if err != nil {
			return
		}
		again, err := ParseAsk(AppendAsk(nil, q))
		if err != nil || !reflect.DeepEqual(again, q) {
			t.Errorf("%+v became %+v, %v", q, again, err)
		}
	})
}

// FuzzPart: so is its part of an answer.
func FuzzPart(f *testing.F) {
	f.Add(AppendPart(nil, &Part{Found: true, Count: 3, Created: 1 << 60, Element: "e", IDs: []uint64{1, 2, 1 << 53}}))
	f.Add(AppendPart(nil, &Part{}))
	f.Add([]byte{0, 0, 0, 0xa0, 0xdd, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePart(b)
		if err != nil {
			return
		}
		again, err := ParsePart(AppendPart(nil, &p))
		if slices.Equal(again.IDs, p.IDs) {
			again.IDs = p.IDs // nil or empty
		}
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%+v became %+v, %v", p, again, err)
		}
	})
}

// FuzzParseTime: times of clients are read without harm, and as the standard library reads them.
func FuzzParseTime(f *testing.F) {
	f.Add("2026-02-28T23:59:59.999999999+14:00")
	f.Add("2026-02-30T24:00:00Z")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseTime(s)
		if want, err := time.Parse(time.RFC3339Nano, s); ok && err == nil && want.UnixNano() != got {
			t.Errorf("%q is %d, want %d", s, got, want.UnixNano())
		}
	})
}
