package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// still is a scheduler of a tiny model that nobody runs.
func still(t *testing.T, queue int) (*scheduler, *LanguageModel) {
	t.Helper()
	m := openTiny(t, "llama-tied", Options{Threads: 1, Precision: Exact})
	s, err := newScheduler(m.machine, m.model, schedulerOptions{rows: 32, sequences: 4, queue: queue, prefixes: 4, cache: m.sched.cache.Pages.Options()})
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}

func (m *LanguageModel) sequenceOf(tenant string, prompt, room int) *sequence {
	seq := newSequence(numbers(prompt, 1, m.model.vocabulary), room)
	seq.sampler = newSampler(Sampling{}, m.model.vocabulary, seq.prompt, room)
	seq.tenant = tenant
	return seq
}

// A full queue refuses at once; a tenant with fewer waiting takes the place of one with more.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	s, m := still(t, 3)
	var greedy []*sequence
	for range 3 {
		seq := m.sequenceOf("greedy", 4, 4)
		greedy = append(greedy, seq)
		if err := s.submit(seq); err != nil {
			t.Fatal(err)
		}
	}
	var full *OverloadError
	if err := s.submit(m.sequenceOf("greedy", 4, 4)); !errors.As(err, &full) || full.Waiting != 3 || full.RetryAfter < time.Second {
		t.Errorf("got %v, want an OverloadError of 3 with a time to retry", err)
	}
	if err := s.submit(m.sequenceOf("modest", 4, 4)); err != nil {
		t.Errorf("the modest tenant got %v", err)
	}
	select {
	case <-greedy[2].done:
		if !errors.As(greedy[2].err, &full) {
			t.Errorf("the request that lost its place got %v", greedy[2].err)
		}
	default:
		t.Error("no request lost its place")
	}
	if s.queue.length != 3 || s.shown.RefusedFull != 2 {
		t.Errorf("%d wait, %d refused", s.queue.length, s.shown.RefusedFull)
	}
}

// A request that would wait longer than it has time is refused when it comes.
func TestDeadlineRefusal(t *testing.T) {
	t.Parallel()
	s, m := still(t, 100)
	s.pace.add(100, time.Second) // 100 tokens a second
	s.show()
	s.shown.Running = s.limit // no place is free
	soon := func(tenant string, d time.Duration) error {
		seq := m.sequenceOf(tenant, 50, 50) // one second's worth
		seq.deadline = time.Now().Add(d)
		return s.submit(seq)
	}
	for range 9 {
		if err := soon("a", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	var over *OverloadError
	if err := soon("a", 5*time.Second); !errors.As(err, &over) || over.Wait != 10*time.Second || over.RetryAfter.Round(time.Second) != 5*time.Second {
		t.Errorf("got %v, want a refusal with a wait of 10 s", err)
	}
	if err := soon("b", 5*time.Second); err != nil { // its turn comes after one of a's
		t.Errorf("another tenant got %v", err)
	}
	if err := s.submit(m.sequenceOf("a", 50, 50)); err != nil {
		t.Errorf("a request without a deadline got %v", err)
	}
	if s.shown.RefusedDeadline != 1 || s.queue.length != 11 {
		t.Errorf("%d refused, %d wait", s.shown.RefusedDeadline, s.queue.length)
	}
}

// A request whose maker leaves while it waits is gone at once, before any step.
func TestLeaveWhileWaiting(t *testing.T) {
	t.Parallel()
	s, m := still(t, 10)
	seq := m.sequenceOf("a", 4, 4)
	if err := s.submit(seq); err != nil {
		t.Fatal(err)
	}
	s.leave(seq)
	s.leave(seq) // twice is once
	if s.queue.length != 0 || s.shown.Left != 1 {
		t.Errorf("%d wait, %d left", s.queue.length, s.shown.Left)
	}
	<-seq.done
}

// While one tenant's long prompt is read another one's is read too, and answers go on.
func TestRowsAreShared(t *testing.T) {
	t.Parallel()
	s, m := still(t, 10)
	long, late := m.sequenceOf("long", 100, 4), m.sequenceOf("long", 90, 4)
	short, talks := m.sequenceOf("short", 40, 4), m.sequenceOf("talks", 4, 40)
	long.scope, late.scope, short.scope, talks.scope = "1", "2", "3", "4" // nothing is known
	for _, seq := range []*sequence{talks, long, late, short} {
		if err := s.submit(seq); err != nil {
			t.Fatal(err)
		}
	}
	s.admit()
	if len(s.running) != 4 {
		t.Fatalf("%d run", len(s.running))
	}
	s.step()
	if talks.past != 4 || long.past != 14 || short.past != 14 || late.past != 0 {
		t.Errorf("after a step: %d, %d, %d, %d rows; want 4, 14, 14, 0", talks.past, long.past, short.past, late.past)
	}
	for range 4 { // a quarter of the rows beside an answer
		s.step()
	}
	if talks.made.Load() != 5 || long.past != 30 || short.past != 30 {
		t.Errorf("after five steps: %d tokens, %d and %d rows; want 5, 30, 30", talks.made.Load(), long.past, short.past)
	}
	for range 2 {
		s.step()
	}
	if long.past != 38 || short.past != 38 || late.past != 0 {
		t.Errorf("after seven steps: %d, %d, %d rows; want 38, 38, 0", long.past, short.past, late.past)
	}
}

// A greedy tenant with many requests does not keep a modest one waiting behind all of them.
func TestGreedyTenant(t *testing.T) {
	t.Parallel()
	m := openTiny(t, "llama-tied", Options{Threads: 1, MaxSequences: 2, KVTokens: 256, ContextTokens: 128})
	ctx, cancel := context.WithCancel(context.Background())
	var order []string
	var mu sync.Mutex
	var wg sync.WaitGroup
	generate := func(tenant string, n int) {
		wg.Go(func() {
			_, err := m.Generate(ctx, Request{Prompt: strings.Repeat(fmt.Sprint("shirt ", n, " "), 3), MaxTokens: 60, Tenant: tenant}, nil)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				order = append(order, tenant)
			}
		})
	}
	for i := range 60 {
		generate("greedy", i)
	}
	for m.Stats().Waiting < 40 && m.Stats().Admitted < 20 {
		time.Sleep(time.Millisecond)
	}
	before := m.Stats().Admitted
	generate("modest", 0)
	wg.Wait()
	cancel()
	at := -1
	for i, tenant := range order {
		if tenant == "modest" {
			at = i
		}
	}
	// Its turn comes after one quantum of the other's, some eight requests, and those that run.
	if at < 0 || at > int(before)+24 {
		t.Errorf("the modest request was answered as number %d; %d had been admitted when it came", at, before)
	}
}
