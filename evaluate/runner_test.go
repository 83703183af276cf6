package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/internal/fakestore"
	"stylesprint/evaluate/metric"
	"stylesprint/generate"
)

// model answers with the prompt and the seed, and counts calls by prompt.
type model struct {
	answer func(ctx context.Context, req generate.Request) (stylesprint.Reply, error)

	mu      sync.Mutex
	calls   map[string]int
	running atomic.Int32
	most    atomic.Int32
}

func (m *model) Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
	now := m.running.Add(1)
	defer m.running.Add(-1)
	for most := m.most.Load(); now > most && !m.most.CompareAndSwap(most, now); most = m.most.Load() {
	}
	m.mu.Lock()
	if m.calls == nil {
		m.calls = map[string]int{}
	}
	m.calls[req.Messages[0].Content]++
	m.mu.Unlock()
	if m.answer != nil {
		return m.answer(ctx, req)
	}
	return reply(req), nil
}

func (m *model) total() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.calls {
		n += c
	}
	return n
}

func reply(req generate.Request) stylesprint.Reply {
	return stylesprint.Reply{
		Text:  fmt.Sprintf("A fine %s, made with seed %d", req.Messages[0].Content, *req.Params.Seed),
		Usage: stylesprint.Usage{PromptTokens: 10, CompletionTokens: 20}, FinishReason: stylesprint.FinishStop, Latency: 30 * time.Millisecond,
	}
}

// nameOf is a prompt that is the field "name".
type nameOf struct{}

func (nameOf) Render(values map[string]string) ([]stylesprint.Message, error) {
	if values["name"] == "" {
		return nil, errors.New("variable name is missing")
	}
	return []stylesprint.Message{{Role: stylesprint.RoleUser, Content: values["name"]}}, nil
}

func items(t testing.TB, n int) dataset.Dataset {
	t.Helper()
	list := make([]dataset.Item, n)
	for i := range list {
		list[i] = dataset.Item{ID: fmt.Sprintf("p-%03d", i), Family: fmt.Sprintf("f-%d", i/2), Split: "test",
			Fields: map[string]string{"name": fmt.Sprintf("dress %d", i)}, References: []string{fmt.Sprintf("A fine dress %d, made of linen", i)}}
	}
	d, err := dataset.New("demo", list)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func setup(t testing.TB, n int) (*evaluate.Runner, *model, *fakestore.Store, evaluate.Plan) {
	t.Helper()
	metrics, err := metric.Default(t.Context(), metric.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, store := &model{}, fakestore.New()
	r := &evaluate.Runner{Store: store, Client: m, Prompt: nameOf{}, Metrics: metrics}
	temperature := 0.7
	return r, m, store, evaluate.Plan{
		Dataset: items(t, n), Concurrency: 3,
		Candidate: evaluate.Candidate{Name: "plain", Model: stylesprint.ModelRef{Provider: "local", Name: "small"}, Params: generate.Params{Temperature: &temperature},
			Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2}},
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	r, m, store, plan := setup(t, 8)
	plan.Repeat, plan.Machine = 2, "test machine"
	var seen []evaluate.Progress
	r.Progress = func(p evaluate.Progress) { seen = append(seen, p) }
	run, err := r.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	if run.Status != evaluate.StatusDone || run.Total != 16 || run.Done != 16 || run.Failed != 0 || run.RepeatedCalls != 0 || run.Finished.IsZero() ||
		run.Machine != "test machine" || run.Concurrency != 3 || run.DatasetHash != plan.Dataset.Hash {
		t.Errorf("%+v", run)
	}
	if m.total() != 16 || m.most.Load() > 3 {
		t.Errorf("%d calls, %d at once", m.total(), m.most.Load())
	}
	outs := store.All(run.ID)
	texts := map[string]bool{}
	for _, o := range outs {
		texts[o.Text] = true
		if o.Finished.IsZero() || o.Latency != 30*time.Millisecond || o.Cost != 50_000 || o.Scores["bleu"] <= 0 || math.Abs(o.Scores["bleu-mean"]*100-o.Scores["bleu"]) > 1e-9 || o.Scores["length"] < 6 {
			t.Errorf("%+v", o)
		}
	}
	if len(outs) != 16 || len(texts) != 16 {
		t.Errorf("%d outputs, %d different texts: repeats must have seeds of their own", len(outs), len(texts))
	}
	if len(run.Scores) != 3 {
		t.Fatalf("%+v", run.Scores)
	}
	for _, s := range run.Scores {
		if s.N != 8 || s.Level != 0.95 || !(s.Low <= s.Value && s.Value <= s.High) || s.Signature == "" || s.Missing != "" {
			t.Errorf("%+v", s)
		}
	}
	if got := corpusBLEU(t, plan.Dataset, outs); math.Abs(got-run.Scores[0].Value) > 1e-9 {
		t.Errorf("BLEU %v, want %v", run.Scores[0].Value, got)
	}
	last := seen[len(seen)-1]
	if len(seen) != 17 || seen[0].Phase != evaluate.PhaseGenerate || seen[15].Done != 16 || last.Phase != evaluate.PhaseScore || last.Done != last.Total {
		t.Errorf("%d reports, last %+v", len(seen), last)
	}
	stored, err := store.Run(t.Context(), run.ID)
	if err != nil || !reflect.DeepEqual(stored, run) {
		t.Errorf("stored %+v, %v", stored, err)
	}
}

func corpusBLEU(t *testing.T, d dataset.Dataset, outs []evaluate.Output) float64 {
	t.Helper()
	b, err := metric.NewBLEU(metric.BLEUOptions{})
	if err != nil {
		t.Fatal(err)
	}
	references := map[string][]string{}
	for _, item := range d.Items {
		references[item.ID] = item.References
	}
	var sum metric.Stats
	for _, o := range outs {
		sum = sum.Add(b.Stats(metric.Sample{Hypothesis: o.Text, References: references[o.ItemID]}))
	}
	return b.Corpus(sum).Score
}

func TestSamePlanIsSameRun(t *testing.T) {
	t.Parallel()
	r, m, _, plan := setup(t, 4)
	first, err := r.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	plan.Concurrency, plan.Candidate.Price = 1, stylesprint.Price{} // neither changes the outputs
	again, err := r.Run(t.Context(), plan)
	if err != nil || again.ID != first.ID || m.total() != 4 {
		t.Errorf("run %s after %s, %d calls: %v", again.ID, first.ID, m.total(), err)
	}
	if found, ok, err := r.Find(t.Context(), plan); err != nil || !ok || found.ID != first.ID {
		t.Errorf("Find: %v %v %v", found.ID, ok, err)
	}
	plan.New = true
	other, err := r.Run(t.Context(), plan)
	if err != nil || other.ID != first.ID+"-2" || m.total() != 8 {
		t.Errorf("run %s, %d calls: %v", other.ID, m.total(), err)
	}
	plan.New = false
	if latest, err := r.Run(t.Context(), plan); err != nil || latest.ID != other.ID {
		t.Errorf("the newest run is resumed: %s, %v", latest.ID, err)
	}
	seed := uint64(7)
	plan.Candidate.Params.Seed = &seed
	if _, ok, err := r.Find(t.Context(), plan); err != nil || ok {
		t.Errorf("another seed is another run: %v %v", ok, err)
	}
}

// TestInterruptAndResume ends the context in the middle of calls.
func TestInterruptAndResume(t *testing.T) {
	t.Parallel()
	r, m, store, plan := setup(t, 20)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var answered atomic.Int32
	m.answer = func(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
		if answered.Add(1) > 7 {
			cancel()
			<-ctx.Done()
			return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "cancelled", Err: ctx.Err()}
		}
		return reply(req), nil
	}
	run, err := r.Run(ctx, plan)
	if stylesprint.CodeOf(err) != stylesprint.CodeCancelled || !errors.Is(err, context.Canceled) || !strings.Contains(stylesprint.HintOf(unjoin(err)), "same command") {
		t.Fatalf("%v", err)
	}
	if run.Status != evaluate.StatusInterrupted || run.Done != 7 {
		t.Errorf("%+v", run)
	}
	flying := 0
	for _, o := range store.All(run.ID) {
		if o.Finished.IsZero() {
			flying++
		}
	}
	if flying == 0 || flying > plan.Concurrency {
		t.Errorf("%d calls in flight", flying)
	}
	m.answer = nil
	done, err := r.Run(t.Context(), plan)
	if err != nil || done.ID != run.ID || done.Status != evaluate.StatusDone || done.Done != 20 || done.RepeatedCalls != flying {
		t.Errorf("%+v %v; %d were in flight", done, err, flying)
	}
	checkOnce(t, m, store, done, flying)
}

// unjoin takes the first of joined errors.
func unjoin(err error) error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()[0]
	}
	return err
}

// checkOnce says that each item has one result, and that no more calls were
// made than there are items and repeated calls.
func checkOnce(t *testing.T, m *model, store *fakestore.Store, run evaluate.Run, repeated int) {
	t.Helper()
	outs := store.All(run.ID)
	seen := map[string]bool{}
	for _, o := range outs {
		if o.Finished.IsZero() || o.Error != "" || seen[o.ItemID] {
			t.Errorf("%+v", o)
		}
		seen[o.ItemID] = true
	}
	if len(outs) != run.Total || m.total() != run.Total+repeated {
		t.Errorf("%d outputs of %d, %d calls with %d repeated", len(outs), run.Total, m.total(), repeated)
	}
	fresh, _, _, plan := setup(t, run.Total)
	want, err := fresh.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range fresh.Store.(*fakestore.Store).All(want.ID) {
		for _, p := range outs {
			if p.ItemID == o.ItemID && p.Text != o.Text {
				t.Errorf("item %s: a resumed run wrote %q, a run in one go %q", o.ItemID, p.Text, o.Text)
			}
		}
	}
	if !reflect.DeepEqual(want.Scores, run.Scores) {
		t.Errorf("scores %+v, want %+v", run.Scores, want.Scores)
	}
}

// TestKilledAtEveryWrite cuts the store off after each number of writes, as a
// kill would, and starts the same plan on what is left.
func TestKilledAtEveryWrite(t *testing.T) {
	t.Parallel()
	dead := errors.New("killed")
	for after := 0; ; after++ {
		r, m, store, plan := setup(t, 6)
		plan.Concurrency = 2
		var writes atomic.Int32
		store.Fault = func(string) error {
			if writes.Add(1) > int32(after) {
				return dead
			}
			return nil
		}
		_, err := r.Run(t.Context(), plan)
		if err == nil {
			break // more writes than a whole run needs
		}
		if !errors.Is(err, dead) {
			t.Fatalf("after %d writes: %v", after, err)
		}
		store.Fault = nil
		flying := 0
		id := ""
		if run, ok, err := r.Find(t.Context(), plan); err != nil {
			t.Fatal(err)
		} else if ok {
			id = run.ID
		}
		stored := map[string]int{}
		for _, o := range store.All(id) {
			if o.Finished.IsZero() {
				flying++
			} else {
				stored["dress "+strings.TrimLeft(strings.TrimPrefix(o.ItemID, "p-"), "0")]++
			}
		}
		before := maps.Clone(m.calls)
		run, err := r.Run(t.Context(), plan)
		if err != nil || run.Status != evaluate.StatusDone || run.RepeatedCalls < flying || run.RepeatedCalls > flying+1 {
			t.Fatalf("after %d writes: %+v %v, %d in flight", after, run, err, flying)
		}
		for name, n := range stored {
			if n > 0 && m.calls[name] != before[name] {
				t.Errorf("after %d writes: %s was finished and was called again", after, name)
			}
		}
		for _, o := range store.All(run.ID) {
			if o.Finished.IsZero() || o.Text == "" {
				t.Errorf("after %d writes: %+v", after, o)
			}
		}
		if after > 200 {
			t.Fatal("the run never ends")
		}
	}
}

func TestFailuresAreKept(t *testing.T) {
	t.Parallel()
	r, m, store, plan := setup(t, 6)
	m.answer = func(_ context.Context, req generate.Request) (stylesprint.Reply, error) {
		switch req.Messages[0].Content {
		case "dress 1":
			return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeRefused, Message: "declined"}
		case "dress 4":
			return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeTimeout, Message: "too slow"}
		}
		return reply(req), nil
	}
	run, err := r.Run(t.Context(), plan)
	if err != nil || run.Status != evaluate.StatusDone || run.Failed != 2 || run.Done != 6 {
		t.Fatalf("%+v %v", run, err)
	}
	for _, o := range store.All(run.ID) {
		if failed := o.ItemID == "p-001" || o.ItemID == "p-004"; failed != (o.Error != "") || failed && (o.Scores["bleu"] != 0 || o.Code == "") {
			t.Errorf("%+v", o)
		}
	}
	if got := corpusBLEU(t, plan.Dataset, store.All(run.ID)); math.Abs(got-run.Scores[0].Value) > 1e-9 {
		t.Errorf("a failure counts as an empty text: %v, want %v", run.Scores[0].Value, got)
	}
	m.answer = nil
	if again, err := r.Run(t.Context(), plan); err != nil || m.total() != 6 || again.Failed != 2 {
		t.Errorf("a run that is done stays as it is: %+v %v, %d calls", again, err, m.total())
	}
	plan.RetryFailed = true
	again, err := r.Run(t.Context(), plan)
	if err != nil || m.total() != 8 || again.Failed != 0 || again.Done != 6 || again.Scores[0].Value <= run.Scores[0].Value || again.RepeatedCalls != 0 {
		t.Errorf("%+v %v, %d calls", again, err, m.total())
	}
}

func TestGivesUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code  stylesprint.Code
		max   int
		calls int // with one call at once; 0: all
		want  string
	}{
		{stylesprint.CodeUnavailable, 4, 4, "gave up after 4 calls that failed one after the other"},
		{stylesprint.CodeUnavailable, 0, 10, "gave up after 10 calls"},
		{stylesprint.CodeUnauthorized, 0, 1, "no further call would succeed"},
		{stylesprint.CodeUnavailable, -1, 0, ""},
	} {
		r, m, _, plan := setup(t, 20)
		plan.Concurrency, plan.MaxFailures = 1, c.max
		m.answer = func(context.Context, generate.Request) (stylesprint.Reply, error) {
			return stylesprint.Reply{}, &stylesprint.Error{Code: c.code, Message: "no luck"}
		}
		run, err := r.Run(t.Context(), plan)
		if c.want == "" {
			if err != nil || run.Status != evaluate.StatusDone || run.Failed != 20 {
				t.Errorf("%+v %v", run, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || run.Status != evaluate.StatusFailed || m.total() != c.calls || run.Error == "" {
			t.Errorf("%s: %d calls, %+v: %v", c.code, m.total(), run, err)
		}
		m.answer = nil
		done, err := r.Run(t.Context(), plan)
		if err != nil || done.Status != evaluate.StatusDone || done.Failed != 0 || done.Error != "" || m.total() != 20+c.calls {
			t.Errorf("after the cause is mended: %+v %v, %d calls", done, err, m.total())
		}
	}
}

// encoder gives each text a vector of two numbers and counts the texts.
type encoder struct{ texts atomic.Int32 }

func (e *encoder) Embed(_ context.Context, texts []string) ([]embedding.Vector, error) {
	e.texts.Add(int32(len(texts)))
	out := make([]embedding.Vector, len(texts))
	for i, t := range texts {
		out[i] = embedding.Vector{Values: []float32{float32(len(t)), 30}, Truncated: len(t) > 39, Tokens: 10, Unknown: 3}
	}
	return out, nil
}

func (e *encoder) Info(context.Context) (embedding.Info, error) {
	return embedding.Info{Ref: stylesprint.ModelRef{Provider: "fake", Name: "two"}, MaxTokens: 256, Precision: stylesprint.Exact}, nil
}

// TestMetricsMayBeAdded scores a run again without a call, and measures only
// what is not known yet.
func TestMetricsMayBeAdded(t *testing.T) {
	t.Parallel()
	r, m, store, plan := setup(t, 5)
	first, err := r.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	e := &encoder{}
	metrics, err := metric.Default(t.Context(), metric.Options{Embedder: e})
	if err != nil {
		t.Fatal(err)
	}
	r.Metrics = metrics
	run, err := r.Run(t.Context(), plan)
	if err != nil || m.total() != 5 || run.ID != first.ID || len(run.Scores) != 6 {
		t.Fatalf("%+v %v", run, err)
	}
	embedded := e.texts.Load()
	if embedded == 0 {
		t.Fatal("nothing was embedded")
	}
	// As if the run had been killed after its outputs were scored.
	run.Status = evaluate.StatusInterrupted
	if err := store.SaveRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	again, err := r.Run(t.Context(), plan)
	if err != nil || e.texts.Load() != embedded || !reflect.DeepEqual(again.Scores, run.Scores) {
		t.Errorf("%d texts embedded after %d, scores %+v, want %+v: %v", e.texts.Load(), embedded, again.Scores, run.Scores, err)
	}
	for _, s := range again.Scores {
		if s.Metric == "similarity-truncated" && (s.Value <= 0 || s.Value > 1 || s.N != 5) {
			t.Errorf("%+v", s)
		}
		if s.Metric == evaluate.UnknownName("similarity") && (s.Value < 0.3-1e-12 || s.Value > 0.3+1e-12 || s.N != 5) {
			t.Errorf("%+v", s)
		}
	}
}

func TestPlanFaults(t *testing.T) {
	t.Parallel()
	zero := 0.0
	for name, c := range map[string]struct {
		change func(*evaluate.Runner, *evaluate.Plan)
		want   string
	}{
		"no name":           {func(_ *evaluate.Runner, p *evaluate.Plan) { p.Candidate.Name = "" }, "the candidate has no name"},
		"no hash":           {func(_ *evaluate.Runner, p *evaluate.Plan) { p.Dataset.Hash = "" }, "the dataset has no hash"},
		"repeat":            {func(_ *evaluate.Runner, p *evaluate.Plan) { p.Repeat = -1 }, "repeat -1: want at least 1"},
		"greedy repeats":    {func(_ *evaluate.Runner, p *evaluate.Plan) { p.Repeat, p.Candidate.Params.Temperature = 3, &zero }, "writes the same text 3 times"},
		"empty split":       {func(_ *evaluate.Runner, p *evaluate.Plan) { p.Split = "train" }, `no items in split "train"`},
		"nothing to ask":    {func(r *evaluate.Runner, _ *evaluate.Plan) { r.Client = nil }, "neither a model to ask nor a record"},
		"no prompt":         {func(r *evaluate.Runner, _ *evaluate.Plan) { r.Prompt = nil }, "no prompt"},
		"prompt of no item": {func(_ *evaluate.Runner, p *evaluate.Plan) { p.Dataset.Items[2].Fields = nil }, `cannot be made for item "p-002": variable name is missing`},
		"no reference":      {func(_ *evaluate.Runner, p *evaluate.Plan) { p.Dataset.Items[1].References = nil }, `item "p-001" of dataset demo has no reference, which metric bleu needs`},
		"no store":          {func(r *evaluate.Runner, _ *evaluate.Plan) { r.Store = nil }, "Runner.Store is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, m, _, plan := setup(t, 4)
			c.change(r, &plan)
			if _, err := r.Run(t.Context(), plan); err == nil || !strings.Contains(err.Error(), c.want) || m.total() != 0 {
				t.Errorf("%v, want %q; %d calls", err, c.want, m.total())
			}
		})
	}
}
