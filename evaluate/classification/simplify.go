package classification

import "math"

// simplify keeps at most limit points of a curve, first and last among them: each
// time the one farthest from the line through its kept neighbours (Douglas and
// Peucker 1973), until no corner is left or the limit is reached.
func simplify(points []Point, limit int) Curve {
	c := Curve{Total: len(points)}
	if len(points) < 3 {
		c.Points = points
		return c
	}
	keep := make([]bool, len(points))
	keep[0], keep[len(points)-1] = true, true
	open := []stretch{farthest(points, 0, len(points)-1)}
	for kept := 2; kept < limit; kept++ {
		worst := 0
		for i, s := range open {
			if s.distance > open[worst].distance {
				worst = i
			}
		}
		s := open[worst]
		if s.distance <= straight {
			break
		}
		keep[s.at] = true
		open[worst] = farthest(points, s.from, s.at)
		open = append(open, farthest(points, s.at, s.to))
	}
	for _, s := range open {
		c.Deviation = math.Max(c.Deviation, s.distance)
	}
	for i, p := range points {
		if keep[i] {
			c.Points = append(c.Points, p)
		}
	}
	if c.Deviation <= straight {
		c.Deviation = 0
	}
	return c
}

// straight is a distance that is rounding only.
const straight = 1e-12

// stretch is a part of a curve between two kept points, with the point farthest
// from the line between them.
type stretch struct {
	from, to, at int
	distance     float64
}

func farthest(points []Point, from, to int) stretch {
	s := stretch{from: from, to: to, at: from}
	a, b := points[from], points[to]
	dx, dy := b.X-a.X, b.Y-a.Y
	length := math.Hypot(dx, dy)
	for i := from + 1; i < to; i++ {
		p := points[i]
		d := math.Hypot(p.X-a.X, p.Y-a.Y)
		if length > 0 {
			d = math.Abs(dx*(p.Y-a.Y)-dy*(p.X-a.X)) / length
		}
		if d > s.distance {
			s.distance, s.at = d, i
		}
	}
	return s
}
