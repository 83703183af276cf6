package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/review"
)

// task makes a plain review with three pairs, two seats each, and two raters.
func task(id string, seconds int) review.Setup {
	s := review.Setup{Task: review.Task{ID: id, Name: "n", Candidates: []review.Candidate{{RunID: "r1", Name: "a"}, {RunID: "r2", Name: "b"}}, Raters: 2, Pairs: 3, Created: start().Add(time.Duration(seconds) * time.Second)}}
	for n := 1; n <= 3; n++ {
		s.Pairs = append(s.Pairs, review.Pair{TaskID: id, Number: n, Item: dataset.Item{ID: fmt.Sprint("item", n)}, First: "one", Second: "two", SecondOf: 1, Hash: fmt.Sprintf("hash%d", n)})
	}
	for n := 1; n <= 2; n++ {
		s.Raters = append(s.Raters, review.Rater{ID: fmt.Sprint(id, "-rater", n), TaskID: id, Number: n, TokenHash: fmt.Sprint(id, "-token", n), Created: start()})
	}
	return s
}

func create(t *testing.T, s Store, tasks ...review.Setup) {
	t.Helper()
	for _, setup := range tasks {
		if err := s.CreateReview(context.Background(), setup); err != nil {
			t.Fatalf("CreateReview: %v", err)
		}
	}
}

func book(t *testing.T, s Store, id string) review.Book {
	t.Helper()
	b, err := s.ReviewBook(context.Background(), id)
	if err != nil {
		t.Fatalf("ReviewBook: %v", err)
	}
	return b
}

// change writes a change without looking.
func change(s Store, id string, c review.Change) error {
	return s.UpdateReview(context.Background(), id, func(review.Book) (review.Change, error) { return c, nil })
}

func testReview(t *testing.T, s Store) {
	ctx := context.Background()
	full := review.Setup{Task: filled[review.Task](1), Pairs: []review.Pair{filled[review.Pair](40)}, Raters: []review.Rater{filled[review.Rater](80)}, Seats: []review.Seat{filled[review.Seat](100)}, Votes: []review.Vote{filled[review.Vote](120)}}
	id := full.Task.ID
	full.Pairs[0].TaskID, full.Raters[0].TaskID, full.Votes[0].TaskID = id, id, id
	full.Seats[0].Pair, full.Votes[0].Pair = full.Pairs[0].Number, full.Pairs[0].Number
	create(t, s, full)
	want := review.Book{Task: full.Task, Raters: full.Raters, Seats: full.Seats, Votes: full.Votes}
	got := book(t, s, id)
	want.Votes[0].ID = got.Votes[0].ID
	equal(t, "a book with every field set", got, want)
	pairs, err := s.ReviewPairs(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a pair with every field set", pairs, full.Pairs)
	rater, err := s.ReviewRater(ctx, full.Raters[0].TokenHash)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a rater with every field set", rater, full.Raters[0])
	tasks, err := s.Reviews(ctx, review.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a task with every field set", tasks, []review.Task{full.Task})

	wantCode(t, "a task whose id is taken", s.CreateReview(ctx, full), stylesprint.CodeConflict)
	_, err = s.ReviewBook(ctx, "nobody")
	wantCode(t, "ReviewBook of an unknown id", err, stylesprint.CodeNotFound)
	_, err = s.ReviewRater(ctx, "nobody")
	wantCode(t, "ReviewRater of an unknown hash", err, stylesprint.CodeNotFound)
	_, err = s.ReviewRater(ctx, "")
	wantCode(t, "ReviewRater of no hash", err, stylesprint.CodeNotFound)
	wantCode(t, "UpdateReview of an unknown id", change(s, "nobody", review.Change{}), stylesprint.CodeNotFound)

	empty := task("empty", 0)
	empty.Raters = []review.Rater{{ID: "m1", TaskID: "empty", Number: 1, Model: true}, {ID: "m2", TaskID: "empty", Number: 2, Model: true}} // two without a token
	create(t, s, empty)
	equal(t, "raters that are models", book(t, s, "empty").Raters, empty.Raters)
}

func testReviews(t *testing.T, s Store) {
	ctx := context.Background()
	list := func(f review.Filter) string {
		t.Helper()
		tasks, err := s.Reviews(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, x := range tasks {
			ids = append(ids, x.ID)
		}
		return strings.Join(ids, " ")
	}
	equal(t, "reviews of an empty database", list(review.Filter{}), "")
	create(t, s, task("b", 3), task("a", 3), task("old", 1), task("c", 3), task("new", 9))
	equal(t, "reviews", list(review.Filter{}), "new c b a old")
	equal(t, "a page", list(review.Filter{Limit: 2, Before: "c"}), "b a")
	_, err := s.Reviews(ctx, review.Filter{Before: "nobody"})
	wantCode(t, "Reviews before an unknown id", err, stylesprint.CodeNotFound)

	pairs, err := s.ReviewPairs(ctx, "a", 3, 1)
	if err != nil || len(pairs) != 2 || pairs[0].Number != 1 || pairs[1].Number != 3 {
		t.Errorf("two pairs by number: %+v, %v", pairs, err)
	}
	for _, id := range []string{"a", "b"} {
		if err := change(s, id, review.Change{Votes: []review.Vote{{Pair: 1, Hash: "hash1", Rater: id, Choice: review.Tie, Time: start()}, {Pair: 2, Hash: "hash2", Rater: id, Choice: review.Bad, Time: start()}}}); err != nil {
			t.Fatal(err)
		}
	}
	votes, err := s.ReviewVotes(ctx, []string{"hash2", "hash3"})
	if err != nil || len(votes) != 2 || votes[0].TaskID != "a" || votes[1].TaskID != "b" || votes[0].ID >= votes[1].ID || votes[0].Hash != "hash2" {
		t.Errorf("votes by content: %+v, %v", votes, err)
	}
	if votes, err = s.ReviewVotes(ctx, nil); err != nil || len(votes) != 0 {
		t.Errorf("votes on nothing: %+v, %v", votes, err)
	}
}

func testReviewUpdate(t *testing.T, s Store) {
	create(t, s, task("x", 0), task("y", 1))
	closed := book(t, s, "x").Task
	closed.Name, closed.Closed = "renamed", start().Add(time.Hour)
	rater := book(t, s, "x").Raters[0]
	rater.Name, rater.Begun = "Heron", start()
	seat := review.Seat{Pair: 1, Rater: rater.ID, Expires: start()}
	vote := review.Vote{Pair: 1, Hash: "hash1", Rater: rater.ID, Choice: review.First, Time: start()}
	if err := change(s, "x", review.Change{Task: &closed, Raters: []review.Rater{rater}, Seats: []review.Seat{seat}, Votes: []review.Vote{vote}}); err != nil {
		t.Fatal(err)
	}
	got := book(t, s, "x")
	equal(t, "the task after a change", got.Task, closed)
	equal(t, "the rater after a change", got.Raters[0], rater)
	equal(t, "the seats after a change", got.Seats, []review.Seat{seat})
	if len(got.Votes) != 1 || got.Votes[0].ID == 0 || got.Votes[0].TaskID != "x" {
		t.Errorf("votes after a change: %+v", got.Votes)
	}

	stop := errors.New("no")
	if err := s.UpdateReview(context.Background(), "x", func(review.Book) (review.Change, error) {
		return review.Change{Votes: []review.Vote{vote}}, stop
	}); err != stop {
		t.Errorf("an error of decide came back as %v", err)
	}
	// All or none: the second seat is refused, and the vote with it.
	beyond := review.Seat{Pair: 2, Seat: 2, Rater: "z", Expires: start()}
	err := change(s, "x", review.Change{Seats: []review.Seat{{Pair: 2, Rater: "z", Expires: start()}, beyond}, Votes: []review.Vote{vote}})
	wantCode(t, "a seat beyond the task's raters", err, stylesprint.CodeConflict)
	err = change(s, "x", review.Change{Seats: []review.Seat{{Pair: 1, Seat: 1, Rater: rater.ID, Expires: start()}}})
	wantCode(t, "a second seat of a rater at one pair", err, stylesprint.CodeConflict)
	equal(t, "the book after refused changes", book(t, s, "x"), got)
	// A repeat has a seat of its own, and an expired seat goes to somebody else.
	repeat, taken := review.Seat{Pair: 1, Seat: 3, Rater: rater.ID, Repeat: true, Expires: start()}, review.Seat{Pair: 1, Rater: "other", LowLeft: true, Expires: start().Add(time.Hour)}
	if err := change(s, "x", review.Change{Seats: []review.Seat{repeat, taken}}); err != nil {
		t.Fatal(err)
	}
	equal(t, "seats", book(t, s, "x").Seats, []review.Seat{taken, repeat})
	if b := book(t, s, "y"); len(b.Seats)+len(b.Votes) != 0 {
		t.Errorf("another task was changed: %+v", b)
	}
}

// testReviewSeats has eight workers take seats at the same time, each after a look at the book.
func testReviewSeats(t *testing.T, s Store) {
	const workers = 8
	create(t, s, task("x", 0))
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for {
				more := false
				err := s.UpdateReview(context.Background(), "x", func(b review.Book) (review.Change, error) {
					taken := map[int]int{}
					own := map[int]bool{}
					for _, seat := range b.Seats {
						taken[seat.Pair]++
						own[seat.Pair] = own[seat.Pair] || seat.Rater == fmt.Sprint(w)
					}
					for n := 1; n <= b.Task.Pairs; n++ {
						if taken[n] < b.Task.Raters && !own[n] {
							more = true
							return review.Change{Seats: []review.Seat{{Pair: n, Seat: taken[n], Rater: fmt.Sprint(w), Expires: start()}}, Votes: []review.Vote{{Pair: n, Hash: "h", Rater: fmt.Sprint(w), Time: start()}}}, nil
						}
					}
					return review.Change{}, nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				if !more {
					return
				}
			}
		})
	}
	all.Wait()
	b := book(t, s, "x")
	if len(b.Seats) != 6 || len(b.Votes) != 6 {
		t.Errorf("%d seats and %d votes, want 6", len(b.Seats), len(b.Votes))
	}
}
