package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
)

// archiveMax is more than any archive of ours; it keeps Read from taking the memory that a broken one asks for.
const archiveMax = 1 << 30

// Image is one platform's image as Read finds it.
type Image struct {
	Arch       string
	User       string
	Entrypoint []string
	Ports      []string
	Files      map[string][]byte // of the layer; a folder's name ends with a slash
}

// Read reads an archive back and checks it against the specification: layout, media types, digests and sizes of all blobs, the
// digest of the unpacked layer, paths, platforms. The manifest.json beside the layout is no part of it and is not looked at. It keeps
// nothing of r.
func Read(r io.Reader) ([]Image, error) {
	files, err := unpack(io.LimitReader(r, archiveMax))
	if err != nil {
		return nil, err
	}
	var l layout
	if err := decode(files[layoutFile], &l); err != nil || l.Version != layoutVersion {
		return nil, fmt.Errorf("%s: version %q, %v", layoutFile, l.Version, err)
	}
	var top index
	if err := decode(files[indexFile], &top); err != nil {
		return nil, fmt.Errorf("%s: %w", indexFile, err)
	}
	return files.index(top, 0)
}

type content map[string][]byte

// index reads the images of an index, which may hold another one.
func (c content) index(x index, depth int) ([]Image, error) {
	if x.SchemaVersion != 2 || x.MediaType != typeIndex || len(x.Manifests) == 0 || depth > 1 {
		return nil, fmt.Errorf("no index of images: schema %d, %s, %d manifests", x.SchemaVersion, x.MediaType, len(x.Manifests))
	}
	var images []Image
	for _, d := range x.Manifests {
		b, err := c.blob(d)
		if err != nil {
			return nil, err
		}
		if d.MediaType == typeIndex {
			var nested index
			if err := decode(b, &nested); err != nil {
				return nil, err
			}
			more, err := c.index(nested, depth+1)
			if err != nil {
				return nil, err
			}
			images = append(images, more...)
			continue
		}
		one, err := c.image(d, b)
		if err != nil {
			return nil, err
		}
		images = append(images, one)
	}
	return images, nil
}

func (c content) image(d descriptor, b []byte) (Image, error) {
	var m manifest
	if err := decode(b, &m); err != nil {
		return Image{}, err
	}
	if d.MediaType != typeManifest || m.MediaType != typeManifest || m.SchemaVersion != 2 || m.Config.MediaType != typeConfig {
		return Image{}, fmt.Errorf("no manifest: %s, %s, config %s", d.MediaType, m.MediaType, m.Config.MediaType)
	}
	b, err := c.blob(m.Config)
	if err != nil {
		return Image{}, err
	}
	var k configuration
	if err := decode(b, &k); err != nil {
		return Image{}, err
	}
	switch {
	case d.Platform == nil || *d.Platform != k.platform:
		return Image{}, fmt.Errorf("platform %v, but the configuration is for %v", d.Platform, k.platform)
	case k.RootFS.Type != "layers" || len(k.RootFS.DiffIDs) != len(m.Layers) || len(k.History) != len(m.Layers):
		return Image{}, fmt.Errorf("%d layers, %d digests, %d steps of history", len(m.Layers), len(k.RootFS.DiffIDs), len(k.History))
	}
	img := Image{Arch: k.Architecture, User: k.Config.User, Entrypoint: k.Config.Entrypoint, Files: map[string][]byte{}}
	for p := range k.Config.ExposedPorts {
		img.Ports = append(img.Ports, p)
	}
	for i, l := range m.Layers {
		files, err := c.layer(l, k.RootFS.DiffIDs[i])
		if err != nil {
			return Image{}, err
		}
		for name, b := range files {
			img.Files[name] = b
		}
	}
	return img, nil
}

func (c content) layer(d descriptor, diffID string) (content, error) {
	packed, err := c.blob(d)
	if err != nil {
		return nil, err
	}
	if d.MediaType != typeLayer {
		return nil, fmt.Errorf("a layer of type %s", d.MediaType)
	}
	zip, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(zip, archiveMax))
	if err != nil {
		return nil, err
	}
	if got := digestOf(b); got != diffID {
		return nil, fmt.Errorf("the unpacked layer is %s, the configuration says %s", got, diffID)
	}
	return unpack(bytes.NewReader(b))
}

var digestShape = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// blob is the content that d describes.
func (c content) blob(d descriptor) ([]byte, error) {
	if !digestShape.MatchString(d.Digest) {
		return nil, fmt.Errorf("%q is no digest", d.Digest)
	}
	b, ok := c[blobPath(d.Digest)]
	switch {
	case !ok:
		return nil, fmt.Errorf("there is no blob %s", d.Digest)
	case int64(len(b)) != d.Size || digestOf(b) != d.Digest:
		return nil, fmt.Errorf("blob %s has %d bytes and digest %s, want %d bytes", d.Digest, len(b), digestOf(b), d.Size)
	}
	return b, nil
}

// unpack reads a tar file whole.
func unpack(r io.Reader) (content, error) {
	files := content{}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if clean := path.Clean("/" + h.Name); clean[1:] != strings.TrimSuffix(h.Name, "/") || files[h.Name] != nil {
			return nil, fmt.Errorf("%q is a path twice or none of a layer", h.Name)
		}
		b, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		files[h.Name] = b
	}
}

// decode reads one JSON value of a known shape.
func decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
