// Command webpreview serves the dashboard over made-up data, for looking at the
// pages while one works on them:
//
//	go run ./tools/webpreview -addr 127.0.0.1:8090
//
// With -empty there is nothing to show but what empty pages teach. With
// -report FILE it writes a comparison as one HTML file and ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/review"
	"stylesprint/store/sqlite"
	"stylesprint/web"
	"stylesprint/web/report"
	"stylesprint/web/webtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "webpreview:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	f := flag.NewFlagSet("webpreview", flag.ContinueOnError)
	f.SetOutput(stderr)
	addr := f.String("addr", "127.0.0.1:8090", "address to listen on")
	empty := f.Bool("empty", false, "serve pages without any data")
	file := f.String("report", "", "write a report to this file and end")
	if err := f.Parse(args); err != nil {
		return err
	}
	source, err := webtest.New()
	if err != nil {
		return err
	}
	if *file != "" {
		return write(ctx, source, *file)
	}
	o, err := source.Options()
	if err != nil {
		return err
	}
	o.Closing = ctx.Done()
	dir, err := os.MkdirTemp("", "webpreview-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sqlite.Open(ctx, filepath.Join(dir, "preview.db"), sqlite.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	o.Review, o.Now = source.Review(db), nil
	if err := reviews(ctx, source, o.Review.Desk, stderr); err != nil {
		return err
	}
	if *empty {
		o = web.Options{Runs: nothing{}, Closing: ctx.Done()}
	}
	pages, err := web.New(o)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", pages)
	mux.Handle("POST /generate/", webtest.Gateway(60*time.Millisecond))
	mux.Handle("POST /v1/chat/completions", webtest.Gateway(60*time.Millisecond))
	return serve(ctx, *addr, mux, func() { source.Advance(webtest.Running, 1) })
}

// reviews makes an open review, one that is closed, and one of three candidates.
func reviews(ctx context.Context, s *webtest.Source, d *review.Desk, stderr io.Writer) error {
	for i, p := range []review.Plan{
		{Name: "Three candidates", RunIDs: []string{webtest.Plain, webtest.Voice, webtest.Hosted}, Raters: 3, Repeats: .1, Seed: 3},
		{Name: "Autumn texts", RunIDs: []string{webtest.Plain, webtest.Hosted}, Raters: 2, Repeats: .2, Seed: 2},
		{Name: "Spring texts", RunIDs: []string{webtest.Plain, webtest.Voice}, Raters: 2, Invites: 3, Repeats: .1, Seed: 1},
	} {
		c, err := s.NewReview(ctx, d, p)
		if err != nil {
			return err
		}
		open := p.Name == "Spring texts"
		for k, invite := range c.Invites {
			n := 1000
			if open {
				n = 5 * k
			}
			if n > 0 {
				if err := webtest.Judge(ctx, d, invite.Code, n, uint64(10*i+k)); err != nil {
					return err
				}
			}
			if open {
				fmt.Fprintln(stderr, "rater: /review/rate/"+invite.Code)
			}
		}
		fmt.Fprintln(stderr, p.Name+": /review/tasks/"+c.Task.ID)
		if !open {
			if _, err := d.Close(ctx, c.Task.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// serve runs until ctx ends, and lets the made-up run go on.
func serve(ctx context.Context, addr string, h http.Handler, advance func()) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	fmt.Fprintln(os.Stderr, "http://"+l.Addr().String())
	tick := time.NewTicker(4 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			advance()
		case err := <-done:
			return err
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			err := srv.Shutdown(end)
			<-done
			return err
		}
	}
}

func write(ctx context.Context, s *webtest.Source, file string) error {
	ids := []string{webtest.Plain, webtest.Voice, webtest.Hosted}
	c, err := s.Compare(ctx, ids)
	if err != nil {
		return err
	}
	in := report.Input{Comparison: c, Note: "Demo data: every figure in this report is made up.", Generated: webtest.Now(), Version: "0.1.0", Command: "stylesprint eval compare plain brand-voice hosted-mini --report comparison.html"}
	if err := s.Rows(ctx, ids, func(r compare.Row) error { in.Rows = append(in.Rows, r); return nil }); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := report.Write(f, in); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// nothing is a store without runs.
type nothing struct{}

func (nothing) Run(_ context.Context, id string) (evaluate.Run, error) {
	return evaluate.Run{}, fmt.Errorf("no run %q", id)
}

func (nothing) Runs(context.Context, evaluate.Filter) ([]evaluate.Run, error) { return nil, nil }

func (nothing) Outputs(context.Context, string, func(evaluate.Output) error) error { return nil }
