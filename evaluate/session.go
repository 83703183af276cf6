package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"stylesprint"
	"stylesprint/evaluate/dataset"
	"stylesprint/generate"
)

// id is the same for plans that would make the same outputs: the items, the
// candidate without its price, the repeats and the record that is replayed.
// How the outputs are scored and how many calls run at once is left out.
func (p *Plan) id() (string, error) {
	if p.Part != nil {
		return fmt.Sprintf("%s-s%04d", p.Part.Parent, p.Part.Shard), nil
	}
	candidate := p.Candidate
	candidate.Price = stylesprint.Price{}
	what := struct {
		Version     int
		DatasetHash string
		Split       string
		Candidate   Candidate
		Repeat      int
		Recorded    string
		ShardSize   int `json:",omitempty"`
	}{1, p.Dataset.Hash, p.Split, candidate, p.Repeat, p.Recorded.hash(), p.ShardSize}
	text, err := json.Marshal(what)
	if err != nil {
		return "", fmt.Errorf("name the run: %w", err)
	}
	sum := sha256.Sum256(text)
	return "run-" + hex.EncodeToString(sum[:6]), nil
}

// ID is the id of the run that the plan begins or resumes, unless it is New. Of
// the dataset it needs the hash alone.
func (p Plan) ID() (string, error) {
	p.defaults()
	return p.id()
}

// outputSeed is the seed of one call: it depends on the run's seed, the item
// and the repeat alone, so that a resumed run asks as the first one would have.
// It has 31 bits, which every provider takes.
func outputSeed(run uint64, item string, repeat int) uint64 {
	h := sha256.New()
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], run)
	binary.BigEndian.PutUint64(b[8:], uint64(repeat))
	h.Write(b[:])
	h.Write([]byte(item))
	return uint64(binary.BigEndian.Uint32(h.Sum(nil)) >> 1)
}

// open finds or creates the run of a plan and what it still lacks.
func (r *Runner) open(ctx context.Context, p Plan) (*session, error) {
	if r.Store == nil {
		return nil, errors.New("run an evaluation: Runner.Store is missing")
	}
	if err := p.complete(r); err != nil {
		return nil, err
	}
	s := &session{Runner: r, plan: p, items: p.Dataset.Only(p.Split), seed: *p.Candidate.Params.Seed}
	if err := s.checkReferences(); err != nil {
		return nil, err
	}
	latest, next, err := r.latest(ctx, p)
	if err != nil {
		return nil, err
	}
	total := len(s.items) * p.Repeat
	s.done, s.begun = make([]bool, total), make([]bool, total)
	s.index = make(map[string]int, len(s.items))
	for i := range s.items {
		s.index[s.items[i].ID] = i
	}
	if latest != nil && !p.New {
		s.run = *latest
		s.run.Candidate.Price = p.Candidate.Price
		if err := s.resume(ctx); err != nil {
			return nil, err
		}
	} else {
		s.run = Run{ID: next, Dataset: p.Dataset.Name, DatasetHash: p.Dataset.Hash, Split: p.Split, Candidate: p.Candidate,
			Repeat: p.Repeat, Status: StatusRunning, Created: s.now()}
	}
	if p.Part != nil {
		s.run.Parent, s.run.Shard, s.run.Shards = p.Part.Parent, p.Part.Shard, p.Part.Shards
	}
	s.run.Total = total
	s.run.Concurrency = p.Concurrency
	if m := s.run.Machine; m != "" && p.Machine != "" && m != p.Machine && s.remaining() > 0 {
		s.run.Machine = m + ", then " + p.Machine
	} else if p.Machine != "" && m == "" {
		s.run.Machine = p.Machine
	}
	return s, s.renderAll()
}

func (s *session) checkReferences() error {
	for _, m := range s.Metrics {
		if !m.Info().NeedsReferences {
			continue
		}
		for _, item := range s.items {
			if len(item.References) == 0 {
				return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "references",
					Message: fmt.Sprintf("item %q of dataset %s has no reference, which metric %s needs", item.ID, s.plan.Dataset.Name, m.Info().Name),
					Hint:    "add a reference, or choose metrics that need none"}
			}
		}
	}
	return nil
}

// resume reads what earlier starts have stored.
func (s *session) resume(ctx context.Context) error {
	finished := s.run.Status == StatusDone
	s.run.Done, s.run.Failed = 0, 0
	err := s.Store.Outputs(ctx, s.run.ID, func(o Output) error {
		n, ok := s.number(o)
		if !ok {
			return fmt.Errorf("output of item %q, repeat %d does not belong to it", o.ItemID, o.Repeat)
		}
		again := o.Error != "" && (s.plan.RetryFailed || !finished && mayPass(o.Code))
		switch {
		case o.Finished.IsZero():
			s.begun[n] = true
		case !again:
			s.done[n] = true
			s.run.Done++
			if o.Error != "" {
				s.run.Failed++
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("resume run %s: %w", s.run.ID, err)
	}
	return nil
}

// number finds an output's place.
func (s *session) number(o Output) (int, bool) {
	i, ok := s.index[o.ItemID]
	return i*s.plan.Repeat + o.Repeat, ok && 0 <= o.Repeat && o.Repeat < s.plan.Repeat
}

func (s *session) remaining() int { return len(s.done) - s.run.Done }

// mayPass says that a failure had to do with the moment and not with the request.
func mayPass(c stylesprint.Code) bool {
	switch c {
	case stylesprint.CodeInvalid, stylesprint.CodeUnsupported, stylesprint.CodeTooLarge, stylesprint.CodeContextTooLong, stylesprint.CodeRefused, stylesprint.CodeConflict:
		return false
	}
	return true
}

// hopeless says that every further call would fail in the same way.
func hopeless(c stylesprint.Code) bool {
	return c == stylesprint.CodeUnauthorized || c == stylesprint.CodeForbidden || c == stylesprint.CodeNotFound
}

// renderAll finds items that the prompt cannot take before the first call is paid for.
func (s *session) renderAll() error {
	if s.Client == nil {
		return nil
	}
	for i := range s.items {
		if _, err := s.Prompt.Render(s.items[i].Fields); err != nil {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "prompt",
				Message: fmt.Sprintf("prompt %s cannot be made for item %q", s.run.Candidate.Prompt, s.items[i].ID),
				Hint:    "give the item that field, or use another prompt", Err: err}
		}
	}
	return nil
}

// request is the call for one output.
func (s *session) request(item *dataset.Item, repeat int) (generate.Request, error) {
	messages, err := s.Prompt.Render(item.Fields)
	if err != nil {
		return generate.Request{}, err
	}
	params := s.run.Candidate.Params
	seed := outputSeed(s.seed, item.ID, repeat)
	params.Seed = &seed
	return generate.Request{Model: s.run.Candidate.Model.Name, Messages: messages, Params: params}, nil
}
