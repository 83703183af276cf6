package catalogue

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"stylesprint"
)

// CareAdvice is a page of a house's care guide: what holds for every product of a fibre. A product's
// own care instructions come first.
type CareAdvice struct {
	Fibre string   `json:"fibre"` // "linen"; fits "organic linen" too
	Text  []string `json:"text"`  // a sentence each
}

// About says whether the fibre is in a product's composition.
func (a CareAdvice) About(p Product) bool {
	for _, m := range p.Materials {
		if m.Fibre == a.Fibre || strings.HasSuffix(m.Fibre, " "+a.Fibre) || strings.HasPrefix(m.Fibre, a.Fibre+" ") {
			return true
		}
	}
	return false
}

// ImportCareGuide reads a care guide, one CareAdvice a line as JSON; blank lines are skipped. It reports every
// fault with its line, as Import does.
func ImportCareGuide(r io.Reader) ([]CareAdvice, error) {
	var out []CareAdvice
	var faults Faults
	seen := map[string]bool{}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	for line := 1; scanner.Scan() && len(faults) < maxFaults; line++ {
		text := strings.TrimSpace(scanner.Text())
		if text == "" {
			continue
		}
		var a CareAdvice
		dec := json.NewDecoder(strings.NewReader(text))
		dec.DisallowUnknownFields()
		err := dec.Decode(&a)
		var c checker
		switch {
		case !utf8.ValidString(text):
			c.fault("", "the line is not valid UTF-8")
		case err != nil:
			c.fault("", "the line is not valid: %s", jsonFault(err))
		case seen[a.Fibre]:
			c.fault("fibre", "%q comes twice", clip(a.Fibre))
		default:
			c.line("fibre", a.Fibre, true)
			c.lines("text", a.Text)
			if len(a.Text) == 0 {
				c.fault("text", "is empty")
			}
		}
		seen[a.Fibre] = true
		for _, f := range c.faults {
			f.Line = line
			faults = append(faults, f)
		}
		out = append(out, a)
	}
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		faults = append(faults, Fault{Message: fmt.Sprintf("a line is longer than %d bytes", maxLineBytes)})
	case err != nil:
		return nil, fmt.Errorf("read care guide: %w", err)
	}
	if len(faults) > 0 {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the care guide has faults", Hint: "correct the lines that are named", Err: faults}
	}
	return out, nil
}
