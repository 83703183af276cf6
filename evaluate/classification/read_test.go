package classification

import (
	"slices"
	"strings"
	"testing"

	"stylesprint"
)

// read reads texts as files named labels.txt, predictions.txt and scores.txt, or
// .jsonl where a text begins with "json:".
func read(labels, predictions, scores string, multilabel bool, positive string) (Data, error) {
	source := func(name, text string) Source {
		if rest, ok := strings.CutPrefix(text, "json:"); ok {
			return Source{name + ".jsonl", strings.NewReader(rest)}
		}
		return Source{name + ".txt", strings.NewReader(text)}
	}
	f := Files{Labels: source("labels", labels), Predictions: source("predictions", predictions), Multilabel: multilabel, Positive: positive}
	if scores != "-" {
		s := source("scores", scores)
		f.Scores = &s
	}
	return Read(f)
}

func TestRead(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name                        string
		labels, predictions, scores string
		multilabel                  bool
		asked                       string
		classes                     []string
		positive                    string
		scored                      []float64 // row after row, by class
	}{
		{"numbers", "1\n0\n1\n", "1\n1\n0\n", "0.75\n0.5\n0.25\n", false, "", []string{"0", "1"}, "1", []float64{.25, .75, .5, .5, .75, .25}},
		{"numeric order", "10\n9\n-1", "10\n9\n9", "-", false, "", []string{"-1", "9", "10"}, "", nil},
		{"one and minus one", "1\n-1", "1\n-1", "-", false, "", []string{"-1", "1"}, "1", nil},
		{"words in any case", "Yes\r\nNo\r\n", "No\r\nNo\r\n", "-", false, "", []string{"No", "Yes"}, "Yes", nil},
		{"the positive class does not occur", "false\nfalse", "false\nfalse", "0.5\n0.25", false, "", []string{"false", "true"}, "true", []float64{.5, .5, .75, .25}},
		{"only the positive class", "positive", "positive", "0.75", false, "", []string{"negative", "positive"}, "positive", []float64{.25, .75}},
		{"asked", "sale\nfull", "sale\nsale", "-", false, "full", []string{"full", "sale"}, "full", nil},
		{"asked and alone", "sale", "sale", "0.75", false, "sale", []string{"not sale", "sale"}, "sale", []float64{.25, .75}},
		{"not asked", "sale\nfull", "sale\nsale", "-", false, "", []string{"full", "sale"}, "", nil},
		{"header of one column", "sale\nfull", "sale\nsale", "sale\n0.75\n0.25", false, "", []string{"full", "sale"}, "sale", []float64{.25, .75, .75, .25}},
		{"scores that are no probabilities", "1\n0", "1\n0", "2.5\n-3", false, "", []string{"0", "1"}, "1", []float64{-2.5, 2.5, 3, -3}},
		{"columns", "b\na", "b\na", "b,a,c\n0.5,0.25,0.25\n0,1,0", false, "", []string{"a", "b", "c"}, "", []float64{.25, .5, .25, 1, 0, 0}},
		{"tabs and numbers as classes", "2\n1", "2\n1", "1\t2\t3\n0.25\t0.5\t0.25\n1\t0\t0", false, "", []string{"1", "2", "3"}, "", []float64{.25, .5, .25, 1, 0, 0}},
		{"JSON", `json:"a"` + "\n7\ntrue", `json:"a"` + "\n7\n7", `json:{"a":1,"7":0,"true":0}` + "\n" + `{"7":1,"true":0,"a":0}` + "\n" + `{"a":0,"7":0,"true":1}`, false, "", []string{"7", "a", "true"}, "", []float64{0, 1, 0, 1, 0, 0, 0, 0, 1}},
		{"JSON numbers", "json:1\n0", "json:1\n1", "json:0.75\n0.25", false, "", []string{"0", "1"}, "1", []float64{.25, .75, .75, .25}},
		{"sets", "red, blue\n\nblue", "red\nred,red\nblue", "red,blue\n0.5,0.25\n0.75,0.75\n1,1", true, "", []string{"blue", "red"}, "", []float64{.25, .5, .75, .75, 1, 1}},
		{"JSON sets", `json:["a","b"]` + "\n[]", `json:["b"]` + "\n" + `["a"]`, "-", true, "", []string{"a", "b"}, "", nil},
		{"one class of many, by its column", "a\n\n", "a\na", "a\n0.5\n0.5", true, "", []string{"a"}, "", []float64{.5, .5}},
	}
	for _, c := range cases {
		d, err := read(c.labels, c.predictions, c.scores, c.multilabel, c.asked)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		positive := ""
		if d.Positive >= 0 {
			positive = d.Classes[d.Positive]
		}
		if !slices.Equal(d.Classes, c.classes) || positive != c.positive || !slices.Equal(d.Scores.data, c.scored) || d.HasScores != (c.scored != nil) {
			t.Errorf("%s: classes %q, positive %q, scores %v", c.name, d.Classes, positive, d.Scores.data)
		}
	}
	d, err := read("red, blue\n\nblue", "red\nred,red\nblue", "-", true, "")
	if err != nil || !slices.EqualFunc(d.TrueSets, Sets{{0, 1}, {}, {0}}, slices.Equal) || !slices.EqualFunc(d.PredictedSets, Sets{{1}, {1}, {0}}, slices.Equal) {
		t.Errorf("sets are %v and %v, %v", d.TrueSets, d.PredictedSets, err)
	}
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name                        string
		labels, predictions, scores string
		multilabel                  bool
		asked                       string
		want                        []string
	}{
		{"NaN", "1\n0", "1\n0", "0.5\nNaN", false, "", []string{"scores.txt, line 2: the score is NaN"}},
		{"infinite", "1\n0", "1\n0", "inf\n0.5", false, "", []string{"scores.txt, line 1: the score is infinite"}},
		{"no number", "1\n0", "1\n0", "0.5\nmany", false, "", []string{`scores.txt, line 2: column 1: "many" is not a number`}},
		{"empty score", "1\n0", "1\n0", "0.5\n\n", false, "", []string{`scores.txt, line 2: column 1: "" is not a number`}},
		{"unequal predictions", "1\n0\n1", "1\n0", "-", false, "", []string{"labels.txt has 3 items and predictions.txt has 2"}},
		{"unequal scores", "1\n0", "1\n0", "0.5", false, "", []string{"labels.txt has 2 items and scores.txt has 1"}},
		{"sum", "a\nb", "a\nb", "a,b,c\n0.5,0.5,0\n0.5,0.5,0.2", false, "", []string{"scores.txt, line 3: the probabilities add up to 1.2, not 1"}},
		{"negative", "a\nb", "a\nb", "a,b,c\n0.5,0.5,0\n1.5,-0.5,0", false, "", []string{`scores.txt, line 3: class "a": 1.5 is not a probability`}},
		{"unknown label", "a\nb\nz", "a\nb\nb", "a,b\n1,0\n0,1\n0,1", false, "", []string{`labels.txt, line 3: class "z" has no column in scores.txt, whose first line names "a", "b"`}},
		{"unknown prediction", "a\nb", "a\nz", "a,b\n1,0\n0,1", false, "", []string{`predictions.txt, line 2: class "z" has no column`}},
		{"no header", "a\nb", "a\nb", "0.5,0.5\n1,0", false, "", []string{`scores.txt, line 1: names class "0.5" twice; the first line names the classes`}},
		{"no header either", "a\nb", "a\nb", "0.4,0.6\n1,0", false, "", []string{"labels.txt has 2 items and scores.txt has 1"}},
		{"width", "a\nb", "a\nb", "a,b\n1,0\n1", false, "", []string{"scores.txt, line 3: has 1 columns and the first line 2"}},
		{"header twice", "a\nb", "a\nb", "a,a\n1,0\n1,0", false, "", []string{`scores.txt, line 1: names class "a" twice; the first line names`}},
		{"header without a name", "a\nb", "a\nb", "a,\n1,0\n1,0", false, "", []string{"scores.txt, line 1: column 2 has no name"}},
		{"empty label", "1\n\n0", "1\n0\n0", "-", false, "", []string{"labels.txt, line 2: is empty"}},
		{"empty among labels", "a,,b", "a", "-", true, "", []string{"labels.txt, line 1: has an empty label between commas"}},
		{"nothing", "", "", "-", false, "", []string{"labels.txt has no items"}},
		{"three classes and one column", "a\nb\nc", "a\nb\nc", "0.5\n0.5\n0.5", false, "", []string{`scores.txt has one column, but there are 3 classes: "a", "b", "c"`}},
		{"one column for an unknown class", "sale\nfull", "sale\nfull", "0.5\n0.5", false, "", []string{"scores.txt does not say which class its scores are for"}},
		{"positive is no class", "a\nb", "a\nb", "-", false, "z", []string{`no item has the positive class "z"; the classes are "a", "b"`}},
		{"positive of three", "a\nb\nc", "a\nb\nc", "-", false, "a", []string{"there are 3 classes"}},
		{"positive against the header", "a\nb", "a\nb", "a\n0.5\n0.5", false, "b", []string{`the scores are those of "a", and --positive is "b"`}},
		{"positive of sets", "a\nb", "a\nb", "-", true, "b", []string{"a positive class makes no sense"}},
		{"sets without names", "a\nb", "a\nb", "0.5\n0.5", true, "", []string{"scores.txt does not name the class"}},
		{"bad JSON", `json:"a`, `json:"a"`, "-", false, "", []string{"labels.jsonl, line 1: is not JSON"}},
		{"JSON and more", `json:"a" 1`, `json:"a"`, "-", false, "", []string{"labels.jsonl, line 1: is not JSON: text after the value"}},
		{"a list without saying so", `json:["a"]`, `json:["a"]`, "-", false, "", []string{"say --multilabel"}},
		{"no list", `json:"a"`, `json:["a"]`, "-", true, "", []string{"holds no list of labels"}},
		{"null", "json:null", `json:"a"`, "-", false, "", []string{"neither a text, a number nor"}},
		{"JSON scores", "json:1\n0", "json:1\n0", `json:{"1":0.5,"0":0.5}` + "\n0.5", false, "", []string{"scores.jsonl, line 2: has 0 classes and the first line 2"}},
		{"JSON score of another class", "json:1\n0", "json:1\n0", `json:{"1":0.5,"0":0.5}` + "\n" + `{"1":0.5,"2":0.5}`, false, "", []string{`scores.jsonl, line 2: has no number for class "0"`}},
		{"JSON score too large", "json:1\n0", "json:1\n0", "json:1e999\n0.5", false, "", []string{"scores.jsonl, line 1: 1e999 is not a number that can be held"}},
		{"not UTF-8", "a\xff", "a", "-", false, "", []string{"labels.txt, line 1: is not UTF-8"}},
	}
	for _, c := range cases {
		_, err := read(c.labels, c.predictions, c.scores, c.multilabel, c.asked)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		if stylesprint.CodeOf(err) != stylesprint.CodeInvalid || stylesprint.HintOf(err) == "" && c.name != "not UTF-8" {
			t.Errorf("%s: code %s, hint %q", c.name, stylesprint.CodeOf(err), stylesprint.HintOf(err))
		}
		if !slices.ContainsFunc(c.want, func(w string) bool { return strings.Contains(err.Error(), w) }) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// Of many faults some are named and all are counted.
func TestReadCountsFaults(t *testing.T) {
	t.Parallel()
	_, err := read(strings.Repeat("\n", 50), "a", "-", false, "")
	if err == nil || !strings.Contains(err.Error(), "50 faults, the first 20 of them") {
		t.Errorf("got %v", err)
	}
	var many strings.Builder
	for i := range maxClasses + 1 {
		many.WriteString(strings.Repeat("x", i+1) + "\n")
	}
	if _, err := read(many.String(), "a", "-", false, ""); err == nil || !strings.Contains(err.Error(), "labels.txt, line 1001: there are more than 1000 different classes") {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("1\n0\n", "1\n1\n", "0.5\n0.25", false, "")
	f.Add("a\nb\nc", "a\nb\nb", "a\tb\tc\n0.5\t0.25\t0.25\n1\t0\t0\n0\t0\t1", false, "")
	f.Add("a,b\n\n", "b\na", "a,b\n0.5,0.25\n1,1", true, "")
	f.Add(`json:["a",1]`, `json:[true]`, `json:{"a":1,"1":0.5,"true":0}`, true, "")
	f.Add(`json:"yes"`, `json:"no"`, `json:-2e3`, false, "yes")
	f.Add("sale", "\ufeffsale", "sale\nNaN", false, "sale")
	f.Fuzz(func(t *testing.T, labels, predictions, scores string, multilabel bool, positive string) {
		d, err := read(labels, predictions, scores, multilabel, positive)
		if err != nil {
			return
		}
		checkData(t, d)
		r, err := Evaluate(t.Context(), d, Options{Bootstrap: 3})
		if err != nil {
			if stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		for _, h := range r.Headlines {
			if h.Value.Defined() == (h.Missing != "") {
				t.Fatalf("%s is %v and missing %q", h.Name, h.Value, h.Missing)
			}
		}
		if _, err := r.MarshalJSON(); err != nil {
			t.Fatal(err)
		}
	})
}

// checkData says what holds for whatever Read has accepted.
func checkData(t *testing.T, d Data) {
	t.Helper()
	k := len(d.Classes)
	in := func(c int) bool { return c >= 0 && c < k }
	if d.N() == 0 || d.Positive >= k || d.Positive >= 0 && k != 2 || d.HasScores && d.Scores.Rows() != d.N() && k > 0 {
		t.Fatalf("%d items, %d classes, positive %d, %d rows of scores", d.N(), k, d.Positive, d.Scores.Rows())
	}
	for i, c := range d.True {
		if !in(c) || !in(d.Predicted[i]) {
			t.Fatalf("item %d has class %d of %d", i, c, k)
		}
	}
	for _, sets := range []Sets{d.TrueSets, d.PredictedSets} {
		for _, s := range sets {
			if !slices.IsSorted(s) || slices.ContainsFunc(s, func(c int) bool { return !in(c) }) || len(slices.Compact(slices.Clone(s))) != len(s) {
				t.Fatalf("set %v of %d classes", s, k)
			}
		}
	}
}
