package report

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"

	"stylesprint"
	"stylesprint/evaluate/compare"
)

func front(expenses ...float64) compare.Comparison {
	c := compare.Comparison{Baseline: "a", Primary: "contradictions", Metrics: []compare.Metric{{Name: "contradictions", Title: "Texts with a contradiction", Unit: "0-1", Direction: compare.DirectionLower, Judged: true}}}
	f := compare.Front{Name: "cost", Title: "cost of 10,000 texts", Unit: "USD", Metric: "contradictions", Samples: 1000}
	for i, x := range expenses {
		name := string(rune('a' + i))
		c.Candidates = append(c.Candidates, compare.Candidate{Name: name})
		f.Points = append(f.Points, compare.Point{Candidate: name, Expense: stylesprint.Score{Value: x, Low: x - .1, High: x + .1, Level: .95, Unit: "USD"}, Quality: stylesprint.Score{Value: .25, Low: .1, High: .4, Level: .95}, OnFront: i == 0, Probability: .97})
	}
	c.Pareto = []compare.Front{f, {Name: "latency", Title: "median latency", Unit: "s", Metric: "contradictions", Points: []compare.Point{{Candidate: "a", Missing: "not measured: no output came from a call of this run"}, {Candidate: "b", Missing: "x"}}}}
	return c
}

func TestTradeOff(t *testing.T) {
	t.Parallel()
	c := front(1, 2)
	f, ok := bestFront(c)
	if !ok || f.Name != "cost" {
		t.Fatalf("front %q, %v", f.Name, ok)
	}
	p := tradeOff(c, f)
	if got, want := p.Finding(), "No other candidate matches a on both texts with a contradiction and cost of 10,000 texts"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	table := p.Table()
	if got, want := strings.Join(table.Rows[0], "|"), "a|1.00|0.90 to 1.10|25.0|10.0 to 40.0|on the front: 97 %"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Pareto[0].TradeOffs = []compare.TradeOff{{Sentence: "b costs 2.0 (1.8 to 2.2) times as much as a for -5 points."}, {Sentence: "c costs more."}}
	c.Pareto[0].Points[1].DominatedBy = []compare.Dominance{{Candidate: "a", Probability: .8}}
	if got, want := tradeOff(c, c.Pareto[0]).Finding(), "b costs 2.0 (1.8 to 2.2) times as much as a for −5 points"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	lines := strings.Join(tradeOffLines(c.Pareto[0]), " ")
	for _, want := range []string{"c costs more.", "a is at least as good as b on both and better on one, in 80 % of the samples.", "1,000 joint bootstrap samples"} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q lacks %q", lines, want)
		}
	}
	if _, ok := bestFront(front(1, 1)); ok {
		t.Error("equal costs make no trade-off")
	}
	if got, want := strings.Join(noTradeOff(front(1, 1)), " "), "No trade-off is drawn against cost of 10,000 texts: all candidates have the same. No trade-off is drawn against median latency: not measured: no output came from a call of this run."; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	c := compare.Comparison{
		Items: 40, Families: 35, Method: compare.Method{Level: .95},
		Metrics: []compare.Metric{{Name: "clip-delta", Title: "CLIP delta", Unit: "0-100"}, {Name: "contradictions", Title: "Texts with a contradiction", Unit: "0-1"}, {Name: "hard-violations", Title: "Texts that break a hard rule", Unit: "0-1"}},
		Candidates: []compare.Candidate{
			{Name: "a", Scores: []stylesprint.Score{{Metric: "clip-delta", Value: 1.2, Low: .3, High: 2.1, Level: .95, N: 40}, {Metric: "contradictions", Value: 0, N: 40}, {Metric: "hard-violations", Value: .0125, N: 40}}},
			{Name: "b", Scores: []stylesprint.Score{{Metric: "clip-delta", Value: -.4, Low: -1, High: .2, Level: .95, N: 40}, {Missing: "not measured: no facts"}, {}}},
		},
	}
	got := explain(c, 0)
	if len(got) != 3 {
		t.Fatalf("%d explanations", len(got))
	}
	for i, want := range []string{
		"1.2 below what people wrote (+0.3 to +2.1)", "0.4 above what people wrote; the interval, −1.0 to +0.2, holds 0, so that neither is shown to be closer",
		"0 of 40: at most 7.2 %, about 3,610 of 50,000 products", "not measured: no facts",
		"a mean over several outputs of each item; the interval above bounds it", "0 of 0: nothing was checked",
	} {
		if line := got[i/2].Lines[i%2].Value; line != want {
			t.Errorf("got %q, want %q", line, want)
		}
	}
	if got[1].Note != "" || !strings.Contains(got[2].Note, "35 families") {
		t.Errorf("notes %q and %q: the last rate's says it once", got[1].Note, got[2].Note)
	}
	if lines := explain(c, 1000); !strings.Contains(lines[1].Lines[0].Value, "of 1,000 products") {
		t.Error("the catalogue's size is not asked for")
	}
}

func TestSlices(t *testing.T) {
	t.Parallel()
	score := stylesprint.Score{Metric: "bleu", Value: 10, Low: 8, High: 12, Level: .95, N: 12}
	better := compare.Difference{Metric: "bleu", Delta: 2, Low: 1, High: 3, PAdjusted: .01, Verdict: compare.VerdictBetter}
	worse := compare.Difference{Metric: "length", Delta: -2, Low: -3, High: -1, PAdjusted: .01, Verdict: compare.VerdictWorse}
	full := compare.Slice{Value: "Dresses", Items: 12, Families: 10, Candidates: []compare.SliceCandidate{{Name: "a", Scores: []stylesprint.Score{score, score}}, {Name: "b", Scores: []stylesprint.Score{score, score}, Differences: []compare.Difference{better, worse}}}}
	s := compare.Slicing{Key: "category", Slices: []compare.Slice{full}, Unnamed: 2, Warnings: []string{"Simpson's paradox: b differs by -1."}, Worst: []compare.WorstSlice{{Candidate: "a", Value: "Dresses", Items: 12, Score: score}}}
	for range 30 {
		s.Slices = append(s.Slices, compare.Slice{Value: "Hats", Items: 4, Missing: "too few: n = 4"})
	}
	c := compare.Comparison{
		Baseline: "a", Primary: "bleu", Items: 132, Metrics: []compare.Metric{{Name: "bleu", Title: "BLEU", Unit: "0-100", Direction: compare.DirectionHigher, Judged: true, Margin: 1}, {Name: "length", Title: "Length", Unit: "words"}},
		Candidates: []compare.Candidate{{Name: "a", Scores: []stylesprint.Score{score, score}}, {Name: "b", Scores: []stylesprint.Score{score, score}, Differences: []compare.Difference{better, worse}}},
		Slices:     []compare.Slicing{s, {Key: "colour", Slices: s.Slices[1:]}},
	}
	html, err := Section(Input{Comparison: c})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Simpson&#39;s paradox: b differs by −1.", "By category", "By colour", "too few: n = 4", "22 more", "Hats (4)", "in 10 families", "a is weakest in Dresses: 10.0 (n 12).", "2 items without a category",
		"By category, b is higher on BLEU than a in 1 of 1 slice with enough items, better in Dresses", "Other metrics on which a slice stands out", "worse, p 0.010", "All items",
	} {
		if !strings.Contains(string(html), want) {
			t.Errorf("lacks %q", want)
		}
	}
	one, err := Section(Input{Comparison: c, SliceKeys: []string{"colour"}, SliceMetric: "length"})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(one), "By category") || !strings.Contains(string(one), "Length, words, shown, not judged, by colour") || !strings.Contains(string(one), "Simpson") {
		t.Error("what was not asked for is shown, or a warning is lost")
	}
}

func TestThumbnails(t *testing.T) {
	t.Parallel()
	img := image.NewRGBA(image.Rect(0, 0, 300, 400))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = byte(rng.Uint32())
	}
	img.Set(0, 0, color.Transparent)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"a.png": {Data: b.Bytes()}, "text.png": {Data: []byte("no picture")}, "cut.png": {Data: b.Bytes()[:200]}}
	pictures := Thumbnails(files)
	got := string(pictures(compare.Row{Images: []string{"a.png"}}))
	if !strings.HasPrefix(got, "data:image/jpeg;base64,") || len(got) > 20_000 {
		t.Errorf("%d bytes, %.40s", len(got), got)
	}
	for _, name := range []string{"text.png", "cut.png", "none.png", "../a.png"} {
		if got := pictures(compare.Row{Images: []string{name}}); got != "" {
			t.Errorf("%s: %.40s", name, got)
		}
	}
	if pictures(compare.Row{}) != "" || Thumbnails(nil) != nil {
		t.Error("a picture of nothing")
	}
	n := 0
	for range 1000 {
		if pictures(compare.Row{Images: []string{"a.png"}}) == "" {
			break
		}
		n++
	}
	if size := n * len(got); n == 1000 || size > 2*maxThumbs {
		t.Errorf("%d pictures of %d bytes together", n, size)
	}
	if s := shrink(image.NewRGBA(image.Rect(0, 0, 3, 1000)), 120).Bounds(); s.Dx() != 3 || s.Dy() != 1000 {
		t.Errorf("a narrow picture becomes %v", s)
	}
}
