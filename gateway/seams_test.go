package gateway_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/access"
	products "stylesprint/catalogue/answer"
	"stylesprint/embedding"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

// falling is a model that panics.
type falling struct{}

func (falling) Generate(context.Context, generate.Request) (stylesprint.Reply, error) {
	panic("the model fell")
}

func (falling) Stream(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
	panic("the model fell")
}

func (falling) Embed(context.Context, []string) (embedding.Result, error) { panic("the model fell") }

// What a request took out of its key's limits comes back when a model panics: a key would be
// locked out by a fault that is not its own.
func TestPanicsSettle(t *testing.T) {
	t.Parallel()
	limits := &counted{}
	limits.left.Store(100)
	s := serve(t, setup{o: gateway.Options{Answer: answerer(t), Limits: limits, Models: []gateway.Model{
		{Name: "m", Generate: falling{}}, {Name: "e", Embed: falling{}},
	}}})
	for path, body := range map[string]string{
		"/generate/": `{"prompt":"x"}`, "/v1/completions": `{"prompt":"x","stream":true}`, "/v1/embeddings": `{"input":"x"}`,
		"/answer": `{"sku": "A-1", "question": "Does it have pockets?"}`,
	} {
		before, settled := limits.reserved.Load(), limits.settled.Load()
		if a := s.post(t, path, body); a.status != 500 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if limits.reserved.Load() != before+1 || limits.settled.Load() != settled+1 {
			t.Errorf("%s: reserved %d, settled %d", path, limits.reserved.Load()-before, limits.settled.Load()-settled)
		}
	}
}

// A key for some models gets an answer that no model words; and a question that ends with an
// error counts as a request.
func TestAnswerWithoutModelIsCounted(t *testing.T) {
	t.Parallel()
	limits := &counted{}
	limits.left.Store(2)
	one := gateway.Caller{KeyID: "key-one", Models: []string{"e"}, Scopes: []access.Scope{access.Generate}}
	s := serve(t, setup{o: gateway.Options{Answer: answerer(t), Limits: limits, Auth: callers{"one": one}, Models: []gateway.Model{{Name: "e", Embed: falling{}}}}})
	ask := func(sku string) int {
		a := s.do(t, "POST", "/answer", `{"sku": "`+sku+`", "question": "Does it have pockets?"}`, "Authorization", "Bearer one", "Content-Type", "application/json")
		return a.status
	}
	if got := []int{ask("A-1"), ask("A-2"), ask("A-1")}; got[0] != 200 || got[1] != 404 || got[2] != 429 {
		t.Errorf("%v, want 200, 404 and 429", got)
	}
	if limits.reserved.Load() != 2 || limits.settled.Load() != 2 {
		t.Errorf("reserved %d, settled %d", limits.reserved.Load(), limits.settled.Load())
	}
}

// idle is an answerer that asks no model.
type idle struct{}

func (idle) Answer(_ context.Context, q products.Question) (products.Answer, error) {
	return products.Answer{SKU: q.SKU, Text: "A customer writes: call 555", Citations: []products.Citation{}}, nil
}

// The request log keeps no text uncleaned only because no stage saw it.
func TestTextsThatNoStageSawAreCleaned(t *testing.T) {
	t.Parallel()
	log, limits := &ledger{}, &counted{}
	limits.left.Store(2)
	clean := func(s string) string { return strings.ReplaceAll(s, "555", "***") }
	s := serve(t, setup{o: gateway.Options{Answer: idle{}, Limits: limits, Requests: log, LogBodies: true, Clean: clean, Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Text: "555"}}})}}})
	s.post(t, "/answer", `{"sku": "A-1", "question": "555?"}`)
	s.post(t, "/generate/", `{"prompt":"ask 555"}`) // a stage saw it, if there is one: what it left is kept
	s.post(t, "/generate/", `{"prompt":"refused 555"}`)
	r := log.wait(t, 3)
	for i, want := range [][2]string{{"***?", "A customer writes: call ***"}, {"ask 555", "555"}, {"refused ***", ""}} {
		if r[i].Prompt != want[0] || r[i].Response != want[1] {
			t.Errorf("%d: %q, %q", i, r[i].Prompt, r[i].Response)
		}
	}
}

// A page's question has the limits, the stages and the record of one to the API.
func TestAsk(t *testing.T) {
	t.Parallel()
	log, limits := &ledger{}, &counted{}
	limits.left.Store(1)
	var seen []string
	stage := func(next gateway.Ask) gateway.Ask {
		return func(ctx context.Context, c *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
			seen = append(seen, c.Route+" "+c.Caller.KeyID)
			return next(ctx, c, emit)
		}
	}
	models := []gateway.Model{scopedModel("mine"), scopedModel("other"), {Name: "falls", Generate: falling{}}}
	s := serve(t, setup{o: gateway.Options{Limits: limits, Requests: log, Stages: []gateway.Stage{stage}, Models: models, Auth: callers{
		"g": {KeyID: "key-g", Models: []string{"mine", "falls"}, Scopes: []access.Scope{access.Generate}},
		"r": {KeyID: "key-r", Scopes: []access.Scope{access.Review}},
	}}})
	ask := func(key, model string) (stylesprint.Reply, stylesprint.Code) {
		r := httptest.NewRequest("POST", "/playground", nil)
		r.Header.Set("Authorization", "Bearer "+key)
		reply, err := s.Ask(r, "/playground", generate.Request{Model: model, Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "x"}}})
		return reply, stylesprint.CodeOf(err)
	}
	if reply, code := ask("g", "mine"); code != "" || reply.Text == "" || reply.Model == "" {
		t.Errorf("%q %+v", code, reply)
	}
	for _, c := range []struct {
		key, model string
		want       stylesprint.Code
	}{{"g", "mine", "rate_limited"}, {"g", "other", "forbidden"}, {"g", "none", "not_found"}, {"r", "mine", "forbidden"}, {"x", "mine", "unauthorized"}} {
		if reply, code := ask(c.key, c.model); code != c.want || reply.Text != "" {
			t.Errorf("%s, %s: %q %q, want %q", c.key, c.model, code, reply.Text, c.want)
		}
	}
	limits.left.Store(1)
	if _, code := ask("g", "falls"); code != "internal" {
		t.Errorf("a panic: %q", code)
	}
	if strings.Join(seen, ",") != "/playground key-g,/playground key-g" {
		t.Errorf("stages saw %q", seen)
	}
	r := log.wait(t, 6)
	if r[0].Route != "/playground" || r[0].KeyID != "key-g" || r[0].Status != 200 || r[0].Usage.Total() == 0 || r[1].Status != 429 {
		t.Errorf("records %+v", r[:2])
	}
}
