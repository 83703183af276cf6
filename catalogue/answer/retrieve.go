package answer

import (
	"context"
	"math"
	"slices"
	"strings"

	"stylesprint/catalogue"
)

// found is a passage with how well it fits a question.
type found struct {
	Passage
	score    float64 // orders the passages
	features features
}

// features are what the confidence is a function of; each is 0 to 1 but the cosine, which may be negative.
type features struct {
	cosine  float64 // of question and passage; 0 without an encoder
	lexical float64 // share of the question's words that the passage has, rare ones counting more
	cue     float64 // 1 where the question has a word that asks for the passage's field
	unknown float64 // share of the question's words that stand nowhere in the record
	kind    float64 // 1 for what a customer or the care guide says
}

func (f features) vector() []float64 {
	return []float64{1, f.cosine, f.lexical, f.cue, f.unknown, f.kind, f.cosine * f.lexical, f.cosine * f.cue}
}

// cues are stems of words that ask for a field.
func cues(field string) string {
	switch field {
	case fieldCare:
		return " wash clean iron dry care launder laundry press steam temperatur hot machin tumbl hang stor brush wax polish condition bleach spin wring air "
	case fieldMaterial:
		return " fabric material composition fibr cloth cotton linen wool silk percent percentag blend pur "
	case fieldFit:
		return " fit cut long length siz tight loos wid narrow short hem waist ris sit fall reach slim snug roomy larg small hip kne ankl calf "
	case fieldColour:
		return " colour color shad "
	case fieldFeatures:
		return " pocket button zip clos fasten collar neck necklin sleev lin belt sol heel strap cuff hood toe buckl knit detail seam hem slit vent waistband handl compartment lac "
	}
	return ""
}

// retrieve ranks the passages of a product for a question, the best first.
func (a *Answerer) retrieve(ctx context.Context, p catalogue.Product, passages []Passage, question string) ([]found, error) {
	if len(passages) == 0 {
		return nil, nil
	}
	asked := withoutName(question, p)
	terms := contents(asked)
	stems := make([]map[string]bool, len(passages))
	frequency := map[string]int{}
	for i, pas := range passages {
		stems[i] = map[string]bool{}
		for _, w := range contents(pas.Text) {
			stems[i][w] = true
		}
		for w := range stems[i] {
			frequency[w]++
		}
	}
	cosines, err := a.cosines(ctx, asked, passages)
	if err != nil {
		return nil, err
	}
	out := make([]found, len(passages))
	for i, pas := range passages {
		f := features{cosine: cosines[i], lexical: overlap(terms, stems[i], frequency, len(passages))}
		for _, t := range terms {
			if strings.Contains(cues(pas.Field), " "+t+" ") {
				f.cue = 1
			}
			if frequency[t] == 0 && !strings.Contains(cues(pas.Field), " "+t+" ") {
				f.unknown += 1 / float64(len(terms))
			}
		}
		if strings.Contains(pas.Field, ".") {
			f.kind = 1
		}
		out[i] = found{Passage: pas, features: f, score: f.cosine + 0.8*f.lexical + 0.15*f.cue - 0.15*f.kind}
	}
	slices.SortStableFunc(out, func(x, y found) int {
		switch {
		case x.score > y.score:
			return -1
		case x.score < y.score:
			return 1
		}
		return 0
	})
	return out, nil
}

// withoutName is a question without the product's own name, which every passage would match.
func withoutName(question string, p catalogue.Product) string {
	name := map[string]bool{}
	for i, w := range words(p.Name) {
		if i == 0 {
			name[w] = true
		}
	}
	var kept []string
	for w := range strings.FieldsSeq(visible(question)) {
		bare := words(w)
		if len(bare) == 1 && name[bare[0]] {
			continue
		}
		kept = append(kept, w)
	}
	if len(kept) == 0 {
		return question
	}
	return strings.Join(kept, " ")
}

// overlap is the share of the question's words that a passage has, weighted by how few passages have them.
func overlap(terms []string, passage map[string]bool, frequency map[string]int, n int) float64 {
	var have, all float64
	for _, t := range terms {
		weight := math.Log(1 + float64(n)/(1+float64(frequency[t])))
		all += weight
		if passage[t] {
			have += weight
		}
	}
	if all == 0 {
		return 0
	}
	return have / all
}

func (a *Answerer) cosines(ctx context.Context, question string, passages []Passage) ([]float64, error) {
	out := make([]float64, len(passages))
	if a.o.Embed == nil {
		return out, nil
	}
	texts := make([]string, len(passages))
	for i, pas := range passages {
		texts[i] = label(pas.Field) + ": " + pas.Text
	}
	asked, err := a.o.Embed(ctx, []string{question}) // a stranger's text takes no room in the index
	if err != nil {
		return nil, err
	}
	if len(asked) != 1 {
		return out, nil
	}
	return a.compare(ctx, asked[0], texts)
}
