package scenario

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"

	"kleeblatt/chaos/image"
)

// sizes weighs the program and the image that is made of it, and of the slim build where it lies beside it.
func sizes(_ context.Context, l *lab) error {
	for _, name := range []string{"", "slim "} {
		file := l.system.Path()
		if name != "" {
			file = filepath.Join(filepath.Dir(file), "kleeblatt-slim")
		}
		binary, err := os.ReadFile(file)
		if name != "" && os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		l.figure(name+"binary", float64(len(binary)), "bytes", 1)
		if runtime.GOOS != "linux" {
			continue
		}
		var b bytes.Buffer
		made, err := image.Write(&b, [][]byte{binary}, image.Options{Name: "kleeblatt", Version: "0"})
		if err != nil {
			return err
		}
		l.figure(name+"image, uncompressed", float64(made[0].LayerUnpacked), "bytes", 1)
		l.figure(name+"image, as it is stored", float64(made[0].Stored()), "bytes", 1)
	}
	return nil
}
