package export

import (
	"bytes"
	"encoding/csv"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/gate"
)

var update = flag.Bool("update", false, "write the files of this run as the expected ones")

// comparison is made up: a baseline and two challengers on three metrics.
func comparison() compare.Comparison {
	score := func(name, unit string, v float64) stylesprint.Score {
		return stylesprint.Score{Metric: name, Value: v, Low: v * .9, High: v * 1.1, Level: .95, N: 120, Unit: unit, Signature: name + "|tok:13a|v:1"}
	}
	c := compare.Comparison{
		Dataset: "demo", DatasetHash: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef", Split: "test", Items: 120, Families: 60, Baseline: "plain", Primary: "bleu",
		Method: compare.Method{Level: .95, Alpha: .05, Bootstrap: 1000, Randomization: 10000, Seed: 12345, Unit: "family"},
		Metrics: []compare.Metric{
			{Name: "bleu", Title: "BLEU", Unit: "0-100", Signature: "nrefs:1|tok:13a", Direction: compare.DirectionHigher, Judged: true, Margin: 1},
			{Name: "similarity", Title: "Semantic similarity", Unit: "0-1", Signature: "cosine|exact", Direction: compare.DirectionHigher, Judged: true, Margin: .02},
			{Name: "length", Title: "Length", Unit: "words", Signature: "words", Direction: compare.DirectionNone},
		},
		Decision: compare.Decision{Outcome: compare.OutcomeBetter, Winner: "voice", Sentence: "voice is better than plain on BLEU by +3.21; recommended.", Reasons: []string{"voice against plain on BLEU: better.", "small is worse."}},
		LeftOut:  []compare.LeftOut{{Metric: "clip", Why: map[string]string{"small": "not measured: no images", "voice": "not scored with it"}}},
		Warnings: []string{"plain: 2 of 120 outputs were replayed from a record; their latency does not count."},
	}
	c.Reported = []compare.Reported{{Title: "An article's figures", Source: "an article", Metrics: []compare.ReportedMetric{{Name: "BLEU"}, {Name: "CLIP"}}, Statement: "No signature is known of these figures.",
		Candidates: []compare.ReportedCandidate{{Name: "GPT-3.5", Figures: []compare.ReportedFigure{{Metric: "BLEU", Value: .6215, Text: "0.6215"}, {Metric: "CLIP", Value: 26.195, Text: "26.195, reference 29.010, delta 2.815"}}},
			{Name: "GPT-Neo", Figures: []compare.ReportedFigure{{Metric: "BLEU", Value: .1934, Text: "0.1934"}}}}}}
	slice := compare.Slice{Value: "dresses", Items: 40, Families: 20}
	for i, name := range []string{"plain", "voice", "small"} {
		f := float64(i)
		k := compare.SliceCandidate{Name: name, Scores: []stylesprint.Score{score("bleu", "0-100", 20+3*f), score("similarity", "0-1", .7), {Metric: "length", Missing: "too few"}}}
		if i > 0 {
			k.Differences = []compare.Difference{{Metric: "bleu", Delta: 3 * f, Low: f, High: 5 * f, P: .04, PAdjusted: .08, PBootstrap: .05, Verdict: compare.VerdictUndecided}}
		}
		slice.Candidates = append(slice.Candidates, k)
	}
	c.Slices = []compare.Slicing{{Key: "category", Slices: []compare.Slice{slice, {Value: "hats", Items: 3, Missing: "too few: n = 3"}}, Warnings: []string{"In every category small is worse, and on the whole it is better."}}}
	for i, name := range []string{"plain", "voice", "small"} {
		f := float64(i)
		k := compare.Candidate{Name: name, Run: evaluate.Run{ID: "run-" + name, Candidate: evaluate.Candidate{Model: stylesprint.ModelRef{Provider: "local", Name: "smollm2"}}},
			Scores: []stylesprint.Score{score("bleu", "0-100", 30+3*f), score("similarity", "0-1", .8-.05*f), score("length", "words", 60)}}
		k.Operation = compare.Operation{Cost: score("cost", "USD", 12.5*f), LatencyP50: score("latency_p50", "s", 1+f), LatencyP95: stylesprint.Score{Metric: "latency_p95", Unit: "s", Missing: "not measured: replayed"},
			LatencyP99:    stylesprint.Score{Metric: "latency_p99", Unit: "s", Missing: "not measured: fewer than 100 outputs"},
			FirstTokenP50: stylesprint.Score{Metric: "first_token_p50", Unit: "s", Missing: "not measured: the provider does not tell"}, FirstTokenP95: stylesprint.Score{Metric: "first_token_p95", Unit: "s", Missing: "not measured: the provider does not tell"},
			Throughput: score("throughput", "outputs/s", 1-f/4), TokenRate: score("tokens_per_second", "tokens/s", 40-f), Outputs: 120, Failed: i}
		if i > 0 {
			k.Differences = []compare.Difference{
				{Metric: "bleu", Delta: 3 * f, Low: 3*f - 1, High: 3*f + 1, P: .001, PAdjusted: .002, PBootstrap: .003, Verdict: compare.VerdictBetter, NonInferior: true, Detectable: 1.4},
				{Metric: "similarity", Delta: -.05 * f, Low: -.05*f - .01, High: -.05*f + .01, P: .01, PAdjusted: .02, PBootstrap: .02, Verdict: compare.VerdictWorse, Detectable: .02, MoreItems: 40},
				{Metric: "length", P: 1, PAdjusted: 1, PBootstrap: 1, Verdict: compare.VerdictShown},
			}
		}
		c.Candidates = append(c.Candidates, k)
	}
	return c
}

func gated(t *testing.T, c compare.Comparison) gate.Result {
	t.Helper()
	r, err := gate.Evaluate(c, gate.Rules{Regression: []gate.Regression{{Metric: gate.Every, Why: "customers notice"}}, Hard: []gate.Limit{{Metric: "failed_share"}},
		Min: []gate.Limit{{Metric: "bleu", Value: 20}}, Max: []gate.Limit{{Metric: "latency_p95", Value: 2, Optional: true}, {Metric: "cost_per_10000", Value: 20}, {Metric: "first_token_p50", Value: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var stamp = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// files are what a comparison is written as, by name.
func files(t *testing.T, c compare.Comparison) map[string]string {
	t.Helper()
	r := gated(t, c)
	out := map[string]string{}
	for name, write := range map[string]func(io.Writer) error{
		"comparison.csv": func(w io.Writer) error { return CSV(w, c) },
		"gate.xml":       func(w io.Writer) error { return JUnit(w, r, JUnitOptions{Timestamp: stamp, Version: "1.2.3"}) },
		"comparison.md":  func(w io.Writer) error { return Markdown(w, c, nil) },
		"gate.md":        func(w io.Writer) error { return Markdown(w, c, &r) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		out[name] = b.String()
	}
	return out
}

func TestFiles(t *testing.T) {
	t.Parallel()
	all := files(t, comparison())
	for name, got := range all {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs from what is kept; run with -update and look at the difference", name)
		}
	}
	kept, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range kept {
		if _, ok := all[f.Name()]; !ok {
			t.Errorf("testdata/%s belongs to no test", f.Name())
		}
	}
}

const hostile = "=cmd|'/C calc'!A1 <script>\"x\"</script> @team #1 a|b `c` *d* https://e.f \x00\x1b[31m\u202e\nnext,\ttab & ]]> \xff"

// hostileComparison has a hostile text wherever a text may come from outside.
func hostileComparison() compare.Comparison {
	c := comparison()
	c.Dataset, c.Split, c.Baseline = hostile, hostile, hostile
	c.Decision.Sentence, c.Decision.Reasons, c.Warnings = hostile, []string{hostile}, []string{hostile}
	c.Reported[0].Title, c.Reported[0].Source, c.Reported[0].Statement = hostile, hostile, hostile
	c.Reported[0].Candidates[0].Name, c.Reported[0].Candidates[0].Figures[0].Text = hostile, hostile
	c.Slices[0].Key, c.Slices[0].Slices[0].Value, c.Slices[0].Warnings = hostile, hostile, []string{hostile}
	for i := range c.Metrics {
		c.Metrics[i].Title, c.Metrics[i].Signature, c.Metrics[i].Unit = hostile, hostile, hostile
	}
	for i := range c.Candidates {
		k := &c.Candidates[i]
		k.Run.ID, k.Run.Candidate.Model.Name = hostile, hostile
		k.Name = fmt.Sprint(hostile, i)
		k.Scores[2].Missing = hostile
		k.Operation.LatencyP95.Missing = hostile
		k.Scores[1].Value, k.Scores[1].Low = math.NaN(), math.Inf(-1)
	}
	return c
}

func TestCSVIsHarmless(t *testing.T) {
	t.Parallel()
	text := files(t, hostileComparison())["comparison.csv"]
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	header := columns()
	for _, row := range rows[1:] {
		for i, cell := range row {
			if cell == "" {
				continue
			}
			if _, err := strconv.ParseFloat(cell, 64); err != nil && strings.ContainsAny(cell[:1], "=+-@\t\r|%") {
				t.Errorf("%s: %q is a formula", header[i], cell)
			}
			if strings.ContainsAny(cell, "\x00\x1b\n\r\t\u202e") {
				t.Errorf("%s: %q holds control characters", header[i], cell)
			}
			if cell == "NaN" || strings.Contains(cell, "Inf") {
				t.Errorf("%s: %q is no number", header[i], cell)
			}
		}
	}
}

// What a spreadsheet or a program reads back is what was measured.
func TestCSVHoldsTheFigures(t *testing.T) {
	t.Parallel()
	c := comparison()
	rows, err := csv.NewReader(strings.NewReader(files(t, c)["comparison.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	figures := len(c.Candidates[0].Operation.Figures())
	if want := 1 + len(c.Candidates)*(len(c.Metrics)+figures+len(c.Metrics)); len(rows) != want {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	last := rows[len(rows)-3] // small on BLEU, dresses alone
	for name, want := range map[string]string{"candidate": "small", "metric": "bleu", "value": "26", "items": "40", "families": "20", "delta": "6", "slice": "category", "slice_value": "dresses"} {
		if got := last[at[name]]; got != want {
			t.Errorf("of the slice, %s is %q, want %q", name, got, want)
		}
	}
	row := rows[1+len(c.Metrics)+figures+1] // voice on similarity
	for name, want := range map[string]string{"candidate": "voice", "role": "challenger", "metric": "similarity", "value": "0.75", "level": "0.95", "n": "120", "delta": "-0.05", "p_adjusted": "0.02", "verdict": "worse", "non_inferior": "false", "margin": "0.02", "more_items": "40", "signature": "cosine|exact"} {
		if got := row[at[name]]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// The shape that CI servers read: suites of cases, with counts that are right.
func TestJUnitShape(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]compare.Comparison{"plain": comparison(), "hostile": hostileComparison()} {
		text := files(t, c)["gate.xml"]
		var got struct {
			XMLName  xml.Name `xml:"testsuites"`
			Tests    int      `xml:"tests,attr"`
			Failures int      `xml:"failures,attr"`
			Suites   []struct {
				Name      string `xml:"name,attr"`
				Tests     int    `xml:"tests,attr"`
				Failures  int    `xml:"failures,attr"`
				Skipped   int    `xml:"skipped,attr"`
				Timestamp string `xml:"timestamp,attr"`
				Cases     []struct {
					Name      string `xml:"name,attr"`
					Classname string `xml:"classname,attr"`
					Failure   *struct {
						Message string `xml:"message,attr"`
						Type    string `xml:"type,attr"`
					} `xml:"failure"`
					Skipped *struct{} `xml:"skipped"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		dec := xml.NewDecoder(strings.NewReader(text))
		dec.Strict = true
		if err := dec.Decode(&got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tests, failures := 0, 0
		for _, s := range got.Suites {
			failed, left := 0, 0
			seen := map[string]bool{}
			for _, k := range s.Cases {
				if k.Failure != nil {
					failed++
					if k.Failure.Message == "" || k.Failure.Type == "" {
						t.Errorf("%s: a failure without a reason: %+v", name, k)
					}
				}
				if k.Skipped != nil {
					left++
				}
				if k.Name == "" || k.Classname == "" || name == "plain" && seen[k.Name] {
					t.Errorf("%s: case %q of %q", name, k.Name, k.Classname)
				}
				seen[k.Name] = true
			}
			if s.Tests != len(s.Cases) || s.Failures != failed || s.Skipped != left || s.Timestamp != "2026-03-04T05:06:07" {
				t.Errorf("%s: suite %s counts %d, %d, %d at %s", name, s.Name, s.Tests, s.Failures, s.Skipped, s.Timestamp)
			}
			tests += s.Tests
			failures += s.Failures
		}
		if got.Tests != tests || got.Failures != failures || tests == 0 || name == "plain" && failures == 0 {
			t.Errorf("%s: totals %d and %d, want %d and %d", name, got.Tests, got.Failures, tests, failures)
		}
		if strings.ContainsAny(text, "\x00\x1b\u202e") {
			t.Errorf("%s: control characters", name)
		}
	}
}

func TestMarkdownIsHarmless(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"comparison.md", "gate.md"} {
		text := files(t, hostileComparison())[name]
		for _, bad := range []string{"<script", "@team", "#1", "\x00", "\x1b", "\u202e", "\xff", "NaN%"} {
			if i := strings.Index(strings.ReplaceAll(strings.ReplaceAll(text, `\|`, ""), `\*`, ""), bad); i >= 0 {
				t.Errorf("%s holds %q", name, bad)
			}
		}
		for l := range strings.SplitSeq(text, "\n") { // within HTML Markdown's marks mean nothing
			if strings.HasPrefix(l, "<details>") {
				continue
			}
			for _, bad := range []string{"`c`", "*d*", "https://", "a|b"} {
				if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(l, "\\`", ""), `\*`, ""), bad) {
					t.Errorf("%s holds %q: %s", name, bad, l)
				}
			}
		}
		// Every row of a table has as many cells as its header.
		cells, wide := func(l string) int { return strings.Count(strings.ReplaceAll(l, `\|`, ""), "|") }, 0
		for l := range strings.SplitSeq(text, "\n") {
			switch {
			case !strings.HasPrefix(l, "|"):
				wide = 0
			case wide == 0:
				wide = cells(l)
			case cells(l) != wide:
				t.Errorf("%s: a row of %d cells under %d: %s", name, cells(l), wide, l)
			}
		}
	}
	plain := files(t, comparison())["gate.md"]
	if !strings.HasPrefix(plain, "### voice is better than plain on BLEU") || !strings.Contains(plain, "**Gate not met.**") || strings.Count(plain, "<details>") != strings.Count(plain, "</details>") {
		t.Errorf("got %s", plain)
	}
}

// broken refuses every write.
type broken struct{}

var errBroken = errors.New("disk full")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	c := comparison()
	for name, err := range map[string]error{"CSV": CSV(broken{}, c), "JUnit": JUnit(broken{}, gated(t, c), JUnitOptions{}), "Markdown": Markdown(broken{}, c, nil)} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
