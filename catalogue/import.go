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

// Bounds on what Import reads.
const (
	maxLineBytes = 1 << 20
	maxFaults    = 1000
)

// Fault is one thing that is wrong with a catalogue.
type Fault struct {
	Line    int    // from 1; 0 if it is about the whole
	SKU     string // of the product, where it is known
	Field   string // "sizes[2].stock"; empty for the whole record
	Message string
}

func (f Fault) String() string {
	var b strings.Builder
	if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	if f.SKU != "" {
		fmt.Fprintf(&b, "%s: ", f.SKU)
	}
	if f.Field != "" {
		fmt.Fprintf(&b, "%s: ", f.Field)
	}
	return b.String() + f.Message
}

// Faults is an error that lists all faults of a catalogue, in order of lines.
type Faults []Fault

// Error lists the faults, a line each.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// Import reads one product a line, as JSON; blank lines are skipped. It checks each
// record (Product.Validate), refuses fields that it does not know, an SKU that comes
// twice and a family that is in more than one split. Products without a fault
// are returned beside the error.
func Import(r io.Reader) ([]Product, error) {
	i := importer{skus: map[string]int{}, splits: map[string]place{}}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 64<<10), maxLineBytes)
	for len(i.faults) < maxFaults && scanner.Scan() {
		i.line++
		i.read(scanner.Bytes())
	}
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		i.fault(Fault{Line: i.line + 1, Message: fmt.Sprintf("the line is longer than %d bytes; what follows was not read", maxLineBytes)})
	case err != nil:
		return nil, fmt.Errorf("read catalogue: %w", err)
	case len(i.faults) >= maxFaults:
		i.faults = append(i.faults[:maxFaults:maxFaults], Fault{Line: i.line, Message: fmt.Sprintf("there are more than %d faults; what follows was not read", maxFaults)})
	case len(i.faults) == 0 && len(i.products) == 0:
		i.fault(Fault{Message: "there is no product"})
	}
	if len(i.faults) == 0 {
		return i.products, nil
	}
	message := fmt.Sprintf("the catalogue has %d faults", len(i.faults))
	if len(i.faults) == 1 {
		message = "the catalogue has a fault"
	}
	return i.products, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: message, Hint: "correct the lines that are named; one line is one product as JSON", Err: i.faults}
}

type place struct {
	split string
	line  int
}

type importer struct {
	line     int
	products []Product
	faults   Faults
	skus     map[string]int   // line of each
	splits   map[string]place // of each family
}

func (i *importer) fault(f Fault) { i.faults = append(i.faults, f) }

func (i *importer) read(line []byte) {
	text := strings.TrimSpace(strings.TrimPrefix(string(line), "\ufeff"))
	if text == "" {
		return
	}
	if !utf8.ValidString(text) {
		i.fault(Fault{Line: i.line, Message: "the line is not valid UTF-8"})
		return
	}
	p, faults := decode(text)
	if len(faults) == 0 {
		faults = p.Validate()
	}
	faults = append(faults, i.remember(p)...)
	for _, f := range faults {
		f.Line, f.SKU = i.line, clip(p.SKU)
		i.fault(f)
	}
	if len(faults) == 0 {
		i.products = append(i.products, p)
	}
}

// remember checks a product against those before it.
func (i *importer) remember(p Product) Faults {
	var faults Faults
	if p.SKU != "" {
		if first := i.skus[p.SKU]; first > 0 {
			faults = append(faults, Fault{Field: "sku", Message: fmt.Sprintf("the SKU is that of line %d too", first)})
		} else {
			i.skus[p.SKU] = i.line
		}
	}
	if p.Family == "" {
		return faults
	}
	first, known := i.splits[p.Family]
	switch {
	case !known:
		i.splits[p.Family] = place{p.Split, i.line}
	case first.split != p.Split:
		faults = append(faults, Fault{Field: "split", Message: fmt.Sprintf("family %q is in split %q here and in %q in line %d; keep a family in one split, or its near-duplicates leak into the test", clip(p.Family), clip(p.Split), clip(first.split), first.line)})
	}
	return faults
}

// decode reads a record, with every field that is unknown or of the wrong kind as a fault.
func decode(text string) (Product, Faults) {
	var p Product
	var v any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return p, Faults{{Message: "the line is not valid JSON: " + jsonFault(err)}}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return p, Faults{{Message: "text follows the record"}}
	}
	faults := checkShape(v)
	// What has the right kind is read even so: an SKU makes the other faults findable.
	if err := json.Unmarshal([]byte(text), &p); err != nil && len(faults) == 0 {
		faults = Faults{{Message: jsonFault(err)}}
	}
	return p, faults
}

func jsonFault(err error) string {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("%s, at byte %d", strings.TrimPrefix(syntax.Error(), "json: "), syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it breaks off"
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
