// Package report renders a comparison as HTML: a section of a dashboard page,
// or one self-contained file that needs no server, no script and no network.
//
// Key words: decision, evidence, finding.
//
// Write makes the file; Section makes the part that the dashboard puts into its
// own page; Style is the sheet that both use. The file carries a
// Content-Security-Policy that lets nothing load and nothing run. All text is
// escaped, whatever a model wrote. Functions are safe for concurrent use.
package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/faithfulness"
	"stylesprint/evaluate/gate"
	"stylesprint/web/plot"
)

// Input is what a report shows.
type Input struct {
	Comparison compare.Comparison
	Rows       []compare.Row // texts side by side, in the order to show them
	// RowsTotal is how many rows there are in all; more than len(Rows) where
	// only some are shown.
	RowsTotal int
	// Filter says in words which rows are shown where not all of them can be:
	// "with a violation"; RowsTotal plays no part then.
	Filter string
	// Gate is what rules made of the comparison; nil: none were asked.
	Gate *gate.Result
	// Faithfulness holds each text against its record, to mark what it says; nil:
	// texts are not checked.
	Faithfulness *faithfulness.Checker
	// Catalogue is the number of products that sentences about rates speak of. Defaults to 50,000.
	Catalogue int
	// SliceKeys are the keys of slices that are shown; nil: all. SliceMetric is the
	// metric that they are shown on. Defaults to the primary one.
	SliceKeys   []string
	SliceMetric string
	// Picture returns the address of a row's picture, empty where it has none; nil:
	// there are none. For a file, see Thumbnails.
	Picture func(compare.Row) template.URL
	// SliceNav and TextNav are controls that a page puts above slices and texts.
	SliceNav, TextNav template.HTML
	// Note stands under the title: "Demo data: ...". May be empty.
	Note      string
	Generated time.Time // stamped in the foot; zero: left out
	Version   string    // of the program
	Command   string    // what makes this report again; may be empty
}

//go:embed section.html
var sectionText string

//go:embed desk.css
var desk string

// Style is the sheet of reports and of everything that pages share with them, plots included.
func Style() string { return desk + plot.Style() }

// Write renders a whole HTML file.
func Write(w io.Writer, in Input) error {
	v := newView(in)
	v.Details = details(in.Comparison)
	style := Style()
	sum := sha256.Sum256([]byte(style))
	v.Style = template.CSS(style) // our own file
	v.Pictures = in.Picture != nil
	v.StyleHash = "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
	return execute(w, "document", v)
}

// Section renders the part after the title, without the tables that only a file has
// room for: reasons, figures, plots, texts and
// method. Its headings begin at h2 and its ids are unique in a page that holds
// one section. The decision's sentence is left to the page's title.
func Section(in Input) (template.HTML, error) {
	var b bytes.Buffer
	if err := execute(&b, "section", newView(in)); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil // made by html/template
}

// execute renders into memory first, so that a fault never leaves half a file.
func execute(w io.Writer, name string, v view) error {
	t, err := template.New("report").Parse(sectionText)
	if err != nil {
		return fmt.Errorf("parse report template: %w", err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, v); err != nil {
		return fmt.Errorf("render report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
