package metric

import (
	"errors"
	"strings"
	"testing"

	"stylesprint"
)

func hintOf(err error) string {
	var e *stylesprint.Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

func TestTransposedFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hypothesis string
		references []string
		want       string
	}{
		{"a\nb", []string{"1\n2\n3", "1\n2\n3"}, "2 files for 2 texts"},
		{"a", []string{"1\n2\n3"}, "references of the one text"},
		{"a\nb", []string{"1\n2\n3"}, "the same line belongs to the same item"},
		{"a\nb", []string{"1\n2", "1"}, "the same line belongs to the same item"},
		{"", []string{""}, "one text a line"},
	} {
		var refs []Lines
		for _, r := range c.references {
			refs = append(refs, file("r", r))
		}
		if got := hintOf(last(Zip(file("h", c.hypothesis), refs, nil))); !strings.Contains(got, c.want) {
			t.Errorf("%q against %q: %q, want %q", c.hypothesis, c.references, got, c.want)
		}
	}
}

func TestTransposition(t *testing.T) {
	t.Parallel()
	coat := []string{"A warm wool coat in navy.", "The navy coat of warm wool."}
	dress := []string{"A light summer dress made of linen.", "This linen dress is light."}
	hyps := []string{"A navy coat in warm wool.", "A light linen dress for summer."}
	right := []Sample{{Hypothesis: hyps[0], References: coat}, {Hypothesis: hyps[1], References: dress}}
	turned := []Sample{{Hypothesis: hyps[0], References: []string{dress[0], dress[1]}}, {Hypothesis: hyps[1], References: []string{coat[0], coat[1]}}}
	// File k holds text k's references, so that line 1 of file 2 belongs to text 2.
	byFile := []Sample{{Hypothesis: hyps[0], References: []string{coat[0], dress[0]}}, {Hypothesis: hyps[1], References: []string{coat[1], dress[1]}}}
	for name, c := range map[string]struct {
		samples []Sample
		files   int
		warns   bool
	}{
		"right": {right, 2, false}, "bad texts": {turned, 2, false}, "transposed": {byFile, 2, true},
		"more texts": {append(byFile[:2:2], right...), 2, false}, "one file": {right[:1], 1, false}, "fewer texts": {byFile[:1], 2, false},
	} {
		var w Transposition
		n := 0
		for range w.Watch(SamplesOf(c.samples), c.files) {
			n++
		}
		if n != len(c.samples) || (w.Warning() != "") != c.warns {
			t.Errorf("%s: %d samples, warning %q", name, n, w.Warning())
		}
	}
}

func TestOwnReferences(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	broken := Samples(func(yield func(Sample, error) bool) { _ = yield(Sample{Hypothesis: "a"}, nil) && yield(Sample{}, boom) })
	var got []string
	var fault error
	for s, err := range OwnReferences(broken) {
		got, fault = append(got, s.References...), err
	}
	if len(got) != 2 || got[0] != "a" || !errors.Is(fault, boom) {
		t.Errorf("%q %v", got, fault)
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	var metrics []Metric
	for _, name := range []string{"bleu", "chrf", "flesch"} {
		m, err := New(t.Context(), name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		metrics = append(metrics, m)
	}
	samples := append(benchSamples(bleuBlock+3), Sample{Hypothesis: "x", References: []string{"y"}, Language: "de"})
	rows := 0
	reports, err := Report(t.Context(), metrics, SamplesOf(samples), func(ms []Measurement) error { rows += len(ms) / 3; return nil })
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range metrics {
		whole := mustMeasure(t, m, samples)
		want := m.Value(Sum(m, whole))
		if r := reports[i]; r.Score != want || r.Metric != m.Info().Name || r.Signature != m.Signature(1) || r.Samples != present(whole) {
			t.Errorf("%+v, want %v", r, want)
		}
	}
	if rows != len(samples) || reports[2].Samples != len(samples)-1 {
		t.Errorf("%d rows, %d in English", rows, reports[2].Samples)
	}
	rouge, err := NewROUGE(ROUGEOptions{Variant: ROUGEL})
	if err != nil {
		t.Fatal(err)
	}
	prf, err := ReportPRF(t.Context(), []PRFMetric{rouge}, SamplesOf(samples), nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := rouge.Value(Sum(rouge, mustMeasure(t, rouge, samples))); prf[0].F1-want > 1e-12 || want-prf[0].F1 > 1e-12 || prf[0].Samples != len(samples) {
		t.Errorf("%+v, want %v", prf[0], want)
	}
	boom := errors.New("boom")
	if _, err := Report(t.Context(), metrics, SamplesOf(samples), func([]Measurement) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
	if _, err := Report(t.Context(), metrics, SamplesOf(nil), nil); err == nil {
		t.Error("nothing was scored")
	}
	if _, err := ReportPRF(t.Context(), []PRFMetric{rouge}, SamplesOf(nil), nil); err == nil {
		t.Error("nothing was scored")
	}
}

func TestCHRFAllocatesNothing(t *testing.T) {
	m, err := NewCHRF(CHRFOptions{WordOrder: 2})
	if err != nil {
		t.Fatal(err)
	}
	c := newCHRFCounter(m)
	s := benchSamples(1)[0]
	v := make([]float64, m.Info().Width)
	c.measure(&s, v)
	if n := testing.AllocsPerRun(20, func() { c.measure(&s, v) }); n > 0 {
		t.Errorf("%v allocations per sample", n)
	}
}

func TestEditSearchAllocatesNothing(t *testing.T) {
	e := newEditSearch()
	s := benchSamples(1)[0]
	once := func() {
		e.read(s.Hypothesis, s.References[0])
		e.edits()
	}
	once()
	if n := testing.AllocsPerRun(3, once); n > 0 {
		t.Errorf("%v allocations per sample", n)
	}
}

func TestFurtherOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, o := range []CHRFOptions{{CharOrder: -1}, {CharOrder: 17}, {WordOrder: 5}, {WordOrder: -1}, {Beta: -2}} {
		if _, err := NewCHRF(o); err == nil || stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, bad := range []string{"", "nrefs:1|version:2.6.0", "nrefs:1|case:lc|eff:yes|nc:x|nw:0|space:no|version:2.6.0", "nrefs:1|case:lc|eff:yes|nc:6|nw:0|space:no|version:2.5.0"} {
		if _, err := CHRFFromSignature(bad); err == nil {
			t.Errorf("chrF from %q", bad)
		}
		if _, err := TERFromSignature(bad); err == nil {
			t.Errorf("TER from %q", bad)
		}
	}
	for _, name := range []string{"chrf", "ter"} {
		m, err := New(t.Context(), name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Measure(t.Context(), []Sample{{Hypothesis: "a"}}); err == nil || !strings.Contains(err.Error(), "sample 1 has no reference") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
