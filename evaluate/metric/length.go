package metric

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// LengthUnit is what a text's length is counted in.
type LengthUnit string

// The units. Words are runs of anything but white space, so that a text in
// Chinese or Japanese should be counted in characters.
const (
	Words      LengthUnit = "words"
	Characters LengthUnit = "characters" // Unicode code points
)

// Length is the mean length of texts. It is shown beside the scores and never judged.
type Length struct {
	mean
	unit LengthUnit
}

// NewLength makes the metric.
func NewLength(unit LengthUnit) (*Length, error) {
	if err := oneOf("length unit", unit, []LengthUnit{Words, Characters}); err != nil {
		return nil, err
	}
	name := "length"
	if unit == Characters {
		name = "length-characters"
	}
	return &Length{mean: mean{describe(name)}, unit: unit}, nil
}

// Signature names the unit.
func (m *Length) Signature(int) string {
	return fmt.Sprintf("length|unit:%s|version:1|%s", m.unit, aggregateMean)
}

// Measure counts samples; references play no part.
func (m *Length) Measure(_ context.Context, samples []Sample) ([]Measurement, error) {
	out := make([]Measurement, len(samples))
	for i := range samples {
		n := 0
		if !samples[i].Missing {
			n = m.Of(samples[i].Hypothesis)
		}
		out[i] = meanOf(float64(n))
	}
	return out, nil
}

// Of is the length of one text.
func (m *Length) Of(text string) int {
	if m.unit == Characters {
		return utf8.RuneCountInString(text)
	}
	return len(strings.FieldsFunc(text, isSpace))
}
