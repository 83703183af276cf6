package metric

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

func texts(lines ...string) []Sample {
	out := make([]Sample, len(lines))
	for i, l := range lines {
		out[i].Hypothesis = l
	}
	return out
}

func mustMeasure(t *testing.T, m Metric, samples []Sample) []Measurement {
	t.Helper()
	ms, err := m.Measure(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

func TestDistinct(t *testing.T) {
	t.Parallel()
	samples := append(texts("A soft coat", "a soft hat", "", "衬衫"), Sample{Hypothesis: "not there", Missing: true})
	// Words: a soft coat a soft hat 衬 衫 (6 of 8); pairs: a-soft twice, soft-coat, soft-hat, 衬-衫 (4 of 5).
	for n, want := range map[int][]float64{1: {2, 3, 2, 3, 0, 0, 2, 2, 6.0 / 8}, 2: {1.5, 2, 1.5, 2, 0, 0, 1, 1, 4.0 / 5}, 3: {1, 1, 1, 1, 0, 0, 0, 0, 1}} {
		m, err := NewDistinct(n)
		if err != nil {
			t.Fatal(err)
		}
		ms := mustMeasure(t, m, samples)
		for i := range 4 {
			if !reflect.DeepEqual(ms[i].Stats, want[2*i:2*i+2]) {
				t.Errorf("distinct-%d, sample %d: %v, want %v", n, i, ms[i].Stats, want[2*i:2*i+2])
			}
		}
		if got := m.Value(Sum(m, ms)); math.Abs(got-want[8]) > 1e-12 {
			t.Errorf("distinct-%d: %v, want %v", n, got, want[8])
		}
	}
	for _, n := range []int{0, 4} {
		if _, err := NewDistinct(n); err == nil {
			t.Errorf("distinct-%d", n)
		}
	}
}

// The attributed shares add up to distinct/total, counted with a set.
func TestDistinctEqualsCounting(t *testing.T) {
	t.Parallel()
	samples := benchSamples(300)
	for n := 1; n <= maxDistinct; n++ {
		m, err := NewDistinct(n)
		if err != nil {
			t.Fatal(err)
		}
		set, total := map[string]bool{}, 0
		for _, s := range samples {
			words := strings.Fields(TokenizerZh.Tokenize(strings.ToLower(s.Hypothesis)))
			for i := 0; i+n <= len(words); i++ {
				set[strings.Join(words[i:i+n], " ")] = true
				total++
			}
		}
		if got, want := m.Value(Sum(m, mustMeasure(t, m, samples))), float64(len(set))/float64(total); math.Abs(got-want) > 1e-12 {
			t.Errorf("distinct-%d: %v, want %v", n, got, want)
		}
	}
}

// Of a small catalogue each text's score is BLEU's against all others.
func TestSelfBLEUEqualsBLEU(t *testing.T) {
	t.Parallel()
	samples := append(benchSamples(40), texts("", "wool", "Made to last — season after season.", "Made to last — season after season.")...)
	samples[7].Missing = true
	m, err := NewSelfBLEU()
	if err != nil {
		t.Fatal(err)
	}
	ms := mustMeasure(t, m, samples)
	sum, n := 0.0, 0
	for i := range samples {
		if IsBlank(samples[i].text()) {
			if ms[i].Stats[1] != 0 {
				t.Errorf("sample %d has no text and a share: %v", i, ms[i].Stats)
			}
			continue
		}
		var others []string
		for j := range samples {
			if j != i && !IsBlank(samples[j].text()) {
				others = append(others, samples[j].Hypothesis)
			}
		}
		want := m.bleu.Sentence(m.bleu.Stats(Sample{Hypothesis: samples[i].Hypothesis, References: others})).Score
		if math.Abs(ms[i].Score-want) > parity {
			t.Errorf("sample %d: %v, want %v", i, ms[i].Score, want)
		}
		sum += want
		n++
	}
	if got := m.Value(Sum(m, ms)); math.Abs(got-sum/float64(n)) > parity {
		t.Errorf("mean %v, want %v", got, sum/float64(n))
	}
}

func TestSelfBLEUOfMany(t *testing.T) {
	t.Parallel()
	m, err := NewSelfBLEU()
	if err != nil {
		t.Fatal(err)
	}
	same, different := make([]Sample, 1000), make([]Sample, 1000)
	for i := range same {
		same[i].Hypothesis = "Soft, light and breathable on warm days."
		different[i].Hypothesis = fmt.Sprintf("a%d b%d c%d d%d e%d", i, i, i, i, i)
	}
	if got := m.Value(Sum(m, mustMeasure(t, m, same))); math.Abs(got-100) > parity {
		t.Errorf("of the same texts %v", got)
	}
	if got := m.Value(Sum(m, mustMeasure(t, m, different))); got != 0 {
		t.Errorf("of different texts %v", got)
	}
	for _, few := range [][]Sample{nil, texts("alone"), texts("", "alone")} {
		if got := m.Value(Sum(m, mustMeasure(t, m, few))); got != 0 {
			t.Errorf("of %d texts %v", len(few), got)
		}
	}
}

func TestBoilerplate(t *testing.T) {
	t.Parallel()
	m, err := NewBoilerplate()
	if err != nil {
		t.Fatal(err)
	}
	ms := mustMeasure(t, m, texts(
		"A navy coat. Free returns.  Made to last.", "A sage dress.\nFree returns. Free returns.", "Free  returns. Made to last.", "", "免运费。好看！"))
	want := [][]float64{{1, 3}, {2, 3}, {1, 2}, {0, 0}, {0, 2}}
	for i := range want {
		if !reflect.DeepEqual(ms[i].Stats, want[i]) {
			t.Errorf("sample %d: %v, want %v", i, ms[i].Stats, want[i])
		}
	}
	if got := m.Value(Sum(m, ms)); got != 0.4 {
		t.Errorf("%v", got)
	}
}

func TestSentences(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":          nil,
		" \n . \t…": nil,
		"One. Two":  {"One.", "Two"},
		"Waist 2.5 cm, approx. two fingers. Next!":                      {"Waist 2.5 cm, approx. two fingers.", "Next!"},
		"“Soft.” It is (truly!) so…\r\nReally?":                         {"“Soft.”", "It is (truly!)", "so…", "Really?"},
		"版型宽松。可机洗！新款":                                                   {"版型宽松。", "可机洗！", "新款"},
		"a\u00a0b  c":                                                   {"a b c"},
		"see shop.example for more":                                     {"see shop.example for more"},
		"A linen shirt. It breathes! Does it? Yes…":                     {"A linen shirt.", "It breathes!", "Does it?", "Yes…"},
		"Costs 19.99 now, e.g. in blue. Next":                           {"Costs 19.99 now, e.g. in blue.", "Next"},
		"She said \"wear it.\" Then left.\nWash at 30 °C\r\n\r\nNo. 5.": {"She said \"wear it.\"", "Then left.", "Wash at 30 °C", "No.", "5."},
		"亚麻衬衫。透气！「好。」夏天":                                                {"亚麻衬衫。", "透气！", "「好。」", "夏天"},
	} {
		if got := sentences(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Metrics that are no means are rebuilt from their signatures.
func TestRebuild(t *testing.T) {
	t.Parallel()
	o := Options{Embedder: newTable(), TokenEmbedder: newTokenTable(), CLIP: newFakeCLIP()}
	for _, name := range Names() {
		m, err := New(t.Context(), name, o)
		if err != nil {
			t.Fatal(err)
		}
		sig := m.Signature(2)
		again, ok := Rebuild(name, sig)
		if IsMean(sig) && !ok {
			continue // its stored item scores are its statistics
		}
		if !ok || again.Signature(2) != sig || again.Info() != m.Info() {
			t.Errorf("%s: rebuilt %v from %s", name, ok, sig)
		}
		if _, ok := Rebuild(name, strings.Replace(strings.Replace(sig, "version:2", "version:3", 1), "version:1", "version:0", 1)); ok && name != "bleu-hf-evaluate" {
			t.Errorf("%s was rebuilt from another version", name)
		}
	}
}
