// Command testsummary reads `go test -json` and prints what a person wants to
// know: the output of what failed, a line for each package, what was skipped
// and why, and the counts. It exits with 1 where a test or a build failed, or where nothing ran.
//
// Key words: event, package, skip.
//
//	go test -json ./... | go run ./tools/testsummary
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// event is one line of test2json's output.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

func main() {
	ok, err := summarise(os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

type summary struct {
	out                     io.Writer
	output                  map[string]*strings.Builder // by package and test
	passed, failed, skipped int
	reasons                 map[string][]string // why skipped, to tests
	broken                  int                 // packages that failed
}

func summarise(in io.Reader, out io.Writer) (bool, error) {
	s := &summary{out: out, output: map[string]*strings.Builder{}, reasons: map[string][]string{}}
	sc := bufio.NewScanner(in)
	sc.Buffer(make([]byte, 1<<20), 64<<20)
	for sc.Scan() {
		var e event
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			fmt.Fprintln(out, sc.Text()) // the go command's own words
			continue
		}
		s.take(e)
	}
	if err := sc.Err(); err != nil {
		return false, fmt.Errorf("read test events: %w", err)
	}
	s.close()
	return s.failed == 0 && s.broken == 0 && s.passed > 0, nil
}

func (s *summary) take(e event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "output":
		b := s.output[key]
		if b == nil {
			b = &strings.Builder{}
			s.output[key] = b
		}
		b.WriteString(e.Output)
	case "pass", "fail", "skip":
		s.finish(e, key)
	}
}

func (s *summary) finish(e event, key string) {
	text := ""
	if b := s.output[key]; b != nil {
		text = b.String()
	}
	delete(s.output, key)
	if e.Test == "" {
		s.packageDone(e, text)
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		fmt.Fprint(s.out, text)
	case "skip":
		s.skipped++
		why := reason(text)
		s.reasons[why] = append(s.reasons[why], strings.TrimPrefix(e.Package, "stylesprint/")+"."+e.Test)
	}
}

func (s *summary) packageDone(e event, text string) {
	name := strings.TrimPrefix(e.Package, "stylesprint/")
	switch e.Action {
	case "pass":
		fmt.Fprintf(s.out, "ok    %-28s %6.1f s\n", name, e.Elapsed)
	case "fail":
		s.broken++
		fmt.Fprint(s.out, text)
		fmt.Fprintf(s.out, "FAIL  %-28s %6.1f s\n", name, e.Elapsed)
	}
}

// reason is what a test printed when it skipped, without its place.
func reason(text string) string {
	for _, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if i := strings.Index(line, ".go:"); i > 0 && !strings.HasPrefix(line, "---") {
			if j := strings.Index(line[i:], ": "); j > 0 {
				return line[i+j+2:]
			}
		}
	}
	return "no reason given"
}

func (s *summary) close() {
	var whys []string
	for w := range s.reasons {
		whys = append(whys, w)
	}
	sort.Strings(whys)
	for _, w := range whys {
		tests := s.reasons[w]
		fmt.Fprintf(s.out, "skipped: %s (%d: %s", w, len(tests), tests[0])
		if len(tests) > 1 {
			fmt.Fprint(s.out, ", ...")
		}
		fmt.Fprintln(s.out, ")")
	}
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
}
