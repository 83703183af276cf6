package main

import (
	"context"
	"sync/atomic"

	"stylesprint/catalogue/answer"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway"
)

// joinAnswers answers customers' questions about the configured catalogue, or the demo's. The
// model comes with each request, through the gateway's stages.
func (s *server) joinAnswers(ctx context.Context) error {
	room := new(answerRoom)
	index := s.vectorIndex(ctx) // outlives a reload
	open := func(_ context.Context, c config.Config) error {
		a, err := s.answerer(c, index)
		if err == nil {
			room.now.Store(a)
		}
		return err
	}
	s.gateway.Answer = room
	s.reloads = append(s.reloads, open)
	if s.how.role.pages() {
		s.pages.Answer = forms{s}
	}
	return open(ctx, s.config)
}

// answerRoom is the answerer of the configuration that holds.
type answerRoom struct {
	now atomic.Pointer[answer.Answerer]
}

var _ gateway.Answerer = (*answerRoom)(nil)

// Answer implements gateway.Answerer.
func (r *answerRoom) Answer(ctx context.Context, q answer.Question) (answer.Answer, error) {
	return r.now.Load().Answer(ctx, q)
}

// variant is what an encoder's vectors depend on beside its name.
func variant(c config.Config, m config.Model) string {
	if m.Provider == "local" {
		return "local " + m.Precision
	}
	return m.Provider + " " + baseURL(c, m)
}

// answerer ranks passages with the first encoder that is served, if a threshold was found for it.
func (s *server) answerer(c config.Config, index answer.Index) (*answer.Answerer, error) {
	find, guide, err := answerProducts(c)
	if err != nil {
		return nil, err
	}
	o := answer.Options{Products: find, Guide: guide, Index: index}
	calibrated, err := answer.Calibrated()
	if err != nil {
		return nil, err
	}
	served := encoder(c)
	for _, m := range s.plan.Load().models {
		if _, known := calibrated.Encoders[served.Model]; known && m.embed != nil && m.conf.Name == served.Name {
			o.Embed, o.Encoder = embedWith(m.embed), served.Model
			o.Variant = variant(c, served)
		}
	}
	if o.Embed == nil {
		s.log.Info("answers", "encoder", "none: passages are ranked by words in common")
	}
	return answer.New(o)
}
