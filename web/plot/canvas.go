package plot

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// canvas collects marks. Lengths are CSS pixels; a mark whose place is not
// finite is left out.
type canvas struct {
	b    strings.Builder
	w, h float64
}

// num prints a length with at most one decimal.
func num(v float64) string {
	s := strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

func allFinite(lengths ...float64) bool {
	for _, v := range lengths {
		if !finite(v) {
			return false
		}
	}
	return true
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	if !allFinite(x1, y1, x2, y2) {
		return
	}
	fmt.Fprintf(&c.b, `<path class="%s" d="M%s %sL%s %s"/>`, class, num(x1), num(y1), num(x2), num(y2))
}

// path writes several lines as one mark; lengths are those that must be finite.
func (c *canvas) path(class, d string, lengths ...float64) {
	if allFinite(lengths...) {
		fmt.Fprintf(&c.b, `<path class="%s" d="%s"/>`, class, d)
	}
}

func (c *canvas) rect(class string, x, y, w, h float64) {
	if !allFinite(x, y, w, h) {
		return
	}
	fmt.Fprintf(&c.b, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`, class, num(x), num(y), num(w), num(h))
}

func (c *canvas) circle(class string, x, y, r float64) {
	if !allFinite(x, y, r) {
		return
	}
	fmt.Fprintf(&c.b, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`, class, num(x), num(y), num(r))
}

// Where a text stands relative to its x.
const (
	atStart  = ""
	atMiddle = " m"
	atEnd    = " e"
)

// text writes s with its baseline at y. Class "l" is a label, "k" a tick, "h" a heading.
func (c *canvas) text(class, anchor string, x, y float64, s string) {
	if !allFinite(x, y) {
		return
	}
	fmt.Fprintf(&c.b, `<text class="%s%s" x="%s" y="%s">%s</text>`, class, anchor, num(x), num(y), html.EscapeString(s))
}

// mark draws a point whose shape goes with its series, so that colour is never alone.
func (c *canvas) mark(series int, x, y float64) {
	if !allFinite(x, y) {
		return
	}
	const r = 4.6
	class := "p c" + strconv.Itoa(seriesClass(series))
	switch series % 4 {
	case 0:
		c.circle(class, x, y, r)
	case 1:
		c.rect(class, x-r+.4, y-r+.4, 2*r-.8, 2*r-.8)
	case 2:
		fmt.Fprintf(&c.b, `<path class="%s" d="M%s %sl%s %sh-%sz"/>`, class, num(x), num(y-r-1), num(r+.9), num(2*r), num(2*r+1.8))
	default:
		d := num(r + 1.2)
		fmt.Fprintf(&c.b, `<path class="%s" d="M%s %sl%s %sl-%s %sl-%s -%sz"/>`, class, num(x), num(y-r-1.2), d, d, d, d, d, d)
	}
}

// seriesClass numbers the colour classes c1 to c7.
func seriesClass(series int) int { return ((series%7)+7)%7 + 1 }

// textWidth estimates the width of s in a sans-serif face of the given size.
func textWidth(s string, size float64) float64 {
	var em float64
	for _, r := range s {
		switch {
		case strings.ContainsRune("iljtfrI.,:;|!'()[] ", r):
			em += .31
		case strings.ContainsRune("mwMW@%", r):
			em += .85
		case unicode.IsUpper(r):
			em += .66
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			em++
		default:
			em += .555
		}
	}
	return em * size
}

// fit shortens s to a width.
func fit(s string, size, width float64) string {
	if textWidth(s, size) <= width {
		return s
	}
	runes := []rune(s)
	for len(runes) > 1 && textWidth(string(runes)+"…", size) > width {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimSpace(string(runes)) + "…"
}

// Sizes of text, as in plot.css.
const (
	labelSize = 13
	tickSize  = 12
)
