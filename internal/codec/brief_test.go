package codec

import (
	"reflect"
	"testing"

	"kleeblatt/internal/wamp"
)

// briefTexts are messages and whether they are read without the grammar.
var briefTexts = []struct {
	json  string
	brief bool
}{
	{`[48,1,{},"a.b"]`, true},
	{`[48,9007199254740992,{},"a.b",["x"]]`, true},
	{`[48,70000,{},"a.b",[1,[2,{"a":null}]]]`, true},
	{`[16,300,{},"` + longURI + `",["ü",-1]]`, true},
	{`[70,200,{},["x"]]`, true},
	{`[70,200,{}]`, true},
	{`[70,200,{},[]]`, false},
	{`[48,1,{},"a.b",[1],{"k":2}]`, false},
	{`[48,1,{"timeout":1},"a.b",[1]]`, false},
	{`[48,9007199254740993,{},"a.b"]`, false},
	{`[48,0,{},"a.b"]`, false},
	{`[48,1,{},""]`, false},
	{`[48,1,{},5]`, false},
	{`[48,1,{}]`, false},
	{`[70,1,{},[1],[2]]`, false},
	{`[32,1,{},"a.b"]`, false},
	{`[8,48,1,{},"a.b"]`, false},
	{`[70,200,{},[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5]]`, false},
}

const longURI = "com.example.a_text_of_more_than_thirty_one_bytes"

func TestBrief(t *testing.T) {
	for _, x := range briefTexts {
		b := in(t, wamp.MsgPack, x.json)
		var m Message
		if got := m.brief(b); got != x.brief {
			t.Errorf("%s: brief is %v", x.json, got)
		}
		sameAsGrammar(t, b)
		for n := range b {
			sameAsGrammar(t, b[:n])
		}
	}
}

// sameAsGrammar: what is read without the grammar, the grammar reads in the same way.
func sameAsGrammar(t testing.TB, b []byte) {
	t.Helper()
	var m, twin Message
	if !m.brief(b) {
		return
	}
	var p Parser
	if err := p.grammar(wamp.MsgPack, b, &twin); err != nil {
		t.Fatalf("%x is read, but: %v", b, err)
	}
	if !reflect.DeepEqual(m, twin) {
		t.Fatalf("%x:\n%+v, the grammar reads\n%+v", b, m, twin)
	}
}

func FuzzBrief(f *testing.F) {
	for _, x := range briefTexts {
		f.Add(in(f, wamp.MsgPack, x.json))
	}
	f.Fuzz(func(t *testing.T, b []byte) { sameAsGrammar(t, b) })
}
