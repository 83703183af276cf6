package review

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Answer is what a rater says of the texts A and B.
type Answer string

// The answers.
const (
	AnswerA   Answer = "a"
	AnswerB   Answer = "b"
	AnswerTie Answer = "tie"
	AnswerBad Answer = "bad"
)

// Ballot is a filled-in form.
type Ballot struct {
	Turn    int // Turn.Number of what was shown
	Answer  Answer
	A, B    Marks
	Comment string
}

// Limits of what a rater writes, in characters.
const (
	MaxComment   = 2_000
	MaxPseudonym = 30
)

// Turn is what a rater is shown: nothing in it tells who wrote which text.
type Turn struct {
	Task   Task // sealed
	Rater  Rater
	Number int // 1 for the rater's first judgement; the ballot gives it back
	Done   int
	Left   int  // judgements still to make, this one included
	Over   bool // nothing is left, or the task is closed
	Item   Shown
	A, B   string
	// Before is what the rater had answered before taking it back; nil if nothing.
	Before *Ballot
}

// Shown is an item as raters see it, its references apart.
type Shown struct {
	ID         string
	Fields     map[string]string
	References []string
	Image      string // path within the task's pictures; empty: none
}

// enter finds the rater of a code.
func (d *Desk) enter(ctx context.Context, code string) (Rater, error) {
	r, err := d.Store.ReviewRater(ctx, tokenHash(code))
	if err != nil {
		return Rater{}, noSuchCode(err)
	}
	return r, nil
}

// Rater finds who has a code.
func (d *Desk) Rater(ctx context.Context, code string) (Rater, error) { return d.enter(ctx, code) }

// Look returns the task and the rater of a code without taking a pair.
func (d *Desk) Look(ctx context.Context, code string) (Turn, error) {
	rater, err := d.enter(ctx, code)
	if err != nil {
		return Turn{}, err
	}
	book, err := d.Store.ReviewBook(ctx, rater.TaskID)
	if err != nil {
		return Turn{}, err
	}
	return d.turn(newLedger(book, rater, d.now())), nil
}

func (d *Desk) turn(l *ledger) Turn {
	t := Turn{Task: l.Task.sealed(), Rater: l.rater, Done: len(l.mine), Number: len(l.mine) + 1}
	t.Task.Candidates, t.Task.Seed = nil, 0 // raters do not need them afterwards either
	if l.Task.Open() {
		t.Left = l.left()
	}
	t.Over = t.Left == 0
	return t
}

// Begin notes that a rater has read how it works, and their pseudonym.
func (d *Desk) Begin(ctx context.Context, code, pseudonym string) error {
	pseudonym = tidy(pseudonym)
	if utf8.RuneCountInString(pseudonym) > MaxPseudonym {
		return invalid("name", "", "choose a name of at most %d characters", MaxPseudonym)
	}
	rater, err := d.enter(ctx, code)
	if err != nil {
		return err
	}
	return d.Store.UpdateReview(ctx, rater.TaskID, func(b Book) (Change, error) {
		if !b.Task.Open() {
			return Change{}, closedError()
		}
		r := rater
		r.Name = pseudonym
		if r.Begun.IsZero() {
			r.Begun = d.now()
		}
		return Change{Raters: []Rater{r}}, nil
	})
}

// Next leases a pair to the rater, or says that nothing is left. Called again,
// it shows the same pair until the rater has voted.
func (d *Desk) Next(ctx context.Context, code string) (Turn, error) {
	rater, err := d.enter(ctx, code)
	if err != nil {
		return Turn{}, err
	}
	var t Turn
	var seat Seat
	err = d.Store.UpdateReview(ctx, rater.TaskID, func(b Book) (Change, error) {
		l := newLedger(b, rater, d.now())
		t = d.turn(l)
		if t.Over {
			return Change{}, nil
		}
		var ok bool
		if seat, ok = l.next(d.lease()); !ok {
			t.Left, t.Over = 0, true
			return Change{}, nil
		}
		t.Before = l.before(seat)
		return Change{Seats: []Seat{seat}}, nil
	})
	if err != nil || t.Over {
		return t, err
	}
	pairs, err := d.Store.ReviewPairs(ctx, rater.TaskID, seat.Pair)
	if err != nil {
		return Turn{}, err
	}
	for _, p := range pairs {
		t.Item = Shown{ID: p.Item.ID, Fields: p.Item.Fields, References: p.Item.References}
		if len(p.Item.Images) > 0 {
			t.Item.Image = p.Item.Images[0]
		}
		t.A, t.B = p.First, p.Second
		if !p.firstLeft(seat.LowLeft) {
			t.A, t.B = p.Second, p.First
		}
	}
	return t, nil
}

// before is the answer that the rater took back last, if it was for this seat.
func (l *ledger) before(s Seat) *Ballot {
	for i := len(l.Votes) - 1; i >= 0; i-- {
		if w := l.Votes[i]; w.Rater != l.rater.ID || w.Withdraws == 0 || w.Pair != s.Pair || w.Repeat != s.Repeat {
			continue
		}
		for _, v := range l.Votes {
			if v.ID == l.Votes[i].Withdraws {
				return v.ballot()
			}
		}
	}
	return nil
}

// ballot is a vote in terms of the sides on which its texts stood.
func (v Vote) ballot() *Ballot {
	b := &Ballot{A: v.FirstMarks, B: v.SecondMarks, Comment: v.Comment}
	if !v.FirstLeft {
		b.A, b.B = b.B, b.A
	}
	switch {
	case v.Choice == Tie:
		b.Answer = AnswerTie
	case v.Choice == Bad:
		b.Answer = AnswerBad
	case (v.Choice == First) == v.FirstLeft:
		b.Answer = AnswerA
	default:
		b.Answer = AnswerB
	}
	return b
}

// choice is a ballot in terms of the pair's texts.
func (b Ballot) choice(firstLeft bool) Choice {
	switch {
	case b.Answer == AnswerTie:
		return Tie
	case b.Answer == AnswerBad:
		return Bad
	case (b.Answer == AnswerA) == firstLeft:
		return First
	}
	return Second
}

func (b Ballot) check() error {
	switch b.Answer {
	case AnswerA, AnswerB, AnswerTie, AnswerBad:
	default:
		return invalid("answer", "choose A, B, a tie, or both bad", "no answer was chosen")
	}
	for _, m := range []Marks{b.A, b.B} {
		for _, v := range []int{m.Accuracy, m.Voice, m.Inclusiveness} {
			if v < 0 || v > 5 {
				return invalid("marks", "give 1 to 5, or none", "a mark of %d is not on the scale", v)
			}
		}
	}
	if utf8.RuneCountInString(b.Comment) > MaxComment {
		return invalid("comment", "", "the comment is longer than %d characters", MaxComment)
	}
	return nil
}

// Vote stores a rater's judgement of what is before them. A ballot of another
// turn (a page that was left open, a form sent twice) is refused with code
// conflict and changes nothing; so is one whose seat has gone to somebody else.
func (d *Desk) Vote(ctx context.Context, code string, b Ballot) error {
	b.Comment = strings.TrimSpace(strings.ReplaceAll(b.Comment, "\r\n", "\n"))
	if err := b.check(); err != nil {
		return err
	}
	rater, err := d.enter(ctx, code)
	if err != nil {
		return err
	}
	// The pair must be known for the vote, and may not change: a seat keeps its pair.
	pairs, err := d.before(ctx, rater)
	if err != nil {
		return err
	}
	return d.Store.UpdateReview(ctx, rater.TaskID, func(book Book) (Change, error) {
		l := newLedger(book, rater, d.now())
		if !book.Task.Open() {
			return Change{}, closedError()
		}
		if b.Turn != len(l.mine)+1 {
			return Change{}, conflict("go on with the pair that is shown", "this was answered already; nothing was changed")
		}
		s := l.current()
		if s == nil || s.Pair != pairs.Number {
			return Change{}, conflict("go on with the pair that is shown", "too much time has passed, and somebody else was given this pair; nothing was stored")
		}
		firstLeft := pairs.firstLeft(s.LowLeft)
		v := Vote{TaskID: rater.TaskID, Pair: s.Pair, Hash: pairs.Hash, Rater: rater.ID, Repeat: s.Repeat, Choice: b.choice(firstLeft),
			FirstLeft: firstLeft, FirstMarks: b.A, SecondMarks: b.B, Comment: b.Comment, Time: d.now()}
		if !firstLeft {
			v.FirstMarks, v.SecondMarks = b.B, b.A
		}
		return Change{Votes: []Vote{v}}, nil
	})
}

// before is the pair that the rater sits at; the zero Pair if none.
func (d *Desk) before(ctx context.Context, rater Rater) (Pair, error) {
	book, err := d.Store.ReviewBook(ctx, rater.TaskID)
	if err != nil {
		return Pair{}, err
	}
	s := newLedger(book, rater, d.now()).current()
	if s == nil {
		return Pair{}, nil
	}
	pairs, err := d.Store.ReviewPairs(ctx, rater.TaskID, s.Pair)
	if err != nil || len(pairs) == 0 {
		return Pair{}, err
	}
	return pairs[0], nil
}

// Undo takes the rater's last vote back: a withdrawal is added, and the pair is
// before the rater again.
func (d *Desk) Undo(ctx context.Context, code string) error {
	rater, err := d.enter(ctx, code)
	if err != nil {
		return err
	}
	return d.Store.UpdateReview(ctx, rater.TaskID, func(b Book) (Change, error) {
		l := newLedger(b, rater, d.now())
		if !b.Task.Open() {
			return Change{}, closedError()
		}
		if len(l.mine) == 0 {
			return Change{}, conflict("", "there is no vote to take back")
		}
		last := l.mine[len(l.mine)-1]
		var c Change
		if s := l.current(); s != nil { // it waits, and anybody may have it meanwhile
			waiting := *s
			waiting.Expires = l.now
			c.Seats = append(c.Seats, waiting)
		}
		for _, s := range b.Seats {
			if s.Rater == rater.ID && s.Pair == last.Pair && s.Repeat == last.Repeat {
				s.Expires = l.now.Add(d.lease())
				c.Seats = append(c.Seats, s)
			}
		}
		c.Votes = []Vote{{TaskID: rater.TaskID, Pair: last.Pair, Hash: last.Hash, Rater: rater.ID, Repeat: last.Repeat, Time: l.now, Withdraws: last.ID}}
		return c, nil
	})
}

// Image is the path of the picture of what is before the rater, and the task; empty if there is none.
func (d *Desk) Image(ctx context.Context, code string) (Task, string, error) {
	rater, err := d.enter(ctx, code)
	if err != nil {
		return Task{}, "", err
	}
	p, err := d.before(ctx, rater)
	if err != nil || len(p.Item.Images) == 0 {
		return Task{}, "", err
	}
	book, err := d.Store.ReviewBook(ctx, rater.TaskID)
	return book.Task.sealed(), p.Item.Images[0], err
}

// tidy makes one line of what was typed, without signs that cannot be seen.
func tidy(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
