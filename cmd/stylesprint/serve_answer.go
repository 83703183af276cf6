package main

import (
	"context"

	"stylesprint/catalogue/answer"
	"stylesprint/embedding"
	"stylesprint/gateway"
)

// answerer joins POST /answer: the configured catalogue, or the demo's, and the first encoder that is
// served. The model comes with each request, through the gateway's stages.
func (s *server) answerer(ctx context.Context) (gateway.Answerer, error) {
	var open *embedding.Client
	served := encoder(s.config)
	for _, m := range s.models {
		if client, ok := m.Embed.(*embedding.Client); ok && m.Name == served.Name {
			open = client
		}
	}
	find, guide, err := answerProducts(s.config)
	if err != nil {
		return nil, err
	}
	o := answer.Options{Products: find, Guide: guide}
	calibrated, err := answer.Calibrated()
	if err != nil {
		return nil, err
	}
	if _, ok := calibrated.Encoders[served.Model]; ok && open != nil {
		o.Embed, o.Encoder = embedWith(open), served.Model
	} else {
		s.log.Info("answers", "encoder", "none: passages are ranked by words in common")
	}
	return answer.New(o)
}

// pageAnswers answers the dashboard's form, with the models that the playground asks.
type pageAnswers struct {
	room  gateway.Answerer
	model answer.Generator // nil quotes the record
}

// Answer implements web.Answerer.
func (p pageAnswers) Answer(ctx context.Context, q answer.Question) (answer.Answer, error) {
	q.Generator = p.model
	return p.room.Answer(ctx, q)
}
