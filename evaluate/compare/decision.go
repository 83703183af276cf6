package compare

import (
	"fmt"
	"math"
	"strings"

	"stylesprint/evaluate/resample"
)

// The rule, in the order in which it is tried. "Judged" metrics are those
// that Options.Judged names; a margin is the largest loss that does not matter.
//
//  1. Better. A challenger wins if it is better than the baseline on the primary
//     metric (adjusted p below alpha) and is shown to lose less than the margin
//     on every other judged metric. The best of several winners is taken, or the
//     cheapest one that is shown to be within the margins of the best.
//  2. As good and cheaper. A challenger that is shown to lose less than the
//     margin on every judged metric wins if it is cheaper, or as cheap and
//     faster, with the whole interval on that side. The cheapest is taken.
//  3. Keep. The baseline stays if every challenger is either worse on a judged
//     metric without being better on the primary one, or equivalent to it.
//  4. Otherwise the data do not decide.
//
// "Shown to lose less than the margin on every metric" is an intersection-union
// test: the largest of the one-sided p values counts and needs no correction
// over metrics. P values are adjusted over challengers (Holm), at alpha/2
// because the test is one-sided.

func decide(c *Comparison, r *rivals) Decision {
	d := decider{c: c, r: r, primary: c.metricIndex(c.Primary)}
	d.out.Rule, d.out.Reference = r.rule, d.name(r.ref)
	d.test()
	d.classify()
	for i := range c.Candidates {
		if i != r.ref {
			d.reason(i)
		}
	}
	switch {
	case r.rule == RuleCheapest:
		d.cheapest()
	case d.better():
	case d.cheaper():
	case d.keep():
	default:
		d.undecided()
	}
	d.out.Reasons = append(d.out.Reasons, c.sliceReasons()...)
	return d.out
}

func (c *Comparison) metricIndex(name string) int {
	for i, m := range c.Metrics {
		if m.Name == name {
			return i
		}
	}
	return 0
}

// decider holds the state of the rule.
type decider struct {
	c       *Comparison
	r       *rivals
	primary int
	out     Decision

	// By candidate: shown to lose less than the margin on all judged metrics,
	// and on all of them but the primary one.
	harmless, harmlessElsewhere []bool
}

// test runs the intersection-union tests.
func (d *decider) test() {
	d.harmless = d.union(-1)
	d.harmlessElsewhere = d.union(d.primary)
}

func (d *decider) union(except int) []bool {
	out := make([]bool, len(d.c.Candidates))
	var which []int
	var p []float64
	for i := range d.c.Candidates {
		if i == d.r.ref {
			continue
		}
		worst := 0.0
		for m, info := range d.c.Metrics {
			if m != except && info.Judged {
				worst = max(worst, d.r.inferior[i][m])
			}
		}
		which = append(which, i)
		p = append(p, worst)
	}
	for k, adjusted := range resample.Holm(p) {
		out[which[k]] = adjusted <= alpha/2
	}
	return out
}

func (d *decider) name(i int) string { return d.c.Candidates[i].Name }

// differences are those from the reference.
func (d *decider) differences(i int) []Difference {
	if diffs := d.c.Candidates[i].ReferenceDifferences; diffs != nil {
		return diffs
	}
	return d.c.Candidates[i].Differences
}

func (d *decider) verdict(i, m int) Verdict { return d.differences(i)[m].Verdict }

// classify parts the candidates into tied, worse and open ones.
func (d *decider) classify() {
	d.out.Tied = []string{d.name(d.r.ref)}
	for i := range d.c.Candidates {
		switch {
		case i == d.r.ref:
		case d.harmless[i]:
			d.out.Tied = append(d.out.Tied, d.name(i))
		case d.worseSomewhere(i):
			d.out.Worse = append(d.out.Worse, d.name(i))
		default:
			d.out.Open = append(d.out.Open, d.name(i))
		}
	}
}

func (d *decider) worseSomewhere(i int) bool {
	_, diff := d.worst(i)
	return diff.Verdict == VerdictWorse
}

func (d *decider) challengers(accept func(i int) bool) []int {
	var out []int
	for i := range d.c.Candidates {
		if i != d.r.base && accept(i) {
			out = append(out, i)
		}
	}
	return out
}

// better is step 1.
func (d *decider) better() bool {
	winners := d.challengers(func(i int) bool { return d.verdict(i, d.primary) == VerdictBetter && d.harmlessElsewhere[i] })
	if len(winners) == 0 {
		return false
	}
	best := winners[0]
	for _, i := range winners {
		if gainOf(d.c.Candidates[i].Scores[d.primary].Value-d.c.Candidates[best].Scores[d.primary].Value, d.c.Metrics[d.primary]) > 0 {
			best = i
		}
	}
	chosen, note := best, ""
	for _, i := range winners {
		if i != best && d.within(i, best) && d.costs(i, chosen) < 0 {
			chosen = i
			note = fmt.Sprintf(" It is within the margins of %s, the highest, and cheaper.", d.name(best))
		}
	}
	out := &d.out
	out.Outcome, out.Winner = OutcomeBetter, d.name(chosen)
	diff, m := d.differences(chosen)[d.primary], d.c.Metrics[d.primary]
	out.Sentence = fmt.Sprintf("%s is better than %s on %s by %s%s; recommended.", d.name(chosen), d.c.Baseline, m.Title, difference(diff, m), d.elsewhere())
	if note != "" {
		out.Reasons = append(out.Reasons, strings.TrimSpace(note))
	}
	return true
}

// fewNames is how many metrics a sentence names one by one.
const fewNames = 4

// elsewhere says that the other judged metrics hold.
func (d *decider) elsewhere() string {
	var others []string
	for m, info := range d.c.Metrics {
		if m != d.primary && info.Judged {
			others = append(others, info.Title)
		}
	}
	if len(others) == 0 {
		return ""
	}
	if len(others) > fewNames {
		return fmt.Sprintf(" and loses less than the margin on all %d other metrics", len(others))
	}
	return " and loses less than the margin on " + list(others)
}

// within says that one challenger is shown to be within the margins of another.
func (d *decider) within(i, other int) bool {
	for m, info := range d.c.Metrics {
		if info.Judged && inferiority(minus(d.r.samples[i][m], d.r.samples[other][m]), info, d.c.Families) > alpha/2 {
			return false
		}
	}
	return true
}

// costs compares two candidates' costs: -1 if i is cheaper beyond doubt, 1 if
// dearer beyond doubt, 0 otherwise or where they cannot be compared.
func (d *decider) costs(i, other int) int {
	a, b := d.r.costs[i], d.r.costs[other]
	if d.c.Families < 2 || a == nil || b == nil || d.c.Candidates[i].Operation.Cost.Unit != d.c.Candidates[other].Operation.Cost.Unit {
		return 0
	}
	return side(minus(a, b), len(d.c.Candidates)-1, d.c.Families)
}

// side is the side of zero on which the interval of differences lies, or 0. The
// interval is widened for the number of challengers (Bonferroni).
func side(differences []float64, challengers, units int) int {
	low, high := resample.UnitsInterval(differences, 1-alpha/float64(challengers), units)
	switch {
	case high < 0:
		return -1
	case low > 0:
		return 1
	}
	return 0
}

// cheaper is step 2.
func (d *decider) cheaper() bool {
	chosen := -1
	for _, i := range d.challengers(func(i int) bool { return d.harmless[i] && (d.savesMoney(i) || d.savesTime(i)) }) {
		if chosen < 0 || d.costs(i, chosen) < 0 || d.costs(i, chosen) == 0 && d.mean(i) < d.mean(chosen) {
			chosen = i
		}
	}
	if chosen < 0 {
		return false
	}
	op := d.c.Candidates[chosen].Operation
	gain := fmt.Sprintf("costs %s %s less per 10,000 texts", money(-op.CostDifference.Value), op.CostDifference.Unit)
	if !d.savesMoney(chosen) {
		gain = fmt.Sprintf("answers %s s faster on average", number(-op.LatencyDifference.Value))
	}
	d.out.Outcome, d.out.Winner = OutcomeEquivalent, d.name(chosen)
	d.out.Sentence = fmt.Sprintf("%s is as good as %s within the margins (%s) and %s; recommended.", d.name(chosen), d.c.Baseline, d.margins(), gain)
	return true
}

func (d *decider) savesMoney(i int) bool { return d.costs(i, d.r.base) < 0 }

// savesTime needs costs that are known to be no higher.
func (d *decider) savesTime(i int) bool {
	op := d.c.Candidates[i].Operation
	return op.CostDifference.Missing == "" && op.CostDifference.High <= 0 && op.LatencyDifference.Missing == "" &&
		side(minus(d.r.waits[i], d.r.waits[d.r.base]), len(d.c.Candidates)-1, d.c.Families) < 0
}

func (d *decider) mean(i int) float64 { return d.c.Candidates[i].Operation.Latencies.Mean }

// keep is step 3.
func (d *decider) keep() bool {
	var worse, equal []string
	for i := range d.c.Candidates {
		switch {
		case i == d.r.base:
		case d.isWorse(i):
			worse = append(worse, d.name(i))
		case d.isEquivalent(i):
			equal = append(equal, d.name(i))
		default:
			return false
		}
	}
	d.out.Winner = d.c.Baseline
	switch {
	case len(equal) == 0:
		d.out.Outcome = OutcomeKeep
		d.out.Sentence = fmt.Sprintf("Keep %s: %s %s worse.", d.c.Baseline, list(worse), are(worse))
		if i := d.only(); i >= 0 {
			m, diff := d.worst(i)
			d.out.Sentence = fmt.Sprintf("Keep %s: %s is worse on %s by %s.", d.c.Baseline, d.name(i), m.Title, difference(diff, m))
		}
	default:
		d.out.Outcome = OutcomeEquivalent
		d.out.Sentence = fmt.Sprintf("Keep %s: %s %s equal to it within the margins (%s) and not shown to be cheaper or faster.", d.c.Baseline, list(equal), are(equal), d.margins())
	}
	return true
}

// only is the challenger if there is but one, or -1.
func (d *decider) only() int {
	if all := d.challengers(func(int) bool { return true }); len(all) == 1 {
		return all[0]
	}
	return -1
}

func (d *decider) isWorse(i int) bool {
	return d.worseSomewhere(i) && d.verdict(i, d.primary) != VerdictBetter
}

// worst finds the metric on which a challenger is worse, the primary one first.
func (d *decider) worst(i int) (Metric, Difference) {
	diffs := d.differences(i)
	at := d.primary
	for m := range diffs {
		if d.c.Metrics[m].Judged && diffs[at].Verdict != VerdictWorse && diffs[m].Verdict == VerdictWorse {
			at = m
		}
	}
	return d.c.Metrics[at], diffs[at]
}

func (d *decider) isEquivalent(i int) bool {
	if d.c.Families < minUnits {
		return false
	}
	for m, info := range d.c.Metrics {
		if !info.Judged {
			continue
		}
		diff := d.differences(i)[m]
		if diff.Low <= -info.Margin || diff.High >= info.Margin {
			return false
		}
	}
	return true
}

// undecided is step 4. It speaks of the challenger that stands highest on the
// primary metric and is not worse.
func (d *decider) undecided() {
	at := -1
	for _, i := range d.challengers(func(i int) bool { return !d.isWorse(i) }) {
		if at < 0 || gainOf(d.differences(i)[d.primary].Delta-d.differences(at)[d.primary].Delta, d.c.Metrics[d.primary]) > 0 {
			at = i
		}
	}
	out := &d.out
	out.Outcome = OutcomeUndecided
	diff, m := d.differences(at)[d.primary], d.c.Metrics[d.primary]
	if diff.Verdict == VerdictBetter {
		d.tradeOff(at)
		return
	}
	out.MoreItems = diff.MoreItems
	held, info := d.holdup(at)
	on := ""
	if info.Name != m.Name {
		on = fmt.Sprintf(", and on %s by %s", info.Title, difference(held, info))
	}
	out.Sentence = fmt.Sprintf("The data do not decide between %s and %s: they differ on %s by %s%s%s.", d.c.Baseline, d.name(at), m.Title, difference(diff, m), on, d.more(max(diff.MoreItems, held.MoreItems), m, diff, info, held))
	out.MoreItems = max(diff.MoreItems, held.MoreItems)
}

// holdup is the judged metric on which harmlessness is farthest from shown.
func (d *decider) holdup(i int) (Difference, Metric) {
	at := d.primary
	for m, info := range d.c.Metrics {
		if info.Judged && d.r.inferior[i][m] > d.r.inferior[i][at] && d.differences(i)[m].MoreItems > d.differences(i)[at].MoreItems {
			at = m
		}
	}
	return d.differences(i)[at], d.c.Metrics[at]
}

// more says how many further items would help.
func (d *decider) more(n int, m Metric, diff Difference, held Metric, heldDiff Difference) string {
	if n == 0 && d.c.Families < minUnits {
		return fmt.Sprintf("; %d %s are too few to call them equal", d.c.Families, plural(d.c.Families, d.c.Method.Unit))
	}
	if n == 0 {
		return ""
	}
	if heldDiff.MoreItems > diff.MoreItems {
		m, diff = held, heldDiff
	}
	return fmt.Sprintf("; about %s more %s would show a difference of %s on %s", thousands(n), plural(n, "item"), amount(diff.target(m), m.Unit), m.Title)
}

// target is the difference that more items are to show: the one seen, or the
// margin where that is larger.
func (d Difference) target(m Metric) float64 { return max(m.Margin, math.Abs(d.Delta)) }

// tradeOff is the sentence for a challenger that is better on the primary
// metric and may lose too much on another.
func (d *decider) tradeOff(i int) {
	diff, m := d.differences(i)[d.primary], d.c.Metrics[d.primary]
	better := fmt.Sprintf("%s is better than %s on %s by %s", d.name(i), d.c.Baseline, m.Title, difference(diff, m))
	at := d.primary
	for k, info := range d.c.Metrics {
		other := d.differences(i)[k]
		if k == d.primary || !info.Judged {
			continue
		}
		if other.Verdict == VerdictWorse {
			d.out.Sentence = fmt.Sprintf("The data show a trade-off: %s, but worse on %s by %s; decide which matters more.", better, info.Title, difference(other, info))
			return
		}
		if at == d.primary || d.r.inferior[i][k] > d.r.inferior[i][at] {
			at = k
		}
	}
	held, info := d.differences(i)[at], d.c.Metrics[at]
	d.out.MoreItems = held.MoreItems
	d.out.Sentence = fmt.Sprintf("The data do not decide: %s, but it may lose more than the margin of %s on %s (%s)%s.", better, amount(info.Margin, info.Unit), info.Title,
		difference(held, info), d.more(held.MoreItems, info, held, info, held))
}

// reason describes one challenger on every judged metric.
func (d *decider) reason(i int) {
	for m, info := range d.c.Metrics {
		if !info.Judged {
			continue
		}
		diff := d.differences(i)[m]
		d.out.Reasons = append(d.out.Reasons, fmt.Sprintf("%s against %s on %s: %s: %s.", d.name(i), d.out.Reference, info.Title, difference(diff, info), verdictWords(diff, info)))
	}
	if d.harmless[i] {
		d.out.Reasons = append(d.out.Reasons, fmt.Sprintf("%s is shown to lose less than the margin on every judged metric.", d.name(i)))
	}
}
