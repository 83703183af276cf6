package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"stylesprint"
)

// Feedback keeps what people say of answers.
type Feedback interface {
	// AddFeedback stores one; an id that is there already is left as it is.
	AddFeedback(ctx context.Context, f stylesprint.Feedback) error
	// MadeRequest says whether a key has made the request with an id.
	MadeRequest(ctx context.Context, key, id string) (bool, error)
	// EraseFeedback deletes what a subject has said, and counts it.
	EraseFeedback(ctx context.Context, subject string) (int, error)
	// ExpireFeedback deletes what was given without consent before a time, and counts it.
	ExpireFeedback(ctx context.Context, before time.Time) (int, error)
	// FeedbackExamples yields what was given with consent, oldest first.
	FeedbackExamples(ctx context.Context, yield func(stylesprint.FeedbackExample) error) error
}

func feedback(id, subject string, seconds int, consent bool) stylesprint.Feedback {
	return stylesprint.Feedback{ID: id, RequestID: "req-" + id, Time: start().Add(time.Duration(seconds) * time.Second), Rating: -1, Consent: consent, Subject: subject}
}

func examples(t *testing.T, s Store) (out []stylesprint.FeedbackExample) {
	t.Helper()
	if err := s.FeedbackExamples(context.Background(), func(e stylesprint.FeedbackExample) error { out = append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func exampleIDs(t *testing.T, s Store) string {
	t.Helper()
	var ids []string
	for _, e := range examples(t, s) {
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

func testFeedback(t *testing.T, s Store) {
	ctx := context.Background()
	give := func(list ...stylesprint.Feedback) {
		t.Helper()
		for _, f := range list {
			if err := s.AddFeedback(ctx, f); err != nil {
				t.Fatalf("AddFeedback: %v", err)
			}
		}
	}
	full := filled[stylesprint.Feedback](1)
	give(full)
	equal(t, "feedback with every field set, of an unknown request", examples(t, s), []stylesprint.FeedbackExample{{Feedback: full}})
	again := full
	again.EditedText = "another"
	give(again)
	equal(t, "feedback that was sent again", examples(t, s), []stylesprint.FeedbackExample{{Feedback: full}})
	if n, err := s.EraseFeedback(ctx, full.Subject); n != 1 || err != nil {
		t.Errorf("EraseFeedback: %d, %v", n, err)
	}

	served := record("req-b", "small", 1)
	served.Release, served.Prompt, served.Response = "rel", "the prompt", "the answer"
	plain := record("req-c", "large", 1)
	add(t, s, served, plain)
	give(feedback("c", "anna", 2, true), feedback("b", "ben", 2, true), feedback("a", "anna", 3, true), feedback("old", "ben", 1, true),
		feedback("quiet", "anna", 1, false), feedback("late", "", 9, false))
	equal(t, "examples", exampleIDs(t, s), "old b c a")
	got := examples(t, s)
	equal(t, "an example with its request", got[1], stylesprint.FeedbackExample{Feedback: feedback("b", "ben", 2, true), Model: "small", Release: "rel", Prompt: "the prompt", Response: "the answer"})
	equal(t, "an example whose request has no texts", got[2], stylesprint.FeedbackExample{Feedback: feedback("c", "anna", 2, true), Model: "large"})

	stop := errors.New("stop")
	if err := s.FeedbackExamples(ctx, func(stylesprint.FeedbackExample) error { return stop }); err != stop {
		t.Errorf("yield's error became %v", err)
	}
	if n, err := s.ExpireFeedback(ctx, start().Add(9*time.Second)); n != 1 || err != nil {
		t.Errorf("ExpireFeedback: %d, %v", n, err)
	}
	if n, err := s.ExpireFeedback(ctx, start().Add(10*time.Second)); n != 1 || err != nil {
		t.Errorf("ExpireFeedback later: %d, %v", n, err)
	}
	equal(t, "examples after the rest has expired", exampleIDs(t, s), "old b c a")
	for subject, want := range map[string]int{"nobody": 0, "": 0, "anna": 2} {
		if n, err := s.EraseFeedback(ctx, subject); n != want || err != nil {
			t.Errorf("EraseFeedback %q: %d, %v", subject, n, err)
		}
	}
	equal(t, "examples after one was erased", exampleIDs(t, s), "old b")
	if err := s.AddFeedback(ctx, stylesprint.Feedback{ID: "x"}); err == nil {
		t.Error("feedback of no request was stored")
	}
}

func testFeedbackOwners(t *testing.T, s Store) {
	ctx := context.Background()
	made := func(id, key string) stylesprint.RequestRecord {
		r := record(id, "small", 1)
		r.KeyID = key
		return r
	}
	add(t, s, made("req_1", "anna"), made("req_2", "ben"), made("chosen~AAAAAAAA", "anna"), made("chosen~BBBBBBBB", "ben"), made("chosen-2~CCCCCCCC", "ben"), made("req_0", ""))
	for _, c := range []struct {
		key, id string
		want    bool
	}{
		{"anna", "req_1", true}, {"ben", "req_1", false}, {"anna", "req_2", false}, {"anna", "req_3", false}, {"", "req_0", false}, {"anna", "req_0", false},
		{"anna", "chosen", true}, {"ben", "chosen", true}, {"carl", "chosen", false}, {"ben", "chosen-2", true}, {"anna", "chosen-2", false},
		{"anna", "chosen~AAAAAAAA", true}, {"ben", "chosen~AAAAAAAA", false}, {"anna", "chose", false}, {"anna", "req", false}, {"anna", "", false}, {"an", "req_1", false},
	} {
		got, err := s.MadeRequest(ctx, c.key, c.id)
		if err != nil || got != c.want {
			t.Errorf("key %q, id %q: %v, %v; want %v", c.key, c.id, got, err, c.want)
		}
	}
}
