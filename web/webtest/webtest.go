// Package webtest gives tests of pages and reports something to show: runs,
// outputs and a comparison made up from the demo catalogue. None of its figures
// was measured.
//
// Key words: demo data, source, fake generator.
//
// New makes a Source, which satisfies the interfaces that package web consumes;
// Options wires one up. The same seed gives the same data everywhere. A Source
// is safe for concurrent use.
package webtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"stylesprint"
	"stylesprint/catalogue"
	"stylesprint/catalogue/demo"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/faithfulness"
	"stylesprint/generate"
)

// Now is the moment at which the made-up data are looked at.
func Now() time.Time { return time.Date(2026, 11, 23, 16, 20, 0, 0, time.UTC) }

// Ids of the runs that a Source holds. Plain, Voice and Hosted are done, over
// the same items.
const (
	Plain   = "run-4k7m2p"
	Voice   = "run-9d3x8q"
	Hosted  = "run-5t1w6z"
	Running = "run-2h8c4v"
	Failed  = "run-7b6n9j"
)

// Source holds made-up runs.
type Source struct {
	mu       sync.Mutex
	runs     []evaluate.Run // newest first
	outputs  map[string][]evaluate.Output
	products []catalogue.Product
	data     dataset.Dataset
	checker  *faithfulness.Checker
}

// New makes the data.
func New() (*Source, error) {
	products, err := demo.Split("test")
	if err != nil {
		return nil, fmt.Errorf("make demo runs: %w", err)
	}
	rules, err := faithfulness.Embedded()
	if err != nil {
		return nil, fmt.Errorf("make demo runs: %w", err)
	}
	s := &Source{products: products, outputs: map[string][]evaluate.Output{}, checker: rules.Compile()}
	var items []dataset.Item
	for _, p := range products {
		items = append(items, item(p))
	}
	if s.data, err = dataset.New("demo-catalogue", items); err != nil {
		return nil, fmt.Errorf("make demo runs: %w", err)
	}
	for _, c := range candidates() {
		if err := s.add(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Checker holds texts against records by the embedded rules.
func (s *Source) Checker() *faithfulness.Checker { return s.checker }

// made describes how to make up a run.
type made struct {
	id, name string
	model    stylesprint.ModelRef
	prompt   string
	price    stylesprint.Price
	status   evaluate.Status
	fault    string
	age      time.Duration
	quality  float64 // mean similarity
	speed    float64 // mean seconds
	fraction float64 // of the items done
}

func candidates() []made {
	small := stylesprint.ModelRef{Provider: "local", Name: "smollm2-135m-instruct", SHA256: "2e8040ceae7815abe0b8e1a3d6b1c1d2b9f1b7a3"}
	hosted := stylesprint.ModelRef{Provider: "openai", Name: "gpt-4o-mini", Revision: "2024-07-18"}
	return []made{
		{Running, "brand-voice-360m", stylesprint.ModelRef{Provider: "local", Name: "smollm2-360m-instruct"}, "brand-voice", stylesprint.Price{}, evaluate.StatusRunning, "", 2 * time.Minute, .66, 2.9, .55},
		{Hosted, "hosted-mini", hosted, "brand-voice", stylesprint.Price{InputPerMillion: .15, OutputPerMillion: .6, Currency: "USD"}, evaluate.StatusDone, "", 40 * time.Minute, .745, .85, 1},
		{Voice, "brand-voice", small, "brand-voice", stylesprint.Price{}, evaluate.StatusDone, "", 55 * time.Minute, .668, 1.31, 1},
		{Plain, "plain", small, "plain", stylesprint.Price{}, evaluate.StatusDone, "", 70 * time.Minute, .612, 1.12, 1},
		{Failed, "plain-remote", stylesprint.ModelRef{Provider: "openai", Name: "vllm-mistral"}, "plain", stylesprint.Price{}, evaluate.StatusFailed, "the server at port 8001 cannot be reached", 26 * time.Hour, .5, 1, 0},
	}
}

func (s *Source) add(m made) error {
	temperature, tokens, seed := .2, 120, uint64(7)
	r := evaluate.Run{
		ID: m.id, Dataset: "demo-catalogue", DatasetHash: s.data.Hash, Split: "test", Repeat: 1,
		Candidate: evaluate.Candidate{
			Name: m.name, Model: m.model, Prompt: m.prompt, PromptHash: "5f1d7a84db00d2fce00b31a7fc73224c" + m.prompt, Price: m.price,
			Params: generate.Params{Temperature: &temperature, MaxTokens: &tokens, Seed: &seed},
		},
		Status: m.status, Error: m.fault, Created: Now().Add(-m.age), Total: len(s.products), Machine: "2 cores, avx512bf16 (made up)",
	}
	if m.model.Provider == "local" {
		r.Candidate.Precision = stylesprint.Fast
	}
	rng := rand.New(rand.NewPCG(11, uint64(len(m.name))))
	for i, p := range s.products {
		if float64(i) >= m.fraction*float64(len(s.products)) {
			break
		}
		o := output(m, p, rng)
		r.Done++
		if o.Error != "" {
			r.Failed++
		}
		s.outputs[m.id] = append(s.outputs[m.id], o)
	}
	slices.SortFunc(s.outputs[m.id], func(a, b evaluate.Output) int { return strings.Compare(a.ItemID, b.ItemID) })
	if m.status == evaluate.StatusDone {
		r.Finished = r.Created.Add(90 * time.Second)
		if err := s.score(context.Background(), &r, s.outputs[m.id]); err != nil {
			return err
		}
	}
	s.runs = append(s.runs, r)
	return nil
}

func output(m made, p catalogue.Product, rng *rand.Rand) evaluate.Output {
	latency := time.Duration(m.speed * (1 + .22*rng.NormFloat64() + .1*rng.ExpFloat64()) * 1e9)
	o := evaluate.Output{
		RunID: m.id, ItemID: p.SKU, Text: Text(m.prompt, p), FinishReason: stylesprint.FinishStop,
		Usage:   stylesprint.Usage{PromptTokens: 96 + rng.IntN(30), CompletionTokens: 44 + rng.IntN(40)},
		Latency: max(latency, 200*time.Millisecond), FirstToken: 90 * time.Millisecond, Finished: Now().Add(-m.age),
		Scores: drawn(m.quality, rng),
	}
	o.Cost = m.price.Cost(o.Usage)
	if m.id == Voice && p.SKU[len(p.SKU)-1] == '4' {
		o.FinishReason = stylesprint.FinishLength
	}
	if m.id == Hosted && p.SKU == "SS-DR-102" {
		o.Text, o.Error, o.Code, o.Scores = "", "the provider asked for fewer requests", stylesprint.CodeRateLimited, drawn(.5, rand.New(rand.NewPCG(1, 1)))
	}
	return o
}

// Text makes up an answer from a product's written descriptions. The plain prompt's
// answers claim more than some records say.
func Text(prompt string, p catalogue.Product) string {
	if len(p.Descriptions) < 2 {
		return p.Name
	}
	if prompt != "plain" {
		return p.Descriptions[0]
	}
	text := strings.NewReplacer(" cut ", " made ", "softened", "mixed", "proper ", "", "when you want", "for", " and ", " & ", "crisp", "stiff", "lets it move", "adds drape", "long", "lengthy").Replace(p.Descriptions[0]) +
		" Made by " + p.Brand + "."
	switch p.SKU[len(p.SKU)-1] {
	case '2':
		text += " The fabric is organic."
	case '3':
		text += " It is waterproof, and made of pure silk."
	}
	return text
}

// Run implements web.Runs.
func (s *Source) Run(_ context.Context, id string) (evaluate.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runs {
		if r.ID == id {
			return r, nil
		}
	}
	return evaluate.Run{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no run %q", id), Hint: "list the runs with: stylesprint eval list"}
}

// Runs implements web.Runs.
func (s *Source) Runs(_ context.Context, f evaluate.Filter) ([]evaluate.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []evaluate.Run
	begun := f.Before == ""
	for _, r := range s.runs {
		if begun && (f.Dataset == "" || f.Dataset == r.Dataset) && (f.Limit == 0 || len(out) < f.Limit) {
			out = append(out, r)
		}
		begun = begun || r.ID == f.Before
	}
	return out, nil
}

// Outputs implements web.Runs.
func (s *Source) Outputs(_ context.Context, runID string, yield func(evaluate.Output) error) error {
	s.mu.Lock()
	outs := slices.Clone(s.outputs[runID])
	s.mu.Unlock()
	for _, o := range outs {
		if err := yield(o); err != nil {
			return err
		}
	}
	return nil
}

// Put adds a run, or replaces the one with its id, and its outputs.
func (s *Source) Put(r evaluate.Run, outs ...evaluate.Output) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outputs[r.ID] = outs
	for i := range s.runs {
		if s.runs[i].ID == r.ID {
			s.runs[i] = r
			return
		}
	}
	s.runs = append([]evaluate.Run{r}, s.runs...)
}

// Advance lets a running run finish n more items, and ends it after the last.
func (s *Source) Advance(id string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.runs {
		r := &s.runs[i]
		if r.ID != id || r.Status != evaluate.StatusRunning {
			continue
		}
		r.Done = min(r.Total, r.Done+n)
		if r.Done == r.Total {
			r.Status, r.Finished = evaluate.StatusDone, Now()
		}
	}
}

// Items implements web.Options.Items.
func (s *Source) Items(_ context.Context, _ evaluate.Run, ids []string) ([]dataset.Item, error) {
	var out []dataset.Item
	for _, p := range s.products {
		if slices.Contains(ids, p.SKU) {
			out = append(out, item(p))
		}
	}
	return out, nil
}

func item(p catalogue.Product) dataset.Item {
	return dataset.Item{ID: p.SKU, Family: p.Family, Split: p.Split, Fields: p.Fields(), Slices: p.Slices(), References: p.Descriptions[1:], Images: p.Images}
}

// Rows implements web.Comparer.
func (s *Source) Rows(ctx context.Context, runIDs []string, yield func(compare.Row) error) error {
	for _, p := range s.sorted() {
		it := item(p)
		row := compare.Row{ItemID: it.ID, Family: it.Family, Fields: it.Fields, Slices: it.Slices, References: it.References, Images: it.Images}
		for _, id := range runIDs {
			row.Cells = append(row.Cells, s.output(id, it.ID))
		}
		if err := yield(row); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *Source) sorted() []catalogue.Product {
	out := slices.Clone(s.products)
	slices.SortFunc(out, func(a, b catalogue.Product) int { return strings.Compare(a.SKU, b.SKU) })
	return out
}

func (s *Source) output(id, item string) evaluate.Output {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.outputs[id] {
		if o.ItemID == item {
			return o
		}
	}
	return evaluate.Output{}
}
