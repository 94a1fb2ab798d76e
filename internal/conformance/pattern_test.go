package conformance

import (
	"fmt"
	"testing"
)

// matched are patterns with URIs that they match and others that they do not, all behind a base.
var matched = []struct {
	match, pattern string
	yes, no        []string
}{
	{"exact", "topic.emergency", []string{"topic.emergency"}, []string{"topic.emergency.11", "topic.emergenc", "topic"}},
	{"prefix", "topic.emergency", []string{"topic.emergency", "topic.emergency.11", "topic.emergency-low", "topic.emergency.category.severe"},
		[]string{"topic.emerge", "topic.emergenc", "topic", "xtopic.emergency"}},
	{"prefix", "topic.", []string{"topic.a", "topic.a.b"}, []string{"topic", "topics.a"}},
	{"wildcard", "myapp..userevent", []string{"myapp.foo.userevent", "myapp.bar.userevent", "myapp.a12.userevent"},
		[]string{"myapp.foo.userevent.bar", "myapp.foo.user", "myapp2.foo.userevent", "myapp.userevent"}},
	{"wildcard", "a.b.", []string{"a.b.c", "a.b.b"}, []string{"a.b", "a.b.c.d", "a.c.c"}},
	{"wildcard", "..a", []string{"x.y.a"}, []string{"x.a", "x.y.b", "x.y.z.a"}},
	{"wildcard", "a..c.", []string{"a.b.c.d"}, []string{"a.b.c", "a.b.x.d"}},
	{"wildcard", "a.b", []string{"a.b"}, []string{"a.b.c", "a"}},
}

func TestPBS_01_PBS_02_PBS_03_PBS_04_PBS_06_PBS_07_Patterns(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		for i, c := range matched {
			base := p.uri(fmt.Sprintf("x%d.", i))
			id := b.subscribe(base+c.pattern, fmt.Sprintf(`{"match":%q}`, c.match))
			p.settle()
			for _, topic := range c.yes {
				a.publish(base+topic, "", fmt.Sprintf(`,[%q]`, topic))
				m := b.expect(`[36,%d,"*",{},[%q]]`, id, topic)
				if got := m[3].(map[string]any)["topic"]; c.match != "exact" && got != base+topic {
					t.Errorf("Details.topic is %v", got)
				}
			}
			for _, topic := range c.no {
				a.publish(base+topic, "", fmt.Sprintf(`,[%q]`, topic))
			}
			p.fence(a, b)
		}
	})
}

// TestPBS_04: a leading empty component, which has to stand at the very beginning.
func TestPBS_04_LeadingWildcard(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		last := clean(p.Name())
		id := b.subscribe("."+last, `{"match":"wildcard"}`)
		p.settle()
		a.publish("anything."+last, "", "")
		b.expect(`[36,%d,"*",{"topic":%q}]`, id, "anything."+last)
		a.publish("any.thing."+last, "", "")
		a.publish(last, "", "")
		p.fence(a, b)
	})
}

func TestPBS_05_PBS_08_PBS_10_OneEventPerSubscription(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b, c := p.join("A"), p.join("B"), p.join("C")
		topic := p.uri("a.topic")
		all := map[string]string{"exact": topic, "prefix": topic, "wildcard": topic}
		ids := map[string]uint64{}
		for match, pattern := range all {
			ids[match] = b.subscribe(pattern, fmt.Sprintf(`{"match":%q}`, match))
		}
		shorter := b.subscribe(p.uri("a"), `{"match":"prefix"}`)
		c.subscribe(topic, `{}`)
		p.settle()
		pub := a.publish(topic, "", `,[1]`)
		b.expectAny(
			fmt.Sprintf(`[36,%d,%d,{},[1]]`, ids["exact"], pub),
			fmt.Sprintf(`[36,%d,%d,{"topic":%q},[1]]`, ids["prefix"], pub, topic),
			fmt.Sprintf(`[36,%d,%d,{"topic":%q},[1]]`, ids["wildcard"], pub, topic),
			fmt.Sprintf(`[36,%d,%d,{"topic":%q},[1]]`, shorter, pub, topic),
		)
		c.expect(`[36,%d,%d,{},[1]]`, ids["exact"], pub)
		p.fence(a, b, c)
	})
}

func TestPBS_09_PatternsAreNoSets(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		base := p.uri("a")
		wide := b.subscribe(base, `{"match":"prefix"}`)
		narrow := b.subscribe(base+".b", `{"match":"prefix"}`)
		exact := b.subscribe(base+".b.c", `{}`)
		p.settle()
		b.unsubscribe(narrow)
		b.unsubscribe(exact)
		a.publish(base+".b.c", "", "")
		b.expect(`[36,%d,"*",{}]`, wide)
		p.fence(a, b)
	})
}

func TestPBS_11_MatchEverything(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.joinAs("A", otherRealm, allRoles), p.joinAs("B", otherRealm, allRoles) // where nobody else is
		id := b.subscribe("", `{"match":"prefix"}`)
		p.settle()
		a.publish(p.uri("anything"), "", "")
		b.expect(`[36,%d,"*",{"topic":%q}]`, id, p.uri("anything"))
		a.publish("b", "", "")
		b.expect(`[36,%d,"*",{"topic":"b"}]`, id)
	})
}

func TestSHS_01_SHD_01_ShardingOptionsAreTolerated(t *testing.T) {
	everywhere(t, func(p *place) {
		a, b := p.join("A"), p.join("B")
		uri := p.uri("uri")
		b.subscribe(uri, `{"nkey":7}`)
		b.register(uri, `{}`)
		p.settle()
		a.publish(uri, `"rkey":"k"`, "")
		b.expect(`[36,"*","*",{}]`)
		a.call(uri, `{"runmode":"partition","rkey":"k"}`, "")
		b.expect(`[68,1,"*",{}]`)
		a.call(uri, `{"runmode":"partition","rkey":{"a":[7]}}`, "")
		b.expect(`[68,2,"*",{}]`)
		a.refused(48, a.call(uri, `{"runmode":"partition"}`, ""), invalidArgument) // that it has to be there is all that is written
		b.quiet()
	})
}
