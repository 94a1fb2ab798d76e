package main

import (
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"os"
	"strings"

	"kleeblatt/internal/auth"
	"kleeblatt/internal/client"
	"kleeblatt/internal/node"
)

// flags returns an empty flag set for c whose help text goes to standard output.
func (c *command) flags(io stdio) *flag.FlagSet {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(discard{})
	fs.Usage = func() {
		fmt.Fprintf(io.out, "usage: kleeblatt %s\n\n%s\n%s", strings.TrimSpace(c.name+" "+c.args), c.summary, c.help)
		first := true
		fs.VisitAll(func(f *flag.Flag) {
			if first {
				fmt.Fprint(io.out, "\nflags (before or after the other words):\n")
			}
			first = false
			printFlag(io, f)
		})
	}
	return fs
}

// printFlag is one entry of the help text, with the two dashes that this program's texts use.
func printFlag(io stdio, f *flag.Flag) {
	value, usage := flag.UnquoteUsage(f)
	name := "-" + f.Name
	if len(f.Name) > 1 {
		name = "-" + name
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
		usage += " (default " + f.DefValue + ")"
	}
	fmt.Fprintf(io.out, "  %s\n        %s\n", strings.TrimSpace(name+" "+strings.ToUpper(value)), strings.ReplaceAll(usage, "\n", " "))
}

// discard swallows the flag package's own messages: report prints them once.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// parse sets the flags of fs from words, wherever they stand, and returns the other words. Behind "--" no word is a flag, and a
// negative number is none either.
func parse(fs *flag.FlagSet, words []string) ([]string, error) {
	var flags, rest []string
	help := fs.Usage
	fs.Usage = func() {} // not for every mistake
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w == "--" {
			rest = append(rest, words[i+1:]...)
			break
		}
		if !isFlag(w) {
			rest = append(rest, w)
			continue
		}
		flags = append(flags, w)
		if takesValue(fs, w) && i+1 < len(words) {
			i++
			flags = append(flags, words[i])
		}
	}
	switch err := fs.Parse(flags); err {
	case nil:
		return rest, nil
	case flag.ErrHelp:
		help()
		return nil, err
	default:
		return nil, &usageError{err.Error()}
	}
}

func isFlag(word string) bool {
	return len(word) > 1 && word[0] == '-' && !strings.ContainsRune("0123456789.", rune(word[1]))
}

// takesValue reports whether the next word belongs to this flag.
func takesValue(fs *flag.FlagSet, word string) bool {
	name := strings.TrimLeft(word, "-")
	if strings.Contains(name, "=") {
		return false
	}
	f := fs.Lookup(name)
	if f == nil {
		return false
	}
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return !ok || !b.IsBoolFlag()
}

// listFlag is a flag that may be given several times.
type listFlag []string

func (l *listFlag) String() string     { return strings.Join(*l, ",") }
func (l *listFlag) Set(s string) error { *l = append(*l, s); return nil }

const defaultURL = "ws://127.0.0.1:8080/ws"

// dialFlags are the flags that all tools share.
type dialFlags struct {
	urls  listFlag
	realm string

	authID, method, secretFile, caFile string
}

func (d *dialFlags) add(fs *flag.FlagSet) {
	fs.Var(&d.urls, "url", "`URL` of a node: ws, wss, rs (RawSocket), rss or unix; give it several times to name other nodes\n(default "+defaultURL+")")
	fs.StringVar(&d.realm, "realm", client.DefaultRealm, "`REALM` to join")
	fs.StringVar(&d.authID, "authid", "", "`NAME` to join by, with a secret")
	fs.StringVar(&d.method, "authmethod", auth.MethodScramShort, "`METHOD` to prove it by: ticket, wampcra, scram or cryptosign")
	fs.StringVar(&d.secretFile, "secret-file", "", "`FILE` with the ticket, secret, password or (hexadecimal) private key\n(default: the environment's "+secretVariable+")")
	fs.StringVar(&d.caFile, "ca", "", "PEM `FILE` with the certificates that sign those of wss and rss nodes\n(default: the system's)")
}

// roots are the certificates of a file, of those who sign the nodes'.
func roots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, usagef("--ca: %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// secretVariable is where the tools find the secret that is not in a file. It is no flag: those are seen by everybody on a machine.
const secretVariable = "KLEEBLATT_SECRET"

func (d *dialFlags) config() (client.Config, error) {
	urls := []string(d.urls)
	if len(urls) == 0 {
		urls = []string{defaultURL}
	}
	for _, u := range urls {
		if err := client.CheckURL(u); err != nil {
			return client.Config{}, usagef("%v", err)
		}
	}
	c := client.Config{URLs: urls, Realm: d.realm, Agent: "kleeblatt-" + node.Version}
	if d.caFile != "" {
		pool, err := roots(d.caFile)
		if err != nil {
			return c, err
		}
		c.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	secret := os.Getenv(secretVariable)
	if d.secretFile != "" {
		b, err := os.ReadFile(d.secretFile)
		if err != nil {
			return c, err
		}
		secret = strings.TrimRight(string(b), "\r\n")
	}
	switch {
	case d.authID == "" && (d.secretFile == "" || d.method != auth.MethodCryptosign):
		return c, nil
	case secret == "":
		return c, usagef("--authid needs a secret: --secret-file FILE, or %s", secretVariable)
	}
	c.Proof = &auth.Proof{Method: d.method, AuthID: d.authID, Secret: auth.Secret(secret)}
	_, err := c.Proof.Hello(func() uint64 { return 0 }) // a method or key that cannot be is told before anything is dialed
	return c, err
}
