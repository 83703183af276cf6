package dataset

import (
	"fmt"
	"strings"

	"stylesprint"
)

// Fault is one thing wrong with a file.
type Fault struct {
	File    string
	Line    int    // 1-based, where the record begins; 0: the file as a whole
	Field   string // "references[1]"; may be empty
	Message string
}

func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ", line %d", f.Line)
	}
	if f.Field != "" {
		fmt.Fprintf(&b, ", field %s", f.Field)
	}
	return b.String() + ": " + f.Message
}

// Faults are the first faults of a file, in the order of its lines.
type Faults []Fault

func (f Faults) Error() string {
	parts := make([]string, len(f))
	for i := range f {
		parts[i] = f[i].String()
	}
	return strings.Join(parts, "\n")
}

func (c *collector) error() error {
	if len(c.faults) == 0 {
		return nil
	}
	message := fmt.Sprintf("%s cannot be read as a dataset", c.file)
	if n := len(c.faults) + c.more; n > 1 {
		message = fmt.Sprintf("%s cannot be read as a dataset: %d faults", c.file, n)
	}
	if c.more > 0 {
		message += fmt.Sprintf(", the first %d of them", len(c.faults))
	}
	return &stylesprint.Error{
		Code: stylesprint.CodeInvalid, Message: message, Err: c.faults,
		Hint: "see docs/formats/dataset.md for the formats",
	}
}
