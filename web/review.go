package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/review"
	"stylesprint/web/show"
)

// Review is what the pages of blind reviews need.
type Review struct {
	Desk *review.Desk
	// Data finds the items of a run, for a new review; nil: none can be made here.
	Data func(ctx context.Context, run evaluate.Run) (dataset.Dataset, error)
	// Images is where the pictures of a task's items are; nil, or a nil folder: they are not shown.
	Images func(task review.Task) fs.FS
}

// reviewRoutes are the pages of those who run reviews.
func (s *site) reviewRoutes() []route {
	return []route{
		{"GET /review", s.reviews},
		{"GET /review/new", s.newReview},
		{"POST /review/new", s.createReview},
		{"GET /review/tasks/{id}", s.reviewTask},
		{"POST /review/tasks/{id}/invite", s.inviteRater},
		{"GET /review/tasks/{id}/close", s.askToClose},
		{"POST /review/tasks/{id}/close", s.closeReview},
		{"GET /review/tasks/{id}/votes.csv", s.votesCSV},
		{"GET /review/tasks/{id}/votes.jsonl", s.votesJSONL},
	}
}

// LoggedPath is a request's path for the log; what a rater's address holds is a secret.
func LoggedPath(r *http.Request) string {
	if forRater(r) {
		return raterPath + "..."
	}
	return r.URL.Path
}

// raterPath begins the address of every page for raters.
const raterPath = "/review/rate/"

func forRater(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, raterPath) }

func (s *site) reviewDesk() (*review.Desk, error) {
	if s.o.Review == nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "This server keeps no reviews", Hint: "Start the one that does: stylesprint serve"}
	}
	return s.o.Review.Desk, nil
}

type reviewsBody struct {
	Tasks []reviewLine
	Older string
	Newer bool
	Can   bool // a review can be made here
}

// reviewLine is a task as lists show it: sealed while it is open.
type reviewLine struct {
	review.Progress
	Finding string // of a closed one
}

// Percent of the votes that are in.
func (l reviewLine) Percent() string { return show.Share(l.Votes, l.Wanted) }

func (s *site) reviews(w http.ResponseWriter, r *http.Request) error {
	b := reviewsBody{Can: s.o.Review != nil && s.o.Review.Data != nil}
	open := 0
	if s.o.Review != nil {
		d := s.o.Review.Desk
		before := r.URL.Query().Get("before")
		tasks, err := d.Tasks(r.Context(), review.Filter{Limit: pageReviews + 1, Before: before})
		if err != nil {
			return err
		}
		b.Newer = before != ""
		if len(tasks) > pageReviews {
			tasks = tasks[:pageReviews]
			b.Older = tasks[pageReviews-1].ID
		}
		for _, t := range tasks {
			p, err := d.Progress(r.Context(), t.ID)
			if err != nil {
				return err
			}
			l := reviewLine{Progress: p}
			if t.Open() {
				open++
			}
			b.Tasks = append(b.Tasks, l)
		}
	}
	return s.render(w, "review", page{Here: "review", Title: reviewsTitle(b, open), Document: "Reviews", Body: b})
}

// pageReviews is how many tasks a page lists.
const pageReviews = 30

func reviewsTitle(b reviewsBody, open int) string {
	n := len(b.Tasks)
	switch {
	case n == 0 && b.Newer:
		return "There are no older reviews"
	case n == 0:
		return "Nobody has been asked to judge yet"
	case open == 0:
		return show.Sentence(number(n, "review")) + ", all closed"
	}
	return show.Sentence(number(n, "review")) + ", " + numeral(open) + " open for votes"
}

type newReviewBody struct {
	ID     string // of the task to be: a form sent twice makes one
	Runs   []runLine
	Form   newReviewForm
	Faults map[string]string
}

// newReviewForm holds the fields as they were typed.
type newReviewForm struct {
	Name, Items, Raters, Invites, Repeats, Seed string
	Reuse                                       bool
	Chosen                                      []string
}

// Has says whether a run is ticked.
func (f newReviewForm) Has(id string) bool { return slices.Contains(f.Chosen, id) }

func (s *site) newReviewBody(ctx context.Context, id string) (newReviewBody, error) {
	b := newReviewBody{ID: id, Faults: map[string]string{}}
	if s.o.Review == nil || s.o.Review.Data == nil {
		return b, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "This server cannot make reviews", Hint: "Make one in a terminal: stylesprint review create RUN RUN"}
	}
	runs, err := s.o.Runs.Runs(ctx, evaluate.Filter{Limit: 200})
	if err != nil {
		return b, err
	}
	for _, r := range runs {
		if r.Status == evaluate.StatusDone {
			b.Runs = append(b.Runs, newRunLine(r, s.o.Now()))
		}
	}
	return b, nil
}

func (s *site) newReview(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	id, err := d.NewID()
	if err != nil {
		return err
	}
	b, err := s.newReviewBody(r.Context(), id)
	if err != nil {
		return err
	}
	b.Form = newReviewForm{Items: "20", Raters: "2", Repeats: "10", Chosen: r.URL.Query()["run"]}
	return s.renderNewReview(w, b)
}

func (s *site) renderNewReview(w http.ResponseWriter, b newReviewBody) error {
	title, status := "Which texts shall people judge?", 0
	if len(b.Runs) < 2 {
		title = "A review needs two finished runs"
	}
	if len(b.Faults) > 0 {
		title, status = "The form needs another look", http.StatusUnprocessableEntity
	}
	return s.render(w, "review-new", page{Here: "review", Title: title, Document: "New review", Status: status, Body: b, Private: true})
}

// plan reads the fields, and notes what is wrong with each.
func (b *newReviewBody) plan() review.Plan {
	f := b.Form
	p := review.Plan{ID: b.ID, Name: strings.TrimSpace(f.Name), RunIDs: slices.Clone(f.Chosen), Reuse: f.Reuse}
	slices.Reverse(p.RunIDs) // the page lists the newest first
	whole := func(field, text string, lo, hi int) int {
		if text == "" && lo == 0 {
			return 0
		}
		v, err := strconv.Atoi(text)
		if err != nil || v < lo || v > hi {
			b.Faults[field] = fmt.Sprintf("Give a whole number from %d to %s.", lo, show.Count(hi))
		}
		return v
	}
	p.Items = whole("items", f.Items, 0, review.MaxPairs)
	p.Raters = whole("raters", f.Raters, 1, review.MaxRaters)
	p.Invites = whole("invites", f.Invites, 0, review.MaxInvites)
	p.Repeats = float64(whole("repeats", f.Repeats, 0, 50)) / 100
	if f.Seed != "" {
		v, err := strconv.ParseUint(f.Seed, 10, 64)
		if err != nil {
			b.Faults["seed"] = "Give a whole number of 0 or more, or leave it empty."
		}
		p.Seed = v
	}
	if len(p.RunIDs) < 2 {
		b.Faults["runs"] = "Tick at least two runs over the same items."
	}
	return p
}

type createdBody struct {
	review.Created
	Links []raterLink
}

type raterLink struct {
	Number int
	URL    string // whole, as it is sent to the rater
}

// links are whole addresses on the server as it was asked.
func links(r *http.Request, invites []review.Invite) []raterLink {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	var out []raterLink
	for _, i := range invites {
		out = append(out, raterLink{i.Number, scheme + "://" + r.Host + raterPath + i.Code})
	}
	return out
}

func (s *site) createReview(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	f, err := form(w, r)
	if err != nil {
		return err
	}
	b, err := s.newReviewBody(r.Context(), f.Get("id"))
	if err != nil {
		return err
	}
	b.Form = newReviewForm{Name: f.Get("name"), Items: strings.TrimSpace(f.Get("items")), Raters: strings.TrimSpace(f.Get("raters")), Invites: strings.TrimSpace(f.Get("invites")),
		Repeats: strings.TrimSpace(f.Get("repeats")), Seed: strings.TrimSpace(f.Get("seed")), Reuse: f.Get("reuse") != "", Chosen: f["run"]}
	plan := b.plan()
	if !strings.HasPrefix(b.ID, "rev-") || len(b.ID) > 40 {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The form could not be read", Hint: "Open the page of a new review again."}
	}
	if len(b.Faults) == 0 {
		b.Faults = map[string]string{}
		created, err := s.make(r.Context(), d, plan)
		var told *stylesprint.Error
		switch {
		case err == nil:
			return s.render(w, "review-created", page{Here: "review", Title: "The review is open: send each rater a link of their own", Document: "Review made", Private: true, Body: createdBody{created, links(r, created.Invites)}})
		case stylesprint.CodeOf(err) == stylesprint.CodeInvalid && errors.As(err, &told):
			b.Faults[told.Field] = show.Sentence(told.Message) + "."
		case stylesprint.CodeOf(err) == stylesprint.CodeConflict && errors.As(err, &told):
			b.Faults["runs"] = show.Sentence(told.Message) + ". " + show.Sentence(told.Hint) + "."
		default:
			return err
		}
	}
	return s.renderNewReview(w, b)
}

// make finds the items of the first run and makes the task.
func (s *site) make(ctx context.Context, d *review.Desk, p review.Plan) (review.Created, error) {
	run, err := s.o.Runs.Run(ctx, p.RunIDs[0])
	if err != nil {
		return review.Created{}, err
	}
	if p.Data, err = s.o.Review.Data(ctx, run); err != nil {
		return review.Created{}, err
	}
	return d.Create(ctx, p)
}

// form reads a sent form of bounded size.
func form(w http.ResponseWriter, r *http.Request) (values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, &stylesprint.Error{Code: stylesprint.CodeTooLarge, Message: "The form is too long to send", Hint: fmt.Sprintf("Keep it below %s.", show.Bytes(maxForm))}
		}
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The form could not be read", Err: err}
	}
	return values(r.PostForm), nil
}

// values are a form's fields.
type values map[string][]string

// Get returns the first value of a field, or "".
func (v values) Get(name string) string {
	if len(v[name]) == 0 {
		return ""
	}
	return v[name][0]
}

type taskBody struct {
	review.Progress
	Links []raterLink // of a rater who was just invited
	Note  string
}

// Missing is how many votes are still to come.
func (b taskBody) Missing() int { return max(0, b.Wanted-b.Votes) }

func (s *site) reviewTask(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	p, err := d.Progress(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if !p.Task.Open() {
		return s.reviewResult(w, r, p)
	}
	return s.renderTask(w, taskBody{Progress: p, Note: s.o.Note(p.Task.Dataset)})
}

func (s *site) renderTask(w http.ResponseWriter, b taskBody) error {
	title := fmt.Sprintf("%s is open: %s of %s are in", b.Task.Name, show.Count(b.Votes), show.Of(b.Wanted, "vote"))
	if b.Missing() == 0 {
		title = b.Task.Name + " has all its votes and can be closed"
	}
	return s.render(w, "review-task", page{Here: "review", Title: title, Eyebrow: "Review " + b.Task.ID, Private: true, Body: b})
}

func (s *site) inviteRater(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	invite, err := d.Invite(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	p, err := d.Progress(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.renderTask(w, taskBody{Progress: p, Links: links(r, []review.Invite{invite}), Note: s.o.Note(p.Task.Dataset)})
}

func (s *site) askToClose(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	p, err := d.Progress(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if !p.Task.Open() {
		http.Redirect(w, r, "/review/tasks/"+p.Task.ID, http.StatusSeeOther)
		return nil
	}
	b := taskBody{Progress: p}
	title := "Close " + p.Task.Name + ", with all its votes in?"
	if n := b.Missing(); n > 0 {
		title = fmt.Sprintf("Close %s, with %s still missing?", p.Task.Name, show.Of(n, "vote"))
	}
	return s.render(w, "review-close", page{Here: "review", Title: title, Eyebrow: "Review " + p.Task.ID, Body: b})
}

func (s *site) closeReview(w http.ResponseWriter, r *http.Request) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	t, err := d.Close(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/review/tasks/"+t.ID, http.StatusSeeOther)
	return nil
}

func (s *site) votesCSV(w http.ResponseWriter, r *http.Request) error {
	return s.votes(w, r, "text/csv; charset=utf-8", "csv")
}

func (s *site) votesJSONL(w http.ResponseWriter, r *http.Request) error {
	return s.votes(w, r, "application/jsonl; charset=utf-8", "jsonl")
}

// votes sends the votes of a closed task as a file.
func (s *site) votes(w http.ResponseWriter, r *http.Request, mime, format string) error {
	d, err := s.reviewDesk()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	id := r.PathValue("id")
	if format == "csv" {
		err = d.WriteCSV(r.Context(), &b, id)
	} else {
		err = d.WriteJSONL(r.Context(), &b, id)
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", mime)
	h.Set("Content-Disposition", `attachment; filename="votes.`+format+`"`)
	h.Set("Cache-Control", "no-store")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// Repeated is the share of a rater's pairs that come again, in per cent.
func (b taskBody) Repeated() float64 { return 100 * b.Task.Repeats }
