package metric

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"stylesprint"
)

func mustBLEU(t testing.TB, o BLEUOptions) *BLEU {
	t.Helper()
	b, err := NewBLEU(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestPublishedValues holds the values of sacrebleu's own tests
// (test/test_bleu.py and test/test_sentence_bleu.py), to their digits.
func TestPublishedValues(t *testing.T) {
	t.Parallel()
	readme := []Sample{
		{Hypothesis: "The dog bit the man.", References: []string{"The dog bit the man.", "The dog had bit the man."}},
		{Hypothesis: "It wasn't surprising.", References: []string{"It was not unexpected.", "No one was surprised."}},
		{Hypothesis: "The man had just bitten him.", References: []string{"The man bit him first.", "The man had bitten the dog."}},
	}
	empty := make([]Sample, len(readme))
	for i, s := range readme {
		empty[i].References = s.References
	}
	romanian := []Sample{{
		Hypothesis: "Producția de zahăr primă va fi exprimată în ceea ce privește zahărul alb;",
		References: []string{"producţia de zahăr brut se exprimă în zahăr alb;"},
	}}
	disjoint := []Sample{{Hypothesis: "this is a cat", References: []string{"okay thanks"}}}
	eff := func(o BLEUOptions) BLEUOptions { o.EffectiveOrder = true; return o }
	for _, c := range []struct {
		samples []Sample
		o       BLEUOptions
		want    float64
		within  float64
	}{
		{readme, BLEUOptions{}, 48.530827, 1e-6},
		{readme, BLEUOptions{Tokenizer: TokenizerNone}, 49.1919566, 1e-6},
		{readme, BLEUOptions{Tokenizer: TokenizerIntl}, 43.91623493, 1e-6},
		{readme, BLEUOptions{Smoothing: SmoothNone}, 48.530827, 1e-6},
		{empty, BLEUOptions{}, 0, 0},
		{romanian, eff(BLEUOptions{}), 8.493, 1e-3},
		{romanian, eff(BLEUOptions{Smoothing: SmoothNone}), 0, 0},
		{romanian, eff(BLEUOptions{Smoothing: SmoothFloor}), 4.51688, 1e-3},
		{romanian, eff(BLEUOptions{Smoothing: SmoothFloor, SmoothValue: 0.5}), 10.10, 1e-2},
		{romanian, eff(BLEUOptions{Smoothing: SmoothAddK}), 14.882, 1e-3},
		{romanian, eff(BLEUOptions{Smoothing: SmoothAddK, SmoothValue: 2}), 21.389, 1e-3},
		{romanian, eff(BLEUOptions{Tokenizer: TokenizerNone}), 7.347, 1e-3},
		{romanian, eff(BLEUOptions{Tokenizer: TokenizerIntl}), 8.493, 1e-3},
		{romanian, eff(BLEUOptions{Tokenizer: TokenizerChar}), 40.8759, 1e-3},
		{romanian, eff(BLEUOptions{Tokenizer: TokenizerChar, Lowercase: true}), 42.0267, 1e-3},
		{disjoint, eff(BLEUOptions{}), 0, 0},
		{disjoint, eff(BLEUOptions{Smoothing: SmoothFloor}), 0, 0},
		{disjoint, eff(BLEUOptions{Smoothing: SmoothAddK}), 0, 0},
	} {
		r, err := mustBLEU(t, c.o).Report(t.Context(), SamplesOf(c.samples), nil)
		if err != nil || math.Abs(r.Score-c.want) > c.within {
			t.Errorf("%+v: %v, %v; want %v", c.o, r.Score, err, c.want)
		}
	}
}

func TestSignature(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    BLEUOptions
		refs int
		want string
	}{
		{BLEUOptions{}, 1, "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"},
		{BLEUOptions{Lowercase: true, EffectiveOrder: true, Tokenizer: TokenizerZh, Smoothing: SmoothFloor}, VaryingReferences,
			"nrefs:var|case:lc|eff:yes|tok:zh|smooth:floor[0.10]|version:2.6.0"},
		{BLEUOptions{Smoothing: SmoothAddK, SmoothValue: 2}, 3, "nrefs:3|case:mixed|eff:no|tok:13a|smooth:add-k[2.00]|version:2.6.0"},
	} {
		b := mustBLEU(t, c.o)
		if got := b.Signature(c.refs); got != c.want {
			t.Errorf("signature %s, want %s", got, c.want)
		}
		back, ok := Rebuild("bleu", c.want)
		if !ok || back.Signature(c.refs) != c.want {
			t.Errorf("Rebuild(%s) = %v, %t", c.want, back, ok)
		}
	}
	for _, bad := range []string{"", "nrefs:1", "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.5.1", "tok:x|smooth:exp|version:2.6.0", "tok:13a|smooth:floor[x]|version:2.6.0"} {
		if _, ok := Rebuild("bleu", bad); ok {
			t.Errorf("Rebuild(%q) succeeded", bad)
		}
	}
	if _, ok := Rebuild("similarity", "agg:mean"); ok {
		t.Error("similarity cannot be had from a signature")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o    BLEUOptions
		want string
	}{
		{BLEUOptions{Tokenizer: "moses"}, `unknown BLEU tokenizer "moses"`},
		{BLEUOptions{Smoothing: "linear"}, `unknown BLEU smoothing "linear"`},
		{BLEUOptions{SmoothValue: -1}, "want a positive number"},
		{BLEUOptions{SmoothValue: math.NaN()}, "want a positive number"},
	} {
		_, err := NewBLEU(c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}

func TestBLEUProperties(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("a soft navy linen shirt with mother-of-pearl buttons , 100 % cotton . It’s light")
	text := func(n int) string {
		out := make([]string, n)
		for i := range out {
			out[i] = words[rng.IntN(len(words))]
		}
		return strings.Join(out, " ")
	}
	for _, tok := range Tokenizers() {
		b := mustBLEU(t, BLEUOptions{Tokenizer: tok})
		samples := make([]Sample, 200)
		same := make([]Sample, len(samples))
		for i := range samples {
			samples[i] = Sample{Hypothesis: text(5 + rng.IntN(40)), References: []string{text(5 + rng.IntN(40)), text(3 + rng.IntN(60))}}
			same[i] = Sample{Hypothesis: samples[i].Hypothesis, References: []string{text(4), samples[i].Hypothesis}}
		}
		if got := corpus(t, b, same); math.Abs(got.Score-100) > 1e-9 {
			t.Errorf("%s: identical texts score %v", tok, got.Score)
		}
		want := corpus(t, b, samples)
		if want.Score <= 0 || want.Score >= 100 {
			t.Errorf("%s: random texts score %v", tok, want.Score)
		}
		turned := make([]Sample, len(samples))
		for i, p := range rng.Perm(len(samples)) {
			turned[i] = Sample{Hypothesis: samples[p].Hypothesis, References: []string{samples[p].References[1], samples[p].References[0]}}
		}
		if got := corpus(t, b, turned); got != want {
			t.Errorf("%s: order of samples and references matters: %v, %v", tok, got, want)
		}
	}
}

func corpus(t *testing.T, b *BLEU, samples []Sample) BLEUScore {
	t.Helper()
	r, err := b.Report(t.Context(), SamplesOf(samples), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r.BLEUScore
}

func TestReport(t *testing.T) {
	t.Parallel()
	b := mustBLEU(t, BLEUOptions{})
	samples := make([]Sample, 2*bleuBlock+7) // more than two blocks
	for i := range samples {
		samples[i] = Sample{Hypothesis: fmt.Sprintf("shirt number %d in navy", i%97), References: []string{fmt.Sprintf("shirt number %d in red", i%89)}}
	}
	n, mean := 0, 0.0
	r, err := b.Report(t.Context(), SamplesOf(samples), func(s BLEUSentence) error {
		n++
		mean += s.Score
		if s.Signature != "nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp|version:2.6.0" {
			return errors.New("signature " + s.Signature)
		}
		return nil
	})
	if err != nil || n != len(samples) || r.Samples != n {
		t.Fatalf("%d of %d samples: %v", n, len(samples), err)
	}
	if math.Abs(r.Mean-mean/float64(n)/100) > 1e-12 {
		t.Errorf("mean %v, want %v", r.Mean, mean/float64(n)/100)
	}
	m, err := NewBLEUMean(BLEUOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ms, err := m.Measure(t.Context(), samples)
	if err != nil || math.Abs(m.Value(Sum(m, ms))-r.Mean) > 1e-12 || m.Signature(References(ms)) != r.MeanSignature || !IsMean(r.MeanSignature) {
		t.Errorf("BLEUMean %v %v, report %v %s", m.Value(Sum(m, ms)), err, r.Mean, r.MeanSignature)
	}
	if IsMean(r.Signature) {
		t.Error("the corpus score is not a mean")
	}
}

func TestReportFaults(t *testing.T) {
	t.Parallel()
	b := mustBLEU(t, BLEUOptions{})
	if _, err := b.Report(t.Context(), SamplesOf(nil), nil); err == nil || !strings.Contains(err.Error(), "nothing to score") {
		t.Errorf("empty corpus: %v", err)
	}
	if _, err := b.Report(t.Context(), SamplesOf([]Sample{{Hypothesis: "x"}}), nil); err == nil || !strings.Contains(err.Error(), "sample 1 has no reference") {
		t.Errorf("no reference: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Report(ctx, SamplesOf([]Sample{{Hypothesis: "x", References: []string{"x"}}}), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	boom := errors.New("boom")
	stop := func(BLEUSentence) error { return boom }
	if _, err := b.Report(t.Context(), SamplesOf([]Sample{{Hypothesis: "x", References: []string{"x"}}}), stop); !errors.Is(err, boom) {
		t.Errorf("callback: %v", err)
	}
}

func TestMissingScoresAsEmpty(t *testing.T) {
	t.Parallel()
	b := mustBLEU(t, BLEUOptions{})
	missing := b.Stats(Sample{Hypothesis: "left over", References: []string{"a b c"}, Missing: true})
	if want := b.Stats(Sample{References: []string{"a b c"}}); missing != want || want.RefLen != 3 {
		t.Errorf("%+v, want %+v", missing, want)
	}
}

// TestCounterGrows goes over tables that have to grow with a word in each slot.
func TestCounterGrows(t *testing.T) {
	t.Parallel()
	b := mustBLEU(t, BLEUOptions{})
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "w%d ", i)
	}
	long := text.String()
	got := b.Stats(Sample{Hypothesis: long, References: []string{"short one", long, long + "more"}})
	want := Stats{SysLen: 5000, RefLen: 5000, Correct: [4]int{5000, 4999, 4998, 4997}, Total: [4]int{5000, 4999, 4998, 4997}}
	if got != want {
		t.Errorf("%+v", got)
	}
	c := newCounter()
	c.stamp = math.MaxUint32 - 1 // the stamps wrap on the way
	for range 4 {
		s := Sample{Hypothesis: "a b a", References: []string{"a b c a"}}
		if got := b.count(c, &s); got.Correct != [4]int{3, 1, 0, 0} {
			t.Errorf("stamp %d: %+v", c.stamp, got)
		}
	}
}

func FuzzTokenizers(f *testing.F) {
	for _, s := range []string{"", "x..5", "1.,a-", "“a’s” €5.0—ok", "&amp;lt;-\n", "中文。5.", "\xff\xc3.", "İΣ\u001c\u0085"} {
		f.Add(s, s+" b")
	}
	f.Fuzz(func(t *testing.T, hyp, ref string) {
		for _, tok := range Tokenizers() {
			for _, low := range []bool{false, true} {
				b := mustBLEU(t, BLEUOptions{Tokenizer: tok, Lowercase: low})
				line := tok.Tokenize(b.prepare(hyp))
				if strings.Join(strings.FieldsFunc(line, isSpace), " ") != line {
					t.Fatalf("%s: %q gives tokens with space in them: %q", tok, hyp, line)
				}
				s := b.Stats(Sample{Hypothesis: hyp, References: []string{ref, hyp}})
				if s.Correct != s.Total {
					t.Fatalf("%s: %q does not match itself: %+v", tok, hyp, s)
				}
				if score := b.Sentence(b.Stats(Sample{Hypothesis: hyp, References: []string{ref}})).Score; !(score >= 0 && score <= 100+1e-9) {
					t.Fatalf("%s: score %v", tok, score)
				}
			}
		}
	})
}
