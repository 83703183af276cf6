package web

import (
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/review"
	"stylesprint/web/show"
)

// raterRoutes are the pages of those who judge. They show no rail, no candidate
// and no other page.
func (s *site) raterRoutes() []route {
	return []route{
		{"GET /review/rate/{code}", s.rate},
		{"POST /review/rate/{code}", s.answerPair},
		{"GET /review/rate/{code}/picture", s.picture},
	}
}

// door asks for an invitation.
func (s *site) door(w http.ResponseWriter, _ *http.Request) error {
	return s.render(w, "review-door", page{Title: "Please open the link that you were sent", Document: "Review", Bare: true})
}

// enter takes a code that was typed or pasted, or the whole link.
func (s *site) enter(w http.ResponseWriter, r *http.Request) error {
	f, err := form(w, r)
	if err != nil {
		return err
	}
	code := strings.TrimSpace(f.Get("code"))
	code = code[strings.LastIndexByte(code, '/')+1:]
	if _, err := s.o.Review.Desk.Look(r.Context(), code); err != nil {
		return err
	}
	http.Redirect(w, r, raterPath+code, http.StatusSeeOther)
	return nil
}

type rateBody struct {
	review.Turn
	Path     string // of this page
	Fields   []fact
	Picture  bool
	Criteria []criterionLine
	Form     review.Ballot // as it was sent or answered before
	Fault    string
	Note     string
	Total    int
	Name     string // as it was typed
}

type fact struct{ Name, Value string }

// criterionLine is a criterion with the marks of both sides.
type criterionLine struct {
	review.Criterion
	Sides []sideLine
}

type sideLine struct {
	Side  string // "a", "b"
	Label string
	Mark  int // 0: none
}

// Marks are what can be given.
func (sideLine) Marks() []int { return []int{1, 2, 3, 4, 5} }

// notes are what a page may be asked to say, so that an address holds no text of its own.
func notes(key string) string {
	switch key {
	case "stored":
		return "That answer was stored already; nothing was changed. Here is what comes next."
	case "late":
		return "Too much time had passed, and somebody else was given that pair. Your answer was not stored. Here is what comes next."
	case "undone":
		return "Your last answer is taken back. Here is the pair again."
	}
	return ""
}

func (s *site) rate(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	code := r.PathValue("code")
	rater, err := d.Rater(r.Context(), code)
	if err != nil {
		return err
	}
	show := d.Next
	if rater.Begun.IsZero() { // nothing is leased to somebody who may only be looking
		show = d.Look
	}
	t, err := show(r.Context(), code)
	if err != nil {
		return err
	}
	if !t.Over && rater.Begun.IsZero() {
		return s.renderBegin(w, rateBody{Turn: t, Path: raterPath + code})
	}
	b := s.rateBody(raterPath+code, t)
	b.Note = notes(r.URL.Query().Get("note"))
	return s.renderRate(w, b)
}

func (s *site) rateBody(path string, t review.Turn) rateBody {
	b := rateBody{Turn: t, Path: path, Total: t.Done + t.Left}
	for _, name := range slices.Sorted(maps.Keys(t.Item.Fields)) {
		if v := t.Item.Fields[name]; strings.TrimSpace(v) != "" {
			b.Fields = append(b.Fields, fact{show.Sentence(strings.ReplaceAll(name, "_", " ")), v})
		}
	}
	b.Picture = t.Item.Image != "" && s.pictures(t.Task) != nil
	if t.Before != nil {
		b.Form = *t.Before
	}
	b.lines()
	return b
}

// lines sets the marks of the form beside their criteria.
func (b *rateBody) lines() {
	b.Criteria = nil
	for _, c := range review.Criteria() {
		b.Criteria = append(b.Criteria, criterionLine{c, []sideLine{{"a", "A", c.Mark(b.Form.A)}, {"b", "B", c.Mark(b.Form.B)}}})
	}
}

func (s *site) renderBegin(w http.ResponseWriter, b rateBody) error {
	b.lines()
	p := page{Title: "You will compare texts, two at a time", Document: "Review", Eyebrow: b.Task.Name, Bare: true, Private: true, Body: b}
	if b.Fault != "" {
		p.Status = http.StatusUnprocessableEntity
	}
	return s.render(w, "review-begin", p)
}

func (s *site) renderRate(w http.ResponseWriter, b rateBody) error {
	if b.Over {
		title := "Thank you: you have judged " + show.Of(b.Done, "pair")
		switch {
		case !b.Task.Open():
			title = "Thank you: this review is closed"
		case b.Done == 0:
			title = "Every pair has its votes already"
		}
		return s.render(w, "review-over", page{Title: title, Document: "Review", Eyebrow: b.Task.Name, Bare: true, Private: true, Body: b})
	}
	p := page{Title: fmt.Sprintf("Pair %d: which text would you publish?", b.Number), Document: fmt.Sprintf("Pair %d", b.Number), Eyebrow: b.Task.Name, Bare: true, Private: true, Body: b}
	if b.Fault != "" {
		p.Status = http.StatusUnprocessableEntity
	}
	return s.render(w, "review-rate", p)
}

// answerPair takes what a rater sent: the beginning, an answer, or an undo.
func (s *site) answerPair(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	code := r.PathValue("code")
	here := raterPath + code
	note := ""
	switch f.Get("act") {
	case "begin":
		err = d.Begin(r.Context(), code, f.Get("name"))
		if stylesprint.CodeOf(err) == stylesprint.CodeInvalid {
			t, lookErr := d.Look(r.Context(), code)
			if lookErr != nil {
				return lookErr
			}
			return s.renderBegin(w, rateBody{Turn: t, Path: here, Fault: sentence(err), Name: f.Get("name")})
		}
	case "undo":
		if err = d.Undo(r.Context(), code); err == nil {
			note = "undone"
		}
	case "vote":
		ballot := ballotOf(f)
		err = d.Vote(r.Context(), code, ballot)
		if stylesprint.CodeOf(err) == stylesprint.CodeInvalid {
			return s.rateAgain(w, r, ballot, sentence(err))
		}
		if stylesprint.CodeOf(err) == stylesprint.CodeConflict {
			note = s.why(r, d, code, ballot.Turn)
		}
	default:
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The form could not be read", Hint: "Open your link again."}
	}
	if err != nil && stylesprint.CodeOf(err) != stylesprint.CodeConflict {
		return err
	}
	if note != "" {
		here += "?note=" + note
	}
	http.Redirect(w, r, here, http.StatusSeeOther)
	return nil
}

// why tells a ballot of another turn from one that came too late.
func (s *site) why(r *http.Request, d *review.Desk, code string, turn int) string {
	t, err := d.Look(r.Context(), code)
	switch {
	case err != nil || !t.Task.Open():
		return ""
	case t.Number != turn:
		return "stored"
	}
	return "late"
}

func sentence(err error) string {
	words := show.Sentence(err.Error()) + "."
	if h := stylesprint.HintOf(err); h != "" {
		words += " " + show.Sentence(h) + "."
	}
	return words
}

// rateAgain shows the same pair with what was filled in.
func (s *site) rateAgain(w http.ResponseWriter, r *http.Request, ballot review.Ballot, fault string) error {
	code := r.PathValue("code")
	t, err := s.o.Review.Desk.Next(r.Context(), code)
	if err != nil {
		return err
	}
	b := s.rateBody(raterPath+code, t)
	b.Form, b.Fault = ballot, fault
	b.lines()
	return s.renderRate(w, b)
}

func ballotOf(f values) review.Ballot {
	mark := func(name string) int {
		v, err := strconv.Atoi(f.Get(name))
		if err != nil && f.Get(name) != "" {
			return -1 // which the desk refuses
		}
		return v
	}
	turn, _ := strconv.Atoi(f.Get("turn")) // nonsense is a turn that was never shown
	return review.Ballot{
		Turn: turn, Answer: review.Answer(f.Get("answer")), Comment: f.Get("comment"),
		A: review.Marks{Accuracy: mark("accuracy-a"), Voice: mark("brand_voice-a"), Inclusiveness: mark("inclusiveness-a")},
		B: review.Marks{Accuracy: mark("accuracy-b"), Voice: mark("brand_voice-b"), Inclusiveness: mark("inclusiveness-b")},
	}
}

// pictures is the folder of a task's pictures, or nil.
func (s *site) pictures(t review.Task) fs.FS {
	if s.o.Review == nil || s.o.Review.Images == nil {
		return nil
	}
	return s.o.Review.Images(t)
}

// picture sends the picture of the item that is before the rater; its address names no item.
func (s *site) picture(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	t, name, err := d.Image(r.Context(), r.PathValue("code"))
	if err != nil {
		return err
	}
	return sendPicture(w, s.pictures(t), name, "no-store")
}
