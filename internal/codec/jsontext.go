package codec

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// The bytes of a JSON string by what they mean to a scan (RFC 8259, 7).
const (
	jsonPlain = iota
	jsonQuote
	jsonEscape
	jsonControl
)

var jsonStringBytes = func() (t [256]uint8) {
	for c := range 0x20 {
		t[c] = jsonControl
	}
	t['"'], t['\\'] = jsonQuote, jsonEscape
	return t
}()

// Eight bytes at a time: each constant holds its byte eight times.
const (
	eight01 = 0x0101010101010101
	eight20 = 0x2020202020202020
	eight80 = 0x8080808080808080
	eight22 = 0x2222222222222222 // '"'
	eight5c = 0x5c5c5c5c5c5c5c5c // '\\'
)

// jsonString walks the string whose opening quote is b[i]. end is behind its closing quote; escaped says whether it holds
// escapes. Escapes are well-formed, but surrogates not necessarily paired: jsonUnescape tells.
func jsonString(b []byte, i int) (end int, escaped bool, why string) {
	i++
	start := i
	var high uint64 // bit 7 of any byte is set: there is something besides ASCII
	for {
		for len(b)-i >= 8 {
			x := binary.LittleEndian.Uint64(b[i:])
			quote, escape := x^eight22, x^eight5c
			// Bit 7 of a byte of v-0x01 &^ v is set where that byte of v is zero (and perhaps above one), alike for less than 0x20.
			if ((x-eight20)&^x|(quote-eight01)&^quote|(escape-eight01)&^escape)&eight80 != 0 {
				break
			}
			high |= x
			i += 8
		}
		for stop := min(i+8, len(b)); i < stop; i++ {
			c := b[i]
			if jsonStringBytes[c] == jsonPlain {
				high |= uint64(c)
				continue
			}
			switch {
			case c == '"':
				if high&eight80 != 0 && !utf8.Valid(b[start:i]) {
					return i, escaped, whyUTF8
				}
				return i + 1, escaped, ""
			case c == '\\':
				n := jsonEscapeLen(b[i:])
				if n == 0 {
					return i, true, whyEscape
				}
				escaped = true
				i += n - 1
			default:
				return i, escaped, whyControl
			}
		}
		if i >= len(b) {
			return len(b), escaped, whyShort
		}
	}
}

// jsonEscapeLen is the length of the escape that b begins with, 0 if it is none.
func jsonEscapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := jsonHex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

// jsonHex4 reads the four hexadecimal digits that b begins with.
func jsonHex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// jsonUnescape appends the text that raw, the inside of a walked string, stands for. It fails on half of a surrogate pair,
// which no UTF-8 text can hold.
func jsonUnescape(dst, raw []byte) ([]byte, bool) {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		switch c = raw[i+1]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, _ := jsonHex4(raw[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				if len(raw)-i < 6 || raw[i] != '\\' || raw[i+1] != 'u' {
					return dst, false
				}
				low, _ := jsonHex4(raw[i+2:])
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					return dst, false
				}
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
			continue
		}
		dst = append(dst, c)
		i += 2
	}
	return dst, true
}

const hexDigits = "0123456789abcdef"

// appendJSONText appends text as a JSON string. Bytes that are not UTF-8 become U+FFFD, so that the output always is JSON.
func appendJSONText[T ~string | ~[]byte](dst []byte, text T) []byte {
	dst = append(dst, '"')
	plain := 0 // text[plain:i] needs no change
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf && jsonStringBytes[c] == jsonPlain {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(string(text[i:min(i+utf8.UTFMax, len(text))]))
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
			dst = append(append(dst, text[plain:i]...), `\ufffd`...)
		} else {
			dst = append(dst, text[plain:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
		}
		i++
		plain = i
	}
	return append(append(dst, text[plain:]...), '"')
}
