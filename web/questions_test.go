package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/catalogue/answer"
	"stylesprint/web"
)

func TestQuestions(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	cases := []struct {
		sku, question string
		status        int
		want          []string
	}{
		{"SS-DR-101", "Does it have pockets?", 200, []string{"SS-DR-101 is answered from features", `<u tabindex="0" title="features">Two side pockets.</u>`, `<th scope="row">features</th><td>two side pockets</td>`, "no model wrote this", "Confidence 0.", `placeholder="such as SS-`, `<option value="SS-`}},
		{"SS-DR-101", "Is size M in stock?", 200, []string{"is answered from stock", `<u tabindex="0" title="stock">M </u>is in stock: <u tabindex="0" title="stock">9 </u>pieces.`, "Confidence 1.00"}},
		{"SS-DR-101", "Who designed it?", 200, []string{"What is known of SS-DR-101 does not say", "I don&#39;t know", "No model was asked."}},
		{"NONE", "x?", 422, []string{"The form needs another look", "There is no product with this SKU.", `value="NONE"`, `aria-invalid="true"`}},
		{"SS-DR-101", " ", 422, []string{"Question is missing."}},
	}
	for _, c := range cases {
		w := post(h, "/questions", url.Values{"sku": {c.sku}, "question": {c.question}})
		if w.Code != c.status {
			t.Errorf("%s %q: status %d, want %d", c.sku, c.question, w.Code, c.status)
		}
		for _, want := range c.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s %q: lacks %q in\n%s", c.sku, c.question, want, w.Body)
			}
		}
		sound(t, "/questions", w)
	}
}

type scripted struct {
	out answer.Answer
	err error
}

func (s scripted) Answer(*http.Request, answer.Question) (answer.Answer, error) {
	return s.out, s.err
}

func TestQuestionsSayWhoWorded(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]scripted{
		"Worded by m1.": {out: answer.Answer{Answered: true, GeneratedBy: "m1", Citations: []answer.Citation{{Field: "fit", Text: "long"}, {Field: "fit", Text: "wide"}}}},
		"the model&#39;s text failed the check “figures”.": {out: answer.Answer{Answered: true, Withheld: answer.WithheldFigures}},
		"is answered from fit and care":                    {out: answer.Answer{Answered: true, SKU: "A", Citations: []answer.Citation{{Field: "fit"}, {Field: "fit"}, {Field: "care"}}}},
		"It passed the content policy shop@0a1b.":          {out: answer.Answer{Answered: true, Policy: "shop@0a1b"}},
		"There is no answer":                               {err: &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "the model is busy"}},
	} {
		h, err := web.New(web.Options{Runs: nothing{}, Answer: s})
		if err != nil {
			t.Fatal(err)
		}
		if w := post(h, "/questions", url.Values{"sku": {"A"}, "question": {"x"}}); !strings.Contains(w.Body.String(), want) {
			t.Errorf("lacks %q in\n%s", want, w.Body)
		}
	}
	large := web.Options{Runs: nothing{}, Answer: scripted{}}
	h, err := web.New(large)
	if err != nil {
		t.Fatal(err)
	}
	if w := post(h, "/questions", url.Values{"question": {strings.Repeat("x", 300<<10)}}); w.Code != 413 {
		t.Errorf("a form that is too large: %d", w.Code)
	}
}
