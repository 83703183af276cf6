package report

import (
	"stylesprint/evaluate/gate"
	"stylesprint/web/show"
)

// gateView is what a gate comes to.
type gateView struct {
	Sentence string
	Class    string // "met" or "harm"
	Table    table
}

func newGate(r *gate.Result) *gateView {
	if r == nil {
		return nil
	}
	v := &gateView{Sentence: typeset([]string{r.Sentence})[0], Class: "harm"}
	if r.Met {
		v.Class = "met"
	}
	v.Table = table{ID: "gate", Corner: "Rule", Caption: "Every rule with what was found; differences are from " + r.Baseline, Columns: []column{{Name: "Outcome"}, {Name: "What was found"}}}
	for _, k := range r.Candidates {
		g := tableGroup{Name: k.Name + ": met"}
		if !k.Met {
			g.Name = k.Name + ": not met"
		}
		for _, c := range k.Checks {
			outcome := cell{Word: string(c.Outcome), Class: "met"}
			if !c.Outcome.Met() {
				outcome.Class = "harm"
			} else if c.Outcome == gate.Skipped {
				outcome.Class = ""
			}
			words := typeset([]string{c.Rule, c.Reason})
			g.Rows = append(g.Rows, figureRow{Name: words[0], Note: c.Why, Cells: []cell{outcome, {Text: true, Figure: show.Figure{Value: words[1]}}}})
		}
		v.Table.Groups = append(v.Table.Groups, g)
	}
	return v
}
