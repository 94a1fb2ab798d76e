package swim

import (
	"encoding/binary"
	"errors"
)

// headEvent names the user events that carry heads.
const headEvent = "h"

const headVersion = 1

var errHead = errors.New("a head that cannot be read")

// appendHead encodes the news that owner's table has reached version: a version octet, then unsigned varints.
func appendHead(dst []byte, owner string, life Life, version uint64) []byte {
	dst = append(dst, headVersion)
	dst = binary.AppendUvarint(dst, uint64(len(owner)))
	dst = append(dst, owner...)
	dst = binary.AppendUvarint(dst, life.Epoch)
	dst = binary.AppendUvarint(dst, life.Nonce)
	return binary.AppendUvarint(dst, version)
}

func parseHead(b []byte) (owner string, life Life, version uint64, err error) {
	if len(b) == 0 || b[0] != headVersion {
		return "", Life{}, 0, errHead
	}
	n, b, ok := uvarint(b[1:])
	if !ok || n > NameMax || n > uint64(len(b)) {
		return "", Life{}, 0, errHead
	}
	owner, b = string(b[:n]), b[n:]
	if !ValidName(owner) {
		return "", Life{}, 0, errHead
	}
	if life.Epoch, b, ok = uvarint(b); !ok {
		return "", Life{}, 0, errHead
	}
	if life.Nonce, b, ok = uvarint(b); !ok {
		return "", Life{}, 0, errHead
	}
	if version, b, ok = uvarint(b); !ok || len(b) != 0 {
		return "", Life{}, 0, errHead
	}
	return owner, life, version, nil
}

func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}
