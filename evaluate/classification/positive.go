package classification

import (
	"fmt"
	"slices"
	"strings"
)

// opposites are pairs of words, positive first, that leave no doubt.
func opposites() [][2]string {
	return [][2]string{{"1", "0"}, {"1", "-1"}, {"true", "false"}, {"yes", "no"}, {"positive", "negative"}}
}

// positive finds the positive class and sees to it that there are two classes
// where one is known; empty: there is none, or it is not known.
func (r *reader) positive(f Files, s scoreTable) (string, error) {
	asked := f.Positive
	if f.Multilabel {
		if asked != "" {
			return "", refuse("a positive class makes no sense with several labels an item", "leave --positive or --multilabel out")
		}
		return "", nil
	}
	if len(s.header) == 1 {
		if asked != "" && asked != s.header[0] {
			return "", refuse(fmt.Sprintf("%s, line 1 says that the scores are those of %q, and --positive is %q", f.Scores.Name, shorten(s.header[0]), shorten(asked)), "name the same class, or leave --positive out")
		}
		asked = s.header[0]
	}
	switch n := len(r.names); {
	case n > 2 && asked != "":
		return "", refuse(fmt.Sprintf("there are %d classes (%s), so none of them alone is the positive one", n, r.some()), "leave --positive and the name of a single score column out; every class gets its own figures")
	case n > 2:
		return "", nil
	case asked != "":
		return asked, r.complete(asked)
	}
	return r.guess()
}

// complete adds the class that does not occur, so that there are two.
func (r *reader) complete(asked string) error {
	if !slices.Contains(r.names, asked) {
		if len(r.names) == 2 {
			return refuse(fmt.Sprintf("no item has the positive class %q; the classes are %s", shorten(asked), r.some()), "name one of them with --positive")
		}
		if _, err := r.class(asked, "--positive", 0); err != nil {
			return err
		}
	}
	if len(r.names) == 1 {
		_, err := r.class("not "+asked, "--positive", 0)
		return err
	}
	return nil
}

// guess knows the positive class by its word and its opposite's; a class that
// does not occur is added.
func (r *reader) guess() (string, error) {
	lower := make([]string, len(r.names))
	for i, n := range r.names {
		lower[i] = strings.ToLower(n)
	}
	for _, pair := range opposites() {
		yes, no := slices.Index(lower, pair[0]), slices.Index(lower, pair[1])
		switch {
		case len(lower) == 2 && yes >= 0 && no >= 0:
			return r.names[yes], nil
		case len(lower) == 1 && yes >= 0:
			_, err := r.class(pair[1], "", 0)
			return r.names[yes], err
		case len(lower) == 1 && no >= 0:
			_, err := r.class(pair[0], "", 0)
			return pair[0], err
		}
	}
	return "", nil
}

// some lists up to five classes.
func (r *reader) some() string { return listed(r.names) }

func listed(names []string) string {
	var parts []string
	for i, n := range names {
		if i == 5 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprintf("%q", shorten(n)))
	}
	return strings.Join(parts, ", ")
}

// attach puts the columns of scores in the order of the classes.
func (r *reader) attach(d *Data, f Files, s scoreTable) error {
	k := len(d.Classes)
	d.Scores = Scores{k: k, data: make([]float64, s.rows*k)}
	if s.width == 1 && !d.Multilabel {
		switch {
		case k > 2:
			return refuse(fmt.Sprintf("%s has one column, but there are %d classes: %s", f.Scores.Name, k, listed(d.Classes)), "give one column for each class, with a first line that names them")
		case d.Positive < 0:
			return d.needPositive(f.Scores.Name + " does not say which class its scores are for")
		}
		for i, v := range s.data {
			other := 1 - v
			if d.NotProbability != "" {
				other = -v
			}
			row := d.Scores.Row(i)
			row[d.Positive] = v
			if k == 2 {
				row[1-d.Positive] = other
			}
		}
		return nil
	}
	if len(s.header) == 0 {
		return refuse(f.Scores.Name+" does not name the class of its column", "give a first line that names the classes")
	}
	column := make([]int, k)
	for c, name := range d.Classes {
		column[c] = slices.Index(s.header, name)
		if column[c] < 0 {
			at := r.seen[r.classes[name]]
			r.faults.add(at.file, at.line, "class %q has no column in %s, whose first line names %s", shorten(name), f.Scores.Name, listed(s.header))
		}
	}
	if err := r.faults.error(); err != nil {
		return err
	}
	for i := range s.rows {
		for c, from := range column {
			d.Scores.data[i*k+c] = s.data[i*s.width+from]
		}
	}
	return nil
}

// needPositive refuses to guess.
func (d Data) needPositive(what string) error {
	return refuse(fmt.Sprintf("%s: the classes are %s, and neither is plainly the positive one", what, listed(d.Classes)),
		"say which: "+d.choices())
}

// choices are the flags that would say which class is positive.
func (d Data) choices() string {
	var out []string
	for _, c := range d.Classes {
		out = append(out, "--positive "+quoteArgument(c))
	}
	return strings.Join(out, " or ")
}

// quoteArgument is a class as it can be typed in a shell.
func quoteArgument(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
