package swim

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// linkAddrMax and linkUnixMax keep all tags within memberlist's 512 bytes. The path of a Unix socket has 108 at most.
const (
	linkAddrMax = 200
	linkUnixMax = 140
	// TablesMax bounds Tags.Tables, in bytes, within the same 512.
	TablesMax = 64
)

// Tags are what a node tells about itself.
type Tags struct {
	Life     Life
	LinkAddr string // host:port of its router links; an unspecified or empty host means that of its gossip
	// LinkUnix is where nodes on the same host find our router links: a path, in whatever form the two ends agree on; "" for none.
	LinkUnix string
	Proto    uint8 // version of the link protocol
	// Tables is what replicates this node's tables in gossip's place says of itself; "" where gossip does it.
	Tables string
}

// tags is Tags and what this package adds for itself.
type tags struct {
	Tags
	born   Life // the life that the process began with: which process this is, whatever its life is now
	joined bool // it has had its first exchange: it does not give way to newcomers with its name
}

// Names of the tags, short because every member's travel in every exchange of the membership.
const (
	tagLife   = "l"
	tagBorn   = "b"
	tagLink   = "a"
	tagUnix   = "u"
	tagProto  = "v"
	tagJoined = "j"
	tagTables = "t"
)

var errTags = errors.New("it is no kleeblatt node, or one of another age")

func (t tags) encode() map[string]string {
	m := map[string]string{
		tagLife:  t.Life.String(),
		tagBorn:  t.born.String(),
		tagLink:  t.LinkAddr,
		tagProto: strconv.Itoa(int(t.Proto)),
	}
	if t.LinkUnix != "" {
		m[tagUnix] = t.LinkUnix
	}
	if t.Tables != "" {
		m[tagTables] = t.Tables
	}
	if t.joined {
		m[tagJoined] = "1"
	}
	return m
}

// parseTags reads a member's tags. Unknown ones are from younger versions and are passed over.
func parseTags(m map[string]string) (tags, error) {
	var t tags
	var err error
	if t.Life, err = ParseLife(m[tagLife]); err != nil {
		return tags{}, errTags
	}
	if t.born, err = ParseLife(m[tagBorn]); err != nil {
		return tags{}, errTags
	}
	v, err := strconv.ParseUint(m[tagProto], 10, 8)
	if err != nil || len(m[tagLink]) > linkAddrMax || len(m[tagUnix]) > linkUnixMax || len(m[tagTables]) > TablesMax {
		return tags{}, errTags
	}
	t.Proto, t.LinkAddr, t.LinkUnix, t.Tables, t.joined = uint8(v), m[tagLink], m[tagUnix], m[tagTables], m[tagJoined] != ""
	return t, nil
}

// String is epoch and nonce in hexadecimal: 18f.9ac3
func (l Life) String() string {
	return strconv.FormatUint(l.Epoch, 16) + "." + strconv.FormatUint(l.Nonce, 16)
}

// ParseLife reads what String wrote.
func ParseLife(s string) (Life, error) {
	e, n, ok := strings.Cut(s, ".")
	epoch, err1 := strconv.ParseUint(e, 16, 64)
	nonce, err2 := strconv.ParseUint(n, 16, 64)
	if !ok || err1 != nil || err2 != nil {
		return Life{}, fmt.Errorf("%q is no life", s)
	}
	return Life{epoch, nonce}, nil
}

// linkAddr fills in the host that a node could not know of itself.
func linkAddr(tag, gossipHost string) string {
	host, port, err := net.SplitHostPort(tag)
	if err != nil {
		return tag // unix sockets and other forms that the link executor reads
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort(gossipHost, port)
	}
	return tag
}
