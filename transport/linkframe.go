package transport

import "encoding/binary"

// consumeLink handles the whole link frames at the beginning of p and returns how many bytes they took.
func (l *loop) consumeLink(c *conn, p []byte) int {
	used := 0
	for len(p)-used >= 4 {
		size := int64(binary.BigEndian.Uint32(p[used:]))
		if size > int64(c.limit) {
			l.fail(c, ErrMessageTooLarge)
			return used
		}
		if size > int64(len(p)-used-4) {
			return used
		}
		end := used + 4 + int(size)
		msg := p[used+4 : end : end]
		used = end
		if !l.received(c, msg) {
			return used
		}
	}
	return used
}
