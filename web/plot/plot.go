// Package plot draws figures as SVG: intervals, distributions, scatters, bars,
// curves and matrices.
//
// Key words: plot, finding, scale, series.
//
// A plot is a plain value whose title states the finding. Write draws it at a
// width in CSS pixels; text keeps its size, so a page draws the same plot twice,
// at Wide and at Narrow, and lets the style sheet choose. Table gives the same
// data as words, which are also the drawing's description for screen readers.
// Marks carry classes only: Style holds the rules, on CSS variables, so that a
// drawing follows the page's colours and needs no inline style. All text is
// escaped. Values that are not finite are left out and named in the table.
// Functions are safe for concurrent use.
package plot

import (
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"io"
	"strings"
)

// Widths, in CSS pixels, that suit a page and a phone.
const (
	Wide   = 720
	Narrow = 320
)

//go:embed plot.css
var style string

// Style is the style sheet of all plots: variables for light and dark, and the classes.
func Style() string { return style }

// Plot is a figure of this package: Intervals, Distributions, Scatter, Bars, Curves or Matrix.
type Plot interface {
	// Finding is the title, a sentence that says what is to be seen.
	Finding() string
	// Table is the same data as words.
	Table() Table
	draw(width float64) *canvas
}

var (
	_ Plot = Intervals{}
	_ Plot = Distributions{}
	_ Plot = Scatter{}
	_ Plot = Bars{}
	_ Plot = Curves{}
	_ Plot = Matrix{}
)

// Table is a plot's data. The first column names the row.
type Table struct {
	Caption string
	Columns []string
	Rows    [][]string
}

// Describe puts the table into sentences.
func (t Table) Describe() string {
	var b strings.Builder
	for i, row := range t.Rows {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(row[0])
		sep := ": "
		for j := 1; j < len(row) && j < len(t.Columns); j++ {
			if row[j] == "" {
				continue
			}
			b.WriteString(sep + t.Columns[j] + " " + row[j])
			sep = ", "
		}
		b.WriteByte('.')
	}
	return b.String()
}

// Options say how to draw.
type Options struct {
	ID string // unique in the page; empty: the drawing is labelled without ids
	// Named is the ID of another drawing of the same plot, whose name and
	// description serve this one, too; empty: it has its own.
	Named string
	Width int    // CSS pixels, at least 240; 0: Wide
	Class string // further classes of the svg element
}

// Write draws p.
func Write(w io.Writer, p Plot, o Options) error {
	if _, err := io.WriteString(w, string(SVG(p, o))); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}

// SVG is p as an svg element for a page of package html/template.
func SVG(p Plot, o Options) template.HTML {
	width := o.Width
	if width == 0 {
		width = Wide
	}
	c := p.draw(float64(max(width, 240)))
	class := strings.TrimSpace("plot " + o.Class)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="%s" viewBox="0 0 %s %s" role="img"`, html.EscapeString(class), num(c.w), num(c.h))
	if o.Named != "" {
		id := html.EscapeString(o.Named)
		fmt.Fprintf(&b, ` aria-labelledby="%s-t" aria-describedby="%s-d">`, id, id)
		b.WriteString(c.b.String() + "</svg>")
		return template.HTML(b.String()) // the id above and every text of the canvas are escaped
	}
	title, desc := html.EscapeString(p.Finding()), html.EscapeString(p.Table().Describe())
	if o.ID == "" {
		fmt.Fprintf(&b, ` aria-label="%s"><title>%s</title><desc>%s</desc>`, title, title, desc)
	} else {
		id := html.EscapeString(o.ID)
		fmt.Fprintf(&b, ` aria-labelledby="%s-t" aria-describedby="%s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, id, id, id, title, id, desc)
	}
	b.WriteString(c.b.String())
	b.WriteString("</svg>")
	return template.HTML(b.String()) // every text above is escaped
}
