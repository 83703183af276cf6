package gateway_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/access"
	products "stylesprint/catalogue/answer"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// pageOf is the request of a form, which has been read already.
func pageOf(key string) *http.Request {
	r := httptest.NewRequest("POST", "/playground", strings.NewReader("prompt=x"))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	return r
}

func promptOf(text string) generate.Request {
	return generate.Request{Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: text}}}
}

// rationed lets so many requests pass, and notes what they used.
type rationed struct {
	left int
	used []stylesprint.Usage
}

func (c *rationed) Reserve(context.Context, gateway.Caller, int) (func(stylesprint.Usage, stylesprint.Money), error) {
	if c.left--; c.left < 0 {
		return nil, &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "enough for now"}
	}
	return func(u stylesprint.Usage, _ stylesprint.Money) { c.used = append(c.used, u) }, nil
}

// What a page asks passes what stands before the API: keys, scopes, limits, the content policy,
// metrics and the request log.
func TestAskForAPage(t *testing.T) {
	t.Parallel()
	guard, log, limits := guarded(t), &ledger{}, &rationed{left: 2}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(script())}, Stages: []gateway.Stage{guard.Stage()}, Requests: log, LogBodies: true, Limits: limits,
		Auth: callers{"asks": {KeyID: "key-7", Scopes: []access.Scope{access.Generate}}, "reviews": {KeyID: "key-8", Scopes: []access.Scope{access.Review}}}}})
	reply, err := s.Ask(pageOf("asks"), "/playground", promptOf("mail"))
	if err != nil || reply.Text != "Ask [email] or the rival brand." {
		t.Errorf("%q, %v", reply.Text, err)
	}
	if reply.Model == "" || reply.Model == "exact-1" {
		t.Errorf("the reply is by %q, want the public name", reply.Model)
	}
	cases := []struct {
		name, key, model, text string
		want                   stylesprint.Code
	}{
		{"a text that may not be said", "asks", "", "card", stylesprint.CodeRefused},
		{"a spent limit", "asks", "", "a shirt", stylesprint.CodeRateLimited},
		{"a model that is not served", "asks", "none", "a shirt", stylesprint.CodeNotFound},
		{"another scope", "reviews", "", "a shirt", stylesprint.CodeForbidden},
		{"nobody", "", "", "a shirt", stylesprint.CodeUnauthorized},
	}
	for _, c := range cases {
		req := promptOf(c.text)
		req.Model = c.model
		reply, err := s.Ask(pageOf(c.key), "/playground", req)
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != c.want || reply.Text != "" {
			t.Errorf("%s: %v, want %s; text %q", c.name, err, c.want, reply.Text)
		}
	}
	if _, err := s.Ask(pageOf("asks"), "/playground", generate.Request{}); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
		t.Errorf("without a message: %v", err)
	}
	if len(limits.used) != 2 || limits.used[0].CompletionTokens == 0 {
		t.Errorf("settled %+v", limits.used)
	}
	if a := s.do(t, "GET", "/metrics", ""); !strings.Contains(a.body, `route="/playground"`) {
		t.Error("metrics know nothing of the page")
	}
	records := log.wait(t, 6) // nobody's request leaves none
	first := records[0]
	if first.Route != "/playground" || first.KeyID != "key-7" || first.Status != 200 || first.Response != withoutMail || first.Flags == "" {
		t.Errorf("the request log says %+v", first)
	}
	for _, r := range records {
		if strings.Contains(r.Response, "4111") {
			t.Errorf("kept %+v", r)
		}
	}
}

const withoutMail = "Ask [email] or the rival brand."

// told answers as an Answerer that asks its question's model does.
type told struct{}

func (told) Answer(ctx context.Context, q products.Question) (products.Answer, error) {
	if q.SKU == "" {
		return products.Answer{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "sku", Message: "there is no product with this SKU"}
	}
	if q.Text == "record" || q.Generator == nil {
		return products.Answer{Text: "the record's words"}, nil
	}
	reply, err := q.Generator.Generate(ctx, promptOf(q.Text))
	return products.Answer{Text: reply.Text}, err
}

func TestAnswerQuestionForAPage(t *testing.T) {
	t.Parallel()
	guard, log, limits := guarded(t), &ledger{}, &rationed{left: 3} // a question about no product counts too
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(script())}, Stages: []gateway.Stage{guard.Stage()}, Requests: log, Limits: limits, Answer: told{}}})
	ask := func(sku, text string) (products.Answer, error) {
		return s.AnswerQuestion(pageOf(""), "/questions", products.Question{SKU: sku, Text: text})
	}
	if a, err := ask("S", "mail"); err != nil || a.Text != withoutMail || a.RequestID == "" {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := ask("", "mail"); stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		t.Errorf("no such product: %v", err)
	}
	if a, err := ask("S", "record"); err != nil || a.Text != "the record's words" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, text := range []string{"record", "mail"} { // an answer without a model counts too
		if a, err := ask("S", text); stylesprint.CodeOf(err) != stylesprint.CodeRateLimited || a.Text != "" {
			t.Errorf("%s, over the limit: %+v, %v", text, a, err)
		}
	}
	if r := log.wait(t, 5); len(r) != 5 || r[0].Route != "/questions" {
		t.Errorf("the request log says %+v", r)
	}
	none := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(script())}}})
	if _, err := none.AnswerQuestion(pageOf(""), "/questions", products.Question{SKU: "S", Text: "mail"}); stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		t.Errorf("a server without a catalogue: %v", err)
	}
}
