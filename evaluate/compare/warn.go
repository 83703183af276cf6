package compare

import (
	"fmt"

	"stylesprint/evaluate"
)

// warn tells what weakens the comparison.
func (c *Comparison) warn(columns []*column) {
	add := func(format string, args ...any) { c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...)) }
	switch units := plural(c.Families, c.Method.Unit); {
	case c.Families < minUnits:
		add("There are only %d %s to resample: intervals are rough, and nothing is called equivalent or shown to be within a margin.", c.Families, units)
	case c.Families < 20:
		add("There are only %d %s to resample, so intervals are rough.", c.Families, units)
	}
	for _, col := range columns {
		op := col.operation
		if op.Failed > 0 {
			add("%s failed on %d of %d outputs; each counts as an empty text.", col.name, op.Failed, op.Outputs)
		}
		if op.Cut > 0 {
			add("%s was cut off at the token limit in %d of %d outputs.", col.name, op.Cut, op.Outputs)
		}
		if op.Replayed > 0 {
			add("%s: %d of %d outputs were replayed from a record; their latency does not count.", col.name, op.Replayed, op.Outputs)
		}
		for _, m := range c.Metrics {
			if n := col.truncated[m.Name]; n > 0 {
				add("%s: in %d of %d outputs the text or its reference is longer than the model behind %s reads.", col.name, n, op.Outputs, m.Name)
			}
			if s, ok := scoreOf(col.run, evaluate.UnknownName(m.Name)); ok && s.Value > evaluate.MaxUnknown {
				add("%s: the encoder behind %s does not know %.0f %% of the tokens of the texts, so that its scores say little about them.", col.name, m.Name, 100*s.Value)
			}
		}
		if col.run.Repeat != columns[0].run.Repeat {
			add("%s has %d outputs an item and %s %d.", columns[0].name, columns[0].run.Repeat, col.name, col.run.Repeat)
		}
	}
}

func plural(n int, word string) string {
	switch {
	case n == 1:
		return word
	case word == "family":
		return "families"
	}
	return word + "s"
}
