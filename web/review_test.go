package web_test

import (
	"context"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"stylesprint/evaluate/review"
	"stylesprint/store/sqlite"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

// reviews is a dashboard with blind reviews over a fresh database.
func reviews(t *testing.T, change ...func(*web.Options)) (http.Handler, *webtest.Source, *review.Desk) {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "s.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var of *review.Desk
	var source *webtest.Source
	h, s := desk(t, append([]func(*web.Options){func(o *web.Options) {
		source = o.Runs.(*webtest.Source)
		o.Review = source.Review(db)
		of = o.Review.Desk
	}}, change...)...)
	return h, s, of
}

// newReview makes a review of the plain and the brand-voice run.
func newReview(t *testing.T, s *webtest.Source, d *review.Desk, p review.Plan) review.Created {
	t.Helper()
	if p.RunIDs == nil {
		p.RunIDs = []string{webtest.Plain, webtest.Voice}
	}
	c, err := s.NewReview(context.Background(), d, p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func begun(t *testing.T, d *review.Desk, code string) {
	t.Helper()
	if err := d.Begin(context.Background(), code, ""); err != nil {
		t.Fatal(err)
	}
}

func judged(t *testing.T, d *review.Desk, code string, n int, seed uint64) {
	t.Helper()
	if err := webtest.Judge(context.Background(), d, code, n, seed); err != nil {
		t.Fatal(err)
	}
}

func rate(code string) string { return "/review/rate/" + code }

func contains(t *testing.T, path, body string, wants ...string) {
	t.Helper()
	body = html.UnescapeString(body)
	for _, want := range wants {
		if !strings.Contains(body, want) {
			t.Errorf("%s: lacks %q", path, want)
		}
	}
}

func TestReviewPages(t *testing.T) {
	t.Parallel()
	h, s, d := reviews(t)
	w := get(h, "/review")
	contains(t, "empty", w.Body.String(), "Nobody has been asked to judge yet", "stylesprint review create plain brand-voice", `href="/review/new"`)
	sound(t, "empty", w)
	c := newReview(t, s, d, review.Plan{Name: "Spring texts", Raters: 2, Invites: 3, Repeats: .1})
	judged(t, d, c.Invites[1].Code, 3, 1)
	judged(t, d, c.Invites[2].Code, 2, 2)
	done := newReview(t, s, d, review.Plan{Name: "Autumn texts", RunIDs: []string{webtest.Plain, webtest.Voice, webtest.Hosted}, Raters: 2, Repeats: .2})
	for i, invite := range done.Invites {
		judged(t, d, invite.Code, 100, uint64(i))
	}
	if _, err := d.Close(context.Background(), done.Task.ID); err != nil {
		t.Fatal(err)
	}
	task := "/review/tasks/" + c.Task.ID
	cases := []struct {
		path   string
		status int
		want   []string
	}{
		{"/review", 200, []string{"Two reviews, one open for votes", "Spring texts", "5 of " + strconv.Itoa(2*c.Task.Pairs), "closed"}},
		{"/review/new?run=" + webtest.Voice, 200, []string{"Which texts shall people judge?", `value="` + webtest.Voice + `" aria-label="Judge brand-voice, ` + webtest.Voice + `" checked`, "hosted-mini"}},
		{task, 200, []string{"Spring texts is open: 5 of " + strconv.Itoa(2*c.Task.Pairs) + " votes are in", "rater 2 (Wren)", "sealed", "Invite one more rater", "10 % of a rater's pairs"}},
		{task + "/close", 200, []string{"with " + strconv.Itoa(2*c.Task.Pairs-5) + " votes still missing?", "It cannot be opened again"}},
		{task + "/votes.csv", 409, []string{"key is sealed"}},
		{task + "/votes.jsonl", 409, []string{"key is sealed"}},
		{"/review/tasks/rev-nobody", 404, []string{"There is no review"}},
		{"/review/tasks/" + done.Task.ID, 200, []string{"Autumn texts, closed", "Krippendorff's alpha, nominal", "How to read it", "Cohen's kappa of every two raters", "Same answer again", "Kendall's tau-b", "BLEU", "At equal length", "Where raters disagreed", "<mark>", "Brand voice, 1–5", "plot-wins", "plot-strength", "The same data as a table"}},
		{comparison, 200, []string{"Have people judge these blind", "/review/new?run=" + webtest.Plain}},
	}
	for _, x := range cases {
		w := get(h, x.path)
		if w.Code != x.status {
			t.Errorf("%s: status %d, want %d", x.path, w.Code, x.status)
		}
		contains(t, x.path, w.Body.String(), x.want...)
		sound(t, x.path, w)
	}
	if w := get(h, "/review/tasks/"+done.Task.ID+"/votes.csv"); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "task_id,") || w.Header().Get("Content-Disposition") != `attachment; filename="votes.csv"` {
		t.Errorf("votes: status %d, %.60q", w.Code, w.Body.String())
	}
	if w := get(h, "/review/tasks/"+done.Task.ID+"/close"); w.Code != http.StatusSeeOther {
		t.Errorf("closing twice: status %d", w.Code)
	}
	w = post(h, task+"/invite", nil)
	contains(t, "invite", w.Body.String(), "A link for one more rater", "http://example.com/review/rate/")
	sound(t, "invite", w)
}

func TestNewReviewForm(t *testing.T) {
	t.Parallel()
	h, _, d := reviews(t)
	id := regexp.MustCompile(`name="id" value="(rev-[0-9a-f]{16})"`).FindStringSubmatch(get(h, "/review/new").Body.String())
	if id == nil {
		t.Fatal("the form has no id")
	}
	good := func() url.Values {
		return url.Values{"id": {id[1]}, "run": {webtest.Voice, webtest.Plain}, "name": {"Spring"}, "items": {"5"}, "raters": {"2"}, "invites": {""}, "repeats": {"10"}, "seed": {""}}
	}
	for field, x := range map[string]struct{ value, want string }{
		"items": {"-1", "Give a whole number from 0 to 5,000."}, "raters": {"0", "from 1 to 20"}, "invites": {"x", "from 0 to 100"}, "repeats": {"51", "from 0 to 50"}, "seed": {"-2", "0 or more"},
		"run": {webtest.Plain, "Tick at least two runs"}, "name": {strings.Repeat("x", 90), "at most 80 bytes"},
	} {
		f := good()
		f[field] = []string{x.value}
		w := post(h, "/review/new", f)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", field, w.Code)
		}
		contains(t, field, w.Body.String(), x.want, `name="raters"`)
		if field != "name" {
			contains(t, field, w.Body.String(), `value="Spring"`)
		}
		sound(t, field, w)
	}
	if w := post(h, "/review/new", url.Values{"id": {"mine"}, "run": {webtest.Voice, webtest.Plain}, "items": {"1"}, "raters": {"1"}}); w.Code != http.StatusBadRequest {
		t.Errorf("an id of one's own: status %d", w.Code)
	}
	w := post(h, "/review/new", good())
	if w.Code != 200 || strings.Count(w.Body.String(), "<li value=") != 2 || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, %q: %s", w.Code, w.Header().Get("Cache-Control"), w.Body.String())
	}
	sound(t, "created", w)
	// The form sent again makes no second review.
	if w := post(h, "/review/new", good()); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "already") {
		t.Errorf("sent again: status %d", w.Code)
	}
	tasks, err := d.Tasks(context.Background(), review.Filter{})
	if err != nil || len(tasks) != 1 || tasks[0].ID != id[1] || tasks[0].Pairs+tasks[0].Same != 5 {
		t.Errorf("%+v, %v", tasks, err)
	}
}

// Without script, a rater goes from the link to the end by links and forms alone.
func TestRatingWithoutScript(t *testing.T) {
	t.Parallel()
	h, s, d := reviews(t)
	c := newReview(t, s, d, review.Plan{Name: "Spring texts", Items: 3, Raters: 1, Repeats: 0})
	path := rate(c.Invites[0].Code)
	w := get(h, path)
	contains(t, "begin", w.Body.String(), "You will compare texts, two at a time", "up to 3 pairs", "please do not use your own")
	rater(t, "begin", w)
	if w := post(h, path, url.Values{"act": {"begin"}, "name": {strings.Repeat("x", 40)}}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "at most 30 characters") {
		t.Errorf("a long name: status %d", w.Code)
	}
	follow := func(form url.Values, want string) {
		t.Helper()
		w := post(h, path, form)
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
			t.Fatalf("%v: status %d to %q, want %q", form, w.Code, w.Header().Get("Location"), want)
		}
	}
	follow(url.Values{"act": {"begin"}, "name": {"Heron"}}, path)
	w = get(h, path)
	contains(t, "first", w.Body.String(), "Pair 1: which text would you publish?", "0 judged, 3 to go", `name="turn" value="1"`, "Show what people wrote for it", `/picture?1`)
	rater(t, "first", w)
	picture := get(h, path+"/picture?1")
	if picture.Code != 200 || picture.Header().Get("Content-Type") != "image/png" || picture.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("picture: status %d, %q", picture.Code, picture.Header().Get("Content-Type"))
	}
	for name, x := range map[string]struct {
		form url.Values
		want string
	}{
		"no answer": {url.Values{"act": {"vote"}, "turn": {"1"}, "comment": {"kept"}, "accuracy-b": {"4"}}, "No answer was chosen"},
		"mark":      {url.Values{"act": {"vote"}, "turn": {"1"}, "answer": {"a"}, "accuracy-a": {"9"}, "comment": {"kept"}, "accuracy-b": {"4"}}, "not on the scale"},
		"words":     {url.Values{"act": {"vote"}, "turn": {"1"}, "answer": {"a"}, "accuracy-a": {"good"}, "comment": {"kept"}, "accuracy-b": {"4"}}, "not on the scale"},
	} {
		w := post(h, path, x.form)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", name, w.Code)
		}
		contains(t, name, w.Body.String(), x.want, ">kept</textarea>", `id="accuracy-b-4" name="accuracy-b" value="4" checked`)
		rater(t, name, w)
	}
	vote := url.Values{"act": {"vote"}, "turn": {"1"}, "answer": {"tie"}, "brand_voice-a": {"5"}, "comment": {"fine"}}
	follow(vote, path)
	follow(vote, path+"?note=stored")
	contains(t, "stored", get(h, path+"?note=stored").Body.String(), "was stored already", "1 judged, 2 to go")
	if body := get(h, path+"?note=%3Cb%3Eother").Body.String(); strings.Contains(body, "other") {
		t.Error("an address puts words on the page")
	}
	follow(url.Values{"act": {"undo"}}, path+"?note=undone")
	contains(t, "undone", get(h, path+"?note=undone").Body.String(), "taken back", `id="answer-tie" name="answer" value="tie" checked`, `id="brand_voice-a-5" name="brand_voice-a" value="5" checked`, ">fine</textarea>")
	for turn := 1; turn <= 3; turn++ {
		get(h, path)
		follow(url.Values{"act": {"vote"}, "turn": {string(rune('0' + turn))}, "answer": {"a"}}, path)
	}
	w = get(h, path)
	contains(t, "over", w.Body.String(), "Thank you: you have judged 3 pairs", "Take the last answer back")
	rater(t, "over", w)
	if w := post(h, path, url.Values{"act": {"dance"}}); w.Code != http.StatusBadRequest {
		t.Errorf("an act that is none: status %d", w.Code)
	}
	if w := post(h, "/review/tasks/"+c.Task.ID+"/close", nil); w.Code != http.StatusSeeOther {
		t.Errorf("close: status %d", w.Code)
	}
	w = get(h, path)
	contains(t, "closed", w.Body.String(), "Thank you: this review is closed", "You judged 3 pairs")
	follow(vote, path)
	if w := get(h, rate("guess")); w.Code != 404 || strings.Contains(w.Body.String(), `href="/runs"`) {
		t.Errorf("a guessed code: status %d", w.Code)
	}
}

// rater checks a page for raters: sound, without the rail, and never kept.
func rater(t *testing.T, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	sound(t, path, w)
	for _, bad := range []string{`href="/runs`, `href="/review"`, `href="/"`, "Comparisons", `href="/review/tasks`} {
		if strings.Contains(w.Body.String(), bad) {
			t.Errorf("%s: a rater is shown %s", path, bad)
		}
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s: may be kept: %q", path, w.Header().Get("Cache-Control"))
	}
}

// Before closing, no page and no answer of a review tells who wrote what.
func TestNothingBreaksTheSeal(t *testing.T) {
	t.Parallel()
	h, s, d := reviews(t)
	const seed = 987654321987
	c := newReview(t, s, d, review.Plan{Name: "Spring texts", Raters: 2, Repeats: .5, Seed: seed})
	judged(t, d, c.Invites[0].Code, 8, 1)
	begun(t, d, c.Invites[1].Code)
	task := "/review/tasks/" + c.Task.ID
	asks := []*http.Request{}
	for _, path := range []string{"/review", task, task + "/close", task + "/votes.csv", task + "/votes.jsonl", rate(c.Invites[0].Code), rate(c.Invites[1].Code), rate(c.Invites[1].Code) + "/picture"} {
		asks = append(asks, httptest.NewRequest(http.MethodGet, path, nil))
	}
	for path, f := range map[string]url.Values{
		task + "/invite":         {},
		rate(c.Invites[1].Code):  {"act": {"vote"}, "turn": {"1"}},
		rate(c.Invites[0].Code):  {"act": {"vote"}, "turn": {"9"}, "answer": {"b"}},
		"/review/tasks/x/invite": {},
	} {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(f.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		asks = append(asks, r)
	}
	run := func(want bool) {
		for _, r := range asks {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			text := w.Body.String()
			for k, v := range w.Header() {
				text += k + strings.Join(v, " ")
			}
			for _, secret := range []string{webtest.Plain, webtest.Voice, "brand-voice", ">plain<", "987654321987", "smollm2"} {
				if strings.Contains(text, secret) != want && (!want || secret == webtest.Voice) {
					t.Errorf("%s %s: tells %q: %v", r.Method, r.URL.Path, secret, !want)
				}
			}
		}
	}
	run(false)
	if _, err := d.Close(context.Background(), c.Task.ID); err != nil {
		t.Fatal(err)
	}
	// The same search finds the key once it is open, so it can fail.
	asks = []*http.Request{httptest.NewRequest(http.MethodGet, task, nil)}
	run(true)
	asks = []*http.Request{httptest.NewRequest(http.MethodGet, rate(c.Invites[0].Code), nil)}
	run(false) // raters are not told even then
}

// The raters' own server has their pages and nothing else.
func TestRatersOnly(t *testing.T) {
	t.Parallel()
	h, s, d := reviews(t, func(o *web.Options) { o.RatersOnly, o.Runs = true, nil })
	c := newReview(t, s, d, review.Plan{Items: 2, Raters: 1})
	w := get(h, "/")
	contains(t, "/", w.Body.String(), "Please open the link that you were sent")
	sound(t, "/", w)
	for _, code := range []string{c.Invites[0].Code, "https://shop.example/review/rate/" + c.Invites[0].Code + "\n"} {
		if w := post(h, "/review", url.Values{"code": {code}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != rate(c.Invites[0].Code) {
			t.Errorf("%q: status %d to %q", code, w.Code, w.Header().Get("Location"))
		}
	}
	if w := post(h, "/review", url.Values{"code": {"guess"}}); w.Code != http.StatusNotFound {
		t.Errorf("a guess: status %d", w.Code)
	}
	for _, path := range []string{"/runs", "/comparisons", "/playground", "/review/new", "/review/tasks/" + c.Task.ID, "/review/tasks/" + c.Task.ID + "/close", "/keyboard"} {
		if w := get(h, path); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "<nav") {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
	if _, err := web.New(web.Options{RatersOnly: true}); err == nil {
		t.Error("raters' pages without reviews")
	}
}

func TestReviewWithoutASource(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	contains(t, "list", get(h, "/review").Body.String(), "Nobody has been asked to judge yet")
	for _, path := range []string{"/review/new", "/review/tasks/x", "/review/rate/x", "/review/tasks/x/votes.csv", "/review/rate/x/picture"} {
		if w := get(h, path); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

// Texts, names, comments and facts never become markup.
func TestHostileReviewIsEscaped(t *testing.T) {
	t.Parallel()
	const payload = `</textarea></title><script>alert(1)</script><img src=x onerror=alert(2)>"'`
	h, s, d := reviews(t, func(o *web.Options) {
		o.Review.Images = func(review.Task) fs.FS { return fstest.MapFS{} }
	})
	runs := []string{webtest.Plain, webtest.Voice}
	for i, id := range runs {
		r, err := s.Run(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		r.ID, r.Candidate.Name = r.ID+"-hostile", payload+id
		outs := webtest.Outputs(s, id)
		for k := range outs {
			outs[k].RunID, outs[k].Text = r.ID, payload+strings.Repeat("x", i)+outs[k].ItemID
			outs[k].Error, outs[k].Code = "", ""
			outs[k].Scores = map[string]float64{payload: float64(k)}
		}
		s.Put(r, outs...)
		runs[i] = r.ID
	}
	c := newReview(t, s, d, review.Plan{Name: payload[:70], RunIDs: runs, Items: 6, Raters: 2})
	check := func(name string, w *httptest.ResponseRecorder) {
		t.Helper()
		body := w.Body.String()
		for _, bad := range []string{"<script>", "<img src=x", "</textarea></title>"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s: holds %q", name, bad)
			}
		}
		if !strings.Contains(body, "&lt;script&gt;alert(1)") {
			t.Errorf("%s: the text is not there at all", name)
		}
	}
	for i, invite := range c.Invites {
		if err := d.Begin(context.Background(), invite.Code, "<script>alert(1)</script>"); err != nil {
			t.Fatal(err)
		}
		check("rate", get(h, rate(invite.Code)))
		check("fault", post(h, rate(invite.Code), url.Values{"act": {"vote"}, "turn": {"1"}, "comment": {payload}, "accuracy-a": {payload}}))
		if w := post(h, rate(invite.Code), url.Values{"act": {"vote"}, "turn": {"1"}, "answer": {string("ab"[i])}, "comment": {payload}}); w.Code != http.StatusSeeOther {
			t.Fatalf("status %d", w.Code)
		}
	}
	for _, path := range []string{"/review", "/review/new", "/review/tasks/" + c.Task.ID, "/review/tasks/" + c.Task.ID + "/close"} {
		check(path, get(h, path))
	}
	if _, err := d.Close(context.Background(), c.Task.ID); err != nil {
		t.Fatal(err)
	}
	check("result", get(h, "/review/tasks/"+c.Task.ID))
	check("over", get(h, rate(c.Invites[0].Code)))
}

// A rater's page is quick although it leases a pair.
func TestRatingIsQuick(t *testing.T) {
	t.Parallel()
	h, s, d := reviews(t)
	c := newReview(t, s, d, review.Plan{Raters: 2})
	begun(t, d, c.Invites[0].Code)
	best := time.Hour
	for range 5 {
		begin := time.Now()
		if w := get(h, rate(c.Invites[0].Code)); w.Code != 200 {
			t.Fatalf("status %d", w.Code)
		}
		best = min(best, time.Since(begin))
	}
	if best > 50*time.Millisecond {
		t.Errorf("the page took %v", best)
	}
}
