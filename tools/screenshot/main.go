// Command screenshot takes a picture of a page with a headless Chromium, for
// the documents and for looking at one's own work:
//
//	go run ./tools/screenshot -url http://127.0.0.1:8000/ -width 1280 -scheme light -o docs/images/dashboard.png
//
// It prints nothing when all went well, and fails where the page logged an
// error to the console.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"stylesprint/internal/testkit/browser"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "screenshot:", err)
		os.Exit(1)
	}
}

type options struct {
	url, out, chromium, eval string
	view                     browser.View
	whole                    bool
	wait                     time.Duration
}

func run(ctx context.Context, args []string, stderr io.Writer) error {
	var o options
	f := flag.NewFlagSet("screenshot", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.url, "url", "http://127.0.0.1:8000/", "page to open")
	f.Int64Var(&o.view.Width, "width", 1280, "width of the window in CSS pixels")
	f.Int64Var(&o.view.Height, "height", 860, "height of the window in CSS pixels")
	f.StringVar(&o.view.Scheme, "scheme", "light", "light or dark")
	f.Float64Var(&o.view.Scale, "scale", 1, "device pixels to a CSS pixel")
	f.BoolVar(&o.view.Print, "print", false, "show the page as for paper")
	f.StringVar(&o.out, "o", "page.png", "file to write")
	f.BoolVar(&o.whole, "whole", false, "take the whole page, not the window alone")
	f.DurationVar(&o.wait, "wait", 300*time.Millisecond, "time between loading and the picture")
	f.StringVar(&o.eval, "eval", "", "script to run before the picture")
	f.StringVar(&o.chromium, "chromium", "", "the browser; empty: the one that is found")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.view.Scheme != "light" && o.view.Scheme != "dark" {
		return fmt.Errorf("scheme is light or dark, not %q", o.view.Scheme)
	}
	if err := take(ctx, o); err != nil {
		return fmt.Errorf("take picture of %s: %w", o.url, err)
	}
	return nil
}

func take(ctx context.Context, o options) error {
	b, err := browser.Start(ctx, browser.Options{Path: o.chromium})
	if err != nil {
		return err
	}
	defer b.Close()
	tab, err := b.Tab()
	if err != nil {
		return err
	}
	defer tab.Close()
	if err := tab.Open(o.url, o.view); err != nil {
		return err
	}
	if o.eval != "" {
		if _, err := browser.Eval[string](tab, "String("+o.eval+")"); err != nil {
			return err
		}
	}
	time.Sleep(o.wait)
	picture, err := tab.Picture(o.whole)
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.out, picture, 0o644); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	if faults := tab.Faults(); len(faults) > 0 {
		return errors.New("the page logged errors: " + strings.Join(faults, "; "))
	}
	return nil
}
