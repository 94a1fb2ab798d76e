package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// nodeYAML is the configuration in the image.
//
//go:embed node.yaml
var nodeYAML []byte

const (
	binaryPath = "kleeblatt"
	configPath = "etc/kleeblatt/node.yaml"
	dataPath   = "data"
	// nobody is the user of that name on all common systems. It stands as a number, as there is no passwd file in the image.
	nobody = 65534
)

// Options say what the image is called and which time all its files have.
type Options struct {
	Name    string // repository, "kleeblatt"
	Version string // tag
	Time    time.Time
}

// Size is what one image of an archive takes, in bytes.
type Size struct {
	Arch                 string
	Binary               int64
	Layer, LayerUnpacked int64 // as stored, and as the tar that it holds
	Manifest, Config     int64
}

// Stored is the sum of what a registry keeps of the image.
func (s Size) Stored() int64 { return s.Layer + s.Manifest + s.Config }

// Write makes an archive of one image per binary, each for the processor that the binary is for. They may not be dynamically linked and
// no two may be for the same processor.
func Write(w io.Writer, binaries [][]byte, o Options) ([]Size, error) {
	if len(binaries) == 0 {
		return nil, errors.New("no binary to make an image of")
	}
	a := archive{tar: tar.NewWriter(w), time: o.Time.UTC().Truncate(time.Second)}
	var sizes []Size
	var manifests []descriptor
	docker := dockerImage{RepoTags: []string{o.Name + ":" + o.Version}}
	for _, b := range binaries {
		arch, err := archOf(b)
		if err != nil {
			return nil, err
		}
		for _, s := range sizes {
			if s.Arch == arch {
				return nil, fmt.Errorf("two binaries for %s", arch)
			}
		}
		d, size, err := a.image(b, arch, o, &docker)
		if err != nil {
			return nil, err
		}
		manifests, sizes = append(manifests, d), append(sizes, size)
	}
	top := manifests[0]
	if len(manifests) > 1 {
		var err error
		if top, err = a.json(typeIndex, index{2, typeIndex, manifests}); err != nil {
			return nil, err
		}
	}
	top.Annotations = map[string]string{annotationRef: o.Version, annotationName: o.Name + ":" + o.Version}
	a.file(layoutFile, marshal(layout{layoutVersion}))
	a.file(indexFile, marshal(index{2, typeIndex, []descriptor{top}}))
	if len(manifests) == 1 {
		a.file(dockerFile, marshal([]dockerImage{docker}))
	}
	return sizes, errors.Join(a.err, a.tar.Close())
}

// archOf is the processor that a static Linux binary is for, as OCI names it.
func archOf(binary []byte) (string, error) {
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		return "", fmt.Errorf("no Linux binary: %w", err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return "", errors.New("the binary is dynamically linked; build it with CGO_ENABLED=0")
		}
	}
	switch f.Machine {
	case elf.EM_X86_64:
		return "amd64", nil
	case elf.EM_AARCH64:
		return "arm64", nil
	}
	return "", fmt.Errorf("no image for %v", f.Machine)
}

// archive is the tar file that is being written. The first error sticks.
type archive struct {
	tar  *tar.Writer
	time time.Time
	err  error
}

func (a *archive) image(binary []byte, arch string, o Options, docker *dockerImage) (descriptor, Size, error) {
	unpacked, err := a.layer(binary)
	if err != nil {
		return descriptor{}, Size{}, err
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = zip.Write(unpacked)
		err = errors.Join(err, zip.Close())
	}
	if err != nil {
		return descriptor{}, Size{}, err
	}
	layer := a.blob(typeLayer, packed.Bytes())
	on := platform{arch, "linux"}
	config, err := a.json(typeConfig, configuration{
		Created: a.time, platform: on,
		Config:  run(o),
		RootFS:  rootFS{"layers", []string{digestOf(unpacked)}},
		History: []history{{a.time, "kleeblatt-chaos image"}},
	})
	if err != nil {
		return descriptor{}, Size{}, err
	}
	d, err := a.json(typeManifest, manifest{2, typeManifest, config, []descriptor{layer}})
	d.Platform = &on
	docker.Config, docker.Layers = blobPath(config.Digest), []string{blobPath(layer.Digest)}
	return d, Size{
		Arch: arch, Binary: int64(len(binary)), Layer: layer.Size, LayerUnpacked: int64(len(unpacked)),
		Manifest: d.Size, Config: config.Size,
	}, err
}

// run is what a container of the image does. The configuration is named in the entry point, so that words behind the image's name are
// options of serve, and a second --config takes its place.
func run(o Options) execution {
	return execution{
		User:         fmt.Sprintf("%d:%d", nobody, nobody),
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "7946/tcp": {}, "7946/udp": {}, "7947/tcp": {}},
		Entrypoint:   []string{"/" + binaryPath, "serve", "--config", "/" + configPath},
		Volumes:      map[string]struct{}{"/" + dataPath: {}},
		WorkingDir:   "/" + dataPath,
		Labels: map[string]string{
			"org.opencontainers.image.title":    "kleeblatt",
			"org.opencontainers.image.version":  o.Version,
			"org.opencontainers.image.licenses": "MIT",
		},
		StopSignal: "SIGTERM",
	}
}

// layer is the image's file system.
func (a *archive) layer(binary []byte) ([]byte, error) {
	var b bytes.Buffer
	l := archive{tar: tar.NewWriter(&b), time: a.time}
	l.folder(dataPath+"/", 0o700, nobody)
	l.folder("etc/", 0o755, 0)
	l.folder("etc/kleeblatt/", 0o755, 0)
	l.entry(&tar.Header{Name: configPath, Mode: 0o644}, nodeYAML)
	l.entry(&tar.Header{Name: binaryPath, Mode: 0o755}, binary)
	err := errors.Join(l.err, l.tar.Close())
	return b.Bytes(), err
}

func (a *archive) folder(name string, mode int64, owner int) {
	a.entry(&tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: mode, Uid: owner, Gid: owner}, nil)
}

func (a *archive) file(name string, b []byte) { a.entry(&tar.Header{Name: name, Mode: 0o644}, b) }

func (a *archive) entry(h *tar.Header, b []byte) {
	if a.err != nil {
		return
	}
	h.Size, h.ModTime, h.Format = int64(len(b)), a.time, tar.FormatUSTAR
	if a.err = a.tar.WriteHeader(h); a.err == nil {
		_, a.err = a.tar.Write(b)
	}
}

// blob adds content under its digest.
func (a *archive) blob(mediaType string, b []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digestOf(b), Size: int64(len(b))}
	a.file(blobPath(d.Digest), b)
	return d
}

func (a *archive) json(mediaType string, v any) (descriptor, error) {
	d := a.blob(mediaType, marshal(v))
	return d, a.err
}

// marshal is for this package's own types, which can all be written.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("a type of the image specification cannot be written: " + err.Error())
	}
	return b
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return digestPrefix + hex.EncodeToString(sum[:])
}

const digestPrefix = "sha256:"

func blobPath(digest string) string { return blobs + digest[len(digestPrefix):] }
