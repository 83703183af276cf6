package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong with a configuration.
type Fault struct {
	File    string `json:"file,omitempty"` // empty where the value is from no file
	Line    int    `json:"line,omitempty"` // from 1; 0 where there is none
	Path    string `json:"path,omitempty"` // "routes[0].targets[1].weight"
	Message string `json:"message"`        // "want 0 or more, got -3"
}

// String is "stylesprint.yaml:12: routes[0].targets[1].weight: want 0 or more, got -3".
func (f Fault) String() string {
	var b strings.Builder
	switch {
	case f.File != "" && f.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", f.File, f.Line)
	case f.File != "":
		b.WriteString(f.File + ": ")
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	return b.String() + f.Message
}

// Faults is an error that lists every fault, in the order of the file.
type Faults []Fault

// Error lists the faults, a line each.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// FaultsOf returns the faults that an error of this package lists, or the error itself as one.
func FaultsOf(err error) []Fault {
	var all Faults
	if errors.As(err, &all) {
		return all
	}
	if err == nil {
		return nil
	}
	return []Fault{{Message: err.Error()}}
}

func (f Faults) sorted() error {
	if len(f) == 0 {
		return nil
	}
	slices.SortStableFunc(f, func(a, b Fault) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Path, b.Path)) })
	return f
}

// source is the file that a configuration was read from.
type source struct {
	file  string
	lines map[string]int       // by path
	env   map[string]reference // values that were made of references to the environment, by path
}

// reference is a value as the file has it, and as it was understood.
type reference struct{ written, value string }

// fault makes the fault of a path: with the line of the value or of what it is missing in,
// and without what came from the environment.
func (s *source) fault(path, message string) Fault {
	f := Fault{Path: path, Message: message}
	if s == nil {
		return f
	}
	f.File = s.file
	for p := path; p != ""; p = parent(p) {
		if line := s.lines[p]; line > 0 {
			f.Line = line
			break
		}
	}
	for p, r := range s.env {
		if r.value != "" && (p == path || strings.HasPrefix(p, path)) {
			f.Message = strings.ReplaceAll(f.Message, r.value, r.written)
		}
	}
	return f
}

// parent is the path of what a path is in: "a.b[2]", "a.b", "a", "".
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}
