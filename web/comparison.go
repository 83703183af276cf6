package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/export"
	"stylesprint/web/report"
	"stylesprint/web/show"
)

const (
	pageTexts  = 24  // texts on a page, of all candidates together
	minRows    = 4   // items on a page, however many candidates there are
	reportRows = 500 // texts in a report
	maxRuns    = 7   // runs in a comparison: as many as there are colours
)

// set is a group of runs that can be compared: the same items, one run a candidate.
type set struct {
	Dataset, Split string
	Items          int
	Runs           []evaluate.Run // oldest first; the first is the baseline
}

// IDs of the runs, the baseline first.
func (s set) IDs() []string {
	var out []string
	for _, r := range s.Runs {
		out = append(out, r.ID)
	}
	return out
}

// Query names the set in an address.
func (s set) Query() template.URL { return runsQuery(s.IDs()) }

// Names of the candidates, joined.
func (s set) Names() string {
	var out []string
	for _, r := range s.Runs {
		out = append(out, r.Candidate.Name)
	}
	return show.List(out)
}

// Newest run of the set.
func (s set) Newest() evaluate.Run { return s.Runs[len(s.Runs)-1] }

// runsQuery is marked as part of an address: it is encoded already.
func runsQuery(ids []string) template.URL {
	return template.URL(url.Values{"run": ids}.Encode()) // encoded above
}

// setsOf groups finished runs, newest group first. Of each candidate the newest
// run counts.
func setsOf(runs []evaluate.Run) []set {
	type key struct {
		dataset, hash, split string
		repeat               int
	}
	groups := map[key]*set{}
	var order []key
	for _, r := range runs { // newest first
		if r.Status != evaluate.StatusDone || r.Sharded() {
			continue
		}
		k := key{r.Dataset, r.DatasetHash, r.Split, r.Repeat}
		g := groups[k]
		if g == nil {
			g = &set{Dataset: r.Dataset, Split: r.Split, Items: r.Total}
			groups[k] = g
			order = append(order, k)
		}
		same := func(x evaluate.Run) bool { return x.Candidate.Name == r.Candidate.Name }
		if len(g.Runs) < maxRuns && !slices.ContainsFunc(g.Runs, same) {
			g.Runs = append(g.Runs, r)
		}
	}
	var out []set
	for _, k := range order {
		if g := groups[k]; len(g.Runs) > 1 {
			slices.Reverse(g.Runs)
			out = append(out, *g)
		}
	}
	return out
}

func (s *site) comparisons(w http.ResponseWriter, r *http.Request) error {
	runs, err := s.o.Runs.Runs(r.Context(), evaluate.Filter{Limit: 200})
	if err != nil {
		return err
	}
	sets := setsOf(runs)
	title := "No two runs can be compared yet"
	switch n := len(sets); {
	case n == 1:
		title = "One set of runs can be compared"
	case n > 1:
		title = show.Sentence(numeral(n)) + " sets of runs can be compared"
	}
	return s.render(w, "comparisons", page{Here: "comparisons", Title: title, Document: "Comparisons", Body: sets})
}

// compare computes a comparison, or takes it from the cache.
func (s *site) compare(ctx context.Context, ids []string) (compare.Comparison, error) {
	var key strings.Builder
	for _, id := range ids {
		r, err := s.o.Runs.Run(ctx, id)
		if err != nil {
			return compare.Comparison{}, err
		}
		key.WriteString(versionOf(r) + "|")
	}
	return s.compared.get(key.String(), func() (compare.Comparison, error) { return s.o.Compare.Compare(ctx, ids) })
}

// chosen reads the runs of a comparison from the query.
func (s *site) chosen(r *http.Request) ([]string, error) {
	if s.o.Compare == nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "This server cannot compare runs", Hint: "Compare them in a terminal: stylesprint eval compare A B"}
	}
	var ids []string
	for _, id := range r.URL.Query()["run"] {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	switch {
	case len(ids) < 2:
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "A comparison needs at least two runs", Hint: "Tick two or more on the page of runs, then press Compare."}
	case len(ids) > maxRuns:
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("A comparison shows at most %d runs", maxRuns), Hint: "Tick fewer on the page of runs."}
	}
	return ids, nil
}

type comparisonBody struct {
	Section    template.HTML
	Candidates []baselineLink
	Query      template.URL // of the report
	First      bool
	Note       string
	Texts      template.URL // the query of the first page of texts
	Next       template.URL // and of the next one; empty at the end
	Review     bool         // a blind review can be made of the runs
}

// Formats in which the figures can be taken away.
func (comparisonBody) Formats() []choice {
	return []choice{{Name: "CSV", Value: "csv"}, {Name: "JSON", Value: "json"}, {Name: "Markdown", Value: "markdown"}}
}

// baselineLink shows the same runs against another baseline.
type baselineLink struct {
	Name  string
	Query template.URL
	Here  bool
}

func (s *site) comparison(w http.ResponseWriter, r *http.Request) error {
	ids, err := s.chosen(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	if r.URL.Query().Get("order") == "age" { // from the form on the page of runs, which lists the newest first
		slices.Reverse(ids)
		http.Redirect(w, r, "/comparisons/view?"+string(runsQuery(ids)), http.StatusSeeOther)
		return nil
	}
	c, err := s.compare(ctx, ids)
	if err != nil {
		return err
	}
	look := newLook(r, c)
	p, err := s.rows(ctx, ids, textsAfter{item: look.After, limit: max(minRows, pageTexts/len(ids)), keep: s.keep(look)})
	if err != nil {
		return err
	}
	in := report.Input{
		Comparison: c, Rows: p.rows, RowsTotal: total(c), Filter: look.words(), Faithfulness: s.o.Faithfulness, Catalogue: s.o.Catalogue,
		SliceKeys: []string{look.By}, SliceMetric: look.Metric, Picture: s.pictureOf(c),
	}
	if in.SliceNav, in.TextNav, err = s.navs(c, look); err != nil {
		return err
	}
	section, err := report.Section(in)
	if err != nil {
		return err
	}
	b := comparisonBody{Section: section, Note: s.o.Note(c.Dataset), Query: runsQuery(ids), Texts: look.query(map[string]string{"after": ""}), First: look.After == "", Review: s.o.Review != nil}
	if p.next != "" {
		b.Next = look.query(map[string]string{"after": p.next})
	}
	for i, k := range c.Candidates {
		if i >= len(ids) {
			break
		}
		order := append([]string{ids[i]}, slices.Delete(slices.Clone(ids), i, i+1)...)
		b.Candidates = append(b.Candidates, baselineLink{k.Name, runsQuery(order), k.Name == c.Baseline})
	}
	return s.render(w, "comparison", page{Here: "comparisons", Title: report.Sentence(c), Eyebrow: report.Eyebrow(c), Body: b})
}

// textsAfter asks for a page of texts.
type textsAfter struct {
	item  string // the last one of the page before; empty: from the beginning
	limit int
	keep  func(compare.Row) bool // nil: all
}

type texts struct {
	rows []compare.Row
	next string // the last item shown, where there are more
}

// rows reads a page of texts. Rows come in a fixed order, item by item, so the
// last item is the key of the next page.
func (s *site) rows(ctx context.Context, ids []string, after textsAfter) (texts, error) {
	var t texts
	take := func(row compare.Row) error {
		if after.keep != nil && !after.keep(row) {
			return nil
		}
		if len(t.rows) >= after.limit && row.ItemID != t.rows[len(t.rows)-1].ItemID {
			t.next = t.rows[len(t.rows)-1].ItemID
			return errEnough
		}
		t.rows = append(t.rows, row)
		return nil
	}
	if err := s.rowsAfter(ctx, ids, after.item, take); err != nil && !errors.Is(err, errEnough) {
		return t, fmt.Errorf("read texts: %w", err)
	}
	return t, nil
}

// rowsAfter begins behind an item, or at the beginning where it is empty.
func (s *site) rowsAfter(ctx context.Context, ids []string, item string, yield func(compare.Row) error) error {
	if item == "" {
		return s.o.Compare.Rows(ctx, ids, yield)
	}
	if c, ok := s.o.Compare.(RowSeeker); ok {
		return c.RowsAfter(ctx, ids, item, yield)
	}
	begun, passed := false, false
	return s.o.Compare.Rows(ctx, ids, func(row compare.Row) error {
		passed = passed || row.ItemID == item
		begun = begun || passed && row.ItemID != item
		if !begun {
			return nil
		}
		return yield(row)
	})
}

// total is how many rows a comparison has.
func total(c compare.Comparison) int {
	repeat := 1
	for _, k := range c.Candidates {
		repeat = max(repeat, k.Run.Repeat)
	}
	return c.Items * repeat
}

// exported is a form in which a comparison can be taken away.
type exported struct {
	name, mime string
	write      func(io.Writer, compare.Comparison) error
}

// exportsOf are the forms without texts, by the parameter "format".
func exportsOf() map[string]exported {
	return map[string]exported{
		"csv": {"comparison.csv", "text/csv; charset=utf-8", export.CSV},
		"json": {"comparison.json", "application/json; charset=utf-8", func(w io.Writer, c compare.Comparison) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(c)
		}},
		"markdown": {"comparison.md", "text/markdown; charset=utf-8", func(w io.Writer, c compare.Comparison) error { return export.Markdown(w, c, nil) }},
	}
}

// download sends what was made as a file.
func download(w http.ResponseWriter, name, mime string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", mime)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// report sends the comparison as one file: HTML, or what the parameter "format" names.
func (s *site) report(w http.ResponseWriter, r *http.Request) error {
	ids, err := s.chosen(r)
	if err != nil {
		return err
	}
	c, err := s.compare(r.Context(), ids)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	switch format := r.URL.Query().Get("format"); format {
	case "", "html":
	default:
		x, ok := exportsOf()[format]
		if !ok {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("There is no format %q", format), Hint: "Use html, csv, json or markdown."}
		}
		if err := x.write(&b, c); err != nil {
			return err
		}
		return download(w, x.name, x.mime, b.Bytes())
	}
	t, err := s.rows(r.Context(), ids, textsAfter{limit: reportRows})
	if err != nil {
		return err
	}
	in := report.Input{
		Comparison: c, Rows: t.rows, RowsTotal: total(c), Note: s.o.Note(c.Dataset), Faithfulness: s.o.Faithfulness, Catalogue: s.o.Catalogue,
		Generated: s.o.Now(), Version: s.o.Version, Command: "stylesprint eval report " + strings.Join(ids, " "),
	}
	if s.o.Images != nil {
		in.Picture = report.Thumbnails(s.o.Images(c.Candidates[0].Run))
	}
	if err := report.Write(&b, in); err != nil {
		return err
	}
	return download(w, "comparison.html", "text/html; charset=utf-8", b.Bytes())
}
