package web_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

// What is looked at is in the address, and survives the pages of texts.
func TestFilters(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	cases := map[string]struct{ want, absent []string }{
		"":                                       {[]string{"8 of 40 texts are shown", "<b>category</b>", `<option value="similarity" selected>`}, []string{"Only texts"}},
		"&by=price&metric=bleu":                  {[]string{"<b>price</b>", "By price", `<option value="bleu" selected>`, "BLEU, 0–100, higher is better, by price", "50-100 EUR"}, []string{"By category"}},
		"&only=violations":                       {[]string{"Only texts with a statement that the record does not support", "SS-AC-802", `name="only" value="violations" checked`}, []string{`<h3>SS-AC-801</h3>`}},
		"&slice=category=Skirts":                 {[]string{"Only texts of category Skirts", `<h3>SS-SK-60`, `value="category=Skirts" selected`}, []string{`<h3>SS-AC-80`, "Further texts"}},
		"&slice=category=Skirts&only=violations": {[]string{"Only texts of category Skirts with a statement that the record does not support"}, []string{`<h3>SS-SK-601</h3>`}},
		"&by=nothing&metric=nothing&slice=a=b&only=x": {[]string{"<b>category</b>", `<option value="similarity" selected>`, "8 of 40 texts"}, []string{"Only texts"}},
		"&slice=category=Skirts&after=SS-SK-605":      {[]string{"There are no texts of category Skirts."}, nil},
	}
	for query, c := range cases {
		w := get(h, comparison+query)
		body := w.Body.String()
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", query, w.Code)
		}
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: lacks %q", query, want)
			}
		}
		for _, bad := range c.absent {
			if strings.Contains(body, bad) {
				t.Errorf("%s: holds %q", query, bad)
			}
		}
		sound(t, query, w)
	}
	body := get(h, comparison+"&only=violations&by=price").Body.String()
	next := regexp.MustCompile(`<a rel="next" href="([^"]+)"`).FindStringSubmatch(body)
	if next == nil {
		t.Fatal("no further texts")
	}
	address, _, _ := strings.Cut(strings.ReplaceAll(next[1], "&amp;", "&"), "#")
	for _, want := range []string{"only=violations", "by=price", "after=SS-"} {
		if !strings.Contains(address, want) {
			t.Errorf("%s lacks %s", address, want)
		}
	}
	if first := get(h, address).Body.String(); strings.Contains(first, "SS-AC-802") || !strings.Contains(first, "First texts") {
		t.Error("the second page begins anew")
	}
}

// Violations are found in texts whose scores were never kept, too.
func TestViolationsWithoutScores(t *testing.T) {
	t.Parallel()
	h, s := desk(t)
	r := held(t, s, webtest.Plain)
	unkept := func(name string) bool { return name == "contradictions" || name == "unsupported-claims" }
	r.Scores = slices.DeleteFunc(slices.Clone(r.Scores), func(x stylesprint.Score) bool { return unkept(x.Metric) })
	var outs []evaluate.Output
	if err := s.Outputs(t.Context(), r.ID, func(o evaluate.Output) error {
		kept := map[string]float64{}
		for name, v := range o.Scores {
			if !unkept(name) {
				kept[name] = v
			}
		}
		o.Scores = kept
		outs = append(outs, o)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	s.Put(r, outs...)
	body := get(h, comparison+"&only=violations").Body.String()
	if !strings.Contains(body, "<h3>SS-AC-802</h3>") || strings.Contains(body, "<h3>SS-AC-801</h3>") {
		t.Error("the filter needs kept scores")
	}
}

func TestImages(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	w := get(h, "/images/"+webtest.Plain+"?item=SS-AC-801")
	if w.Code != 200 || w.Header().Get("Content-Type") != "image/png" || !strings.HasPrefix(w.Body.String(), "\x89PNG") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("status %d, %v", w.Code, w.Header())
	}
	for _, path := range []string{"/images/no-such?item=SS-AC-801", "/images/" + webtest.Plain, "/images/" + webtest.Plain + "?item=none", "/images/" + webtest.Plain + "?item=" + url.QueryEscape("../products.jsonl"),
		"/images/" + webtest.Plain + "/..%2Fproducts.jsonl", "/images/" + webtest.Plain + "?item=images/SS-AC-801.png"} {
		if w := get(h, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	folders := map[string]fs.FS{
		"none": nil, "empty": fstest.MapFS{}, "text": fstest.MapFS{"images/SS-AC-801.png/x": {}}, // a folder where a file should be
	}
	for name, folder := range folders {
		h, _ := desk(t, func(o *web.Options) { o.Images = func(evaluate.Run) fs.FS { return folder } })
		if w := get(h, "/images/"+webtest.Plain+"?item=SS-AC-801"); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", name, w.Code)
		}
		if holds := strings.Contains(get(h, comparison).Body.String(), "<img"); holds != (folder != nil) {
			t.Errorf("%s: pictures on the page: %v", name, holds)
		}
	}
}

// The figures can be taken away in other forms, and a file of the report holds small pictures.
func TestFormats(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	path := strings.Replace(comparison, "view", "report", 1)
	for format, c := range map[string]struct{ mime, name, holds string }{
		"csv":      {"text/csv; charset=utf-8", "comparison.csv", "similarity"},
		"json":     {"application/json; charset=utf-8", "comparison.json", `"pareto"`},
		"markdown": {"text/markdown; charset=utf-8", "comparison.md", "hosted-mini"},
	} {
		w := get(h, path+"&format="+format)
		if w.Code != 200 || w.Header().Get("Content-Type") != c.mime || w.Header().Get("Content-Disposition") != `attachment; filename="`+c.name+`"` || !strings.Contains(w.Body.String(), c.holds) {
			t.Errorf("%s: status %d, %v", format, w.Code, w.Header())
		}
		if format == "json" && !json.Valid(w.Body.Bytes()) {
			t.Error("not JSON")
		}
	}
	if w := get(h, path+"&format=pdf"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "There is no format &#34;pdf&#34;") {
		t.Errorf("pdf: status %d", w.Code)
	}
	body := get(h, path).Body.String()
	if n := strings.Count(body, `<img src="data:image/jpeg;base64,`); n != 40 {
		t.Errorf("%d pictures in the report, want 40", n)
	}
	if !strings.Contains(body, "img-src data:") || len(body) > 1_500_000 {
		t.Errorf("the report's policy forbids its pictures, or it has %d bytes", len(body))
	}
}
