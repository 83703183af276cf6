// Package report renders a comparison as HTML: a section of a dashboard page,
// or one self-contained file that needs no server, no script and no network.
//
// Key words: decision, evidence, finding.
//
// Write makes the file; Section makes the part that the dashboard puts into its
// own page; Style is the sheet that both use. All text is escaped, whatever a
// model wrote. Functions are safe for concurrent use.
package report

import (
	"errors"
	"io"
	"time"

	"stylesprint/evaluate/compare"
)

// Input is what a report shows.
type Input struct {
	Comparison compare.Comparison
	Rows       []compare.Row // texts side by side, in the order to show them
	// RowsTotal is how many rows there are in all; more than len(Rows) where
	// only some are shown.
	RowsTotal int
	// Note stands under the title: "Demo data: ...". May be empty.
	Note      string
	Generated time.Time // stamped in the foot
	Version   string    // of the program
	Command   string    // what makes this report again; may be empty
}

// Write renders a whole HTML file.
func Write(w io.Writer, in Input) error { return errors.ErrUnsupported }
