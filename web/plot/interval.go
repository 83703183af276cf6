package plot

import "fmt"

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
	// Margin, where positive, shades what lies within it of zero, in rows that have
	// no margin of their own.
	Margin   float64
	Decimals int
	Rows     []Interval
}

// Interval is one row of a panel.
type Interval struct {
	Label            string
	Value, Low, High float64 // Low equal to High: no interval
	Group            string  // heads the rows that follow one another with it; may be empty
	Margin           float64 // as in Panel, for this row alone
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
			t.Rows = append(t.Rows, []string{r.named(), panel.named(), value, interval, n, r.Verdict})
		}
	}
	return t
}

func (r Interval) named() string {
	if r.Group == "" {
		return r.Label
	}
	return r.Group + ", " + r.Label
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
		for _, r := range p.Rows {
			if m := p.margin(r); m > 0 && e.any {
				e.add(-m, m)
			}
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

// margin of a row.
func (p Panel) margin(r Interval) float64 {
	if r.Margin > 0 {
		return r.Margin
	}
	return p.Margin
}

func (p Intervals) draw(width float64) *canvas {
	c := &canvas{w: width}
	narrow := width < 520
	left, right := 0.0, 0.0
	for _, panel := range p.Panels {
		for _, r := range panel.Rows {
			left = max(left, textWidth(r.Label, labelSize)+30)
			right = max(right, textWidth(panel.caption(r), labelSize)+18)
		}
	}
	left, right = min(left, width*.32), min(right, width*.38)
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
	tops, bottom := p.tops(c.h, height)
	p.ground(c, s, tops, bottom+4, narrow)
	for i, r := range p.Rows {
		if tops[i].heading {
			c.text("l", atStart, 0, tops[i].y-4, fit(r.Group, labelSize, left+(c.w-left)*.5))
		}
		p.row(c, r, s, tops[i].y, narrow)
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

// groupHeight is the height of a line that heads rows.
const groupHeight = 20.0

// seat is where a row begins, below its heading where it has one.
type seat struct {
	y       float64
	heading bool
}

func (p Panel) tops(y, height float64) (tops []seat, bottom float64) {
	for i, r := range p.Rows {
		heading := r.Group != "" && (i == 0 || p.Rows[i-1].Group != r.Group)
		if heading {
			y += groupHeight
		}
		tops = append(tops, seat{y, heading})
		y += height
	}
	return tops, y
}

// ground draws the margins and the line of no difference down to a height. Rows
// with the same margin share a band. On narrow drawings both stand only
// beneath the whiskers, clear of the labels.
func (p Panel) ground(c *canvas, s scale, tops []seat, bottom float64, narrow bool) {
	if !p.Zero || len(tops) == 0 {
		return
	}
	band, zero := "", ""
	draw := func(margin, top, end float64) {
		if margin > 0 {
			from, to := s.clamped(-margin), s.clamped(margin)
			if allFinite(from, to) {
				band += fmt.Sprintf("M%s %sH%sV%sH%[1]sz", num(from), num(top), num(to), num(end))
			}
		}
	}
	top := tops[0].y
	for i := range tops {
		margin := p.margin(p.Rows[i])
		if narrow {
			draw(margin, tops[i].y+22, tops[i].y+42)
			zero += fmt.Sprintf("M%s %sv20", num(s.at(0)), num(tops[i].y+22))
			continue
		}
		end := bottom
		if i+1 < len(tops) {
			if p.margin(p.Rows[i+1]) == margin {
				continue
			}
			end = tops[i+1].y
		}
		draw(margin, top, end)
		top = end
	}
	if !narrow {
		zero = fmt.Sprintf("M%s %sV%s", num(s.at(0)), num(tops[0].y), num(bottom))
	}
	if band != "" {
		c.path("band", band)
	}
	c.path("zero", zero, s.at(0))
}

func arrow(before, s, after string) string {
	if s == "" {
		return ""
	}
	return before + s + after
}

func (p Panel) row(c *canvas, r Interval, s scale, top float64, narrow bool) {
	y := top + 16
	indent := 0.0
	if r.Group != "" {
		indent = 12
	}
	if narrow {
		caption := p.caption(r)
		c.text("l", atStart, indent, top+16, fit(r.Label, labelSize, c.w-indent-textWidth(caption, labelSize)-14))
		c.text("n", atEnd, c.w, top+16, fit(caption, labelSize, c.w*.78))
		y = top + 32
	} else {
		c.text("l", atStart, indent, y+4.5, fit(r.Label, labelSize, s.from-indent-12))
		c.text("n", atEnd, c.w, y+4.5, fit(p.caption(r), labelSize, c.w-s.to-8))
	}
	if r.Missing != "" || !finite(r.Value) {
		return
	}
	if r.Low != r.High && finite(r.Low) && finite(r.High) {
		a, b := s.clamped(r.Low), s.clamped(r.High)
		c.path("w c"+num(float64(seriesClass(r.Series))), fmt.Sprintf("M%s %sH%sM%[1]s %[4]sv8M%[3]s %[4]sv8", num(a), num(y), num(b), num(y-4)), a, b)
	}
	c.mark(r.Series, s.clamped(r.Value), y)
}

// axis draws a horizontal axis with ticks at y. It takes 20 pixels.
func axis(c *canvas, s scale, y float64) {
	d := fmt.Sprintf("M%s %sH%s", num(s.from), num(y), num(s.to))
	values, decimals := ticks(s.lo, s.hi, max(3, int((s.to-s.from)/80)))
	for _, v := range values {
		d += fmt.Sprintf("M%s %sv4", num(s.at(v)), num(y))
	}
	c.path("axis", d, s.from, s.to, y)
	for _, v := range values {
		label := Number(v, decimals)
		half := textWidth(label, tickSize) / 2
		c.text("k", atMiddle, min(max(s.at(v), half), c.w-half), y+17, label)
	}
}
