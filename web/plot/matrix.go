package plot

import (
	"math"
	"strconv"
)

// Matrix draws counts in cells, row by column: a confusion matrix. The shade of a
// cell is its share of the row; the figure stands in it. The diagonal is framed.
type Matrix struct {
	Title            string
	RowName, ColName string // "true class", "predicted class"
	Labels           []string
	Counts           [][]int // Counts[row][column], as many of each as Labels
}

// Finding implements Plot.
func (p Matrix) Finding() string { return p.Title }

// Table implements Plot.
func (p Matrix) Table() Table {
	t := Table{Caption: p.Title, Columns: []string{p.RowName}}
	for _, l := range p.Labels {
		t.Columns = append(t.Columns, p.ColName+" "+l)
	}
	for i, l := range p.Labels {
		row := []string{l}
		for j := range p.Labels {
			row = append(row, Number(float64(p.count(i, j)), 0))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (p Matrix) count(i, j int) int {
	if i < len(p.Counts) && j < len(p.Counts[i]) {
		return p.Counts[i][j]
	}
	return 0
}

// shades is the number of steps of a cell's shade.
const shades = 8

func (p Matrix) draw(width float64) *canvas {
	c := &canvas{w: width}
	k := len(p.Labels)
	if k == 0 {
		return c
	}
	left := textWidth(p.RowName+" ↓", tickSize) + 10
	for _, l := range p.Labels {
		left = max(left, textWidth(l, labelSize)+12)
	}
	left = min(left, width*.3)
	side := min((width-left-2)/float64(k), 96)
	high := max(min(side, 56), 26)
	c.text("k", atStart, left, 13, fit(p.ColName+" →", tickSize, width-left))
	c.text("k", atStart, 0, 32, fit(p.RowName+" ↓", tickSize, left-6))
	for j, l := range p.Labels {
		c.text("l", atMiddle, left+(float64(j)+.5)*side, 32, fit(l, labelSize, side-6))
	}
	const top = 40
	for i, l := range p.Labels {
		y := top + float64(i)*high
		c.text("l", atStart, 0, y+high/2+4.5, fit(l, labelSize, left-10))
		total := 0
		for j := range p.Labels {
			total += p.count(i, j)
		}
		for j := range p.Labels {
			p.cell(c, i, j, total, box{left + float64(j)*side, y, side, high})
		}
	}
	c.h = top + float64(k)*high + 4
	return c
}

func (p Matrix) cell(c *canvas, i, j, total int, b box) {
	n := p.count(i, j)
	shade := 0
	if total > 0 && n > 0 {
		shade = 1 + int(math.Min(shades-1, math.Floor(float64(n)/float64(total)*shades)))
	}
	series := "c2"
	if i == j {
		series = "c1"
	}
	c.rect("cell "+series+" q"+strconv.Itoa(shade), b.x+1, b.y+1, b.w-2, b.h-2)
	if i == j {
		c.rect("frame", b.x+1, b.y+1, b.w-2, b.h-2)
	}
	text := Number(float64(n), 0)
	if total > 0 && b.w >= 84 && textWidth(text+"  100 %", labelSize) < b.w-4 {
		text += "  " + Number(100*float64(n)/float64(total), 0) + " %"
	}
	c.text("n", atMiddle, b.x+b.w/2, b.y+b.h/2+4.5, fit(text, labelSize, b.w-4))
}
