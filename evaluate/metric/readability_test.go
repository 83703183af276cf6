package metric

import (
	"math"
	"strings"
	"testing"
)

func TestReadability(t *testing.T) {
	t.Parallel()
	// By hand: the cat sat on the mat; it slept sound-ly.
	s := Sample{Hypothesis: "The cat sat on the mat. It slept soundly!", References: []string{"x"}}
	words, sents, syls := 9.0, 2.0, 10.0
	for formula, want := range map[ReadabilityFormula]float64{
		FleschEase: 206.835 - 1.015*words/sents - 84.6*syls/words, FleschKincaid: 0.39*words/sents + 11.8*syls/words - 15.59, SentenceLength: 4.5,
	} {
		m, err := NewReadability(formula)
		if err != nil {
			t.Fatal(err)
		}
		ms := mustMeasure(t, m, []Sample{s, {}, {Hypothesis: "lost", Missing: true}})
		if math.Abs(ms[0].Score-want) > 1e-12 || ms[1].Score != 0 || ms[2].Stats[0] != 0 {
			t.Errorf("%s: %+v, want %v", formula, ms, want)
		}
		if got := m.Value(Sum(m, ms)); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: an empty text counts: %v, want %v", formula, got, want)
		}
		if m.Info().Direction != None {
			t.Errorf("%s is judged", formula)
		}
	}
	if _, err := NewReadability("fog"); err == nil {
		t.Error("fog")
	}
}

func TestReadabilityIsForEnglish(t *testing.T) {
	t.Parallel()
	m, err := NewReadability(FleschEase)
	if err != nil {
		t.Fatal(err)
	}
	ms := mustMeasure(t, m, []Sample{
		{Hypothesis: "a shirt", Language: "en"}, {Hypothesis: "a shirt", Language: "en-GB"}, {Hypothesis: "a shirt"},
		{Hypothesis: "a shirt", References: []string{"a shirt, 衬衫"}},
		{Hypothesis: "a shirt", Language: "de"}, {Hypothesis: "a shirt", Language: "zh-Hant"}, {Hypothesis: "a shirt", References: []string{"一件深蓝色衬衫 XL"}},
	})
	for i, x := range ms {
		if x.Absent != (i >= 4) || len(x.Stats) != m.Info().Width {
			t.Errorf("%d: %+v", i, x)
		}
	}
}

// syllableWords were counted by hand, by a dictionary's hyphenation.
const syllableWords = `1: shirt dress coat wool silk soft warm made sleeve lined washed dyed clothes sized fringe pleats knit blue green shapes the with edge these trimmed dry style cuffed
2: cotton linen jacket blazer trousers collar button pocket tailored relaxed season fabric summer winter leather cashmere timeless feature women dresses blouses sizes fitted padded little supple ankle simple ruffled people yellow denim crewneck neckline outfit lightweight sleeveless patterned ribbon purple machine ironed quilted wardrobe quiet hooded rosé café
3: cardigan elegant effortless carefully beautiful natural organic recycled versatile embroidered lavender burgundy occasion silhouette delicate designer important classical collection perfectly studio radiant casual seasonal premium period video quality merino easier happiest flattering iconic
4: material accessories effortlessly polyester luxurious sumptuously comfortable adjustable
5: university`

// syllableAccuracy is the share of those words that the rules must get right.
const syllableAccuracy = 0.95

func TestSyllables(t *testing.T) {
	t.Parallel()
	right, total := 0, 0
	var wrong []string
	for line := range strings.Lines(syllableWords) {
		count, words, _ := strings.Cut(line, ": ")
		for _, word := range strings.Fields(words) {
			total++
			if syllables(word) == int(count[0]-'0') {
				right++
			} else {
				wrong = append(wrong, word)
			}
		}
	}
	if share := float64(right) / float64(total); share < syllableAccuracy || total < 100 {
		t.Errorf("%d of %d right; wrong: %q", right, total, wrong)
	}
	for word, want := range map[string]int{"mother-of-pearl": 4, "T-shirt": 2, "30": 2, "it’s": 1, "—": 1, "100%": 3, "pleats.": 1} {
		if got := syllables(word); got != want {
			t.Errorf("%q: %d, want %d", word, got, want)
		}
	}
}
