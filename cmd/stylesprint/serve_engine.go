package main

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint/engine"
	"stylesprint/engine/nn/kernel"
)

// engines are the local language models that are open, for metrics. It is safe for concurrent use.
type engines struct {
	mu   sync.Mutex
	open map[string]*engine.LanguageModel // by public name
}

var _ prometheus.Collector = (*engines)(nil)

func (e *engines) add(name string, m *engine.LanguageModel) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = map[string]*engine.LanguageModel{}
	}
	e.open[name] = m
}

// measuredModel is a model that is measured until it is closed.
type measuredModel struct {
	*engine.LanguageModel
	gone func()
}

// Close closes the model and ends its figures.
func (m measuredModel) Close() error {
	err := m.LanguageModel.Close()
	m.gone()
	return err
}

// measure has a model's figures shown until it is closed.
func (e *engines) measure(name string, m *engine.LanguageModel) measuredModel {
	e.add(name, m)
	return measuredModel{m, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.open[name] == m { // and not one that has taken its place
			delete(e.open, name)
		}
	}}
}

// stats are the models' figures by name.
func (e *engines) stats() map[string]engine.Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := make(map[string]engine.Stats, len(e.open))
	for name, m := range e.open {
		out[name] = m.Stats()
	}
	return out
}

// engineFigure is one metric of the engine.
type engineFigure struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string // the second label's value, after the model
	value      func(engine.Stats) float64
}

func engineFigures() []engineFigure {
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	return []engineFigure{
		{"engine_waiting", "Requests that wait for room in a local model.", gauge, nil, func(s engine.Stats) float64 { return float64(s.Waiting) }},
		{"engine_waiting_tokens", "Tokens that the waiting requests may come to need.", gauge, nil, func(s engine.Stats) float64 { return float64(s.WaitingTokens) }},
		{"engine_waiting_tenants", "Keys with a request that waits.", gauge, nil, func(s engine.Stats) float64 { return float64(s.Tenants) }},
		{"engine_running", "Requests in the batch of a local model.", gauge, nil, func(s engine.Stats) float64 { return float64(s.Running) }},
		{"engine_kv_pages", "Pages of the key-value cache.", gauge, nil, func(s engine.Stats) float64 { return float64(s.Pages) }},
		{"engine_kv_pages_free", "Pages that no request holds, kept prompts among them.", gauge, nil, func(s engine.Stats) float64 { return float64(s.FreePages) }},
		{"engine_prefix_pages", "Free pages that keep prompts for later requests.", gauge, nil, func(s engine.Stats) float64 { return float64(s.IdlePages) }},
		{"engine_tokens_per_second", "Measured speed, prompts and answers together.", gauge, nil, func(s engine.Stats) float64 { return s.TokensPerSecond }},
		{"engine_admitted_total", "Requests that were let into the batch.", counter, nil, func(s engine.Stats) float64 { return float64(s.Admitted) }},
		{"engine_refused_total", "Requests that were refused, by reason.", counter, []string{"queue_full"}, func(s engine.Stats) float64 { return float64(s.RefusedFull) }},
		{"engine_refused_total", "Requests that were refused, by reason.", counter, []string{"deadline"}, func(s engine.Stats) float64 { return float64(s.RefusedDeadline) }},
		{"engine_left_total", "Requests that gave up while they waited.", counter, nil, func(s engine.Stats) float64 { return float64(s.Left) }},
		{"engine_prompt_tokens_total", "Tokens of the prompts of admitted requests.", counter, nil, func(s engine.Stats) float64 { return float64(s.PromptTokens) }},
		{"engine_prefix_tokens_saved_total", "Tokens of prompts that were not read because they were kept.", counter, nil, func(s engine.Stats) float64 { return float64(s.CachedTokens) }},
		{"engine_prefix_hits_total", "Requests whose prompts began with kept tokens.", counter, nil, func(s engine.Stats) float64 { return float64(s.CacheHits) }},
		{"engine_answer_tokens_total", "Tokens made.", counter, nil, func(s engine.Stats) float64 { return float64(s.AnswerTokens) }},
	}
}

const (
	engineWait = "engine_wait_seconds"
	enginePage = kernel.PageTokens
)

func engineDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("stylesprint_"+name, help, append([]string{"model"}, labels...), nil)
}

func (f engineFigure) desc() *prometheus.Desc {
	if f.labels != nil {
		return engineDesc(f.name, f.help, "reason")
	}
	return engineDesc(f.name, f.help)
}

func engineWaitDesc() *prometheus.Desc {
	return engineDesc(engineWait, "Time from a request's arrival at the model to its admission.")
}

// Describe implements prometheus.Collector.
func (e *engines) Describe(out chan<- *prometheus.Desc) {
	for _, f := range engineFigures() {
		out <- f.desc()
	}
	out <- engineWaitDesc()
}

// Collect implements prometheus.Collector.
func (e *engines) Collect(out chan<- prometheus.Metric) {
	for model, s := range e.stats() {
		for _, f := range engineFigures() {
			out <- prometheus.MustNewConstMetric(f.desc(), f.kind, f.value(s), append([]string{model}, f.labels...)...)
		}
		buckets := map[float64]uint64{}
		sum := uint64(0)
		for i, bound := range engine.WaitBounds() {
			sum += s.Waits.Counts[i]
			buckets[bound] = sum
		}
		out <- prometheus.MustNewConstHistogram(engineWaitDesc(), s.Waits.Count, time.Duration(s.Waits.Sum).Seconds(), buckets, model)
	}
}
