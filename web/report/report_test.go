package report_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/web/report"
	"stylesprint/web/webtest"
)

func input(t *testing.T, ids ...string) report.Input {
	t.Helper()
	s, err := webtest.New()
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Compare(context.Background(), ids)
	if err != nil {
		t.Fatal(err)
	}
	in := report.Input{Comparison: c, Faithfulness: s.Checker(), Note: "Demo data", Generated: webtest.Now(), Version: "1.2.3", Command: "stylesprint eval compare a b"}
	if err := s.Rows(context.Background(), ids, func(r compare.Row) error { in.Rows = append(in.Rows, r); return nil }); err != nil {
		t.Fatal(err)
	}
	return in
}

func render(t *testing.T, in report.Input) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The file needs nothing beside itself, and its policy lets nothing else in.
func TestSelfContained(t *testing.T) {
	t.Parallel()
	html := render(t, input(t, webtest.Plain, webtest.Voice, webtest.Hosted))
	for _, bad := range []string{"<script", "<link", "<img", "src=", "@import", "url(", "javascript:", `style="`, "http://", "https://"} {
		if strings.Contains(html, bad) {
			t.Errorf("holds %q", bad)
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(html)
	if style == nil {
		t.Fatal("no style element")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(strings.ReplaceAll(html, "&#43;", "+"), want) {
		t.Errorf("the policy does not allow the file's own style: want %s", want)
	}
	if style[1] != report.Style() {
		t.Error("the style sheet was changed on its way into the file")
	}
	for _, want := range []string{"<!doctype html>", `<html lang="en">`, "How it was decided", "Demo data", "StyleSprint 1.2.3", "200 resamples", "<mark>", "stylesprint eval compare a b"} {
		if !strings.Contains(html, want) {
			t.Errorf("lacks %q", want)
		}
	}
}

func TestHostileTextIsEscaped(t *testing.T) {
	t.Parallel()
	const payload = `</style></title><script>alert(1)</script><img src=x onerror=alert(2)>"'` + "`"
	in := input(t, webtest.Plain, webtest.Voice)
	fill(reflect.ValueOf(&in).Elem(), payload)
	in.SliceNav, in.TextNav = "", "" // markup of a page's own
	in.Rows[0].Cells[0].Error, in.Rows[0].Cells[0].Code = "", ""
	html := render(t, in)
	for _, bad := range []string{"<script", "<img", "</style></title>", `"'` + "`"} {
		if n := strings.Count(html, bad); n > 0 {
			t.Errorf("%q is there %d times", bad, n)
		}
	}
	if !strings.Contains(html, "&lt;script&gt;alert(1)") {
		t.Error("the text is not there at all")
	}
}

// fill puts s into every string, and into every map, that v holds.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Type.String() != "time.Time" {
				fill(v.Field(i), s)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), s)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), s)
		}
	case reflect.Map:
		if v.CanSet() && v.Type().Elem().Kind() == reflect.String && v.Type().Key().Kind() == reflect.String {
			m := reflect.MakeMap(v.Type())
			m.SetMapIndex(reflect.ValueOf(s).Convert(v.Type().Key()), reflect.ValueOf(s).Convert(v.Type().Elem()))
			v.Set(m)
		}
	}
}

// Whatever is missing, a report is made and says so.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	full := input(t, webtest.Plain, webtest.Voice)
	none := full
	none.Rows = nil
	bare := full
	bare.Comparison.Metrics = append(bare.Comparison.Metrics, compare.Metric{Name: "clip", Title: "CLIP", Direction: compare.DirectionHigher})
	broken := input(t, webtest.Plain, webtest.Voice)
	broken.Rows[0].Cells = nil
	broken.Rows[1].Cells[1] = evaluate.Output{ItemID: "x", Error: "the provider is away", Code: stylesprint.CodeUnavailable}
	broken.Rows[2].Cells[1].Text = " "
	unmeasured := input(t, webtest.Plain, webtest.Voice)
	for i := range unmeasured.Comparison.Candidates {
		o := &unmeasured.Comparison.Candidates[i].Operation
		o.LatencyP50.Missing, o.Latencies, o.Cost.Missing = "not measured: replayed", compare.Spread{}, "no price is known"
	}
	cases := map[string]struct {
		in   report.Input
		want []string
	}{
		"no texts":    {none, []string{"No texts are shown."}},
		"more texts":  {report.Input{Comparison: full.Comparison, Rows: full.Rows[:2], RowsTotal: 24}, []string{"2 of 24 texts are shown."}},
		"no score":    {bare, []string{"not measured", "not compared"}},
		"faults":      {broken, []string{"No output for this item.", "No text (unavailable): the provider is away", "The model answered with an empty text."}},
		"no latency":  {unmeasured, []string{"Latency, first token, throughput", "not measured: replayed", "no price is known"}},
		"nothing":     {report.Input{}, []string{"The data do not decide"}},
		"one orphan":  {report.Input{Comparison: compare.Comparison{Baseline: "gone", Candidates: []compare.Candidate{{Name: "a"}}}, Rows: []compare.Row{{ItemID: "i"}}}, []string{"No output for this item."}},
		"equal words": {same(full), []string{"same words as plain"}},
	}
	for name, c := range cases {
		html := render(t, c.in)
		for _, want := range c.want {
			if !strings.Contains(html, want) {
				t.Errorf("%s: lacks %q", name, want)
			}
		}
		if strings.Contains(html, "NaN") || strings.Contains(html, "%!") {
			t.Errorf("%s: holds a value that cannot be printed", name)
		}
	}
}

func same(in report.Input) report.Input {
	row := in.Rows[0]
	row.Cells = []evaluate.Output{row.Cells[0], row.Cells[0]}
	in.Rows = []compare.Row{row}
	return in
}

// Forty items of two candidates on twenty metrics make a small file, and a page of three is small.
func TestSize(t *testing.T) {
	t.Parallel()
	in := input(t, webtest.Plain, webtest.Hosted)
	if len(in.Rows) < 40 || len(in.Comparison.Metrics) < 20 {
		t.Fatalf("%d rows and %d metrics", len(in.Rows), len(in.Comparison.Metrics))
	}
	if n := len(render(t, in)); n > 210_000 {
		t.Errorf("a report of %d marked texts has %d bytes", len(in.Rows), n)
	}
	in.Faithfulness = nil
	if n := len(render(t, in)); n > 200_000 {
		t.Errorf("a report of %d texts has %d bytes", len(in.Rows), n)
	}
	in = input(t, webtest.Plain, webtest.Voice, webtest.Hosted)
	in.Rows, in.SliceKeys = in.Rows[:8], []string{"category"} // as a page shows them
	section, err := report.Section(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(section) > 140_000 {
		t.Errorf("a section of 8 texts has %d bytes", len(section))
	}
}

// The limits for three candidates on three metrics, without slices and marks.
func TestSizeOfFewMetrics(t *testing.T) {
	t.Parallel()
	in := input(t, webtest.Plain, webtest.Voice, webtest.Hosted)
	in.Faithfulness, in.Rows = nil, in.Rows[:24]
	c := &in.Comparison
	c.Metrics, c.Slices, c.Reported, c.LeftOut = c.Metrics[:3], nil, nil, nil
	for i := range c.Candidates {
		k := &c.Candidates[i]
		k.Scores, k.Spreads = k.Scores[:3], k.Spreads[:3]
		if k.Differences != nil {
			k.Differences = k.Differences[:3]
		}
	}
	if n := len(render(t, in)); n > 200_000 {
		t.Errorf("a report of %d texts has %d bytes", len(in.Rows), n)
	}
	in.Rows = in.Rows[:12]
	section, err := report.Section(in)
	if err != nil {
		t.Fatal(err)
	}
	if len(section) > 140_000 {
		t.Errorf("a section of 12 texts has %d bytes", len(section))
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestWriteFails(t *testing.T) {
	t.Parallel()
	if err := report.Write(full{}, report.Input{}); err == nil || !strings.Contains(err.Error(), "write report: the disk is full") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	s, err := webtest.New()
	if err != nil {
		b.Fatal(err)
	}
	ids := []string{webtest.Plain, webtest.Voice}
	c, err := s.Compare(context.Background(), ids)
	if err != nil {
		b.Fatal(err)
	}
	in := report.Input{Comparison: c}
	_ = s.Rows(context.Background(), ids, func(r compare.Row) error { in.Rows = append(in.Rows, r); return nil })
	for b.Loop() {
		var out bytes.Buffer
		if err := report.Write(&out, in); err != nil {
			b.Fatal(err)
		}
	}
}
