package compare

import (
	"fmt"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/metric"
)

// chooseMetrics picks the metrics that every run has with the same signature. What
// some run lacks is listed with the reason, and unequal signatures are refused.
func (c *Comparison) chooseMetrics(runs []evaluate.Run, o Options) error {
	wanted := o.Metrics
	if len(wanted) == 0 {
		wanted = scoredWith(runs)
	}
	var unequal, rest []string
	for _, name := range wanted {
		why, lacking := lacks(runs, name)
		clash := unequalSignatures(runs, name)
		switch {
		case lacking != nil && len(o.Metrics) > 0:
			return refuse(fmt.Sprintf("run %s (%s) has no score of metric %s%s", lacking.ID, lacking.Candidate.Name, name, because(*lacking, name)),
				"score the run with that metric first: give its `eval run` command again with it")
		case lacking != nil:
			c.LeftOut = append(c.LeftOut, LeftOut{Metric: name, Why: why})
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s is left out: run %s (%s) was not scored with it%s.", name, lacking.ID, lacking.Candidate.Name, because(*lacking, name)))
		case clash != "":
			unequal = append(unequal, clash)
		default:
			rest = append(rest, name)
			score, _ := scoreOf(runs[0], name)
			c.Metrics = append(c.Metrics, describe(score, o.Margins))
		}
	}
	if len(unequal) > 0 {
		hint := "score the runs with the same settings"
		if slices.ContainsFunc(c.Metrics, func(m Metric) bool { return m.Direction != DirectionNone }) {
			hint += ", or leave these metrics out: --metrics " + strings.Join(rest, ",")
		}
		return refuse(strings.Join(unequal, "; "), hint)
	}
	if err := c.chooseJudged(o); err != nil {
		return err
	}
	return c.choosePrimary(o.Primary)
}

// chooseJudged marks the metrics that the decision rests on.
func (c *Comparison) chooseJudged(o Options) error {
	if o.Primary != "" && len(o.Judged) > 0 && !slices.Contains(o.Judged, o.Primary) {
		return refuse(fmt.Sprintf("the primary metric %s is not among the judged ones: %s", o.Primary, strings.Join(o.Judged, ", ")), "judge it, too, or choose another one")
	}
	for _, name := range o.Judged {
		if !slices.ContainsFunc(c.Metrics, func(m Metric) bool { return m.Name == name && m.Direction != DirectionNone }) {
			return refuse(fmt.Sprintf("metric %s cannot be judged: the runs have no such score, or it has no direction", name), "choose among the metrics that the runs were scored with")
		}
	}
	marked := 0
	for i := range c.Metrics {
		m := &c.Metrics[i]
		info, _ := metric.Describe(m.Name)
		m.Judged = info.Judged || m.Name == o.Primary
		if len(o.Judged) > 0 {
			m.Judged = slices.Contains(o.Judged, m.Name)
		}
		if m.Judged = m.Judged && m.Direction != DirectionNone; m.Judged {
			marked++
		}
	}
	for i := range c.Metrics {
		if m := &c.Metrics[i]; marked == 0 {
			m.Judged = m.Direction != DirectionNone
		}
	}
	return nil
}

// scoredWith lists the metrics that any run has, in the order of the runs.
func scoredWith(runs []evaluate.Run) []string {
	var out []string
	for _, r := range runs {
		for _, s := range r.Scores {
			if !evaluate.IsAside(s.Metric) && !slices.Contains(out, s.Metric) {
				out = append(out, s.Metric)
			}
		}
	}
	return out
}

// lacks says which runs have no score of a metric, and why; first is the first of them.
func lacks(runs []evaluate.Run, name string) (why map[string]string, first *evaluate.Run) {
	for i := range runs {
		if _, ok := scoreOf(runs[i], name); ok {
			continue
		}
		if first == nil {
			why, first = map[string]string{}, &runs[i]
		}
		reason := strings.TrimPrefix(because(runs[i], name), ": ")
		if reason == "" {
			reason = "not scored with it"
		}
		why[names(runs)[i]] = reason
	}
	return why, first
}

// because is what a run says about a score that it lacks, behind a colon.
func because(r evaluate.Run, name string) string {
	for _, s := range r.Scores {
		if s.Metric == name && s.Missing != "" {
			return ": " + s.Missing
		}
	}
	return ""
}

// unequalSignatures names the first run whose score was computed in another way
// than the first run's, with both signatures.
func unequalSignatures(runs []evaluate.Run, name string) string {
	var first stylesprint.Score
	for i, r := range runs {
		s, _ := scoreOf(r, name)
		if i == 0 {
			first = s
		}
		if s.Signature != first.Signature {
			return fmt.Sprintf("%s of run %s and of run %s were computed differently: %s and %s", name, runs[0].ID, r.ID, first.Signature, s.Signature)
		}
	}
	return ""
}

func (c *Comparison) choosePrimary(asked string) error {
	for _, m := range c.Metrics {
		if m.Judged && (asked == "" || asked == m.Name) {
			c.Primary = m.Name
			return nil
		}
	}
	if asked != "" {
		return refuse(fmt.Sprintf("%s cannot be the primary metric: the runs have no such score, or it is not judged", asked), "choose one of the metrics that the runs were scored with")
	}
	return refuse("the runs have no score in common that could decide", "score them first: give their `eval run` commands again")
}
