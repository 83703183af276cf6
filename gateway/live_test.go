package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

// named answers with its name, after it was let go where it waits.
type named struct {
	name    string
	begun   chan struct{}
	goOn    chan struct{}
	request generate.Request
}

func (n *named) Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
	n.request = req
	if n.begun != nil {
		n.begun <- struct{}{}
		<-n.goOn
	}
	return stylesprint.Reply{Text: n.name}, nil
}

func (n *named) Stream(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	reply, err := n.Generate(ctx, req)
	if err != nil {
		return reply, err
	}
	return reply, emit(generate.Delta{Text: reply.Text})
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-time.After(20 * time.Millisecond):
		return false
	}
}

// A request keeps the model that it began with; the former settings are unused once it has ended.
func TestReconfigure(t *testing.T) {
	t.Parallel()
	old := &named{name: "old", begun: make(chan struct{}), goOn: make(chan struct{})}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "m", Generate: old}}, MaxInFlight: 3}})
	answered := make(chan string, 1)
	go func() { answered <- s.post(t, "/generate/", `{"prompt":"x"}`).body }()
	<-old.begun
	unused, err := s.Reconfigure(gateway.Settings{Models: []gateway.Model{{Name: "n", Generate: &named{name: "new"}}}, MaxInFlight: 1, MaxBodyBytes: 64})
	if err != nil {
		t.Fatal(err)
	}
	// The request that runs counts against the new bound.
	if a := s.post(t, "/generate/", `{"prompt":"x"}`); a.status != 429 || !strings.Contains(a.body, "busy with 1 requests") {
		t.Errorf("the bound: %d %s", a.status, a.body)
	}
	if closed(unused) {
		t.Error("unused, although a request runs")
	}
	old.goOn <- struct{}{}
	if text := <-answered; !strings.Contains(text, `"generated_text":"old"`) {
		t.Errorf("the request that ran: %s", text)
	}
	for end := time.Now().Add(5 * time.Second); !closed(unused); {
		if time.Now().After(end) {
			t.Fatal("the former settings are in use for ever")
		}
	}
	if a := s.post(t, "/generate/", `{"prompt":"x"}`); !strings.Contains(a.body, `"generated_text":"new"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.post(t, "/generate/", `{"prompt":"x","model":"m"}`); a.status != 404 || !strings.Contains(a.body, "served here: n") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.post(t, "/generate/", `{"prompt":"`+strings.Repeat("x", 64)+`"}`); a.status != 413 {
		t.Errorf("%d %s", a.status, a.body)
	}
	// A fault changes nothing.
	if _, err := s.Reconfigure(gateway.Settings{Models: []gateway.Model{{Name: " "}}, DefaultModel: "z", Timeout: -1}); err == nil ||
		!strings.Contains(err.Error(), "models[0].name") || !strings.Contains(err.Error(), "default_model") || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("%v", err)
	}
	if a := s.post(t, "/generate/", `{"prompt":"x"}`); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// While requests come, settings change all the time; each answer is from a model that was open.
func TestReconfigureUnderLoad(t *testing.T) {
	t.Parallel()
	client := func(i int) *generate.Client {
		return generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: fmt.Sprint("model ", i)}}}), generate.Options{})
	}
	now := client(0)
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "m", Generate: now}}, MaxInFlight: 64}})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if a := s.post(t, "/generate/", `{"prompt":"x"}`); a.status != 200 {
					t.Errorf("%d %s", a.status, a.body)
					return
				}
			}
		})
	}
	for i := range 50 {
		next := client(i + 1)
		unused, err := s.Reconfigure(gateway.Settings{Models: []gateway.Model{{Name: "m", Generate: next}}})
		if err != nil {
			t.Fatal(err)
		}
		<-unused
		if err := now.Close(); err != nil {
			t.Fatal(err)
		}
		now = next
	}
	close(stop)
	wg.Wait()
}

type describer struct{ answer gateway.Generator }

func (d describer) Describe(_ context.Context, model string, s gateway.Subject) (gateway.Description, error) {
	if s.SKU == "none" {
		return gateway.Description{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "sku", Message: "no such product"}
	}
	cold, most := 0.1, 7
	return gateway.Description{
		Messages: []stylesprint.Message{{Role: stylesprint.RoleSystem, Content: model}, {Role: stylesprint.RoleUser, Content: s.SKU + string(s.Product)}},
		Params:   generate.Params{Temperature: &cold, MaxTokens: &most}, Generate: d.answer,
	}, nil
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	pinned := &named{name: "pinned"}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "m", Generate: &named{name: "any"}}}, Describe: describer{pinned}}})
	cases := []struct {
		body   string
		status int
		want   string
	}{
		{`{"sku":"S1","temperature":1}`, 200, `"generated_text":"pinned"`},
		{`{"product":{"name":"a"}}`, 200, `"generated_text":"pinned"`},
		{`{"sku":"S1","stream":true}`, 200, `"generated_text":"pinned"`},
		{`{"prompt":"x"}`, 200, `"generated_text":"any"`},
		{`{"sku":"none"}`, 404, `"field":"sku"`},
		{`{"sku":"S1","prompt":"x"}`, 400, `"field":"sku"`},
		{`{"product":{},"prompt":"x"}`, 400, `"field":"product"`},
		{`{"sku":"S1","product":{}}`, 400, `"field":"product"`},
		{`{"sku":["S1"]}`, 400, `"field":"sku"`},
		{`{"product":null}`, 400, `Prompt is required`},
	}
	for _, c := range cases {
		if a := s.post(t, "/generate/", c.body); a.status != c.status || !strings.Contains(a.body, c.want) {
			t.Errorf("%s: %d %s", c.body, a.status, a.body)
		}
	}
	s.post(t, "/generate/", `{"sku":"S1","temperature":1}`)
	r := pinned.request
	if len(r.Messages) != 2 || r.Messages[0].Content != "m" || r.Messages[1].Content != "S1" || *r.Params.Temperature != 1 || *r.Params.MaxTokens != 7 {
		b, _ := json.Marshal(r)
		t.Errorf("asked %s", b)
	}
	without := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "m", Generate: &named{name: "any"}}}}})
	if a := without.post(t, "/generate/", `{"sku":"S1"}`); a.status != 400 || !strings.Contains(a.body, "takes prompts, not products") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
