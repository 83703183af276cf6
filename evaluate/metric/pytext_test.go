package metric

import (
	"testing"
	"unicode"
)

// TestCharactersFollowPython goes through every character. Lower-casing is
// compared where Python's tables and Go's both know the character.
func TestCharactersFollowPython(t *testing.T) {
	t.Parallel()
	var g struct {
		Classes     [][2]any    `json:"classes"`
		Lower       [][2]string `json:"lower"`
		Space       []string    `json:"space"`
		SigmaAfter  []int       `json:"sigma_after"`
		SigmaBefore []int       `json:"sigma_before"`
		SigmaOver   []int       `json:"sigma_over"`
	}
	readGolden(t, "pytext.json.gz", &g)
	spaces := map[rune]bool{}
	for _, s := range g.Space {
		spaces[[]rune(s)[0]] = true
	}
	lowered := map[rune]string{}
	for _, p := range g.Lower {
		lowered[[]rune(p[0])[0]] = p[1]
	}
	classes := classRuns(g.Classes)
	after, before, over := bits(g.SigmaAfter), bits(g.SigmaBefore), bits(g.SigmaOver)
	i := -1
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if 0xd800 <= r && r < 0xe000 {
			continue
		}
		i++
		if isSpace(r) != spaces[r] {
			t.Errorf("isSpace(%U) = %t", r, isSpace(r))
		}
		if got := classOf(r); got != classes[i] {
			t.Errorf("classOf(%U) = %d, want %d", r, got, classes[i])
		}
		want, ok := lowered[r]
		if !ok {
			want = string(r)
		}
		if got := lower(string(r)); got != want {
			t.Errorf("lower(%U) = %q, want %q", r, got, want)
		}
		if !unicode.IsGraphic(r) && !unicode.In(r, unicode.Cf, unicode.Cc) || newSince14(r) {
			continue
		}
		final := func(s string) bool { return s == string(finalSigma) }
		a, b, o := []rune(lower("aΣ"+string(r))), []rune(lower(string(r)+"Σ")), []rune(lower("a"+string(r)+"Σ"))
		if final(string(a[1])) != after[i] || final(string(b[len(b)-1])) != before[i] || final(string(o[len(o)-1])) != over[i] {
			t.Errorf("sigma beside %U: %q %q %q, want final %t %t %t", r, string(a), string(b), string(o), after[i], before[i], over[i])
		}
	}
}

// newSince14 says that Unicode 15 assigned a character.
func newSince14(r rune) bool {
	return r == 0x0cf3 || r == 0x0ece || 0x10efd <= r && r <= 0x10eff || 0x11240 <= r && r <= 0x11241 || 0x11f00 <= r && r <= 0x11f59 ||
		0x13439 <= r && r <= 0x13455 || 0x1df25 <= r && r <= 0x1df2a || 0x1e030 <= r && r <= 0x1e08f || 0x1e4d0 <= r && r <= 0x1e4f9
}

func classRuns(runs [][2]any) []class {
	var out []class
	for _, run := range runs {
		c := map[string]class{"P": classPunctuation, "S": classSymbol, "N": classNumber, "o": classOther}[run[0].(string)]
		for range int(run[1].(float64)) {
			out = append(out, c)
		}
	}
	return out
}

// bits unpacks run lengths that begin with a run of zeros one too long.
func bits(runs []int) []bool {
	var out []bool
	for i, n := range runs {
		for range n {
			out = append(out, i%2 == 1)
		}
	}
	return out[1:]
}
