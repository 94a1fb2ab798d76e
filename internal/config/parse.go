package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"

	"kleeblatt/internal/auth"
)

// env is what the machine adds; tests bring their own.
type env struct {
	hostname func() (string, error)
	suffix   func() string
	cpus     func() int
}

func systemEnv() env {
	return env{
		hostname: os.Hostname,
		suffix:   randomSuffix,
		cpus:     func() int { return runtime.GOMAXPROCS(0) },
	}
}

// randomSuffix tells nodes on one host apart: 5 letters of 32 are 33 million.
func randomSuffix() string {
	const letters = "0123456789abcdefghjkmnpqrstvwxyz"
	var b [5]byte
	for i := range b {
		b[i] = letters[rand.N(len(letters))]
	}
	return string(b[:])
}

func parse(words []string, e env) (Config, error) {
	p := newParser(e)
	file, fromFlags, err := p.args(words)
	if err != nil {
		return Config{}, err
	}
	var fromFile []assignment
	if file != "" {
		p.config.File = file
		text, err := readBounded(file, fileMax)
		if err != nil {
			p.fail(place{flag: "--" + configFlag}, "%v", err)
		} else {
			fromFile = p.file(file, text)
		}
	}
	p.defaults()
	p.assign(fromFile)
	p.assign(fromFlags)
	p.limitRealms()
	p.formulas()
	p.files()
	p.rules()
	if len(p.problems) > 0 {
		return Config{}, p.problems.sorted()
	}
	return p.config, nil
}

// defaults sets what does not depend on anything else; a source that sets an option replaces its default.
func (p *parser) defaults() {
	for i := range options {
		o := &options[i]
		if formulas[o.key] {
			continue
		}
		if err := o.set(&p.config, o.def); err != nil {
			panic("config: the default of " + o.key + " is refused: " + err.Error())
		}
	}
}

// assign sets the values of one source. Its lists replace those that were there.
func (p *parser) assign(as []assignment) {
	begun := map[string]bool{}
	for _, a := range as {
		if !begun[a.opt.key] || !a.opt.list {
			begun[a.opt.key] = true
			p.at[a.opt.key] = nil
			if a.opt.list {
				p.clear(a.opt.key)
			}
		}
		p.at[a.opt.key] = append(p.at[a.opt.key], a.at)
		if a.empty {
			continue
		}
		if err := a.opt.set(&p.config, a.value); err != nil {
			if a.at.line > 0 {
				err = fmt.Errorf("%s: %w", a.opt.key, err)
			}
			p.fail(a.at, "%v", err)
		}
	}
}

func (p *parser) clear(key string) {
	c := &p.config
	switch key {
	case "listen":
		c.Listen = nil
	case "history":
		c.Histories = nil
	case "realm":
		c.Realms = nil
	case "allowed_origins":
		c.AllowedOrigins = nil
	case "join":
		c.Join = nil
	case "admin_hosts":
		c.AdminHosts = nil
	}
}

// formulas computes the defaults that depend on something.
func (p *parser) formulas() {
	c := &p.config
	if c.Admin == off {
		c.Admin = ""
	}
	if c.Gossip == off {
		c.Gossip = ""
	}
	if len(p.at["anonymous"]) == 0 && len(c.Users)+len(c.Authenticators) == 0 {
		c.Anonymous = auth.RoleAnonymous
	}
	if c.Workers == 0 {
		c.Workers = min(p.env.cpus(), workersMax)
	}
	if c.Name == "" && len(p.at["name"]) == 0 {
		name, err := p.defaultName()
		if err != nil {
			p.fail(p.where("data", 0), "%v", err)
		}
		c.Name = name
	}
	if c.Link == "" && c.Gossip != "" && checkHostPort(c.Gossip) == nil {
		link, err := nextPort(c.Gossip)
		if err != nil {
			p.fail(p.where("gossip", 0), "%v", err)
		}
		c.Link = link
	}
}

// defaultName is the name that the data directory remembers, or the host's with a suffix that tells its nodes apart.
func (p *parser) defaultName() (string, error) {
	if p.config.Data != "" {
		name, err := storedName(p.config.Data)
		if name != "" || err != nil {
			return name, err
		}
	}
	host, _ := p.env.hostname()
	host, _, _ = strings.Cut(strings.ToLower(host), ".")
	host = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-' {
			return r
		}
		return -1
	}, host)
	if host == "" {
		host = "node"
	}
	const hostMax = 40 // of swim.NameMax
	return host[:min(len(host), hostMax)] + "-" + p.env.suffix(), nil
}

// files reads what the configuration points at.
func (p *parser) files() {
	c := &p.config
	switch {
	case c.Cert != "" && c.Key != "":
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			p.fail(p.where("cert", 0), "certificate and key cannot be used: %v", err)
			break
		}
		c.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	case c.Cert != "":
		p.fail(p.where("cert", 0), "a certificate needs its --key FILE")
	case c.Key != "":
		p.fail(p.where("key", 0), "a key needs its --cert FILE")
	}
	p.clientCA()
	if c.ClusterKeyFile == "" {
		return
	}
	key, err := readBounded(c.ClusterKeyFile, clusterKeyMax)
	if err != nil {
		p.fail(p.where("cluster_key_file", 0), "%v", err)
		return
	}
	if key = []byte(strings.TrimSpace(string(key))); len(key) < clusterKeyMin {
		p.fail(p.where("cluster_key_file", 0), "the key in %s has %d bytes, at least %d are needed: head -c 32 /dev/urandom | base64 > %s",
			c.ClusterKeyFile, len(key), clusterKeyMin, c.ClusterKeyFile)
		return
	}
	c.ClusterKey = key
	if st, err := os.Stat(c.ClusterKeyFile); err == nil && runtime.GOOS != "windows" && st.Mode().Perm()&0o004 != 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("every user of this machine can read the cluster key: chmod o-r %s", c.ClusterKeyFile))
	}
}

// clientCA makes the TLS ports look at the certificates of clients that have one.
func (p *parser) clientCA() {
	c := &p.config
	switch {
	case c.ClientCA == "":
		return
	case c.TLS == nil:
		p.fail(p.where("client_ca", 0), "clients show certificates over TLS alone: it needs --cert FILE and --key FILE")
		return
	}
	pem, err := readBounded(c.ClientCA, fileMax)
	if err != nil {
		p.fail(p.where("client_ca", 0), "%v", err)
		return
	}
	c.TLS.ClientCAs, c.TLS.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
	if !c.TLS.ClientCAs.AppendCertsFromPEM(pem) {
		p.fail(p.where("client_ca", 0), "%s holds no certificate in PEM", c.ClientCA)
	}
}

// clusterKeyMin bytes resist guessing when they are random; clusterKeyMax keeps a wrong file from being taken for a key.
const (
	clusterKeyMin = 16
	clusterKeyMax = 4096
)

func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			return nil, fmt.Errorf("%s cannot be read: %w", path, pe.Err)
		}
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s is larger than %s", path, formatBytes(most))
	}
	return b, nil
}

// rules checks what concerns several options at once.
func (p *parser) rules() {
	c := &p.config
	p.listenRules()
	p.clusterRules()
	p.roleRules()
	if c.Admin != "" && !c.Insecure && checkHostPort(c.Admin) == nil && !isLoopback(c.Admin) {
		p.fail(p.where("admin", 0), "%s would show the node's state to everybody who reaches it: bind it to 127.0.0.1, or say --insecure", c.Admin)
	}
	if c.Limits.FirstMessageBytes > c.Limits.MessageBytes {
		p.fail(p.where("limits.first_message", 0), "%s before WELCOME are more than the %s of limits.message after it",
			formatBytes(int64(c.Limits.FirstMessageBytes)), formatBytes(int64(c.Limits.MessageBytes)))
	}
	p.realmRules()
	p.authenticatorRules()
	p.historyRules()
	if c.Anonymous == "" && len(c.Users)+len(c.Authenticators) == 0 {
		p.fail(p.where("anonymous", 0), "nobody could join: name users in the file, or let anonymous clients in")
	}
	for _, r := range c.Roles {
		if a := r.Authorizer; a != nil && a.Realm != "" && !p.serves(a.Realm) {
			p.fail(p.rolesAt[r.Name], "role %s asks an authorizer in realm %s, which is not served here", r.Name, a.Realm)
		}
	}
}

func (p *parser) listenRules() {
	c := &p.config
	if len(c.Listen) == 0 {
		p.fail(p.where("listen", 0), "at least one port for clients is needed")
	}
	seen := map[string]bool{}
	for i, l := range c.Listen {
		at := p.where("listen", i)
		if l.URL == "" {
			continue // reported
		}
		if l.TLS() && c.Cert == "" {
			p.fail(at, "%s needs --cert FILE and --key FILE", l.URL)
		}
		if l.Scheme != "unix" && !c.Insecure && !isLoopback(l.Addr) && c.Anonymous != "" {
			p.fail(at, "%s would let everybody in who reaches it, without authentication: bind it to 127.0.0.1, name users in the file, or say --insecure", l.URL)
		}
		if _, port, _ := net.SplitHostPort(l.Addr); port != "0" {
			if seen[l.Addr] {
				p.fail(at, "%s is given twice", l.Addr)
			}
			seen[l.Addr] = true
		}
	}
}

func (p *parser) clusterRules() {
	c := &p.config
	if c.Gossip == "" {
		for _, key := range []string{"link", "join", "advertise"} {
			if len(p.at[key]) > 0 {
				p.fail(p.where(key, 0), "a cluster needs an address of this node for --gossip, which is off")
			}
		}
		return
	}
	if c.ClusterKeyFile != "" || c.Insecure {
		return
	}
	for _, a := range []struct{ key, addr string }{{"gossip", c.Gossip}, {"link", c.Link}} {
		if a.addr != "" && checkHostPort(a.addr) == nil && !isLoopback(a.addr) && (a.key == "gossip" || len(p.at["link"]) > 0) {
			p.fail(p.where(a.key, 0), "%s would let everybody join the cluster who reaches it: give --cluster-key-file FILE, or say --insecure", a.addr)
		}
	}
}
