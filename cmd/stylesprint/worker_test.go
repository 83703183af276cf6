package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
)

// household starts the program with a data folder of its own.
type household struct {
	t        *testing.T
	home     string
	url      string
	database string // DSN; empty: SQLite
}

func (h household) command(ctx context.Context, args ...string) *exec.Cmd {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = append([]string{"stylesprint"}, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "HOME="+h.home, "XDG_DATA_HOME="+filepath.Join(h.home, "data"), "OPENAI_API_KEY=sk-test", "DATABASE_URL="+h.database)
	cmd.Stderr = os.Stderr
	return cmd
}

// evalRun is an eval run over the demo catalogue's 150 products in shards of about 20.
func (h household) evalRun(more ...string) evaluate.Run {
	h.t.Helper()
	args := []string{"eval", "run", "--dataset", "demo", "--prompt", "plain", "--metrics", "bleu,length", "--concurrency", "3", "--shard-size", "20",
		"--provider", "openai", "--model", "mock", "--base-url", h.url + "/v1", "--json", "--quiet"}
	var out bytes.Buffer
	cmd := h.command(h.t.Context(), append(args, more...)...)
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		h.t.Fatal(err)
	}
	var run evaluate.Run
	if err := json.Unmarshal(out.Bytes(), &run); err != nil {
		h.t.Fatalf("%v in %s", err, out.String())
	}
	return run
}

func (h household) worker(more ...string) *exec.Cmd {
	h.t.Helper()
	cmd := h.command(h.t.Context(), append([]string{"worker", "--quiet"}, more...)...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard // warns of the jobs that it takes over
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	return cmd
}

func (h household) store() *database {
	h.t.Helper()
	a := &app{}
	db, err := a.openStore(h.t.Context(), config.Config{DataDir: filepath.Join(h.home, "data", "stylesprint"), Database: config.Database{DatabaseURL: stylesprint.NewSecret(h.database)}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { db.Close() })
	return db
}

// oneResultEach checks that each of a run's outputs is there once, over all shards.
func oneResultEach(t *testing.T, db *database, run evaluate.Run) {
	t.Helper()
	children, err := db.Runs(t.Context(), evaluate.Filter{Parent: run.ID})
	if err != nil || len(children) != run.Shards {
		t.Fatalf("%d shards of %d, %v", len(children), run.Shards, err)
	}
	seen := map[string]int{}
	for _, c := range children {
		if c.Status != evaluate.StatusDone || c.Done != c.Total {
			t.Errorf("shard %d is %s with %d of %d", c.Shard, c.Status, c.Done, c.Total)
		}
		if err := db.Outputs(t.Context(), c.ID, func(o evaluate.Output) error { seen[o.ItemID]++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != run.Total {
		t.Errorf("%d items have a result, want %d", len(seen), run.Total)
	}
	for item, n := range seen {
		if n != 1 {
			t.Errorf("%s has %d results", item, n)
		}
	}
}

// A worker that is killed in the middle loses nothing: another one takes over what it was
// at, every item has one result, and only the calls in flight were made again, and counted.
func TestWorkerSurvivesKill(t *testing.T) {
	t.Parallel()
	mock := &slowServer{calls: map[string]int{}, delay: 5 * time.Millisecond, hold: 30}
	srv := httptest.NewServer(mock)
	defer srv.Close()
	h := household{t, t.TempDir(), srv.URL, ""}
	queued := h.evalRun("--queue")
	if queued.Status != evaluate.StatusRunning || queued.Done != 0 || queued.Shards < 5 || mock.count() != 0 {
		t.Fatalf("queued: %+v, %d calls", queued, mock.count())
	}
	if again := h.evalRun("--queue"); again.ID != queued.ID {
		t.Errorf("the same command queued another run, %s and %s", queued.ID, again.ID)
	}
	first := h.worker()
	mock.killInFlight(t, first, 3)
	second := h.worker("--until-empty")
	if err := second.Wait(); err != nil {
		t.Fatal(err)
	}
	db := h.store()
	run, err := db.Run(t.Context(), queued.ID)
	if err != nil || run.Status != evaluate.StatusDone || run.Done != run.Total || run.Failed != 0 || len(run.Scores) != 2 {
		t.Fatalf("%+v, %v", run, err)
	}
	if run.RepeatedCalls != 3 || mock.count() != run.Total+3 {
		t.Errorf("%d calls for %d items, %d counted as repeated, 3 were in flight", mock.count(), run.Total, run.RepeatedCalls)
	}
	oneResultEach(t, db, run)
}

// Two workers share a run: no item is asked twice, and both do some of it.
func TestTwoWorkersShareRun(t *testing.T) {
	t.Parallel()
	mock := &slowServer{calls: map[string]int{}, delay: 20 * time.Millisecond}
	srv := httptest.NewServer(mock)
	defer srv.Close()
	h := household{t, t.TempDir(), srv.URL, ""}
	queued := h.evalRun("--queue")
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := h.worker("--until-empty").Wait(); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	db := h.store()
	run, err := db.Run(t.Context(), queued.ID)
	if err != nil || run.Status != evaluate.StatusDone || run.RepeatedCalls != 0 || mock.count() != run.Total {
		t.Fatalf("%d calls, %+v, %v", mock.count(), run, err)
	}
	oneResultEach(t, db, run)
}

// In one process a long run survives a kill as well, and a shard that fails for good is
// told as the run's fault and mended by the same command.
func TestShardsSurviveKill(t *testing.T) {
	t.Parallel()
	mock := &slowServer{calls: map[string]int{}, delay: 5 * time.Millisecond, hold: 45}
	srv := httptest.NewServer(mock)
	defer srv.Close()
	h := household{t, t.TempDir(), srv.URL, ""}
	first := h.command(t.Context(), "eval", "run", "--dataset", "demo", "--prompt", "plain", "--metrics", "bleu,length", "--concurrency", "3", "--shard-size", "20",
		"--provider", "openai", "--model", "mock", "--base-url", srv.URL+"/v1", "--quiet")
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	mock.killInFlight(t, first, 3)
	run := h.evalRun()
	if run.Status != evaluate.StatusDone || run.Done != run.Total || run.RepeatedCalls != 3 || mock.count() != run.Total+3 {
		t.Errorf("%d calls, %+v", mock.count(), run)
	}
	db := h.store()
	oneResultEach(t, db, run)
	listed, err := db.Runs(t.Context(), evaluate.Filter{})
	if err != nil || len(listed) != 1 {
		t.Errorf("%d runs are listed, %v: shards are to be left out", len(listed), err)
	}
}

// A worker that cannot do a shard says so in the run; mended, the same command finishes it.
func TestWorkerGivesUp(t *testing.T) {
	t.Parallel()
	mock := &slowServer{calls: map[string]int{}}
	srv := httptest.NewServer(mock)
	defer srv.Close()
	h := household{t, t.TempDir(), srv.URL, ""}
	file := filepath.Join(h.home, "own.prompt")
	text, err := os.ReadFile("../../prompt/builtin/plain.prompt")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	queued := h.evalRun("--queue", "--prompt", file, "--name", "own")
	if err := os.WriteFile(file, append(slices.Clone(text), "Thank you.\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.worker("--until-empty").Wait(); err != nil {
		t.Fatal(err)
	}
	db := h.store()
	run, err := db.Run(t.Context(), queued.ID)
	if err != nil || run.Status != evaluate.StatusFailed || !strings.Contains(run.Error, "own.prompt is not what run") || mock.count() != 0 {
		t.Errorf("a changed prompt: %d calls, %+v, %v", mock.count(), run, err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	again := h.evalRun("--queue", "--prompt", file, "--name", "own")
	if again.ID != queued.ID || again.Status != evaluate.StatusRunning {
		t.Errorf("%+v", again)
	}
	if err := h.worker("--until-empty").Wait(); err != nil {
		t.Fatal(err)
	}
	if run, err = db.Run(t.Context(), queued.ID); err != nil || run.Status != evaluate.StatusDone || !slices.ContainsFunc(run.Scores, func(s stylesprint.Score) bool { return s.Metric == "bleu" }) {
		t.Errorf("%+v, %v", run, err)
	}
}

// The server works on queued jobs beside serving, and stops in time; told not to, it leaves
// them.
func TestServeWorksJobs(t *testing.T) {
	t.Parallel()
	mock := &slowServer{calls: map[string]int{}, delay: time.Millisecond}
	srv := httptest.NewServer(mock)
	defer srv.Close()
	h := household{t, t.TempDir(), srv.URL, ""}
	file := filepath.Join(h.home, "stylesprint.yaml")
	text := "addr: 127.0.0.1:0\nmodels:\n  - model: mock\n    provider: openai\n    base_url: " + srv.URL + "/v1\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := func(more ...string) (*exec.Cmd, *bytes.Buffer) {
		var log bytes.Buffer
		cmd := h.command(t.Context(), append([]string{"serve", "--config", file}, more...)...)
		cmd.Stderr = &log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &log
	}
	stop := func(cmd *exec.Cmd) {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	queued := h.evalRun("--queue")
	idle, log := serve("--no-jobs")
	time.Sleep(time.Second)
	stop(idle)
	if mock.count() != 0 || !strings.Contains(log.String(), "--no-jobs") {
		t.Errorf("%d calls; log %s", mock.count(), log)
	}
	busy, log := serve()
	run := h.evalRun("--queue", "--wait")
	stop(busy)
	if run.ID != queued.ID || run.Status != evaluate.StatusDone || mock.count() != run.Total {
		t.Errorf("%d calls, %+v", mock.count(), run)
	}
	if !strings.Contains(log.String(), "run done") {
		t.Errorf("log %s", log)
	}
}
