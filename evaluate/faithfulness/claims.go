package faithfulness

import "slices"

// HardClaim is a claim that is banned unless a record supports it.
type HardClaim struct {
	ID       string   // of the concept: "organic"
	Category string   // "sustainability", "health", ...
	Phrases  []string // what texts call it
}

// HardClaims lists the claims that are banned unless a record supports them, by id. It is
// for places that see a text without its record.
func (r *Rules) HardClaims() []HardClaim {
	var out []HardClaim
	for _, id := range sortedKeys(r.entries[sectionClaim]) {
		e := r.entries[sectionClaim][id]
		if !e.hard || len(e.say) == 0 {
			continue
		}
		out = append(out, HardClaim{ID: id, Category: e.category, Phrases: texts(e.say)})
	}
	return out
}

// Negations lists the words and phrases before a statement that deny it: "not", "never".
func (r *Rules) Negations() []string {
	out := texts(r.words["negation"])
	slices.Sort(out)
	return out
}

func texts(list []phrase) []string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = p.text
	}
	return out
}
