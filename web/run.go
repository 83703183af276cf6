package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/web/mark"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

const (
	pageOutputs = 20    // outputs on a page
	maxSummed   = 2_500 // outputs that a summary reads
)

type runBody struct {
	runLine
	Scores    []scoreGroup
	Bounds    []bound
	Intervals template.HTML // figures; may be empty
	Latency   template.HTML
	Summary   summary
	Outputs   []outputLine
	First     bool         // this is the first page of outputs
	Next      template.URL // the query of the next one; empty at the end
	NoItems   bool         // references cannot be shown
	Others    *set         // what the run can be compared with
	Parts     []runLine    // the shards of a sharded run, a page of them
}

// outputLine is an output with its item.
type outputLine struct {
	evaluate.Output
	Item    dataset.Item
	Known   bool // the item was found
	Fault   string
	Marked  template.HTML // the text, with what it says of the record
	Count   string        // of statements that the record does not support
	Omitted string        // must-mention facts that the text leaves out
	Picture template.URL
	Figures []string
}

// Cost of the output, in the words of its candidate's currency.
func (b runBody) Cost(m stylesprint.Money) string {
	return show.Money(m, b.Candidate.Price.Currency)
}

func (s *site) run(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	run, err := s.o.Runs.Run(ctx, r.PathValue("id"))
	if err != nil {
		return err
	}
	b := runBody{runLine: newRunLine(run, s.o.Now()), NoItems: s.o.Items == nil}
	if b.Summary, err = s.summary(ctx, run); err != nil {
		return err
	}
	b.Scores, b.Bounds = groupScores(run.Scores), rateBounds(run.Scores, s.o.Catalogue)
	b.Intervals, b.Latency = scoreFigure(run), latencyFigure(run, b.Summary)
	if run.Sharded() {
		err = s.readShards(ctx, r, &b)
	} else {
		err = s.readOutputs(ctx, r, &b)
	}
	if err != nil {
		return err
	}
	if runs, err := s.o.Runs.Runs(ctx, evaluate.Filter{Dataset: run.Dataset, Limit: 100}); err == nil && !run.Sharded() {
		for _, x := range setsOf(runs) {
			if slices.Contains(x.IDs(), run.ID) {
				b.Others = &x
				break
			}
		}
	}
	return s.render(w, "run", page{Here: "runs", Title: runTitle(run), Document: run.Candidate.Name + ", run " + run.ID, Eyebrow: "Run " + run.ID, Body: b})
}

// pageShards is how many shards a page shows.
const pageShards = 100

// readShards reads a page of a sharded run's shards.
func (s *site) readShards(ctx context.Context, r *http.Request, b *runBody) error {
	after := r.URL.Query().Get("shard")
	b.First = after == ""
	runs, err := s.o.Runs.Runs(ctx, evaluate.Filter{Parent: b.ID, Before: after, Limit: pageShards})
	if err != nil {
		return fmt.Errorf("list shards of run %s: %w", b.ID, err)
	}
	for _, x := range runs {
		b.Parts = append(b.Parts, newRunLine(x, s.o.Now()))
	}
	if len(runs) == pageShards {
		b.Next = template.URL(url.Values{"shard": {runs[len(runs)-1].ID}}.Encode())
	}
	return nil
}

func runTitle(r evaluate.Run) string {
	name, of := r.Candidate.Name, show.Count(r.Done)+" of "+show.Of(r.Total, "output")
	switch r.Status {
	case evaluate.StatusRunning:
		return name + " is at work on " + r.Dataset
	case evaluate.StatusFailed:
		return name + " failed after " + of
	case evaluate.StatusInterrupted:
		return name + " was interrupted after " + of
	}
	if r.Failed > 0 {
		return name + " finished " + show.Of(r.Total, "output") + ", " + show.Count(r.Failed) + " of them without a text"
	}
	return name + " wrote all " + show.Of(r.Total, "output")
}

// summary is what a run's outputs come to.
type summary struct {
	Read, Failed, Replayed, Cut int
	Partial                     bool // only the first maxSummed were read
	Latencies                   []float64
	Tokens                      stylesprint.Usage
	Cost                        stylesprint.Money
}

var errEnough = errors.New("enough was read")

// summary reads a run's outputs once; of a run that has ended it is kept.
func (s *site) summary(ctx context.Context, r evaluate.Run) (summary, error) {
	compute := func() (summary, error) {
		var out summary
		err := s.o.Runs.Outputs(ctx, r.ID, func(o evaluate.Output) error {
			if out.Read == maxSummed {
				out.Partial = true
				return errEnough
			}
			out.add(o)
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return out, fmt.Errorf("read outputs of run %s: %w", r.ID, err)
		}
		slices.Sort(out.Latencies)
		return out, nil
	}
	if r.Status == evaluate.StatusRunning {
		return compute()
	}
	return s.summed.get(versionOf(r), compute)
}

// versionOf changes with everything that a run's figures depend on.
func versionOf(r evaluate.Run) string {
	return fmt.Sprintf("%s/%d/%d/%s/%d", r.ID, r.Done, r.Failed, r.Status, r.Finished.UnixNano())
}

func (s *summary) add(o evaluate.Output) {
	if o.Finished.IsZero() {
		return
	}
	s.Read++
	s.Tokens = s.Tokens.Add(o.Usage)
	s.Cost += o.Cost
	switch {
	case o.Error != "":
		s.Failed++
	case o.Replayed:
		s.Replayed++
	default:
		s.Latencies = append(s.Latencies, o.Latency.Seconds())
	}
	if o.FinishReason == stylesprint.FinishLength {
		s.Cut++
	}
}

// Quantile of the latencies, as a duration.
func (s summary) Quantile(q float64) time.Duration {
	return time.Duration(quantile(s.Latencies, q) * float64(time.Second))
}

// quantile interpolates between sorted values, as R's type 7 does.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

func latencyFigure(r evaluate.Run, s summary) template.HTML {
	v := s.Latencies
	if len(v) < 2 {
		return ""
	}
	median := quantile(v, .5)
	d := show.Decimals("s", median)
	// Values beyond the 99th percentile share the last bin, lest one slow call flatten the rest.
	lo, hi := 0.0, math.Max(quantile(v, .99), median*1.2)
	if hi <= lo {
		hi = 1
	}
	counts := make([]int, 40)
	for _, x := range v {
		counts[min(len(counts)-1, int((x-lo)/(hi-lo)*float64(len(counts))))]++
	}
	p := plot.Distributions{
		Title:    "Half of the outputs took " + plot.Number(median, d) + " s or less, nineteen in twenty " + plot.Number(quantile(v, .95), d) + " s or less",
		Quantity: "latency of one output", Unit: "s", Low: lo, High: hi, Decimals: d,
		Rows: []plot.Distribution{{Label: r.Candidate.Name, Counts: counts, N: len(v), P5: quantile(v, .05), P25: quantile(v, .25), Median: median, P75: quantile(v, .75), P95: quantile(v, .95)}},
	}
	return plot.Figure(p, "plot-latency")
}

// readOutputs fills in one page of outputs, beginning after the key in the query.
func (s *site) readOutputs(ctx context.Context, r *http.Request, b *runBody) error {
	after := r.URL.Query().Get("after")
	repeat, _ := strconv.Atoi(r.URL.Query().Get("repeat")) // nonsense counts as 0
	b.First = after == ""
	err := s.outputsAfter(ctx, evaluate.Output{RunID: b.ID, ItemID: after, Repeat: repeat}, func(o evaluate.Output) error {
		if len(b.Outputs) == pageOutputs {
			last := b.Outputs[pageOutputs-1]
			b.Next = template.URL(url.Values{"after": {last.ItemID}, "repeat": {strconv.Itoa(last.Repeat)}}.Encode()) // encoded here
			return errEnough
		}
		b.Outputs = append(b.Outputs, newOutputLine(o))
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return fmt.Errorf("read outputs of run %s: %w", b.ID, err)
	}
	s.joinItems(ctx, b)
	return nil
}

// outputsAfter begins behind last, or at the beginning where it names no item.
func (s *site) outputsAfter(ctx context.Context, last evaluate.Output, yield func(evaluate.Output) error) error {
	if last.ItemID == "" {
		return s.o.Runs.Outputs(ctx, last.RunID, yield)
	}
	if store, ok := s.o.Runs.(Seeker); ok {
		return store.OutputsAfter(ctx, last, yield)
	}
	return s.o.Runs.Outputs(ctx, last.RunID, func(o evaluate.Output) error {
		if o.ItemID < last.ItemID || o.ItemID == last.ItemID && o.Repeat <= last.Repeat {
			return nil
		}
		return yield(o)
	})
}

func newOutputLine(o evaluate.Output) outputLine {
	l := outputLine{Output: o}
	switch {
	case o.Error != "" && o.Code != "":
		l.Fault = "No text (" + string(o.Code) + "): " + o.Error
	case o.Error != "":
		l.Fault = "No text: " + o.Error
	case o.Finished.IsZero():
		l.Fault = "The call has not ended."
	case o.Text == "":
		l.Fault = "The model answered with an empty text."
	}
	l.Marked = mark.HTML(mark.Join(o.Text, nil, nil))
	l.Figures = textScores(o.Scores)
	return l
}

// joinItems adds references. Outputs can be read without them, so a failure
// only says that they are missing.
func (s *site) joinItems(ctx context.Context, b *runBody) {
	if s.o.Items == nil || len(b.Outputs) == 0 {
		return
	}
	var ids []string
	for _, o := range b.Outputs {
		ids = append(ids, o.ItemID)
	}
	items, err := s.o.Items(ctx, b.Run, slices.Compact(ids))
	if err != nil {
		b.NoItems = true
		s.o.Log.WarnContext(ctx, "references not read", "run", b.ID, "error", err)
		return
	}
	byID := map[string]dataset.Item{}
	for _, it := range items {
		byID[it.ID] = it
	}
	for i := range b.Outputs {
		o := &b.Outputs[i]
		o.Item, o.Known = byID[o.ItemID], byID[o.ItemID].ID != ""
		if len(o.Item.Images) > 0 && s.hasImages(b.Run) {
			o.Picture = imagePath(b.Run, o.ItemID)
		}
		s.markOutput(o)
	}
}
