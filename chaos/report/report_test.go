package report

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"kleeblatt/chaos/raw"
)

var rewrite = flag.Bool("rewrite", false, "write what reports are now")

// Texts are what stands beside their raw files: whoever changes how they are made sees what that changes, and the published one has no
// figure that is in no file.
func TestText(t *testing.T) {
	for dir, file := range map[string]string{"testdata": "testdata/RESULTS.md", "testdata/results": "../RESULTS.md"} {
		b, err := Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		got := b.Markdown()
		if *rewrite {
			os.WriteFile(file, got, 0o644)
		}
		want, _ := os.ReadFile(file)
		if !bytes.Equal(got, want) {
			t.Errorf("another text than %s (-rewrite):\n%s", file, got)
		}
	}
}

// The page is whole and needs nothing from elsewhere.
func TestPage(t *testing.T) {
	b, err := Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := b.HTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"http:", "https:", "<script", "src=", "@import", "url(", "NaN", "Inf"} {
		if strings.Contains(page.String(), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if n := strings.Count(page.String(), "<figure>"); n == 0 {
		t.Error("there is no plot")
	}
	for _, c := range b.Chapters {
		for _, table := range c.Tables {
			for _, p := range append(table.plots(), c.sweeps()...) {
				d := xml.NewDecoder(strings.NewReader(p.SVG()))
				for {
					if _, err := d.Token(); err == io.EOF {
						break
					} else if err != nil {
						t.Fatalf("%s: %v", p.Title, err)
					}
				}
			}
		}
	}
}

func run(system, length string, nodes int, void string, value float64) *raw.Run {
	return &raw.Run{
		Header: raw.Header{Scenario: "L1", System: system, Length: length, Nodes: nodes, Seconds: 6}, Done: void != "broken", Void: void,
		Rows: []raw.Row{{Kind: raw.Figure, Name: "connect ok", Unit: "%", Value: value, Count: 100}},
	}
}

// Runs that do not count are named and not used; of the others the median is one that was measured.
func TestBook(t *testing.T) {
	b := Bind([]*raw.Run{
		run("gossip", "short", 5, "", 100), run("gossip", "short", 5, "", 98), run("gossip", "short", 5, "", 99), run("gossip", "short", 5, "", 97),
		run("gossip", "short", 5, "client 1 did not report", 1), run("raft", "short", 5, "broken", 1), run("single", "short", 1, "", 50),
	})
	if len(b.Void) != 2 || len(b.Chapters) != 1 || len(b.Chapters[0].Tables) != 1 {
		t.Fatalf("%+v", b)
	}
	table := b.Chapters[0].Tables[0]
	v, _ := table.Cell("gossip").Value("connect ok")
	if v.String() != "98 (97..100)" || v.Runs != 4 {
		t.Errorf("%v", v)
	}
	if !table.has("single") || table.has("raft") {
		t.Errorf("systems %v", table.Cells)
	}
	text := string(b.Markdown())
	for _, want := range []string{"client 1 did not report", "no run of `raft` that counts", "98 (97..100)", "| **T6**", "**refuted**"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q", want)
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 100: "100", 99.876: "99.88", 1234567: "1,234,567", 0.00123456: "0.001235", -12345.6: "-12,346", 12.5: "12.5", 1000: "1,000",
	} {
		if got := Number(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
