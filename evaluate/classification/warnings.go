package classification

import (
	"fmt"
)

// missing says why a headline has no value.
func (e *evaluator) missing(k kind) string {
	switch {
	case k.scores && !e.HasScores:
		return "not measured: no scores were given"
	case k.probability && e.NotProbability != "":
		return "not measured: the scores are not probabilities: " + e.NotProbability
	case k.name == figureKappa:
		return "not defined: labels and predictions hold the same single class"
	case k.scores:
		return "not defined: " + e.absent()
	}
	return "not defined: every class was left out by zero division nan"
}

// absent names the classes that bar figures of scores.
func (e *evaluator) absent() string {
	var none, all []string
	for c, r := range e.rest.Class {
		negatives, positives := r.totals()
		switch {
		case positives == 0:
			none = append(none, e.Classes[c])
		case negatives == 0:
			all = append(all, e.Classes[c])
		}
	}
	switch {
	case len(all) > 0:
		return "the labels hold one class only, " + listed(all)
	case len(none) > 0:
		return "no item has the class " + listed(none)
	}
	return "some items have every class or none"
}

// warnings are sentences about what weakens the figures.
func (e *evaluator) warnings(r Report) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for i, k := range e.kinds {
		if h := r.Headlines[i]; h.Missing != "" && !(k.scores && !e.HasScores) {
			add("%s is %s.", h.Name, h.Missing)
		}
	}
	if e.o.ZeroDivision == ZeroWarn {
		out = append(out, e.zeros(r)...)
	}
	if n := r.N; n < 30 {
		add("There are only %d items, so intervals are rough.", n)
	}
	if h, ok := r.Headline(figureROCAUC); ok && h.Level > 0 && h.High < 0.5 {
		add("roc_auc is below one half: check that the scores are those of class %s and that a higher score means that class.", listed(e.scored()))
	}
	for _, h := range r.Headlines {
		if h.Missing == "" && e.o.Bootstrap > 0 && r.N > 1 && h.Level == 0 {
			add("%s has no interval: it is defined in %d of %d resamples only.", h.Name, h.Resamples, e.o.Bootstrap)
		}
	}
	if e.HasScores && e.o.Average != Binary && len(e.Classes) > maxCurves {
		add("Curves are given for %d of %d classes.", maxCurves, len(e.Classes))
	}
	return out
}

func (e *evaluator) scored() []string {
	if e.Positive >= 0 {
		return e.Classes[e.Positive : e.Positive+1]
	}
	return e.Classes
}

// zeros names the classes whose precision or recall counts as 0 by convention.
func (e *evaluator) zeros(r Report) []string {
	if e.o.Average == Samples {
		return e.emptySets()
	}
	var out []string
	var unpredicted, absent []string
	for _, c := range r.Rows {
		if r.Average == Binary && c.Class != r.Positive {
			continue
		}
		if c.Predicted == 0 {
			unpredicted = append(unpredicted, c.Class)
		}
		if c.Support == 0 {
			absent = append(absent, c.Class)
		}
	}
	say := func(what, why string, classes []string) {
		if len(classes) > 0 {
			out = append(out, fmt.Sprintf("%s counts as 0 for the class %s, which %s; choose with --zero-division.", what, listed(classes), why))
		}
	}
	say("precision", "was never predicted", unpredicted)
	say("recall", "no item has", absent)
	return out
}

// emptySets counts the samples whose precision or recall counts as 0 by convention.
func (e *evaluator) emptySets() []string {
	var unpredicted, absent int
	for i := range e.TrueSets {
		if len(e.PredictedSets[i]) == 0 {
			unpredicted++
		}
		if len(e.TrueSets[i]) == 0 {
			absent++
		}
	}
	var out []string
	if unpredicted > 0 {
		out = append(out, fmt.Sprintf("precision counts as 0 for %d of %d items, which have no predicted label; choose with --zero-division.", unpredicted, e.N()))
	}
	if absent > 0 {
		out = append(out, fmt.Sprintf("recall counts as 0 for %d of %d items, which have no label; choose with --zero-division.", absent, e.N()))
	}
	return out
}
