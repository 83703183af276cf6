package compare_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate/compare"
)

func readArticle(t *testing.T) compare.Reported {
	t.Helper()
	f, err := os.Open("testdata/article.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := compare.ReadReported(f, "testdata/article.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestArticle reads the article's figures; its deltas are 2.815 and 6.363.
func TestArticle(t *testing.T) {
	t.Parallel()
	r := readArticle(t)
	neo, gpt := r.Candidates[0], r.Candidates[1]
	if r.File != "article.yaml" || neo.Name != "GPT-Neo-like" || gpt.Name != "GPT-3.5-like" || len(r.Metrics) != 3 || r.Metrics[2].Direction != compare.DirectionHigher {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct{ got, want string }{
		{gpt.Figures[0].Text, "BLEU 0.6215"}, {neo.Figures[0].Text, "BLEU 0.1934"}, {gpt.Figures[1].Text, "similarity 0.8192"},
		{gpt.Figures[2].Text, "CLIP 26.195, reference 29.010, delta 2.815"}, {neo.Figures[2].Text, "CLIP 22.647, reference 29.010, delta 6.363"},
		{r.Differences[0].Text, "+0.4281"}, {r.Differences[1].Text, "+0.5903"}, {r.Differences[2].Text, "+3.548"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	if math.Abs(*gpt.Figures[2].Delta-2.815) > 1e-9 || math.Abs(*neo.Figures[2].Delta-6.363) > 1e-9 || gpt.Figures[0].Delta != nil {
		t.Errorf("%+v", gpt.Figures)
	}
	for _, part := range []string{"As reported, GPT-3.5-like is ahead of GPT-Neo-like on BLEU (0.6215 against 0.1934), similarity (0.8192 against 0.2289) and CLIP (26.195 against 22.647), and behind on nothing.",
		"On CLIP, GPT-Neo-like is 6.363 below its reference and GPT-3.5-like is 2.815 below its reference.", "they take no part in any test or in the decision"} {
		if !strings.Contains(r.Statement, part) {
			t.Errorf("%q lacks %q", r.Statement, part)
		}
	}
}

// TestReportedChangesNothing compares with and without reported figures.
func TestReportedChangesNothing(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 24, 1)
	w := []writer{{name: "a", wrong: 0.3, seed: 1}, {name: "b", wrong: 0.2, seed: 2}}
	without, store, ids := compared(t, d, compare.Options{}, w...)
	with, err := compare.Compare(t.Context(), store, ids, compare.Options{Dataset: d, Randomization: 2000, Reported: []compare.Reported{readArticle(t)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(with.Reported) != 1 || len(without.Reported) != 0 {
		t.Fatalf("%+v", with.Reported)
	}
	with.Reported = nil
	x, _ := json.Marshal(with)
	y, _ := json.Marshal(without)
	if string(x) != string(y) {
		t.Error("reported figures change the comparison")
	}
}

func TestReportedFormats(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"r.json": `{"source": "s", "candidates": [{"name": "a", "figures": [{"metric": "BLEU", "value": 20.50}, {"metric": "cost", "value": 3}]}, {"name": "b", "figures": [{"metric": "BLEU", "value": 30.1}, {"metric": "cost", "value": 9.5, "note": "list price"}]}]}`,
		"r.csv":  "\ufeffcandidate,metric,value,source,note\r\na,BLEU,20.50,s,\r\nb,BLEU,30.1,s,\r\na,cost,3,s,\r\nb,cost,9.5,s,list price\r\n",
		"r.yml":  "source: s\ncandidates:\n- name: a\n  figures:\n  - {metric: BLEU, value: 20.50}\n  - metric: cost\n    value: 3\n- name: b\n  figures:\n  - {metric: BLEU, value: 30.1, direction: higher}\n  - {metric: cost, value: 9.5, direction: lower}\n",
	} {
		r, err := compare.ReadReported(strings.NewReader(text), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := "As reported there is a trade-off: b is ahead of a on BLEU (30.10 against 20.50), and behind on cost (9.5 against 3.0)."; !strings.HasPrefix(r.Statement, want) {
			t.Errorf("%s: %q", name, r.Statement)
		}
		if r.Metrics[1].Direction != compare.DirectionLower || r.Differences[0].Text != "+9.60" {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestReportedFaults(t *testing.T) {
	t.Parallel()
	figure := func(s string) string {
		return "source: s\ncandidates:\n- name: a\n  figures:\n  - " + s + "\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"r.txt", "", "r.txt is of no known format"},
		{"r.yaml", "", "r.yaml: holds no candidates"},
		{"r.yaml", "source: s\n", "r.yaml: holds no candidates"},
		{"r.yaml", "sauce: s\n", "field sauce not found"},
		{"r.yaml", "a: [", "r.yaml: line 1"},
		{"r.yaml", "source: s\n---\nsource: t\n", "holds more than one document"},
		{"r.json", "{\n\"source\":\n x}", "r.json, line 3: is not JSON"},
		{"r.yaml", "source: s\ncandidates:\n- figures:\n  - {metric: b, value: 1}\n", "r.yaml, candidates[0]: has no name"},
		{"r.yaml", "source: s\ncandidates:\n- name: a\n", `r.yaml, candidates[0]: "a" has no figures`},
		{"r.yaml", figure("{metric: BLEU}"), "r.yaml, line 5: a figure has no value"},
		{"r.yaml", figure("{value: 1}"), "r.yaml, line 5: a figure of a has no metric"},
		{"r.yaml", figure("{metric: BLEU, value: .nan}"), "r.yaml, line 5: want finite numbers"},
		{"r.yaml", figure("{metric: BLEU, value: high}"), "line 5: cannot unmarshal"},
		{"r.yaml", figure("{metric: BLEU, value: 1, direction: up}"), `r.yaml, line 5: direction "up" of BLEU: want higher, lower or none`},
		{"r.yaml", figure("{metric: BLEU, value: 1}\n  - {metric: BLEU, value: 2}"), "r.yaml, line 6: BLEU of a is there twice"},
		{"r.yaml", "candidates:\n- name: a\n  figures:\n  - {metric: BLEU, value: 1}\n", "r.yaml, line 4: BLEU of a has no source, and neither has the table"},
		{"r.yaml", figure("{metric: BLEU, value: 1}\n- name: a\n  figures:\n  - {metric: BLEU, value: 1}"), `r.yaml, candidates[1]: "a" is there twice`},
		{"r.yaml", figure("{metric: BLEU, value: 1, direction: higher}\n- name: b\n  figures:\n  - {metric: BLEU, value: 1, direction: lower}"), "r.yaml, line 8: direction of BLEU is lower here and higher above"},
		{"r.csv", "", "r.csv: holds no candidates"},
		{"r.csv", "candidate,metric\n", "r.csv, line 1: there is no column value"},
		{"r.csv", "candidate,metric,value,valu\n", `column "valu" is unknown or there twice`},
		{"r.csv", "candidate,metric,value\na,BLEU\n", "r.csv, line 2: has 2 cells and the header has 3"},
		{"r.csv", "candidate,metric,value\na,BLEU,1.0 %\n", `r.csv, line 2: column value: want a number, got "1.0 %"`},
		{"r.csv", "candidate,metric,value\n,BLEU,1\n", "r.csv, line 2: column candidate is empty"},
		{"r.csv", "candidate,metric,value\na,\"B\"x,1\n", "r.csv, line 2: "},
		{"r.csv", "candidate,metric,value\na,\xff,1\n", "is not UTF-8"},
	} {
		_, err := compare.ReadReported(strings.NewReader(c.text), c.name)
		if err == nil || !strings.Contains(err.Error(), c.want) || stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzReadReported(f *testing.F) {
	f.Add("r.yaml", "source: s\ncandidates:\n- name: a\n  figures:\n  - {metric: BLEU, value: 0.6215, reference: 29.010}\n")
	f.Add("r.json", `{"source": "s", "candidates": [{"name": "a", "figures": [{"metric": "BLEU", "value": 20.5e1}]}]}`)
	f.Add("r.csv", "candidate,metric,value,source\na,BLEU,1.5,s\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		r, err := compare.ReadReported(strings.NewReader(text), name)
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil || len(r.Candidates) == 0 || r.Statement == "" {
			t.Fatalf("%+v: %v", r, err)
		}
	})
}

// TestDocumentedReport reads the example in the document: it is the article's file.
func TestDocumentedReport(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/formats/reported.md")
	if err != nil {
		t.Fatal(err)
	}
	article, err := os.ReadFile("testdata/article.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "```yaml\n"+string(article)+"```\n") {
		t.Error("docs/formats/reported.md does not show testdata/article.yaml")
	}
}
