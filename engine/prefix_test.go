package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// steps runs one sequence to its end and returns the logits that its tokens were drawn from.
func steps(t *testing.T, s *scheduler, m *LanguageModel, prompt []int32, room int) (logits [][]float32, seq *sequence) {
	t.Helper()
	seq = newSequence(prompt, room)
	seq.sampler = newSampler(Sampling{}, m.model.vocabulary, prompt, room)
	if err := s.submit(seq); err != nil {
		t.Fatal(err)
	}
	s.admit()
	for len(s.running) > 0 {
		made := seq.made.Load()
		s.step()
		if seq.made.Load() > made {
			logits = append(logits, slices.Clone(s.state.Logits(0, 1)))
		}
	}
	return logits, seq
}

func numbers(n, from, vocabulary int) []int32 {
	out := make([]int32, n)
	for i := range out {
		out[i] = int32((from + i*i*7 + i) % vocabulary)
	}
	return out
}

// With pages of an earlier prompt the logits are those without, bit for bit, in both
// precisions, for every architecture and instruction set.
func TestPrefixLogits(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"llama-gguf", "gpt2", "gpt-neo"} {
		eachLevel(t, func(t *testing.T, cpu string) {
			for _, p := range []Precision{Exact, Fast} {
				checkPrefixLogits(t, openTiny(t, name, Options{Precision: p, CPU: cpu, Threads: 2}), name)
			}
		})
	}
}

func checkPrefixLogits(t *testing.T, m *LanguageModel, name string) {
	t.Helper()
	const room = 6
	system := numbers(70, 3, m.model.vocabulary)
	open := func(pages int) *scheduler {
		o := schedulerOptions{rows: 24, sequences: 2, queue: 4, prefixes: pages, cache: m.sched.cache.Pages.Options()}
		s, err := newScheduler(m.machine, m.model, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	with, without := open(8), open(0)
	for i, tail := range []int{1, 5, 26, 0, 40, 5} {
		prompt := slices.Concat(system, numbers(tail, 11*i, m.model.vocabulary))
		got, seq := steps(t, with, m, prompt, room)
		want, _ := steps(t, without, m, prompt, room)
		if i > 0 && seq.cached < 64 {
			t.Errorf("%s, prompt %d: %d tokens were known, want 64 at least", name, i, seq.cached)
		}
		if i == 0 && seq.cached != 0 {
			t.Errorf("%s: the first prompt found %d tokens", name, seq.cached)
		}
		for k := range want {
			if !slices.Equal(got[k], want[k]) {
				t.Errorf("%s, %s, prompt %d: the logits of token %d differ by up to %g", name, m.info.Precision, i, k, maxDifference(got[k], want[k]))
			}
		}
	}
	if free := with.prefixes.free(); free != with.stats.Pages {
		t.Errorf("%d of %d pages are free at rest", free, with.stats.Pages)
	}
}

// Requests that begin alike and come together are read once, and are told so.
func TestPrefixTogether(t *testing.T) {
	t.Parallel()
	m := openTiny(t, "llama-tied", Options{Threads: 1, CPU: "portable"}) // whose steps are short
	system := strings.Repeat("the house style is plain and exact. ", 4)
	alone := openTiny(t, "llama-tied", Options{Threads: 1, CPU: "portable", PrefixTokens: -1})
	var wg sync.WaitGroup
	var mu sync.Mutex
	cached, prompts := 0, 0
	for i := range 8 {
		wg.Go(func() {
			r := Request{Prompt: system + fmt.Sprint("shirt ", i), MaxTokens: 20, Sampling: Sampling{Temperature: 1, Seed: uint64(i)}}
			want, err := alone.Generate(context.Background(), r, nil)
			if err != nil || want.CachedTokens != 0 {
				t.Errorf("without kept prompts: %d cached tokens, %v", want.CachedTokens, err)
			}
			got, err := m.Generate(context.Background(), r, nil)
			if err != nil || got.Text != want.Text {
				t.Errorf("request %d: %q, %v; without kept prompts %q", i, got.Text, err, want.Text)
			}
			mu.Lock()
			cached += got.CachedTokens
			prompts += got.PromptTokens
			mu.Unlock()
		})
	}
	wg.Wait()
	m.Close()
	s := m.Stats()
	if want := 7 * (m.CountTokens(system)/kernel.PageTokens - 1) * kernel.PageTokens; cached < want || s.CachedTokens != uint64(cached) {
		t.Errorf("%d of %d tokens were known (%d counted), want %d at least", cached, prompts, s.CachedTokens, want)
	}
	if s.Admitted != 8 || s.PromptTokens != uint64(prompts) || s.CacheHits == 0 || s.Waits.Count != 8 || s.TokensPerSecond <= 0 || s.FreePages != s.Pages {
		t.Errorf("%+v", s)
	}
}

// One tenant's prompts are not used for another unless the options say so.
func TestPrefixOfTenants(t *testing.T) {
	t.Parallel()
	for _, share := range []bool{false, true} {
		m := openTiny(t, "llama-tied", Options{Threads: 1, SharePrefixes: share})
		prompt := strings.Repeat("the linen shirt ", 20)
		for i, c := range []struct {
			tenant string
			known  bool
		}{{"a", false}, {"b", share}, {"a", true}, {"", share}} {
			r, err := m.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 2, Tenant: c.tenant}, nil)
			if err != nil || r.CachedTokens > 0 != c.known {
				t.Errorf("shared %v, request %d: %d cached tokens, %v", share, i, r.CachedTokens, err)
			}
		}
	}
}

// Whatever prompts come and go, every page is in exactly one place, a page is forgotten
// before the one it continues, and whoever would have room without kept prompts has it with them.
func TestPrefixBooks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 2))
		cache, err := nn.NewCache(kernel.PagesOptions{Layers: 1, Heads: 1, Dim: 2, Pages: 24, Format: kernel.F32})
		if err != nil {
			t.Fatal(err)
		}
		p := newPrefixes(cache, 1+r.IntN(24))
		var running []*sequence
		for range 400 {
			switch n := r.IntN(3); {
			case n == 0:
				seq := newSequence(numbers(1+r.IntN(200), r.IntN(3), 50), r.IntN(64))
				if r.IntN(8) > 0 {
					seq.sampler = new(sampler)
				}
				held := 0
				for _, s := range running {
					held += s.pagesNeeded()
				}
				ok := p.admit(seq)
				if !ok && held+seq.pagesNeeded() <= 24 {
					t.Fatalf("seed %d: no room for %d pages while %d of 24 are needed", seed, seq.pagesNeeded(), held)
				}
				if ok {
					running = append(running, seq)
				}
			case n == 1 && len(running) > 0:
				seq := running[r.IntN(len(running))]
				p.adopt(seq)
				seq.past = min(seq.past+r.IntN(90), seq.tokens())
				p.publish(seq)
			case len(running) > 0:
				i := r.IntN(len(running))
				p.release(running[i])
				running = slices.Delete(running, i, i+1)
			}
			checkPages(t, p, running)
		}
	}
}

func checkPages(t *testing.T, p *prefixes, running []*sequence) {
	t.Helper()
	places := make([]int, 24)
	readers := make([]int32, 24)
	for _, s := range running {
		for i, page := range s.pages {
			if i < s.shared {
				readers[page]++
			} else {
				places[page]++
			}
		}
	}
	idle := map[int32]bool{}
	for page := p.oldest; page != none; page = p.nodes[page].newer {
		idle[page] = true
	}
	for k, page := range p.known {
		places[page]++
		if p.nodes[page].key != k || p.nodes[page].readers != readers[page] || idle[page] != (readers[page] == 0) {
			t.Fatalf("page %d: %d readers noted, %d read, idle %v", page, p.nodes[page].readers, readers[page], idle[page])
		}
		if k.before != none {
			if before, ok := p.known[p.nodes[k.before].key]; !ok || before != k.before {
				t.Fatalf("page %d continues page %d, which is forgotten", page, k.before)
			}
		}
	}
	taken := 0
	for page, n := range places {
		if n > 1 || n == 0 && readers[page] > 0 {
			t.Fatalf("page %d is in %d places", page, n)
		}
		taken += n
	}
	if len(idle) != p.idle || p.idle > p.limit || taken+p.cache.Free() != 24 {
		t.Fatalf("%d idle pages noted, %d in the list; %d taken, %d free", p.idle, len(idle), taken, p.cache.Free())
	}
}
