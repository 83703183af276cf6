package plot

import (
	"math"
	"strconv"
	"strings"
)

// scale maps values to a stretch of the canvas.
type scale struct {
	lo, hi   float64 // of the values
	from, to float64 // of the canvas
}

func (s scale) at(v float64) float64 {
	return s.from + (v-s.lo)/(s.hi-s.lo)*(s.to-s.from)
}

// clamped is at, kept on the canvas, for whiskers that leave it.
func (s scale) clamped(v float64) float64 {
	x := s.at(v)
	return math.Max(math.Min(s.from, s.to), math.Min(math.Max(s.from, s.to), x))
}

// extent gathers the smallest and largest finite value.
type extent struct {
	lo, hi float64
	any    bool
}

func (e *extent) add(values ...float64) {
	for _, v := range values {
		if !finite(v) {
			continue
		}
		if !e.any {
			e.lo, e.hi, e.any = v, v, true
			continue
		}
		e.lo, e.hi = math.Min(e.lo, v), math.Max(e.hi, v)
	}
}

// widened returns bounds with room at both ends, never of width zero. An end
// that is exactly zero stays there.
func (e extent) widened() (lo, hi float64) {
	if !e.any {
		return 0, 1
	}
	if e.lo == e.hi {
		if e.lo == 0 {
			return 0, 1
		}
		d := math.Abs(e.lo) / 2
		return e.lo - d, e.hi + d
	}
	pad := (e.hi - e.lo) * .06
	lo, hi = e.lo-pad, e.hi+pad
	if e.lo == 0 {
		lo = 0
	}
	if e.hi == 0 {
		hi = 0
	}
	return lo, hi
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// ticks returns at most about n round values between lo and hi, and the number
// of decimals that tells them apart. Steps are 1, 2 or 5 times a power of ten.
func ticks(lo, hi float64, n int) (values []float64, decimals int) {
	if !finite(lo) || !finite(hi) || hi <= lo || n < 1 {
		return nil, 0
	}
	raw := (hi - lo) / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw*.999999 {
			step = m * power
			break
		}
	}
	decimals = max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	first := math.Ceil(lo/step - 1e-9)
	for i := 0; i < 4*n+4; i++ {
		v := (first + float64(i)) * step
		if v > hi+step*1e-9 {
			break
		}
		values = append(values, v)
	}
	return values, decimals
}

// Number prints v for people: fixed decimals, commas between thousands, a real
// minus sign, and "–" for a value that is not finite.
func Number(v float64, decimals int) string {
	if !finite(v) {
		return "–"
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', decimals, 64)
	whole, frac, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if frac != "" {
		whole += "." + frac
	}
	if v < 0 && strings.Trim(s, "0.") != "" {
		return "−" + whole
	}
	return whole
}

// Signed is Number with a plus sign before positive values.
func Signed(v float64, decimals int) string {
	s := Number(v, decimals)
	if v > 0 && strings.Trim(s, "0.,") != "" {
		return "+" + s
	}
	return s
}

// Decimals is how many decimals show a quantity of v's size to three figures.
func Decimals(v float64) int {
	v = math.Abs(v)
	if !finite(v) || v == 0 {
		return 2
	}
	return min(6, max(0, 2-int(math.Floor(math.Log10(v*1.0005))))) // 0.9996 is shown as 1.00
}
