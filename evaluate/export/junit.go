package export

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"time"

	"stylesprint/evaluate/gate"
)

// JUnitOptions say what a file carries beyond the result.
type JUnitOptions struct {
	Timestamp time.Time // of the gate; zero: left out
	Version   string    // of the program; may be empty
}

// The elements and attributes of JUnit's XML as Jenkins' junit-10.xsd has them.
type (
	suites struct {
		XMLName  xml.Name `xml:"testsuites"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Suites   []suite
	}
	suite struct {
		XMLName    xml.Name    `xml:"testsuite"`
		Name       string      `xml:"name,attr"`
		Tests      int         `xml:"tests,attr"`
		Failures   int         `xml:"failures,attr"`
		Errors     int         `xml:"errors,attr"`
		Skipped    int         `xml:"skipped,attr"`
		Time       string      `xml:"time,attr"`
		Timestamp  string      `xml:"timestamp,attr,omitempty"`
		Properties *properties `xml:"properties"`
		Cases      []testcase
	}
	properties struct {
		List []property `xml:"property"`
	}
	property struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	testcase struct {
		XMLName   xml.Name `xml:"testcase"`
		Name      string   `xml:"name,attr"`
		Classname string   `xml:"classname,attr"`
		Time      string   `xml:"time,attr"`
		Skipped   *skipped `xml:"skipped"`
		Failure   *failure `xml:"failure"`
		Out       string   `xml:"system-out,omitempty"`
	}
	skipped struct {
		Message string `xml:"message,attr"`
	}
	failure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes a test suite for each candidate and a test case for each check. A
// check that is not met is a failure with its reason; one that was left out is
// skipped. Times are 0: checking takes none.
func JUnit(w io.Writer, r gate.Result, o JUnitOptions) error {
	all := suites{Name: "stylesprint gate"}
	for _, c := range r.Candidates {
		s := suite{Name: printable(c.Name), Time: "0", Properties: &properties{List: []property{
			{"dataset", printable(r.Dataset)}, {"items", strconv.Itoa(r.Items)}, {"baseline", printable(r.Baseline)}, {"run", printable(c.RunID)}}}}
		if o.Version != "" {
			s.Properties.List = append(s.Properties.List, property{"stylesprint", printable(o.Version)})
		}
		if !o.Timestamp.IsZero() {
			s.Timestamp = o.Timestamp.UTC().Format("2006-01-02T15:04:05")
		}
		for _, k := range c.Checks {
			s.add(c.Name, k)
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Suites = append(all.Suites, s)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("render JUnit XML: %w", err)
	}
	b.WriteByte('\n')
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	return nil
}

func (s *suite) add(candidate string, k gate.Check) {
	t := testcase{Name: printable(string(k.Kind) + ": " + k.Rule), Classname: printable("gate." + candidate), Time: "0"}
	reason := printable(k.Reason)
	why := ""
	if k.Why != "" {
		why = "\nWhy this rule: " + printable(k.Why)
	}
	s.Tests++
	switch k.Outcome {
	case gate.Passed:
		t.Out = reason + why
	case gate.Skipped:
		s.Skipped++
		t.Skipped = &skipped{Message: reason}
	default:
		s.Failures++
		t.Failure = &failure{Message: reason, Type: string(k.Outcome), Text: printable(k.Rule) + "\n" + reason + why}
	}
	s.Cases = append(s.Cases, t)
}
