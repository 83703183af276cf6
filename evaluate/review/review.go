// Package review has people judge texts blind, side by side.
//
// Key words: task, pair, rater, seat, vote, key.
//
// A task sets the texts of two or more runs beside one another, item by item. A
// rater sees two texts of one item, without names, and says which is better. The
// usual path is
//
//	desk := review.Desk{Store: store, Runs: store}
//	created, err := desk.Create(ctx, review.Plan{RunIDs: ids, Data: items, Raters: 2})
//	turn, err := desk.Next(ctx, created.Invites[0].Code)
//	err = desk.Vote(ctx, code, review.Ballot{Turn: turn.Number, Answer: review.AnswerA})
//	_, err = desk.Close(ctx, created.Task.ID)
//	result, err := desk.Result(ctx, created.Task.ID)
//
// The key (which candidate wrote which text) is sealed until the task is closed:
// until then a Desk hands out no candidate, run or seed. Each pair has as
// many seats as the task has raters, and a rater takes a seat under a lease that
// expires, so that no pair is judged by more; the store makes that atomic. Votes
// are only ever added, an undone one by a vote that withdraws it. They carry
// the hash of what was judged, so that a later task over the same texts can take them over.
//
// Raters have an invitation code and, if they like, a pseudonym; nothing else is
// kept of them. Errors for people are *stylesprint.Error. A Desk is safe for
// concurrent use.
package review

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
)

// Task is one blind comparison.
type Task struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Dataset     string      `json:"dataset"`
	DatasetHash string      `json:"dataset_hash"`
	Split       string      `json:"split,omitempty"`
	Candidates  []Candidate `json:"candidates,omitempty"` // sealed while the task is open
	Raters      int         `json:"raters"`               // votes that each pair gets
	Repeats     float64     `json:"repeats"`              // share of a rater's pairs that come again, 0 to 0.5
	Seed        uint64      `json:"seed,omitempty"`       // of orders and sides; sealed while the task is open
	Pairs       int         `json:"pairs"`                // shown to people, numbered from 1
	Same        int         `json:"same"`                 // pairs of identical texts, ties that nobody is shown; numbered after the others
	Images      string      `json:"images,omitempty"`     // folder of the items' pictures; empty: the dataset's own, or none
	Created     time.Time   `json:"created"`
	Closed      time.Time   `json:"closed,omitzero"`
}

// Open says whether votes are taken and the key is sealed.
func (t Task) Open() bool { return t.Closed.IsZero() }

// sealed is the task as it may be shown.
func (t Task) sealed() Task {
	if t.Open() {
		t.Candidates, t.Seed = nil, 0
	}
	return t
}

// Candidate is a run whose texts are judged.
type Candidate struct {
	RunID string `json:"run_id"`
	Name  string `json:"name"`
}

// Pair is two texts of one item. First is bytewise not greater than Second, so that
// equal content looks equal whoever wrote it.
type Pair struct {
	TaskID   string       `json:"task_id"`
	Number   int          `json:"number"`
	Item     dataset.Item `json:"item"`
	First    string       `json:"first"`
	Second   string       `json:"second"`
	FirstOf  int          `json:"first_of"`  // the candidate that wrote First, by its place in Task.Candidates
	SecondOf int          `json:"second_of"` // and Second
	Hash     string       `json:"hash"`      // ContentHash of the item's fields and the texts
}

// Same says that the texts are identical.
func (p Pair) Same() bool { return p.First == p.Second }

// firstLeft says whether First stands left where the candidate of the lower place does.
func (p Pair) firstLeft(lowLeft bool) bool { return (p.FirstOf < p.SecondOf) == lowLeft }

// ContentHash names what a vote is about: the facts that were shown and the two
// texts, in whichever order they are given.
func ContentHash(fields map[string]string, a, b string) (string, error) {
	text, err := json.Marshal(struct {
		Fields        map[string]string
		First, Second string
	}{fields, min(a, b), max(a, b)})
	if err != nil {
		return "", fmt.Errorf("hash a pair: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Rater is a person, or a model, that judges.
type Rater struct {
	ID        string    `json:"id"`
	TaskID    string    `json:"task_id"`
	Number    int       `json:"number"` // within the task, from 1
	Name      string    `json:"name"`   // a pseudonym, or the model's name; may be empty
	Model     bool      `json:"model,omitempty"`
	TokenHash string    `json:"-"` // SHA-256 of the invitation code, in hex; empty for a model
	Created   time.Time `json:"created"`
	Begun     time.Time `json:"begun,omitzero"` // when the rater first pressed Begin
}

// Label is what a rater is called: "rater 2 (Heron)".
func (r Rater) Label() string {
	switch {
	case r.Model:
		return r.Name
	case r.Name == "":
		return fmt.Sprintf("rater %d", r.Number)
	}
	return fmt.Sprintf("rater %d (%s)", r.Number, r.Name)
}

// Seat is a rater's right to judge a pair.
type Seat struct {
	Pair   int
	Seat   int // from 0; below the task's raters for a first judgement, above for a repeat
	Rater  string
	Repeat bool
	// LowLeft says that the candidate with the lower place stands left.
	LowLeft bool
	// Expires is when another rater may take the seat, unless the vote is there.
	Expires time.Time
}

// Choice is a verdict on a pair.
type Choice string

// The choices.
const (
	First  Choice = "first"
	Second Choice = "second"
	Tie    Choice = "tie"
	Bad    Choice = "both_bad"
)

// Marks are what a rater gave a text, 1 (poor) to 5 (very good) for each criterion; 0: none.
type Marks struct {
	Accuracy      int `json:"accuracy,omitempty"`
	Voice         int `json:"brand_voice,omitempty"`
	Inclusiveness int `json:"inclusiveness,omitempty"`
}

// Vote is one judgement, or the withdrawal of one.
type Vote struct {
	ID          int64     `json:"id"` // given by the store, ascending
	TaskID      string    `json:"task_id"`
	Pair        int       `json:"pair"`
	Hash        string    `json:"hash"` // the pair's
	Rater       string    `json:"rater"`
	Model       bool      `json:"model,omitempty"`
	Repeat      bool      `json:"repeat,omitempty"` // of a pair that the rater had judged before
	Choice      Choice    `json:"choice,omitempty"`
	FirstLeft   bool      `json:"first_left"`
	FirstMarks  Marks     `json:"first_marks"`
	SecondMarks Marks     `json:"second_marks"`
	Comment     string    `json:"comment,omitempty"`
	Time        time.Time `json:"time"`
	Withdraws   int64     `json:"withdraws,omitempty"` // the vote that is taken back; 0: this is a vote
	From        string    `json:"from,omitempty"`      // the earlier task whose vote was taken over
}

// Book is all that is written of a task but its texts.
type Book struct {
	Task   Task
	Raters []Rater // by number
	Seats  []Seat  // by pair and seat
	Votes  []Vote  // by id
}

// Change is what is written down together.
type Change struct {
	Task   *Task   // its name and Closed are kept; nil: unchanged
	Raters []Rater // created or replaced by id
	Seats  []Seat  // created or replaced by pair and seat
	Votes  []Vote  // added; their ids are given by the store
}

// Setup is a new task with all its parts.
type Setup struct {
	Task   Task
	Pairs  []Pair
	Raters []Rater
	Seats  []Seat
	Votes  []Vote // taken over from earlier tasks
}

// Filter narrows a list of tasks.
type Filter struct {
	Limit  int    // 0: 100
	Before string // a task's id: only older ones, for paging by key
}

// Store keeps tasks. Every method is atomic and safe for concurrent use.
type Store interface {
	// CreateReview stores a task with its parts, all or none; an error with code
	// conflict if there is a task with that id.
	CreateReview(ctx context.Context, s Setup) error
	// Reviews lists tasks, newest first.
	Reviews(ctx context.Context, f Filter) ([]Task, error)
	// ReviewBook returns what is written of a task, as of one moment; an error with code not_found if there is none.
	ReviewBook(ctx context.Context, taskID string) (Book, error)
	// ReviewPairs returns pairs by number: those of numbers, or all if it is empty.
	ReviewPairs(ctx context.Context, taskID string, numbers ...int) ([]Pair, error)
	// ReviewVotes returns the votes of all tasks on any of the content hashes, by id.
	ReviewVotes(ctx context.Context, hashes []string) ([]Vote, error)
	// ReviewRater finds the rater with a token hash; an error with code not_found if there is none.
	ReviewRater(ctx context.Context, tokenHash string) (Rater, error)
	// UpdateReview shows decide the book and writes the change that it returns, all
	// or none, with nobody else writing to that task in between. An error of
	// decide is returned as it is, and nothing is written. decide may be called again and must not
	// call the store. A seat for a first judgement beyond the task's raters, or a
	// second such seat of a rater for one pair, is refused with code conflict.
	UpdateReview(ctx context.Context, taskID string, decide func(Book) (Change, error)) error
}

// Runs is what is read of an evaluate.Store.
type Runs interface {
	// Run returns one run; an error with code not_found if there is none.
	Run(ctx context.Context, id string) (evaluate.Run, error)
	// Outputs calls yield for each output of a run, ordered by item and repeat,
	// until yield returns an error, which it returns.
	Outputs(ctx context.Context, runID string, yield func(evaluate.Output) error) error
}

var _ Runs = evaluate.Store(nil)

func conflict(hint, format string, args ...any) error {
	return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func invalid(field, hint, format string, args ...any) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: field, Message: fmt.Sprintf(format, args...), Hint: hint}
}
