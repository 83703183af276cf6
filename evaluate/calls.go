package evaluate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

// generation is the work that the workers of a session share.
type generation struct {
	*session
	cancel context.CancelCauseFunc

	mu       sync.Mutex
	started  time.Time
	finished int // in this start
	failures int // calls that failed one after the other
}

// generate makes the outputs that are missing.
func (s *session) generate(ctx context.Context) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g := &generation{session: s, cancel: cancel, started: s.now()}
	var wg sync.WaitGroup
	for range min(s.plan.Concurrency, s.remaining()) {
		wg.Go(func() {
			if err := g.work(inner); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Cause(inner)
}

// replayBlock is how many replayed outputs are stored at once: nothing is paid for
// them, so that losing some at a kill costs nothing.
const replayBlock = 256

// work makes outputs until none is left. It stores the end of one call and the
// begin of the next together; replayed outputs, which have no begin, by the block.
func (g *generation) work(ctx context.Context) error {
	var pending []Output
	for {
		var begin Output
		item, err := g.next(ctx, &begin)
		more := item != nil
		replayed := more && g.plan.Recorded.has(item.ID, begin.Repeat)
		if more && !replayed {
			pending = append(pending, begin)
		}
		if !replayed || err != nil || len(pending) >= replayBlock {
			if err := errors.Join(err, g.store(ctx, pending)); err != nil {
				return err
			}
			pending = pending[:0]
		}
		if !more {
			return nil
		}
		out, called := g.output(ctx, item, begin.Repeat)
		if ctx.Err() != nil && called && out.Error != "" {
			return nil // the call was cut off: its mark in the store stays
		}
		pending = append(pending, out)
		if err := g.end(ctx, &out, called); err != nil {
			return errors.Join(err, g.store(ctx, pending))
		}
	}
}

// next finds the next output that is missing; nil means that there is none. A
// call that is made again is counted in the store before it is made.
func (g *generation) next(ctx context.Context, begin *Output) (*dataset.Item, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for ; g.cursor < len(g.done) && ctx.Err() == nil; g.cursor++ {
		n := g.cursor
		if g.done[n] {
			continue
		}
		g.cursor++
		item := &g.items[n/g.plan.Repeat]
		*begin = Output{RunID: g.run.ID, ItemID: item.ID, Repeat: n % g.plan.Repeat}
		if g.begun[n] {
			g.run.RepeatedCalls++
			return item, g.save(ctx)
		}
		return item, nil
	}
	return nil, nil
}

// store keeps outputs, even when the context has ended: they are paid for.
func (g *generation) store(ctx context.Context, outs []Output) error {
	if len(outs) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	if err := g.Store.SaveOutputs(ctx, outs...); err != nil {
		return fmt.Errorf("save outputs of run %s: %w", g.run.ID, err)
	}
	return nil
}

// output makes one output, from the record or by a call.
func (g *generation) output(ctx context.Context, item *dataset.Item, repeat int) (out Output, called bool) {
	out = Output{RunID: g.run.ID, ItemID: item.ID, Repeat: repeat}
	if recorded, ok := g.plan.Recorded.find(item.ID, repeat); ok {
		g.replay(&out, recorded)
		return out, false
	}
	if g.Client == nil {
		g.fail(&out, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "the record holds no answer"})
		return out, false
	}
	req, err := g.request(item, repeat)
	if err != nil {
		g.fail(&out, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the prompt cannot be made", Err: err})
		return out, true
	}
	start := g.now()
	reply, err := g.Client.Generate(ctx, req)
	out.Latency = reply.Latency
	if out.Latency == 0 {
		out.Latency = g.now().Sub(start)
	}
	out.Usage, out.Cost, out.FirstToken = reply.Usage, reply.Cost, reply.FirstToken
	if out.Cost == 0 {
		out.Cost = g.run.Candidate.Price.Cost(reply.Usage)
	}
	if err != nil {
		g.fail(&out, err)
		return out, true
	}
	out.Text, out.FinishReason = strings.ToValidUTF8(reply.Text, "\ufffd"), reply.FinishReason
	out.Finished = g.now()
	return out, true
}

func (s *session) fail(out *Output, err error) {
	out.Error, out.Code, out.Finished = err.Error(), stylesprint.CodeOf(err), s.now()
}

// replay takes over a recorded answer. It has no latency: nothing was waited for. What the
// record says of it is kept apart.
func (s *session) replay(out *Output, recorded Output) {
	out.Replayed = true
	out.Text, out.FinishReason, out.Usage = recorded.Text, recorded.FinishReason, recorded.Usage
	out.Cost = recorded.Cost
	if price := s.run.Candidate.Price; price != (stylesprint.Price{}) {
		out.Cost = price.Cost(out.Usage)
	}
	out.Error, out.Code = recorded.Error, recorded.Code
	if recorded.Latency > 0 {
		out.Scores = map[string]float64{ReportedLatency: recorded.Latency.Seconds()}
	}
	out.Finished = s.now()
}

// end counts an output and says whether the run has to give up.
func (g *generation) end(ctx context.Context, out *Output, called bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.run.Done++
	g.finished++
	switch {
	case out.Error != "":
		g.run.Failed++
		if called {
			g.failures++
		}
	case called:
		g.failures = 0
	}
	g.report(PhaseGenerate, g.run.Done)
	if now := g.now(); now.Sub(g.saved) >= time.Second {
		g.saved = now
		if err := g.save(ctx); err != nil {
			return err
		}
	}
	limit := g.plan.MaxFailures
	if !called || out.Error == "" || limit < 0 || g.failures < limit && !hopeless(out.Code) {
		return nil
	}
	message := fmt.Sprintf("run %s gave up after %d calls that failed one after the other", g.run.ID, g.failures)
	if hopeless(out.Code) {
		message = fmt.Sprintf("run %s gave up: no further call would succeed", g.run.ID)
	}
	return &stylesprint.Error{Code: out.Code, Message: message, Err: errors.New(out.Error),
		Hint: "mend the cause and give the same command again: finished outputs are kept"}
}

// report tells Progress; the caller holds the lock.
func (g *generation) report(phase Phase, done int) {
	if g.Progress == nil {
		return
	}
	p := Progress{Phase: phase, Done: done, Total: g.run.Total, Failed: g.run.Failed}
	if elapsed := g.now().Sub(g.started).Seconds(); elapsed > 0 {
		p.Rate = float64(g.finished) / elapsed
	}
	if p.Rate > 0 {
		p.ETA = time.Duration(float64(p.Total-done) / p.Rate * float64(time.Second))
	}
	g.Progress(p)
}
