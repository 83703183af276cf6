package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Scatter draws labelled points over two quantities, with whiskers where they
// have intervals.
type Scatter struct {
	Title        string
	XName, YName string // quantities
	XUnit, YUnit string
	XDecimals    int // of the figures in the table
	YDecimals    int
	FromZero     bool // both axes begin at zero
	XFromZero    bool // the horizontal one does
	// Front joins the points that are ringed by a line in steps.
	Front  bool
	Points []Point
}

// Point is one mark. An interval whose ends are equal is not drawn.
type Point struct {
	Label       string
	X, Y        float64
	XLow, XHigh float64
	YLow, YHigh float64
	Series      int
	Ring        bool   // marks the point out
	Note        string // a second line of the label; may be empty
	Missing     string // why it has no place; empty when it has one
}

// Finding implements Plot.
func (p Scatter) Finding() string { return p.Title }

// Table implements Plot.
func (p Scatter) Table() Table {
	x, y := quantity(p.XName, p.XUnit), quantity(p.YName, p.YUnit)
	t := Table{Caption: p.Title, Columns: []string{"Candidate", x, x + ", interval", y, y + ", interval"}}
	noted := slices.ContainsFunc(p.Points, func(pt Point) bool { return pt.Note != "" })
	if noted {
		t.Columns = append(t.Columns, "note")
	}
	for _, pt := range p.Points {
		row := []string{pt.Label, Number(pt.X, p.XDecimals), span(pt.XLow, pt.XHigh, p.XDecimals), Number(pt.Y, p.YDecimals), span(pt.YLow, pt.YHigh, p.YDecimals)}
		if !pt.placed() {
			row = []string{pt.Label, cmp.Or(pt.Missing, "not a number"), "", "", ""}
		}
		if noted {
			row = append(row, pt.Note)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func quantity(name, unit string) string {
	if unit == "" {
		return name
	}
	return name + " (" + unit + ")"
}

func span(low, high float64, decimals int) string {
	if low == high || !finite(low) || !finite(high) {
		return ""
	}
	return Number(low, decimals) + " to " + Number(high, decimals)
}

func (pt Point) placed() bool { return pt.Missing == "" && finite(pt.X) && finite(pt.Y) }

func (p Scatter) draw(width float64) *canvas {
	c := &canvas{w: width}
	var ex, ey extent
	for _, pt := range p.Points {
		if !pt.placed() {
			continue
		}
		ex.add(pt.X)
		ey.add(pt.Y)
		if pt.XLow != pt.XHigh {
			ex.add(pt.XLow, pt.XHigh)
		}
		if pt.YLow != pt.YHigh {
			ey.add(pt.YLow, pt.YHigh)
		}
	}
	if p.FromZero || p.XFromZero {
		ex.add(0)
	}
	if p.FromZero {
		ey.add(0)
	}
	xlo, xhi := ex.widened()
	ylo, yhi := ey.widened()
	plotHeight := min(width*.48, 320)
	yticks, ydec := ticks(ylo, yhi, max(3, int(plotHeight/55)))
	left := 0.0
	for _, v := range yticks {
		left = max(left, textWidth(Number(v, ydec), tickSize)+12)
	}
	c.text("k", atStart, 0, 13, fit("↑ "+quantity(p.YName, p.YUnit), tickSize, width))
	top := 24.0
	xs := scale{xlo, xhi, left, width - 8}
	ys := scale{ylo, yhi, top + plotHeight, top}
	for _, v := range yticks {
		y := ys.at(v)
		c.line("grid", xs.from, y, xs.to, y)
		c.text("k", atEnd, left-8, y+4, Number(v, ydec))
	}
	c.h = top + plotHeight
	axis(c, xs, c.h)
	c.h += 38
	c.text("k", atEnd, xs.to, c.h-3, fit(quantity(p.XName, p.XUnit)+" →", tickSize, width))
	p.points(c, xs, ys)
	return c
}

// front joins the ringed points: along the horizontal axis first, since nothing
// between two of them is known to reach the second one's height.
func (p Scatter) front(c *canvas, xs, ys scale) {
	var ringed []Point
	for _, pt := range p.Points {
		if pt.Ring && pt.placed() {
			ringed = append(ringed, pt)
		}
	}
	if len(ringed) < 2 {
		return
	}
	slices.SortStableFunc(ringed, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	var d strings.Builder
	for i, pt := range ringed {
		x, y := num(xs.clamped(pt.X)), num(ys.clamped(pt.Y))
		if i == 0 {
			fmt.Fprintf(&d, "M%s %s", x, y)
			continue
		}
		fmt.Fprintf(&d, "H%sV%s", x, y)
	}
	fmt.Fprintf(&c.b, `<path class="front" d="%s"/>`, d.String())
}

func (p Scatter) points(c *canvas, xs, ys scale) {
	if p.Front {
		p.front(c, xs, ys)
	}
	var taken []box
	for _, pt := range p.Points {
		if pt.placed() {
			x, y := xs.clamped(pt.X), ys.clamped(pt.Y)
			taken = append(taken, box{x - 6, y - 6, 12, 12})
		}
	}
	for _, pt := range p.Points {
		if !pt.placed() {
			continue
		}
		x, y := xs.clamped(pt.X), ys.clamped(pt.Y)
		class := "w c" + strconv.Itoa(seriesClass(pt.Series))
		if pt.XLow != pt.XHigh {
			c.line(class, xs.clamped(pt.XLow), y, xs.clamped(pt.XHigh), y)
		}
		if pt.YLow != pt.YHigh {
			c.line(class, x, ys.clamped(pt.YLow), x, ys.clamped(pt.YHigh))
		}
		if pt.Ring {
			c.circle("ring", x, y, 9)
		}
		c.mark(pt.Series, x, y)
		b := place(pt, x, y, xs, ys, taken)
		taken = append(taken, b)
		c.text("l halo", atStart, b.x, b.y+13, fit(pt.Label, labelSize, b.w+2))
		if pt.Note != "" {
			c.text("k halo", atStart, b.x, b.y+28, fit(pt.Note, tickSize, b.w+2))
		}
	}
}

// box is a rectangle that holds a mark or a label.
type box struct{ x, y, w, h float64 }

// place finds room for a label near (x, y): above right first, since whiskers
// run along the axes.
func place(pt Point, x, y float64, xs, ys scale, taken []box) box {
	w := min(max(textWidth(pt.Label, labelSize), textWidth(pt.Note, tickSize)), (xs.to-xs.from)*.6)
	h, gap := 16.0, 8.0
	if pt.Note != "" {
		h += 15
	}
	if pt.Ring {
		gap += 3
	}
	tries := []box{
		{x + gap, y - h - 3, w, h}, {x - gap - w, y - h - 3, w, h},
		{x + gap, y + 3, w, h}, {x - gap - w, y + 3, w, h},
		{x - w/2, y - 2*h - 3, w, h}, {x - w/2, y + h + 3, w, h},
		{x - w/2, y + gap + 3, w, h}, {x - w/2, y - h - gap - 5, w, h},
	}
	best, least := box{}, math.Inf(1)
	for _, b := range tries {
		moved := box{min(max(b.x, xs.from), max(xs.from, xs.to+8-w)), min(max(b.y, ys.to-20), ys.from-h), w, h}
		cost := 8 * (math.Abs(moved.x-b.x) + math.Abs(moved.y-b.y)) // a label is better where it was meant to be
		for _, t := range taken {
			cost += moved.overlap(t)
		}
		if cost < least {
			best, least = moved, cost
		}
	}
	return best
}

// overlap is the area that two rectangles share.
func (b box) overlap(o box) float64 {
	return max(0, min(b.x+b.w, o.x+o.w)-max(b.x, o.x)) * max(0, min(b.y+b.h, o.y+o.h)-max(b.y, o.y))
}
