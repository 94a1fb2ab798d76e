package codec

// msgpackHead reads the head of the value at b[i], i < len(b). j is where its content begins.
func msgpackHead(b []byte, i int) (k kind, n uint64, j int) {
	c := b[i]
	switch j = i + 1; {
	case c < 0x80:
		return kUint, uint64(c), j
	case c >= 0xe0:
		return kNeg, uint64(^c), j
	case c < 0x90:
		k, n = kDict, uint64(c&0x0f)
	case c < 0xa0:
		k, n = kList, uint64(c&0x0f)
	case c < 0xc0:
		k, n = kText, uint64(c&0x1f)
	default:
		h := &msgpackHeads[c-0xc0]
		width := int(h.width)
		if len(b)-j < width {
			return kShort, 0, j
		}
		k, n = h.kind, uint64(h.n)
		if width > 0 {
			n = bigEndian(b, j, width)
			j += width
		}
		switch k {
		case kNeg:
			shift := 64 - 8*width
			if v := int64(n<<shift) >> shift; v >= 0 { // a signed encoding of a non-negative integer
				return kUint, uint64(v), j
			} else {
				return kNeg, uint64(^v), j
			}
		case kExt:
			if j == len(b) {
				return kShort, 0, j
			}
			j++ // the extension's type
		}
	}
	return room(k, n, len(b)-j), n, j
}

// msgpackHeads are the heads 0xc0 to 0xdf: the kind, the bytes of its number, and the number where it has no bytes.
var msgpackHeads = [32]struct {
	kind  kind
	width uint8
	n     uint8
}{
	0x00: {kind: kNil},
	0x01: {kind: kReserved},
	0x02: {kind: kBool, n: 0},
	0x03: {kind: kBool, n: 1},
	0x04: {kind: kBytes, width: 1},
	0x05: {kind: kBytes, width: 2},
	0x06: {kind: kBytes, width: 4},
	0x07: {kind: kExt, width: 1},
	0x08: {kind: kExt, width: 2},
	0x09: {kind: kExt, width: 4},
	0x0a: {kind: kFloat32, width: 4},
	0x0b: {kind: kFloat64, width: 8},
	0x0c: {kind: kUint, width: 1},
	0x0d: {kind: kUint, width: 2},
	0x0e: {kind: kUint, width: 4},
	0x0f: {kind: kUint, width: 8},
	0x10: {kind: kNeg, width: 1},
	0x11: {kind: kNeg, width: 2},
	0x12: {kind: kNeg, width: 4},
	0x13: {kind: kNeg, width: 8},
	0x14: {kind: kExt, n: 1},
	0x15: {kind: kExt, n: 2},
	0x16: {kind: kExt, n: 4},
	0x17: {kind: kExt, n: 8},
	0x18: {kind: kExt, n: 16},
	0x19: {kind: kText, width: 1},
	0x1a: {kind: kText, width: 2},
	0x1b: {kind: kText, width: 4},
	0x1c: {kind: kList, width: 2},
	0x1d: {kind: kList, width: 4},
	0x1e: {kind: kDict, width: 2},
	0x1f: {kind: kDict, width: 4},
}

// msgpackWalk walks n values from b[i] on, which lie inside of depth containers. It returns where they end, or why they do not.
func msgpackWalk(b []byte, i int, n uint64, depth int) (int, string) {
	for ; n > 0; n-- {
		if i >= len(b) {
			return i, whyShort
		}
		c := b[i]
		if c < 0x80 || c >= 0xe0 {
			i++
			continue
		}
		if c >= 0xa0 && c < 0xc0 { // a short text, the most common value
			end := i + 1 + int(c&0x1f)
			if end > len(b) {
				return i, whyShort
			}
			if !validText(b[i+1 : end]) {
				return i, whyUTF8
			}
			i = end
			continue
		}
		k, m, j := msgpackHead(b, i)
		switch k {
		case kReserved:
			return i, whyReserved
		case kShort:
			return i, whyShort
		case kText:
			if !validText(b[j : j+int(m)]) {
				return i, whyUTF8
			}
			j += int(m)
		case kBytes, kExt:
			j += int(m)
		case kList, kDict:
			if depth >= DepthMax {
				return i, whyDepth
			}
			if k == kDict {
				m *= 2
			}
			var why string
			if j, why = msgpackWalk(b, j, m, depth+1); why != "" {
				return j, why
			}
		}
		i = j
	}
	return i, ""
}
