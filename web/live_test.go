package web_test

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

// follow reads the events of a stream until it ends.
func follow(t *testing.T, url string, on func(event, data string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if got := res.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("content type %q", got)
	}
	sc := bufio.NewScanner(res.Body)
	event := ""
	for sc.Scan() {
		name, value, _ := strings.Cut(sc.Text(), ": ")
		switch name {
		case "event":
			event = value
		case "data":
			on(event, value)
		}
	}
}

func TestLiveProgress(t *testing.T) {
	t.Parallel()
	h, s := desk(t, func(o *web.Options) { o.Poll = 2 * time.Millisecond })
	srv := httptest.NewServer(h)
	defer srv.Close()
	done := fmt.Sprintf(`"done":%d`, held(t, s, webtest.Running).Total)
	var seen []string
	follow(t, srv.URL+"/runs/events?run="+webtest.Running+"&run=no-such&run="+webtest.Voice, func(event, data string) {
		seen = append(seen, event)
		s.Advance(webtest.Running, 4)
		if strings.Contains(data, webtest.Running) && strings.Contains(data, `"status":"done"`) && !strings.Contains(data, done) {
			t.Errorf("done, but %s", data)
		}
	})
	if len(seen) < 4 || seen[len(seen)-1] != "end" || slices.Contains(seen[:len(seen)-1], "end") {
		t.Errorf("events %v", seen)
	}
}

func TestLiveStreamsEndWithTheServer(t *testing.T) {
	t.Parallel()
	closing := make(chan struct{})
	h, _ := desk(t, func(o *web.Options) { o.Poll, o.Closing = time.Millisecond, closing })
	srv := httptest.NewServer(h)
	defer srv.Close()
	first := true
	follow(t, srv.URL+"/runs/events?run="+webtest.Running, func(string, string) {
		if first {
			close(closing)
			first = false
		}
	})
	if first {
		t.Error("nothing was sent")
	}
	if w := get(h, "/runs/events"); w.Code != http.StatusBadRequest {
		t.Errorf("without runs: status %d", w.Code)
	}
}

// Every run and every output is reached by following the pages, once.
func TestPaging(t *testing.T) {
	t.Parallel()
	h, s := desk(t)
	var outs []evaluate.Output
	for i := range 67 {
		outs = append(outs, evaluate.Output{RunID: "big", ItemID: fmt.Sprintf("item %02d&é", i/2), Repeat: i % 2, Text: fmt.Sprintf("text-number-%02d", i), Finished: webtest.Now()})
	}
	for i := range 120 {
		s.Put(evaluate.Run{ID: fmt.Sprintf("r%03d", i), Dataset: "d", Status: evaluate.StatusDone, Candidate: evaluate.Candidate{Name: "c"}, Created: webtest.Now()})
	}
	s.Put(evaluate.Run{ID: "big", Dataset: "d", Repeat: 2, Total: 67, Done: 67, Status: evaluate.StatusDone, Candidate: evaluate.Candidate{Name: "c"}}, outs...)
	if got := walk(t, h, "/runs/big", regexp.MustCompile(`text-number-(\d+)`)); len(got) != 67 || !slices.IsSorted(got) {
		t.Errorf("%d texts: %v", len(got), got)
	}
	if got := walk(t, h, "/runs", regexp.MustCompile(`<a class="still" href="/runs/(\w+)"`)); len(got) < 121 || got[0] != "big" {
		t.Errorf("%d runs", len(got))
	}
	got := walk(t, h, comparison, regexp.MustCompile(`<header><h3>([^<]+)</h3>`))
	if len(got) != held(t, s, webtest.Voice).Total || !slices.IsSorted(got) {
		t.Errorf("%d rows: %v", len(got), got)
	}
}

// walk follows the links to the next page and gathers what a pattern finds.
func walk(t *testing.T, h http.Handler, path string, find *regexp.Regexp) []string {
	t.Helper()
	next := regexp.MustCompile(`<a rel="next" href="([^"]+)`)
	var out []string
	for range 20 {
		w := get(h, path)
		if w.Code != 200 {
			t.Fatalf("%s: status %d", path, w.Code)
		}
		body := w.Body.String()
		for _, m := range find.FindAllStringSubmatch(body, -1) {
			if slices.Contains(out, m[1]) {
				t.Errorf("%s: %s again", path, m[1])
			}
			out = append(out, m[1])
		}
		m := next.FindStringSubmatch(body)
		if m == nil {
			return out
		}
		path, _, _ = strings.Cut(html.UnescapeString(m[1]), "#")
	}
	t.Fatalf("%s: no end", path)
	return nil
}

// counting counts computations.
type counting struct {
	*webtest.Source
	n atomic.Int32
}

func (c *counting) Compare(ctx context.Context, ids []string) (compare.Comparison, error) {
	c.n.Add(1)
	return c.Source.Compare(ctx, ids)
}

func TestComparisonsAreComputedOnce(t *testing.T) {
	t.Parallel()
	c := &counting{}
	h, s := desk(t, func(o *web.Options) { c.Source = o.Compare.(*webtest.Source); o.Compare = c })
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			get(h, comparison)
		}()
	}
	for range 4 {
		<-done
	}
	if n := c.n.Load(); n != 1 {
		t.Errorf("computed %d times", n)
	}
	r, err := s.Run(t.Context(), webtest.Voice)
	if err != nil {
		t.Fatal(err)
	}
	r.Finished = r.Finished.Add(time.Hour)
	s.Put(r)
	get(h, comparison)
	if n := c.n.Load(); n != 2 {
		t.Errorf("after a change: computed %d times", n)
	}
}

// large is a run of 100,000 outputs that are made up as they are read.
type large struct{ *webtest.Source }

func (l large) Outputs(_ context.Context, id string, yield func(evaluate.Output) error) error {
	for i := range 100_000 {
		o := evaluate.Output{RunID: id, ItemID: fmt.Sprintf("item-%06d", i), Text: webtest.Answer, Latency: time.Duration(1+i%900) * time.Millisecond, Finished: webtest.Now()}
		if err := yield(o); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkFirstByte is the time of a whole answer, of which the first byte is
// sent last: pages are made in memory.
func BenchmarkFirstByte(b *testing.B) {
	h, _ := desk(b)
	for _, path := range pages() {
		name := path
		if strings.HasPrefix(name, "/comparisons/view") {
			name = "/comparisons/view"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				get(h, path)
			}
		})
	}
	big, s := desk(b, func(o *web.Options) { o.Runs = large{o.Runs.(*webtest.Source)} })
	_ = s
	b.Run("run of 100000", func(b *testing.B) {
		for b.Loop() {
			get(big, "/runs/"+webtest.Voice)
		}
	})
}
