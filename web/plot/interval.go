package plot

// Intervals draws values with whiskers, in panels that each have a scale.
type Intervals struct {
	Title  string
	Panels []Panel
}

// Panel is a group of intervals in the same unit.
type Panel struct {
	Title string
	Unit  string
	// Zero draws the line of no difference, and signs before the figures.
	Zero bool
	// Left and Right say what lies on either side of zero: "plain better".
	Left, Right string
	// Margin, where positive, shades what lies within it of zero.
	Margin   float64
	Decimals int
	Rows     []Interval
}

// Interval is one row of a panel.
type Interval struct {
	Label            string
	Value, Low, High float64 // Low equal to High: no interval
	Series           int     // picks colour and shape
	Verdict          string  // a word after the figures; may be empty
	N                int     // what the figure is made of; 0: not shown
	Missing          string  // why there is no value; empty when there is one
}

// Finding implements Plot.
func (p Intervals) Finding() string { return p.Title }

// Table implements Plot.
func (p Intervals) Table() Table {
	t := Table{Caption: p.Title, Columns: []string{"Candidate", "figure", "value", "interval", "n", "verdict"}}
	for _, panel := range p.Panels {
		for _, r := range panel.Rows {
			value, interval := panel.figures(r)
			n := ""
			if r.N > 0 {
				n = Number(float64(r.N), 0)
			}
			t.Rows = append(t.Rows, []string{r.Label, panel.named(), value, interval, n, r.Verdict})
		}
	}
	return t
}

func (p Panel) named() string {
	if p.Unit == "" {
		return p.Title
	}
	return p.Title + " (" + p.Unit + ")"
}

func (p Panel) figures(r Interval) (value, interval string) {
	if r.Missing != "" {
		return r.Missing, ""
	}
	if !finite(r.Value) {
		return "not a number", ""
	}
	format := Number
	if p.Zero {
		format = Signed
	}
	value = format(r.Value, p.Decimals)
	if r.Low != r.High && finite(r.Low) && finite(r.High) {
		interval = format(r.Low, p.Decimals) + " to " + format(r.High, p.Decimals)
	}
	return value, interval
}

// caption is the text at a row's right end.
func (p Panel) caption(r Interval) string {
	value, interval := p.figures(r)
	if interval != "" {
		value += "  (" + interval + ")"
	}
	return value
}

func (p Panel) bounds() (lo, hi float64) {
	var e extent
	for _, r := range p.Rows {
		if r.Missing == "" && finite(r.Value) {
			e.add(r.Value, r.Low, r.High)
		}
	}
	if p.Zero {
		e.add(0)
		if p.Margin > 0 && e.any {
			e.add(-p.Margin, p.Margin)
		}
	}
	lo, hi = e.widened()
	if p.Zero { // zero is a line, not a wall: leave room beside it
		pad := (hi - lo) * .06
		if lo == 0 {
			lo = -pad
		}
		if hi == 0 {
			hi = pad
		}
	}
	return lo, hi
}

func (p Intervals) draw(width float64) *canvas {
	c := &canvas{w: width}
	narrow := width < 520
	left, right := 0.0, 0.0
	for _, panel := range p.Panels {
		for _, r := range panel.Rows {
			left = max(left, textWidth(r.Label, labelSize)+18)
			right = max(right, textWidth(panel.caption(r), labelSize)+18)
		}
	}
	left, right = min(left, width*.26), min(right, width*.38)
	if narrow {
		left, right = 6, 6
	}
	for i, panel := range p.Panels {
		if i > 0 {
			c.h += 18
		}
		panel.draw(c, left, right, narrow)
	}
	return c
}

func (p Panel) draw(c *canvas, left, right float64, narrow bool) {
	lo, hi := p.bounds()
	s := scale{lo, hi, left, c.w - right}
	if p.Title != "" {
		c.h += 17
		c.text("h", atStart, 0, c.h-3, fit(p.named(), labelSize, c.w))
		c.h += 5
	}
	height := 30.0
	if narrow {
		height = 46
	}
	top, bottom := c.h, c.h+height*float64(len(p.Rows))
	if !narrow {
		p.ground(c, s, top, bottom+4)
	}
	for i, r := range p.Rows {
		if narrow { // only beneath the whisker, clear of the label
			p.ground(c, s, top+height*float64(i)+22, top+height*float64(i)+42)
		}
		p.row(c, r, s, top+height*float64(i), narrow)
	}
	c.h = bottom
	axis(c, s, bottom+4)
	c.h += 24
	if p.Left != "" || p.Right != "" {
		c.h += 15
		half := (s.to - s.from) / 2
		c.text("k", atStart, s.from, c.h-2, fit(arrow("← ", p.Left, ""), tickSize, half))
		c.text("k", atEnd, s.to, c.h-2, fit(arrow("", p.Right, " →"), tickSize, half))
	}
}

// ground draws the margin and the line of no difference between two heights.
func (p Panel) ground(c *canvas, s scale, top, bottom float64) {
	if !p.Zero {
		return
	}
	if p.Margin > 0 {
		x := s.clamped(-p.Margin)
		c.rect("band", x, top, s.clamped(p.Margin)-x, bottom-top)
	}
	c.line("zero", s.at(0), top, s.at(0), bottom)
}

func arrow(before, s, after string) string {
	if s == "" {
		return ""
	}
	return before + s + after
}

func (p Panel) row(c *canvas, r Interval, s scale, top float64, narrow bool) {
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
	if r.Low != r.High && finite(r.Low) && finite(r.High) {
		class := "w c" + num(float64(seriesClass(r.Series)))
		a, b := s.clamped(r.Low), s.clamped(r.High)
		c.line(class, a, y, b, y)
		c.line(class, a, y-4, a, y+4)
		c.line(class, b, y-4, b, y+4)
	}
	c.mark(r.Series, s.clamped(r.Value), y)
}

// axis draws a horizontal axis with ticks at y. It takes 20 pixels.
func axis(c *canvas, s scale, y float64) {
	c.line("axis", s.from, y, s.to, y)
	values, decimals := ticks(s.lo, s.hi, max(2, int((s.to-s.from)/80)))
	for _, v := range values {
		x := s.at(v)
		c.line("axis", x, y, x, y+4)
		label := Number(v, decimals)
		half := textWidth(label, tickSize) / 2
		c.text("k", atMiddle, min(max(x, half), c.w-half), y+17, label)
	}
}
