package compare

// SimpsonExample is a challenger that is higher overall and lower in both slices.
func SimpsonExample() (whole Comparison, parts Slicing) {
	m := Metric{Name: "bleu", Title: "BLEU", Unit: "0-100", Direction: DirectionHigher}
	whole = Comparison{Primary: "bleu", Metrics: []Metric{m}, Candidates: []Candidate{{Name: "a"}, {Name: "b", Differences: []Difference{{Delta: 1, Low: 0.5, High: 1.5, PAdjusted: 0.01}}}}}
	parts.Key = "category"
	for _, value := range []string{"dresses", "shoes"} {
		s := Slice{Value: value, Items: 20}
		for _, name := range []string{"a", "b"} {
			k := SliceCandidate{Name: name}
			k.Scores = append(k.Scores, whole.Candidates[0].Operation.Cost)
			if name == "b" {
				k.Differences = []Difference{{Delta: -1, PAdjusted: 0.2}}
			}
			s.Candidates = append(s.Candidates, k)
		}
		parts.Slices = append(parts.Slices, s)
	}
	return whole, parts
}

// ContradictionsOf are the warnings about a comparison's slices.
func ContradictionsOf(c Comparison, g Slicing) []string {
	a := analysis{Comparison: &c, columns: []*column{{name: "a"}, {name: "b"}}}
	return a.contradictions(&g)
}
