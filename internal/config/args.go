package config

import (
	"flag"
	"strings"
)

// configFlag names the file; it is the only flag that is no key.
const configFlag = "config"

// args reads the command line. It goes on after a mistake, so that all of them are told.
func (p *parser) args(words []string) (file string, out []assignment, err error) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		name, value, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !strings.HasPrefix(word, "-") || name == "" {
			p.fail(place{flag: word}, "is not expected here: every value belongs to a flag")
			continue
		}
		if name == "h" || name == "help" {
			return "", nil, flag.ErrHelp
		}
		at := place{flag: "--" + name}
		opt := findFlag(name)
		if opt == nil && name != configFlag {
			p.fail(at, "there is no such flag%s", didYouMean("--"+name, flagNames()))
			if !hasValue && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
				words = words[1:] // its value, presumably
			}
			continue
		}
		isSwitch := opt != nil && opt.arg == ""
		switch {
		case hasValue:
		case isSwitch:
			value = "true"
		case len(words) == 0:
			p.fail(at, "its value is missing")
			continue
		default:
			value, words = words[0], words[1:]
		}
		if opt == nil {
			file = value
			continue
		}
		out = append(out, assignment{opt: opt, value: value, at: at})
	}
	return file, out, nil
}

func findFlag(name string) *option {
	for i := range options {
		if options[i].flag() == name {
			return &options[i]
		}
	}
	return nil
}

func flagNames() []string {
	names := []string{"--" + configFlag}
	for i := range options {
		names = append(names, "--"+options[i].flag())
	}
	return names
}
