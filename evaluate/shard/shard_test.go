package shard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/shard"
	"stylesprint/generate"
	"stylesprint/store/sqlite"
)

var words = strings.Fields("linen dress with a soft collar and wide sleeves cut for warm evenings in the city made of cotton silk wool midnight blue green red light long short")

func sentence(r *rand.Rand, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = words[r.IntN(len(words))]
	}
	return strings.Join(out, " ")
}

// items makes n items, about three in a family, the first of which have no family.
func items(n int) []dataset.Item {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]dataset.Item, n)
	for i := range out {
		out[i] = dataset.Item{ID: fmt.Sprintf("item-%04d", i), Fields: map[string]string{"name": sentence(r, 3)}, References: []string{sentence(r, 12)}, Split: "test"}
		if i >= n/5 {
			out[i].Family = fmt.Sprint("family ", r.IntN(n/3))
		}
		if i%7 == 0 {
			out[i].References = append(out[i].References, sentence(r, 9))
		}
	}
	return out
}

func data(t *testing.T, n int) dataset.Dataset {
	t.Helper()
	d, err := dataset.New("made", items(n))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// answers makes recorded outputs that take over a share of the reference's words.
func answers(d dataset.Dataset, seed uint64, share float64) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	for i, item := range d.Items {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		text := strings.Fields(item.References[0])
		for j := range text {
			if r.Float64() > share {
				text[j] = words[r.IntN(len(words))]
			}
		}
		o := map[string]any{"item_id": item.ID, "text": strings.Join(text[:1+r.IntN(len(text))], " "), "usage": map[string]int{"prompt_tokens": 20, "completion_tokens": len(text)}}
		if i%50 == 49 {
			o = map[string]any{"item_id": item.ID, "error": "the provider failed"}
		}
		_ = e.Encode(o)
	}
	return b.String()
}

func record(text string) shard.Record {
	return shard.Record{Name: "outputs.jsonl", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func store(t *testing.T) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func metrics(t *testing.T) []metric.Metric {
	t.Helper()
	var out []metric.Metric
	for _, name := range []string{"bleu", "bleu-mean", "length"} {
		m, err := metric.New(t.Context(), name, metric.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func candidate(name string) evaluate.Candidate {
	return evaluate.Candidate{Name: name, Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2, Currency: "EUR"}}
}

func split(t *testing.T, d dataset.Dataset, size int) shard.Set {
	t.Helper()
	set, err := shard.Split(t.Context(), shard.Memory(d), shard.Options{Folder: t.TempDir(), Size: size, Split: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// sharded runs recorded answers over shards of a size.
func sharded(t *testing.T, db *sqlite.DB, d dataset.Dataset, name, text string, size int) evaluate.Run {
	t.Helper()
	set := split(t, d, size)
	rec, err := shard.SplitRecord(t.Context(), record(text), shard.Memory(d), set)
	if err != nil {
		t.Fatal(err)
	}
	r := shard.Runner{Runner: evaluate.Runner{Metrics: metrics(t)}, Store: db, Set: set, Recordings: rec, Plan: evaluate.Plan{Candidate: candidate(name)}}
	run, err := r.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// Sums of shards are the run as a whole: the same value at any size of a shard, the same
// replicates, and intervals like those of the usual bootstrap over families.
func TestShardsAddUp(t *testing.T) {
	t.Parallel()
	d, db := data(t, 600), store(t)
	text := answers(d, 1, 0.6)
	rec, err := evaluate.ReadRecording(strings.NewReader(text), "outputs.jsonl", 0)
	if err != nil {
		t.Fatal(err)
	}
	whole := evaluate.Runner{Store: db, Metrics: metrics(t)}
	want, err := whole.Run(t.Context(), evaluate.Plan{Dataset: d, Split: "test", Candidate: candidate("whole"), Recorded: rec})
	if err != nil {
		t.Fatal(err)
	}
	const sameValue, sameWidth = 1e-9, 0.2 // 0.2: two intervals of 1,000 samples each
	var first shard.Statistics
	for _, size := range []int{7, 90, 250, 10000} {
		run := sharded(t, db, d, "a", text, size)
		if run.Status != evaluate.StatusDone || run.Done != 600 || run.Failed != want.Failed || run.Total != 600 || !run.Sharded() {
			t.Errorf("size %d: %+v", size, run)
		}
		if len(run.Scores) != len(want.Scores) {
			t.Fatalf("size %d: scores %+v, want %+v", size, run.Scores, want.Scores)
		}
		for i, s := range run.Scores {
			w := want.Scores[i]
			if s.Metric != w.Metric || s.Signature != w.Signature || s.N != w.N || s.Unit != w.Unit || s.Level != w.Level || math.Abs(s.Value-w.Value) > sameValue {
				t.Errorf("size %d: %+v, want %+v", size, s, w)
			}
			if got, usual := s.High-s.Low, w.High-w.Low; math.Abs(got/usual-1) > sameWidth || s.Low > s.Value || s.High < s.Value {
				t.Errorf("size %d: %s has the interval %v to %v, the usual bootstrap %v to %v", size, s.Metric, s.Low, s.High, w.Low, w.High)
			}
		}
		body, err := db.Statistics(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		s, err := shard.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		if first.Version == 0 {
			first = s
			continue
		}
		for i, m := range s.Metrics {
			for j, v := range m.Values {
				if math.Abs(v-first.Metrics[i].Values[j]) > sameValue {
					t.Fatalf("size %d: replicate %d of %s is %v, and %v in shards of 7", size, j, m.Name, v, first.Metrics[i].Values[j])
				}
			}
		}
		op := s.Operation
		if op.Outputs != 600 || op.Replayed != 600 || op.Failed != want.Failed || op.Usage.PromptTokens != 588*20 || op.Cost != first.Operation.Cost || s.Items != 600 || s.Families != first.Families {
			t.Errorf("size %d: %+v", size, op)
		}
	}
}

func TestMergeInAnyOrder(t *testing.T) {
	t.Parallel()
	d, db := data(t, 200), store(t)
	run := sharded(t, db, d, "a", answers(d, 1, 0.6), 30)
	children, err := db.Runs(t.Context(), evaluate.Filter{Parent: run.ID})
	if err != nil || len(children) < 4 {
		t.Fatalf("%d shards, %v", len(children), err)
	}
	merge := func(order []evaluate.Run) shard.Statistics {
		var all shard.Statistics
		for i, c := range order {
			body, err := db.Statistics(t.Context(), c.ID)
			if err != nil {
				t.Fatal(err)
			}
			s, err := shard.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				all = s
			} else if err := all.Merge(s); err != nil {
				t.Fatal(err)
			}
		}
		return all
	}
	a := merge(children)
	slices.Reverse(children)
	b := merge(children)
	if a.Families != b.Families || !maps.Equal(a.Operation.Latency.Bins, b.Operation.Latency.Bins) || a.Operation.Cost != b.Operation.Cost {
		t.Error("counts depend on the order")
	}
	for i, m := range a.Metrics {
		for j, v := range m.Replicates {
			if w := b.Metrics[i].Replicates[j]; math.Abs(v-w) > 1e-9*math.Abs(v) {
				t.Fatalf("%s: replicate sums %v and %v", m.Name, v, w)
			}
		}
	}
	a.Metrics[0].Signature = "another"
	if err := a.Merge(b); stylesprint.CodeOf(err) != stylesprint.CodeConflict {
		t.Errorf("shards that were measured differently were merged: %v", err)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	d, db := data(t, 600), store(t)
	worse := sharded(t, db, d, "worse", answers(d, 1, 0.3), 100)
	better := sharded(t, db, d, "better", answers(d, 2, 0.7), 250) // shards of another size pair all the same
	same := sharded(t, db, d, "same", answers(d, 1, 0.3)+"\n", 90)
	got, err := shard.Compare(t.Context(), db, []string{worse.ID, better.ID, same.ID}, shard.CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Items != 600 || got.Baseline != worse.ID || len(got.Candidates) != 3 || got.Candidates[0].Differences != nil {
		t.Fatalf("%+v", got)
	}
	for _, diff := range got.Candidates[1].Differences {
		if diff.Metric == "bleu" && (diff.Verdict != shard.Better || diff.Low <= 0 || diff.P > 0.01 || math.Abs(diff.Delta-(better.Scores[0].Value-worse.Scores[0].Value)) > 1e-9) {
			t.Errorf("better: %+v", diff)
		}
	}
	for _, diff := range got.Candidates[2].Differences {
		if math.Abs(diff.Delta) > 1e-9 || math.Abs(diff.Low) > 1e-9 || math.Abs(diff.High) > 1e-9 || diff.P != 1 || diff.PAdjusted != 1 {
			t.Errorf("the same texts in other shards differ: %+v", diff)
		}
	}
	if len(got.Candidates[2].Differences) != 4 { // cost, bleu, bleu-mean, length; no latency, as all was replayed
		t.Errorf("differences %+v", got.Candidates[2].Differences)
	}

	plain := evaluate.Run{ID: "plain", Status: evaluate.StatusDone}
	other := better
	other.ID, other.DatasetHash = "other", "x"
	running := better
	running.ID, running.Status = "running", evaluate.StatusRunning
	for _, r := range []evaluate.Run{plain, other, running} {
		if err := db.SaveRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	body, err := db.Statistics(t.Context(), better.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.SaveStatistics(t.Context(), "other", body); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"plain": "is not sharded", "other": "different items", "running": "is not done"} {
		if _, err := shard.Compare(t.Context(), db, []string{worse.ID, id}, shard.CompareOptions{}); err == nil || !strings.Contains(err.Error(), want) || stylesprint.HintOf(err) == "" {
			t.Errorf("%s: %v", id, err)
		}
	}
	if _, err := shard.Compare(t.Context(), db, []string{worse.ID}, shard.CompareOptions{}); err == nil {
		t.Error("one run was compared")
	}
	if _, err := shard.Compare(t.Context(), db, []string{worse.ID, better.ID}, shard.CompareOptions{Baseline: "nobody"}); err == nil {
		t.Error("an unknown baseline was taken")
	}
}

// asked is a model that counts its calls and may fail.
type asked struct {
	mu    sync.Mutex
	calls map[string]int
	fail  func(call int) error
}

func (a *asked) Generate(_ context.Context, req generate.Request) (stylesprint.Reply, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.calls == nil {
		a.calls = map[string]int{}
	}
	a.calls[req.Messages[0].Content]++
	n := 0
	for _, c := range a.calls {
		n += c
	}
	if a.fail != nil {
		if err := a.fail(n); err != nil {
			return stylesprint.Reply{}, err
		}
	}
	return stylesprint.Reply{Text: "a soft collar", Latency: 1e6, Usage: stylesprint.Usage{PromptTokens: 1, CompletionTokens: 3}}, nil
}

// A run that is stopped resumes where it was: nothing is asked twice, what was done is
// skipped, and the counters tell of all shards.
func TestResume(t *testing.T) {
	t.Parallel()
	d, db := data(t, 120), store(t)
	for i := range d.Items {
		d.Items[i].Fields = map[string]string{"name": d.Items[i].ID, "category": "dress", "colour": "red", "material": "linen", "fit": "wide"}
	}
	d, err := dataset.New(d.Name, d.Items)
	if err != nil {
		t.Fatal(err)
	}
	set := split(t, d, 20)
	m := &asked{}
	ctx, cancel := context.WithCancel(t.Context())
	m.fail = func(n int) error {
		if n == 50 {
			cancel()
		}
		return nil
	}
	var told shard.Progress
	runner := func() *shard.Runner {
		return &shard.Runner{Runner: evaluate.Runner{Client: m, Prompt: anyPrompt{}, Metrics: metrics(t)}, Store: db, Set: set, Plan: evaluate.Plan{Candidate: candidate("a")},
			Progress: func(p shard.Progress) {
				if p.Done < told.Done || p.Total != 120 {
					t.Errorf("progress goes from %+v to %+v", told, p)
				}
				told = p
			}}
	}
	run, err := runner().Run(ctx)
	if stylesprint.CodeOf(err) != stylesprint.CodeCancelled || stylesprint.HintOf(err) == "" || run.Status != evaluate.StatusInterrupted {
		t.Fatalf("%v, %+v", err, run)
	}
	if run.Done < 49 || run.Done > 50 {
		t.Errorf("%d outputs are there after 50 calls", run.Done)
	}
	m.fail = nil
	told = shard.Progress{}
	if run, err = runner().Run(t.Context()); err != nil || run.Status != evaluate.StatusDone || run.Done != 120 {
		t.Fatalf("%v, %+v", err, run)
	}
	if told.Done != 120 {
		t.Errorf("progress ends at %+v", told)
	}
	total := 0
	for _, n := range m.calls {
		total += n
	}
	if total != 120+run.RepeatedCalls || run.RepeatedCalls > 1 {
		t.Errorf("%d calls for 120 items, %d repeated", total, run.RepeatedCalls)
	}
	again, err := runner().Run(t.Context())
	if err != nil || !again.Finished.Equal(run.Finished) {
		t.Errorf("a run that is done was done again: %v, %+v", err, again)
	}
	fresh := runner()
	fresh.Plan.New = true
	told = shard.Progress{}
	if other, err := fresh.Run(t.Context()); err != nil || other.ID != run.ID+"-2" || other.Done != 120 {
		t.Errorf("a new run: %v, %+v", err, other)
	}
}

// anyPrompt asks for the item by name.
type anyPrompt struct{}

func (anyPrompt) Render(v map[string]string) ([]stylesprint.Message, error) {
	return []stylesprint.Message{{Role: stylesprint.RoleUser, Content: v["name"]}}, nil
}

// forgetful loses the statistics of a shard once, as a kill between two writes does.
type forgetful struct {
	*sqlite.DB
	left int
}

func (f *forgetful) SaveStatistics(ctx context.Context, id string, body []byte) error {
	if f.left--; f.left == 0 {
		return errors.New("killed")
	}
	return f.DB.SaveStatistics(ctx, id, body)
}

func TestStatisticsAreMadeAgain(t *testing.T) {
	t.Parallel()
	d := data(t, 90)
	set := split(t, d, 20)
	db := &forgetful{store(t), 3}
	m := &asked{}
	r := shard.Runner{Runner: evaluate.Runner{Client: m, Prompt: anyPrompt{}, Metrics: metrics(t)[:2]}, Store: db, Set: set, Plan: evaluate.Plan{Candidate: candidate("a")}}
	run, err := r.Run(t.Context())
	if err == nil || run.Status != evaluate.StatusFailed || !strings.Contains(run.Error, "shard 3") {
		t.Fatalf("%v, %+v", err, run)
	}
	if run, err = r.Run(t.Context()); err != nil || run.Status != evaluate.StatusDone || run.Error != "" {
		t.Fatalf("%v, %+v", err, run)
	}
	// Another metric is measured over outputs that are there; the others' statistics stay.
	r.Runner.Metrics = metrics(t)[2:]
	if run, err = r.Run(t.Context()); err != nil || len(run.Scores) != 3 {
		t.Fatalf("%v, %+v", err, run.Scores)
	}
	total := 0
	for _, n := range m.calls {
		total += n
	}
	if total != 90 {
		t.Errorf("%d calls for 90 items", total)
	}
}

// A metric that looks at all outputs together looks at those of a shard, says so, and is
// not compared across sizes.
func TestWholeCorpusWithinShards(t *testing.T) {
	t.Parallel()
	d, db := data(t, 200), store(t)
	distinct, err := metric.New(t.Context(), "distinct-2", metric.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i, size := range []int{40, 40, 90} {
		set := split(t, d, size)
		rec, err := shard.SplitRecord(t.Context(), record(answers(d, uint64(i), 0.5)), shard.Memory(d), set)
		if err != nil {
			t.Fatal(err)
		}
		r := shard.Runner{Runner: evaluate.Runner{Metrics: []metric.Metric{distinct}}, Store: db, Set: set, Recordings: rec, Plan: evaluate.Plan{Candidate: candidate(fmt.Sprint(i))}}
		run, err := r.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if s := run.Scores[0]; s.Signature != distinct.Signature(metric.VaryingReferences)+fmt.Sprintf("|within:shard-%d", size) || s.N != 200 {
			t.Errorf("%+v", s)
		}
		ids = append(ids, run.ID)
	}
	got, err := shard.Compare(t.Context(), db, ids, shard.CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	has := func(c shard.Candidate) bool {
		return slices.ContainsFunc(c.Differences, func(d shard.Difference) bool { return d.Metric == "distinct-2" })
	}
	if !has(got.Candidates[1]) || has(got.Candidates[2]) || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "within:shard-90") {
		t.Errorf("differences %+v and %+v, notes %q", got.Candidates[1].Differences, got.Candidates[2].Differences, got.Notes)
	}
}
