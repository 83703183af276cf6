package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stylesprint/evaluate/review"
)

// place is a data folder with two recorded runs, "a" and "b", of three items.
type place struct {
	t    *testing.T
	home string
}

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{t, t.TempDir()}
	for name, text := range map[string]string{
		"items.csv": "id,name,reference\n1,Mira,Green.\n2,Hale,Warm.\n3,Dag,Brown.\n",
		"a.jsonl":   `{"item_id":"1","text":"A dress."}` + "\n" + `{"item_id":"2","text":"A jumper."}` + "\n" + `{"item_id":"3","text":"Boots."}` + "\n",
		"b.jsonl":   `{"item_id":"1","text":"A green dress."}` + "\n" + `{"item_id":"2","text":"A warm jumper."}` + "\n" + `{"item_id":"3","text":"Brown boots."}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(p.home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "b"} {
		p.must("eval", "run", "--dataset", p.file("items.csv"), "--prompt", "plain", "--name", name, "--replay", p.file(name+".jsonl"), "--metrics", "length")
	}
	return p
}

func (p place) file(name string) string { return filepath.Join(p.home, name) }

func (p place) world(stdout, stderr io.Writer, args ...string) world {
	env := map[string]string{"HOME": p.home, "XDG_DATA_HOME": p.home, "OPENAI_API_KEY": "k"}
	return world{args: args, getenv: func(k string) string { return env[k] }, stdin: strings.NewReader(""), stdout: stdout, stderr: stderr, now: time.Now}
}

// must runs one command and returns what it printed.
func (p place) must(args ...string) string {
	p.t.Helper()
	var out, errs bytes.Buffer
	if code := run(p.t.Context(), p.world(&out, &errs, args...)); code != 0 {
		p.t.Fatalf("%v: exit code %d\n%s%s", args, code, out.String(), errs.String())
	}
	return out.String()
}

// app is the program's inside over the same folder.
func (p place) app() *app {
	return &app{world: p.world(io.Discard, io.Discard)}
}

func (p place) create(args ...string) reviewCreated {
	p.t.Helper()
	var c reviewCreated
	if err := json.Unmarshal([]byte(p.must(append([]string{"review", "create", "a", "b", "--json"}, args...)...)), &c); err != nil {
		p.t.Fatal(err)
	}
	return c
}

// judgeServer answers as a judge that likes the longer text.
func judgeServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req struct {
			Messages []struct{ Content string } `json:"messages"`
		}
		_ = json.NewDecoder(r.Body).Decode(&req)
		_, text, _ := strings.Cut(req.Messages[len(req.Messages)-1].Content, "\nText A:\n")
		one, other, _ := strings.Cut(text, "\nText B:\n")
		other, _, _ = strings.Cut(other, "\nWhich")
		verdict := "A"
		if len(strings.TrimSpace(other)) > len(strings.TrimSpace(one)) {
			verdict = "B"
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"x","object":"chat.completion","created":1,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"{\"verdict\": \"%s\"}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}}`, verdict)
	}))
}

func TestReviewFromCreateToExport(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.create("--raters", "1", "--repeats", "0")
	if len(c.Links) != 1 || !strings.HasSuffix(c.Links[0], c.Invites[0].Code) {
		t.Fatalf("%+v", c)
	}
	a := p.app()
	conf, err := a.config()
	if err != nil {
		t.Fatal(err)
	}
	db, err := a.openStore(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	desk := a.desk(db)
	for range 3 {
		turn, err := desk.Next(t.Context(), c.Invites[0].Code)
		if err != nil {
			t.Fatal(err)
		}
		answer := review.AnswerA
		if len(turn.B) > len(turn.A) {
			answer = review.AnswerB
		}
		if err := desk.Vote(t.Context(), c.Invites[0].Code, review.Ballot{Turn: turn.Number, Answer: answer}); err != nil {
			t.Fatal(err)
		}
	}
	judge := judgeServer()
	defer judge.Close()
	if out := p.must("review", "judge", c.Task.ID, "--model", "mock", "--base-url", judge.URL+"/v1"); !strings.Contains(out, "openai/mock judged 3 of 3 pairs; in 3 of them both orders") {
		t.Errorf("judge: %s", out)
	}
	var errs bytes.Buffer
	if code := run(t.Context(), p.world(io.Discard, &errs, "review", "export", c.Task.ID)); code != exitFailed || !strings.Contains(errs.String(), "key is sealed") {
		t.Errorf("export of an open review: %d, %s", code, errs.String())
	}
	out := p.must("review", "close", c.Task.ID)
	for _, want := range []string{"3 votes on 3 of 3 pairs", "b  ", "1.000", "0.355 to 1.000", "not measured: no item has ratings of two people", "Kappa of a model with people    openai/mock", "do not clearly prefer either: b won 100 % of 3 pairs (95 % interval 35 to 100)"} {
		if !strings.Contains(out, want) {
			t.Errorf("close lacks %q:\n%s", want, out)
		}
	}
	var r review.Result
	if err := json.Unmarshal([]byte(p.must("review", "close", c.Task.ID, "--json")), &r); err != nil || r.Counts.Votes != 3 || len(r.Judges) != 1 || r.Judges[0].Percent.Value != 1 {
		t.Errorf("%+v, %v", r.Counts, err)
	}
	p.must("review", "export", c.Task.ID, "--output", p.file("votes.jsonl"))
	lines, err := os.ReadFile(p.file("votes.jsonl"))
	if err != nil || strings.Count(string(lines), "\n") != 9 || strings.Count(string(lines), `"kind":"human"`) != 3 {
		t.Errorf("%s, %v", lines, err)
	}
	if out := p.must("review", "export", c.Task.ID); !strings.HasPrefix(out, "task_id,vote_id,kind,rater,") {
		t.Errorf("%.80s", out)
	}
	if again := p.create("--reuse"); again.Reused != 3 {
		t.Errorf("taken over: %+v", again)
	}
}

func TestDemoReviewIsMadeOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	a := p.app()
	conf, err := a.config()
	if err != nil {
		t.Fatal(err)
	}
	db, err := a.openStore(t.Context(), conf)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ids, err := runIDs(t.Context(), db, []string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	path, links, err := a.demoReview(t.Context(), conf, db, ids)
	if err != nil || len(links) != 2 || !strings.HasPrefix(path, "/review/tasks/rev-") {
		t.Fatalf("%s, %v, %v", path, links, err)
	}
	again, links, err := a.demoReview(t.Context(), conf, db, []string{ids[1], ids[0]})
	if err != nil || again != path || links != nil {
		t.Errorf("again: %s, %v, %v", again, links, err)
	}
}

// The raters' server shows nothing but their pages.
func TestReviewServe(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	c := p.create()
	a := p.app()
	conf, err := a.config()
	if err != nil {
		t.Fatal(err)
	}
	conf.Addr = "127.0.0.1:0"
	ctx, cancel := context.WithCancel(t.Context())
	at := make(chan string, 1)
	done := make(chan error, 1)
	go func() { done <- a.serveRaters(ctx, conf, func(addr net.Addr) { at <- addr.String() }) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	base := "http://" + <-at
	for path, want := range map[string]struct {
		code int
		text string
	}{
		"/": {200, "Invitation code"}, "/review": {200, "Invitation code"}, "/review/rate/" + c.Invites[0].Code: {200, "You will compare texts"}, "/review/rate/guess": {404, "invitation is not known"},
		"/runs": {404, ""}, "/review/new": {404, ""}, "/review/tasks/" + c.Task.ID: {404, ""}, "/comparisons": {404, ""}, "/playground": {404, ""},
	} {
		res, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != want.code || !strings.Contains(string(body), want.text) || strings.Contains(string(body), `href="/runs"`) || strings.Contains(string(body), "run-") {
			t.Errorf("%s: status %d, %v\n%s", path, res.StatusCode, err, body)
		}
	}
}
