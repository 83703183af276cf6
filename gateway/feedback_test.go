package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/gateway"
	"stylesprint/generate/fake"
)

// box is a store of feedback in memory.
type box struct {
	mu   sync.Mutex
	kept []stylesprint.Feedback
	fail error
	// made are requests by key; each is found after so many looks.
	made  map[[2]string]int
	looks int
	blind error // of looking
}

func (b *box) MadeRequest(_ context.Context, key, id string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	after, known := b.made[[2]string{key, id}]
	return known && b.looks > after, b.blind
}

func (b *box) AddFeedback(_ context.Context, f stylesprint.Feedback) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kept = append(b.kept, f)
	return b.fail
}

func (b *box) EraseFeedback(_ context.Context, subject string) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, f := range b.kept {
		if f.Subject == subject {
			n++
		}
	}
	return n, b.fail
}

func feedbackOptions(b *box) *gateway.Feedback {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	return &gateway.Feedback{
		Store: b, Key: stylesprint.NewSecret(strings.Repeat("k", 32)), PerMinute: 30, Patience: time.Millisecond,
		Clean: func(s string) string { return strings.ReplaceAll(s, "secret", "[mark]") },
		Now:   func() time.Time { return now },
	}
}

func TestFeedback(t *testing.T) {
	t.Parallel()
	b := &box{}
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Feedback: feedbackOptions(b), Requests: log}})
	a := s.post(t, "/feedback", `{"request_id":"req_1","rating":-1,"edited_text":"a secret\u0000","consent":true,"subject":" anna "}`)
	if a.status != 201 || a.json(t)["request_id"] != "req_1" || a.json(t)["consent"] != true {
		t.Fatalf("%d %s", a.status, a.body)
	}
	got := b.kept[0]
	if got.RequestID != "req_1" || got.Rating != -1 || got.EditedText != "a [mark]\uFFFD" || !got.Consent || len(got.Subject) != 64 || got.ID == "" || got.Time.Hour() != 12 {
		t.Errorf("%+v", got)
	}
	if a := s.post(t, "/feedback", `{"request_id":"x~Y_.-9","rating":0}`); a.status != 201 || b.kept[1].Subject != "" || b.kept[1].Consent {
		t.Errorf("%d %s %+v", a.status, a.body, b.kept[1])
	}
	for body, field := range map[string]string{
		`{"rating":1}`:                    "request_id",
		`{"request_id":"a b","rating":1}`: "request_id",
		`{"request_id":"` + strings.Repeat("a", 129) + `","rating":1}`: "request_id",
		`{"request_id":"a"}`:              "rating",
		`{"request_id":"a","rating":2}`:   "rating",
		`{"request_id":"a","rating":0.5}`: "rating",
		`{"request_id":"a","rating":"1"}`: "rating",
		`{"request_id":"a","rating":1,"edited_text":"` + strings.Repeat("a", 33<<10) + `"}`: "edited_text",
		`{"request_id":"a","rating":1,"subject":"` + strings.Repeat("a", 257) + `"}`:        "subject",
		`{"request_id":"a","rating":1,"consent":"yes"}`:                                     "consent",
		`{"request_id":"a","rating":1,"user":"x"}`:                                          "user",
	} {
		if a := s.post(t, "/feedback", body); a.status != 400 || a.json(t)["field"] != field {
			t.Errorf("%.80s: %d %.200s", body, a.status, a.body)
		}
	}
	for query, status := range map[string]int{"?subject=anna": 200, "?subject=ben": 200, "": 400, "?subject=": 400, "?subject=%20": 400, "?subject=anna&all=1": 400, "?subject=%ff": 400} {
		a := s.do(t, "DELETE", "/feedback"+query, "")
		if a.status != status {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
		if want := `{"erased":1}`; query == "?subject=anna" && strings.TrimSpace(a.body) != want {
			t.Errorf("%s", a.body)
		}
	}
	if strings.Contains(s.log.String(), "anna") || len(log.all()) > 0 {
		t.Errorf("log: %s", s.log.String())
	}
	b.fail = &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the database is away"}
	if a := s.post(t, "/feedback", `{"request_id":"a","rating":1}`); a.status != 503 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestFeedbackIsLimitedByKey(t *testing.T) {
	t.Parallel()
	o := feedbackOptions(&box{made: map[[2]string]int{{"first", "a"}: 0, {"second", "a"}: 0}})
	o.PerMinute = 3
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Feedback: o, Auth: byName{}}})
	send := func(key string) answer {
		return s.do(t, "POST", "/feedback", `{"request_id":"a","rating":1}`, "Authorization", "Bearer "+key)
	}
	for i := range 4 {
		a := send("first")
		if want := map[bool]int{true: 201, false: 429}[i < 3]; a.status != want {
			t.Errorf("%d: %d %s", i, a.status, a.body)
		}
	}
	if a := send("second"); a.status != 201 {
		t.Errorf("another key: %d %s", a.status, a.body)
	}
	if a := send(""); a.status != 401 {
		t.Errorf("no key: %d", a.status)
	}
}

// byName lets every key in, as a caller of the same name.
type byName struct{}

func (byName) Authenticate(_ *http.Request, key stylesprint.Secret) (gateway.Caller, error) {
	switch key.Reveal() {
	case "":
		return gateway.Caller{}, &stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "A key is needed"}
	case "root":
		return gateway.Caller{KeyID: "root", Scopes: []access.Scope{access.Admin}}, nil
	case "rater":
		return gateway.Caller{KeyID: "rater", Scopes: []access.Scope{access.Review}}, nil
	}
	return gateway.Caller{KeyID: key.Reveal(), Scopes: []access.Scope{access.Generate}}, nil
}

// Where keys are asked for, those who may use the models give feedback, and nobody erases
// but an administrator.
func TestErasingNeedsAnAdministrator(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Feedback: feedbackOptions(&box{made: map[[2]string]int{{"user", "a"}: 0}}), Auth: byName{}}})
	for key, want := range map[string]struct{ erase, give int }{"": {401, 401}, "root": {200, 201}, "user": {403, 201}, "rater": {403, 403}} {
		if a := s.do(t, "DELETE", "/feedback?subject=x", "", "Authorization", "Bearer "+key); a.status != want.erase {
			t.Errorf("key %q erases: %d %s", key, a.status, a.body)
		}
		if a := s.do(t, "POST", "/feedback", `{"request_id":"a","rating":1}`, "Authorization", "Bearer "+key); a.status != want.give {
			t.Errorf("key %q gives: %d %s", key, a.status, a.body)
		}
	}
}

func TestNoFeedback(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	for _, method := range []string{"POST", "DELETE"} {
		if a := s.do(t, method, "/feedback?subject=x", `{"request_id":"a","rating":1}`); a.status != 404 {
			t.Errorf("%s: %d %s", method, a.status, a.body)
		}
	}
	_, err := gateway.New(gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Feedback: &gateway.Feedback{PerMinute: -1, Patience: -1}, Disclosure: gateway.Disclosure{Program: "two words", Statement: "a\nb"}})
	for _, want := range []string{"feedback.store", "feedback.key", "feedback.per_minute", "feedback.patience", "disclosure.program", "disclosure.statement"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in %v", want, err)
		}
	}
}

// A key rates what it has asked itself. What another has asked is as unknown as what nobody has.
func TestKeysRateTheirOwnAnswers(t *testing.T) {
	t.Parallel()
	b := &box{made: map[[2]string]int{{"anna", "req_1"}: 0, {"anna", "req_2"}: 3}}
	quick, patient := feedbackOptions(b), feedbackOptions(b)
	patient.Patience = time.Minute
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Feedback: quick, Auth: byName{}}})
	late := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Feedback: patient, Auth: byName{}}})
	to := func(s *server, key, id string) answer {
		b.mu.Lock()
		b.looks = 0
		b.mu.Unlock()
		return s.do(t, "POST", "/feedback", `{"request_id":"`+id+`","rating":1}`, "Authorization", "Bearer "+key)
	}
	give := func(key, id string) answer { return to(s, key, id) }
	if a := give("anna", "req_1"); a.status != 201 || b.looks != 1 {
		t.Errorf("its own: %d %s after %d looks", a.status, a.body, b.looks)
	}
	others, nobodys := give("ben", "req_1"), give("ben", "req_9")
	strip := func(a answer) string { return strings.ReplaceAll(a.body, a.header.Get("X-Request-Id"), "") }
	if others.status != 404 || strip(others) != strip(nobodys) || others.json(t)["field"] != "request_id" || !strings.Contains(others.body, "try again") {
		t.Errorf("another's: %d %s\nnobody's: %d %s", others.status, others.body, nobodys.status, nobodys.body)
	}
	if a := give("root", "req_9"); a.status != 201 || b.looks != 0 {
		t.Errorf("an administrator: %d %s", a.status, a.body)
	}
	if len(b.kept) != 2 {
		t.Errorf("kept %+v", b.kept)
	}
	if a := to(late, "anna", "req_2"); a.status != 201 || b.looks != 4 {
		t.Errorf("one that reaches the log late: %d %s after %d looks", a.status, a.body, b.looks)
	}
	b.blind = &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "db.internal is away"}
	if a := give("anna", "req_1"); a.status != 503 || strings.Contains(a.body, "db.internal") {
		t.Errorf("a database that is away: %d %s", a.status, a.body)
	}
}
