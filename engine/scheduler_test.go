package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// requests differ in everything that a scheduler can mix up.
func requests() []Request {
	var out []Request
	for i := range 9 {
		r := Request{Prompt: strings.Repeat(fmt.Sprintf("the %d shirts ", i), 1+i%5), MaxTokens: 5 + 3*i}
		if i%2 == 1 {
			r.Sampling = Sampling{Temperature: 0.8, TopP: 0.95, Seed: uint64(i)}
		}
		if i%3 == 2 {
			r.Sampling.RepetitionPenalty = 1.3
		}
		out = append(out, r)
	}
	return out
}

// Requests that run together get the answers that they get alone.
func TestTogetherAsAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"llama-gguf", "gpt2", "gpt-neo"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachLevel(t, func(t *testing.T, cpu string) {
				for _, p := range []Precision{Exact, Fast} {
					checkTogetherAsAlone(t, name, Options{Precision: p, CPU: cpu, Threads: 2, MaxSequences: 5, KVTokens: 400})
				}
			})
		})
	}
}

func checkTogetherAsAlone(t *testing.T, name string, o Options) {
	t.Helper()
	m := openTiny(t, name, o)
	var want []string
	for _, r := range requests() {
		got, err := m.Generate(context.Background(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprint(got.Tokens, got.Text))
	}
	var wg sync.WaitGroup
	for range 2 {
		for i, r := range requests() {
			wg.Go(func() {
				got, err := m.Generate(context.Background(), r, nil)
				if s := fmt.Sprint(got.Tokens, got.Text); err != nil || s != want[i] {
					t.Errorf("%s, request %d: together %s, %v; alone %s", o.Precision, i, s, err, want[i])
				}
			})
		}
	}
	wg.Wait()
	m.Close() // the last pages are given back after the last answer
	if free, all := m.sched.prefixes.free(), m.sched.cache.Pages.Options().Pages; free != all {
		t.Errorf("%d of %d pages are free at rest", free, all)
	}
}

func TestStreaming(t *testing.T) {
	t.Parallel()
	m := openTiny(t, "llama-untied", Options{Threads: 1})
	for seed := range uint64(20) {
		r := Request{Prompt: "the", MaxTokens: 60, Sampling: Sampling{Temperature: 3, Seed: seed}, Stop: []string{"qz", "he"}}
		var text strings.Builder
		var ids []int32
		got, err := m.Generate(context.Background(), r, func(tok Token) error {
			if !utf8.ValidString(tok.Text) {
				t.Errorf("%q is not UTF-8", tok.Text)
			}
			text.WriteString(tok.Text)
			if tok.ID >= 0 {
				ids = append(ids, tok.ID)
			}
			return nil
		})
		if err != nil || text.String() != got.Text || fmt.Sprint(ids) != fmt.Sprint(got.Tokens) || got.CompletionTokens != len(ids) {
			t.Errorf("seed %d: streamed %q %v, result %+v, %v", seed, text.String(), ids, got, err)
		}
		if strings.Contains(got.Text, "he") || strings.Contains(got.Text, "qz") {
			t.Errorf("seed %d: %q holds a stop string", seed, got.Text)
		}
		if got.Finish == FinishLength != (len(ids) == 60 && !m.words.ends[ids[59]]) && got.Finish != FinishStop {
			t.Errorf("seed %d: finish %q after %d tokens", seed, got.Finish, len(ids))
		}
	}
}

func TestEndings(t *testing.T) {
	t.Parallel()
	m := openTiny(t, "llama-tied", Options{Threads: 1, ContextTokens: 64})
	whole, err := m.Generate(context.Background(), Request{Prompt: "a shirt", MaxTokens: 20}, nil)
	if err != nil || whole.Finish != FinishLength || len(whole.Tokens) != 20 {
		t.Fatalf("got %+v, %v; want 20 tokens and length", whole, err)
	}
	if whole.FirstToken <= 0 || whole.Prefill <= 0 || whole.Decode <= 0 || whole.PromptTokens == 0 {
		t.Errorf("times and counts are missing: %+v", whole)
	}
	ends := *m.words
	ends.ends = map[int32]bool{whole.Tokens[3]: true}
	other := *m
	other.words = &ends
	stopped, err := other.Generate(context.Background(), Request{Prompt: "a shirt", MaxTokens: 20}, nil)
	if err != nil || stopped.Finish != FinishStop || len(stopped.Tokens) > 4 {
		t.Errorf("got %+v, %v; want a stop after at most 4 tokens", stopped, err)
	}
	long := Request{Prompt: "a shirt", MaxTokens: 64}
	var limit *ContextError
	if _, err := m.Generate(context.Background(), long, nil); !errors.As(err, &limit) || limit.Limit != 64 || limit.Tokens != 64+whole.PromptTokens {
		t.Errorf("got %v, want a ContextError of %d tokens with limit 64", err, 64+whole.PromptTokens)
	}
	long.MaxTokens = 0 // what there is room for
	if r, err := m.Generate(context.Background(), long, nil); err != nil || r.PromptTokens+r.CompletionTokens > 64 {
		t.Errorf("got %+v, %v; want at most 64 tokens", r, err)
	}
	for field, r := range map[string]Request{
		"prompt": {}, "max_tokens": {Prompt: "a", MaxTokens: -1}, "stop": {Prompt: "a", Stop: []string{""}}, "top_k": {Prompt: "a", Sampling: Sampling{TopK: -1}},
	} {
		var bad *RequestError
		if _, err := m.Generate(context.Background(), r, nil); !errors.As(err, &bad) || bad.Field != field {
			t.Errorf("%+v: got %v, want a RequestError about %s", r, err, field)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	m := openTiny(t, "llama-tied", Options{Threads: 1})
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	r, err := m.Generate(ctx, Request{Prompt: "a shirt", MaxTokens: 200}, func(Token) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(r.Tokens) < 3 {
		t.Errorf("got %+v, %v; want the tokens so far and context.Canceled", r, err)
	}
	stop := errors.New("enough")
	if _, err := m.Generate(context.Background(), Request{Prompt: "a shirt", MaxTokens: 200}, func(Token) error { return stop }); err != stop {
		t.Errorf("got %v, want emit's own error", err)
	}
	if _, err := m.Generate(ctx, Request{Prompt: "a shirt"}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	m.Close()
	if free, all := m.sched.prefixes.free(), m.sched.cache.Pages.Options().Pages; free != all {
		t.Errorf("%d of %d pages are free after cancelled requests", free, all)
	}
}

// A reader that does not read holds up nobody else.
func TestSlowEmit(t *testing.T) {
	t.Parallel()
	m := openTiny(t, "llama-tied", Options{Threads: 1})
	release, blocked := make(chan struct{}), make(chan struct{})
	slow := make(chan Result)
	go func() {
		var once sync.Once
		r, _ := m.Generate(context.Background(), Request{Prompt: "slow", MaxTokens: 30}, func(Token) error {
			once.Do(func() { close(blocked) })
			<-release
			return nil
		})
		slow <- r
	}()
	<-blocked
	if _, err := m.Generate(context.Background(), Request{Prompt: "quick", MaxTokens: 100}, nil); err != nil {
		t.Error(err)
	}
	close(release)
	if r := <-slow; len(r.Tokens) == 0 || r.Finish == "" {
		t.Errorf("the slow request got %+v", r)
	}
}

// More is asked for than the cache holds: requests wait, and all are answered.
func TestAdmission(t *testing.T) {
	t.Parallel()
	m := openTiny(t, "llama-tied", Options{Threads: 1, KVTokens: 96, MaxSequences: 8})
	if m.Info().ContextTokens != 96 {
		t.Errorf("context %d, want no more than the cache holds", m.Info().ContextTokens)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c := context.Background()
			if i%4 == 3 {
				c = ctx
			}
			r, err := m.Generate(c, Request{Prompt: "one two three", MaxTokens: 40}, nil)
			if i%4 != 3 && (err != nil || len(r.Tokens) == 0) {
				t.Errorf("request %d: %+v, %v", i, r, err)
			}
		})
	}
	time.Sleep(5 * time.Millisecond)
	cancel() // some while they wait
	wg.Wait()
}

func TestClose(t *testing.T) {
	before := runtime.NumGoroutine()
	m, err := OpenLanguageModel(context.Background(), "testdata/llama-tied", Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	started, done := make(chan struct{}), make(chan error)
	go func() {
		var once sync.Once
		_, err := m.Generate(context.Background(), Request{Prompt: "a shirt", MaxTokens: 100}, func(Token) error {
			once.Do(func() { close(started) })
			return nil
		})
		done <- err
	}()
	<-started
	closed := make(chan error)
	go func() { closed <- m.Close() }()
	if err := <-done; err != nil {
		t.Errorf("a request accepted before Close ended with %v", err)
	}
	if err := errors.Join(<-closed, m.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := m.Generate(context.Background(), Request{Prompt: "late"}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	if _, _, err := m.NegativeLogLikelihood(context.Background(), "late as well"); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// A step of the scheduler allocates nothing on the heap.
func TestStepDoesNotAllocate(t *testing.T) {
	for _, name := range []string{"llama-gguf", "gpt2", "gpt-neo"} {
		for _, p := range []Precision{Exact, Fast} {
			checkStepDoesNotAllocate(t, name, p)
		}
	}
}

func checkStepDoesNotAllocate(t *testing.T, name string, p Precision) {
	t.Helper()
	m := openTiny(t, name, Options{Precision: p, Threads: 2})
	options := m.sched.cache.Pages.Options()
	s, err := newScheduler(m.machine, m.model, schedulerOptions{rows: 64, sequences: 4, queue: 4, prefixes: 8, cache: options})
	if err != nil {
		t.Fatal(err)
	}
	const room = 120
	for i, sampling := range []Sampling{{}, {Temperature: 1}, {Temperature: 1, TopP: 0.9, RepetitionPenalty: 1.2}, {Temperature: 1, TopK: 20, MinP: 0.01}} {
		prompt := m.words.tokenizer.Encode(strings.Repeat("shirt ", i+1), tokenizeOptions()).IDs
		seq := newSequence(prompt, room)
		seq.sampler = newSampler(sampling, m.model.vocabulary, prompt, room)
		if err := s.submit(seq); err != nil {
			t.Fatal(err)
		}
	}
	s.admit()
	for range 3 { // buffers grow
		s.step()
	}
	least := math.Inf(1) // the runtime allocates for itself now and then
	for range 3 {
		least = min(least, testing.AllocsPerRun(1, func() {
			for range 15 {
				s.step()
			}
		}))
	}
	if least > 0 {
		t.Errorf("%s, %s: fifteen steps make %v allocations, want none", name, p, least)
	}
	if len(s.running) != 4 {
		t.Errorf("%s: %d sequences run, want 4", name, len(s.running))
	}
}

// The likelihood of a text is the sum over its tokens, in one window or several.
func TestNegativeLogLikelihood(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("the linen shirt is on the line. ", 9)
	m := openTiny(t, "llama-tied", Options{Precision: Exact, Threads: 2})
	ids := m.words.tokenizer.Encode(text, tokenizeOptions()).IDs
	logits := logitsInPieces(t, m, ids, 64)
	var want float64
	v := m.model.vocabulary
	for i, target := range ids[1:] {
		row := logits[i*v : (i+1)*v]
		want += m.machine.LogSumExp(row) - float64(row[target])
	}
	sum, n, err := m.NegativeLogLikelihood(context.Background(), text)
	if err != nil || n != len(ids)-1 || diff(sum, want) > 1e-4 {
		t.Errorf("got %g over %d tokens, %v; want %g over %d", sum, n, err, want, len(ids)-1)
	}
	small := openTiny(t, "llama-tied", Options{Precision: Exact, Threads: 1, ContextTokens: 50})
	sum, n, err = small.NegativeLogLikelihood(context.Background(), text)
	if err != nil || n != len(ids)-1 || diff(sum, want) > 0.2 || diff(sum, want) == 0 {
		t.Errorf("in windows: got %g over %d tokens, %v; want near %g over %d", sum, n, err, want, len(ids)-1)
	}
	if sum, n, err = m.NegativeLogLikelihood(context.Background(), ""); sum != 0 || n != 0 || err != nil {
		t.Errorf("of nothing: %g, %d, %v", sum, n, err)
	}
}

func diff(a, b float64) float64 { return max(a-b, b-a) / b }

func TestPagesFor(t *testing.T) {
	t.Parallel()
	for tokens, want := range map[int]int{0: 0, 1: 1, kernel.PageTokens: 1, kernel.PageTokens + 1: 2} {
		if got := nn.PagesFor(tokens); got != want {
			t.Errorf("PagesFor(%d) = %d, want %d", tokens, got, want)
		}
	}
}
