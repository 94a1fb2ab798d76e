package codec

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"kleeblatt/internal/wamp"
)

// parse is one Parse with a fresh Parser.
func parse(s wamp.Serializer, frame []byte) (*Message, error) {
	var p Parser
	m := new(Message)
	err := p.Parse(s, frame, m)
	var syntax *SyntaxError
	if err != nil && !errors.As(err, &syntax) {
		panic(fmt.Sprintf("%T", err))
	}
	return m, err
}

// Each text is tried in all serializers: MSG-01..04, MSG-06, SER-06, IDS-01, HND-08, IDS-10, PPT-08.
func TestSyntax(t *testing.T) {
	for text, want := range map[string]string{ // "" is accepted, else a part of the reason
		`{}`:                                    whyList,
		`"x"`:                                   whyList,
		`1`:                                     whyList,
		`null`:                                  whyList,
		`[]`:                                    whyFew,
		`[99]`:                                  whyType,
		`[0]`:                                   whyType,
		`[7,1]`:                                 whyType,
		`[71,1,{}]`:                             whyType,
		`[337,1]`:                               whyType,
		`[65552,1,{},"a.b"]`:                    whyType,
		`[16.5,1,{},"a.b"]`:                     whyUint,
		`["16",1,{},"a.b"]`:                     whyUint,
		`[-16,1,{},"a.b"]`:                      whyUint,
		`[true,1,{},"a.b"]`:                     whyUint,
		`[null]`:                                whyUint,
		`[[16],1,{},"a.b"]`:                     whyUint,
		`[32,1,{}]`:                             whyFew,
		`[32,1,{},"a.b",[]]`:                    whyMany,
		`[32,"1",{},"a.b"]`:                     whyUint,
		`[32,1.5,{},"a.b"]`:                     whyUint,
		`[32,0,{},"a.b"]`:                       whyID,
		`[32,-1,{},"a.b"]`:                      whyUint,
		`[32,true,{},"a.b"]`:                    whyUint,
		`[32,1,[],"a"]`:                         whyDict,
		`[32,1,null,"a"]`:                       whyDict,
		`[32,1,"","a"]`:                         whyDict,
		`[32,1,{},1]`:                           whyText,
		`[32,1,{},null]`:                        whyText,
		`[32,1,{},["a.b"]]`:                     whyText,
		`[32,1,{},"a.b"]`:                       "",
		`[32,1,{},""]`:                          "",
		`[32,1,{},"a..b #"]`:                    "", // an invalid URI is answered with an ERROR (URI-04)
		`[48,1,{},"a",{}]`:                      whyArgs,
		`[48,1,{},"a",null]`:                    whyArgs,
		`[48,1,{},"a","x"]`:                     whyArgs,
		`[48,1,{},"a",1]`:                       whyArgs,
		`[48,1,{},"a",[],[]]`:                   whyDict,
		`[48,1,{},"a",[],null]`:                 whyDict,
		`[48,1,{},"a",[],{},1]`:                 whyMany,
		`[48,1,{},"a",[],{},[]]`:                whyMany,
		`[48,1,{},"a",[],{}]`:                   "",
		`[48,1,{},"a",[null],{}]`:               "",
		`[16,1,{},"a","\u0000oWZub3RpY2U="]`:    "",
		`[16,1,{},"a","\u0000oWZub3RpY2U=",{}]`: whyAlone,
		`[16,1,{},"a",["\u0000oWZub3RpY2U="],{}]`: "",

		`[32,9007199254740992,{},"a.b"]`:     "",
		`[32,9007199254740993,{},"a.b"]`:     whyID,
		`[32,18446744073709551615,{},"a.b"]`: whyID,

		`[16,1,{"acknowledge":1},"a.b"]`:                    "acknowledge",
		`[16,1,{"acknowledge":0},"a.b"]`:                    "acknowledge",
		`[16,1,{"acknowledge":null},"a.b"]`:                 "",
		`[16,1,{"acknowledge":"true"},"a.b"]`:               "acknowledge",
		`[16,1,{"exclude":[1,2.5]},"a.b"]`:                  "exclude",
		`[16,1,{"exclude":[0]},"a.b"]`:                      "exclude",
		`[16,1,{"exclude":[-1]},"a.b"]`:                     "exclude",
		`[16,1,{"exclude":{}},"a.b"]`:                       "exclude",
		`[16,1,{"eligible":[[1]]},"a.b"]`:                   "eligible",
		`[16,1,{"eligible":[]},"a.b"]`:                      "",
		`[16,1,{"eligible_authid":[1]},"a.b"]`:              "eligible_authid",
		`[16,1,{"timeout":"x","match":5,"foo":[{}]},"a.b"]`: "", // not PUBLISH's: unknown, skipped
		`[32,1,{"match":5},"a.b"]`:                          "match",
		`[32,1,{"match":"nonsense"},"a.b"]`:                 "", // answered with invalid_argument
		`[32,1,{"foo_bar":1,"_my_opt":[2,{"x":null}]},"a"]`: "",
		`[48,1,{"timeout":-1},"a.b"]`:                       "timeout",
		`[48,1,{"timeout":1.5},"a.b"]`:                      "timeout",
		`[48,1,{"timeout":0},"a.b"]`:                        "",
		`[48,1,{"receive_progress":1},"a.b"]`:               "receive_progress",
		`[36,1,2,{"publisher":0}]`:                          "publisher",
		`[36,1,2,{"publisher_authid":1}]`:                   "publisher_authid",

		`[3,{},"x",[1],{"a":2}]`:      "",
		`[3,{},"x"]`:                  "",
		`[6,{},"x"]`:                  "",
		`[6,{},"x",[]]`:               whyMany,
		`[8,68,1,{},"a.b"]`:           "",
		`[8,48,1,{},"a.b",[1],{}]`:    "",
		`[8,68,0,{},"a.b"]`:           whyID,
		`[8,-1,1,{},"a.b"]`:           whyUint,
		`[8,70000,1,{},"a.b"]`:        whyType,
		`[34,1,2]`:                    "",
		`[34,1,2,{}]`:                 "",
		`[34,1]`:                      whyFew,
		`[34,1,2,{},1]`:               whyMany,
		`[35,0]`:                      whyID,
		`[35,0,{"subscription":1}]`:   "",
		`[35,0,{"subscription":"1"}]`: "subscription",
		`[67,5]`:                      "",
		`[70,999,{}]`:                 "",
		`[70,999]`:                    whyFew,
		`[70,1,{},[1],{"a":1}]`:       "",
		`[49,1,{"mode":1}]`:           "mode",
		`[1,"realm1",{"roles":{}}]`:   "",
		`[1,"realm1"]`:                whyFew,
		`[1,5,{}]`:                    whyText,
		`[5,"sig",{}]`:                "",
		`[2,1,{}]`:                    "",
	} {
		for _, s := range serializers {
			frame, err := FromJSON(nil, s, []byte(text))
			if err != nil {
				t.Fatal(text, err)
			}
			_, err = parse(s, frame)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s in %v: %v, want %q", text, s, err, want)
			}
			if err == nil {
				for cut := range frame { // no prefix of a message is a message
					if _, err := parse(s, frame[:cut]); err == nil {
						t.Errorf("%s in %v: the first %d bytes parse", text, s, cut)
					}
				}
				if _, err := parse(s, append(frame[:len(frame):len(frame)], '1')); err == nil {
					t.Errorf("%s in %v: parses with a byte behind it", text, s)
				}
			}
		}
	}
}

// SER-06: keys are unique, known or not, escaped or not.
func TestSyntaxDuplicateKeys(t *testing.T) {
	for _, c := range []struct {
		s     wamp.Serializer
		frame string
	}{
		{wamp.JSON, `[16,1,{"acknowledge":true,"acknowledge":true},"a"]`},
		{wamp.JSON, `[16,1,{"acknowledge":true,"\u0061cknowledge":true},"a"]`},
		{wamp.JSON, `[16,1,{"foo":1,"bar":2,"f\u006fo":1},"a"]`},
		{wamp.MsgPack, "\x94\x10\x01\x82\xa3foo\x01\xa3foo\x01\xa1a"},
		{wamp.MsgPack, "\x94\x10\x01\x82\xa3foo\x01\xd9\x03foo\x01\xa1a"},
		{wamp.CBOR, "\x84\x10\x01\xa2\x63foo\x01\x63foo\x01\x61a"},
		{wamp.CBOR, "\x84\x10\x01\xbf\x63foo\x01\x7f\x61f\x62oo\xff\x01\xff\x61a"},
	} {
		if _, err := parse(c.s, []byte(c.frame)); err == nil || !strings.Contains(err.Error(), whyDuplicate) {
			t.Errorf("%q: %v", c.frame, err)
		}
	}
	many := `[16,1,{`
	for i := range OptionKeysMax + 1 {
		many += fmt.Sprintf(`"k%d":0,`, i)
	}
	if _, err := parse(wamp.JSON, []byte(many+`"x":0},"a"]`)); err == nil || !strings.Contains(err.Error(), whyManyKeys) {
		t.Error(err)
	}
}

// P28, SER-07, SER-06 and the like: what only one serializer can say.
func TestSyntaxOfOneSerializer(t *testing.T) {
	for _, c := range []struct {
		s     wamp.Serializer
		frame string
		want  string
	}{
		{wamp.JSON, "", whyList},
		{wamp.JSON, "not json", whyList},
		{wamp.JSON, " \t\r\n[ 32 , 1 , { } , \"a.b\" ] \n", "ok"},
		{wamp.JSON, "[32,1,{},\"a.b\"]\x00", whyTrailing},
		{wamp.JSON, `[32,1,{},"a.b"][32,1,{},"a.b"]`, whyTrailing},
		{wamp.JSON, `[32,1,{},"a.b",]`, whyMany},
		{wamp.JSON, `[32,,1,{},"a.b"]`, whyUint},
		{wamp.JSON, `[32 1,{},"a.b"]`, whyComma},
		{wamp.JSON, `[032,1,{},"a.b"]`, whyUint},
		{wamp.JSON, `[32,01,{},"a.b"]`, whyUint},
		{wamp.JSON, `[32,1.0,{},"a.b"]`, whyUint},
		{wamp.JSON, `[32,1e3,{},"a.b"]`, whyUint},
		{wamp.JSON, `[32,184467440737095516160,{},"a.b"]`, whyUint},
		{wamp.JSON, `[32,1,{"a" 1},"a.b"]`, whyColon},
		{wamp.JSON, `[32,1,{1:1},"a.b"]`, whyKey},
		{wamp.JSON, `[32,1,{"a":1,},"a.b"]`, whyKey},
		{wamp.JSON, "[32,1,{},\"a\xff\"]", whyUTF8},
		{wamp.JSON, "[32,1,{},\"a\nb\"]", whyControl},
		{wamp.JSON, `[32,1,{},"a\x"]`, whyEscape},
		{wamp.JSON, `[32,1,{},"\ud800"]`, whySurrogate},
		{wamp.JSON, `[32,1,{},"\ud83d\ude00.\u00e4\/"]`, "ok"},
		{wamp.JSON, `[48,1,{},"a",["\ud800"]]`, "ok"}, // a payload that is JSON, passed on untouched
		{wamp.JSON, `[48,1,{},"a",["\u0000"]]`, "ok"},
		{wamp.JSON, `[48,1,{},"a",[01]]`, whyNumber},
		{wamp.JSON, `[48,1,{},"a",[1.]]`, whyNumber},
		{wamp.JSON, `[48,1,{},"a",[-]]`, whyNumber},
		{wamp.JSON, `[48,1,{},"a",[tru]]`, whyJSON},
		{wamp.JSON, `[48,1,{},"a",[nan]]`, whyJSON},
		{wamp.JSON, `[48,1,{},"a",[1}]`, whyComma},
		{wamp.JSON, `[48,1,{},"a",[{"a":1]}]`, whyComma},
		{wamp.JSON, `[48,1,{},"a",[ ] , { } ]`, "ok"},
		{wamp.JSON, `[48,1,{},"a",[1e400,-0,1E+5]]`, "ok"},

		{wamp.MsgPack, "", whyShort},
		{wamp.MsgPack, "\xdc\x00\x04\xcc\x20\xd3\x00\x00\x00\x00\x00\x00\x00\x01\xde\x00\x00\xd9\x01a", "ok"},
		{wamp.MsgPack, "\xdd\x00\x00\x00\x04\xd0\x20\xd1\x00\x01\xdf\x00\x00\x00\x00\xda\x00\x01a", "ok"},
		{wamp.MsgPack, "\x94\xcd\x00\x20\xd2\x00\x00\x00\x01\x80\xdb\x00\x00\x00\x01a", "ok"},
		{wamp.MsgPack, "\x94\xce\x00\x00\x00\x20\xcf\x00\x00\x00\x00\x00\x00\x00\x01\x80\xa1a", "ok"},
		{wamp.MsgPack, "\x93\x22\x01\xcb\x43\x40\x00\x00\x00\x00\x00\x00", "ok"}, // 2^53 as JavaScript writes it
		{wamp.MsgPack, "\x93\x22\x01\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00", whyUint},
		{wamp.MsgPack, "\x93\x22\x01\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", whyUint},
		{wamp.MsgPack, "\x93\x22\x01\xcb\xbf\xf0\x00\x00\x00\x00\x00\x00", whyUint},
		{wamp.MsgPack, "\x93\x22\x01\xca\x4f\x80\x00\x00", "ok"},
		{wamp.MsgPack, "\x94\x20\xd0\xff\x80\xa1a", whyUint},
		{wamp.MsgPack, "\x94\x20\x01\x80\xc4\x01a", whyText}, // bytes are not text (SER-03)
		{wamp.MsgPack, "\x94\x20\x01\x80\xa1\xff", whyUTF8},
		{wamp.MsgPack, "\x94\x20\x01\x81\x01\x01\xa1a", whyKey},
		{wamp.MsgPack, "\x94\x20\x01\x81\xc4\x01a\x01\xa1a", whyKey},
		{wamp.MsgPack, "\x94\x20\x01\x81\xa1x\xc1\xa1a", whyReserved},
		{wamp.MsgPack, "\x94\xc1\x01\x80\xa1a", whyReserved},
		{wamp.MsgPack, "\x94\x20\x01\x80\xa1a\x00", whyTrailing},
		{wamp.MsgPack, "\xdd\xff\xff\xff\xff\x20", whyShort},
		{wamp.MsgPack, "\x95\x30\x01\x80\xa1a\x91\xd4\x01\x00", "ok"},         // an extension
		{wamp.MsgPack, "\x95\x30\x01\x80\xa1a\x91\xc7\x02\x01\x00\x00", "ok"}, // another
		{wamp.MsgPack, "\x95\x30\x01\x80\xa1a\x91\xd4\x01", whyShort},
		{wamp.MsgPack, "\x95\x30\x01\x80\xa1a\xd4\x01\x00", whyArgs},
		{wamp.MsgPack, "\x96\x30\x01\x80\xa1a\x90\x81\x01\x02", whyKey},
		{wamp.MsgPack, "\x96\x30\x01\x80\xa1a\x91\x81\x01\x02\x81\xa1a\x81\x01\x02", "ok"}, // other keys deeper in the payload
		{wamp.MsgPack, "\x95\x30\x01\x80\xa1a\xdd\xff\xff\xff\xff", whyShort},
		{wamp.MsgPack, "\x95\x30\x01\x80\xa1a\x91\xdf\xff\xff\xff\xff", whyShort},
		{wamp.MsgPack, "\x95\x30\x01\x80\xa1a\x91\xdb\xff\xff\xff\xff", whyShort},

		{wamp.CBOR, "", whyShort},
		{wamp.CBOR, "\x98\x04\x1b\x00\x00\x00\x00\x00\x00\x00\x20\x1a\x00\x00\x00\x01\xb8\x00\x78\x01a", "ok"},
		{wamp.CBOR, "\x9f\x18\x20\x01\xbf\x65match\x7f\x62pr\x64efix\xff\xff\x7f\x61a\x60\x62.b\xff\xff", "ok"},
		{wamp.CBOR, "\x9f\x18\x20\x01\xbf\xff\x61a", whyShort},
		{wamp.CBOR, "\x9f\x18\x20\x01\xbf\xff\x61a\xff\xff", whyTrailing},
		{wamp.CBOR, "\x9f\xff", whyFew},
		{wamp.CBOR, "\x84\x18\x20\x01\xff\x61a", whyDict},
		{wamp.CBOR, "\x84\x18\x20\x01\xa0\x41a", whyText},
		{wamp.CBOR, "\x84\x18\x20\x01\xa0\x61\xff", whyUTF8},
		{wamp.CBOR, "\x84\x18\x20\x01\xa0\x7f\x61\xc3\x61\xa4\xff", whyUTF8}, // a rune across chunks
		{wamp.CBOR, "\x84\x18\x20\x01\xa0\x7f\x41a\xff", whyChunk},
		{wamp.CBOR, "\x84\x18\x20\x01\xa1\x01\x01\x61a", whyKey},
		{wamp.CBOR, "\x84\x18\x20\x20\xa0\x61a", whyUint},
		{wamp.CBOR, "\x83\x18\x22\x01\xfb\x43\x40\x00\x00\x00\x00\x00\x00", "ok"}, // 2^53 as JavaScript writes it
		{wamp.CBOR, "\x83\x18\x22\x01\xf9\x3c\x00", "ok"},
		{wamp.CBOR, "\x83\x18\x22\x01\xf9\x7c\x00", whyUint},
		{wamp.CBOR, "\x83\x18\x22\x01\xc2\x41\x05", whyUint},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x9f\xff", "ok"},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x85\xf7\xf9\x7e\x00\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00\xd9\xff\xff\xa1\x01\x02\xf8\x20", "ok"},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x81\xf8\x1f", whyReserved},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x81\xfc", whyReserved},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x81\x3f", whyReserved},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x81\xff", whyBreak},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x81\xbf\x01\xff", whyBreak},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x5f\x41a\x41b\xff", "ok"},
		{wamp.CBOR, "\x86\x18\x30\x01\xa0\x61a\x80\xbf\x7f\x61k\xff\x01\xff", "ok"},
		{wamp.CBOR, "\x86\x18\x30\x01\xa0\x61a\x80\xa1\x01\x02", whyKey},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x9b\xff\xff\xff\xff\xff\xff\xff\xff", whyShort},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x81\x7b\xff\xff\xff\xff\xff\xff\xff\xfe", whyShort},
		{wamp.CBOR, "\x85\x18\x30\x01\xa0\x61a\x81\xbb\x80\x00\x00\x00\x00\x00\x00\x00", whyShort},
	} {
		_, err := parse(c.s, []byte(c.frame))
		switch c.want {
		case "ok":
			if err != nil {
				t.Errorf("%q in %v: %v", c.frame, c.s, err)
			}
		default:
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q in %v: %v, want %q", c.frame, c.s, err, c.want)
			}
		}
	}
}

// SER-09: what is empty at the end of a payload is not sent on; SER-10: what stands before something is.
func TestEmptyPayload(t *testing.T) {
	for text, want := range map[string]uint8{
		`[16,1,{},"t"]`: 0, `[16,1,{},"t",[]]`: 0, `[16,1,{},"t",[ ], { }]`: 0, `[16,1,{},"t",[1],{}]`: 1, `[16,1,{},"t",[],{"a":1}]`: 2,
	} {
		for _, s := range serializers {
			m, err := parse(s, in(t, s, text))
			if err != nil || m.Payload.N != want || want == 0 && m.Payload.Raw != nil {
				t.Errorf("%s in %v: %v, %+v", text, s, err, m)
			}
			if err := WalkPayload(s, m.Payload); err != nil {
				t.Error(err)
			}
		}
	}
	if m, err := parse(wamp.CBOR, []byte("\x86\x10\x01\xa0\x61t\x9f\xff\xbf\xff")); err != nil || m.Payload.N != 0 {
		t.Error(err, m)
	}
}

// DepthMax counts containers and tags around a value.
func TestDepth(t *testing.T) {
	nest := map[wamp.Serializer][2]string{wamp.JSON: {"[", "]"}, wamp.MsgPack: {"\x91", ""}, wamp.CBOR: {"\x81", ""}}
	dicts := map[wamp.Serializer][2]string{wamp.JSON: {`{"":`, "}"}, wamp.MsgPack: {"\x81\xa0", ""}, wamp.CBOR: {"\xbf\x60", "\xff"}}
	for _, s := range serializers {
		one := string(in(t, s, "1"))
		for depth, ok := range map[int]bool{DepthMax: true, DepthMax + 1: false, 100_000: false} {
			outer, inner, dict := nest[s][0], nest[s][1], dicts[s]
			lists := strings.Repeat(outer, depth) + one + strings.Repeat(inner, depth)
			mixed := outer + strings.Repeat(dict[0], depth-1) + one + strings.Repeat(dict[1], depth-1) + inner
			for _, raw := range []string{lists, mixed} {
				p := Payload{N: 1, Raw: []byte(raw)}
				if err := WalkPayload(s, p); (err == nil) != ok {
					t.Errorf("%d deep in %v: %v", depth, s, err)
				}
				for _, to := range serializers {
					var tr Transcoder
					if _, err := tr.Payload(nil, s, to, p); to != s && (err == nil) != ok {
						t.Errorf("%d deep from %v to %v: %v", depth, s, to, err)
					}
				}
				if _, err := parse(s, AppendPublish(nil, s, 1, nil, "a", p)); (err == nil) != ok {
					t.Errorf("%d deep in %v: %v", depth, s, err)
				}
			}
		}
	}
	tags := Payload{N: 1, Raw: []byte("\x81" + strings.Repeat("\xc1", 100_000) + "\x01")}
	if err := WalkPayload(wamp.CBOR, tags); err == nil || !strings.Contains(err.Error(), whyDepth) {
		t.Error(err)
	}
}

// A field is zero when its bit is not set, also when the Message was used before.
func TestMessageIsReused(t *testing.T) {
	for _, s := range serializers {
		var p Parser
		var m Message
		if err := p.Parse(s, in(t, s, `[16,1,{"acknowledge":true,"exclude":[5]},"a.b",[1]]`), &m); err != nil || !m.Options.Acknowledge || m.Options.Exclude[0] != 5 {
			t.Fatal(err, m)
		}
		if err := p.Parse(s, in(t, s, `[16,2,{},"a.b"]`), &m); err != nil || m.Options.Acknowledge || m.Options.Exclude != nil || m.Options.Has != 0 || m.Payload.N != 0 {
			t.Fatal(err, m)
		}
		if err := p.Parse(s, in(t, s, `[70,2,{}]`), &m); err != nil || m.URI != nil || m.ID != 0 {
			t.Fatal(err, m)
		}
	}
}

// Filter lists are bounded.
func TestFilterEntriesMax(t *testing.T) {
	long := strings.TrimSuffix(strings.Repeat("7,", FilterEntriesMax), ",")
	if m, err := parse(wamp.JSON, []byte(`[16,1,{"eligible":[`+long+`]},"a"]`)); err != nil || len(m.Options.Eligible) != FilterEntriesMax {
		t.Error(err)
	}
	if _, err := parse(wamp.JSON, []byte(`[16,1,{"eligible":[`+long+`,7]},"a"]`)); err == nil || !strings.Contains(err.Error(), whyManyItems) {
		t.Error(err)
	}
	if _, err := parse(wamp.MsgPack, []byte("\x94\x10\x01\x81\xaeexclude_authid\xdd\xff\xff\xff\xff\xa1a")); err == nil {
		t.Error("a length beyond the frame")
	}
}

// JavaScript's encoders write options that are not set as undefined; they count as absent, like null.
func TestSyntaxAbsentOptions(t *testing.T) {
	for s, frame := range map[wamp.Serializer]string{
		wamp.MsgPack: "\x94\x20\x01\x83\xa5match\xd4\x00\x00\xacget_retained\xc0\xa3foo\xd4\x00\x00\xa3a.b",
		wamp.CBOR:    "\x84\x18\x20\x01\xa3\x65match\xf7\x6cget_retained\xf6\x63foo\xf7\x63a.b",
		wamp.JSON:    `[32,1,{"match":null, "get_retained": null ,"foo":null},"a.b"]`,
	} {
		var p Parser
		var m Message
		if err := p.Parse(s, []byte(frame), &m); err != nil || m.Options.Has != 0 || string(m.URI) != "a.b" {
			t.Errorf("%v: %v, options %b, topic %q", s, err, m.Options.Has, m.URI)
		}
	}
}
