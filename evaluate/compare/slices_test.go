package compare_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/internal/fakestore"
	"stylesprint/generate"
)

// sliced is a catalogue with a category of 60, one of 20 and one of 4 items.
func sliced(t testing.TB) dataset.Dataset {
	t.Helper()
	d := catalogue(t, 84, 1)
	for i := range d.Items {
		category := "dresses"
		switch {
		case i >= 80:
			category = "belts"
		case i >= 60:
			category = "knitwear"
		}
		d.Items[i].Slices = map[string]string{"category": category}
		if i%2 == 0 {
			d.Items[i].Slices["colour"] = "navy"
		}
	}
	d, err := dataset.New("demo", d.Items)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// moody is a writer that is bad at some items.
type moody struct {
	writer
	at    func(n int) bool
	there float64 // the share of wrong words at them
}

func (m moody) Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
	var n int
	_, _ = fmt.Sscanf(req.Messages[0].Content, "p-%d", &n)
	if m.at(n) {
		m.wrong = m.there
	}
	return m.writer.Generate(ctx, req)
}

func TestSlices(t *testing.T) {
	t.Parallel()
	d := sliced(t)
	store := fakestore.New()
	plain := evaluated(t, store, d, writer{name: "plain", wrong: 0.3, seed: 1})
	voice := evaluatedBy(t, store, d, writer{name: "voice"}, moody{writer: writer{name: "voice", wrong: 0.15, seed: 2}, at: func(n int) bool { return n >= 60 && n < 80 }, there: 0.6})
	c, err := compare.Compare(t.Context(), store, []string{plain, voice}, compare.Options{Dataset: d, Randomization: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Slices) != 2 || c.Slices[0].Key != "category" || c.Slices[1].Key != "colour" || c.Slices[1].Unnamed != 42 || c.Slices[0].Minimum != 10 {
		t.Fatalf("%+v", c.Slices)
	}
	g := c.Slices[0]
	if s := g.Slices[2]; s.Value != "belts" || s.Missing != "too few: n = 4" || s.Candidates != nil {
		t.Errorf("%+v", s)
	}
	dresses, knitwear := g.Slices[0], g.Slices[1]
	if dresses.Items != 60 || dresses.Families != 60 || knitwear.Items != 20 || len(knitwear.Candidates) != 2 || knitwear.Candidates[0].Differences != nil {
		t.Fatalf("%+v", g)
	}
	if up, down := dresses.Candidates[1].Differences[0], knitwear.Candidates[1].Differences[0]; up.Verdict != compare.VerdictBetter || down.Verdict != compare.VerdictWorse || down.PAdjusted < down.P || !(down.High < 0) || down.Detectable <= 0 {
		t.Errorf("%+v %+v", up, down)
	}
	if s := knitwear.Candidates[1].Scores[0]; s.N != 20 || s.Level != 0.95 || !(s.Low < s.Value && s.Value < s.High) {
		t.Errorf("%+v", s)
	}
	if w := g.Worst[1]; w.Candidate != "voice" || w.Value != "knitwear" || w.Items != 20 {
		t.Errorf("%+v", g.Worst)
	}
	warnings, reasons := strings.Join(g.Warnings, "\n"), strings.Join(c.Decision.Reasons, "\n")
	if !strings.Contains(warnings, "in category knitwear (n = 20): the whole hides a reversal.") {
		t.Errorf("%s", warnings)
	}
	for _, want := range []string{"voice is worse than plain in category knitwear (n = 20) on BLEU by -", "adjusted over the slices", "the whole hides a reversal"} {
		if !strings.Contains(reasons, want) {
			t.Errorf("reasons lack %q:\n%s", want, reasons)
		}
	}
	if _, err := json.Marshal(c); err != nil {
		t.Error(err)
	}
}

// TestSlicesOfFamilies has a key that splits families: units are counted within the slice.
func TestSlicesOfFamilies(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 48, 4)
	for i := range d.Items {
		d.Items[i].Slices = map[string]string{"colour": []string{"navy", "white", "white", "white"}[i%4]}
	}
	d, err := dataset.New("demo", d.Items)
	if err != nil {
		t.Fatal(err)
	}
	c, _, _ := compared(t, d, compare.Options{SliceMinimum: 12}, writer{name: "a", wrong: 0.3, seed: 1}, writer{name: "b", wrong: 0.3, seed: 2})
	white, navy := c.Slices[0].Slices[0], c.Slices[0].Slices[1]
	if white.Items != 36 || white.Families != 12 || navy.Items != 12 || navy.Families != 12 || navy.Missing != "" {
		t.Errorf("%+v", c.Slices[0])
	}
	c, _, _ = compared(t, d, compare.Options{SliceMinimum: 13}, writer{name: "a", wrong: 0.3, seed: 1}, writer{name: "b", wrong: 0.3, seed: 2})
	if got := c.Slices[0].Slices[0].Missing; got != "too few: n = 36 in 12 families" {
		t.Errorf("%q", got)
	}
}

// TestSimpson has two slices whose BLEU falls while the whole's rises, as a metric
// that is no mean of its items can.
func TestSimpson(t *testing.T) {
	t.Parallel()
	whole, parts := compare.SimpsonExample()
	warnings := compare.ContradictionsOf(whole, parts)
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "Simpson's paradox: b differs from a on BLEU by +1.00 (95 % interval +0.50 to +1.50, p = 0.010) overall, and has the opposite sign in 2 of the 2 slices by category") {
		t.Errorf("%q", warnings)
	}
}

func TestOperationFigures(t *testing.T) {
	t.Parallel()
	c, _, _ := compared(t, catalogue(t, 120, 1), compare.Options{}, writer{name: "a", wrong: 0.3, seed: 1, seconds: 1}, writer{name: "b", wrong: 0.3, seed: 2, seconds: 2, fails: "p-0003"})
	a, b := c.Candidates[0].Operation, c.Candidates[1].Operation
	if a.LatencyP99.Missing != "" || a.LatencyP99.N != 120 || !(a.LatencyP95.Value <= a.LatencyP99.Value) || a.LatencyP99.Level != 0.95 || a.Measured != 1 || math.Abs(b.Measured-119.0/120) > 1e-12 {
		t.Errorf("%+v", a)
	}
	// Two calls at once, each a second or two long, but the clock saw them end at once: never more than two at a time.
	if got := a.Throughput; got.Unit != "outputs/s" || !(got.Value > 1 && got.Value <= 2) || !(got.Low < got.Value && got.Value < got.High) || !strings.Contains(got.Signature, "concurrency:2") {
		t.Errorf("%+v", got)
	}
	if got := a.TokenRate; got.Value < 20*a.Throughput.Value || got.Value > 30*a.Throughput.Value {
		t.Errorf("%+v", got)
	}
	if a.FirstTokenP95.Missing != "not measured: the provider does not tell" || a.ReportedP50.Missing == "" || a.CostSource != "price" {
		t.Errorf("%+v", a)
	}
	c, _, _ = compared(t, catalogue(t, 40, 1), compare.Options{}, writer{name: "a", wrong: 0.3, seed: 1, seconds: 1}, writer{name: "b", wrong: 0.3, seed: 2, seconds: 2})
	if got := c.Candidates[0].Operation.LatencyP99.Missing; got != "not measured: 40 outputs are too few for a 99th percentile" {
		t.Errorf("%q", got)
	}
}
