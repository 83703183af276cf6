package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/agreement"
)

// Criterion is one line of the rubric.
type Criterion struct {
	ID, Name, Question string
	of                 func(Marks) int
}

// Criteria are what texts are marked for, each from 1 (poor) to 5 (very good).
func Criteria() []Criterion {
	return []Criterion{
		{"accuracy", "Accuracy", "Does it say only what the record says?", func(m Marks) int { return m.Accuracy }},
		{"brand_voice", "Brand voice", "Does it sound like us?", func(m Marks) int { return m.Voice }},
		{"inclusiveness", "Inclusiveness", "Does it speak to everybody, and exclude nobody?", func(m Marks) int { return m.Inclusiveness }},
	}
}

// Mark returns what m gives a criterion; 0: none.
func (c Criterion) Mark(m Marks) int { return c.of(m) }

// Result is what people said, once the task is closed. Figures are made of human
// votes alone; what a model said stands in Judge.
type Result struct {
	Task       Task              `json:"task"`
	Sentence   string            `json:"sentence"` // who won, or that nobody did
	Winner     string            `json:"winner,omitempty"`
	Counts     Counts            `json:"counts"`
	Candidates []Standing        `json:"candidates"`
	Duels      []Duel            `json:"duels"`
	Length     stylesprint.Score `json:"length_effect"` // log-odds for one unit of LengthDifference
	Agreement  []Agreement       `json:"agreement"`
	Kappas     []PairKappa       `json:"kappas,omitempty"`
	Raters     []RaterReport     `json:"raters"`
	Metrics    []MetricLink      `json:"metrics"`
	Examples   []Example         `json:"examples,omitempty"`
	Judges     []JudgeReport     `json:"judges,omitempty"`
}

// Counts say what the figures are made of.
type Counts struct {
	Pairs     int `json:"pairs"`    // that were shown
	Same      int `json:"same"`     // identical texts: ties that nobody was shown
	Judged    int `json:"judged"`   // pairs with a vote
	Complete  int `json:"complete"` // pairs with as many votes as the task asked for
	Votes     int `json:"votes"`    // standing first judgements
	Reused    int `json:"reused"`   // of those, taken over from earlier tasks
	Repeats   int `json:"repeats"`
	Withdrawn int `json:"withdrawn"`
	Decided   int `json:"decided"`
	Ties      int `json:"ties"`
	Bad       int `json:"both_bad"`
}

// Standing is how a candidate came off.
type Standing struct {
	Name       string              `json:"name"`
	RunID      string              `json:"run_id"`
	WinRate    stylesprint.Score   `json:"win_rate"` // against the others; a tie counts a half; of pairs, each the mean of its votes
	Strength   agreement.Strength  `json:"strength"`
	Controlled agreement.Strength  `json:"controlled"` // at equal length
	Criteria   []stylesprint.Score `json:"criteria"`   // in the order of Criteria
	Length     float64             `json:"length"`     // mean characters of the judged texts
}

// Duel is how two candidates came off against each other.
type Duel struct {
	A       string            `json:"a"`
	B       string            `json:"b"`
	WinRate stylesprint.Score `json:"win_rate"` // of A
	Wins    int               `json:"wins"`     // votes for A
	Losses  int               `json:"losses"`
	Ties    int               `json:"ties"`
	Bad     int               `json:"both_bad"`
	Same    int               `json:"same"` // pairs of identical texts, which count as ties
}

// Agreement is one measure of how far raters agreed, with words on how to read it.
type Agreement struct {
	Name    string            `json:"name"`
	Of      string            `json:"of"`
	Score   stylesprint.Score `json:"score"`
	Reading string            `json:"reading"`
}

// PairKappa is Cohen's kappa of two raters.
type PairKappa struct {
	A       string            `json:"a"`
	B       string            `json:"b"`
	Score   stylesprint.Score `json:"kappa"`   // of the four answers
	Ordinal stylesprint.Score `json:"ordinal"` // of better, level, worse, with linear weights
}

// RaterReport is how a rater worked.
type RaterReport struct {
	Label       string            `json:"label"`
	Votes       int               `json:"votes"`
	Consistency stylesprint.Score `json:"consistency"` // share of repeats that got the same answer with the sides swapped
	Left        stylesprint.Score `json:"left"`        // share of decided votes for the text on the left
}

// MetricLink is how far a metric's differences go with people's votes, pair by pair.
type MetricLink struct {
	Metric string            `json:"metric"`
	Tau    stylesprint.Score `json:"kendall_tau_b"`
	Rho    stylesprint.Score `json:"spearman"`
}

// Example is a pair about which raters disagreed, or wrote something.
type Example struct {
	Pair     Pair     `json:"pair"`
	FirstBy  string   `json:"first_by"`
	SecondBy string   `json:"second_by"`
	Votes    []Spoken `json:"votes"`
}

// Spoken is a vote in words.
type Spoken struct {
	Rater   string `json:"rater"`
	Words   string `json:"verdict"`
	Comment string `json:"comment,omitempty"`
}

// analysis holds what the parts of a result share.
type analysis struct {
	book    Book
	pairs   []Pair // by number, from 1
	votes   []Vote // human, standing, first judgements
	again   []Vote // human, standing repeats
	judged  []Vote // standing votes of models
	family  map[string]int
	labels  map[string]string
	options agreement.Options
}

// Result analyses a closed task. An open one is refused with code conflict: its key is sealed,
// and looking at figures while votes come in invites stopping when they please.
func (d *Desk) Result(ctx context.Context, taskID string) (Result, error) {
	a, err := d.open(ctx, taskID)
	if err != nil {
		return Result{}, err
	}
	r := Result{Task: a.book.Task, Counts: a.counts(), Examples: a.examples()}
	if err := a.standings(ctx, &r); err != nil {
		return r, err
	}
	if err := a.agreement(ctx, &r); err != nil {
		return r, err
	}
	r.Raters = a.raters()
	if r.Metrics, err = a.metrics(ctx, d.Runs); err != nil {
		return r, err
	}
	if r.Judges, err = a.judges(ctx); err != nil {
		return r, err
	}
	r.decide()
	return r, nil
}

// open reads a closed task.
func (d *Desk) open(ctx context.Context, taskID string) (*analysis, error) {
	book, err := d.Store.ReviewBook(ctx, taskID)
	if err != nil {
		return nil, err
	}
	if book.Task.Open() {
		return nil, conflict("stylesprint review close "+taskID, "the review %s is still open, and its key is sealed until it is closed", taskID)
	}
	a := &analysis{book: book, family: map[string]int{}, labels: map[string]string{}}
	if a.pairs, err = d.Store.ReviewPairs(ctx, taskID); err != nil {
		return nil, err
	}
	for _, p := range a.pairs {
		if _, ok := a.family[family(p)]; !ok {
			a.family[family(p)] = len(a.family)
		}
	}
	for _, r := range book.Raters {
		a.labels[r.ID] = r.Label()
	}
	for _, v := range standing(book.Votes) {
		switch {
		case v.Model:
			a.judged = append(a.judged, v)
		case v.Repeat:
			a.again = append(a.again, v)
		default:
			a.votes = append(a.votes, v)
		}
		if a.labels[v.Rater] == "" {
			a.labels[v.Rater] = "rater of an earlier review (" + v.From + ")"
		}
	}
	return a, nil
}

func family(p Pair) string {
	if p.Item.Family != "" {
		return "family " + p.Item.Family
	}
	return "item " + p.Item.ID
}

func (a *analysis) pair(number int) Pair { return a.pairs[number-1] }

func (a *analysis) counts() Counts {
	t := a.book.Task
	c := Counts{Pairs: t.Pairs, Same: t.Same, Votes: len(a.votes), Repeats: len(a.again)}
	each := map[int]int{}
	for _, v := range a.votes {
		each[v.Pair]++
		if v.From != "" {
			c.Reused++
		}
		switch v.Choice {
		case Tie:
			c.Ties++
		case Bad:
			c.Bad++
		default:
			c.Decided++
		}
	}
	for _, n := range each {
		c.Judged++
		if n >= t.Raters {
			c.Complete++
		}
	}
	for _, v := range a.book.Votes {
		if v.Withdraws != 0 && !v.Model {
			c.Withdrawn++
		}
	}
	return c
}

// preference is 1 where First won, 0 where Second did, a half otherwise.
func (v Vote) preference() float64 {
	switch v.Choice {
	case First:
		return 1
	case Second:
		return 0
	}
	return .5
}

// comparisons has one entry for each judged pair, the mean of its votes, and a tie for
// each pair of identical texts, so that every pair weighs the same. They are in the order of number.
func (a *analysis) comparisons() (list []agreement.Comparison, numbers []int) {
	sum, n := map[int]float64{}, map[int]float64{}
	for _, v := range a.votes {
		sum[v.Pair] += v.preference()
		n[v.Pair]++
	}
	for _, p := range a.pairs {
		score := .5
		switch {
		case n[p.Number] > 0:
			score = sum[p.Number] / n[p.Number]
		case !p.Same():
			continue
		}
		list = append(list, agreement.Comparison{A: p.FirstOf, B: p.SecondOf, Score: score, Covariate: LengthDifference(p.First, p.Second), Cluster: a.family[family(p)]})
		numbers = append(numbers, p.Number)
	}
	return list, numbers
}

// LengthDifference is the difference of two texts' lengths in characters over their
// sum, from -1 to 1: a third where the first is twice as long.
func LengthDifference(first, second string) float64 {
	a, b := float64(len([]rune(first))), float64(len([]rune(second)))
	if a+b == 0 {
		return 0
	}
	return (a - b) / (a + b)
}

func (a *analysis) standings(ctx context.Context, r *Result) error {
	t := a.book.Task
	list, _ := a.comparisons()
	if len(a.votes) == 0 { // ties by identity alone say nothing
		list = nil
	}
	n := len(t.Candidates)
	strengths, err := agreement.BradleyTerryScores(ctx, n, list, a.options)
	if err != nil {
		return err
	}
	controlled, effect, err := agreement.ControlledScores(ctx, n, list, a.options)
	if err != nil {
		return err
	}
	r.Length = effect
	for i, c := range t.Candidates {
		s := Standing{Name: c.Name, RunID: c.RunID, Strength: strengths[i], Controlled: controlled[i], Length: a.meanLength(i)}
		s.WinRate = a.winRate(list, func(c agreement.Comparison) (float64, bool) {
			switch i {
			case c.A:
				return c.Score, true
			case c.B:
				return 1 - c.Score, true
			}
			return 0, false
		})
		if s.Criteria, err = a.criteria(ctx, i); err != nil {
			return err
		}
		r.Candidates = append(r.Candidates, s)
	}
	for _, d := range duels(n) {
		r.Duels = append(r.Duels, a.duel(list, d[0], d[1]))
	}
	return nil
}

func (a *analysis) winRate(list []agreement.Comparison, of func(agreement.Comparison) (float64, bool)) stylesprint.Score {
	var values []float64
	var clusters []int
	for _, c := range list {
		if v, ok := of(c); ok {
			values, clusters = append(values, v), append(clusters, c.Cluster)
		}
	}
	s := agreement.ProportionScore(values, clusters, a.options)
	s.Metric = "win-rate"
	s.Signature = "win-rate|ties:half" + strings.TrimPrefix(s.Signature, "proportion")
	if s.Missing != "" {
		s.Missing = "not measured: nobody has judged its texts"
	}
	return s
}

func (a *analysis) duel(list []agreement.Comparison, i, j int) Duel {
	d := Duel{A: a.book.Task.Candidates[i].Name, B: a.book.Task.Candidates[j].Name}
	d.WinRate = a.winRate(list, func(c agreement.Comparison) (float64, bool) {
		switch {
		case c.A == i && c.B == j:
			return c.Score, true
		case c.A == j && c.B == i:
			return 1 - c.Score, true
		}
		return 0, false
	})
	of := func(p Pair) bool { return min(p.FirstOf, p.SecondOf) == i && max(p.FirstOf, p.SecondOf) == j }
	for _, v := range a.votes {
		p := a.pair(v.Pair)
		switch {
		case !of(p):
		case v.Choice == Tie:
			d.Ties++
		case v.Choice == Bad:
			d.Bad++
		case (v.Choice == First) == (p.FirstOf == i):
			d.Wins++
		default:
			d.Losses++
		}
	}
	for _, p := range a.pairs {
		if p.Same() && of(p) {
			d.Same++
		}
	}
	return d
}

// criteria are the means of a candidate's marks: of texts, each the mean of its raters' marks.
func (a *analysis) criteria(ctx context.Context, candidate int) ([]stylesprint.Score, error) {
	var out []stylesprint.Score
	for _, c := range Criteria() {
		sum, n := map[int]float64{}, map[int]float64{}
		for _, v := range a.votes {
			m := v.FirstMarks
			if p := a.pair(v.Pair); p.SecondOf == candidate {
				m = v.SecondMarks
			} else if p.FirstOf != candidate {
				continue
			}
			if mark := c.Mark(m); mark > 0 {
				sum[v.Pair] += float64(mark)
				n[v.Pair]++
			}
		}
		var values []float64
		var clusters []int
		for _, p := range a.pairs {
			if n[p.Number] > 0 {
				values = append(values, sum[p.Number]/n[p.Number])
				clusters = append(clusters, a.family[family(p)])
			}
		}
		s, err := agreement.MeanScore(ctx, values, clusters, a.options)
		if err != nil {
			return nil, err
		}
		s.Metric, s.Unit = c.ID, "1-5"
		out = append(out, s)
	}
	return out, nil
}

func (a *analysis) meanLength(candidate int) float64 {
	sum, n := 0.0, 0.0
	for _, p := range a.pairs {
		switch candidate {
		case p.FirstOf:
			sum += float64(len([]rune(p.First)))
		case p.SecondOf:
			sum += float64(len([]rune(p.Second)))
		default:
			continue
		}
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// metrics sets the difference of every metric that both runs hold beside the votes.
func (a *analysis) metrics(ctx context.Context, runs Runs) ([]MetricLink, error) {
	var scores []map[string]map[string]float64 // candidate, item, metric
	var names []string
	for i, c := range a.book.Task.Candidates {
		texts := map[string]string{}
		for _, p := range a.pairs {
			switch i {
			case p.FirstOf:
				texts[p.Item.ID] = p.First
			case p.SecondOf:
				texts[p.Item.ID] = p.Second
			}
		}
		byItem := map[string]map[string]float64{}
		err := runs.Outputs(ctx, c.RunID, func(o evaluate.Output) error {
			if o.Repeat == 0 && o.Text == texts[o.ItemID] { // a rerun may have made other texts
				byItem[o.ItemID] = o.Scores
				for name := range o.Scores {
					if !slices.Contains(names, name) {
						names = append(names, name)
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read scores of run %s: %w", c.RunID, err)
		}
		scores = append(scores, byItem)
	}
	slices.Sort(names)
	list, numbers := a.comparisons()
	out := []MetricLink{}
	for _, name := range names {
		var x, y []float64
		var clusters []int
		for i, c := range list {
			p := a.pair(numbers[i])
			if p.Same() {
				continue
			}
			first, ok := scores[c.A][p.Item.ID][name]
			second, also := scores[c.B][p.Item.ID][name]
			if !ok || !also {
				continue
			}
			if c.A > c.B { // as a difference of the lower place to the higher
				first, second, c.Score = second, first, 1-c.Score
			}
			x, y, clusters = append(x, first-second), append(y, c.Score), append(clusters, c.Cluster)
		}
		tau, rho, err := agreement.CorrelationScores(ctx, x, y, clusters, a.options)
		if err != nil {
			return nil, err
		}
		out = append(out, MetricLink{name, tau, rho})
	}
	return out, nil
}
