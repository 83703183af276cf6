package evaluate_test

import (
	"math"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
)

// A rate of none gets its upper bound over families; one in between, over families of
// several, keeps the bootstrap's interval; single items get the exact interval.
func TestRatesHaveBounds(t *testing.T) {
	t.Parallel()
	score := func(metricName string, change func([]dataset.Item)) stylesprint.Score {
		t.Helper()
		r, _, _, plan := setup(t, 8)
		list := plan.Dataset.Items
		for i := range list {
			list[i].Fields["colour"] = "red"
		}
		if change != nil {
			change(list)
		}
		m, err := metric.New(t.Context(), metricName, metric.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if plan.Dataset, err = dataset.New("demo", list); err != nil {
			t.Fatal(err)
		}
		r.Metrics = []metric.Metric{m}
		run, err := r.Run(t.Context(), plan)
		if err != nil || len(run.Scores) != 1 {
			t.Fatalf("%v %+v", err, run.Scores)
		}
		return run.Scores[0]
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
	none := score("contradictions", nil)
	if none.Value != 0 || none.Low != 0 || !near(none.High, 1-math.Pow(0.05, 1.0/4)) || none.Level != evaluate.ScoreLevel || none.N != 8 {
		t.Errorf("none of 8 in 4 families: %+v", none)
	}
	navy := func(list []dataset.Item) { list[3].Fields["name"] = "navy dress" } // which its text repeats, of a red one
	one := score("contradictions", navy)
	if one.Value != 1.0/8 || one.Low != 0 || !near(one.High, 0.5) { // four families: the widened bootstrap ends at its farthest sample, the exact interval would not
		t.Errorf("one of 8 in 4 families: %+v", one)
	}
	single := score("contradictions", func(list []dataset.Item) {
		navy(list)
		for i := range list {
			list[i].Family = ""
		}
	})
	if single.Value != 1.0/8 || math.Abs(single.High-0.526509670875) > 1e-11 { // scipy's binomtest
		t.Errorf("one of 8 items: %+v", single)
	}
	absent := score("contradictions", func(list []dataset.Item) {
		for i := range list[:4] {
			list[i].Slices = map[string]string{"language": "de"}
		}
	})
	if absent.N != 4 || !near(absent.High, 1-math.Pow(0.05, 1.0/2)) {
		t.Errorf("4 of 8 in a language without rules: %+v", absent)
	}
	missing := score("faithfulness", func(list []dataset.Item) {
		for i := range list {
			list[i].Slices = map[string]string{"language": "de"}
		}
	})
	if !strings.Contains(missing.Missing, "facts") {
		t.Errorf("%+v", missing)
	}
}
