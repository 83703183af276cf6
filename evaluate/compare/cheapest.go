package compare

import (
	"fmt"
	"strings"
)

// cheapest takes, of the candidates that are shown to lose less than the margin to
// the reference on every judged metric, the one that costs least.
//
// A candidate counts as cheaper where the whole interval of the difference in cost
// lies on that side. The baseline stays where it is among those candidates and none
// of them is shown to be cheaper. The data do not decide where none is shown to be
// both within the margins and cheaper, while some that costs no more may be.
func (d *decider) cheapest() {
	ref := d.r.ref
	if d.r.costs[ref] == nil {
		d.out.Outcome = OutcomeUndecided
		d.out.Sentence = fmt.Sprintf("The cheapest cannot be named: what %s costs is %s.", d.name(ref), d.c.Candidates[ref].Operation.Cost.Missing)
		return
	}
	chosen := ref
	for _, i := range d.others() {
		if d.harmless[i] && d.costs(i, ref) < 0 && (chosen == ref || d.before(i, chosen)) {
			chosen = i
		}
	}
	if chosen == ref && d.openAndNoDearer() {
		return
	}
	for _, i := range d.others() {
		if !d.harmless[i] && !d.worseSomewhere(i) && d.costs(i, chosen) < 0 {
			d.out.Reasons = append(d.out.Reasons, fmt.Sprintf("%s is cheaper still, and not shown to be within the margins of %s%s.", d.name(i), d.name(ref), d.needs(i)))
		}
		if why := d.c.Candidates[i].Operation.Cost.Missing; why != "" {
			d.out.Reasons = append(d.out.Reasons, fmt.Sprintf("%s cannot be taken, whatever its quality: what it costs is %s.", d.name(i), why))
		}
	}
	if base := d.r.base; base != chosen && (base == ref || d.harmless[base]) && d.costs(chosen, base) >= 0 {
		chosen = base
	}
	d.takeCheapest(chosen)
}

// others are all candidates but the reference.
func (d *decider) others() []int {
	var out []int
	for i := range d.c.Candidates {
		if i != d.r.ref {
			out = append(out, i)
		}
	}
	return out
}

// dearness is a candidate's cost.
func (d *decider) dearness(i int) float64 { return d.c.Candidates[i].Operation.Cost.Value }

// before says that i costs less than j, or the same with the better primary score.
func (d *decider) before(i, j int) bool {
	if d.dearness(i) != d.dearness(j) {
		return d.dearness(i) < d.dearness(j)
	}
	return gainOf(d.c.Candidates[i].Scores[d.primary].Value-d.c.Candidates[j].Scores[d.primary].Value, d.c.Metrics[d.primary]) > 0
}

// takeCheapest puts the choice into words.
func (d *decider) takeCheapest(chosen int) {
	ref, out := d.r.ref, &d.out
	verb := "Take"
	out.Outcome, out.Winner = OutcomeCheapest, d.name(chosen)
	if chosen == d.r.base {
		verb, out.Outcome = "Keep", OutcomeKeep
	}
	cost := d.costWords(chosen)
	switch {
	case chosen == ref:
		out.Sentence = fmt.Sprintf("%s %s%s: no cheaper candidate is within the margins (%s) of it%s.", verb, d.name(chosen), cost, d.margins(), d.worseWords())
	case d.costs(chosen, ref) >= 0: // the baseline, which is as good as the reference and costs no more
		out.Sentence = fmt.Sprintf("%s %s%s: it is within the margins (%s) of %s, the highest on %s, and no candidate that is within them is shown to be cheaper.",
			verb, d.name(chosen), cost, d.margins(), d.name(ref), d.c.Metrics[d.primary].Title)
	default:
		out.Sentence = fmt.Sprintf("%s %s: it is the cheapest candidate within the margins (%s) of %s%s, at %s %s per 10,000 texts against %s.", verb, d.name(chosen),
			d.margins(), d.name(ref), d.standing(), money(d.dearness(chosen)), d.unit(chosen), money(d.dearness(ref)))
	}
}

// standing says why the reference is the reference.
func (d *decider) standing() string {
	if d.r.ref == d.r.base {
		return ""
	}
	return ", the highest on " + d.c.Metrics[d.primary].Title + ","
}

func (d *decider) costWords(i int) string {
	if d.r.costs[i] == nil {
		return ""
	}
	return fmt.Sprintf(", at %s %s per 10,000 texts", money(d.dearness(i)), d.unit(i))
}

func (d *decider) unit(i int) string { return d.c.Candidates[i].Operation.Cost.Unit }

func (d *decider) worseWords() string {
	if len(d.out.Worse) == 0 {
		return ""
	}
	return fmt.Sprintf("; %s %s worse", list(d.out.Worse), are(d.out.Worse))
}

// openAndNoDearer is the honest end: some candidate that costs no more than the
// reference may be as good, and the data do not tell.
func (d *decider) openAndNoDearer() bool {
	at := -1
	better := func(i, j int) bool {
		return gainOf(d.differences(i)[d.primary].Delta-d.differences(j)[d.primary].Delta, d.c.Metrics[d.primary]) > 0
	}
	for _, i := range d.others() {
		open := !d.harmless[i] && !d.worseSomewhere(i) && d.r.costs[i] != nil && d.costs(i, d.r.ref) <= 0
		if open && (at < 0 || better(i, at)) {
			at = i
		}
	}
	if at < 0 || d.r.base != d.r.ref && d.harmless[d.r.base] {
		return false
	}
	diff, m := d.differences(at)[d.primary], d.c.Metrics[d.primary]
	held, info := d.holdup(at)
	d.out.Outcome, d.out.MoreItems = OutcomeUndecided, max(diff.MoreItems, held.MoreItems)
	cost := "is not shown to cost more"
	if d.costs(at, d.r.ref) < 0 {
		cost = fmt.Sprintf("costs %s %s per 10,000 texts against %s", money(d.dearness(at)), d.unit(at), money(d.dearness(d.r.ref)))
	}
	d.out.Sentence = fmt.Sprintf("The data do not decide whether %s, which %s, is within the margins (%s) of %s%s: they differ on %s by %s%s.", d.name(at), cost, d.margins(), d.name(d.r.ref),
		strings.TrimSuffix(d.standing(), ","), m.Title, difference(diff, m), d.more(d.out.MoreItems, m, diff, info, held))
	return true
}

// needs says what would settle an open candidate.
func (d *decider) needs(i int) string {
	diff, m := d.differences(i)[d.primary], d.c.Metrics[d.primary]
	held, info := d.holdup(i)
	return d.more(max(diff.MoreItems, held.MoreItems), m, diff, info, held)
}
