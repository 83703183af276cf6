package gateway_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/gateway/cache"
	"stylesprint/gateway/route"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

// splitRoute is a route "writer" that two releases share, each with a target of its own that
// answers with its name and counts.
func splitRoute(t *testing.T, sticky bool) (*route.Router, map[string]*fake.Driver) {
	t.Helper()
	drivers := map[string]*fake.Driver{"old": fake.New(fake.Script{Answers: []fake.Answer{{Text: "old"}}}), "new": fake.New(fake.Script{Answers: []fake.Answer{{Text: "new"}}})}
	o := route.Options{Routes: []route.Route{{Name: "writer", Sticky: sticky}}}
	for _, name := range []string{"old", "new"} {
		o.Targets = append(o.Targets, route.Target{Name: name, Client: generate.New(drivers[name], generate.Options{})})
		o.Routes[0].Shares = append(o.Routes[0].Shares, route.Share{Release: name, Percent: 50, Targets: []route.Choice{{Target: name}}})
	}
	r, err := route.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r, drivers
}

// Releases that share a route keep their shares of a prompt that is asked again and again: each
// answers from a cache entry of its own.
func TestPromptsAreDrawnBeforeTheCache(t *testing.T) {
	t.Parallel()
	const n = 200
	for _, path := range []string{"/generate/", "/v1/chat/completions"} {
		for _, stream := range []string{"", `,"stream":true`} {
			router, drivers := splitRoute(t, false)
			kept, err := cache.New(cache.Options{})
			if err != nil {
				t.Fatal(err)
			}
			log := &ledger{}
			s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "writer", Generate: router.Generator("writer")}}, Stages: []gateway.Stage{kept.Stage}, Requests: log, LogBodies: true}})
			body := `{"temperature":0,"prompt":"x"` + stream + `}`
			if path != "/generate/" {
				body = `{"temperature":0,"messages":[{"role":"user","content":"x"}]` + stream + `}`
			}
			for range n {
				if a := s.post(t, path, body); a.status != 200 {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			answered, misses := map[string]int{}, map[string]int{}
			for _, r := range log.wait(t, n) {
				answered[r.Release]++
				if want := router.Release("writer", r.ID); r.Release != want || !strings.HasPrefix(r.Response, want) {
					t.Errorf("%s was answered by %q with %q, want %q", r.ID, r.Release, r.Response, want)
				}
				if r.Cache == "miss" {
					misses[r.Release]++
				}
			}
			// Ids are random: each release has at most 50 of 200 with a chance below 1e-12.
			for _, name := range []string{"old", "new"} {
				if answered[name] <= 50 || misses[name] != 1 || len(drivers[name].Calls()) != 1 {
					t.Errorf("%s%s: %s answered %d of %d, %d of them not from the cache, with %d calls", path, stream, name, answered[name], n, misses[name], len(drivers[name].Calls()))
				}
			}
		}
	}
}

// subjects draws a release for each product as the route would for a prompt, also for a route that
// the router does not hold.
type subjects struct {
	router *route.Router
	of     route.Route
}

func (d subjects) Describe(ctx context.Context, _ string, _ gateway.Subject) (gateway.Description, error) {
	return gateway.Description{Messages: promptOf("x").Messages, Release: d.router.Draw(ctx, d.of).Release, Generate: scopedModel("any").Generate}, nil
}

// A product falls to the release that a prompt of the same request would fall to.
func TestProductsAreDrawnAsPromptsAre(t *testing.T) {
	t.Parallel()
	router, _ := splitRoute(t, false)
	of := route.Route{Name: "writer", Shares: []route.Share{{Release: "old", Percent: 50}, {Release: "new", Percent: 50}}}
	gone := of
	gone.Name = "gone"
	for _, d := range []subjects{{router, of}, {router, gone}} {
		var drawn []string
		note := func(next gateway.Ask) gateway.Ask {
			return func(ctx context.Context, c *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
				id, _, _ := gateway.RequestOf(ctx)
				drawn = append(drawn, c.Release)
				if want := router.Release("writer", id); d.of.Name == "writer" && c.Release != want {
					t.Errorf("%s fell to %q, want %q", id, c.Release, want)
				}
				return next(ctx, c, emit)
			}
		}
		s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "writer", Generate: router.Generator("writer")}}, Stages: []gateway.Stage{note}, Describe: d}})
		for range 60 {
			if a := s.post(t, "/generate/", `{"sku":"A-1"}`); a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		if len(drawn) != 60 || !slices.Contains(drawn, "old") || !slices.Contains(drawn, "new") || slices.Contains(drawn, "") {
			t.Errorf("%s: drawn %q", d.of.Name, drawn)
		}
	}
}

// On a sticky route a key's prompts stay with one release, whatever the cache holds of others.
func TestStickyDrawsBeforeTheCache(t *testing.T) {
	t.Parallel()
	router, _ := splitRoute(t, true)
	kept, err := cache.New(cache.Options{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	keys := callers{}
	for i := range 20 {
		name := fmt.Sprint("key-", i)
		keys[name] = gateway.Caller{KeyID: name}
	}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "writer", Generate: router.Generator("writer")}}, Stages: []gateway.Stage{kept.Stage}, Auth: keys}})
	seen := map[string]bool{}
	for name := range keys {
		want := router.Release("writer", name)
		seen[want] = true
		for range 3 {
			if a := s.do(t, "POST", "/generate/", `{"temperature":0,"prompt":"x"}`, "Authorization", "Bearer "+name); a.status != 200 || a.json(t)["generated_text"] != want {
				t.Errorf("%s: %d %s, want %s", name, a.status, a.body, want)
			}
		}
	}
	if len(seen) != 2 {
		t.Fatalf("all keys fall to %v: choose others", seen)
	}
}
