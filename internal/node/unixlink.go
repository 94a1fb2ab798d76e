package node

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"kleeblatt/internal/config"
)

// Nodes on one host link over a Unix socket: no checksums, no loss, about half of the price. Each node binds one and tells its name, behind
// a token of the host, so that nobody tries it from elsewhere. On Linux the name is an abstract one: it goes with the process, however
// that ends, and is seen within the network namespace alone, so that what cuts two namespaces off from each other cuts this, too.
// Elsewhere it is a file in the directory for temporary files.

// hostToken is the same for all processes of one boot of one host.
func hostToken() string {
	h := sha256.New()
	for _, f := range []string{"/etc/machine-id", "/proc/sys/kernel/random/boot_id"} {
		b, err := os.ReadFile(f)
		if err == nil {
			h.Write(b)
		}
	}
	if name, err := os.Hostname(); err == nil {
		h.Write([]byte(name))
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// viaUnix says whether this node links over Unix sockets at all.
func (n *Node) viaUnix() bool { return n.cfg.SameHost != config.OverTCP && !n.hooks.noUnix }

// listenUnix binds the socket and returns what the others are told, "" where there is none. Links work without it.
func (n *Node) listenUnix() string {
	if runtime.GOOS == "windows" || n.link == "" || !n.viaUnix() {
		return ""
	}
	path, err := n.socketName()
	if err == nil {
		_, err = n.server.ListenLink("unix://" + path)
	}
	if err != nil {
		n.log.Debug("no Unix socket for links", "err", err)
		return ""
	}
	if n.hooks.linkUnix != nil {
		path = n.hooks.linkUnix(path)
	}
	return hostToken() + ":" + path
}

// abstractSockets says that a socket's name may begin with @ and is no file then.
const abstractSockets = runtime.GOOS == "linux"

// socketName is a name that nobody else uses. A file's directory is removed when the node ends.
func (n *Node) socketName() (string, error) {
	if abstractSockets {
		return fmt.Sprintf("@kleeblatt-%016x%016x", cryptoRand(), cryptoRand()), nil
	}
	dir, err := os.MkdirTemp("", "kleeblatt-")
	if err != nil {
		return "", err
	}
	n.unixDir = dir
	return filepath.Join(dir, "link"), nil
}

// unixPath is where to dial a peer over a Unix socket, "" where it is on another host or its socket is not to be seen from here.
func unixPath(told string) string {
	token, path, ok := strings.Cut(told, ":")
	if !ok || token != hostToken() {
		return ""
	}
	if strings.HasPrefix(path, "@") {
		if !abstractSockets {
			return ""
		}
		return path // whether it is in our namespace only a dial can tell
	}
	if st, err := os.Stat(path); err != nil || st.Mode()&os.ModeSocket == 0 {
		return ""
	}
	return path
}
