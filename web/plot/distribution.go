package plot

import (
	"fmt"
	"strconv"
	"strings"
)

// Distributions draws how values spread, one row for each series over a shared
// scale: single dots where there are few values, bars where there are many,
// and beneath them the median, the middle half and the middle nine tenths.
type Distributions struct {
	Title     string
	Quantity  string // what is measured: "similarity of one output"
	Unit      string
	Low, High float64 // of the bins
	Decimals  int
	Rows      []Distribution
}

// Distribution is one row.
type Distribution struct {
	Label                     string
	Counts                    []int // of equal bins between Low and High
	P5, P25, Median, P75, P95 float64
	N                         int
	Series                    int
	Missing                   string // why there are no values; empty when there are
}

// Finding implements Plot.
func (p Distributions) Finding() string { return p.Title }

// Table implements Plot.
func (p Distributions) Table() Table {
	t := Table{Caption: p.title(), Columns: []string{"Candidate", "n", "5th percentile", "25th", "median", "75th", "95th"}}
	for _, r := range p.Rows {
		if r.Missing != "" || r.N == 0 {
			t.Rows = append(t.Rows, []string{r.Label, "0", r.missing(), "", "", "", ""})
			continue
		}
		row := []string{r.Label, Number(float64(r.N), 0)}
		for _, v := range []float64{r.P5, r.P25, r.Median, r.P75, r.P95} {
			row = append(row, Number(v, p.Decimals))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (p Distributions) title() string {
	switch {
	case p.Quantity == "":
		return p.Title
	case p.Unit == "":
		return p.Quantity
	}
	return p.Quantity + " (" + p.Unit + ")"
}

func (r Distribution) missing() string {
	if r.Missing == "" {
		return "no values"
	}
	return r.Missing
}

func (p Distributions) caption(r Distribution) string {
	if r.Missing != "" || r.N == 0 {
		return r.missing()
	}
	return "median " + Number(r.Median, p.Decimals) + "  (n " + Number(float64(r.N), 0) + ")"
}

// Heights of the parts of a row.
const (
	pileHeight = 50.0
	boxHeight  = 18.0
)

func (p Distributions) draw(width float64) *canvas {
	c := &canvas{w: width}
	narrow := width < 520
	left, right := 0.0, 0.0
	var e extent
	e.add(p.Low, p.High)
	most := 1
	for _, r := range p.Rows {
		left = max(left, textWidth(r.Label, labelSize)+18)
		right = max(right, textWidth(p.caption(r), labelSize)+18)
		if r.Missing == "" && r.N > 0 {
			e.add(r.P5, r.P95)
		}
		for _, n := range r.Counts {
			most = max(most, n)
		}
	}
	left, right = min(left, width*.26), min(right, width*.34)
	if narrow {
		left, right = 6, 6
	}
	lo, hi := e.lo, e.hi
	if !e.any || lo == hi {
		lo, hi = e.widened()
	}
	s := scale{lo, hi, left, width - right}
	for _, r := range p.Rows {
		p.row(c, r, s, most, narrow)
	}
	axis(c, s, c.h+2)
	c.h += 24
	if t := p.title(); t != p.Title && t != "" {
		c.h += 15
		c.text("k", atEnd, s.to, c.h-2, fit(t, tickSize, s.to-s.from))
	}
	return c
}

func (p Distributions) row(c *canvas, r Distribution, s scale, most int, narrow bool) {
	if narrow {
		c.h += 20
		caption := p.caption(r)
		c.text("l", atStart, 0, c.h-5, fit(r.Label, labelSize, c.w-textWidth(caption, labelSize)-14))
		c.text("n", atEnd, c.w, c.h-5, fit(caption, labelSize, c.w*.7))
	} else {
		y := c.h + pileHeight - 2
		c.text("l", atStart, 0, y, fit(r.Label, labelSize, s.from-12))
		c.text("n", atEnd, c.w, y, fit(p.caption(r), labelSize, c.w-s.to-8))
	}
	base := c.h + pileHeight
	c.h = base + boxHeight
	if r.Missing != "" || r.N == 0 {
		return
	}
	p.pile(c, r, s, base, most)
	class := " c" + strconv.Itoa(seriesClass(r.Series))
	y := base + 8
	c.line("w"+class, s.clamped(r.P5), y, s.clamped(r.P95), y)
	a, b := s.clamped(r.P25), s.clamped(r.P75)
	c.rect("box"+class, a, y-3, max(b-a, 1), 6)
	c.rect("median"+class, s.clamped(r.Median)-1.5, y-6, 3, 12)
}

// pile draws the counts: dots while each can be told apart, else bars.
func (p Distributions) pile(c *canvas, r Distribution, s scale, base float64, most int) {
	if len(r.Counts) == 0 || p.High <= p.Low {
		return
	}
	class := " c" + strconv.Itoa(seriesClass(r.Series))
	step := (p.High - p.Low) / float64(len(r.Counts))
	wide := s.at(p.Low+step) - s.at(p.Low)
	unit := (pileHeight - 6) / float64(most)
	radius := min(4, wide/2-.5, unit/2-.3)
	dots := radius >= 2.2
	var d strings.Builder
	for i, n := range r.Counts {
		x := s.at(p.Low + step*float64(i))
		if n <= 0 || !finite(x) {
			continue
		}
		if !dots {
			h := unit * float64(n)
			fmt.Fprintf(&d, "M%s %sh%sv%sh-%[3]sz", num(x+.5), num(base-h), num(max(wide-1, 1)), num(h))
			continue
		}
		for k := range n { // a line of no length with round ends
			fmt.Fprintf(&d, "M%s %sh0", num(x+wide/2), num(base-1-radius-float64(k)*(2*radius+.6)))
		}
	}
	switch {
	case d.Len() == 0:
	case dots:
		fmt.Fprintf(&c.b, `<path class="dot%s" stroke-width="%s" d="%s"/>`, class, num(2*radius), d.String())
	default:
		c.path("bar"+class, d.String(), wide, unit)
	}
}
