package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/store/sqlite"
)

// mockUpstream answers like an OpenAI-compatible server after some milliseconds, streamed if asked.
func mockUpstream(w http.ResponseWriter, r *http.Request) {
	var req struct{ Stream bool }
	_ = json.NewDecoder(r.Body).Decode(&req)
	pause := func() { time.Sleep(time.Duration(1+rand.IntN(4)) * time.Millisecond) }
	if !req.Stream {
		pause()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","created":1,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"A dress."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, chunk := range []string{`{"role":"assistant","content":"A "}`, `{"content":"dress"}`, `{"content":"."}`} {
		pause()
		_, _ = fmt.Fprintf(w, "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"mock\",\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":null}]}\n\n", chunk)
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = io.WriteString(w, `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"mock","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n"+
		`data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"mock","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}}`+"\n\ndata: [DONE]\n\n")
}

// serving is a server process.
type servingProcess struct {
	cmd *exec.Cmd
	url string
	// drained is closed when the rest of its log was read.
	drained chan struct{}
}

// startServing starts "serve" with a data folder of its own and waits until it listens.
func startServing(t *testing.T, h household, upstream string, settings ...string) *servingProcess {
	t.Helper()
	file := filepath.Join(h.home, "stylesprint.yaml")
	text := "addr: 127.0.0.1:0\nno_jobs: true\nmodels:\n- {name: mock, provider: openai, model: mock, base_url: " + upstream + "/v1, price: {input_per_million: 1000, output_per_million: 2000}}\n"
	if err := os.WriteFile(file, []byte(text+strings.Join(settings, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &servingProcess{cmd: h.command(context.Background(), "serve", "--config", file), drained: make(chan struct{})}
	p.cmd.Stderr = nil
	log, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			p.url = "http://" + line.Addr
			break
		}
	}
	if p.url == "" {
		t.Fatalf("the server does not listen: %v", p.cmd.Wait())
	}
	go func() {
		defer close(p.drained)
		_, _ = io.Copy(io.Discard, log)
	}()
	return p
}

// end sends a signal, and waits.
func (p *servingProcess) end(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	<-p.drained
	err := p.cmd.Wait()
	if signal != os.Kill && err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// tally is what clients saw.
type tally struct {
	mu        sync.Mutex
	completed map[string]bool // ids of requests whose answer came whole
	failed    []string        // of others, with what they got
	asked     int
}

// load asks at a constant rate, whatever the answers do, until ctx ends; then it waits for
// every request that was begun.
func (y *tally) load(ctx context.Context, client *http.Client, url, prefix string, rate int) {
	var wg sync.WaitGroup
	defer wg.Wait()
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		id := fmt.Sprintf("%s-%d", prefix, i)
		y.mu.Lock()
		y.asked++
		y.mu.Unlock()
		wg.Go(func() {
			ok, why := askOnce(client, url, id, i)
			y.mu.Lock()
			defer y.mu.Unlock()
			if ok {
				y.completed[id] = true
			} else {
				y.failed = append(y.failed, id+": "+why)
			}
		})
	}
}

// askOnce sends a request of one of four kinds, and says whether its answer came whole.
func askOnce(client *http.Client, url, id string, kind int) (whole bool, why string) {
	path, body, last := "/generate/", `{"prompt":"x"}`, "}\n"
	switch kind % 4 {
	case 1:
		body, last = `{"prompt":"x","stream":true}`, `"}}`+"\n\n"
	case 2:
		path, body = "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`
	case 3:
		path, body, last = "/v1/chat/completions", `{"stream":true,"messages":[{"role":"user","content":"x"}]}`, "data: [DONE]\n\n"
	}
	req, err := http.NewRequest("POST", url+path, strings.NewReader(body))
	if err != nil {
		return false, err.Error()
	}
	req.Header.Set("X-Request-ID", id)
	resp, err := client.Do(req)
	if err != nil {
		return false, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		return false, resp.Status
	}
	// A stream is whole with its last event, an answer with its last byte.
	if !strings.HasSuffix(string(b), last) || (kind%4 == 1 && !strings.Contains(string(b), `"finish_reason"`)) {
		return false, fmt.Sprintf("%v after %q", err, b)
	}
	return true, ""
}

// logged reads the request log of a data folder, by the ids that clients chose.
func logged(t *testing.T, home string) map[string][]stylesprint.RequestRecord {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(home, "data", "stylesprint", "stylesprint.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	records, err := db.Requests(t.Context(), stylesprint.RequestFilter{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	totals, err := db.RequestTotals(t.Context(), stylesprint.TotalFilter{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]stylesprint.RequestRecord{}
	var sum stylesprint.RequestTotal
	for _, r := range records {
		id, _, _ := strings.Cut(r.ID, "~")
		out[id] = append(out[id], r)
		sum.Requests++
		sum.Cost += r.Cost
		sum.Billed += r.Billed
	}
	if len(totals) != 1 || totals[0].Requests != sum.Requests || totals[0].Cost != sum.Cost || totals[0].Billed != sum.Billed {
		t.Errorf("totals %+v, rows %+v", totals, sum)
	}
	return out
}

// Killed again and again under load, the server loses no record of an answer that a client
// had whole, and makes none up: every completed answer has one row, and every row without
// one belongs to a request that was in flight at a kill, and says so.
func TestServeSurvivesKills(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes under load")
	}
	t.Parallel()
	const rate = 200
	kills := 3
	if os.Getenv("STYLESPRINT_SLOW") != "" {
		kills = 20
	}
	upstream := httptest.NewServer(http.HandlerFunc(mockUpstream))
	defer upstream.Close()
	h := household{t: t, home: t.TempDir()}
	all := &tally{completed: map[string]bool{}}
	for k := range kills {
		p := startServing(t, h, upstream.URL)
		transport := &http.Transport{MaxIdleConnsPerHost: 256}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			all.load(ctx, &http.Client{Transport: transport}, p.url, fmt.Sprint("k", k), rate)
		}()
		time.Sleep(700*time.Millisecond + time.Duration(rand.IntN(600))*time.Millisecond)
		p.end(t, os.Kill)
		stop()
		<-ended
		transport.CloseIdleConnections()
	}
	startServing(t, h, upstream.URL).end(t, os.Interrupt) // replays, and stops in order
	rows := logged(t, h.home)
	flight := 0
	for id := range all.completed {
		switch r := rows[id]; {
		case len(r) != 1:
			t.Errorf("%s was answered and has %d rows", id, len(r))
		case r[0].Status != 200 || r[0].Cost == 0 || r[0].Latency <= 0:
			t.Errorf("%s was answered and has the row %+v", id, r[0])
		}
	}
	for id, r := range rows {
		if all.completed[id] {
			continue
		}
		flight++
		if len(r) != 1 || (r[0].Status == 200 && r[0].Flags != "unconfirmed") {
			t.Errorf("%s was not answered and has the rows %+v", id, r)
		}
	}
	t.Logf("%d kills: %d requests, %d answered, %d rows, of which %d in flight at a kill", kills, all.asked, len(all.completed), len(rows), flight)
	if len(all.completed) < kills*rate/4 {
		t.Errorf("only %d of %d requests were answered", len(all.completed), all.asked)
	}
	if flight > kills*rate/2 {
		t.Errorf("%d rows of requests in flight", flight)
	}
	left, err := filepath.Glob(filepath.Join(h.home, "data", "stylesprint", "spool", "*", "*.seg"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the spool: %v, %v", left, err)
	}
}
