package gate

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/metric"
)

// Outcome is how one check ended.
type Outcome string

// The outcomes.
const (
	Passed      Outcome = "passed"
	Failed      Outcome = "failed"
	NotMeasured Outcome = "not measured" // counts as failed
	Skipped     Outcome = "skipped"      // not measured, and optional
)

// Met says that the check does not stop a candidate.
func (o Outcome) Met() bool { return o == Passed || o == Skipped }

// Check is one rule applied to one candidate.
type Check struct {
	Kind    Kind    `json:"kind"`
	Metric  string  `json:"metric"`
	Title   string  `json:"title"`
	Outcome Outcome `json:"outcome"`
	// Rule says what is asked for and Reason what was found, a sentence each.
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
	Why    string `json:"why,omitempty"` // from the rule
	Unit   string `json:"unit,omitempty"`
	// Value is the figure, or for a regression the difference, with its interval
	// where Level is not 0. All are 0 where nothing was measured.
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level,omitempty"`
	N     int     `json:"n"`
	// Limit is the bound, or for a regression the loss that matters.
	Limit float64 `json:"limit"`
	// P is the adjusted p value of a regression, else 0.
	P float64 `json:"p,omitempty"`
}

// Candidate holds the checks of one candidate, in the order of the rules.
type Candidate struct {
	Name   string  `json:"name"`
	RunID  string  `json:"run"`
	Met    bool    `json:"met"`
	Checks []Check `json:"checks"`
}

// Result is what a gate comes to.
type Result struct {
	Met        bool        `json:"met"`
	Sentence   string      `json:"sentence"`
	Dataset    string      `json:"dataset"`
	Items      int         `json:"items"`
	Baseline   string      `json:"baseline"`
	Candidates []Candidate `json:"candidates"`
	Rules      Rules       `json:"rules"`
}

// Reasons are the sentences of all checks that were not met, with the candidate's name.
func (r Result) Reasons() []string {
	var out []string
	for _, c := range r.Candidates {
		for _, k := range c.Checks {
			if !k.Outcome.Met() {
				out = append(out, fmt.Sprintf("%s: %s (%s)", c.Name, k.Reason, k.Rule))
			}
		}
	}
	return out
}

// Evaluate holds the candidates of a comparison against rules. It is an error if
// the rules make no sense for the comparison: a candidate that it does not have,
// nothing to check, a floor for a metric that is better when lower.
func Evaluate(c compare.Comparison, r Rules) (Result, error) {
	if err := r.Validate(); err != nil {
		return Result{}, err
	}
	if r.IsEmpty() {
		return Result{}, refuse("the rules ask for nothing", "name a rule: regression, hard, min or max")
	}
	chosen, err := choose(c, r.Candidates)
	if err != nil {
		return Result{}, err
	}
	e := evaluation{c: c, rules: r}
	if err := e.sensible(); err != nil {
		return Result{}, err
	}
	out := Result{Met: true, Dataset: c.Dataset, Items: c.Items, Baseline: c.Baseline, Rules: r}
	for _, i := range chosen {
		k := c.Candidates[i]
		got := Candidate{Name: k.Name, RunID: k.Run.ID, Met: true, Checks: e.checks(k)}
		for _, check := range got.Checks {
			got.Met = got.Met && check.Outcome.Met()
		}
		out.Met = out.Met && got.Met
		out.Candidates = append(out.Candidates, got)
	}
	out.Sentence = sentence(out)
	return out, nil
}

func refuse(message, hint string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: message, Hint: hint}
}

// choose finds the candidates that are held against the rules.
func choose(c compare.Comparison, names []string) ([]int, error) {
	var out []int
	for i, k := range c.Candidates {
		if len(names) == 0 && k.Name != c.Baseline {
			out = append(out, i)
		}
	}
	for _, name := range names {
		at := -1
		var all []string
		for i, k := range c.Candidates {
			if k.Name == name || k.Run.ID == name {
				at = i
			}
			all = append(all, k.Name)
		}
		if at < 0 {
			return nil, refuse(fmt.Sprintf("the rules name a candidate %q that is not compared", name), "the candidates are "+strings.Join(all, ", "))
		}
		out = append(out, at)
	}
	if len(out) == 0 {
		return nil, refuse("there is no candidate to hold against the rules", "compare at least two runs")
	}
	return out, nil
}

func sentence(r Result) string {
	var bad []string
	failed, total := 0, 0
	for _, c := range r.Candidates {
		if !c.Met {
			bad = append(bad, c.Name)
		}
		for _, k := range c.Checks {
			total++
			if !k.Outcome.Met() {
				failed++
			}
		}
	}
	switch {
	case r.Met && len(r.Candidates) == 1:
		return fmt.Sprintf("%s meets the gate: %s.", r.Candidates[0].Name, counted(total, "check"))
	case r.Met:
		return fmt.Sprintf("All %d candidates meet the gate: %s.", len(r.Candidates), counted(total, "check"))
	}
	verb := "does"
	if len(bad) > 1 {
		verb = "do"
	}
	return fmt.Sprintf("%s %s not meet the gate: %d of %s not met.", strings.Join(bad, ", "), verb, failed, counted(total, "check"))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// evaluation applies rules to candidates.
type evaluation struct {
	c     compare.Comparison
	rules Rules
}

// metric finds a metric of the comparison; -1: there is none.
func (e evaluation) metric(name string) int {
	for i, m := range e.c.Metrics {
		if m.Name == name {
			return i
		}
	}
	return -1
}

// sensible refuses bounds on the wrong side, and parts of an output.
func (e evaluation) sensible() error {
	for _, l := range e.rules.limits() {
		for _, limit := range l.list {
			f, _ := e.figure(e.c.Candidates[0], limit.Metric)
			if l.kind == KindHard && f.Rate && limit.Value != math.Trunc(limit.Value) {
				return refuse(fmt.Sprintf("hard counts outputs with %s, and %v is not a number of outputs", limit.Metric, limit.Value), "give a whole number, or bound the share with max")
			}
			switch {
			case l.kind == KindMin && f.Direction == compare.DirectionLower:
				return refuse(fmt.Sprintf("%s is better when it is lower, so min makes no sense for it", limit.Metric), "use max")
			case l.kind != KindMin && f.Direction == compare.DirectionHigher:
				return refuse(fmt.Sprintf("%s is better when it is higher, so %s makes no sense for it", limit.Metric, l.kind), "use min")
			}
		}
	}
	for _, g := range e.rules.Regression {
		if i := e.metric(g.Metric); i >= 0 && e.c.Metrics[i].Direction == compare.DirectionNone {
			return refuse(fmt.Sprintf("%s is shown and not judged, so there is no regression on it", g.Metric), "bound it with min or max")
		}
	}
	return nil
}

func (e evaluation) checks(k compare.Candidate) []Check {
	var out []Check
	for _, g := range e.rules.Regression {
		for _, name := range e.judged(g.Metric) {
			out = append(out, e.regression(k, g, name))
		}
	}
	for _, l := range e.rules.limits() {
		for _, limit := range l.list {
			out = append(out, e.limit(k, l.kind, limit))
		}
	}
	return out
}

// judged resolves Every.
func (e evaluation) judged(name string) []string {
	if name != Every {
		return []string{name}
	}
	var out []string
	for _, m := range e.c.Metrics {
		named := false
		for _, g := range e.rules.Regression {
			named = named || g.Metric == m.Name
		}
		if m.Judged && !named {
			out = append(out, m.Name)
		}
	}
	return out
}

// absent says why the comparison has no figure of a name.
func (e evaluation) absent(name, candidate string) string {
	for _, l := range e.c.LeftOut {
		if l.Metric != name {
			continue
		}
		if why := l.Why[candidate]; why != "" {
			return name + ": " + why
		}
		for _, k := range e.c.Candidates {
			if why := l.Why[k.Name]; why != "" {
				return fmt.Sprintf("%s: %s of %s", name, why, k.Name)
			}
		}
	}
	return name + " was not measured for all runs"
}

// missing ends a check for which there is no figure.
func missing(k Check, optional bool, why string) Check {
	k.Outcome, k.Reason = NotMeasured, why
	if optional {
		k.Outcome = Skipped
	}
	return k
}

func (e evaluation) regression(cand compare.Candidate, g Regression, name string) Check {
	k := Check{Kind: KindRegression, Metric: name, Title: name, Why: g.Why, Limit: g.Loss}
	alpha := g.Alpha
	if alpha == 0 {
		alpha = e.c.Method.Alpha
	}
	i := e.metric(name)
	if i < 0 {
		k.Rule = "no significant loss that matters on " + name
		return missing(k, g.Optional, e.absent(name, cand.Name))
	}
	m := e.c.Metrics[i]
	if k.Limit == 0 {
		k.Limit = m.Margin
	}
	k.Title, k.Unit = m.Title, m.Unit
	k.Rule = fmt.Sprintf("no loss on %s beyond %s that is significant at %s", m.Title, m.Amount(k.Limit), number(alpha))
	if cand.Name == e.c.Baseline {
		return missing(k, true, cand.Name+" is the baseline itself")
	}
	if i >= len(cand.Differences) {
		return missing(k, g.Optional, m.Title+" was not compared")
	}
	d := cand.Differences[i]
	k.Value, k.Low, k.High, k.P, k.N, k.Level = d.Delta, d.Low, d.High, d.PAdjusted, e.c.Items, e.c.Method.Level
	significant, large := d.PAdjusted < alpha && d.Gain(m) < 0, -d.Gain(m) > k.Limit
	what := fmt.Sprintf("%s differs by %s", m.Title, d.Text(m))
	switch {
	case significant && large:
		k.Outcome, k.Reason = Failed, what+": significantly worse, and more than the loss that matters"
	case significant:
		k.Outcome, k.Reason = Passed, what+": significantly worse, but by no more than the loss that matters"
	case large:
		k.Outcome, k.Reason = Passed, what+": more than the loss that matters, but it may be chance"+more(d)
	case d.Gain(m) < 0:
		k.Outcome, k.Reason = Passed, what+": a loss that neither matters nor is significant"
	default:
		k.Outcome, k.Reason = Passed, what+": no loss"
	}
	return k
}

// more says what would tell whether a large loss is one.
func more(d compare.Difference) string {
	if d.MoreItems == 0 {
		return ""
	}
	return fmt.Sprintf("; about %d more items would tell", d.MoreItems)
}

// figure finds a score, or a figure of cost and speed, by its name. The N of a
// rate is a number of outputs.
func (e evaluation) figure(cand compare.Candidate, name string) (f compare.Figure, ok bool) {
	if i := e.metric(name); i >= 0 && i < len(cand.Scores) {
		f = compare.Figure{Name: name, Title: e.c.Metrics[i].Title, Direction: e.c.Metrics[i].Direction, Score: cand.Scores[i]}
		if info, _ := metric.Describe(name); info.Rate {
			f.Rate = true
			f.Score.N *= max(1, cand.Run.Repeat)
		}
		return f, true
	}
	for _, f := range cand.Operation.Figures() {
		if f.Name == name {
			return f, true
		}
	}
	return compare.Figure{Name: name, Title: name}, false
}

func (e evaluation) limit(cand compare.Candidate, kind Kind, l Limit) Check {
	f, ok := e.figure(cand, l.Metric)
	s, title := f.Score, f.Title
	k := Check{Kind: kind, Metric: l.Metric, Title: title, Why: l.Why, Unit: s.Unit, Limit: l.Value}
	count := kind == KindHard && f.Rate
	k.Rule = e.rule(kind, l, title, s.Unit, count)
	switch {
	case !ok:
		return missing(k, l.Optional, e.absent(l.Metric, cand.Name))
	case s.Missing != "":
		return missing(k, l.Optional, fmt.Sprintf("%s: %s", title, s.Missing))
	case math.IsNaN(s.Value) || math.IsInf(s.Value, 0):
		return missing(k, l.Optional, title+" is not a number")
	case l.Interval && s.Level == 0:
		return missing(k, l.Optional, title+" has no interval, and the rule asks for one")
	}
	k.Value, k.Low, k.High, k.Level, k.N = s.Value, s.Low, s.High, s.Level, s.N
	k.Outcome, k.Reason = e.verdict(k, l, count)
	return k
}

func (e evaluation) rule(kind Kind, l Limit, title, unit string, count bool) string {
	side := "at most"
	if kind == KindMin {
		side = "at least"
	}
	switch {
	case count:
		return fmt.Sprintf("%s: at most %s", title, counted(int(l.Value), "output"))
	case l.Interval:
		return fmt.Sprintf("%s: the whole interval %s %s", title, side, quantity(l.Value, unit))
	}
	return fmt.Sprintf("%s: %s %s", title, side, quantity(l.Value, unit))
}

func (e evaluation) verdict(k Check, l Limit, count bool) (Outcome, string) {
	if count {
		n := math.Round(k.Value * float64(k.N))
		reason := fmt.Sprintf("%s: %.0f of %s%s", k.Title, n, counted(k.N, "output"), upTo(k))
		if n > l.Value {
			return Failed, reason
		}
		return Passed, reason
	}
	value := k.Value
	switch {
	case l.Interval && k.Kind == KindMin:
		value = k.Low
	case l.Interval:
		value = k.High
	}
	shown := quantity(k.Value, k.Unit)
	if k.Value != l.Value && shown == quantity(l.Value, k.Unit) { // a difference that rounding would hide
		shown = strconv.FormatFloat(k.Value, 'f', -1, 64)
	}
	reason := fmt.Sprintf("%s: %s%s", k.Title, shown, interval(k))
	if k.Kind == KindMin && value < l.Value || k.Kind != KindMin && value > l.Value {
		return Failed, reason
	}
	return Passed, reason
}

func interval(k Check) string {
	if k.Level == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s %% interval %s to %s)", number(100*k.Level), number(k.Low), number(k.High))
}

// upTo is the bound that even none of n carries.
func upTo(k Check) string {
	if k.Level == 0 || k.High <= k.Value {
		return ""
	}
	return fmt.Sprintf("; the %s %% interval reaches %s %% of all", number(100*k.Level), number(100*k.High))
}

// quantity is a value with its unit.
func quantity(v float64, unit string) string {
	switch unit {
	case "", "0-1", "0-100":
		return number(v)
	}
	return number(v) + " " + unit
}

// number prints up to four significant digits, and never an exponent.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'g', 4, 64)
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return s
}
