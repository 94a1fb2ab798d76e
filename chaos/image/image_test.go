package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kleeblatt/internal/config"
)

// program is the head of a static Linux binary, followed by text. With an interpreter it is a dynamically linked one.
func program(machine elf.Machine, interpreter bool, text string) []byte {
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Ehsize: 64, Phentsize: 56, Phoff: 64, Shentsize: 64,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	p := elf.Prog64{Type: uint32(elf.PT_LOAD)}
	if interpreter {
		p.Type = uint32(elf.PT_INTERP)
	}
	h.Phnum = 1
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, h)
	binary.Write(&b, binary.LittleEndian, p)
	b.WriteString(text)
	return b.Bytes()
}

var options = Options{Name: "kleeblatt", Version: "1.2", Time: time.Unix(1e9, 0)}

func TestWrittenIsRead(t *testing.T) {
	amd, arm := program(elf.EM_X86_64, false, "one"), program(elf.EM_AARCH64, false, "other")
	for _, binaries := range [][][]byte{{amd}, {arm}, {amd, arm}} {
		var b, again bytes.Buffer
		sizes, err := Write(&b, binaries, options)
		if err != nil {
			t.Fatal(err)
		}
		images, err := Read(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if len(images) != len(binaries) || len(sizes) != len(binaries) {
			t.Fatalf("%d binaries, %d images, %d sizes", len(binaries), len(images), len(sizes))
		}
		for i, img := range images {
			if img.Arch != sizes[i].Arch || img.User != "65534:65534" || !slices.Contains(img.Ports, "8080/tcp") {
				t.Errorf("%+v", img)
			}
			if !bytes.Equal(img.Files["kleeblatt"], binaries[i]) {
				t.Errorf("%s: another binary came back", img.Arch)
			}
			if _, ok := img.Files[strings.TrimPrefix(img.Entrypoint[0], "/")]; !ok {
				t.Errorf("%q is not in the image", img.Entrypoint[0])
			}
			if sizes[i].Binary != int64(len(binaries[i])) || sizes[i].Stored() <= sizes[i].Layer || sizes[i].LayerUnpacked <= sizes[i].Binary {
				t.Errorf("sizes: %+v", sizes[i])
			}
		}
		if Write(&again, binaries, options); !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Error("written twice, it is not the same")
		}
	}
}

// The node of a container listens on all addresses. It starts where its user says how it is guarded, and not before.
func TestNode(t *testing.T) {
	var b bytes.Buffer
	if _, err := Write(&b, [][]byte{program(elf.EM_X86_64, false, "")}, options); err != nil {
		t.Fatal(err)
	}
	images, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	img, root := images[0], t.TempDir()
	words := slices.Clone(img.Entrypoint[2:]) // the program and "serve" are before
	file := words[1]
	words[1] = filepath.Join(root, "node.yaml")
	if err := os.WriteFile(words[1], img.Files[strings.TrimPrefix(file, "/")], 0o600); err != nil {
		t.Fatal(err)
	}
	words = append(words, "--data", filepath.Join(root, "data"))
	var problems config.Problems
	if _, err := config.Parse(words); !errors.As(err, &problems) {
		t.Errorf("open to everybody without a word: %v", err)
	}
	c, err := config.Parse(append(words, "--insecure", "--name", "n1"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen[0].Addr != "0.0.0.0:8080" || c.Gossip != "0.0.0.0:7946" || c.Link != "0.0.0.0:7947" || c.Name != "n1" {
		t.Errorf("%+v, gossip %s, link %s", c.Listen, c.Gossip, c.Link)
	}
	if _, ok := img.Files["data/"]; !ok {
		t.Error("there is no folder for the data")
	}
}

func TestRefused(t *testing.T) {
	amd := program(elf.EM_X86_64, false, "")
	for name, binaries := range map[string][][]byte{
		"none":            {},
		"a script":        {[]byte("#!/bin/sh\n")},
		"dynamic":         {program(elf.EM_X86_64, true, "")},
		"other processor": {program(elf.EM_SPARCV9, false, "")},
		"one twice":       {amd, amd},
	} {
		if _, err := Write(io.Discard, binaries, options); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// Whatever is changed in a blob, the index or the layout, Read notices.
func TestBrokenArchive(t *testing.T) {
	var b bytes.Buffer
	if _, err := Write(&b, [][]byte{program(elf.EM_X86_64, false, "text")}, options); err != nil {
		t.Fatal(err)
	}
	files, err := unpack(&b)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{layoutFile, indexFile}
	for name := range files {
		if strings.HasPrefix(name, blobs) {
			names = append(names, name)
		}
	}
	if len(names) != 5 {
		t.Errorf("the layout consists of %q", names)
	}
	for _, name := range names {
		for what, change := range map[string]func(content){
			"missing": func(c content) { delete(c, name) },
			"empty":   func(c content) { c[name] = nil },
			"changed": func(c content) {
				c[name] = bytes.Replace(c[name], []byte("1"), []byte("0"), 1)
				c[name][len(c[name])/2] ^= 1
			},
			"longer": func(c content) { c[name] = append([]byte{'{'}, c[name]...) },
		} {
			broken := content{}
			for k, v := range files {
				broken[k] = slices.Clone(v)
			}
			change(broken)
			if _, err := Read(pack(t, broken)); err == nil {
				t.Errorf("%s %s: not noticed", name, what)
			}
		}
	}
}

func pack(t *testing.T, c content) io.Reader {
	t.Helper()
	var b bytes.Buffer
	a := archive{tar: tar.NewWriter(&b), time: time.Unix(0, 0)}
	for name, text := range c {
		a.file(name, text)
	}
	if err := errors.Join(a.err, a.tar.Close()); err != nil {
		t.Fatal(err)
	}
	return &b
}
