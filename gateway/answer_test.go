package gateway_test

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"stylesprint"
	"stylesprint/catalogue"
	products "stylesprint/catalogue/answer"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

func answerer(t testing.TB) gateway.Answerer {
	t.Helper()
	p := catalogue.Product{SKU: "A-1", Name: "Mira Dress", Category: "Dresses", Colour: "sage", Materials: []catalogue.Material{{Fibre: "linen", Percent: 100}},
		Sizes: []catalogue.SizeStock{{Size: "M", Stock: 2}}, Price: catalogue.Price{Amount: "89.00", Currency: "EUR"}, Features: []string{"two side pockets"}}
	a, err := products.New(products.Options{Products: func(_ context.Context, sku string) (catalogue.Product, error) {
		if sku != p.SKU {
			return catalogue.Product{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "sku", Message: "there is no product with this SKU"}
		}
		return p, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Answer: answerer(t), Requests: log, Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Text: "Yes, it has two side pockets. [features]"}}})}}})
	a := s.post(t, "/answer", `{"sku": "A-1", "question": "Does it have pockets?"}`)
	m := a.json(t)
	if a.status != 200 || m["answer"] != "Yes, it has two side pockets." || m["answered"] != true || !reflect.DeepEqual(m["generated_by"], map[string]any{"program": "stylesprint", "model": "fake"}) || m["model"] != "fake" || m["sku"] != "A-1" || m["request_id"] != a.header.Get("X-Request-Id") || m["confidence"].(float64) <= 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if !strings.Contains(a.body, `"citations":[{"field":"features","text":"two side pockets"}]`) {
		t.Error(a.body)
	}
	b := s.post(t, "/answer", `{"sku": "A-1", "question": "Is size M in stock?", "language": "en", "model": "fake"}`)
	if m := b.json(t); b.status != 200 || m["answer"] != "Yes, size M is in stock: 2 pieces." || m["generated_by"] != nil {
		t.Errorf("%d %s", b.status, b.body)
	}
	c := s.post(t, "/answer", `{"sku": "A-1", "question": "Who designed it?"}`)
	if m := c.json(t); c.status != 200 || m["answered"] != false || !strings.Contains(c.body, `"citations":[]`) {
		t.Errorf("%d %s", c.status, c.body)
	}
	r := log.wait(t, 3)
	if r[0].Route != "/answer" || r[0].Usage.CompletionTokens == 0 || r[0].Cost == 0 || r[1].Usage.Total() != 0 || r[1].Prompt != "" {
		t.Errorf("records %+v", r)
	}
	if r[0].Model != "fake" || r[1].Model != "" || r[2].Model != "" {
		t.Errorf("models %q, %q, %q; want the one that was asked, and none where none was", r[0].Model, r[1].Model, r[2].Model)
	}
	if n := s.metric(t, "stylesprint_model_requests_total"); n != 1 {
		t.Errorf("%v requests to models, want 1", n)
	}
}

func TestAnswerFaults(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Answer: answerer(t), Models: []gateway.Model{text(fake.Script{})}}})
	for body, want := range map[string]struct {
		status int
		field  string
	}{
		`{"question": "x"}`:                                               {400, "sku"},
		`{"sku": "A-1"}`:                                                  {400, "question"},
		`{"sku": "A-1", "question": 7}`:                                   {400, "question"},
		`{"sku": "A-1", "question": "x", "colour": 1}`:                    {400, "colour"},
		`{"sku": "A-1", "question": "x", "language": "fr"}`:               {400, "language"},
		`{"sku": "A-2", "question": "x"}`:                                 {404, "sku"},
		`{"sku": "A-1", "question": "x", "model": "other"}`:               {404, "model"},
		`{"sku": "A-1", "question": "` + strings.Repeat("x", 1001) + `"}`: {400, "question"},
	} {
		a := s.post(t, "/answer", body)
		if m := a.json(t); a.status != want.status || m["field"] != want.field || m["detail"] == "" {
			t.Errorf("%.80s: %d %s", body, a.status, a.body)
		}
	}
	if a := s.do(t, "GET", "/answer", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", a.status)
	}
	without := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	if a := without.post(t, "/answer", `{"sku": "A-1", "question": "x"}`); a.status != 404 || !strings.Contains(a.body, "answers no questions") {
		t.Errorf("without a catalogue: %d %s", a.status, a.body)
	}
}

// counted is a Limiter that counts, and refuses after so many.
type counted struct{ left, reserved, settled atomic.Int64 }

func (c *counted) Reserve(context.Context, gateway.Caller, int) (func(stylesprint.Usage, stylesprint.Money), error) {
	if c.left.Add(-1) < 0 {
		return nil, &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "enough for now"}
	}
	c.reserved.Add(1)
	return func(stylesprint.Usage, stylesprint.Money) { c.settled.Add(1) }, nil
}

// An answer goes through limits once, with a model or without; its model goes through the stages.
func TestAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	limits := &counted{}
	limits.left.Store(2)
	var routes []string
	stage := func(next gateway.Ask) gateway.Ask {
		return func(ctx context.Context, c *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
			routes = append(routes, c.Route)
			c.Header.Set("X-Stage", "seen")
			r, err := next(ctx, c, emit)
			r.Release = "r1"
			return r, err
		}
	}
	s := serve(t, setup{o: gateway.Options{Answer: answerer(t), Limits: limits, Stages: []gateway.Stage{stage},
		Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Text: "It has two side pockets. [features]"}}})}}})
	a := s.post(t, "/answer", `{"sku": "A-1", "question": "Does it have pockets?"}`)
	if a.status != 200 || a.header.Get("X-Stage") != "seen" || a.json(t)["release"] != "r1" || len(routes) != 1 || routes[0] != "/answer" {
		t.Errorf("%d %s %v", a.status, a.body, routes)
	}
	if b := s.post(t, "/answer", `{"sku": "A-1", "question": "Is size M in stock?"}`); b.status != 200 || len(routes) != 1 {
		t.Errorf("%d %s", b.status, b.body)
	}
	for _, q := range []string{"Is size M in stock?", "Does it have pockets?"} {
		if c := s.post(t, "/answer", `{"sku": "A-1", "question": "`+q+`"}`); c.status != 429 {
			t.Errorf("beyond the limit: %d %s", c.status, c.body)
		}
	}
	if limits.reserved.Load() != 2 || limits.settled.Load() != 2 {
		t.Errorf("reserved %d, settled %d", limits.reserved.Load(), limits.settled.Load())
	}
}

func TestAnswerWithoutModel(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Answer: answerer(t), Models: []gateway.Model{vectors()}}})
	a := s.post(t, "/answer", `{"sku": "A-1", "question": "Does it have pockets?"}`)
	if m := a.json(t); a.status != 200 || m["answer"] != "Two side pockets." || m["model"] != nil {
		t.Errorf("%d %s", a.status, a.body)
	}
	broken := serve(t, setup{o: gateway.Options{Answer: answerer(t), Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Err: &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "down"}}}})}}})
	if a := broken.post(t, "/answer", `{"sku": "A-1", "question": "Does it have pockets?"}`); a.status != 200 || a.json(t)["answer"] != "Two side pockets." {
		t.Errorf("a model that is down: %d %s", a.status, a.body)
	}
}
