package compare_test

import (
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate/compare"
)

func TestJudgedMetrics(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 30, 1)
	writers := []writer{{name: "plain", wrong: 0.4, seed: 1}, {name: "voice", wrong: 0.2, seed: 2}}
	judged := func(o compare.Options) (string, string) {
		t.Helper()
		c, _, _ := compared(t, d, o, writers...)
		var names []string
		for _, m := range c.Metrics {
			if m.Judged {
				names = append(names, m.Name)
			}
		}
		return strings.Join(names, " "), c.Primary
	}
	for _, c := range []struct {
		o               compare.Options
		judged, primary string
	}{
		{compare.Options{}, "bleu similarity", "bleu"},
		{compare.Options{Primary: "bleu-mean"}, "bleu bleu-mean similarity", "bleu-mean"},
		{compare.Options{Judged: []string{"similarity", "bleu-mean"}}, "bleu-mean similarity", "bleu-mean"},
		{compare.Options{Metrics: []string{"bleu-mean", "length"}}, "bleu-mean", "bleu-mean"}, // nothing that is marked: all with a direction
	} {
		if names, first := judged(c.o); names != c.judged || first != c.primary {
			t.Errorf("%+v: judged %s, primary %s", c.o, names, first)
		}
	}
	_, src, ids := compared(t, d, compare.Options{}, writers...)
	for _, o := range []compare.Options{{Dataset: d, Judged: []string{"length"}}, {Dataset: d, Judged: []string{"chrf"}}, {Dataset: d, Judged: []string{"bleu"}, Primary: "similarity"}} {
		if _, err := compare.Compare(t.Context(), src, ids, o); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%v, primary %q: %v", o.Judged, o.Primary, err)
		}
	}
}

// A loss on a metric that is only shown does not decide.
func TestShownMetricsDoNotDecide(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 60, 1)
	c, _, _ := compared(t, d, compare.Options{Judged: []string{"similarity"}, Margins: map[string]float64{"similarity": 2}},
		writer{name: "plain", wrong: 0.2, seed: 1, price: dear}, writer{name: "worse", wrong: 0.4, seed: 2, price: cheap})
	for m, info := range c.Metrics {
		if info.Name == "bleu" && c.Candidates[1].Differences[m].Verdict != compare.VerdictWorse {
			t.Fatalf("%+v", c.Candidates[1].Differences[m])
		}
	}
	if text := c.Decision.Sentence + strings.Join(c.Decision.Reasons, " "); strings.Contains(text, "BLEU") {
		t.Errorf("%s", text)
	}
}
