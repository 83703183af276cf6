package main

import (
	"slices"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/embedding"
	"stylesprint/gateway/route"
	"stylesprint/web"
)

// The pages offer what requests may ask for: routes too, models behind routes alone not.
func TestShownModels(t *testing.T) {
	t.Parallel()
	model := func(name, task string, internal bool) *servedModel {
		m := &servedModel{conf: config.Model{Name: name, Task: task, Internal: internal}, shown: web.Model{Name: name, Task: task, Parameters: int64(len(name))}}
		if task == "embedding" {
			m.embed = new(embedding.Client)
		}
		return m
	}
	models := []*servedModel{model("near", "text-generation", true), model("far-away", "text-generation", false), model("vectors", "embedding", false), model("hidden", "embedding", true)}
	c := config.Config{DefaultModel: "far-away", Routes: []config.Route{{Name: "writer", Targets: []config.Target{{Model: "near"}, {Model: "far-away"}}}, {Name: "copy", Release: "r1"}, {Name: "gone", Release: "r2"}}}
	for _, m := range models {
		c.Models = append(c.Models, m.conf)
	}
	models[1].shown.Price = stylesprint.Price{InputPerMillion: 2, OutputPerMillion: 8, Currency: "EUR"}
	p := newPlan(c, models, 0)
	near, far := route.Choice{Target: "near", Priority: 1}, route.Choice{Target: "far-away", Priority: 2}
	p.routes = []route.Route{{Name: "far-away", Shares: []route.Share{{Targets: []route.Choice{far}}}},
		{Name: "writer", Shares: []route.Share{{Targets: []route.Choice{far, near}}}}, {Name: "copy", Shares: []route.Share{{Release: "r1", Targets: []route.Choice{near}}, {Release: "r3", Targets: []route.Choice{near}}}}}
	s := new(server)
	s.plan.Store(p)
	var names []string
	var sizes []int64
	prices := map[string]string{}
	for _, m := range s.shownModels() {
		names, sizes = append(names, m.Name), append(sizes, m.Parameters)
		prices[m.Name] = strings.Join(m.Prices(), "; ")
	}
	for name, want := range map[string]string{"far-away": "2 in, 8 out, EUR", "writer": "near: no price set; far-away: 2 in, 8 out, EUR", "copy": "no price set"} {
		if prices[name] != want {
			t.Errorf("%s costs %q, want %q", name, prices[name], want)
		}
	}
	if want := []string{"far-away", "writer", "copy", "gone", "vectors"}; !slices.Equal(names, want) {
		t.Errorf("shown %q, want %q", names, want)
	}
	if want := []int64{8, 4, 4, 0, 7}; !slices.Equal(sizes, want) { // of the model that is asked first
		t.Errorf("sizes %v, want %v", sizes, want)
	}
}
