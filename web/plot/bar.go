package plot

import "strconv"

// Bars draws amounts from zero, one row each.
type Bars struct {
	Title    string
	Quantity string
	Unit     string
	Decimals int
	Rows     []Bar
}

// Bar is one amount. A negative one is drawn to the left of zero.
type Bar struct {
	Label     string
	Value     float64
	Low, High float64 // an interval whose ends are equal is not drawn
	Note      string  // after the figure; may be empty
	Series    int
	Missing   string // why there is no value; empty when there is one
}

// Finding implements Plot.
func (p Bars) Finding() string { return p.Title }

// Table implements Plot.
func (p Bars) Table() Table {
	t := Table{Caption: p.Title, Columns: []string{"Candidate", quantity(p.Quantity, p.Unit), "interval", "note"}}
	for _, r := range p.Rows {
		value, interval := r.Missing, ""
		if value == "" {
			value, interval = Number(r.Value, p.Decimals), span(r.Low, r.High, p.Decimals)
		}
		t.Rows = append(t.Rows, []string{r.Label, value, interval, r.Note})
	}
	return t
}

func (p Bars) caption(r Bar) string {
	if r.Missing != "" {
		return r.Missing
	}
	s := Number(r.Value, p.Decimals)
	if in := span(r.Low, r.High, p.Decimals); in != "" {
		s += "  (" + in + ")"
	}
	if r.Note != "" {
		s += "  " + r.Note
	}
	return s
}

func (p Bars) draw(width float64) *canvas {
	c := &canvas{w: width}
	narrow := width < 520
	left, right := 0.0, 0.0
	e := extent{any: true}
	for _, r := range p.Rows {
		left = max(left, textWidth(r.Label, labelSize)+18)
		right = max(right, textWidth(p.caption(r), labelSize)+18)
		if r.Missing == "" {
			e.add(r.Value)
			if r.Low != r.High {
				e.add(r.Low, r.High)
			}
		}
	}
	left, right = min(left, width*.3), min(right, width*.38)
	if narrow {
		left, right = 6, 6
	}
	lo, hi := e.widened()
	s := scale{lo, hi, left, width - right}
	height := 30.0
	if narrow {
		height = 46
	}
	for i, r := range p.Rows {
		p.row(c, r, s, height*float64(i), narrow)
	}
	c.h = height * float64(len(p.Rows))
	c.line("zero", s.at(0), 0, s.at(0), c.h+4)
	axis(c, s, c.h+4)
	c.h += 24
	if p.Quantity != "" {
		c.h += 15
		c.text("k", atEnd, s.to, c.h-2, fit(quantity(p.Quantity, p.Unit)+" →", tickSize, s.to-s.from))
	}
	return c
}

func (p Bars) row(c *canvas, r Bar, s scale, top float64, narrow bool) {
	y := top + 16
	if narrow {
		caption := p.caption(r)
		c.text("l", atStart, 0, top+16, fit(r.Label, labelSize, c.w-textWidth(caption, labelSize)-14))
		c.text("n", atEnd, c.w, top+16, fit(caption, labelSize, c.w*.78))
		y = top + 32
	} else {
		c.text("l", atStart, 0, y+4.5, fit(r.Label, labelSize, s.from-12))
		c.text("n", atEnd, c.w, y+4.5, fit(p.caption(r), labelSize, c.w-s.to-8))
	}
	if r.Missing != "" || !finite(r.Value) {
		return
	}
	class := strconv.Itoa(seriesClass(r.Series))
	a, b := s.at(0), s.clamped(r.Value)
	c.rect("bar c"+class, min(a, b), y-7, max(max(a, b)-min(a, b), 1), 14)
	if r.Low != r.High && finite(r.Low) && finite(r.High) {
		lo, hi := s.clamped(r.Low), s.clamped(r.High)
		c.line("err", lo, y, hi, y)
		c.line("err", lo, y-4, lo, y+4)
		c.line("err", hi, y-4, hi, y+4)
	}
}
