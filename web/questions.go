package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"stylesprint"
	"stylesprint/catalogue/answer"
	"stylesprint/web/show"
)

// Answerer answers customers' questions about products. Its errors are *stylesprint.Error values.
type Answerer interface {
	// Answer answers a question of whoever sent r, whose context bounds it; what the record
	// does not say is no error.
	Answer(r *http.Request, q answer.Question) (answer.Answer, error)
}

type questionsBody struct {
	CanAsk        bool
	Samples       []Sample
	SKU, Question string
	Faults        map[string]string // by field
	Fault         *fault            // of the call
	Answer        *answer.Answer
	Pieces        []questionPiece
	By            string // who worded it, in a sentence
}

// questionPiece is a stretch of an answer, with the field that it is found in.
type questionPiece struct{ Text, Field string }

func (s *site) questions(w http.ResponseWriter, r *http.Request) error {
	b := s.questionsBody()
	b.SKU = r.URL.Query().Get("sku")
	return s.renderQuestions(w, b)
}

func (s *site) questionsBody() questionsBody {
	return questionsBody{CanAsk: s.o.Answer != nil, Samples: s.o.Samples, Faults: map[string]string{}}
}

// askQuestion answers the form.
func (s *site) askQuestion(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return &stylesprint.Error{Code: stylesprint.CodeTooLarge, Message: "The question is too long to send", Hint: fmt.Sprintf("Keep it below %d bytes.", answer.MaxQuestion)}
		}
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The form could not be read", Err: err}
	}
	b := s.questionsBody()
	b.SKU, b.Question = strings.TrimSpace(r.PostForm.Get("sku")), r.PostForm.Get("question")
	if s.o.Answer == nil {
		return s.renderQuestions(w, b)
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	out, err := s.o.Answer.Answer(r.WithContext(ctx), answer.Question{SKU: b.SKU, Text: b.Question})
	var e *stylesprint.Error
	switch {
	case errors.As(err, &e) && (e.Field == "sku" || e.Field == "question"):
		b.Faults[e.Field] = strings.ToUpper(e.Message[:1]) + e.Message[1:] + "."
	case err != nil:
		x := faultOf(err)
		b.Fault = &x
	default:
		b.Answer, b.Pieces, b.By = &out, piecesOf(out), worded(out)
	}
	return s.renderQuestions(w, b)
}

func (s *site) renderQuestions(w http.ResponseWriter, b questionsBody) error {
	title, status := "Ask about a product, as a customer would", 0
	switch {
	case !b.CanAsk:
		title = "No catalogue is served yet"
	case b.Fault != nil:
		title, status = "There is no answer", b.Fault.Status
	case len(b.Faults) > 0:
		title, status = "The form needs another look", http.StatusUnprocessableEntity
	case b.Answer != nil && !b.Answer.Answered:
		title = "What is known of " + b.Answer.SKU + " does not say"
	case b.Answer != nil:
		title = fmt.Sprintf("%s is answered from %s", b.Answer.SKU, fieldsOf(b.Answer.Citations))
	}
	return s.render(w, "questions", page{Here: "questions", Title: title, Document: "Questions", Status: status, Body: b})
}

// fieldsOf names the fields that an answer rests on, each once.
func fieldsOf(citations []answer.Citation) string {
	var names []string
	seen := map[string]bool{}
	for _, c := range citations {
		if !seen[c.Field] {
			seen[c.Field] = true
			names = append(names, c.Field)
		}
	}
	return show.List(names)
}

func worded(a answer.Answer) string {
	switch {
	case a.GeneratedBy != "":
		return "Worded by " + a.GeneratedBy + "."
	case a.Withheld != "":
		return fmt.Sprintf("The record's own words: the model's text failed the check “%s”.", a.Withheld)
	case a.Answered:
		return "The record's own words; no model wrote this."
	}
	return "No model was asked."
}

// piecesOf cuts an answer into stretches of words that a citation has and others.
func piecesOf(a answer.Answer) []questionPiece {
	var out []questionPiece
	for _, w := range strings.SplitAfter(a.Text, " ") {
		field := ""
		for _, c := range a.Citations {
			if field == "" && has(c.Text, w) {
				field = c.Field
			}
		}
		if n := len(out); n > 0 && out[n-1].Field == field {
			out[n-1].Text += w
			continue
		}
		out = append(out, questionPiece{w, field})
	}
	return out
}

// has says whether a text has a word, whatever its case and the punctuation around it.
func has(text, word string) bool {
	trim := func(s string) string {
		return strings.ToLower(strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '%' }))
	}
	word = trim(word)
	for w := range strings.FieldsSeq(text) {
		if word != "" && trim(w) == word {
			return true
		}
	}
	return false
}
