package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/prompt"
	"stylesprint/web/show"
)

const (
	maxForm    = 256 << 10       // bytes of a sent form
	askTimeout = 3 * time.Minute // for an answer without script
)

type playgroundBody struct {
	Models  []Model // those that generate text
	Prompts []prompt.Template
	Samples []Sample
	Form    playgroundForm
	Faults  map[string]string // by field
	Fault   *fault            // of the call
	Reply   *stylesprint.Reply
	Cost    string
	CanAsk  bool // the form can be answered without script
}

// playgroundForm holds the fields as they were typed.
type playgroundForm struct {
	Model, System, Prompt        string
	Temperature, MaxTokens, Seed string
	Template, Sample             string
	Turns                        []stylesprint.Message // of the conversation before the prompt
}

func (s *site) playgroundBody(ctx context.Context) (playgroundBody, error) {
	b := playgroundBody{Samples: s.o.Samples, CanAsk: s.o.Generate != nil, Faults: map[string]string{}}
	models, err := s.o.Models(ctx)
	if err != nil {
		return b, err
	}
	for _, m := range models {
		if m.Task == "" || m.Task == "text-generation" {
			b.Models = append(b.Models, m)
		}
	}
	for _, t := range s.o.Prompts {
		if askable(t) {
			b.Prompts = append(b.Prompts, t)
		}
	}
	b.Form = playgroundForm{Temperature: "0.7", MaxTokens: "256"}
	if len(b.Models) > 0 {
		b.Form.Model = b.Models[0].Name
	}
	return b, nil
}

// askable says whether a template ends with a question, as the form does.
func askable(t prompt.Template) bool {
	return len(t.Messages) > 0 && t.Messages[len(t.Messages)-1].Role == stylesprint.RoleUser
}

func (s *site) playground(w http.ResponseWriter, r *http.Request) error {
	b, err := s.playgroundBody(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if m := q.Get("model"); m != "" {
		b.Form.Model = m
	}
	b.Form.Template, b.Form.Sample = q.Get("template"), q.Get("sample")
	if b.Form.Template != "" {
		b.fill()
	}
	return s.renderPlayground(w, b)
}

// fill puts a template, with a sample's values, into the form.
func (b *playgroundBody) fill() {
	values := map[string]string{}
	for _, x := range b.Samples {
		if x.Name == b.Form.Sample {
			values = x.Values
		}
	}
	for _, t := range b.Prompts {
		if t.Name != b.Form.Template {
			continue
		}
		messages, err := t.Render(values)
		if err != nil {
			b.Faults["template"] = "The template could not be filled in. " + faultIn(err)
			return
		}
		last := len(messages) - 1
		for _, m := range messages[:last] {
			if m.Role == stylesprint.RoleSystem {
				b.Form.System = strings.TrimSpace(b.Form.System + "\n\n" + m.Content)
				continue
			}
			b.Form.Turns = append(b.Form.Turns, m)
		}
		b.Form.Prompt = messages[last].Content
		return
	}
	b.Faults["template"] = "There is no template named " + b.Form.Template + "."
}

// faultIn is what a person can do about values that a template does not take.
func faultIn(err error) string {
	var f *prompt.FaultError
	if errors.As(err, &f) && f.Variable != "" {
		return fmt.Sprintf("It needs a value for %q: choose a product that has one.", f.Variable)
	}
	return "Choose a product for it."
}

func (s *site) renderPlayground(w http.ResponseWriter, b playgroundBody) error {
	title := "No model can be asked yet"
	if len(b.Models) > 0 {
		title = "Ask a model, and see what its answer took"
	}
	status := 0
	switch {
	case b.Fault != nil:
		title, status = "There is no answer", b.Fault.Status
	case len(b.Faults) > 0:
		title, status = "The form needs another look", http.StatusUnprocessableEntity
	case b.Reply != nil:
		title = b.Reply.Model + " answered in " + show.Duration(b.Reply.Latency)
	}
	return s.render(w, "playground", page{Here: "playground", Title: title, Document: "Playground", Status: status, Body: b})
}

// ask answers the form without script.
func (s *site) ask(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return &stylesprint.Error{Code: stylesprint.CodeTooLarge, Message: "The prompt is too long to send", Hint: fmt.Sprintf("Keep the whole form below %s.", show.Bytes(maxForm))}
		}
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The form could not be read", Err: err}
	}
	b, err := s.playgroundBody(r.Context())
	if err != nil {
		return err
	}
	f := r.PostForm
	b.Form = playgroundForm{
		Model: f.Get("model"), System: f.Get("system"), Prompt: f.Get("prompt"),
		Temperature: strings.TrimSpace(f.Get("temperature")), MaxTokens: strings.TrimSpace(f.Get("max_tokens")), Seed: strings.TrimSpace(f.Get("seed")),
	}
	for i, text := range f["turn"] {
		if i < len(f["turn_role"]) && strings.TrimSpace(text) != "" {
			b.Form.Turns = append(b.Form.Turns, stylesprint.Message{Role: stylesprint.Role(f["turn_role"][i]), Content: text})
		}
	}
	req := b.request()
	if len(b.Faults) > 0 {
		return s.renderPlayground(w, b)
	}
	if s.o.Generate == nil {
		return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "This server answers the playground with script only", Hint: "Allow script for this page, or send POST /generate/ from a program."}
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	reply, err := s.o.Generate.Generate(r.WithContext(ctx), req)
	if err != nil {
		x := faultOf(err)
		b.Fault = &x
		return s.renderPlayground(w, b)
	}
	b.Reply = &reply
	for _, m := range b.Models {
		if m.Name == b.Form.Model {
			b.Cost = show.Money(reply.Cost, m.Price.Currency)
		}
	}
	return s.renderPlayground(w, b)
}

// request reads the fields, and notes what is wrong with each.
func (b *playgroundBody) request() generate.Request {
	f := b.Form
	req := generate.Request{Model: f.Model}
	if strings.TrimSpace(f.System) != "" {
		req.Messages = append(req.Messages, stylesprint.Message{Role: stylesprint.RoleSystem, Content: f.System})
	}
	for _, m := range f.Turns {
		if m.Role != stylesprint.RoleUser && m.Role != stylesprint.RoleAssistant {
			b.Faults["prompt"] = "An earlier turn is of nobody in the conversation. Choose the template again."
		}
		req.Messages = append(req.Messages, m)
	}
	if strings.TrimSpace(f.Prompt) == "" {
		b.Faults["prompt"] = "Write a prompt."
	}
	req.Messages = append(req.Messages, stylesprint.Message{Role: stylesprint.RoleUser, Content: f.Prompt})
	if f.Temperature != "" {
		v, err := strconv.ParseFloat(f.Temperature, 64)
		if err != nil || !(v >= 0 && v <= 2) {
			b.Faults["temperature"] = "Give a number between 0 and 2."
		}
		req.Params.Temperature = &v
	}
	if f.MaxTokens != "" {
		v, err := strconv.Atoi(f.MaxTokens)
		if err != nil || v < 1 {
			b.Faults["max_tokens"] = "Give a whole number of 1 or more."
		}
		req.Params.MaxTokens = &v
	}
	if f.Seed != "" {
		v, err := strconv.ParseUint(f.Seed, 10, 64)
		if err != nil {
			b.Faults["seed"] = "Give a whole number of 0 or more, or leave it empty."
		}
		req.Params.Seed = &v
	}
	return req
}
