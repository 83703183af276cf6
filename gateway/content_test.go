package gateway_test

import (
	"context"
	"strings"
	"testing"

	"stylesprint"
	products "stylesprint/catalogue/answer"
	"stylesprint/gateway"
	"stylesprint/generate/fake"
)

// quoting answers with its text and passage; asked to, a model words it.
type quoting struct {
	text, passage string
	model         bool
	seen          *[]string // questions
}

func (a quoting) Answer(ctx context.Context, q products.Question) (products.Answer, error) {
	*a.seen = append(*a.seen, q.Text)
	out := products.Answer{SKU: q.SKU, Answered: true, Text: a.text, Citations: []products.Citation{{Field: "review.1", Text: a.passage}}}
	if !a.model {
		return out, nil
	}
	reply, err := q.Generator.Generate(ctx, promptOf("The passages say: "+a.passage+" The customer asks: "+q.Text))
	if err == nil && a.text == "" {
		out.Text, out.GeneratedBy, out.Reply = reply.Text, reply.Model, &reply
	}
	return out, err
}

const cardNumber, address = "4111 1111 1111 1111", "anna@shop.example"

// What leaves /answer has passed the content policy, whoever wrote it, and so has the question.
func TestAnswerPassesThePolicy(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, question, text, passage string
		model                         bool
		status                        int
		want, cited, flags            string
	}{
		{"clean", "lined?", "Yes.", "lined", false, 200, "Yes.", "lined", ""},
		{"a passage with an address", "lined?", "A customer writes: ask " + address, "ask " + address, false, 200, "A customer writes: ask [email]", "ask [email]", "mail"},
		{"a passage with a listed word", "lined?", "As the rival brand.", "rival brand", false, 200, "As the rival brand.", "rival brand", "rival"},
		{"a passage with a card's number", "lined?", "It is " + cardNumber, cardNumber, false, 422, "", "", "card"},
		{"a citation alone", "lined?", "Yes.", cardNumber, false, 422, "", "", "card"},
		{"a question with a card's number", "is " + cardNumber + " lined?", "Yes.", "lined", false, 422, "", "", "card"},
		{"a question with an address", "I am " + address, "Yes.", "lined", false, 200, "Yes.", "lined", "mail"},
		{"a model's words", "mail", "", "ask " + address, true, 200, "Ask [email] or the rival brand.", "ask [email]", "mail,rival"},
		{"a model's words, withheld", "mail", "The record.", "lined", true, 200, "The record.", "lined", "mail,rival"},
		{"a model's refused words", "card first", "", "lined", true, 422, "", "", "card"},
		{"a model's words, and a passage with a card's number", "lined?", "", "the " + "5555 5555 5555 4444", true, 422, "", "", "card"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			guard, log, seen := guarded(t), &ledger{}, []string{}
			s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(script())}, Stages: []gateway.Stage{guard.Stage()}, Content: guard, Clean: guard.Clean, Requests: log, LogBodies: true,
				Answer: quoting{c.text, c.passage, c.model, &seen}}})
			a := s.post(t, "/answer", `{"sku":"A-1","question":"`+c.question+`"}`)
			version, wrote := guard.Policy().Version(), c.model && c.text == "" && c.status == 200
			if a.status != c.status || strings.Contains(a.body, "1111") || strings.Contains(a.body, "4444") || strings.Contains(a.body, "anna") {
				t.Errorf("%d %s", a.status, a.body)
			}
			if (a.header.Get("X-Generated-By") != "") != wrote {
				t.Errorf("X-Generated-By %q", a.header.Get("X-Generated-By"))
			}
			if c.status != 200 {
				if m := a.json(t); m["code"] != "refused" || a.header.Get("X-Content-Policy") != "" {
					t.Errorf("%v %s", a.header, a.body)
				}
			} else if m := a.json(t); m["answer"] != c.want || m["policy"] != version || a.header.Get("X-Content-Policy") != version || !strings.Contains(a.body, `"text":"`+c.cited+`"`) {
				t.Errorf("%v %s", a.header, a.body)
			} else if by, _ := m["generated_by"].(map[string]any); (by != nil) != wrote || wrote && by["policy"] != version {
				t.Errorf("generated_by %v", m["generated_by"])
			}
			for _, q := range seen {
				if strings.Contains(q, "anna") || strings.Contains(q, "1111") {
					t.Errorf("the question %q was read", q)
				}
			}
			r := log.wait(t, 1)[0]
			kept := strings.ReplaceAll(strings.ReplaceAll(c.question, address, "[email]"), cardNumber, "[card]")
			if r.Flags != c.flags || r.Response != c.want || r.Prompt != kept {
				t.Errorf("the request log says flags %q, prompt %q, answer %q", r.Flags, r.Prompt, r.Response)
			}
		})
	}
}

// The refusal of a question names its field, whether a model would have been asked or not.
func TestQuestionsAreRefusedByTheirField(t *testing.T) {
	t.Parallel()
	guard, seen := guarded(t), []string{}
	stages := []gateway.Stage{guard.Stage()}
	for name, o := range map[string]gateway.Options{
		"before": {Content: guard, Stages: stages}, "at the model": {Stages: stages}, "without a model": {Content: guard, Models: []gateway.Model{vectors()}},
	} {
		if o.Models == nil {
			o.Models = []gateway.Model{text(fake.Script{})}
		}
		o.Answer = quoting{"Yes.", "lined", name == "at the model", &seen}
		s := serve(t, setup{o: o})
		a := s.post(t, "/answer", `{"sku":"A-1","question":"is `+cardNumber+` lined?"}`)
		if m := a.json(t); a.status != 422 || m["field"] != "question" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// A page's answer passes the policy as that of the API does.
func TestAnswerForAPagePassesThePolicy(t *testing.T) {
	t.Parallel()
	guard, log, seen := guarded(t), &ledger{}, []string{}
	serving := func(a quoting) *server {
		a.seen = &seen
		return serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(script())}, Content: guard, Requests: log, Answer: a}})
	}
	s := serving(quoting{text: "Ask " + address, passage: "ask " + address})
	a, err := s.AnswerQuestion(pageOf(""), "/questions", products.Question{SKU: "S", Text: "lined?"})
	if err != nil || a.Text != "Ask [email]" || a.Citations[0].Text != "ask [email]" || a.Policy != guard.Policy().Version() {
		t.Errorf("%+v, %v", a, err)
	}
	if r := log.wait(t, 1); r[0].Flags != "mail" {
		t.Errorf("flags %q", r[0].Flags)
	}
	if a, err := serving(quoting{text: cardNumber, passage: "x"}).AnswerQuestion(pageOf(""), "/questions", products.Question{SKU: "S", Text: "lined?"}); stylesprint.CodeOf(err) != stylesprint.CodeRefused || a.Text != "" || a.Citations != nil {
		t.Errorf("%+v, %v", a, err)
	}
}
