package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stylesprint/evaluate"
	"stylesprint/internal/testkit/postgres"
)

// Two workers on one Postgres database, as on two machines. One is killed and started again:
// every item has one result, and only the calls that it had in flight were made again, and counted.
func TestPostgresWorkersSurviveKill(t *testing.T) {
	t.Parallel()
	server := postgres.Start(t, postgres.Options{})
	mock := &slowServer{calls: map[string]int{}, delay: 20 * time.Millisecond, hold: 60}
	srv := httptest.NewServer(mock)
	defer srv.Close()
	h := household{t, t.TempDir(), srv.URL, server.Database(t)}
	queued := h.evalRun("--queue")
	if queued.Status != evaluate.StatusRunning || queued.Done != 0 || mock.count() != 0 {
		t.Fatalf("queued: %+v, %d calls", queued, mock.count())
	}
	first, second := h.worker(), h.worker("--until-empty")
	inFlight := mock.killHolding(t, first)
	again := h.worker("--until-empty")
	for _, w := range []*exec.Cmd{second, again} {
		if err := w.Wait(); err != nil {
			t.Error(err)
		}
	}
	db := h.store()
	run, err := db.Run(t.Context(), queued.ID)
	if err != nil || run.Status != evaluate.StatusDone || run.Done != run.Total || run.Failed != 0 || len(run.Scores) != 2 {
		t.Fatalf("%+v, %v", run, err)
	}
	if inFlight > 3 || run.RepeatedCalls != inFlight || mock.count() != run.Total+inFlight {
		t.Errorf("%d calls for %d items, %d counted as repeated, %d were in flight", mock.count(), run.Total, run.RepeatedCalls, inFlight)
	}
	oneResultEach(t, db, run)
	for _, name := range []string{"stylesprint.db", "jobs.db"} {
		if _, err := os.Stat(filepath.Join(h.home, "data", "stylesprint", name)); !os.IsNotExist(err) {
			t.Errorf("%s was made beside Postgres: %v", name, err)
		}
	}
}

// serve names the database, and its password is in no page, log or error.
func TestPostgresPasswordIsNowhere(t *testing.T) {
	t.Parallel()
	const password = "tr0ub4dor-unique"
	server := postgres.Start(t, postgres.Options{Password: password})
	dsn := server.Database(t)
	srv := httptest.NewServer(&slowServer{calls: map[string]int{}})
	defer srv.Close()
	h := household{t, t.TempDir(), srv.URL, ""}
	secret := filepath.Join(h.home, "url")
	if err := os.WriteFile(secret, []byte(dsn+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(h.home, "stylesprint.yaml")
	text := "addr: 127.0.0.1:0\nmodels:\n  - model: mock\n    provider: openai\n    base_url: " + srv.URL + "/v1\n"
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log syncBuffer
	cmd := h.command(t.Context(), "serve", "--config", settings)
	cmd.Env = append(cmd.Env, "DATABASE_URL_FILE="+secret)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var page string
	for deadline := time.Now().Add(60 * time.Second); page == "" && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_, after, found := strings.Cut(log.String(), `"msg":"listening","addr":"`)
		addr, _, _ := strings.Cut(after, `"`)
		if !found {
			continue
		}
		answer, err := http.Get("http://" + addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		page = string(body)
	}
	if !strings.Contains(page, server.Host()) {
		t.Errorf("the page does not name the database at %s:\n%s\nlog: %s", server.Host(), page, log.String())
	}
	server.Stop(t) // the worker in it warns
	time.Sleep(time.Second)
	server.Start(t)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, log.String())
	}
	var bad bytes.Buffer
	for _, wrong := range []string{strings.Replace(dsn, server.Host(), "127.0.0.1:1", 1), strings.Replace(dsn, server.Host(), "127.0.0.1:port", 1), strings.Replace(dsn, "/test_", "/none_", 1)} {
		list := h.command(t.Context(), "eval", "list")
		list.Env = append(list.Env, "DATABASE_URL="+wrong)
		list.Stdout, list.Stderr = &bad, &bad
		if err := list.Run(); err == nil {
			t.Errorf("a wrong address was opened")
		}
	}
	if n := strings.Count(bad.String(), "Try: "); n != 3 {
		t.Errorf("%d of 3 errors have a hint:\n%s", n, bad.String())
	}
	if all := page + log.String() + bad.String(); strings.Contains(all, password) {
		t.Errorf("the password is told in:\n%s", all)
	}
}
