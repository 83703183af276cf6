package review

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
)

// Limits of a plan.
const (
	MaxCandidates = 7
	MaxRaters     = 20  // votes for each pair
	MaxInvites    = 100 // raters of a task
	MaxPairs      = 5_000
	maxName       = 80 // bytes
)

// Plan says what to compare, and how.
type Plan struct {
	ID     string // of the task; empty: a random one
	Name   string // for people; it must not name a candidate. Empty: after the dataset
	RunIDs []string
	// Data holds the items of the runs.
	Data    dataset.Dataset
	Items   int // how many items, drawn with the seed; 0: all
	Raters  int // votes that each pair gets; 0: 2
	Invites int // raters that are invited; 0: as many as Raters
	Repeats float64
	Seed    uint64
	// PairsPerItem is how many of an item's pairs are shown where there are three
	// candidates or more; 0: all.
	PairsPerItem int
	// Reuse takes over the votes that earlier, closed tasks hold on the same texts.
	Reuse  bool
	Images string // folder of the items' pictures
}

// Created is a new task. Codes are known here and never again.
type Created struct {
	Task    Task     `json:"task"`
	Invites []Invite `json:"invites"`
	Offered int      `json:"offered"` // pairs that people have judged in earlier tasks
	Reused  int      `json:"reused"`  // votes that were taken over
}

// Invite lets one rater in.
type Invite struct {
	Number int    `json:"number"`
	Code   string `json:"code"`
}

// Desk is where tasks are made, judged and closed.
type Desk struct {
	Store Store
	Runs  Runs
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Lease is how long a pair is kept for a rater who has it before them. Defaults to 30 minutes.
	Lease time.Duration
	// Random makes codes and ids. Defaults to crypto/rand.
	Random io.Reader
}

func (d *Desk) now() time.Time {
	if d.Now == nil {
		return time.Now().UTC()
	}
	return d.Now().UTC()
}

func (d *Desk) lease() time.Duration {
	if d.Lease <= 0 {
		return 30 * time.Minute
	}
	return d.Lease
}

func (d *Desk) random(n int) ([]byte, error) {
	b := make([]byte, n)
	source := d.Random
	if source == nil {
		source = rand.Reader
	}
	if _, err := io.ReadFull(source, b); err != nil {
		return nil, fmt.Errorf("draw random bytes: %w", err)
	}
	return b, nil
}

// NewID draws a task's id; guessing one is hopeless.
func (d *Desk) NewID() (string, error) {
	b, err := d.random(8)
	return "rev-" + hex.EncodeToString(b), err
}

// tokenHash is how a code is kept: 256 random bits need no slow hash.
func tokenHash(code string) string {
	sum := sha256.Sum256([]byte(code))
	return hex.EncodeToString(sum[:])
}

// newRater makes a rater and the code that lets them in: 256 random bits.
func (d *Desk) newRater(taskID string, number int) (Rater, Invite, error) {
	b, err := d.random(32 + 8)
	if err != nil {
		return Rater{}, Invite{}, err
	}
	code := base64.RawURLEncoding.EncodeToString(b[:32])
	r := Rater{ID: "rater-" + hex.EncodeToString(b[32:]), TaskID: taskID, Number: number, TokenHash: tokenHash(code), Created: d.now()}
	return r, Invite{Number: number, Code: code}, nil
}

func (p *Plan) check() error {
	if p.Raters == 0 {
		p.Raters = 2
	}
	if p.Invites == 0 {
		p.Invites = p.Raters
	}
	switch {
	case len(p.RunIDs) < 2:
		return invalid("runs", "name two or more finished runs over the same items", "a review compares at least two runs")
	case len(p.RunIDs) > MaxCandidates:
		return invalid("runs", "choose fewer", "a review compares at most %d runs", MaxCandidates)
	case p.Raters < 1 || p.Raters > MaxRaters:
		return invalid("raters", "", "raters: want 1 to %d for each pair, got %d", MaxRaters, p.Raters)
	case p.Invites < p.Raters || p.Invites > MaxInvites:
		return invalid("invites", "", "invites: want %d (the raters of each pair) to %d, got %d", p.Raters, MaxInvites, p.Invites)
	case !(p.Repeats >= 0 && p.Repeats <= .5):
		return invalid("repeats", "", "repeats: want a share from 0 to 0.5, got %v", p.Repeats)
	case p.Items < 0:
		return invalid("items", "", "items: want 0 for all, or more, got %d", p.Items)
	case p.PairsPerItem < 0:
		return invalid("pairs", "", "pairs per item: want 0 for all, or more, got %d", p.PairsPerItem)
	case len(p.Name) > maxName:
		return invalid("name", "", "name: want at most %d bytes", maxName)
	}
	for i, id := range p.RunIDs {
		if slices.Contains(p.RunIDs[:i], id) {
			return invalid("runs", "name different runs", "run %s is named twice", id)
		}
	}
	return nil
}

// Create makes a task. The texts are copied into it: what becomes of the runs
// afterwards does not change what is judged.
func (d *Desk) Create(ctx context.Context, p Plan) (Created, error) {
	if err := p.check(); err != nil {
		return Created{}, err
	}
	b := builder{desk: d, plan: p}
	if err := b.readRuns(ctx); err != nil {
		return Created{}, err
	}
	if err := b.pair(); err != nil {
		return Created{}, err
	}
	var out Created
	for n := 1; n <= p.Invites; n++ {
		rater, invite, err := d.newRater(b.setup.Task.ID, n)
		if err != nil {
			return Created{}, err
		}
		b.setup.Raters = append(b.setup.Raters, rater)
		out.Invites = append(out.Invites, invite)
	}
	var err error
	if out.Offered, out.Reused, err = b.reuse(ctx); err != nil {
		return Created{}, err
	}
	if err := d.Store.CreateReview(ctx, b.setup); err != nil {
		return Created{}, err
	}
	out.Task = b.setup.Task.sealed()
	return out, nil
}

// builder gathers the parts of a task.
type builder struct {
	desk  *Desk
	plan  Plan
	setup Setup
	texts []map[string]string // of each candidate, by item
}

func (b *builder) readRuns(ctx context.Context) error {
	t := &b.setup.Task
	for i, id := range b.plan.RunIDs {
		r, err := b.desk.Runs.Run(ctx, id)
		if err != nil {
			return err
		}
		if r.Status != evaluate.StatusDone {
			return conflict("let it finish: give its eval run command again", "run %s is not done, so its texts cannot be judged yet", id)
		}
		if i == 0 {
			t.Dataset, t.DatasetHash, t.Split = r.Dataset, r.DatasetHash, r.Split
		} else if r.DatasetHash != t.DatasetHash || r.Split != t.Split {
			return conflict("choose runs over the same dataset and split", "runs %s and %s are over different items", b.plan.RunIDs[0], id)
		}
		t.Candidates = append(t.Candidates, Candidate{RunID: r.ID, Name: r.Candidate.Name})
		texts := map[string]string{}
		err = b.desk.Runs.Outputs(ctx, id, func(o evaluate.Output) error {
			if o.Repeat == 0 && o.Error == "" && strings.TrimSpace(o.Text) != "" {
				texts[o.ItemID] = o.Text
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read texts of run %s: %w", id, err)
		}
		b.texts = append(b.texts, texts)
	}
	if b.plan.Data.Hash != t.DatasetHash {
		return conflict("give the dataset of the runs", "dataset %s is not the one that the runs were made with", b.plan.Data.Name)
	}
	names := map[string]bool{}
	for i, c := range t.Candidates {
		if names[c.Name] { // two runs of one candidate
			t.Candidates[i].Name += " (" + c.RunID + ")"
		}
		names[c.Name] = true
	}
	return nil
}

// items are those that every candidate has a text for, in the task's own order.
func (b *builder) items() []dataset.Item {
	var out []dataset.Item
	for _, item := range b.plan.Data.Only(b.setup.Task.Split) {
		if !slices.ContainsFunc(b.texts, func(t map[string]string) bool { return t[item.ID] == "" }) {
			out = append(out, item)
		}
	}
	draw := generator(b.plan.Seed, "items", "")
	draw.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	if n := b.plan.Items; n > 0 && n < len(out) {
		out = out[:n]
	}
	return out
}

// pair makes the pairs: those to be shown first, then those of identical texts.
func (b *builder) pair() error {
	t := &b.setup.Task
	var err error
	if t.ID = b.plan.ID; t.ID == "" {
		if t.ID, err = b.desk.NewID(); err != nil {
			return err
		}
	}
	t.Name = b.plan.Name
	if t.Name == "" {
		t.Name = "Review of " + t.Dataset
	}
	t.Raters, t.Repeats, t.Seed, t.Images, t.Created = b.plan.Raters, b.plan.Repeats, b.plan.Seed, b.plan.Images, b.desk.now()
	items := b.items()
	if len(items) == 0 {
		return conflict("choose runs that finished without failures", "there is no item for which every run has a text")
	}
	duels := duels(len(t.Candidates))
	each := len(duels)
	if n := b.plan.PairsPerItem; n > 0 {
		each = min(n, each)
	}
	var shown, same []Pair
	for i, item := range items {
		for k := range each { // going round, so that all duels are judged about equally often
			duel := duels[(i*each+k)%len(duels)]
			p, err := b.newPair(item, duel[0], duel[1])
			if err != nil {
				return err
			}
			if p.Same() {
				same = append(same, p)
			} else {
				shown = append(shown, p)
			}
		}
	}
	if len(shown)+len(same) > MaxPairs {
		return invalid("items", "lower --items", "%d pairs are more than people will judge; at most %d", len(shown)+len(same), MaxPairs)
	}
	if len(shown) == 0 {
		return conflict("compare other runs", "the runs wrote the same texts for every item, so there is nothing to judge")
	}
	t.Pairs, t.Same = len(shown), len(same)
	b.setup.Pairs = append(shown, same...)
	for i := range b.setup.Pairs {
		b.setup.Pairs[i].Number = i + 1
	}
	return nil
}

func (b *builder) newPair(item dataset.Item, i, j int) (Pair, error) {
	p := Pair{TaskID: b.setup.Task.ID, Item: item, First: b.texts[i][item.ID], Second: b.texts[j][item.ID], FirstOf: i, SecondOf: j}
	if p.First > p.Second {
		p.First, p.Second, p.FirstOf, p.SecondOf = p.Second, p.First, j, i
	}
	var err error
	p.Hash, err = ContentHash(item.Fields, p.First, p.Second)
	return p, err
}

// duels are all pairs of n candidates.
func duels(n int) [][2]int {
	var out [][2]int
	for i := range n {
		for j := i + 1; j < n; j++ {
			out = append(out, [2]int{i, j})
		}
	}
	return out
}

// reuse finds the votes of earlier tasks on the same texts, and takes them over
// where the plan says so: each takes one of its pair's seats.
func (b *builder) reuse(ctx context.Context) (offered, reused int, err error) {
	byHash := map[string]*Pair{}
	var hashes []string
	for i := range b.setup.Pairs[:b.setup.Task.Pairs] {
		p := &b.setup.Pairs[i]
		byHash[p.Hash] = p
		hashes = append(hashes, p.Hash)
	}
	votes, err := b.desk.Store.ReviewVotes(ctx, hashes)
	if err != nil {
		return 0, 0, err
	}
	closed := map[string]bool{}
	taken := map[int]int{}
	for _, v := range standing(votes) {
		if v.Model || v.Repeat || v.From != "" {
			continue
		}
		if _, known := closed[v.TaskID]; !known {
			book, err := b.desk.Store.ReviewBook(ctx, v.TaskID)
			if err != nil {
				return 0, 0, err
			}
			closed[v.TaskID] = !book.Task.Open()
		}
		p := byHash[v.Hash]
		if !closed[v.TaskID] || p == nil {
			continue
		}
		if taken[p.Number] == 0 {
			offered++
		}
		if taken[p.Number] >= b.plan.Raters {
			continue
		}
		seat := taken[p.Number]
		taken[p.Number]++
		if !b.plan.Reuse {
			continue
		}
		reused++
		lowLeft := v.FirstLeft == (p.FirstOf < p.SecondOf)
		b.setup.Seats = append(b.setup.Seats, Seat{Pair: p.Number, Seat: seat, Rater: v.Rater, LowLeft: lowLeft, Expires: v.Time})
		v.ID, v.From, v.TaskID, v.Pair = 0, v.TaskID, b.setup.Task.ID, p.Number
		b.setup.Votes = append(b.setup.Votes, v)
	}
	slices.SortStableFunc(b.setup.Seats, func(x, y Seat) int { return cmp.Or(x.Pair-y.Pair, x.Seat-y.Seat) })
	return offered, reused, nil
}

// standing are the votes that were not withdrawn, without the withdrawals.
func standing(votes []Vote) []Vote {
	gone := map[int64]bool{}
	for _, v := range votes {
		if v.Withdraws != 0 {
			gone[v.Withdraws] = true
		}
	}
	var out []Vote
	for _, v := range votes {
		if v.Withdraws == 0 && !gone[v.ID] {
			out = append(out, v)
		}
	}
	return out
}

// Invite lets one more rater in.
func (d *Desk) Invite(ctx context.Context, taskID string) (Invite, error) {
	var out Invite
	err := d.Store.UpdateReview(ctx, taskID, func(b Book) (Change, error) {
		if !b.Task.Open() {
			return Change{}, closedError()
		}
		people := 0
		next := 1
		for _, r := range b.Raters {
			if !r.Model {
				people++
			}
			next = max(next, r.Number+1)
		}
		if people >= MaxInvites {
			return Change{}, conflict("", "a task has at most %d raters", MaxInvites)
		}
		rater, invite, err := d.newRater(taskID, next)
		out = invite
		return Change{Raters: []Rater{rater}}, err
	})
	return out, err
}

func closedError() error {
	return conflict("see its result on the task's page, or with: stylesprint review close TASK", "the review is closed: no more votes are taken")
}

// Tasks lists tasks, newest first; the key of open ones is sealed.
func (d *Desk) Tasks(ctx context.Context, f Filter) ([]Task, error) {
	tasks, err := d.Store.Reviews(ctx, f)
	for i := range tasks {
		tasks[i] = tasks[i].sealed()
	}
	return tasks, err
}

// Find returns the newest open task over exactly these runs, in any order, or
// the newest closed one; ok is false if there is none.
func (d *Desk) Find(ctx context.Context, runIDs []string) (task Task, ok bool, err error) {
	want := slices.Sorted(slices.Values(runIDs))
	before := ""
	for {
		tasks, err := d.Store.Reviews(ctx, Filter{Limit: 100, Before: before})
		if err != nil {
			return Task{}, false, err
		}
		for _, t := range tasks {
			var have []string
			for _, c := range t.Candidates {
				have = append(have, c.RunID)
			}
			slices.Sort(have)
			if !slices.Equal(have, want) {
				continue
			}
			if t.Open() {
				return t.sealed(), true, nil
			}
			if !ok {
				task, ok = t, true
			}
		}
		if len(tasks) < 100 {
			return task, ok, nil
		}
		before = tasks[len(tasks)-1].ID
	}
}

// Close ends a task and opens its key. It may be called again.
func (d *Desk) Close(ctx context.Context, taskID string) (Task, error) {
	var out Task
	err := d.Store.UpdateReview(ctx, taskID, func(b Book) (Change, error) {
		out = b.Task
		if !b.Task.Open() {
			return Change{}, nil
		}
		out.Closed = d.now()
		return Change{Task: &out}, nil
	})
	return out, err
}

// noSuchCode is the same for every code that opens nothing.
func noSuchCode(err error) error {
	if stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		return err
	}
	return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "this invitation is not known here",
		Hint: "copy the whole link that you were sent, or ask for a new one", Err: errors.New("no rater has this code")}
}
