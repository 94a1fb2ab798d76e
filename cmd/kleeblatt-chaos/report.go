package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kleeblatt/chaos/report"
)

const reportUsage = `usage: kleeblatt-chaos report [--FLAG VALUE]… DIR

Makes a page for a browser and a text of all raw files in DIR.

`

// makeReport makes the page and the text.
func makeReport(words []string, out, complaints io.Writer) int {
	var page, text string
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.StringVar(&page, "page", "", "`FILE` for the page (default DIR/report.html)")
	flags.StringVar(&text, "text", "", "`FILE` for the text (default DIR/RESULTS.md)")
	if status, ok := parseFlags(flags, words, reportUsage, out, complaints); !ok {
		return status
	}
	if flags.NArg() != 1 {
		fmt.Fprintln(complaints, "report takes flags, then one folder")
		return 2
	}
	if err := writeReport(flags.Arg(0), page, text, out); err != nil {
		fmt.Fprintln(complaints, err)
		return 1
	}
	return 0
}

func writeReport(dir, page, text string, out io.Writer) error {
	if page == "" {
		page = filepath.Join(dir, "report.html")
	}
	if text == "" {
		text = filepath.Join(dir, "RESULTS.md")
	}
	book, err := report.Load(dir)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := book.HTML(&b); err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(page, b.Bytes(), 0o644), os.WriteFile(text, book.Markdown(), 0o644)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s\n%s\n", page, text)
	return err
}
