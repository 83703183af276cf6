package metric

import (
	"math"
	"strings"
	"testing"
)

// FuzzScorers gives arbitrary bytes to every metric of texts: none panics, no
// score is beyond its range, and a text against itself has the best one.
func FuzzScorers(f *testing.F) {
	for _, seed := range [][2]string{
		{"A navy linen shirt.", "A navy cotton shirt!"}, {"", ""}, {"\xff\xfe", "\xf0\x9f"}, {"深蓝色亚麻衬衫，版型宽松。", "深蓝色"}, {"İΣς e\u0301 👗🏽", "i\u0307σ é"},
		{"&quot;x&amp;'s 's.\n-a\n", "x..5 x...5"}, {"a b a b a b a b", "b a b a b a"}, {"x\u001cy\u2028z\u0085", "“x”. Y? z…"}, {"nn ll ied eed ingly yyyy ational", "alli logi fulli"},
	} {
		f.Add(seed[0], seed[1])
	}
	metrics := scorers(f)
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 2000 { // TER's search is long
			return
		}
		samples := []Sample{{Hypothesis: a, References: []string{b, a + b}}, {Hypothesis: a, References: []string{a}}, {Hypothesis: b, References: []string{""}}}
		for _, m := range metrics {
			ms, err := m.Measure(t.Context(), samples)
			if err != nil {
				t.Fatal(err)
			}
			info := m.Info()
			for i, x := range append(ms, Measurement{Score: m.Value(Sum(m, ms))}) {
				if math.IsNaN(x.Score) || math.IsInf(x.Score, 0) {
					t.Fatalf("%s of sample %d: %v", info.Name, i, x.Score)
				}
				if info.Direction == Higher && (x.Score < 0 || x.Score > map[string]float64{"0-1": 1, "0-100": 100}[info.Unit]+1e-9) {
					t.Fatalf("%s of sample %d: %v on %s", info.Name, i, x.Score, info.Unit)
				}
			}
			if info.Name == "ter" && ms[1].Stats[0] > 0 && strings.TrimFunc(a, isSpace) != "" {
				t.Fatalf("%v edits turn a text into itself", ms[1].Stats[0])
			}
		}
	})
}

// scorers are the metrics that need no model, with their options turned on.
func scorers(f *testing.F) []Metric {
	f.Helper()
	var out []Metric
	for _, info := range Infos() {
		if NeedsEmbedding(info.Name) || info.NeedsImages || info.Name == "self-bleu" || info.Name == "boilerplate" {
			continue
		}
		m, err := New(f.Context(), info.Name, Options{})
		if err != nil {
			f.Fatal(err)
		}
		out = append(out, m)
	}
	chrf, err := NewCHRF(CHRFOptions{CharOrder: 3, WordOrder: 4, Lowercase: true, Whitespace: true, EpsSmoothing: true})
	if err != nil {
		f.Fatal(err)
	}
	rouge, err := NewROUGE(ROUGEOptions{Variant: ROUGELsum, Stem: true})
	if err != nil {
		f.Fatal(err)
	}
	return append(out, chrf, rouge)
}

// FuzzTER holds the edit search to what must be true of any: its edits are no
// more than replacing every word takes, and no fewer than the lengths differ by.
func FuzzTER(f *testing.F) {
	f.Add("a b c d", "b a d c", true, true)
	f.Add("it's x.'s 5-5", "it 's x", false, true)
	f.Add("衬衫、「白」", "白。衬", true, false)
	f.Fuzz(func(t *testing.T, a, b string, normalized, noPunctuation bool) {
		if len(a)+len(b) > 600 {
			return
		}
		o := TEROptions{Normalized: normalized, NoPunctuation: noPunctuation, AsianSupport: true}
		e := newEditSearch()
		e.read(o.prepare(a), o.prepare(b))
		hyp, ref := len(e.hyp), len(e.ref)
		edits := e.edits()
		if edits < abs(hyp-ref) || edits > max(hyp, ref) {
			t.Fatalf("%d edits turn %d words into %d", edits, hyp, ref)
		}
	})
}

// FuzzSentences holds the splitter to keeping every word, and the counter to
// counting something for it.
func FuzzSentences(f *testing.F) {
	f.Add("One. Two! “Three?” 2.5 cm。四！")
	f.Add("\x80.\xe3\x80")
	f.Fuzz(func(t *testing.T, text string) {
		all := sentences(text)
		kept := strings.Join(all, " ")
		for _, word := range strings.FieldsFunc(text, isSpace) {
			if strings.IndexFunc(word, isWordRune) >= 0 && strings.IndexFunc(word, isSentenceMark) < 0 && !strings.Contains(kept, word) {
				t.Fatalf("%q lost %q: %q", text, word, all)
			}
		}
		words, sents, syls := countReading(text)
		if syls < words || sents > words || (words > 0) != (sents > 0) {
			t.Fatalf("%q: %d words, %d sentences, %d syllables", text, words, sents, syls)
		}
	})
}

func isSentenceMark(r rune) bool { return strings.ContainsRune(".!?…。！？\r\n\u2028\u2029", r) }
