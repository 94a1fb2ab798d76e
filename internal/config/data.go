package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Data is what a node remembers between its runs: its name, the last epoch that it lived under, and where the other nodes were. It is
// used by one goroutine at a time, KeepPeers by another one. One process at a time has a directory.
//
// Without a directory it remembers for the length of the process only, and the wall clock alone keeps epochs growing over
// restarts.
type Data struct {
	dir   string // "" for none
	name  string
	epoch uint64 // last one given out
	lock  *os.File
}

const (
	dataFile   = "life"
	lockFile   = "lock"
	dataHeader = "kleeblatt life 1"
	dataMax    = 4096 // bytes; the file has three short lines
)

// ErrEpochs means that the epoch cannot grow any further: some node announced one that no clock can have made.
var ErrEpochs = errors.New("the cluster remembers an epoch of this node's name that leaves no higher one: give the node another --name")

// OpenData makes the directory if need be, locks it and reads what is there. dir may be "". It belongs to the first name that
// it was opened with.
func OpenData(dir, name string) (*Data, error) {
	d := &Data{dir: dir, name: name}
	if dir == "" {
		return d, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	var err error
	if d.lock, err = lockDir(filepath.Join(dir, lockFile)); err != nil {
		return nil, fmt.Errorf("data directory %s is in use by another process: give each node its own --data (%w)", dir, err)
	}
	stored, epoch, err := readLife(dir)
	if err == nil && stored != "" && stored != name {
		err = fmt.Errorf("data directory %s belongs to node %s: give --name %s, or %s another --data", dir, stored, stored, name)
	}
	if err != nil {
		d.Close()
		return nil, err
	}
	d.epoch = epoch
	return d, nil
}

// NextEpoch gives an epoch above every one before, above known (what the cluster remembers of this name, 0 for nothing) and not
// below the wall clock's milliseconds. It is on disk when NextEpoch returns, so that it may be announced.
func (d *Data) NextEpoch(known uint64, now time.Time) (uint64, error) {
	last := max(d.epoch, known)
	if last == math.MaxUint64 {
		return 0, ErrEpochs
	}
	epoch := max(last+1, uint64(max(0, now.UnixMilli())))
	if err := d.write(epoch); err != nil {
		return 0, fmt.Errorf("the epoch cannot be kept: %w", err)
	}
	d.epoch = epoch
	return epoch, nil
}

// Close lets another process have the directory.
func (d *Data) Close() error {
	if d.lock == nil {
		return nil
	}
	lock := d.lock
	d.lock = nil
	return lock.Close()
}

func (d *Data) write(epoch uint64) error {
	if d.dir == "" {
		return nil
	}
	return replaceFile(d.dir, dataFile, fmt.Sprintf("%s\nname %s\nepoch %d\n", dataHeader, d.name, epoch))
}

// replaceFile writes a file so that after a crash at any point the old or the new one is there, whole.
func replaceFile(dir, name, text string) error {
	tmp, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	if err == nil {
		err = tmp.Sync()
	}
	if err2 := tmp.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(tmp.Name())
		return err
	}
	return syncDir(dir)
}

// readLife gives "" and 0 where there is nothing yet.
func readLife(dir string) (name string, epoch uint64, err error) {
	path := filepath.Join(dir, dataFile)
	b, err := readBounded(path, dataMax)
	if errors.Is(err, fs.ErrNotExist) {
		return "", 0, nil
	}
	if err != nil {
		return "", 0, err
	}
	name, epoch, err = parseLife(string(b))
	if err != nil {
		return "", 0, fmt.Errorf("%s: %w: restore it, or remove it and give the node another --name", path, err)
	}
	return name, epoch, nil
}

var errLife = errors.New("this is not what a node writes there")

func parseLife(s string) (name string, epoch uint64, err error) {
	lines := strings.Split(s, "\n")
	if len(lines) != 4 || lines[0] != dataHeader || lines[3] != "" {
		return "", 0, errLife
	}
	name, ok1 := strings.CutPrefix(lines[1], "name ")
	number, ok2 := strings.CutPrefix(lines[2], "epoch ")
	epoch, err = strconv.ParseUint(number, 10, 64)
	if !ok1 || !ok2 || err != nil || setName(new(string), name) != nil {
		return "", 0, errLife
	}
	return name, epoch, nil
}

// storedName is the name that a data directory belongs to, "" for none yet.
func storedName(dir string) (string, error) {
	name, _, err := readLife(dir)
	return name, err
}
