package metric

import (
	"context"

	"stylesprint"
)

// BLEUReport is what `score bleu --json` prints.
type BLEUReport struct {
	BLEUScore
	Signature string `json:"signature"`
	// Mean is the mean of the samples' own scores on 0..1 (see BLEUMean).
	Mean          float64 `json:"mean"`
	MeanSignature string  `json:"mean_signature"`
	Samples       int     `json:"samples"`
}

// BLEUSentence is what `score bleu --sentence --json` prints, a line each.
type BLEUSentence struct {
	BLEUScore
	Signature string `json:"signature"`
}

// bleuBlock bounds the texts that are held at once.
const bleuBlock = 8192

// Report scores a stream of samples; each, if not nil, gets every sample's own score.
func (b *BLEU) Report(ctx context.Context, samples Samples, each func(BLEUSentence) error) (BLEUReport, error) {
	var sum Stats
	var total float64
	n := 0
	refs := newRefCount()
	sentence := b.WithEffectiveOrder()
	err := samples.blocks(bleuBlock, func(_ int, block []Sample) error {
		stats, err := b.AllStats(ctx, block)
		if err != nil {
			return err
		}
		for i, s := range stats {
			sum = sum.Add(s)
			n++
			score := b.Sentence(s)
			total += score.Score
			refs.see(len(block[i].References))
			if each != nil {
				if err := each(BLEUSentence{score, sentence.Signature(len(block[i].References))}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return BLEUReport{}, err
	}
	if n == 0 {
		return BLEUReport{}, nothingToScore()
	}
	return BLEUReport{
		BLEUScore: b.Corpus(sum), Signature: b.Signature(refs.value()),
		Mean: total / float64(n) / 100, MeanSignature: (&BLEUMean{bleu: sentence}).Signature(refs.value()), Samples: n,
	}, nil
}

func nothingToScore() error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "there is nothing to score: the files are empty"}
}
