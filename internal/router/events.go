package router

import (
	"kleeblatt/broker"
	"kleeblatt/internal/codec"
	"kleeblatt/internal/wamp"
)

// Meta events: what the node itself publishes, to its own subscribers alone. Each node derives them from what it knows, so they never
// travel between nodes.

const (
	topicJoin  = "wamp.session.on_join"
	topicLeave = "wamp.session.on_leave"

	topicConflict = "kleeblatt.registration.on_conflict" // of the loser's realm
)

// Topics of this router's own. They are told in every realm.
const (
	TopicNodeUp    = "kleeblatt.node.on_up"           // [node]
	TopicNodeDown  = "kleeblatt.node.on_down"         // [node]
	TopicPartition = "kleeblatt.cluster.on_partition" // [nodes that are cut off]
	TopicHeal      = "kleeblatt.cluster.on_heal"      // []
	TopicGap       = "kleeblatt.link.on_gap"          // [node, frames that were given up]
)

// news are events that have not been published yet, in order. They leave a few at a time: the end of a node with many sessions must neither
// hold up a turn nor fill a subscriber's outbox at once.
type news struct {
	items []newsItem
	head  int
	frame frame
	match []*broker.Entry
	bytes []byte
}

// newsItem is one event of one realm: a session's, one with arguments of its own, or a testament.
type newsItem struct {
	realm   int
	topic   string
	element string
	args    []any
	by      uint64 // the session whose doing it is, which is not told; 0: everybody is
	frame   string // of a testament: as it is
}

// newsKeep is how many items' memory is kept when all have left.
const newsKeep = 1 << 10

// heard says whether a worker of this node has a receiver of the topic.
func (d *Directory) heard(realm int, topic string) bool {
	d.news.match = d.realms.at(realm).Cell.Load().Broker.Match(octets(topic), d.news.match[:0])
	for _, e := range d.news.match {
		if e.Workers != 0 {
			return true
		}
	}
	return false
}

// tell notes an event about a session, if somebody would hear it.
func (d *Directory) tell(realm int, topic, element string) {
	if d.heard(realm, topic) {
		d.news.items = append(d.news.items, newsItem{realm: realm, topic: topic, element: element})
	}
}

// Tell notes an event for the subscribers of the topic in every realm. The arguments are as codec.AppendPayload takes them, and kept.
func (d *Directory) Tell(topic string, args ...any) {
	for realm := range d.list {
		d.tellArgs(realm, topic, args)
	}
}

// TellConflict notes that an owner of a procedure has lost against another, for the subscribers of its realm. It is told where the
// loser is, by whom it is judged.
func (d *Directory) TellConflict(c *Conflict) {
	if r := d.realm(c.Realm); r != nil {
		outcome := "revoked"
		if c.Policy == Standby {
			outcome = "standby"
		}
		d.tellArgs(r.index, topicConflict, []any{codec.Dict{
			{Key: "registration", Value: c.ID}, {Key: "match", Value: c.Match.String()}, {Key: "procedure", Value: c.URI},
			{Key: "session", Value: c.Session}, {Key: "outcome", Value: outcome}, {Key: "winner", Value: c.Winner}, {Key: "node", Value: c.Node},
		}})
	}
}

func (d *Directory) tellArgs(realm int, topic string, args []any) {
	if d.heard(realm, topic) {
		d.news.items = append(d.news.items, newsItem{realm: realm, topic: topic, args: args})
	}
}

// Pending says that NextEvent has more.
func (d *Directory) Pending() bool { return d.news.head < len(d.news.items) }

// NextEvent takes the next event out: a relay frame for the workers that Realms.WorkersFor says, valid until the next call. It is false
// when there is none. random is a number for its publication id, where that does not follow from the event.
func (d *Directory) NextEvent(random uint64) ([]byte, bool) {
	n := &d.news
	if !d.Pending() {
		return nil, false
	}
	item := n.items[n.head]
	n.items[n.head] = newsItem{}
	if n.head++; n.head == len(n.items) {
		n.items, n.head = n.items[:0], 0
		if cap(n.items) > newsKeep {
			n.items = nil
		}
	}
	if item.frame != "" {
		n.bytes = append(n.bytes[:0], item.frame...)
		return n.bytes, true
	}
	f := &n.frame
	*f = frame{
		kind: framePublish, realm: octets(d.realms.at(item.realm).Name), uri: octets(item.topic), id: random>>11 + 1,
		serializer: wamp.MsgPack, filter: broker.Filter{Exclude: f.filter.Exclude[:0]},
	}
	args := item.args
	if item.element != "" {
		e, _ := ParseElement(item.element)
		args = e.aboutSession(item.topic)
		f.id = publicationOf(item.topic, e.Session)
		// Nobody is told of itself (SMA-03).
		item.by = e.Session
	}
	if item.by != 0 {
		f.filter.Has, f.filter.Exclude = broker.HasExclude, append(f.filter.Exclude, item.by)
	}
	b, p := codec.AppendPayload(n.bytes[:0], wamp.MsgPack, args, nil)
	f.payload = p
	n.bytes = appendFrame(b, f)
	return n.bytes[len(b):], true
}

// aboutSession are the arguments of an event about a session (advanced/meta_api_sessions.md).
func (e *Element) aboutSession(topic string) []any {
	if topic == topicLeave {
		return []any{e.Session, e.AuthID, e.AuthRole}
	}
	return []any{e.details()}
}

// details are what the session meta API tells of a session.
func (e *Element) details() codec.Dict {
	return codec.Dict{
		{Key: "session", Value: e.Session}, {Key: "authid", Value: e.AuthID}, {Key: "authrole", Value: e.AuthRole},
		{Key: "authmethod", Value: e.AuthMethod}, {Key: "authprovider", Value: e.AuthProvider},
	}
}

// publicationOf is the id of the event that a session has joined or left, the same on all nodes. Session ids are random and so is what is
// mixed of them (the finalizer of splitmix64).
func publicationOf(topic string, session uint64) uint64 {
	h := session
	for i := range topic {
		h = h*31 + uint64(topic[i])
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return (h^h>>31)>>11 + 1
}
