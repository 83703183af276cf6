package classification

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

// Data are items with their true and predicted classes, as indices of Classes,
// and what was predicted about every class.
type Data struct {
	Classes  []string // ascending, by number where all are numbers
	Positive int      // index of the positive class of two; -1: not known, or not two
	// Single-label data have True and Predicted, multilabel data the sets.
	Multilabel              bool
	True, Predicted         []int
	TrueSets, PredictedSets Sets
	// HasScores says that Scores holds a column for each class, in the order of
	// Classes. With two classes and one column read, the other is its complement.
	HasScores bool
	Scores    Scores
	// NotProbability names the first score outside 0 to 1, which bars figures that
	// need probabilities; empty: all are within.
	NotProbability string
}

// N is the number of items.
func (d Data) N() int {
	if d.Multilabel {
		return len(d.TrueSets)
	}
	return len(d.True)
}

// truth says which classes an item is of.
func (d Data) truth() Truth {
	if d.Multilabel {
		return SetTruth(d.TrueSets)
	}
	return ClassTruth(d.True)
}

// Source is a named stream. A name that ends in .jsonl says that each line is a
// JSON value, else lines are text.
type Source struct {
	Name   string
	Reader io.Reader
}

func (s Source) isJSON() bool { return strings.HasSuffix(strings.ToLower(s.Name), ".jsonl") }

// Files are what Read reads: the same line is the same item.
type Files struct {
	Labels, Predictions Source
	Scores              *Source // nil: none
	// Multilabel: a line holds any number of classes, separated by commas (JSONL:
	// a list), and may hold none.
	Multilabel bool
	// Positive names the positive class of two; empty: it is guessed from pairs of
	// words that leave no doubt (1 and 0 or -1, true and false, yes and no, positive and negative).
	Positive string
}

// The most that is named or kept.
const (
	maxFaults  = 20
	maxClasses = 1000
)

// Read reads labels, predictions and scores. Faults name the file and the line.
func Read(f Files) (Data, error) {
	r := reader{classes: map[string]int{}}
	actual, err := r.labels(f.Labels, f.Multilabel)
	if err != nil {
		return Data{}, err
	}
	predicted, err := r.labels(f.Predictions, f.Multilabel)
	if err != nil {
		return Data{}, err
	}
	var s scoreTable
	if f.Scores != nil {
		if s, err = r.scores(*f.Scores, !f.Multilabel); err != nil {
			return Data{}, err
		}
	}
	if err := r.faults.error(); err != nil {
		return Data{}, err
	}
	if err := lengths(f, len(actual), len(predicted), s.rows); err != nil {
		return Data{}, err
	}
	return r.assemble(f, actual, predicted, s)
}

func lengths(f Files, actual, predicted, scores int) error {
	differ := func(name string, n int) error {
		return refuse(fmt.Sprintf("%s has %d items and %s has %d", f.Labels.Name, actual, name, n), "give files in which the same line belongs to the same item")
	}
	switch {
	case actual != predicted:
		return differ(f.Predictions.Name, predicted)
	case f.Scores != nil && scores != actual:
		return differ(f.Scores.Name, scores)
	case actual == 0:
		return refuse(f.Labels.Name+" has no items", "give a file with one label a line")
	}
	return nil
}

func refuse(message, hint string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: message, Hint: hint}
}

// faults collects what is wrong with files.
type faults struct {
	list dataset.Faults
	more int
}

func (f *faults) add(file string, line int, format string, args ...any) {
	if len(f.list) == maxFaults {
		f.more++
		return
	}
	f.list = append(f.list, dataset.Fault{File: file, Line: line, Message: fmt.Sprintf(format, args...)})
}

func (f *faults) error() error {
	if len(f.list) == 0 {
		return nil
	}
	message := "the files cannot be scored"
	if n := len(f.list) + f.more; n > 1 {
		message += fmt.Sprintf(": %d faults", n)
	}
	if f.more > 0 {
		message += fmt.Sprintf(", the first %d of them", len(f.list))
	}
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: message, Err: f.list, Hint: "see docs/formats/classification.md for what a line may hold"}
}

// place is where a class was first seen.
type place struct {
	file string
	line int
}

// reader numbers classes in the order in which they are seen.
type reader struct {
	faults  faults
	classes map[string]int
	names   []string
	seen    []place
}

func (r *reader) class(name, file string, line int) (int, error) {
	if i, ok := r.classes[name]; ok {
		return i, nil
	}
	if len(r.names) == maxClasses {
		return 0, refuse(fmt.Sprintf("%s, line %d: there are more than %d different classes", file, line, maxClasses), "check that the file holds classes, not scores or texts")
	}
	r.classes[name] = len(r.names)
	r.names = append(r.names, name)
	r.seen = append(r.seen, place{file, line})
	return len(r.names) - 1, nil
}

// labels reads a file of one label, or one list of labels, a line.
func (r *reader) labels(s Source, many bool) (Sets, error) {
	var out Sets
	line := 0
	for text, err := range dataset.Lines(s.Reader, s.Name, 0) {
		if err != nil {
			return nil, err
		}
		line++
		names, why := parseLabels(text, s.isJSON(), many)
		if why != "" {
			r.faults.add(s.Name, line, "%s", why)
		}
		set := make([]int, 0, len(names))
		for _, name := range names {
			c, err := r.class(name, s.Name, line)
			if err != nil {
				return nil, err
			}
			set = append(set, c)
		}
		out = append(out, set)
	}
	return out, nil
}

// assemble puts classes in order and joins labels with scores.
func (r *reader) assemble(f Files, actual, predicted Sets, s scoreTable) (Data, error) {
	d := Data{Multilabel: f.Multilabel, Positive: -1, NotProbability: s.notProbability}
	for _, name := range s.header {
		if _, err := r.class(name, f.Scores.Name, 1); err != nil {
			return Data{}, err
		}
	}
	positive, err := r.positive(f, s)
	if err != nil {
		return Data{}, err
	}
	if d.Classes, err = r.sorted(actual, predicted); err != nil {
		return Data{}, err
	}
	if positive != "" {
		d.Positive = slices.Index(d.Classes, positive)
	}
	if d.Multilabel {
		d.TrueSets, d.PredictedSets = ordered(actual), ordered(predicted)
	} else {
		d.True, d.Predicted = firsts(actual), firsts(predicted)
	}
	if f.Scores == nil {
		return d, nil
	}
	d.HasScores = true
	return d, r.attach(&d, f, s)
}

// sorted orders the classes and renumbers the sets.
func (r *reader) sorted(all ...Sets) ([]string, error) {
	order := make([]int, len(r.names))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareClasses(r.names[a], r.names[b], r.numeric()) })
	names, number := make([]string, len(order)), make([]int, len(order))
	for i, c := range order {
		names[i], number[c] = r.names[c], i
	}
	for _, sets := range all {
		for _, set := range sets {
			for i, c := range set {
				set[i] = number[c]
			}
		}
	}
	return names, nil
}

func (r *reader) numeric() bool {
	for _, n := range r.names {
		if _, err := strconv.ParseFloat(n, 64); err != nil {
			return false
		}
	}
	return true
}

func compareClasses(a, b string, numeric bool) int {
	if numeric {
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

// ordered sorts each set and drops repeats.
func ordered(sets Sets) Sets {
	for i, s := range sets {
		slices.Sort(s)
		sets[i] = slices.Compact(s)
	}
	return sets
}

func firsts(sets Sets) []int {
	out := make([]int, len(sets))
	for i, s := range sets {
		out[i] = s[0]
	}
	return out
}
