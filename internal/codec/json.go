package codec

// jsonSpace skips white space (RFC 8259, 2).
func jsonSpace(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// jsonLiteral walks true, false or null at b[i].
func jsonLiteral(b []byte, i int) (k kind, n uint64, end int, why string) {
	switch rest := b[i:]; {
	case len(rest) >= 4 && string(rest[:4]) == "true":
		return kBool, 1, i + 4, ""
	case len(rest) >= 5 && string(rest[:5]) == "false":
		return kBool, 0, i + 5, ""
	case len(rest) >= 4 && string(rest[:4]) == "null":
		return kNil, 0, i + 4, ""
	}
	return kReserved, 0, i, whyJSON
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// jsonDigits skips digits.
func jsonDigits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

// jsonNumber walks the number at b[i] (RFC 8259, 6). whole says that it has neither fraction nor exponent.
func jsonNumber(b []byte, i int) (end int, whole bool, why string) {
	if b[i] == '-' {
		i++
	}
	start := i
	if i = jsonDigits(b, i); i == start || b[start] == '0' && i > start+1 {
		return i, false, whyNumber
	}
	whole = true
	if i < len(b) && b[i] == '.' {
		whole = false
		start = i + 1
		if i = jsonDigits(b, start); i == start {
			return i, false, whyNumber
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		whole = false
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = jsonDigits(b, i); i == start {
			return i, false, whyNumber
		}
	}
	return i, whole, ""
}

// jsonScalar walks the string, number or literal at b[i], i < len(b).
func jsonScalar(b []byte, i int) (end int, why string) {
	switch c := b[i]; {
	case c == '"':
		end, _, why = jsonString(b, i)
	case c == '-' || isDigit(c):
		end, _, why = jsonNumber(b, i)
	default:
		_, _, end, why = jsonLiteral(b, i)
	}
	return end, why
}

// jsonWalk walks one value from b[i] on, white space before it included, which lies inside of depth containers.
// It returns where it ends, or why it does not.
func jsonWalk(b []byte, i, depth int) (int, string) {
	var (
		dicts uint64 // a bit for each container around here, lowest is innermost: 1 is a dict
		open  int    // how many they are
		why   string
	)
value:
	if i = jsonSpace(b, i); i >= len(b) {
		return i, whyShort
	}
	switch c := b[i]; c {
	case '[', '{':
		if depth+open >= DepthMax {
			return i, whyDepth
		}
		open++
		dicts <<= 1
		i = jsonSpace(b, i+1)
		if i < len(b) && b[i] == c+2 { // in ASCII each closing bracket is its opening one plus two
			if c == '{' {
				dicts |= 1
			}
			goto closed
		}
		if c == '[' {
			goto value
		}
		dicts |= 1
		goto key
	case '"':
		i, _, why = jsonString(b, i)
	default:
		i, why = jsonScalar(b, i)
	}
	if why != "" {
		return i, why
	}
after:
	if open == 0 {
		return i, ""
	}
	if i = jsonSpace(b, i); i >= len(b) {
		return i, whyShort
	}
	switch c := b[i]; {
	case c == ',' && dicts&1 == 0:
		i++
		goto value
	case c == ',':
		i++
		goto key
	case c == ']' && dicts&1 == 0, c == '}' && dicts&1 == 1:
		goto closed
	}
	return i, whyComma
closed:
	i++
	open--
	dicts >>= 1
	goto after
key:
	if i, why = jsonKey(b, i); why != "" {
		return i, why
	}
	goto value
}

// jsonKey walks the key of a pair and the colon behind it.
func jsonKey(b []byte, i int) (int, string) {
	if i = jsonSpace(b, i); i >= len(b) {
		return i, whyShort
	}
	if b[i] != '"' {
		return i, whyKey
	}
	i, _, why := jsonString(b, i)
	if why != "" {
		return i, why
	}
	return jsonColon(b, i)
}

// jsonColon walks the colon behind a key.
func jsonColon(b []byte, i int) (int, string) {
	if i = jsonSpace(b, i); i >= len(b) {
		return i, whyShort
	}
	if b[i] != ':' {
		return i, whyColon
	}
	return i + 1, ""
}
