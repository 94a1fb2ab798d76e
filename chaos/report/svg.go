package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The plots' size in units of the SVG; it scales with the page.
const (
	plotWidth, plotHeight           = 720.0, 250.0
	marginLeft, marginRight         = 62.0, 14.0
	marginTop, marginBottom         = 14.0, 44.0
	ticksX, ticksY          float64 = 8, 5
)

// Plot is a picture with axes.
type Plot struct {
	Title  string
	X, Y   string // what the axes are, with units
	LogX   bool
	Top    float64 // of the y axis; 0: what the values need
	Steps  bool    // a value lasts until the next one
	Dots   bool    // each value has a dot
	Lines  []Line
	Marks  []float64 // moments in which something was broken
	Marked string    // what they are
	Note   string
}

// Line is a system's.
type Line struct {
	Name   string
	Class  string
	Points [][2]float64 // in order of x
}

// frame maps values to the picture.
type frame struct {
	p             *Plot
	x0, x1, y1    float64
	width, height float64
}

func (p *Plot) frame() *frame {
	f := &frame{p: p, x0: math.Inf(1), x1: math.Inf(-1), y1: p.Top, width: plotWidth - marginLeft - marginRight, height: plotHeight - marginTop - marginBottom}
	for _, l := range p.Lines {
		for _, v := range l.Points {
			f.x0, f.x1 = min(f.x0, v[0]), max(f.x1, v[0])
			if p.Top == 0 {
				f.y1 = max(f.y1, v[1])
			}
		}
	}
	if !p.LogX {
		f.x0 = min(f.x0, 0)
	}
	if math.IsInf(f.x0, 0) || f.x0 == f.x1 {
		f.x0, f.x1 = min(f.x0, 0), max(f.x1, 1)
	}
	if f.y1 <= 0 {
		f.y1 = 1
	}
	if p.Top == 0 {
		f.y1 *= 1.05
	}
	return f
}

func (f *frame) x(v float64) float64 {
	if f.p.LogX {
		return marginLeft + f.width*(math.Log(v)-math.Log(f.x0))/(math.Log(f.x1)-math.Log(f.x0))
	}
	return marginLeft + f.width*(v-f.x0)/(f.x1-f.x0)
}

func (f *frame) y(v float64) float64 { return marginTop + f.height*(1-v/f.y1) }

// step is a round number of which about n fit into span.
func step(span, n float64) float64 {
	size := math.Pow(10, math.Floor(math.Log10(span/n)))
	for _, m := range []float64{1, 2, 5, 10} {
		if span/(size*m) <= n {
			return size * m
		}
	}
	return size * 10
}

// SVG is the picture.
func (p *Plot) SVG() string {
	f := p.frame()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, plotWidth, plotHeight, html.EscapeString(p.Title+": "+p.Y+" over "+p.X))
	f.grid(&b)
	for _, m := range p.Marks {
		if m >= f.x0 && m <= f.x1 {
			fmt.Fprintf(&b, `<line class="mark" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, f.x(m), f.x(m), marginTop, marginTop+f.height)
		}
	}
	for _, l := range p.Lines {
		f.line(&b, &l)
	}
	fmt.Fprintf(&b, `<text class="axis" x="%.1f" y="%g" text-anchor="middle">%s</text>`, marginLeft+f.width/2, plotHeight-6, html.EscapeString(p.X))
	fmt.Fprintf(&b, `<text class="axis" transform="translate(13 %.1f) rotate(-90)" text-anchor="middle">%s</text></svg>`, marginTop+f.height/2, html.EscapeString(p.Y))
	return b.String()
}

func (f *frame) grid(b *strings.Builder) {
	for v, d := 0.0, step(f.y1, ticksY); v <= f.y1*1.0001; v += d {
		fmt.Fprintf(b, `<line class="grid" x1="%g" x2="%.1f" y1="%.1f" y2="%.1f"/>`, marginLeft, marginLeft+f.width, f.y(v), f.y(v))
		fmt.Fprintf(b, `<text class="tick" x="%g" y="%.1f" text-anchor="end">%s</text>`, marginLeft-7, f.y(v)+3.5, Number(v))
	}
	for _, v := range f.ticks() {
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, f.x(v), f.x(v), marginTop+f.height, marginTop+f.height+4)
		fmt.Fprintf(b, `<text class="tick" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, f.x(v), marginTop+f.height+17, Number(v))
	}
}

func (f *frame) ticks() (all []float64) {
	if f.p.LogX {
		for v := math.Pow(10, math.Ceil(math.Log10(f.x0)-1e-9)); v <= f.x1*1.0001; v *= 10 {
			all = append(all, v)
		}
		return all
	}
	d := step(f.x1-f.x0, ticksX)
	for v := math.Ceil(f.x0/d) * d; v <= f.x1+d/1e4; v += d {
		all = append(all, math.Round(v/d)*d)
	}
	return all
}

func (f *frame) line(b *strings.Builder, l *Line) {
	var path strings.Builder
	for i, v := range l.Points {
		x, y := f.x(v[0]), f.y(min(v[1], f.y1))
		switch {
		case i == 0:
			fmt.Fprintf(&path, "M%.1f %.1f", x, y)
		case f.p.Steps:
			fmt.Fprintf(&path, "H%.1fV%.1f", x, y)
		default:
			fmt.Fprintf(&path, "L%.1f %.1f", x, y)
		}
	}
	fmt.Fprintf(b, `<path class="line %s" d="%s"/>`, l.Class, path.String())
	if f.p.Dots {
		for _, v := range l.Points {
			fmt.Fprintf(b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="3"/>`, l.Class, f.x(v[0]), f.y(min(v[1], f.y1)))
		}
	}
}
