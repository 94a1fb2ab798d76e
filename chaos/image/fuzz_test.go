package image

import (
	"bytes"
	"debug/elf"
	"testing"
)

// Read takes or refuses any bytes; what it takes holds an image.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if _, err := Write(&b, [][]byte{program(elf.EM_X86_64, false, "text")}, options); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, archive []byte) {
		images, err := Read(bytes.NewReader(archive))
		if (err == nil) != (len(images) > 0) {
			t.Fatalf("%d images, %v", len(images), err)
		}
	})
}
