package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"kleeblatt/chaos/image"
)

const imageUsage = `usage: kleeblatt-chaos image [--binary FILE]… [--out FILE] [--FLAG VALUE]…

Makes an OCI image archive of static Linux binaries of kleeblatt, one per processor, without a container engine:

  kleeblatt-chaos image --binary bin/linux-amd64/kleeblatt --binary bin/linux-arm64/kleeblatt --out bin/kleeblatt.oci.tar
  podman load -i bin/kleeblatt.oci.tar       (or docker load, skopeo copy oci-archive:…)
  podman run -p 8080:8080 kleeblatt:VERSION --insecure

A container listens on all addresses, so it wants users or a cluster key, or the word --insecure, like every node. The same binaries give
the same bytes; files have the time in SOURCE_DATE_EPOCH, if it is set.

`

// imageArchive makes a container's image out of binaries.
func imageArchive(words []string, out, complaints io.Writer) int {
	var binaries []string
	o := image.Options{Time: time.Unix(0, 0)}
	var file string
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	flags.Func("binary", "static Linux binary `FILE` of kleeblatt; one per processor (default the one beside this program)", func(v string) error {
		binaries = append(binaries, v)
		return nil
	})
	flags.StringVar(&file, "out", "bin/kleeblatt.oci.tar", "`FILE` to write")
	flags.StringVar(&o.Name, "name", "kleeblatt", "`NAME` of the image")
	flags.StringVar(&o.Version, "tag", version, "`TAG` of the image")
	if status, ok := parseFlags(flags, words, imageUsage, out, complaints); !ok {
		return status
	}
	if flags.NArg() > 0 {
		fmt.Fprintln(complaints, "image takes flags only")
		return 2
	}
	if s := os.Getenv("SOURCE_DATE_EPOCH"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			fmt.Fprintf(complaints, "SOURCE_DATE_EPOCH is no number of seconds: %q\n", s)
			return 2
		}
		o.Time = time.Unix(n, 0)
	}
	if len(binaries) == 0 {
		binaries = []string{besides("kleeblatt")}
	}
	if err := writeImage(binaries, file, o, out); err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}

func writeImage(binaries []string, file string, o image.Options, out io.Writer) error {
	contents := make([][]byte, len(binaries))
	for i, name := range binaries {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		contents[i] = b
	}
	var b bytes.Buffer
	sizes, err := image.Write(&b, contents, o)
	if err != nil {
		return err
	}
	if _, err := image.Read(bytes.NewReader(b.Bytes())); err != nil {
		return fmt.Errorf("the archive cannot be read back: %w", err)
	}
	total := b.Len()
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return err
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "bytes\tbinary\tunpacked\tlayer\tmanifest\tconfig\tstored\t")
	for _, s := range sizes {
		fmt.Fprintf(t, "linux/%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", s.Arch, s.Binary, s.LayerUnpacked, s.Layer, s.Manifest, s.Config, s.Stored())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s: %s:%s, %d bytes\n", file, o.Name, o.Version, total)
	return err
}
