package codec

const cborBreak = 0xff

// cborHead reads the head of the data item at b[i], i < len(b) (RFC 8949, 3). j is where its content begins.
func cborHead(b []byte, i int) (k kind, n uint64, j int) {
	major, info := b[i]>>5, int(b[i]&0x1f)
	j = i + 1
	switch {
	case info < 24:
		n = uint64(info)
	case info < 28:
		width := 1 << (info - 24)
		if len(b)-j < width {
			return kShort, 0, j
		}
		n = bigEndian(b, j, width)
		j += width
	case info < 31:
		return kReserved, 0, j
	default:
		switch major {
		case 2, 3, 4, 5:
			return cborKinds[major], indefinite, j
		case 7:
			return kBreak, 0, j
		}
		return kReserved, 0, j
	}
	if major == 7 {
		k, n = cborSimple(info, n)
		return k, n, j
	}
	k = cborKinds[major]
	return room(k, n, len(b)-j), n, j
}

var cborKinds = [7]kind{kUint, kNeg, kBytes, kText, kList, kDict, kTag}

// cborSimple tells the values of major type 7 apart (RFC 8949, 3.3).
func cborSimple(info int, n uint64) (kind, uint64) {
	switch info {
	case 20, 21:
		return kBool, n - 20
	case 22:
		return kNil, 0
	case 23:
		return kUndefined, 0
	case 24:
		if n < 32 { // has a shorter form, hence no meaning in this one
			return kReserved, 0
		}
	case 25:
		return kFloat16, n
	case 26:
		return kFloat32, n
	case 27:
		return kFloat64, n
	}
	return kSimple, n
}

// cborWalk walks n data items from b[i] on, which lie inside of depth containers. It returns where they end, or why they do not.
func cborWalk(b []byte, i int, n uint64, depth int) (int, string) {
	for ; n > 0; n-- {
		if i >= len(b) {
			return i, whyShort
		}
		if c := b[i]; c < 0x18 || c >= 0x20 && c < 0x38 { // small integers
			i++
			continue
		}
		k, m, j := cborHead(b, i)
		why := ""
		switch k {
		case kReserved:
			return i, whyReserved
		case kShort:
			return i, whyShort
		case kBreak:
			return i, whyBreak
		case kText, kBytes:
			if m == indefinite {
				j, why = cborChunks(b, j, k)
				break
			}
			if k == kText && !validText(b[j:j+int(m)]) {
				return i, whyUTF8
			}
			j += int(m)
		case kList, kDict, kTag:
			if depth >= DepthMax {
				return i, whyDepth
			}
			j, why = cborInside(b, j, k, m, depth+1)
		}
		if why != "" {
			return j, why
		}
		i = j
	}
	return i, ""
}

// cborInside walks the content of a list, dict or tag whose head said n.
func cborInside(b []byte, i int, k kind, n uint64, depth int) (int, string) {
	each := uint64(1)
	if k == kDict {
		each = 2
	}
	switch {
	case k == kTag:
		return cborWalk(b, i, 1, depth)
	case n != indefinite:
		return cborWalk(b, i, n*each, depth)
	}
	for {
		if i >= len(b) {
			return i, whyShort
		}
		if b[i] == cborBreak {
			return i + 1, ""
		}
		var why string
		if i, why = cborWalk(b, i, each, depth); why != "" {
			return i, why
		}
	}
}

// cborChunks walks the chunks of a string of indefinite length up to its break; each is a definite string of the same
// kind, and UTF-8 on its own (RFC 8949, 3.2.3).
func cborChunks(b []byte, i int, of kind) (int, string) {
	for {
		if i >= len(b) {
			return i, whyShort
		}
		k, n, j := cborHead(b, i)
		switch {
		case k == kBreak:
			return j, ""
		case k == kShort:
			return i, whyShort
		case k != of || n == indefinite:
			return i, whyChunk
		case k == kText && !validText(b[j:j+int(n)]):
			return i, whyUTF8
		}
		i = j + int(n)
	}
}

// appendCBORChunks appends the content of a walked string of indefinite length whose first chunk stands at b[i].
func appendCBORChunks(dst, b []byte, i int) []byte {
	for b[i] != cborBreak {
		_, n, j := cborHead(b, i)
		i = j + int(n)
		dst = append(dst, b[j:i]...)
	}
	return dst
}
