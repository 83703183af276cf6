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
func (s *server) joinAnswers(context.Context) error {
	room := new(answerRoom)
	open := func(_ context.Context, c config.Config) error {
		a, err := s.answerer(c)
		if err == nil {
			room.now.Store(a)
		}
		return err
	}
	s.gateway.Answer = room
	s.reloads = append(s.reloads, open)
	if s.how.role.pages() {
		questions := pageAnswers{room: room}
		if s.writes() {
			questions.model = playground{s, "/questions"}
		}
		s.pages.Answer = questions
	}
	return open(context.Background(), s.config)
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

// answerer ranks passages with the first encoder that is served, if a threshold was found for it.
func (s *server) answerer(c config.Config) (*answer.Answerer, error) {
	find, guide, err := answerProducts(c)
	if err != nil {
		return nil, err
	}
	o := answer.Options{Products: find, Guide: guide}
	calibrated, err := answer.Calibrated()
	if err != nil {
		return nil, err
	}
	served := encoder(c)
	for _, m := range s.plan.Load().models {
		if _, known := calibrated.Encoders[served.Model]; known && m.embed != nil && m.conf.Name == served.Name {
			o.Embed, o.Encoder = embedWith(m.embed), served.Model
		}
	}
	if o.Embed == nil {
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
