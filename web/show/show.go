// Package show turns values into the words and figures that pages and reports
// print: a duration with its unit, a score with its interval and n, a size, an age.
//
// Key words: figure, unit, interval.
//
// Functions are pure. They return plain text, which the caller escapes.
package show

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"stylesprint"
	"stylesprint/web/plot"
)

// Figure is a value ready to be printed.
type Figure struct {
	Value    string // "0.713"; the reason where there is none
	Unit     string // "s"; empty where the value needs none
	Interval string // "0.652 to 0.771"; may be empty
	N        string // "24"; may be empty
	Missing  bool   // Value is a reason
}

// Score is s as a figure.
func Score(s stylesprint.Score) Figure {
	if s.Missing != "" {
		return Figure{Value: s.Missing, Missing: true}
	}
	d := Decimals(s.Unit, s.Value)
	f := Figure{Value: plot.Number(s.Value, d), Unit: Unit(s.Unit)}
	if s.Level > 0 && s.Low != s.High {
		f.Interval = plot.Number(s.Low, d) + " to " + plot.Number(s.High, d)
	}
	if s.N > 0 {
		f.N = Count(s.N)
	}
	return f
}

// Decimals is how many decimals a value of a unit is shown with.
func Decimals(unit string, value float64) int {
	switch unit {
	case "0-100", "%":
		return 1
	case "0-1", "0-2.5", "":
		return 3
	case "words", "characters", "tokens", "points", "grade":
		return 1
	case "s":
		if math.Abs(value) < .0995 {
			return 3
		}
		return 2
	}
	return plot.Decimals(value) // money and what else there may be
}

// Unit is a unit as people read it.
func Unit(unit string) string {
	switch unit {
	case "0-100":
		return "0–100"
	case "0-1":
		return "0–1"
	case "0-2.5":
		return "0–2.5"
	}
	return unit
}

// Count is a whole number with commas.
func Count(n int) string { return plot.Number(float64(n), 0) }

// Of is "1 item" or "24 items".
func Of(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Duration has two or three figures and a unit.
func Duration(d time.Duration) string {
	switch {
	case d == 0:
		return "0 s"
	case d < 0:
		return "−" + Duration(-d)
	case d < time.Millisecond:
		return plot.Number(float64(d)/1e6, 2) + " ms"
	case d < time.Second:
		return plot.Number(float64(d)/1e6, 0) + " ms"
	case d < 10*time.Second:
		return plot.Number(d.Seconds(), 2) + " s"
	case d < time.Minute:
		return plot.Number(d.Seconds(), 1) + " s"
	case d < time.Hour:
		s := int(d.Round(time.Second) / time.Second)
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	}
	m := int(d.Round(time.Minute) / time.Minute)
	return fmt.Sprintf("%d h %d min", m/60, m%60)
}

// Left is a time that is only guessed at: whole seconds, then minutes, then hours.
func Left(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(1, int(d.Round(time.Second)/time.Second)))
	case d < 100*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	}
	return fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
}

// Ago is how long ago t was.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < 0:
		return t.UTC().Format("2 Jan 2006, 15:04 UTC")
	case d < 45*time.Second:
		return "just now"
	case d < 90*time.Minute:
		return Of(max(1, int(d.Round(time.Minute)/time.Minute)), "minute") + " ago"
	case d < 36*time.Hour:
		return Of(int(d.Round(time.Hour)/time.Hour), "hour") + " ago"
	case d < 14*24*time.Hour:
		return Of(int(d.Round(24*time.Hour)/(24*time.Hour)), "day") + " ago"
	}
	return t.UTC().Format("2 Jan 2006")
}

// Bytes is a size in decimal units.
func Bytes(n int64) string {
	switch {
	case n < 0:
		return "unknown"
	case n < 1000:
		return Of(int(n), "byte")
	}
	v, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB"} {
		v /= 1000
		if v < 999.5 {
			break
		}
	}
	return plot.Number(v, plot.Decimals(v)) + " " + unit
}

// Parameters is a model's size in words.
func Parameters(n int64) string {
	switch {
	case n <= 0:
		return "unknown"
	case n < 999_500_000:
		v := float64(n) / 1e6
		return plot.Number(v, plot.Decimals(v)) + " million"
	}
	v := float64(n) / 1e9
	return plot.Number(v, plot.Decimals(v)) + " billion"
}

// Money is an amount with its currency; an empty currency is USD.
func Money(m stylesprint.Money, currency string) string {
	if currency == "" {
		currency = "USD"
	}
	if m == 0 {
		return "0 " + currency
	}
	return plot.Number(m.Units(), max(2, plot.Decimals(m.Units()))) + " " + currency
}

// Hash is the part of a hash that people compare.
func Hash(s string) string { return s[:min(len(s), 12)] }

// List joins words: "a", "a and b", "a, b and c".
func List(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// Share is n of total in per cent, for a progress bar's words.
func Share(n, total int) string {
	if total <= 0 {
		return "0 %"
	}
	return plot.Number(math.Floor(100*float64(n)/float64(total)), 0) + " %"
}

// Sentence begins s with a capital.
func Sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}
