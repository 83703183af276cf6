package compare_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/internal/fakestore"
	"stylesprint/evaluate/metric"
	"stylesprint/generate"
)

// writer is a candidate: it copies the reference, with a share of its words changed.
type writer struct {
	name    string
	wrong   float64
	seed    uint64
	seconds float64
	price   stylesprint.Price
	machine string
	fails   string // an item
	repeat  int
}

var reference = strings.Fields("a soft navy linen shirt with a relaxed fit and mother-of-pearl buttons made to last and easy to wash at thirty degrees")

// catalogue makes items whose references differ in a few words.
func catalogue(t testing.TB, n, family int) dataset.Dataset {
	t.Helper()
	items := make([]dataset.Item, n)
	for i := range items {
		items[i] = dataset.Item{ID: fmt.Sprintf("p-%04d", i), Fields: map[string]string{"id": fmt.Sprintf("p-%04d", i)}, References: []string{strings.Join(reference, " ") + fmt.Sprintf(" style %d", i)}}
		if family > 1 {
			items[i].Family = fmt.Sprintf("f-%d", i/family)
		}
	}
	d, err := dataset.New("demo", items)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (w writer) Generate(_ context.Context, req generate.Request) (stylesprint.Reply, error) {
	id := req.Messages[0].Content
	if id == w.fails {
		return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeRefused, Message: "declined"}
	}
	var n uint64
	_, _ = fmt.Sscanf(id, "p-%d", &n)
	rng := rand.New(rand.NewPCG(w.seed, n+*req.Params.Seed))
	words := append([]string(nil), reference...)
	for i := range words {
		if rng.Float64() < w.wrong {
			words[i] = "other"
		}
	}
	return stylesprint.Reply{Text: strings.Join(words, " "), FinishReason: stylesprint.FinishStop,
		Usage: stylesprint.Usage{PromptTokens: 100, CompletionTokens: 20 + rng.IntN(10)}, Latency: time.Duration((w.seconds + 0.1*rng.Float64()) * float64(time.Second))}, nil
}

type idOf struct{}

func (idOf) Render(values map[string]string) ([]stylesprint.Message, error) {
	return []stylesprint.Message{{Role: stylesprint.RoleUser, Content: values["id"]}}, nil
}

// bag embeds a text as the share of its words that are in the reference.
type bag struct{}

func (bag) Info(context.Context) (embedding.Info, error) {
	return embedding.Info{Ref: stylesprint.ModelRef{Provider: "fake", Name: "bag"}, MaxTokens: 20, Precision: stylesprint.Exact}, nil
}

func (bag) Embed(_ context.Context, texts []string) ([]embedding.Vector, error) {
	out := make([]embedding.Vector, len(texts))
	for i, t := range texts {
		wrong := float64(strings.Count(t, "other"))
		out[i] = embedding.Vector{Values: []float32{float32(len(reference)) - float32(wrong), float32(wrong)}, Truncated: strings.Contains(t, "style 3")}
	}
	return out, nil
}

// evaluated runs a writer over a dataset and returns the run's id.
func evaluated(t testing.TB, store *fakestore.Store, d dataset.Dataset, w writer) string {
	t.Helper()
	return evaluatedBy(t, store, d, w, w)
}

// evaluatedBy lets another generator write in the writer's name.
func evaluatedBy(t testing.TB, store *fakestore.Store, d dataset.Dataset, w writer, by evaluate.Generator) string {
	t.Helper()
	metrics, err := metric.Default(t.Context(), metric.Options{Embedder: bag{}})
	if err != nil {
		t.Fatal(err)
	}
	r := evaluate.Runner{Store: store, Client: by, Prompt: idOf{}, Metrics: metrics}
	seed := w.seed
	run, err := r.Run(t.Context(), evaluate.Plan{Dataset: d, Concurrency: 2, Repeat: w.repeat, Machine: w.machine,
		Candidate: evaluate.Candidate{Name: w.name, Price: w.price, Params: generate.Params{Seed: &seed}}})
	if err != nil {
		t.Fatal(err)
	}
	return run.ID
}

var cheap, dear = stylesprint.Price{InputPerMillion: 0.1, OutputPerMillion: 0.4}, stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 4}

func compared(t *testing.T, d dataset.Dataset, o compare.Options, writers ...writer) (compare.Comparison, *fakestore.Store, []string) {
	t.Helper()
	store := fakestore.New()
	ids := make([]string, len(writers))
	for i, w := range writers {
		ids[i] = evaluated(t, store, d, w)
	}
	o.Dataset = d
	if o.Randomization == 0 {
		o.Randomization = 2000
	}
	c, err := compare.Compare(t.Context(), store, ids, o)
	if err != nil {
		t.Fatal(err)
	}
	return c, store, ids
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	wide := map[string]float64{"bleu": 8, "bleu-mean": 0.08, "similarity": 0.08}
	for _, c := range []struct {
		name    string
		items   int
		margins map[string]float64
		writers []writer
		outcome compare.Outcome
		winner  string
		says    []string
	}{
		{"a clear winner", 60, nil, []writer{{name: "plain", wrong: 0.4, seed: 1}, {name: "voice", wrong: 0.2, seed: 2}},
			compare.OutcomeBetter, "voice", []string{"voice is better than plain on BLEU by +", "95 % interval", "and loses less than the margin on Semantic similarity; recommended."}},
		{"the best of two winners", 60, nil, []writer{{name: "plain", wrong: 0.5, seed: 1}, {name: "good", wrong: 0.3, seed: 2, price: cheap}, {name: "best", wrong: 0.1, seed: 3, price: dear}},
			compare.OutcomeBetter, "best", []string{"best is better than plain"}},
		{"as good as the best, and cheaper", 200, wide, []writer{{name: "plain", wrong: 0.6, seed: 1, price: dear}, {name: "dear", wrong: 0.2, seed: 2, price: dear}, {name: "cheap", wrong: 0.21, seed: 3, price: cheap}},
			compare.OutcomeBetter, "cheap", []string{"cheap is better than plain"}},
		{"as good and cheaper", 200, wide, []writer{{name: "plain", wrong: 0.3, seed: 1, price: dear}, {name: "mini", wrong: 0.3, seed: 2, price: cheap}},
			compare.OutcomeEquivalent, "mini", []string{"mini is as good as plain within the margins (BLEU 8.00, ", "costs 1.77", "USD less per 10,000 texts; recommended."}},
		{"as good and faster", 200, wide, []writer{{name: "plain", wrong: 0.3, seed: 1, seconds: 2}, {name: "quick", wrong: 0.3, seed: 2, seconds: 1}},
			compare.OutcomeEquivalent, "quick", []string{"quick is as good as plain", "answers 1.0", "s faster on average"}},
		{"as good and no better", 200, wide, []writer{{name: "plain", wrong: 0.3, seed: 1, price: cheap}, {name: "twin", wrong: 0.3, seed: 2, price: dear}},
			compare.OutcomeEquivalent, "plain", []string{"Keep plain: twin is equal to it within the margins"}},
		{"a loser", 60, nil, []writer{{name: "plain", wrong: 0.2, seed: 1}, {name: "worse", wrong: 0.4, seed: 2}},
			compare.OutcomeKeep, "plain", []string{"Keep plain: worse is worse on BLEU by -"}},
		{"two losers", 60, nil, []writer{{name: "plain", wrong: 0.1, seed: 1}, {name: "worse", wrong: 0.4, seed: 2}, {name: "worst", wrong: 0.6, seed: 3}},
			compare.OutcomeKeep, "plain", []string{"Keep plain: worse and worst are worse."}},
		{"too few items to be called equal", 8, map[string]float64{"bleu": 30, "bleu-mean": 0.3, "similarity": 0.3}, []writer{{name: "plain", wrong: 0.02, seed: 1, price: dear}, {name: "mini", wrong: 0.02, seed: 2, price: cheap}},
			compare.OutcomeUndecided, "", []string{"The data do not decide between plain and mini", "; 8 items are too few to call them equal."}},
		{"too few items", 24, nil, []writer{{name: "plain", wrong: 0.3, seed: 1}, {name: "voice", wrong: 0.3, seed: 5}},
			compare.OutcomeUndecided, "", []string{"The data do not decide between plain and voice: they differ on BLEU by ", "; about ", "more items would show a difference of "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, _, _ := compared(t, catalogue(t, c.items, 1), compare.Options{Margins: c.margins}, c.writers...)
			d := got.Decision
			if d.Outcome != c.outcome || d.Winner != c.winner {
				t.Errorf("%s for %q: %s\n%s", d.Outcome, d.Winner, d.Sentence, strings.Join(d.Reasons, "\n"))
			}
			for _, part := range c.says {
				if !strings.Contains(d.Sentence, part) {
					t.Errorf("%q lacks %q", d.Sentence, part)
				}
			}
			if len(d.Reasons) == 0 || d.Outcome != compare.OutcomeUndecided && d.MoreItems != 0 {
				t.Errorf("%+v", d)
			}
		})
	}
}

func TestComparison(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 40, 2)
	c, _, ids := compared(t, d, compare.Options{Margins: map[string]float64{"bleu": 2}},
		writer{name: "plain", wrong: 0.3, seed: 1, seconds: 1, price: dear, machine: "m"}, writer{name: "voice", wrong: 0.2, seed: 2, seconds: 2, price: cheap, machine: "m", fails: "p-0007"})
	if c.Items != 40 || c.Families != 20 || c.Method.Unit != "family" || c.Baseline != "plain" || c.Primary != "bleu" || c.DatasetHash != d.Hash || c.Method.Seed != 12345 || c.Method.Bootstrap != 1000 {
		t.Errorf("%+v", c)
	}
	var names []string
	for _, m := range c.Metrics {
		names = append(names, m.Name)
		if m.Signature == "" || m.Title == "" || m.Unit == "" {
			t.Errorf("%+v", m)
		}
	}
	if !reflect.DeepEqual(names, []string{"bleu", "bleu-mean", "similarity", "length"}) || c.Metrics[0].Margin != 2 || c.Metrics[3].Direction != compare.DirectionNone {
		t.Errorf("%+v", c.Metrics)
	}
	plain, voice := c.Candidates[0], c.Candidates[1]
	if plain.Differences != nil || len(voice.Differences) != 4 || plain.Run.ID != ids[0] {
		t.Errorf("%+v", plain)
	}
	for m := range c.Metrics {
		for _, x := range c.Candidates {
			s, sp := x.Scores[m], x.Spreads[m]
			if s.N != 40 || s.Level != 0.95 || !(s.Low < s.Value && s.Value < s.High) && c.Metrics[m].Name != "length" {
				t.Errorf("%s %+v", x.Name, s)
			}
			total := 0
			for _, n := range sp.Counts {
				total += n
			}
			if sp.N != 40 || total != 40 || !(sp.Min <= sp.P5 && sp.P5 <= sp.Median && sp.Median <= sp.P95 && sp.P95 <= sp.Max) || sp.Low > sp.Min || sp.High < sp.Max {
				t.Errorf("%s %+v", x.Name, sp)
			}
		}
		diff := voice.Differences[m]
		if math.Abs(diff.Delta-(voice.Scores[m].Value-plain.Scores[m].Value)) > 1e-9 || !(diff.Low <= diff.Delta && diff.Delta <= diff.High) || diff.P <= 0 || diff.PAdjusted != diff.P || diff.Detectable <= 0 {
			t.Errorf("%+v", diff)
		}
	}
	op := voice.Operation
	if op.Outputs != 40 || op.Failed != 1 || op.LatencyP50.N != 39 || op.LatencyP50.Value < 2 || op.LatencyP95.Value > 2.1 || op.LatencyP50.Value > op.LatencyP95.Value || op.FirstTokenP50.Missing == "" ||
		op.Cost.Unit != "USD" || op.Cost.Value <= 0 || op.PromptTokens != 97.5 || op.CompletionTokens < 19 || op.Latencies.N != 39 {
		t.Errorf("%+v", op)
	}
	if math.Abs(op.LatencyDifference.Value-1) > 0.05 || op.LatencyDifference.Low > 1.05 || op.CostDifference.Value >= 0 || op.CostDifference.High >= 0 || op.CostDifference.Level != 0.95 {
		t.Errorf("%+v %+v", op.LatencyDifference, op.CostDifference)
	}
	if plain.Operation.CostDifference.Missing == "" {
		t.Error("the baseline has no difference")
	}
	text := strings.Join(c.Warnings, "\n")
	for _, want := range []string{"voice failed on 1 of 40 outputs", "the model behind similarity reads"} {
		if !strings.Contains(text, want) {
			t.Errorf("warnings lack %q:\n%s", want, text)
		}
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back compare.Comparison
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back.Decision, c.Decision) || len(back.Candidates) != 2 {
		t.Errorf("round trip: %v", err)
	}
}

func TestUnknownTokensAreTold(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 30, 1)
	store := fakestore.New()
	ids := []string{evaluated(t, store, d, writer{name: "a", wrong: 0.3, seed: 1}), evaluated(t, store, d, writer{name: "b", wrong: 0.25, seed: 2})}
	run, err := store.Run(t.Context(), ids[1])
	if err != nil {
		t.Fatal(err)
	}
	run.Scores = append(run.Scores, stylesprint.Score{Metric: evaluate.UnknownName("bleu"), Value: 0.43})
	if err := store.SaveRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	c, err := compare.Compare(t.Context(), store, ids, compare.Options{Dataset: d, Randomization: 100})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(c.Warnings, "\n"); !strings.Contains(text, "b: the encoder behind bleu does not know 43 % of the tokens") {
		t.Errorf("warnings %s", text)
	}
	for _, m := range c.Metrics {
		if evaluate.IsAside(m.Name) {
			t.Errorf("%s is compared", m.Name)
		}
	}
}

func TestSameFiguresOnAnyMachine(t *testing.T) {
	d := catalogue(t, 30, 1)
	store := fakestore.New()
	ids := []string{evaluated(t, store, d, writer{name: "a", wrong: 0.3, seed: 1}), evaluated(t, store, d, writer{name: "b", wrong: 0.25, seed: 2}), evaluated(t, store, d, writer{name: "c", wrong: 0.2, seed: 3, repeat: 2})}
	run := func() compare.Comparison {
		c, err := compare.Compare(t.Context(), store, ids, compare.Options{Dataset: d, Randomization: 500})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := run()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !reflect.DeepEqual(first, run()) {
		t.Error("the number of processors changes the comparison")
	}
	for _, diff := range first.Candidates[1].Differences {
		if diff.PAdjusted < diff.P {
			t.Errorf("Holm made p smaller: %+v", diff)
		}
	}
	if !strings.Contains(strings.Join(first.Warnings, "\n"), "a has 1 outputs an item and c 2.") {
		t.Errorf("%q", first.Warnings)
	}
}

func TestAgainstItself(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 30, 1)
	c, _, _ := compared(t, d, compare.Options{}, writer{name: "a", wrong: 0.3, seed: 1}, writer{name: "b", wrong: 0.3, seed: 1})
	for _, diff := range c.Candidates[1].Differences {
		if diff.Delta != 0 || diff.P != 1 || diff.PBootstrap != 1 || diff.Low != 0 || diff.High != 0 {
			t.Errorf("%+v", diff)
		}
	}
	for _, s := range c.Candidates[1].Sacrebleu { // which gives two equal systems the smallest p there is
		if s.PBootstrap != 1.0/1001 || s.PRandomization != 1.0/2001 {
			t.Errorf("%+v", s)
		}
	}
	if c.Decision.Outcome != compare.OutcomeEquivalent || c.Decision.Winner != "a" {
		t.Errorf("%+v", c.Decision)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 6, 1)
	other := catalogue(t, 7, 1)
	store := fakestore.New()
	a, b := evaluated(t, store, d, writer{name: "a", seed: 1, wrong: 0.1}), evaluated(t, store, d, writer{name: "b", seed: 2, wrong: 0.1})
	elsewhere := evaluated(t, store, other, writer{name: "c", seed: 3})
	change := func(id, as string, f func(*evaluate.Run)) string {
		r, err := store.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		f(&r)
		for _, o := range store.All(id) {
			o.RunID = as
			if err := store.SaveOutputs(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		r.ID = as
		if err := store.SaveRun(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return as
	}
	unfinished := change(b, "unfinished", func(r *evaluate.Run) { r.Status, r.Done = evaluate.StatusRunning, 3 })
	lower := change(b, "lower", func(r *evaluate.Run) {
		r.Scores[0].Signature = strings.Replace(r.Scores[0].Signature, "case:mixed", "case:lc", 1)
	})
	split := change(b, "split", func(r *evaluate.Run) { r.Split = "test" })
	edited := change(b, "edited", func(r *evaluate.Run) { r.Scores[0].Value++ })
	longer := change(b, "longer", func(r *evaluate.Run) { r.Repeat = 2 })
	bare := change(b, "bare", func(r *evaluate.Run) { r.Scores = r.Scores[:1] })
	none := change(b, "none", func(r *evaluate.Run) { r.Scores = nil })
	for _, c := range []struct {
		ids  []string
		o    compare.Options
		want string
	}{
		{[]string{a}, compare.Options{Dataset: d}, "a comparison needs at least two runs"},
		{[]string{a, a}, compare.Options{Dataset: d}, "is named twice"},
		{[]string{a, "run-x"}, compare.Options{Dataset: d}, `there is no run "run-x"`},
		{[]string{a, elsewhere}, compare.Options{Dataset: d}, "whose items differ"},
		{[]string{a, b}, compare.Options{Dataset: other}, "is not the one that run " + a + " was made with"},
		{[]string{a, unfinished}, compare.Options{Dataset: d}, "run unfinished (b) is not finished: 3 of 6 outputs"},
		{[]string{a, lower}, compare.Options{Dataset: d}, "bleu of run " + a + " and of run lower were computed differently: nrefs:1|case:mixed"},
		{[]string{a, split}, compare.Options{Dataset: d}, `is over split "" and run split over split "test"`},
		{[]string{a, edited}, compare.Options{Dataset: d}, "bleu of run edited is stored as"},
		{[]string{a, longer}, compare.Options{Dataset: d}, "run longer (b) holds 6 outputs where 12 are needed"},
		{[]string{a, bare}, compare.Options{Dataset: d, Metrics: []string{"similarity"}}, "run bare (b) has no score of metric similarity"},
		{[]string{a, none}, compare.Options{Dataset: d}, "no score in common"},
		{[]string{a, b}, compare.Options{Dataset: d, Primary: "length"}, "length cannot be the primary metric"},
		{[]string{a, b}, compare.Options{Dataset: d, Baseline: "z"}, `there is no candidate "z" to compare with`},
	} {
		c.o.Randomization = 50
		_, err := compare.Compare(t.Context(), store, c.ids, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.ids, err, c.want)
		}
	}
	c, err := compare.Compare(t.Context(), store, []string{a, bare}, compare.Options{Dataset: d, Baseline: "b", Randomization: 50})
	if err != nil || len(c.Metrics) != 1 || c.Baseline != "b" || c.Candidates[0].Differences == nil || !strings.Contains(c.Warnings[0], "bleu-mean is left out: run bare (b)") {
		t.Errorf("%+v %v", c.Warnings, err)
	}
}

func TestUnlikeCircumstances(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 12, 1)
	store := fakestore.New()
	a := evaluated(t, store, d, writer{name: "same", seed: 1, wrong: 0.2, machine: "fast", price: stylesprint.Price{InputPerMillion: 1, Currency: "EUR"}})
	b := evaluated(t, store, d, writer{name: "same", seed: 2, wrong: 0.2, machine: "slow", price: cheap})
	c, err := compare.Compare(t.Context(), store, []string{a, b}, compare.Options{Dataset: d, Randomization: 50})
	if err != nil {
		t.Fatal(err)
	}
	op := c.Candidates[1].Operation
	if c.Candidates[1].Name != "same ("+b+")" || !strings.Contains(op.LatencyDifference.Missing, "different machines") || !strings.Contains(op.CostDifference.Missing, "EUR and USD") {
		t.Errorf("%s %+v", c.Candidates[1].Name, op)
	}
	if !strings.Contains(strings.Join(c.Warnings, "\n"), "There are only 12 items to resample") {
		t.Errorf("%q", c.Warnings)
	}
}

// TestMarginsAreNoExcuse has a baseline that scores next to nothing.
func TestMarginsAreNoExcuse(t *testing.T) {
	t.Parallel()
	writers := []writer{{name: "poor", wrong: 0.93, seed: 1, price: dear}, {name: "none", wrong: 1, seed: 2, price: cheap}}
	c, _, _ := compared(t, catalogue(t, 60, 1), compare.Options{}, writers...)
	if base := c.Candidates[0].Scores[0].Value; base <= 0 || base > 5 || math.Abs(c.Metrics[0].Margin-base/10) > 1e-12 || c.Decision.Winner == "none" {
		t.Errorf("BLEU %v, margin %v: %s", base, c.Metrics[0].Margin, c.Decision.Sentence)
	}
	c, _, _ = compared(t, catalogue(t, 60, 1), compare.Options{Margins: map[string]float64{"bleu": 3}}, writers...)
	if c.Metrics[0].Margin != 3 {
		t.Errorf("a margin that was asked for is %v", c.Metrics[0].Margin)
	}
}

func TestRows(t *testing.T) {
	t.Parallel()
	d := catalogue(t, 5, 1)
	store := fakestore.New()
	a, b := evaluated(t, store, d, writer{name: "a", seed: 1, wrong: 0.1}), evaluated(t, store, d, writer{name: "b", seed: 2, wrong: 0.1, repeat: 2})
	n := 0
	for row, err := range compare.Rows(t.Context(), store, []string{a, b}, d) {
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("p-%04d", n/2)
		if row.ItemID != want || row.Repeat != n%2 || len(row.Cells) != 2 || row.Cells[1].RunID != b || row.References[0] == "" || (row.Cells[0].ItemID == "") != (n%2 == 1) {
			t.Errorf("%+v", row)
		}
		n++
	}
	if n != 10 {
		t.Errorf("%d rows", n)
	}
	for range compare.Rows(t.Context(), store, []string{a, b}, d) {
		break
	}
	for _, err := range compare.Rows(t.Context(), store, []string{a}, dataset.Dataset{}) {
		if err == nil || !strings.Contains(err.Error(), "which the dataset does not have") {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range compare.Rows(ctx, store, []string{a}, d) {
		if err == nil {
			t.Error("a cancelled stream goes on")
		}
	}
}
