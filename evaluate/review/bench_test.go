package review_test

import (
	"context"
	"testing"

	"stylesprint/evaluate/review"
)

// A rater's page and vote late in a large task: 1,000 pairs, two raters done, the third half-way.
func BenchmarkTurn(b *testing.B) {
	f := newFixture(b, 1000)
	ctx := context.Background()
	c := f.create(review.Plan{RunIDs: f.two(), Raters: 3, Repeats: .1})
	votes := review.Change{}
	book := must(f.db.ReviewBook(ctx, c.Task.ID))(b)
	pairs := must(f.db.ReviewPairs(ctx, c.Task.ID))(b)
	for k, r := range book.Raters {
		for _, p := range pairs {
			if k == 2 && p.Number > 500 {
				break
			}
			votes.Seats = append(votes.Seats, review.Seat{Pair: p.Number, Seat: k, Rater: r.ID, Expires: start()})
			votes.Votes = append(votes.Votes, review.Vote{Pair: p.Number, Hash: p.Hash, Rater: r.ID, Choice: review.First, FirstMarks: review.Marks{Accuracy: 4, Voice: 3, Inclusiveness: 5}, SecondMarks: review.Marks{Accuracy: 2, Voice: 3, Inclusiveness: 5}, Time: start()})
		}
	}
	if err := f.db.UpdateReview(ctx, c.Task.ID, func(review.Book) (review.Change, error) { return votes, nil }); err != nil {
		b.Fatal(err)
	}
	code := c.Invites[2].Code
	for b.Loop() {
		turn := must(f.Next(ctx, code))(b)
		if err := f.Vote(ctx, code, review.Ballot{Turn: turn.Number, Answer: review.AnswerTie}); err != nil {
			b.Fatal(err)
		}
		if err := f.Undo(ctx, code); err != nil {
			b.Fatal(err)
		}
	}
}
