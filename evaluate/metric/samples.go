package metric

import (
	"fmt"
	"iter"
	"strings"

	"stylesprint"
)

// Samples is a stream of samples that ends at its first error.
type Samples iter.Seq2[Sample, error]

// SamplesOf streams a slice.
func SamplesOf(samples []Sample) Samples {
	return func(yield func(Sample, error) bool) {
		for _, s := range samples {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// OwnReferences makes each text its own reference.
func OwnReferences(samples Samples) Samples {
	return func(yield func(Sample, error) bool) {
		for s, err := range samples {
			s.References = []string{s.Hypothesis}
			if !yield(s, err) {
				return
			}
		}
	}
}

// blocks hands samples on in blocks of n (0: all at once), with the number of
// the first.
func (s Samples) blocks(n int, do func(from int, block []Sample) error) error {
	block := make([]Sample, 0, n)
	from := 0
	for sample, err := range s {
		if err != nil {
			return err
		}
		block = append(block, sample)
		if n > 0 && len(block) == n {
			if err := do(from, block); err != nil {
				return err
			}
			from += n
			block = block[:0]
		}
	}
	if len(block) == 0 {
		return nil
	}
	return do(from, block)
}

// Lines is a named stream of lines, such as a file of one text a line.
type Lines struct {
	Name string
	Seq  iter.Seq2[string, error]
}

// Zip lines hypotheses up with one or more files of references. Files of
// different lengths are an error that names them and their lengths; it comes
// after the samples that could be made. An empty line is kept, scores as an
// empty text, and is told to warn (if that is not nil): see EmptyLines.
func Zip(hypotheses Lines, references []Lines, warn func(file string, line int)) Samples {
	return func(yield func(Sample, error) bool) {
		all := append([]Lines{hypotheses}, references...)
		next := make([]func() (string, error, bool), len(all))
		for i, l := range all {
			var stop func()
			next[i], stop = iter.Pull2(l.Seq)
			defer stop()
		}
		for line := 1; ; line++ {
			texts, ended, err := zipLine(next)
			if err != nil {
				yield(Sample{}, err)
				return
			}
			if ended == len(all) {
				if line == 1 {
					yield(Sample{}, emptyFiles(all))
				}
				return
			}
			if ended > 0 {
				yield(Sample{}, unequalLengths(all, next, texts, line))
				return
			}
			for i, t := range texts {
				if warn != nil && IsBlank(*t) {
					warn(all[i].Name, line)
				}
			}
			s := Sample{Hypothesis: *texts[0], References: make([]string, len(references))}
			for i := range references {
				s.References[i] = *texts[i+1]
			}
			if !yield(s, nil) {
				return
			}
		}
	}
}

func emptyFiles(all []Lines) error {
	names := make([]string, len(all))
	for i, l := range all {
		names[i] = l.Name
	}
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "there is nothing to score: no line in " + strings.Join(names, ", "),
		Hint: "give files of one text a line"}
}

// zipLine takes a line from each stream; nil stands for one that has ended.
func zipLine(next []func() (string, error, bool)) (texts []*string, ended int, err error) {
	texts = make([]*string, len(next))
	for i, pull := range next {
		text, err, ok := pull()
		if err != nil {
			return nil, 0, err
		}
		if ok {
			texts[i] = &text
		} else {
			ended++
		}
	}
	return texts, ended, nil
}

// unequalLengths reads the longer files to their ends, so as to name their lengths.
func unequalLengths(all []Lines, next []func() (string, error, bool), texts []*string, line int) error {
	lengths := make([]int, len(all))
	for i, t := range texts {
		lengths[i] = line - 1
		for ok := t != nil; ok; {
			lengths[i]++
			var err error
			if _, err, ok = next[i](); err != nil {
				return err
			}
		}
	}
	for i := range all {
		if lengths[i] != lengths[0] {
			return &stylesprint.Error{
				Code:    stylesprint.CodeInvalid,
				Message: fmt.Sprintf("%s has %d lines and %s has %d", all[0].Name, lengths[0], all[i].Name, lengths[i]),
				Hint:    lengthHint(lengths),
			}
		}
	}
	return nil
}

// EmptyLines collects the warnings of Zip, a few for each file by number and
// the rest by count.
type EmptyLines struct {
	files []string
	lines map[string][]int
	more  map[string]int
}

// maxNamedLines is how many empty lines of a file are named.
const maxNamedLines = 5

// Add is a warn function for Zip.
func (e *EmptyLines) Add(file string, line int) {
	if e.lines == nil {
		e.lines, e.more = map[string][]int{}, map[string]int{}
	}
	switch n := len(e.lines[file]); {
	case n == 0:
		e.files = append(e.files, file)
		fallthrough
	case n < maxNamedLines:
		e.lines[file] = append(e.lines[file], line)
	default:
		e.more[file]++
	}
}

// Warnings returns a sentence for each empty line that is named, by file.
func (e *EmptyLines) Warnings() []string {
	var out []string
	for _, file := range e.files {
		for _, line := range e.lines[file] {
			out = append(out, fmt.Sprintf("%s, line %d is empty; it is scored as an empty text", file, line))
		}
		if n := e.more[file]; n > 0 {
			out = append(out, fmt.Sprintf("%s has %d more empty lines", file, n))
		}
	}
	return out
}

// refCount notes the numbers of references of a stream.
type refCount struct{ refs int }

func newRefCount() *refCount { return &refCount{refs: -2} }

func (r *refCount) see(n int) {
	switch r.refs {
	case -2:
		r.refs = n
	case n:
	default:
		r.refs = VaryingReferences
	}
}

func (r *refCount) value() int {
	if r.refs == -2 {
		return 0
	}
	return r.refs
}
