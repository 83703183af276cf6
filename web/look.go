package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/faithfulness"
	"stylesprint/web/report"
	"stylesprint/web/show"
)

// look is what of a comparison is looked at: the slices and the texts that the
// address asks for. What the comparison does not have is left out.
type look struct {
	Runs   []string
	By     string // key of the slices that are shown
	Metric string // that they are shown on
	Only   string // "violations", or empty for all texts
	Slice  string // "key=value" of the texts that are shown, or empty
	After  string // the last item of the page before

	key, value string // of Slice
}

// violations is the value of "only" for texts with something that the record does not support.
const violations = "violations"

func newLook(r *http.Request, c compare.Comparison) look {
	q := r.URL.Query()
	l := look{After: q.Get("after"), Metric: c.Primary}
	for _, k := range c.Candidates {
		l.Runs = append(l.Runs, k.Run.ID)
	}
	if runs := q["run"]; len(runs) == len(l.Runs) { // as they were asked for
		l.Runs = runs
	}
	if q.Get("only") == violations {
		l.Only = violations
	}
	if slices.ContainsFunc(c.Metrics, func(m compare.Metric) bool { return m.Name == q.Get("metric") }) {
		l.Metric = q.Get("metric")
	}
	filled := -1 // the key with most slices that have figures is shown first
	for _, s := range c.Slices {
		n := 0
		for _, v := range s.Slices {
			if v.Missing == "" {
				n++
			}
			if s.Key+"="+v.Value == q.Get("slice") {
				l.Slice, l.key, l.value = q.Get("slice"), s.Key, v.Value
			}
		}
		if s.Key == q.Get("by") {
			n = 1 << 30
		}
		if n > filled {
			l.By, filled = s.Key, n
		}
	}
	return l
}

// query is the address of the same look with some values changed.
func (l look) query(changed map[string]string) template.URL {
	v := url.Values{"run": l.Runs}
	for _, p := range []struct{ name, value string }{{"by", l.By}, {"metric", l.Metric}, {"only", l.Only}, {"slice", l.Slice}, {"after", l.After}} {
		if x, ok := changed[p.name]; ok {
			p.value = x
		}
		if p.value != "" {
			v.Set(p.name, p.value)
		}
	}
	return template.URL(v.Encode()) // encoded here
}

// words says which texts are shown; empty for all.
func (l look) words() string {
	var parts []string
	if l.Slice != "" {
		parts = append(parts, "of "+l.key+" "+l.value)
	}
	if l.Only == violations {
		parts = append(parts, "with a statement that the record does not support")
	}
	return strings.Join(parts, " ")
}

// keep is the filter of texts; nil where all are shown.
func (s *site) keep(l look) func(compare.Row) bool {
	if l.Only == "" && l.Slice == "" {
		return nil
	}
	return func(r compare.Row) bool {
		return (l.Slice == "" || r.Slices[l.key] == l.value) && (l.Only == "" || s.violates(r))
	}
}

// violates says that some text of a row states what the record does not support:
// by its kept scores where it has them, else by holding it against the record.
func (s *site) violates(r compare.Row) bool {
	var record *faithfulness.Record
	for _, o := range r.Cells {
		contradictions, ok := o.Scores["contradictions"]
		unsupported, also := o.Scores["unsupported-claims"]
		if ok && also {
			if contradictions > 0 || unsupported > 0 {
				return true
			}
			continue
		}
		if record == nil {
			if record = report.Record(s.o.Faithfulness, r); record == nil {
				return false
			}
		}
		if c := faithfulness.Count(s.o.Faithfulness.Check(record, o.Text), 0); c.Contradicted+c.Unsupported > 0 {
			return true
		}
	}
	return false
}

// choice is a link, or an option, of the controls above slices and texts.
type choice struct {
	Name  string
	Query template.URL
	Value string
	Here  bool
}

// choices is a labelled group of options.
type choices struct {
	Name    string
	Options []choice
}

// lookBody is what the controls are rendered from.
type lookBody struct {
	look
	Keys    []choice
	Metrics []choices
	Slices  []choices
	Checked bool // texts can be held against the record
}

// navs renders the controls above slices and above texts: links and forms that
// need no script.
func (s *site) navs(c compare.Comparison, l look) (slicesNav, textNav template.HTML, err error) {
	b := lookBody{look: l, Checked: s.o.Faithfulness != nil}
	for _, k := range c.Slices {
		b.Keys = append(b.Keys, choice{Name: k.Key, Query: l.query(map[string]string{"by": k.Key, "after": ""}), Here: k.Key == l.By})
		g := choices{Name: k.Key}
		for _, v := range k.Slices {
			if v.Items < 2 { // one item is found by its id
				continue
			}
			value := k.Key + "=" + v.Value
			g.Options = append(g.Options, choice{Name: fmt.Sprintf("%s (%s)", v.Value, show.Count(v.Items)), Value: value, Here: value == l.Slice})
		}
		if len(g.Options) > 1 {
			b.Slices = append(b.Slices, g)
		}
	}
	for _, g := range show.Groups() {
		group := choices{Name: g.Title}
		for _, m := range c.Metrics {
			if show.GroupOf(m.Name) == g {
				group.Options = append(group.Options, choice{Name: m.Title, Value: m.Name, Here: m.Name == l.Metric})
			}
		}
		if len(group.Options) > 0 {
			b.Metrics = append(b.Metrics, group)
		}
	}
	if slicesNav, err = s.part("slice-nav", b); err != nil {
		return "", "", err
	}
	textNav, err = s.part("text-nav", b)
	return slicesNav, textNav, err
}

// part renders a template of the comparison's page by itself.
func (s *site) part(name string, body any) (template.HTML, error) {
	var b bytes.Buffer
	if err := s.templates.pages["comparison"].ExecuteTemplate(&b, name, body); err != nil {
		return "", fmt.Errorf("render %s: %w", name, err)
	}
	return template.HTML(b.String()), nil // made by html/template
}
