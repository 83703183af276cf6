package plot

import (
	"math"
	"strconv"
	"strings"
)

// Curves draws lines over two shares, each from 0 to 1: ROC, precision and
// recall, calibration.
type Curves struct {
	Title        string
	XName, YName string
	Decimals     int // of the figures in the table
	// Diagonal draws the line from corner to corner and says what lies on it:
	// "chance"; empty: none.
	Diagonal string
	Lines    []Line
}

// Line is one curve.
type Line struct {
	Label  string
	Note   string // after the label: "area 0.91"; may be empty
	Points []Place
	Marked bool // marks at the points, where there are few
	Series int
	// Level, where not zero, draws a thin line at this height, what a curve would
	// be by chance, with its name.
	Level     float64
	LevelName string
	Missing   string // why there is no curve; empty when there is one
}

// Place is one point of a line.
type Place struct {
	X, Y float64
	N    int // what it is made of; 0: not shown
}

// Finding implements Plot.
func (p Curves) Finding() string { return p.Title }

// Table implements Plot. A line with many points is given at the tenths of X.
func (p Curves) Table() Table {
	counted := false
	for _, l := range p.Lines {
		for _, pt := range l.Points {
			counted = counted || pt.N > 0
		}
	}
	t := Table{Caption: p.Title, Columns: []string{"Curve", p.XName, p.YName}}
	if counted {
		t.Columns = append(t.Columns, "n")
	}
	for _, l := range p.Lines {
		if l.Missing != "" {
			t.Rows = append(t.Rows, pad([]string{l.Label, l.Missing}, len(t.Columns)))
			continue
		}
		for _, pt := range tenths(l.Points) {
			row := []string{l.named(), Number(pt.X, p.Decimals), Number(pt.Y, p.Decimals)}
			if pt.N > 0 {
				row = append(row, Number(float64(pt.N), 0))
			}
			t.Rows = append(t.Rows, pad(row, len(t.Columns)))
		}
	}
	return t
}

func pad(row []string, n int) []string {
	for len(row) < n {
		row = append(row, "")
	}
	return row
}

func (l Line) named() string {
	if l.Note == "" {
		return l.Label
	}
	return l.Label + ", " + l.Note
}

// tenths keeps, of many points, the last at or before each tenth.
func tenths(points []Place) []Place {
	if len(points) <= 12 {
		return points
	}
	var out []Place
	next := 0
	for i, pt := range points {
		last := i == len(points)-1 || math.Floor(points[i+1].X*10+1e-9) > math.Floor(pt.X*10+1e-9)
		if i == 0 || last && int(math.Floor(pt.X*10+1e-9)) >= next {
			out = append(out, pt)
			next = int(math.Floor(pt.X*10 + 1e-9))
		}
	}
	return out
}

func (p Curves) draw(width float64) *canvas {
	c := &canvas{w: width}
	height := min(width*.6, 340)
	top, left := 24.0, textWidth("0.0", tickSize)+14
	xs := scale{0, 1, left, width - 8}
	ys := scale{0, 1, top + height, top}
	c.text("k", atStart, 0, 13, fit("↑ "+p.YName, tickSize, width))
	for _, v := range []float64{0, .2, .4, .6, .8, 1} {
		y := ys.at(v)
		c.line("grid", xs.from, y, xs.to, y)
		c.text("k", atEnd, left-8, y+4, Number(v, 1))
	}
	taken := p.levels(c, xs, ys)
	if p.Diagonal != "" {
		c.line("chance", xs.at(0), ys.at(0), xs.at(1), ys.at(1))
		b := p.besideDiagonal(xs, ys)
		c.text("k halo", atStart, b.x, b.y+13, fit(p.Diagonal, tickSize, b.w+2))
		taken = append(taken, b)
	}
	for _, l := range p.Lines {
		p.line(c, l, xs, ys)
	}
	narrow := width < 520
	switch {
	case len(p.Lines) == 1 && !narrow:
		p.label(c, p.Lines[0], xs, ys, taken)
	case !narrow:
		p.key(c, p.corner(xs, ys, taken))
	}
	c.h = top + height
	axis(c, xs, c.h)
	c.h += 38
	c.text("k", atEnd, xs.to, c.h-3, fit(p.XName+" →", tickSize, width))
	if narrow {
		p.key(c, box{left, c.h + 4, width - left, 0})
		c.h += 8 + keyRow*float64(len(p.Lines))
	}
	return c
}

// levels draws the thin lines of chance.
func (p Curves) levels(c *canvas, xs, ys scale) []box {
	var taken []box
	for _, l := range p.Lines {
		if l.Level <= 0 || l.Missing != "" || !finite(l.Level) {
			continue
		}
		y := ys.clamped(l.Level)
		c.line("chance", xs.from, y, xs.to, y)
		if l.LevelName != "" {
			b := box{xs.from + 6, y - 17, textWidth(l.LevelName, tickSize), 16}
			c.text("k halo", atStart, b.x, y-5, fit(l.LevelName, tickSize, xs.to-xs.from))
			taken = append(taken, b)
		}
	}
	return taken
}

func (p Curves) line(c *canvas, l Line, xs, ys scale) {
	if l.Missing != "" {
		return
	}
	var d strings.Builder
	for _, pt := range l.Points {
		if !finite(pt.X) || !finite(pt.Y) {
			continue
		}
		command := "L"
		if d.Len() == 0 {
			command = "M"
		}
		d.WriteString(command + num(xs.clamped(pt.X)) + " " + num(ys.clamped(pt.Y)))
	}
	if d.Len() > 0 {
		c.b.WriteString(`<path class="curve ` + lineClass(l.Series) + `" d="` + d.String() + `"/>`)
	}
	if !l.Marked {
		return
	}
	for _, pt := range l.Points {
		if finite(pt.X) && finite(pt.Y) {
			c.mark(l.Series, xs.clamped(pt.X), ys.clamped(pt.Y))
		}
	}
}

// besideDiagonal finds room for the diagonal's name.
func (p Curves) besideDiagonal(xs, ys scale) box {
	w := min(textWidth(p.Diagonal, tickSize), (xs.to-xs.from)*.5)
	at := func(v float64) box { return box{xs.at(v) + 10, ys.at(v) - 2, w, 16} }
	for _, v := range []float64{.66, .5, .3, .14} {
		if b := at(v); b.x+w < xs.to && p.crossings(b, xs, ys) == 0 {
			return b
		}
	}
	return at(.5)
}

// label writes the name of the only line beside it, where there is room.
func (p Curves) label(c *canvas, l Line, xs, ys scale, taken []box) {
	name := l.named()
	if l.Missing != "" {
		name = l.Label + ": " + l.Missing
	}
	w := min(textWidth(name, labelSize), (xs.to-xs.from)*.7)
	for _, at := range []float64{.5, .35, .65, .2, .8, .1, .9} {
		if len(l.Points) == 0 || l.Missing != "" {
			break
		}
		pt := l.Points[int(at*float64(len(l.Points)-1))]
		if !finite(pt.X) || !finite(pt.Y) {
			continue
		}
		x, y := xs.clamped(pt.X), ys.clamped(pt.Y)
		for _, b := range []box{{x + 10, y + 6, w, 16}, {x + 10, y - 22, w, 16}, {x - w - 10, y - 22, w, 16}, {x - w - 10, y + 6, w, 16}} {
			if inside(b, xs, ys) && !meetsAny(b, taken) && p.crossings(b, xs, ys) == 0 {
				c.text("l halo", atStart, b.x, b.y+13, fit(name, labelSize, w+2))
				return
			}
		}
	}
	c.text("l halo", atStart, xs.to-w-4, ys.from-10, fit(name, labelSize, w+2))
}

func inside(b box, xs, ys scale) bool {
	return b.x >= xs.from && b.x+b.w <= xs.to+4 && b.y >= ys.to-4 && b.y+b.h <= ys.from
}

// Sizes of a key's row and of the piece of stroke in it.
const (
	keyPiece = 30.0
	keyRow   = 19.0
)

// corner is the one that the curves leave most room in for a key.
func (p Curves) corner(xs, ys scale, taken []box) box {
	w := 0.0
	for _, l := range p.Lines {
		w = max(w, textWidth(keyName(l), labelSize)*1.06+keyPiece)
	}
	w = min(w, xs.to-xs.from-16)
	h := keyRow * float64(len(p.Lines))
	right, low := xs.to-w-6, ys.from-h-8
	best, least := box{}, math.MaxInt
	for _, b := range []box{{right, low, w, h}, {xs.from + 8, low, w, h}, {right, ys.to + 6, w, h}, {xs.from + 8, ys.to + 6, w, h}} {
		n := p.crossings(b, xs, ys)
		if meetsAny(b, taken) {
			n++
		}
		if n < least {
			best, least = b, n
		}
	}
	return best
}

// key lists the lines, each with a piece of its stroke.
func (p Curves) key(c *canvas, b box) {
	for i, l := range p.Lines {
		y := b.y + keyRow*float64(i)
		if l.Missing == "" {
			c.line("curve "+lineClass(l.Series), b.x, y+9, b.x+keyPiece-8, y+9)
		}
		if l.Marked && l.Missing == "" {
			c.mark(l.Series, b.x+(keyPiece-8)/2, y+9)
		}
		c.text("l halo", atStart, b.x+keyPiece, y+13.5, fit(keyName(l), labelSize, b.w-keyPiece+2))
	}
}

func keyName(l Line) string {
	if l.Missing != "" {
		return l.Label + ": " + l.Missing
	}
	return l.named()
}

// lineClass is the colour and the dashes of a series.
func lineClass(series int) string {
	return "c" + strconv.Itoa(seriesClass(series)) + " d" + strconv.Itoa(((series%4)+4)%4)
}

func meetsAny(b box, taken []box) bool {
	for _, t := range taken {
		if b.overlap(t) > 0 {
			return true
		}
	}
	return false
}

// crossings counts the pieces of curves that run through a box.
func (p Curves) crossings(b box, xs, ys scale) int {
	n := 0
	for _, l := range p.Lines {
		for i := 1; i < len(l.Points) && l.Missing == ""; i++ {
			from, to := l.Points[i-1], l.Points[i]
			for _, t := range []float64{0, .125, .25, .375, .5, .625, .75, .875, 1} {
				x, y := xs.clamped(from.X+(to.X-from.X)*t), ys.clamped(from.Y+(to.Y-from.Y)*t)
				if x >= b.x-3 && x <= b.x+b.w+3 && y >= b.y-2 && y <= b.y+b.h+2 {
					n++
					break
				}
			}
		}
	}
	return n
}
