package engine

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"stylesprint/engine/nn/kernel"
)

func testMachine(t testing.TB) *kernel.Machine {
	t.Helper()
	m, err := kernel.NewMachine(kernel.Options{Level: kernel.Detect(), Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// reference is the distribution that Hugging Face's warpers leave, worked out
// in float64 over a sorted list: temperature, top-k, top-p, min-p.
func reference(logits []float32, s Sampling) []float64 {
	order := make([]int, len(logits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(logits[b], logits[a]) })
	p := make([]float64, len(logits))
	normalise := func(ids []int) {
		var sum float64
		for _, i := range ids {
			p[i] = math.Exp(float64(logits[i]-logits[order[0]]) / s.Temperature)
			sum += p[i]
		}
		for _, i := range ids {
			p[i] /= sum
		}
	}
	if s.TopK > 0 {
		order = order[:min(s.TopK, len(order))]
	}
	normalise(order)
	if s.TopP > 0 && s.TopP < 1 {
		n, sum := 0, 0.0
		for n < len(order) && (n == 0 || sum < s.TopP) {
			sum += p[order[n]]
			n++
		}
		order = order[:n]
	}
	if s.MinP > 0 {
		n := 1
		for n < len(order) && p[order[n]] >= s.MinP*p[order[0]] {
			n++
		}
		order = order[:n]
	}
	clear(p)
	normalise(order)
	return p
}

func TestSamplingDistribution(t *testing.T) {
	t.Parallel()
	m := testMachine(t)
	r := rand.New(rand.NewPCG(1, 2))
	logits := make([]float32, 500)
	for i := range logits {
		logits[i] = float32(r.NormFloat64() * 3)
	}
	for _, s := range []Sampling{
		{Temperature: 1}, {Temperature: 0.7}, {Temperature: 2.5}, {Temperature: 1, TopK: 5}, {Temperature: 1, TopK: 499}, {Temperature: 1, TopK: 1},
		{Temperature: 1, TopP: 0.9}, {Temperature: 0.3, TopP: 0.5}, {Temperature: 3, TopP: 0.97}, {Temperature: 50, TopP: 0.9}, {Temperature: 50, TopP: 0.99999}, {Temperature: 1, TopP: 0.0001},
		{Temperature: 1, MinP: 0.1}, {Temperature: 1, MinP: 1}, {Temperature: 1.5, TopK: 40, TopP: 0.8, MinP: 0.05}, {Temperature: 1, TopP: 0.9, MinP: 0.02},
	} {
		want := reference(logits, s)
		const draws = 6000
		got := make([]float64, len(logits))
		p := newSampler(s, len(logits), nil, 0)
		var memory drawMemory
		row := make([]float32, len(logits))
		for range draws {
			copy(row, logits)
			got[p.next(m, row, &memory)] += 1.0 / draws
		}
		for i := range want {
			// Six standard deviations, four draws more for the rare ones, and never a token that is cut off.
			limit := 6*math.Sqrt(want[i]*(1-want[i])/draws) + 4.0/draws
			if want[i] == 0 {
				limit = 0
			}
			if math.Abs(got[i]-want[i]) > limit {
				t.Errorf("%+v: token %d drawn with frequency %g, want %g", s, i, got[i], want[i])
			}
		}
	}
}

func TestGreedyAndPenalty(t *testing.T) {
	t.Parallel()
	m := testMachine(t)
	for _, c := range []struct {
		s      Sampling
		prompt []int32
		logits []float32
		want   int32
	}{
		{Sampling{}, nil, []float32{1, 3, 2}, 1},
		{Sampling{}, []int32{1}, []float32{1, 3, 2}, 1},
		{Sampling{RepetitionPenalty: 2}, []int32{1, 1}, []float32{1, 3, 2}, 2},
		{Sampling{RepetitionPenalty: 2}, []int32{0}, []float32{-1, -1.5, -3}, 1},
		{Sampling{RepetitionPenalty: 1}, []int32{1}, []float32{1, 3, 2}, 1},
		{Sampling{Temperature: 1e-9}, nil, []float32{1, 3, 2}, 1},
		{Sampling{Temperature: 1, TopK: 1}, nil, []float32{1, 3, 2}, 1},
		{Sampling{}, nil, []float32{float32(math.NaN()), float32(math.NaN()), float32(math.NaN())}, 0},
	} {
		p := newSampler(c.s, len(c.logits), c.prompt, 4)
		var memory drawMemory
		if got := p.next(m, slices.Clone(c.logits), &memory); got != c.want {
			t.Errorf("%+v, prompt %v, logits %v: got %d, want %d", c.s, c.prompt, c.logits, got, c.want)
		}
	}
}

func TestSamplingCheck(t *testing.T) {
	t.Parallel()
	for field, s := range map[string]Sampling{
		"temperature": {Temperature: -0.1}, "top_p": {TopP: 1.1}, "min_p": {MinP: math.NaN()}, "top_k": {TopK: -1},
		"repetition_penalty": {RepetitionPenalty: math.Inf(1)},
	} {
		if err := s.check(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%+v: got error %v, want one about %s", s, err, field)
		}
	}
}

func TestStopper(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stops, in []string
		want      string
		stopped   bool
	}{
		{nil, []string{"a", "b"}, "a|b", false},
		{[]string{"END"}, []string{"one E", "N", "D two"}, "one ||", true},
		{[]string{"END"}, []string{"one E", "N", "E two"}, "one ||ENE two", false},
		{[]string{"aab"}, []string{"aa", "ab"}, "|a", true},
		{[]string{"\n\n", "###"}, []string{"x\n", "#", "##", "\n"}, "x|\n|", true},
		{[]string{"bc", "abcd"}, []string{"ab", "cd"}, "|", true},
		{[]string{"é"}, []string{"caf", "é"}, "caf|", true},
		{[]string{"long"}, []string{"lo", "lo"}, "|lo+lo", false},
	} {
		s := stopper{stops: c.stops}
		var got []string
		stopped := false
		for _, piece := range c.in {
			var text string
			text, stopped = s.push(piece)
			got = append(got, text)
			if stopped {
				break
			}
		}
		out := strings.Join(got, "|")
		if rest := s.flush(); rest != "" {
			out += "+" + rest
		}
		if out != c.want || stopped != c.stopped {
			t.Errorf("stops %q, pieces %q: got %q, stopped %v; want %q, %v", c.stops, c.in, out, stopped, c.want, c.stopped)
		}
	}
}

// However a text is cut into pieces, the same text comes out.
func FuzzStopper(f *testing.F) {
	f.Add("hello world END more", "END", "wor", uint8(3))
	f.Add("aaaaab", "aab", "b", uint8(1))
	f.Fuzz(func(t *testing.T, text, one, two string, size uint8) {
		if one == "" || two == "" || size == 0 {
			return
		}
		want := len(text)
		for _, stop := range []string{one, two} {
			if i := strings.Index(text, stop); i >= 0 {
				want = min(want, i)
			}
		}
		s := stopper{stops: []string{one, two}}
		var got strings.Builder
		stopped := false
		for rest := text; rest != "" && !stopped; {
			n := min(int(size), len(rest))
			var piece string
			piece, stopped = s.push(rest[:n])
			got.WriteString(piece)
			rest = rest[n:]
		}
		got.WriteString(s.flush())
		// A piece may end a longer stop string later than another that begins after it.
		if !strings.HasPrefix(text, got.String()) || got.Len() < want || (got.Len() > want && !stopped) {
			t.Errorf("text %q, stops %q %q, pieces of %d: got %q, want %q", text, one, two, size, got.String(), text[:want])
		}
	})
}

func BenchmarkSample(b *testing.B) {
	m := testMachine(b)
	r := rand.New(rand.NewPCG(3, 4))
	logits := make([]float32, 49152)
	for i := range logits {
		logits[i] = float32(r.NormFloat64() * 2.5)
	}
	for name, s := range map[string]Sampling{
		"greedy": {}, "temperature": {Temperature: 0.7}, "top-p": {Temperature: 0.7, TopP: 0.95}, "top-k": {Temperature: 0.7, TopK: 50},
		"min-p": {Temperature: 0.7, MinP: 0.05}, "hot-top-p": {Temperature: 1.5, TopP: 0.95},
	} {
		b.Run(name, func(b *testing.B) {
			p := newSampler(s, len(logits), nil, 0)
			var memory drawMemory
			row := make([]float32, len(logits))
			b.ReportAllocs()
			for b.Loop() {
				copy(row, logits)
				p.next(m, row, &memory)
			}
		})
	}
}
