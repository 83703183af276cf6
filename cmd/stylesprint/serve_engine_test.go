package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint/engine"
)

// The engine's figures come out under their names, and the registry accepts them.
func TestEngineMetrics(t *testing.T) {
	t.Parallel()
	m, err := engine.OpenLanguageModel(t.Context(), filepath.Join("..", "..", "engine", "testdata", "llama-tied"), engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := m.Generate(t.Context(), engine.Request{Prompt: strings.Repeat("linen ", 30), MaxTokens: 4}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil { // its last figures stay
		t.Fatal(err)
	}
	var e engines
	e.add("tiny", m)
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(&e); err != nil {
		t.Fatal(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	series := 0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			series++
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "," + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"stylesprint_engine_admitted_total,tiny": 2, "stylesprint_engine_prefix_hits_total,tiny": 1, "stylesprint_engine_answer_tokens_total,tiny": 8,
		"stylesprint_engine_refused_total,tiny,deadline": 0, "stylesprint_engine_wait_seconds,tiny": 2, "stylesprint_engine_running,tiny": 0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %g, want %g", name, v, want)
		}
	}
	if want := len(engineFigures()) + 1; series != want {
		t.Errorf("%d series, want %d", series, want)
	}
}

// A model is shown until it is closed, and one that took its place is not forgotten with it.
func TestEngineMetricsEnd(t *testing.T) {
	t.Parallel()
	open := func() *engine.LanguageModel {
		m, err := engine.OpenLanguageModel(t.Context(), filepath.Join("..", "..", "engine", "testdata", "llama-tied"), engine.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var e engines
	old := e.measure("tiny", open())
	fresh := e.measure("tiny", open())
	for _, c := range []struct {
		close func() error
		left  int
	}{{old.Close, 1}, {old.Close, 1}, {fresh.Close, 0}} {
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
		if n := len(e.stats()); n != c.left {
			t.Errorf("%d models are shown, want %d", n, c.left)
		}
	}
}
