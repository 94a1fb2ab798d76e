package report

import (
	_ "embed"
	"html/template"
	"io"
	"regexp"
	"strings"
)

//go:embed page.html
var pageText string

var (
	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"svg": func(p *Plot) template.HTML { return template.HTML(p.SVG()) }, "words": words, "join": strings.Join,
		"plots": (*Table).plots, "sweeps": (*Chapter).sweeps, "rows": (*Table).rows, "heading": (*Table).heading, "label": (*Cell).label,
	}).Parse(pageText))
	code = regexp.MustCompile("`([^`]*)`")
)

// words is a sentence in which `code` is marked.
func words(s string) template.HTML {
	return template.HTML(code.ReplaceAllString(template.HTMLEscapeString(s), "<code>$1</code>"))
}

// HTML writes the report as one page that needs nothing else.
func (b *Book) HTML(w io.Writer) error {
	return pageTemplate.Execute(w, map[string]any{
		"Verdicts": b.Verdicts(), "Raft": b.raftWins(), "Method": method, "Facts": b.facts(), "Gaps": b.gaps(), "Chapters": b.Chapters,
	})
}
