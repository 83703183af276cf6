package web

import (
	"context"
	"net/http"
	"strings"

	"stylesprint/evaluate"
	"stylesprint/web/report"
	"stylesprint/web/show"
)

type overviewBody struct {
	Models   []Model
	Checks   []Check
	Runs     []runLine
	Last     *set
	Sentence string // of the last comparison; empty where it has not been computed
	Eyebrow  string
	Trouble  []string // parts of the page that could not be read
}

// overviewItems bounds the comparison that the overview computes by itself; a
// larger one is linked to.
const overviewItems = 20_000

func (s *site) overview(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	b := overviewBody{Checks: s.o.Health(ctx)}
	models, err := s.o.Models(ctx)
	if err != nil {
		b.Trouble = append(b.Trouble, "The list of models could not be read. "+faultOf(err).Title+".")
	}
	b.Models = models
	runs, err := s.o.Runs.Runs(ctx, evaluate.Filter{Limit: 100})
	if err != nil {
		return err
	}
	for _, x := range runs[:min(len(runs), 6)] {
		b.Runs = append(b.Runs, newRunLine(x, s.o.Now()))
	}
	if sets := setsOf(runs); len(sets) > 0 {
		b.Last = &sets[0]
		s.decide(ctx, &b)
	}
	return s.render(w, "overview", page{Here: "overview", Title: overviewTitle(b, runs), Document: "Overview", Body: b})
}

// decide puts the last comparison's sentence on the overview.
func (s *site) decide(ctx context.Context, b *overviewBody) {
	if s.o.Compare == nil || b.Last.Items*len(b.Last.Runs) > overviewItems {
		return
	}
	c, err := s.compare(ctx, b.Last.IDs())
	if err != nil {
		b.Trouble = append(b.Trouble, "The last comparison could not be computed. "+faultOf(err).Title+".")
		return
	}
	b.Sentence, b.Eyebrow = report.Sentence(c), report.Eyebrow(c)
}

// overviewTitle says how things stand: trouble first, then what runs, then
// what is ready.
func overviewTitle(b overviewBody, runs []evaluate.Run) string {
	var failing []string
	for _, c := range b.Checks {
		if !c.OK {
			failing = append(failing, c.Name)
		}
	}
	ready := 0
	for _, m := range b.Models {
		if m.Ready {
			ready++
		}
	}
	going := 0
	for _, x := range runs {
		if x.Status == evaluate.StatusRunning {
			going++
		}
	}
	var parts []string
	if len(failing) > 0 {
		parts = append(parts, show.List(failing)+" needs attention")
	}
	switch {
	case len(b.Models) == 0:
		parts = append(parts, "no model is served yet")
	case ready == len(b.Models):
		parts = append(parts, number(ready, "model")+" ready")
	default:
		parts = append(parts, show.Count(ready)+" of "+number(len(b.Models), "model")+" ready")
	}
	switch {
	case going > 0:
		parts = append(parts, number(going, "evaluation")+" under way")
	case len(runs) == 0:
		parts = append(parts, "nothing evaluated yet")
	default:
		parts = append(parts, "no evaluation under way")
	}
	return show.Sentence(strings.Join(parts, "; "))
}

// number is "one model" or "three models".
func number(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return numeral(n) + " " + noun
}

// numeral is n, as a word below ten.
func numeral(n int) string {
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}
	if n >= 0 && n < len(words) {
		return words[n]
	}
	return show.Count(n)
}
