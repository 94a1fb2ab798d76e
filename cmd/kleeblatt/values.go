package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"kleeblatt/internal/client"
)

const valuesHelp = `
Each further word is a JSON value; key=JSON is a keyword argument. A word that is not JSON, and does not begin
like a JSON object, array or string, is taken as text: hello means "hello".
`

var keywordWord = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$`)

// parsePayload turns words into arguments and keyword arguments.
func parsePayload(words []string) (client.Payload, error) {
	args := []any{}
	kwargs := map[string]any{}
	for _, w := range words {
		if m := keywordWord.FindStringSubmatch(w); m != nil {
			if _, twice := kwargs[m[1]]; twice {
				return client.Payload{}, usagef("the keyword %s is given twice", m[1])
			}
			v, err := parseValue(m[2])
			if err != nil {
				return client.Payload{}, err
			}
			kwargs[m[1]] = v
			continue
		}
		v, err := parseValue(w)
		if err != nil {
			return client.Payload{}, err
		}
		args = append(args, v)
	}
	return client.NewPayload(args, kwargs)
}

// parseValue keeps JSON as it is written, so that no number loses digits.
func parseValue(word string) (any, error) {
	if json.Valid([]byte(word)) {
		return json.RawMessage(word), nil
	}
	if strings.ContainsRune(`{["`, firstRune(strings.TrimSpace(word))) {
		return nil, usagef("%s is not JSON", word)
	}
	return word, nil
}

func firstRune(s string) rune {
	for _, r := range s {
		return r
	}
	return ' '
}

// payloadLine is a payload on standard output; the fields before it are the caller's.
type payloadLine struct {
	Args   json.RawMessage `json:"args"`
	Kwargs json.RawMessage `json:"kwargs"`
}

func newPayloadLine(p client.Payload) (payloadLine, error) {
	args, kwargs, err := p.JSON()
	return payloadLine{args, kwargs}, err
}

// printLine writes v as one line in one write: whoever reads our output sees whole lines, and sees them at once.
func printLine(io stdio, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(io.out, "%s\n", line)
	return err
}
