package plot

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the drawings of this run as the expected ones")

const hostile = `</title></svg><script>alert(1)</script>"'&`

// plots are the drawings that are kept, by name.
func plots() map[string]Plot {
	differences := Intervals{Title: "Against plain, brand-voice is better on similarity", Panels: []Panel{
		{Title: "Similarity", Unit: "0–1", Zero: true, Left: "plain higher", Right: "brand-voice higher", Margin: .01, Decimals: 3, Rows: []Interval{
			{Label: "brand-voice", Value: .039, Low: .012, High: .071, Series: 1, Verdict: "better", N: 24},
			{Label: "hosted-mini", Missing: "not compared", Series: 2},
		}},
		{Title: "BLEU", Unit: "0–100", Zero: true, Decimals: 1, Rows: []Interval{{Label: "brand-voice", Value: -1.2, Low: -3, High: .4, Series: 1, Verdict: "undecided", N: 24}}},
	}}
	spreads := Distributions{Title: "Medians differ", Quantity: "similarity of one item", Unit: "0–1", Low: 0, High: 1, Decimals: 2, Rows: []Distribution{
		{Label: "plain", Counts: []int{0, 0, 1, 3, 6, 2, 1, 0, 0, 0}, P5: .25, P25: .38, Median: .45, P75: .52, P95: .66, N: 13},
		{Label: "brand-voice", Counts: []int{0, 0, 0, 1, 4, 5, 2, 1, 0, 0}, P5: .35, P25: .47, Median: .55, P75: .6, P95: .75, N: 13, Series: 1},
		{Label: "none", Missing: "not measured: replayed", Series: 2},
	}}
	many := spreads
	many.Rows = []Distribution{{Label: "plain", Counts: []int{3, 40, 310, 900, 620, 200, 90, 20, 4, 1}, P5: .2, P25: .31, Median: .38, P75: .47, P95: .68, N: 2188}}
	return map[string]Plot{
		"intervals":          differences,
		"distributions-dots": spreads,
		"distributions-bars": many,
		"scatter": Scatter{Title: "hosted-mini is fastest, plain costs nothing", XName: "median latency", XUnit: "s", XDecimals: 2, YName: "cost of 10,000 outputs", YUnit: "USD", YDecimals: 3, FromZero: true, Points: []Point{
			{Label: "plain", X: 1.1, Y: 0, XLow: 1, XHigh: 1.2},
			{Label: "brand-voice", X: 1.15, Y: 0, XLow: 1.1, XHigh: 1.3, Series: 1},
			{Label: "hosted-mini", X: .9, Y: .056, YLow: .05, YHigh: .062, Series: 2},
			{Label: "lost", Missing: "no latency", Series: 3},
		}},
		"forest": Intervals{Title: "hosted-small is worse on BLEU", Panels: []Panel{
			{Title: "0–100, higher is better", Zero: true, Left: "plain better", Right: "candidate better", Decimals: 1, Rows: []Interval{
				{Group: "BLEU", Label: "brand-voice", Value: -2.2, Low: -3.1, High: -1.2, Margin: 1, Series: 1, Verdict: "worse", N: 24},
				{Group: "BLEU", Label: "hosted-mini", Value: .3, Low: -.4, High: .9, Margin: 1, Series: 2, Verdict: "equivalent", N: 24},
				{Group: "chrF2", Label: "brand-voice", Value: 1.1, Low: -.5, High: 2.4, Margin: .5, Series: 1, Verdict: "undecided", N: 24},
				{Group: "chrF2", Label: "hosted-mini", Missing: "not compared", Series: 2},
			}},
		}},
		"front": Scatter{Title: "large costs 4 times as much as small for +7.7 BLEU", XName: "cost of 10,000 texts", XUnit: "USD", XDecimals: 2, YName: "BLEU", YUnit: "0–100", YDecimals: 1, XFromZero: true, Front: true, Points: []Point{
			{Label: "small", X: 1.1, Y: 3.1, XLow: 1, XHigh: 1.2, YLow: 1.7, YHigh: 4.3, Ring: true, Note: "on the front in 100 %"},
			{Label: "large", X: 4.4, Y: 10.8, XLow: 4.2, XHigh: 4.6, YLow: 7.8, YHigh: 14.3, Series: 1, Ring: true, Note: "on the front in 100 %"},
			{Label: "middle", X: 2.9, Y: 2.5, YLow: 1.9, YHigh: 3.2, Series: 2, Note: "on the front in 4 %"},
			{Label: "lost", Missing: "no price is set for the model", Series: 3},
		}},
		"bars": Bars{Title: "plain answers fastest", Quantity: "median latency", Unit: "s", Decimals: 2, Rows: []Bar{
			{Label: "plain", Value: 1.1, Low: 1, High: 1.2, Note: "local"}, {Label: "brand-voice", Value: 1.4, Series: 1}, {Label: "lost", Missing: "not measured", Series: 2},
		}},
		"empty":  Intervals{Title: "Nothing is compared"},
		"curves": curves(),
		"calibration": Curves{Title: "Probabilities are too high by 0.06 on average", XName: "mean probability", YName: "share that came true", Decimals: 2, Diagonal: "perfect", Lines: []Line{
			{Label: "sale", Note: "error 0.06", Marked: true, Points: []Place{{.05, .02, 40}, {.25, .18, 22}, {.55, .5, 12}, {.95, .9, 31}}},
		}},
		"matrix": Matrix{Title: "Of the dresses, 2 in 10 are taken for tops", RowName: "true class", ColName: "predicted class", Labels: []string{"dress", "knitwear and jumpers", "top"}, Counts: [][]int{{16, 0, 4}, {1, 1204, 0}, {0, 0, 0}}},
	}
}

// curves are ROC curves of three classes, the second in many points.
func curves() Curves {
	p := Curves{Title: "dress is told apart best, top worst", XName: "false positive rate", YName: "true positive rate", Decimals: 2, Diagonal: "chance", Lines: []Line{
		{Label: "dress", Note: "area 0.94", Points: []Place{{0, 0, 0}, {0, .5, 0}, {.1, .8, 0}, {.3, .98, 0}, {1, 1, 0}}},
		{Label: "jumper", Note: "area 0.80", Series: 1},
		{Label: "top", Note: "area 0.62", Series: 2, Points: []Place{{0, 0, 0}, {.3, .42, 0}, {.6, .75, 0}, {1, 1, 0}}, Level: .2, LevelName: "share of tops"},
		{Label: "shoes", Missing: "no item has the class", Series: 3},
	}}
	for i := range 51 {
		x := float64(i) / 50
		p.Lines[1].Points = append(p.Lines[1].Points, Place{X: x, Y: math.Pow(x, .25)})
	}
	return p
}

func TestDrawings(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for name, p := range plots() {
		for suffix, width := range map[string]int{"wide": Wide, "narrow": Narrow} {
			file := name + "-" + suffix + ".svg"
			seen[file] = true
			golden(t, file, string(SVG(p, Options{ID: name, Width: width})))
		}
		seen[name+".html"] = true
		golden(t, name+".html", string(p.Table().html("caption")))
	}
	orphans(t, seen)
}

// golden compares got with a file, with line breaks between elements for diffs.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	got = strings.ReplaceAll(got, "><", ">\n<") + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from what is kept; run with -update and look at the difference", name)
	}
}

func orphans(t *testing.T, seen map[string]bool) {
	t.Helper()
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !f.IsDir() && !seen[f.Name()] {
			t.Errorf("testdata/%s belongs to no drawing", f.Name())
		}
	}
}

// Every drawing is well-formed, without inline style, and named for screen readers.
func TestWellFormed(t *testing.T) {
	t.Parallel()
	for name, p := range plots() {
		for _, width := range []int{0, 1, 240, 500, 2560} {
			s := string(SVG(p, Options{ID: "x", Width: width}))
			wellFormed(t, name, s)
			for _, bad := range []string{"style=", "NaN", "Inf", "<script"} {
				if strings.Contains(s, bad) {
					t.Errorf("%s at %d: holds %q", name, width, bad)
				}
			}
			if !strings.Contains(s, `role="img"`) || !strings.Contains(s, `aria-labelledby="x-t" aria-describedby="x-d"`) || !strings.Contains(s, "<title") {
				t.Errorf("%s at %d: has no name: %.200s", name, width, s)
			}
		}
	}
}

func wellFormed(t *testing.T, name, s string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(s))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
}

func TestHostileValues(t *testing.T) {
	t.Parallel()
	nan, inf := math.NaN(), math.Inf(1)
	cases := map[string]Plot{
		"intervals": Intervals{Title: hostile, Panels: []Panel{{Title: hostile, Unit: hostile, Zero: true, Left: hostile, Right: hostile, Margin: nan, Rows: []Interval{
			{Label: hostile, Value: nan, Low: inf, High: nan, Verdict: hostile}, {Label: hostile, Missing: hostile}, {Label: "x", Value: 1e300, Low: -1e300, High: inf}, {Value: 1, Low: 1, High: 1, Series: -3},
		}}}},
		"distributions": Distributions{Title: hostile, Quantity: hostile, Unit: hostile, Low: nan, High: inf, Rows: []Distribution{
			{Label: hostile, Counts: []int{-1, 5}, P5: nan, Median: inf, N: 5}, {Label: hostile, Missing: hostile}, {N: 3},
		}},
		"reversed": Distributions{Low: 1, High: 0, Rows: []Distribution{{Counts: []int{1, 2}, N: 3}}},
		"scatter":  Scatter{Title: hostile, XName: hostile, YName: hostile, Points: []Point{{Label: hostile, X: nan, Y: 1}, {Label: hostile, X: 1, Y: 1, XLow: nan, XHigh: inf}, {Label: hostile, Missing: hostile}}},
		"curves": Curves{Title: hostile, XName: hostile, YName: hostile, Diagonal: hostile, Lines: []Line{
			{Label: hostile, Note: hostile, Points: []Place{{nan, 1, -1}, {inf, .5, 0}, {.5, 7, 0}, {.2, -inf, 0}}, Marked: true, Series: -3, Level: inf, LevelName: hostile}, {Label: hostile, Missing: hostile}, {}, {Label: hostile, Points: []Place{{0, 0, 0}}, Level: .3, LevelName: hostile},
		}},
		"matrix": Matrix{Title: hostile, RowName: hostile, ColName: hostile, Labels: []string{hostile, hostile}, Counts: [][]int{{-1, 5}}},
		"bars":   Bars{Title: hostile, Quantity: hostile, Rows: []Bar{{Label: hostile, Value: inf, Note: hostile}, {Label: hostile, Value: -2}, {Missing: hostile}}},
	}
	for name, p := range cases {
		for _, width := range []int{Wide, Narrow} {
			s := string(SVG(p, Options{ID: hostile, Class: hostile, Width: width})) + string(Figure(p, hostile))
			if strings.Contains(s, "<script") || strings.Contains(s, `"'&`) {
				t.Errorf("%s: text was not escaped", name)
			}
			if strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
				t.Errorf("%s: a length is no number", name)
			}
			wellFormed(t, name, string(SVG(p, Options{Width: width})))
		}
	}
}

func TestTicks(t *testing.T) {
	t.Parallel()
	cases := []struct {
		lo, hi   float64
		n        int
		want     []float64
		decimals int
	}{
		{0, 1, 5, []float64{0, .2, .4, .6, .8, 1}, 1},
		{0, 10, 4, []float64{0, 5, 10}, 0},
		{-3, 3, 3, []float64{-2, 0, 2}, 0},
		{.02, .031, 4, []float64{.02, .025, .03}, 3},
		{0, 1234, 3, []float64{0, 500, 1000}, 0},
		{5, 5, 3, nil, 0},
		{2, 1, 3, nil, 0},
		{math.NaN(), 1, 3, nil, 0},
	}
	for _, c := range cases {
		got, decimals := ticks(c.lo, c.hi, c.n)
		if decimals != c.decimals || len(got) != len(c.want) {
			t.Errorf("ticks(%v, %v, %d) = %v with %d decimals, want %v with %d", c.lo, c.hi, c.n, got, decimals, c.want, c.decimals)
			continue
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("ticks(%v, %v, %d) = %v, want %v", c.lo, c.hi, c.n, got, c.want)
			}
		}
	}
}

func FuzzTicks(f *testing.F) {
	f.Add(0.0, 1.0, 5)
	f.Add(-1e300, 1e300, 3)
	f.Add(1.0, math.Nextafter(1, 2), 4)
	f.Fuzz(func(t *testing.T, lo, hi float64, n int) {
		n = min(n, 50)
		values, decimals := ticks(lo, hi, n)
		if len(values) > 4*max(n, 1)+4 || decimals < 0 {
			t.Fatalf("ticks(%v, %v, %d) = %v, %d decimals", lo, hi, n, values, decimals)
		}
		for _, v := range values {
			if math.IsNaN(v) {
				t.Fatalf("ticks(%v, %v, %d) holds NaN", lo, hi, n)
			}
		}
	})
}

func TestNumber(t *testing.T) {
	t.Parallel()
	cases := []struct {
		v        float64
		decimals int
		plain    string
		signed   string
	}{
		{0, 1, "0.0", "0.0"}, {1234567.891, 2, "1,234,567.89", "+1,234,567.89"}, {-1234, 0, "−1,234", "−1,234"}, {-.0001, 2, "0.00", "0.00"},
		{.0001, 2, "0.00", "0.00"}, {.039, 3, "0.039", "+0.039"}, {math.NaN(), 2, "–", "–"}, {math.Inf(-1), 2, "–", "–"},
	}
	for _, c := range cases {
		if got := Number(c.v, c.decimals); got != c.plain {
			t.Errorf("Number(%v, %d) = %q, want %q", c.v, c.decimals, got, c.plain)
		}
		if got := Signed(c.v, c.decimals); got != c.signed {
			t.Errorf("Signed(%v, %d) = %q, want %q", c.v, c.decimals, got, c.signed)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	got := plots()["intervals"].Table().Describe()
	want := "brand-voice: figure Similarity (0–1), value +0.039, interval +0.012 to +0.071, n 24, verdict better. hosted-mini: figure Similarity (0–1), value not compared. brand-voice: figure BLEU (0–100), value −1.2, interval −3.0 to +0.4, n 24, verdict undecided."
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
