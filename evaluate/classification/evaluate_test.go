package classification

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// textbook is worked by hand: of 10 items, 4 are positive; 3 of them are found,
// with 2 false alarms.
func textbook(t *testing.T) Data {
	t.Helper()
	return must[Data](t)(read("1\n1\n1\n1\n0\n0\n0\n0\n0\n0\n", "1\n1\n1\n0\n1\n1\n0\n0\n0\n0\n", "0.9\n0.8\n0.7\n0.4\n0.7\n0.6\n0.3\n0.2\n0.1\n0.05\n", false, ""))
}

func TestEvaluateByHand(t *testing.T) {
	t.Parallel()
	r := must[Report](t)(Evaluate(t.Context(), textbook(t), Options{Beta: 2}))
	for name, want := range map[string]float64{
		"accuracy": .7, "balanced_accuracy": (3./4 + 4./6) / 2, "precision": 3. / 5, "recall": 3. / 4, "f1": 2. / 3, "f_beta": 5 * 3. / (4*4 + 5),
		"mcc": (3*4 - 2*1) / math.Sqrt(5*4*6*5), "cohen_kappa": (.7 - .5) / .5,
		"roc_auc": (6 + 6 + 5.5 + 4) / 24, // negatives below each positive, the tie a half
		"brier":   (.01 + .04 + .09 + .36 + .49 + .36 + .09 + .04 + .01 + .0025) / 10,
	} {
		h, ok := r.Headline(name)
		if !ok || math.Abs(float64(h.Value)-want) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, h.Value, want)
		}
		if !ok || h.Level != level || h.Low > h.Value || h.High < h.Value || h.N != 10 {
			t.Errorf("%s has the interval %v to %v, n %d", name, h.Low, h.High, h.N)
		}
	}
	if c := r.Confusion; c.Counts[0][0] != 4 || c.Counts[0][1] != 2 || c.Counts[1][0] != 1 || c.Counts[1][1] != 3 {
		t.Errorf("confusion matrix %v", c.Counts)
	}
	if r.Positive != "1" || r.Average != Binary || len(r.Curves) != 1 || r.Curves[0].Class != "1" {
		t.Errorf("positive %q, average %s, %d curves", r.Positive, r.Average, len(r.Curves))
	}
	if want := "task:binary|classes:2|pos:1|avg:binary|beta:2|zero:warn|bins:10-uniform|bs:1000|seed:12345|like:scikit-learn-1.9.1"; r.Signature != want {
		t.Errorf("signature %s, want %s", r.Signature, want)
	}
}

// What is not defined is null with a reason, never a number.
func TestUndefined(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name                        string
		labels, predictions, scores string
		multilabel                  bool
		o                           Options
		null                        map[string]string // figure: part of the warning
	}{
		{"one class only", "1\n1\n1", "1\n0\n1", "0.5\n0.6\n0.7", false, Options{}, map[string]string{"roc_auc": `roc_auc is not defined: the labels hold one class only, "1".`}},
		{"no positive item", "0\n0\n0", "0\n0\n1", "0.5\n0.6\n0.7", false, Options{}, map[string]string{"roc_auc": `the labels hold one class only, "0"`, "average_precision": "average_precision is not defined", "pr_auc": "pr_auc is not defined"}},
		{"both raters say one thing", "0\n0\n0", "0\n0\n0", "-", false, Options{}, map[string]string{"cohen_kappa": "cohen_kappa is not defined: labels and predictions hold the same single class", "roc_auc": ""}},
		{"no probabilities", "1\n0\n1", "1\n0\n1", "0.5\n-3\n0.7", false, Options{}, map[string]string{"brier": "scores.txt, line 2: -3 is outside 0 to 1", "log_loss": "log_loss is not measured", "expected_calibration_error": "is not measured"}},
		{"an absent class", "a\nb\na", "a\nb\nb", "a,b,c\n1,0,0\n0,1,0\n0,1,0", false, Options{}, map[string]string{"roc_auc": `no item has the class "c"`, "average_precision": `no item has the class "c"`}},
		{"nothing predicted, left out", "1\n1\n0", "0\n0\n0", "-", false, Options{ZeroDivision: NaN}, map[string]string{"precision": "precision is not defined: every class was left out by zero division nan", "roc_auc": ""}},
	}
	for _, c := range cases {
		d := must[Data](t)(read(c.labels, c.predictions, c.scores, c.multilabel, ""))
		r := must[Report](t)(Evaluate(t.Context(), d, c.o))
		warnings := strings.Join(r.Warnings, "\n")
		var got map[string]any
		text, err := json.Marshal(r)
		if err != nil || json.Unmarshal(text, &got) != nil {
			t.Fatalf("%s: %v %s", c.name, err, text)
		}
		for name, why := range c.null {
			if v, ok := got[name]; !ok || v != nil {
				t.Errorf("%s: %s is %v in %s", c.name, name, v, text)
			}
			if !strings.Contains(warnings, why) {
				t.Errorf("%s: no warning with %q in:\n%s", c.name, why, warnings)
			}
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	backwards := must[Data](t)(read(strings.Repeat("1\n0\n", 40), strings.Repeat("1\n0\n", 40), strings.Repeat("0.1\n0.9\n", 40), false, ""))
	cases := []struct {
		d    Data
		want string
	}{
		{backwards, `roc_auc is below one half: check that the scores are those of class "1"`},
		{must[Data](t)(read("a\nb\nc", "a\na\na", "-", false, "")), `precision counts as 0 for the class "b", "c", which was never predicted`},
		{must[Data](t)(read("a\na\na", "a\nb\na", "-", false, "b")), `recall counts as 0 for the class "b", which no item has`},
		{must[Data](t)(read("a\na\na", "a\nb\na", "-", false, "b")), "There are only 3 items"},
	}
	for _, c := range cases {
		r := must[Report](t)(Evaluate(t.Context(), c.d, Options{}))
		if all := strings.Join(r.Warnings, "\n"); !strings.Contains(all, c.want) {
			t.Errorf("no warning with %q in:\n%s", c.want, all)
		}
	}
	sets := must[Data](t)(read("a\n\nb", "\na\nb", "-", true, ""))
	r := must[Report](t)(Evaluate(t.Context(), sets, Options{Average: Samples}))
	if all := strings.Join(r.Warnings, "\n"); !strings.Contains(all, "precision counts as 0 for 1 of 3 items") || !strings.Contains(all, "recall counts as 0 for 1 of 3 items") {
		t.Errorf("warnings: %s", all)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	unknown := must[Data](t)(read("sale\nfull", "sale\nsale", "-", false, ""))
	three := must[Data](t)(read("a\nb\nc", "a\nb\nc", "-", false, ""))
	cases := []struct {
		d    Data
		o    Options
		want string
	}{
		{unknown, Options{}, "neither is plainly the positive one"},
		{three, Options{Average: Binary}, "the average binary needs two classes, and there are 3"},
		{three, Options{Average: Samples}, "the average over samples needs several labels"},
		{three, Options{Beta: -1}, "beta is -1"},
	}
	for _, c := range cases {
		if _, err := Evaluate(t.Context(), c.d, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	if _, err := Evaluate(t.Context(), unknown, Options{Average: Macro}); err != nil {
		t.Errorf("macro needs no positive class: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Evaluate(ctx, textbook(t), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after its context ended: %v", err)
	}
}

// random is data of n items over k classes, with probabilities.
func random(seed uint64, n, k int) Data {
	g := rand.New(rand.NewPCG(seed, 1))
	d := Data{Positive: -1, HasScores: true, Scores: Scores{k: k}}
	for c := range k {
		d.Classes = append(d.Classes, string(rune('a'+c)))
	}
	if k == 2 {
		d.Positive = 1
	}
	for range n {
		actual, row, sum := g.IntN(k), make([]float64, k), 0.0
		for c := range row {
			row[c] = g.Float64()
			if c == actual {
				row[c] += .4
			}
			row[c] = math.Round(row[c]*20)/20 + .01 // ties
			sum += row[c]
		}
		best := 0
		for c := range row {
			row[c] /= sum
			if row[c] > row[best] {
				best = c
			}
		}
		d.True, d.Predicted = append(d.True, actual), append(d.Predicted, best)
		d.Scores.data = append(d.Scores.data, row...)
	}
	return d
}

// A resample's figures are those of the data written out, item by item.
func TestCountsEqualRepeats(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		for _, k := range []int{2, 4} {
			d := random(seed, 40, k)
			counts := make([]int32, d.N())
			long := d
			long.True, long.Predicted, long.Scores = nil, nil, Scores{k: k}
			g := rand.New(rand.NewPCG(seed, 2))
			for i := range counts {
				counts[i] = int32(g.IntN(3))
				for range counts[i] {
					long.True, long.Predicted = append(long.True, d.True[i]), append(long.Predicted, d.Predicted[i])
					long.Scores.data = append(long.Scores.data, d.Scores.Row(i)...)
				}
			}
			short, written := evaluatorOf(t, d), evaluatorOf(t, long)
			got, want := short.figures(counts), written.figures(nil)
			for i, kind := range short.kinds {
				same(t, kind.name, got[i], number(want[i]))
			}
		}
	}
}

func evaluatorOf(t *testing.T, d Data) *evaluator {
	t.Helper()
	var o Options
	if err := o.complete(d); err != nil {
		t.Fatal(err)
	}
	e := &evaluator{Data: d, o: o, kinds: kindsOf(d, o)}
	e.scratch.New = func() any { m := NewMatrix(len(d.Classes)); return &m }
	if err := e.rank(); err != nil {
		t.Fatal(err)
	}
	return e
}

// Areas of a resample are the hot path; they allocate nothing.
func TestAreasAllocateNothing(t *testing.T) {
	d := random(1, 500, 2)
	e := evaluatorOf(t, d)
	counts := make([]int32, d.N())
	for i := range counts {
		counts[i] = int32(i % 3)
	}
	r := e.rest.Class[1]
	if n := testing.AllocsPerRun(10, func() { r.areas(counts) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSimplify(t *testing.T) {
	t.Parallel()
	d := random(7, 4000, 2)
	e := evaluatorOf(t, d)
	exact := e.rest.Class[1].ROC()
	for _, limit := range []int{2, 10, 200, 100000} {
		c := simplify(exact, limit)
		if len(c.Points) > limit || c.Total != len(exact) || c.Points[0] != exact[0] || c.Points[len(c.Points)-1] != exact[len(exact)-1] {
			t.Fatalf("limit %d: %d points of %d", limit, len(c.Points), c.Total)
		}
		if limit >= len(exact) && c.Deviation != 0 {
			t.Errorf("limit %d: deviation %v", limit, c.Deviation)
		}
		if limit == 200 && c.Deviation > .01 {
			t.Errorf("200 points are off by %v", c.Deviation)
		}
	}
	corner := simplify([]Point{{0, 0, 3}, {0, .5, 2}, {0, 1, 1}, {.5, 1, .5}, {1, 1, 0}}, 3)
	if len(corner.Points) != 3 || corner.Points[1] != (Point{0, 1, 1}) || corner.Deviation != 0 {
		t.Errorf("the corner is lost: %+v", corner)
	}
}

// The interval covers a known area about as often as it says.
func TestIntervalCovers(t *testing.T) {
	t.Parallel()
	const trials, n = 200, 120
	covered := 0
	for seed := range uint64(trials) {
		g := rand.New(rand.NewPCG(seed, 9))
		d := Data{Classes: []string{"0", "1"}, Positive: 1}
		for range n {
			actual := g.IntN(2)
			predicted := actual
			if g.Float64() < .3 {
				predicted = 1 - actual
			}
			d.True, d.Predicted = append(d.True, actual), append(d.Predicted, predicted)
		}
		r := must[Report](t)(Evaluate(t.Context(), d, Options{Bootstrap: 200}))
		if h, _ := r.Headline("accuracy"); h.Low <= .7 && h.High >= .7 {
			covered++
		}
	}
	// Binomial with p = 0.95: fewer than 180 of 200 has a chance below 1 in 300.
	if covered < 180 {
		t.Errorf("%d of %d intervals hold the true accuracy", covered, trials)
	}
}
