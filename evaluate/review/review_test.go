package review_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/review"
	"stylesprint/store/sqlite"
)

// fixture is a desk over a fresh database with runs of some items.
type fixture struct {
	*review.Desk
	t    testing.TB
	db   *sqlite.DB
	data dataset.Dataset
	now  time.Time
	mu   sync.Mutex
}

func start() time.Time { return time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC) }

func newFixture(t testing.TB, items int) *fixture {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "s.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f := &fixture{t: t, db: db, now: start()}
	var list []dataset.Item
	for i := range items {
		list = append(list, dataset.Item{ID: fmt.Sprintf("item-%03d", i), Family: fmt.Sprintf("family-%02d", i/2), Fields: map[string]string{"name": fmt.Sprint("Dress ", i)}, References: []string{"a reference"}})
	}
	if f.data, err = dataset.New("demo", list); err != nil {
		t.Fatal(err)
	}
	f.Desk = &review.Desk{Store: db, Runs: db, Now: f.clock}
	return f
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(time.Second)
	return f.now
}

func (f *fixture) wait(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// run stores a finished run whose text for item i is text(i).
func (f *fixture) run(id, name string, text func(i int) string) string {
	f.t.Helper()
	ctx := context.Background()
	r := evaluate.Run{ID: id, Dataset: "demo", DatasetHash: f.data.Hash, Repeat: 1, Status: evaluate.StatusDone, Candidate: evaluate.Candidate{Name: name}, Total: len(f.data.Items)}
	if err := f.db.SaveRun(ctx, r); err != nil {
		f.t.Fatal(err)
	}
	for i, item := range f.data.Items {
		o := evaluate.Output{RunID: id, ItemID: item.ID, Text: text(i), Finished: start(), Scores: map[string]float64{"similarity": float64(len(text(i)) * (i + 1)), "flat": 1}}
		if err := f.db.SaveOutputs(ctx, o); err != nil {
			f.t.Fatal(err)
		}
	}
	return id
}

// two runs whose texts begin with the candidate's style.
func (f *fixture) two() []string {
	return []string{
		f.run("run-plain", "plain", func(i int) string { return fmt.Sprintf("flat text %d", i) }),
		f.run("run-voice", "voice", func(i int) string { return fmt.Sprintf("lively words for number %d", i) }),
	}
}

func (f *fixture) create(p review.Plan) review.Created {
	f.t.Helper()
	p.Data = f.data
	return must(f.Create(context.Background(), p))(f.t)
}

func (f *fixture) next(code string) review.Turn {
	f.t.Helper()
	return must(f.Next(context.Background(), code))(f.t)
}

func (f *fixture) vote(code string, b review.Ballot) {
	f.t.Helper()
	if err := f.Vote(context.Background(), code, b); err != nil {
		f.t.Fatal(err)
	}
}

// prefers answers with the side whose text holds a word.
func prefers(word string) func(review.Turn) review.Answer {
	return func(t review.Turn) review.Answer {
		switch a, b := strings.Contains(t.A, word), strings.Contains(t.B, word); {
		case a && !b:
			return review.AnswerA
		case b && !a:
			return review.AnswerB
		}
		return review.AnswerTie
	}
}

// finish has a rater judge until nothing is left, and returns what was shown.
func (f *fixture) finish(code string, answer func(review.Turn) review.Answer) []review.Turn {
	f.t.Helper()
	var shown []review.Turn
	for {
		turn := f.next(code)
		if turn.Over {
			return shown
		}
		shown = append(shown, turn)
		f.vote(code, review.Ballot{Turn: turn.Number, Answer: answer(turn)})
	}
}

func (f *fixture) close(id string) review.Result {
	f.t.Helper()
	must(f.Close(context.Background(), id))(f.t)
	return must(f.Result(context.Background(), id))(f.t)
}

func wantCode(t *testing.T, what string, err error, code stylesprint.Code) {
	t.Helper()
	if stylesprint.CodeOf(err) != code {
		t.Errorf("%s: %v, want code %s", what, err, code)
	}
}

func TestOneTaskThroughItsLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 20)
	c := f.create(review.Plan{RunIDs: f.two(), Raters: 2, Repeats: .1, Seed: 7})
	if len(c.Invites) != 2 || len(c.Invites[0].Code) != 43 || c.Task.Pairs != 20 || c.Task.Candidates != nil || c.Task.Seed != 0 {
		t.Fatalf("created %+v", c)
	}
	for i, invite := range c.Invites {
		if err := f.Begin(context.Background(), invite.Code, "  Heron\u200b\n "+fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		left := 0
		items := map[string]int{}
		for _, turn := range f.finish(invite.Code, prefers("lively")) {
			items[turn.Item.ID]++
			if strings.Contains(turn.A, "flat") && items[turn.Item.ID] == 1 {
				left++
			}
		}
		again := 0
		for _, n := range items {
			again += n - 1
		}
		if len(items) != 20 || again != 2 || left != 10 {
			t.Errorf("rater %d saw %d items, %d again, the first candidate left %d times", i, len(items), again, left)
		}
	}
	r := f.close(c.Task.ID)
	if r.Winner != "voice" || !strings.HasPrefix(r.Sentence, "People prefer voice to plain: it won 100 % of 20 pairs (95 % interval ") {
		t.Errorf("%q, winner %q", r.Sentence, r.Winner)
	}
	want := review.Counts{Pairs: 20, Judged: 20, Complete: 20, Votes: 40, Repeats: 4, Decided: 40}
	if r.Counts != want {
		t.Errorf("counts %+v, want %+v", r.Counts, want)
	}
	if s := r.Candidates[0].Strength.Log; !strings.Contains(s.Missing, "won every comparison") {
		t.Errorf("strength of one who lost all: %+v", s)
	}
	if r.Agreement[0].Score.Value != 1 || !strings.Contains(r.Agreement[1].Score.Missing, "same answer to everything") {
		t.Errorf("agreement %+v", r.Agreement)
	}
	for i, x := range r.Raters {
		if x.Label != fmt.Sprintf("rater %d (Heron %d)", i+1, i) || x.Votes != 20 || x.Consistency.Value != 1 || x.Consistency.N != 2 {
			t.Errorf("rater %+v", x)
		}
	}
	if m := r.Metrics; len(m) != 2 || !strings.Contains(m[0].Tau.Missing, "metric gives every item") || !strings.Contains(m[1].Tau.Missing, "people gave every item") {
		t.Errorf("metrics %+v", m)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestSealUntilClosed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 6)
	ctx := context.Background()
	c := f.create(review.Plan{RunIDs: f.two(), Seed: 42, Images: "/secret/folder"})
	code := c.Invites[0].Code
	turn := f.next(code)
	tasks := must(f.Tasks(ctx, review.Filter{}))(t)
	found, ok, err := f.Find(ctx, []string{"run-voice", "run-plain"})
	if err != nil || !ok || found.ID != c.Task.ID {
		t.Errorf("find: %+v, %v, %v", found, ok, err)
	}
	progress := must(f.Progress(ctx, c.Task.ID))(t)
	look := must(f.Look(ctx, code))(t)
	for what, v := range map[string]any{"create": c, "turn": turn, "tasks": tasks, "find": found, "progress": progress, "look": look} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"run-plain", "run-voice", `"plain"`, `"voice"`, `"seed":42`} {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s tells %s: %s", what, secret, text)
			}
		}
	}
	_, err = f.Result(ctx, c.Task.ID)
	wantCode(t, "the result of an open task", err, stylesprint.CodeConflict)
	wantCode(t, "votes of an open task", f.WriteJSONL(ctx, &bytes.Buffer{}, c.Task.ID), stylesprint.CodeConflict)

	closed := must(f.Close(ctx, c.Task.ID))(t)
	if len(closed.Candidates) != 2 || closed.Open() {
		t.Errorf("closed %+v", closed)
	}
	again := must(f.Close(ctx, c.Task.ID))(t)
	if !again.Closed.Equal(closed.Closed) {
		t.Error("closing again moved the time")
	}
	wantCode(t, "a vote after closing", f.Vote(ctx, code, review.Ballot{Turn: 1, Answer: review.AnswerA}), stylesprint.CodeConflict)
	wantCode(t, "an undo after closing", f.Undo(ctx, code), stylesprint.CodeConflict)
	wantCode(t, "an invitation after closing", func() error { _, err := f.Invite(ctx, c.Task.ID); return err }(), stylesprint.CodeConflict)
	if turn = f.next(code); !turn.Over || turn.Task.Candidates != nil {
		t.Errorf("a turn after closing: %+v", turn)
	}
	r := must(f.Result(ctx, c.Task.ID))(t)
	if r.Winner != "" || !strings.Contains(r.Sentence, "Nobody has judged") || !strings.HasPrefix(r.Candidates[0].WinRate.Missing, "not measured") {
		t.Errorf("a result without votes: %q, %+v", r.Sentence, r.Candidates[0].WinRate)
	}
}

// Eight raters at once, two seats a pair: never more than two votes, and none is missing.
func TestNeverMoreRatersThanAsked(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 15)
	c := f.create(review.Plan{RunIDs: f.two(), Raters: 2, Invites: 8, Seed: 3})
	var all sync.WaitGroup
	for i, invite := range c.Invites {
		all.Go(func() {
			for {
				turn, err := f.Next(context.Background(), invite.Code)
				if err != nil {
					t.Error(err)
					return
				}
				if turn.Over {
					return
				}
				b := review.Ballot{Turn: turn.Number, Answer: []review.Answer{review.AnswerA, review.AnswerB, review.AnswerTie, review.AnswerBad}[(i+turn.Number)%4]}
				if err := f.Vote(context.Background(), invite.Code, b); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	book := must(f.db.ReviewBook(context.Background(), c.Task.ID))(t)
	each := map[int]map[string]bool{}
	for _, v := range book.Votes {
		if each[v.Pair] == nil {
			each[v.Pair] = map[string]bool{}
		}
		if each[v.Pair][v.Rater] {
			t.Errorf("rater %s judged pair %d twice", v.Rater, v.Pair)
		}
		each[v.Pair][v.Rater] = true
	}
	if len(each) != 15 || len(book.Votes) != 30 {
		t.Fatalf("%d votes on %d pairs, want 30 on 15", len(book.Votes), len(each))
	}
	for pair, raters := range each {
		if len(raters) != 2 {
			t.Errorf("pair %d has %d raters", pair, len(raters))
		}
	}
}

func TestLeaseExpires(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 1)
	ctx := context.Background()
	c := f.create(review.Plan{RunIDs: f.two(), Raters: 1, Invites: 3})
	slow, quick, late := c.Invites[0].Code, c.Invites[1].Code, c.Invites[2].Code
	first := f.next(slow)
	if turn := f.next(quick); !turn.Over {
		t.Fatal("the seat was given twice")
	}
	f.wait(29 * time.Minute)
	if again := f.next(slow); again.Number != first.Number || again.A != first.A || again.B != first.B {
		t.Error("the same rater sees something else")
	}
	f.wait(31 * time.Minute)
	turn := f.next(quick)
	if turn.Over {
		t.Fatal("an expired seat is not given to others")
	}
	wantCode(t, "a vote without a seat", f.Vote(ctx, slow, review.Ballot{Turn: 1, Answer: review.AnswerA}), stylesprint.CodeConflict)
	f.vote(quick, review.Ballot{Turn: 1, Answer: review.AnswerTie})
	if f.next(slow).Over != true || f.next(late).Over != true {
		t.Error("a second rater was let in")
	}
	// A vote that is late, while nobody else has come, counts.
	g := newFixture(t, 1)
	c = g.create(review.Plan{RunIDs: g.two(), Raters: 1})
	g.next(c.Invites[0].Code)
	g.wait(5 * time.Hour)
	g.vote(c.Invites[0].Code, review.Ballot{Turn: 1, Answer: review.AnswerTie})
}

func TestUndoAndDoubleSending(t *testing.T) {
	t.Parallel()
	f := newFixture(t, 4)
	ctx := context.Background()
	c := f.create(review.Plan{RunIDs: f.two(), Raters: 1})
	code := c.Invites[0].Code
	wantCode(t, "undo of nothing", f.Undo(ctx, code), stylesprint.CodeConflict)
	first := f.next(code)
	ballot := review.Ballot{Turn: 1, Answer: review.AnswerB, A: review.Marks{Accuracy: 2}, B: review.Marks{Voice: 5, Inclusiveness: 4}, Comment: " =nice\r\nindeed "}
	f.vote(code, ballot)
	wantCode(t, "a form sent twice", f.Vote(ctx, code, ballot), stylesprint.CodeConflict)
	second := f.next(code)
	if second.Item.ID == first.Item.ID || second.Number != 2 || second.Done != 1 || second.Left != 3 {
		t.Errorf("second turn %+v", second)
	}
	if err := f.Undo(ctx, code); err != nil {
		t.Fatal(err)
	}
	back := f.next(code)
	if back.Item.ID != first.Item.ID || back.A != first.A || back.Number != 1 || back.Left != 4 || back.Before == nil {
		t.Fatalf("after undo %+v, want %+v", back, first)
	}
	ballot.Comment = "=nice\nindeed"
	ballot.Turn = 0 // what was answered before belongs to no turn
	if !reflect.DeepEqual(*back.Before, ballot) {
		t.Errorf("the answer before was %+v, want %+v", *back.Before, ballot)
	}
	ballot.Turn, ballot.Answer = 1, review.AnswerA
	f.vote(code, ballot)
	if turn := f.next(code); turn.Item.ID != second.Item.ID {
		t.Errorf("what waited is not next: %s, want %s", turn.Item.ID, second.Item.ID)
	}
	f.finish(code, prefers("lively"))
	for range 2 { // steps back further
		if err := f.Undo(ctx, code); err != nil {
			t.Fatal(err)
		}
	}
	if turn := f.next(code); turn.Number != 3 {
		t.Errorf("after two steps back, turn %d", turn.Number)
	}
	f.finish(code, prefers("lively"))
	r := f.close(c.Task.ID)
	if r.Counts.Votes != 4 || r.Counts.Withdrawn != 3 {
		t.Errorf("counts %+v", r.Counts)
	}
	var out bytes.Buffer
	if err := f.WriteCSV(ctx, &out, c.Task.ID); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 1+4+3 || rows[1][11] != "true" || rows[1][8] != "right" || rows[2][8] != "left" && rows[3][8] != "left" {
		t.Errorf("%v, %v", rows, err)
	}
	if rows[1][19] != "'=nice\nindeed" {
		t.Errorf("a comment may be taken for a formula: %q", rows[1][19])
	}
}
