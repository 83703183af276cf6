package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/review"
)

func testRun(t *testing.T, s Store) {
	ctx := context.Background()
	full := filled[evaluate.Run](1)
	save(t, s, full)
	got, err := s.Run(ctx, full.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a run with every field set", got, full)

	empty := evaluate.Run{ID: full.ID}
	save(t, s, empty)
	got, err = s.Run(ctx, full.ID)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a run that replaced another", got, empty)

	local := run("elsewhere", 0)
	local.Created = local.Created.In(time.FixedZone("", 3600))
	save(t, s, local)
	if got, err = s.Run(ctx, "elsewhere"); err != nil || !got.Created.Equal(local.Created) || got.Created.Location() != time.UTC {
		t.Errorf("a time of another zone comes back as %v, %v", got.Created, err)
	}

	_, err = s.Run(ctx, "nobody")
	wantCode(t, "Run of an unknown id", err, stylesprint.CodeNotFound)
}

func testRuns(t *testing.T, s Store) {
	ctx := context.Background()
	list := func(f evaluate.Filter) string {
		t.Helper()
		runs, err := s.Runs(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		ids := make([]string, len(runs))
		for i, r := range runs {
			ids[i] = r.ID
		}
		return strings.Join(ids, " ")
	}
	equal(t, "runs of an empty database", list(evaluate.Filter{}), "")
	other := run("other", 5)
	other.Dataset = "other"
	// Three of the same moment: the order must be total, or pages lose runs.
	save(t, s, run("b", 3), run("a", 3), run("old", 1), run("c", 3), other, run("new", 9))
	const all = "new other c b a old"
	equal(t, "runs", list(evaluate.Filter{}), all)
	equal(t, "runs of a dataset", list(evaluate.Filter{Dataset: "other"}), "other")
	equal(t, "runs of an unknown dataset", list(evaluate.Filter{Dataset: "nothing"}), "")
	var pages []string
	before := ""
	for range 9 {
		page := list(evaluate.Filter{Limit: 2, Before: before})
		if page == "" {
			break
		}
		pages = append(pages, page)
		before = page[strings.LastIndex(page, " ")+1:]
	}
	equal(t, "pages of two", strings.Join(pages, " "), all)
	equal(t, "a page of a dataset", list(evaluate.Filter{Dataset: "demo", Before: "new", Limit: 1}), "c")
	_, err := s.Runs(ctx, evaluate.Filter{Before: "nobody"})
	wantCode(t, "Runs before an unknown id", err, stylesprint.CodeNotFound)

	changed := run("old", 1)
	changed.Status = evaluate.StatusDone
	save(t, s, changed)
	equal(t, "runs after one was saved again", list(evaluate.Filter{}), all)
	for i := range 101 {
		save(t, s, run(fmt.Sprintf("more-%03d", i), 20+i))
	}
	runs, err := s.Runs(ctx, evaluate.Filter{})
	if err != nil || len(runs) != 100 {
		t.Errorf("a list without limit has %d runs (%v), want 100", len(runs), err)
	}
}

func outputs(t *testing.T, s Store, id string) []evaluate.Output {
	t.Helper()
	var out []evaluate.Output
	if err := s.Outputs(context.Background(), id, func(o evaluate.Output) error {
		out = append(out, o)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func testOutputs(t *testing.T, s Store) {
	ctx := context.Background()
	full := filled[evaluate.Output](1)
	save(t, s, run(full.RunID, 0), run("r", 1))
	if err := s.SaveOutputs(ctx, full); err != nil {
		t.Fatal(err)
	}
	equal(t, "an output with every field set", outputs(t, s, full.RunID), []evaluate.Output{full})

	begun := evaluate.Output{RunID: full.RunID, ItemID: full.ItemID, Repeat: full.Repeat}
	if err := s.SaveOutputs(ctx, begun); err != nil {
		t.Fatal(err)
	}
	equal(t, "an output that replaced another", outputs(t, s, full.RunID), []evaluate.Output{begun})

	if err := s.SaveOutputs(ctx); err != nil {
		t.Errorf("SaveOutputs of nothing: %v", err)
	}
	var batch []evaluate.Output
	items := []string{"b", "a", "Z", "é", "a10", "a2", "a 2"}
	for i, item := range items {
		for _, repeat := range []int{1, 0, 10, 2} {
			batch = append(batch, evaluate.Output{RunID: "r", ItemID: item, Repeat: repeat, Text: fmt.Sprint(i), Finished: start()})
		}
	}
	if err := s.SaveOutputs(ctx, batch...); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(batch, func(x, y evaluate.Output) int {
		if c := strings.Compare(x.ItemID, y.ItemID); c != 0 {
			return c
		}
		return x.Repeat - y.Repeat
	})
	equal(t, "outputs in order", outputs(t, s, "r"), batch)
	equal(t, "outputs of an unknown run", outputs(t, s, "nobody"), []evaluate.Output(nil))
}

func testOutputsAtomic(t *testing.T, s Store) {
	ctx := context.Background()
	save(t, s, run("r", 0))
	good := evaluate.Output{RunID: "r", ItemID: "good"}
	err := s.SaveOutputs(ctx, good, evaluate.Output{RunID: "nobody", ItemID: "lost"})
	wantCode(t, "SaveOutputs of an unknown run", err, stylesprint.CodeNotFound)
	if err := s.SaveOutputs(ctx, good, evaluate.Output{RunID: "r", ItemID: "bad", Scores: map[string]float64{"bleu": math.NaN()}}); err == nil {
		t.Error("a score that is not a number was stored")
	}
	equal(t, "outputs after two failed batches", outputs(t, s, "r"), []evaluate.Output(nil))
}

func testYield(t *testing.T, s Store) {
	ctx := context.Background()
	save(t, s, run("r", 0), run("s", 1))
	for i := range 20 {
		if err := s.SaveOutputs(ctx, evaluate.Output{RunID: "r", ItemID: fmt.Sprintf("%02d", i)}); err != nil {
			t.Fatal(err)
		}
	}
	stop := errors.New("enough")
	seen := 0
	err := s.Outputs(ctx, "r", func(evaluate.Output) error {
		if seen++; seen == 3 {
			return stop
		}
		return nil
	})
	if err != stop || seen != 3 {
		t.Errorf("Outputs gave %v after %d calls of yield, want yield's error after 3", err, seen)
	}
	// yield may read and write; many readers at once must not starve one another.
	var all sync.WaitGroup
	for worker := range 12 {
		all.Go(func() {
			err := s.Outputs(ctx, "r", func(o evaluate.Output) error {
				o.RunID, o.Repeat = "s", worker
				if err := s.SaveOutputs(ctx, o); err != nil {
					return err
				}
				_, err := s.Run(ctx, "r")
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(outputs(t, s, "s")); n != 12*20 {
		t.Errorf("%d outputs were copied, want 240", n)
	}
}

func testTexts(t *testing.T, s Store) {
	ctx := context.Background()
	save(t, s, run("r", 0))
	texts := []string{"", "two\nlines\r\n\ttab", `quotes ' " \ ; -- $1 ?`, "日本語 e\u0301 👩🏽‍🎨 \u200b\ufeff", strings.Repeat("long ", 300_000)}
	for i, text := range texts {
		if err := s.SaveOutputs(ctx, evaluate.Output{RunID: "r", ItemID: "item " + text[:min(len(text), 40)], Repeat: i, Text: text, Error: text}); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range outputs(t, s, "r") {
		if o.Text != texts[o.Repeat] || o.Error != texts[o.Repeat] {
			t.Errorf("text %d was changed on its way", o.Repeat)
		}
	}
}

func testCancelled(t *testing.T, s Store) {
	save(t, s, run("r", 0))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, runErr := s.Run(ctx, "r")
	_, runsErr := s.Runs(ctx, evaluate.Filter{})
	_, requestsErr := s.Requests(ctx, stylesprint.RequestFilter{})
	_, summaryErr := s.SummariseRequests(ctx, start())
	_, reviewsErr := s.Reviews(ctx, review.Filter{})
	_, bookErr := s.ReviewBook(ctx, "x")
	_, pairsErr := s.ReviewPairs(ctx, "x")
	_, votesErr := s.ReviewVotes(ctx, []string{"x"})
	_, raterErr := s.ReviewRater(ctx, "x")
	for what, err := range map[string]error{
		"CreateReview": s.CreateReview(ctx, task("x", 0)), "Reviews": reviewsErr, "ReviewBook": bookErr, "ReviewPairs": pairsErr,
		"ReviewVotes": votesErr, "ReviewRater": raterErr, "UpdateReview": s.UpdateReview(ctx, "x", func(review.Book) (review.Change, error) { return review.Change{}, nil }),
		"SaveRun": s.SaveRun(ctx, run("late", 1)), "Run": runErr, "Runs": runsErr,
		"SaveOutputs":    s.SaveOutputs(ctx, evaluate.Output{RunID: "r", ItemID: "a"}),
		"SaveStatistics": s.SaveStatistics(ctx, "r", []byte{1}),
		"Outputs":        s.Outputs(ctx, "r", func(evaluate.Output) error { return nil }),
		"AppendRequests": s.AppendRequests(ctx, []stylesprint.RequestRecord{{ID: "late"}}),
		"Requests":       requestsErr, "SummariseRequests": summaryErr,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s after the context ended: %v", what, err)
		}
	}
	if _, err := s.Run(context.Background(), "late"); stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		t.Errorf("a cancelled write was stored: %v", err)
	}
}

func testConcurrent(t *testing.T, s Store) {
	ctx := context.Background()
	const workers, rounds = 8, 15
	save(t, s, run("shared", 0))
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			own := fmt.Sprintf("run-%d", w)
			for i := range rounds {
				out := evaluate.Output{RunID: "shared", ItemID: fmt.Sprintf("%d-%d", w, i)}
				record := stylesprint.RequestRecord{ID: out.ItemID, Time: start().Add(time.Duration(i)), Model: own, Status: 200}
				_, listErr := s.Runs(ctx, evaluate.Filter{})
				if err := errors.Join(s.SaveRun(ctx, run(own, i)), s.SaveOutputs(ctx, out), s.AppendRequests(ctx, []stylesprint.RequestRecord{record}), listErr); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := len(outputs(t, s, "shared")); n != workers*rounds {
		t.Errorf("%d outputs, want %d", n, workers*rounds)
	}
	runs, err := s.Runs(ctx, evaluate.Filter{})
	if err != nil || len(runs) != workers+1 {
		t.Errorf("%d runs (%v), want %d", len(runs), err, workers+1)
	}
	sums, err := s.SummariseRequests(ctx, time.Time{})
	if err != nil || len(sums) != workers || sums[0].Requests != rounds {
		t.Errorf("summary %+v, %v", sums, err)
	}
}
