package gate

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"stylesprint"
)

// Every stands for all judged metrics in a Regression.
const Every = "*"

// Rules are what candidates are held against.
type Rules struct {
	// Candidates are the names of those that are held against the rules; empty: all
	// but the baseline.
	Candidates []string     `json:"candidates,omitempty"`
	Regression []Regression `json:"regression,omitempty"`
	Hard       []Limit      `json:"hard,omitempty"`
	Min        []Limit      `json:"min,omitempty"`
	Max        []Limit      `json:"max,omitempty"`
}

// Regression is the rule with two guards.
type Regression struct {
	// Metric is a metric's name, or Every: all judged ones that no other
	// Regression names.
	Metric string `json:"metric"`
	// Loss is the largest loss that does not matter, in the metric's unit; 0: the
	// comparison's margin.
	Loss float64 `json:"loss,omitempty"`
	// Alpha: an adjusted p value below it is significant; 0: the comparison's.
	Alpha    float64 `json:"alpha,omitempty"`
	Optional bool    `json:"optional,omitempty"`
	Why      string  `json:"why,omitempty"` // shown with the result
}

// Limit bounds one metric, or one figure of cost and speed by the name that
// compare.Operation.Figures gives it.
type Limit struct {
	Metric string `json:"metric"`
	// Value is the bound. In Hard, for figures that are a share of the outputs
	// (metric.Info.Rate), it is a number of outputs; else it is in the figure's unit.
	Value float64 `json:"value"`
	// Interval: the whole interval has to keep the bound, not the value alone.
	Interval bool   `json:"interval,omitempty"`
	Optional bool   `json:"optional,omitempty"`
	Why      string `json:"why,omitempty"`
}

// Default is no regression on any judged metric beyond its margin.
func Default() Rules { return Rules{Regression: []Regression{{Metric: Every}}} }

// IsEmpty says that nothing would be checked.
func (r Rules) IsEmpty() bool {
	return len(r.Regression)+len(r.Hard)+len(r.Min)+len(r.Max) == 0
}

// limits pairs each list of limits with its kind.
func (r Rules) limits() []struct {
	kind Kind
	list []Limit
} {
	return []struct {
		kind Kind
		list []Limit
	}{{KindHard, r.Hard}, {KindMin, r.Min}, {KindMax, r.Max}}
}

// Validate tells every fault of rules that were not read from a file, by field.
func (r Rules) Validate() error {
	var faults []string
	r.faults(func(field, format string, args ...any) {
		faults = append(faults, field+": "+fmt.Sprintf(format, args...))
	})
	if len(faults) == 0 {
		return nil
	}
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the rules are not valid: " + strings.Join(faults, "; "), Hint: "see docs/formats/gate.md"}
}

// faults calls add for each fault with its field, "min[1].value".
func (r Rules) faults(add func(field, format string, args ...any)) {
	for i, name := range r.Candidates {
		if name == "" || slices.Contains(r.Candidates[:i], name) {
			add(fmt.Sprintf("candidates[%d]", i), "is empty or there twice")
		}
	}
	seen := map[string]bool{}
	once := func(field, kind, metric string) {
		switch {
		case metric == "":
			add(field+".metric", "is missing")
		case seen[kind+" "+metric]:
			add(field+".metric", "%s has a rule of this kind already", metric)
		}
		seen[kind+" "+metric] = true
	}
	for i, g := range r.Regression {
		field := fmt.Sprintf("%s[%d]", KindRegression, i)
		once(field, string(KindRegression), g.Metric)
		if !(g.Loss >= 0) || math.IsInf(g.Loss, 0) {
			add(field+".loss", "want 0 or more, got %v", g.Loss)
		}
		if !(g.Alpha >= 0 && g.Alpha < 1) {
			add(field+".alpha", "want a share between 0 and 1, got %v", g.Alpha)
		}
	}
	for _, l := range r.limits() {
		for i, limit := range l.list {
			field := fmt.Sprintf("%s[%d]", l.kind, i)
			once(field, string(l.kind), limit.Metric)
			if limit.Metric == Every {
				add(field+".metric", "name one metric; %q is for %s alone", Every, KindRegression)
			}
			if math.IsNaN(limit.Value) || math.IsInf(limit.Value, 0) {
				add(field+"."+l.kind.bound(), "want a number, got %v", limit.Value)
			}
			if l.kind == KindHard && limit.Value < 0 {
				add(field+"."+l.kind.bound(), "want 0 or more, got %v", limit.Value)
			}
		}
	}
}

// Kind is a kind of rule.
type Kind string

// The kinds; their names are the keys of a file.
const (
	KindRegression Kind = "regression"
	KindHard       Kind = "hard"
	KindMin        Kind = "min"
	KindMax        Kind = "max"
)

// bound is the key of a limit's value in a file.
func (k Kind) bound() string {
	if k == KindHard {
		return "max"
	}
	return "value"
}
