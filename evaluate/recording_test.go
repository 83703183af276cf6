package evaluate_test

import (
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	r, m, store, plan := setup(t, 6)
	plan.Repeat = 2
	live, err := r.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := evaluate.WriteRecording(t.Context(), &text, store, live.ID); err != nil {
		t.Fatal(err)
	}
	rec, err := evaluate.ReadRecording(strings.NewReader("\ufeff"+text.String()), "live.jsonl", 0)
	if err != nil || rec.Len() != 12 || rec.Repeat() != 2 {
		t.Fatalf("%v", err)
	}
	replay := &evaluate.Runner{Store: store, Metrics: r.Metrics}
	plan.Recorded = rec
	run, err := replay.Run(t.Context(), plan)
	if err != nil || run.ID == live.ID || run.Status != evaluate.StatusDone {
		t.Fatalf("%+v %v", run, err)
	}
	want := store.All(live.ID)
	for i, o := range store.All(run.ID) {
		if !o.Replayed || o.Latency != 0 || o.Text != want[i].Text || o.Cost != want[i].Cost || o.Usage != want[i].Usage {
			t.Errorf("%+v", o)
		}
	}
	for i := range run.Scores {
		if run.Scores[i] != live.Scores[i] {
			t.Errorf("%+v, want %+v", run.Scores[i], live.Scores[i])
		}
	}
	if m.total() != 12 {
		t.Errorf("%d calls", m.total())
	}
}

// TestPartlyRecorded calls only for what the record lacks; without a model
// that is a failure.
func TestPartlyRecorded(t *testing.T) {
	t.Parallel()
	r, m, store, plan := setup(t, 4)
	rec, err := evaluate.ReadRecording(strings.NewReader(`{"id":"p-000","text":"A fine dress","usage":{"prompt_tokens":1,"completion_tokens":2}}`+"\n\n"+`{"item_id":"p-002","error":"declined","code":"refused"}`), "r.jsonl", 0)
	if err != nil {
		t.Fatal(err)
	}
	plan.Recorded = rec
	run, err := r.Run(t.Context(), plan)
	if err != nil || m.total() != 2 || run.Failed != 1 {
		t.Fatalf("%+v %v, %d calls", run, err, m.total())
	}
	for _, o := range store.All(run.ID) {
		if o.Replayed != (o.ItemID == "p-000" || o.ItemID == "p-002") {
			t.Errorf("%+v", o)
		}
	}
	r.Client = nil
	plan.New = true
	run, err = r.Run(t.Context(), plan)
	if err != nil || run.Failed != 3 {
		t.Fatalf("%+v %v", run, err)
	}
	if o := store.All(run.ID)[1]; o.Code != stylesprint.CodeNotFound || o.Error != "the record holds no answer" {
		t.Errorf("%+v", o)
	}
}

func TestRecordingFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"", "r.jsonl holds no recorded outputs"},
		{"{", "r.jsonl, line 1: is not a recorded output"},
		{`{"text":"x"}`, "line 1: field item_id is missing"},
		{`{"item_id":"a"}`, "line 1: has neither text nor error"},
		{`{"item_id":"a","text":"x","repeat":-1}`, "field repeat is negative"},
		{`{"item_id":"a","text":3}`, "is not a recorded output"},
		{"{\"item_id\":\"a\",\"text\":\"x\"}\n{\"id\":\"a\",\"text\":\"y\"}", `r.jsonl, line 2: item "a", repeat 0 is recorded twice`},
		{"{\"id\":\"\xff\"}", "r.jsonl, line 1: is not UTF-8"},
	} {
		_, err := evaluate.ReadRecording(strings.NewReader(c.text), "r.jsonl", 0)
		if err == nil || !strings.Contains(err.Error(), c.want) || stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
	r, _, _, plan := setup(t, 2)
	rec, err := evaluate.ReadRecording(strings.NewReader(`{"id":"elsewhere","text":"x"}`), "r.jsonl", 0)
	if err != nil {
		t.Fatal(err)
	}
	plan.Recorded = rec
	if _, err := r.Run(t.Context(), plan); err == nil || !strings.Contains(err.Error(), `r.jsonl records 1 outputs of items that dataset demo does not have, such as "elsewhere"`) {
		t.Errorf("%v", err)
	}
}

func FuzzReadRecording(f *testing.F) {
	f.Add(`{"item_id":"a","text":"x","cost":0.5,"finished":"2026-01-02T03:04:05Z"}`)
	f.Add("{\"id\":\"a\",\"text\":\"x\",\"repeat\":3}\n{\"id\":\"b\",\"error\":\"e\"}")
	f.Fuzz(func(t *testing.T, text string) {
		rec, err := evaluate.ReadRecording(strings.NewReader(text), "f", 1<<16)
		if err == nil && rec.Len() == 0 {
			t.Fatal("an empty record was accepted")
		}
	})
}
