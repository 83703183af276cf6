package webtest

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"

	"stylesprint/catalogue/demo"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/review"
	"stylesprint/web"
)

// Review are the pages of blind reviews over the source's runs, kept in store.
func (s *Source) Review(store review.Store) *web.Review {
	return &web.Review{
		Desk:   &review.Desk{Store: store, Runs: s},
		Data:   s.dataset,
		Images: func(review.Task) fs.FS { return demo.Folder() },
	}
}

// dataset holds the items of a run, under the made-up hash that the runs carry.
func (s *Source) dataset(_ context.Context, run evaluate.Run) (dataset.Dataset, error) {
	d := dataset.Dataset{Name: run.Dataset, Hash: run.DatasetHash}
	for _, p := range s.sorted() {
		d.Items = append(d.Items, dataset.Item{ID: p.SKU, Family: p.Family, Split: p.Split, Fields: p.Fields(), References: p.Descriptions, Images: p.Images})
	}
	return d, nil
}

// NewReview makes a review of runs of the source.
func (s *Source) NewReview(ctx context.Context, d *review.Desk, p review.Plan) (review.Created, error) {
	run, err := s.Run(ctx, p.RunIDs[0])
	if err != nil {
		return review.Created{}, err
	}
	if p.Data, err = s.dataset(ctx, run); err != nil {
		return review.Created{}, err
	}
	return d.Create(ctx, p)
}

// Judge has an invented rater judge up to n pairs: mostly for the longer text, with
// moods that the seed decides.
func Judge(ctx context.Context, d *review.Desk, code string, n int, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 5))
	if err := d.Begin(ctx, code, []string{"Heron", "Wren", "Plover", "Kite"}[seed%4]); err != nil {
		return err
	}
	for range n {
		t, err := d.Next(ctx, code)
		if err != nil || t.Over {
			return err
		}
		b := review.Ballot{Turn: t.Number, Answer: review.AnswerA, A: marks(rng), B: marks(rng)}
		longer := len(t.B) > len(t.A)
		switch x := rng.Float64(); {
		case x < .1:
			b.Answer = review.AnswerTie
		case x < .15:
			b.Answer, b.Comment = review.AnswerBad, "Both promise pockets that the record does not have."
		case x < .72 == longer:
			b.Answer = review.AnswerB
		}
		if rng.Float64() < .15 {
			b.Comment = fmt.Sprintf("I would not say %q to a customer.", strings.Fields(t.A)[0])
		}
		if err := d.Vote(ctx, code, b); err != nil {
			return err
		}
	}
	return nil
}

func marks(rng *rand.Rand) review.Marks {
	return review.Marks{Accuracy: 2 + rng.IntN(4), Voice: 1 + rng.IntN(5), Inclusiveness: 3 + rng.IntN(3)}
}

// Outputs are a run's texts.
func Outputs(s *Source, id string) []evaluate.Output {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.outputs[id])
}
