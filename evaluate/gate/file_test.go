package gate

import (
	"reflect"
	"strings"
	"testing"

	"stylesprint"
)

func TestRead(t *testing.T) {
	t.Parallel()
	want := Rules{
		Candidates: []string{"voice"},
		Regression: []Regression{{Metric: "*"}, {Metric: "bleu", Loss: 2, Alpha: .01, Why: "BLEU is noisy"}},
		Hard:       []Limit{{Metric: "faithfulness-violations"}, {Metric: "failed_share", Value: 1}},
		Min:        []Limit{{Metric: "similarity", Value: .75, Interval: true}},
		Max:        []Limit{{Metric: "cost_per_10000", Value: 12}, {Metric: "latency_p95", Value: 2.5, Optional: true}},
	}
	for name, text := range map[string]string{
		"YAML": `# what a release must meet
candidates: [voice]
regression:
  - metric: "*"
  - {metric: bleu, loss: 2, alpha: 0.01, why: BLEU is noisy}
hard:
  - metric: faithfulness-violations
  - {metric: failed_share, max: 1}
min:
  - metric: similarity
    value: 0.75
    interval: true
max:
  - {metric: cost_per_10000, value: 12}
  - {metric: latency_p95, value: 2.5, optional: true}
`,
		"JSON": `{"candidates":["voice"],"regression":[{"metric":"*"},{"metric":"bleu","loss":2,"alpha":0.01,"why":"BLEU is noisy"}],
"hard":[{"metric":"faithfulness-violations"},{"metric":"failed_share","max":1}],
"min":[{"metric":"similarity","value":0.75,"interval":true}],"max":[{"metric":"cost_per_10000","value":12},{"metric":"latency_p95","value":2.5,"optional":true}]}`,
	} {
		got, err := Read(strings.NewReader(text), "gate.yaml")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	got, err := Read(strings.NewReader("min: [{metric: bleu, value: 20}]"), "gate.yaml")
	if err != nil || !reflect.DeepEqual(got.Regression, Default().Regression) {
		t.Errorf("without regression the default holds: %+v, %v", got, err)
	}
	got, err = Read(strings.NewReader("regression: []\nmin: [{metric: bleu, value: 20}]"), "gate.yaml")
	if err != nil || len(got.Regression) != 0 {
		t.Errorf("an empty list has none: %+v, %v", got, err)
	}
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{"gate.yaml: is empty"}},
		{"min: [", []string{"is neither YAML nor JSON"}},
		{"- a", []string{"gate.yaml, line 1: want keys and values"}},
		{"min: []\n---\nmax: []", []string{"has a second document"}},
		{"floor: []\nmin: []\nmin: []", []string{"gate.yaml, line 1, field floor: is not a key here; use candidates, regression, hard, min, max", "gate.yaml, line 3, field min: is there twice"}},
		{"min:\n  metric: bleu", []string{"gate.yaml, line 2, field min: want a list"}},
		{"min:\n  - metric: bleu\n    value: high\n  - value: 3\n  - metric: ter\n", []string{"line 3, field min[0].value: want a number", "line 4, field min[1].metric: is missing", "line 5, field min[2].value: is missing"}},
		{"min:\n  - {metric: bleu, value: .nan}", []string{"line 2, field min[0].value: want a number"}},
		{"min:\n  - {metric: bleu, value: NaN}", []string{"line 2, field min[0].value: want a number, got NaN"}},
		{"min:\n  - {metric: bleu, value: 1}\n  - {metric: bleu, value: 2}", []string{"line 3, field min[1].metric: bleu has a rule of this kind already"}},
		{"hard:\n  - {metric: bleu, value: 1}", []string{"line 2, field hard[0].value: is not a key here; use metric, max"}},
		{"hard:\n  - {metric: bleu, max: -1}", []string{"line 2, field hard[0].max: want 0 or more, got -1"}},
		{"regression:\n  - {metric: bleu, loss: 0, alpha: 2}", []string{"field regression[0].loss: want more than 0; leave it out", "field regression[0].alpha: want a share"}},
		{"max:\n  - metric: [bleu]\n    value: 1\n    optional: maybe\n", []string{"line 2, field max[0].metric: want a text", "line 4, field max[0].optional: want true or false"}},
		{"max:\n  - {metric: bleu, value: \"1\"}", []string{"field max[0].value: want a number"}},
		{"candidates: [a, a]\nmin: &x [{metric: b, value: 1}]\nmax: *x", []string{"candidates[1]: is empty or there twice", "line 3, field max: want a list"}},
	} {
		_, err := Read(strings.NewReader(c.text), "gate.yaml")
		if err == nil || stylesprint.CodeOf(err) != stylesprint.CodeInvalid || stylesprint.HintOf(err) == "" {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: got %v\nwant %q", c.text, err, want)
			}
		}
	}
	if _, err := Read(strings.NewReader(strings.Repeat("#", maxFile+1)), "gate.yaml"); err == nil || !strings.Contains(err.Error(), "has more than") {
		t.Errorf("a large file: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("regression:\n  - {metric: bleu, loss: 2, alpha: 0.01, why: x}\nhard: [{metric: v, max: 0}]\n")
	f.Add(`{"min":[{"metric":"bleu","value":1e3,"interval":true}],"candidates":["a"]}`)
	f.Add("a: &a [*a]\n---\n<<: *a")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read(strings.NewReader(text), "f")
		if err != nil {
			if stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		if err := r.Validate(); err != nil {
			t.Fatalf("rules that were read are not valid: %v", err)
		}
		_, _ = Evaluate(comparison(nil), r)
	})
}
