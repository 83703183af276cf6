// Package browser opens pages in a headless Chromium, for tests and pictures.
//
// Key words: browser, tab, view, fault.
//
// The usual path is
//
//	b, err := browser.Start(ctx, browser.Options{})
//	defer b.Close()
//	tab, err := b.Tab()
//	err = tab.Open(url, browser.View{Width: 360, Height: 740, Scheme: "dark"})
//	width, err := browser.Eval[int](tab, "document.documentElement.scrollWidth")
//	faults := tab.Faults() // what the page logged as errors
//
// The browser has a profile of its own that Close removes, and asks the network
// for nothing by itself. A Browser is safe for concurrent use; a Tab belongs to
// one goroutine at a time.
package browser

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// ErrAbsent says that no Chromium was found.
var ErrAbsent = errors.New("no chromium was found")

// Options say which browser to start.
type Options struct {
	Path string // of the program; empty: chromium, chromium-browser or google-chrome
}

// Browser is a running Chromium.
type Browser struct {
	ctx    context.Context
	cancel context.CancelFunc
	dir    string
}

// Find returns the program's path, or ErrAbsent.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p, nil
		}
	}
	return "", ErrAbsent
}

// Start starts the browser. It lives until Close, or until ctx ends.
func Start(ctx context.Context, o Options) (*Browser, error) {
	if o.Path == "" {
		p, err := Find()
		if err != nil {
			return nil, err
		}
		o.Path = p
	}
	dir, err := os.MkdirTemp("", "stylesprint-browser-")
	if err != nil {
		return nil, fmt.Errorf("make profile: %w", err)
	}
	ctx, stop := chromedp.NewExecAllocator(ctx,
		chromedp.ExecPath(o.Path), chromedp.UserDataDir(dir), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("disable-extensions", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("force-color-profile", "srgb"),
	)
	ctx, end := chromedp.NewContext(ctx)
	b := &Browser{ctx: ctx, dir: dir, cancel: func() { end(); stop() }}
	if err := chromedp.Do(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("start %s: %w", o.Path, err)
	}
	return b, nil
}

// Close ends the browser and removes its profile.
func (b *Browser) Close() {
	b.cancel()
	for range 50 { // its children may still write for a moment
		if os.RemoveAll(b.dir) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Tab is an open page.
type Tab struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	faults []string
}

// Tab opens an empty tab.
func (b *Browser) Tab() (*Tab, error) {
	t := &Tab{}
	t.ctx, t.cancel = chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(t.listen))
	if err := chromedp.Do(t.ctx); err != nil {
		t.cancel()
		return nil, fmt.Errorf("open tab: %w", err)
	}
	return t, nil
}

// Close closes the tab.
func (t *Tab) Close() { t.cancel() }

func (t *Tab) listen(event any) {
	var fault string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			fault += " " + x.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type != "error" && e.Type != "assert" {
			return
		}
		for _, a := range e.Args {
			fault += strings.TrimSpace(a.Description+" "+a.Value.String()) + " "
		}
	case *log.EventEntryAdded:
		if e.Entry.Level != "error" {
			return
		}
		fault = e.Entry.Text + " " + e.Entry.URL
	}
	if fault == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, fault)
}

// Faults lists the errors that pages of this tab have logged since the last call.
func (t *Tab) Faults() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := slices.Clone(t.faults)
	t.faults = nil
	return out
}

// View is how a page is looked at.
type View struct {
	Width, Height int64   // of the window, in CSS pixels
	Scheme        string  // "light" or "dark"; empty: light
	Scale         float64 // device pixels to a CSS pixel; 0: 1
	Print         bool    // as for paper
}

const openTimeout = 30 * time.Second

// Open loads a page and waits until it is there.
func (t *Tab) Open(url string, v View) error {
	ctx, cancel := context.WithTimeout(t.ctx, openTimeout)
	defer cancel()
	if v.Scheme == "" {
		v.Scheme = "light"
	}
	if v.Scale == 0 {
		v.Scale = 1
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.Scheme}}}
	if v.Print {
		media.Media = "print"
	}
	metrics := emulation.SetDeviceMetricsOverrideParams{Width: v.Width, Height: v.Height, DeviceScaleFactor: v.Scale, Mobile: v.Width < 600}
	err := chromedp.Do(ctx,
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			if _, err := cdp.Call(ctx, target, emulation.SetDeviceMetricsOverride, metrics); err != nil {
				return err
			}
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
			return err
		}),
		chromedp.Navigate(url),
	)
	if err != nil {
		return fmt.Errorf("open %s: %w", url, err)
	}
	return nil
}

// Eval evaluates an expression in the page. A promise is awaited.
func Eval[T any](t *Tab, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(t.ctx, openTimeout)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return v, fmt.Errorf("evaluate %s: %w", expression, err)
	}
	return v, nil
}

// Wait waits until an expression is true, through a change of page if need be.
func (t *Tab) Wait(expression string) error {
	ctx, cancel := context.WithTimeout(t.ctx, openTimeout)
	defer cancel()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && ok {
			return nil
		}
		select { // an error may come from a page that is being left
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", expression, errors.Join(ctx.Err(), err))
		case <-time.After(15 * time.Millisecond):
		}
	}
}

// Press sends keys to what has the focus: characters, or those of package kb.
func (t *Tab) Press(keys string, o ...chromedp.KeyOption) error {
	ctx, cancel := context.WithTimeout(t.ctx, openTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys, o...)); err != nil {
		return fmt.Errorf("press %q: %w", keys, err)
	}
	return nil
}

// Click clicks on the first element that a CSS selector names.
func (t *Tab) Click(selector string) error {
	ctx, cancel := context.WithTimeout(t.ctx, openTimeout)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
		return fmt.Errorf("click %s: %w", selector, err)
	}
	return nil
}

// Picture is the page as PNG: the window, or with whole, all of it.
func (t *Tab) Picture(whole bool) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.ctx, openTimeout)
	defer cancel()
	var data []byte
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		p := page.CaptureScreenshotParams{CaptureBeyondViewport: &whole}
		if whole {
			m, err := cdp.Call(ctx, target, page.GetLayoutMetrics, cdp.Empty{})
			if err != nil {
				return err
			}
			p.Clip = &page.Viewport{Width: m.CSSVisualViewport.ClientWidth, Height: m.CSSContentSize.Height, Scale: 1}
		}
		r, err := cdp.Call(ctx, target, page.CaptureScreenshot, p)
		data = r.Data
		return err
	}))
	if err != nil {
		return nil, fmt.Errorf("take picture: %w", err)
	}
	return data, nil
}
