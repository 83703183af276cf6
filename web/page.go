package web

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/release"
	"stylesprint/web/show"
)

//go:embed pages/*.html
var pageFiles embed.FS

// page is what the frame around every page reads.
type page struct {
	Here     string // the link of the rail that is open
	Title    string // the h1: a sentence that says the state
	Document string // the title of the window; empty: Title
	Eyebrow  string // a small line above the title
	Status   int    // HTTP status; 0: 200
	Bare     bool   // without the rail: for people who are to see this page and no other
	Private  bool   // no copy may be kept
	Body     any
}

// frame is page with what the frame adds.
type frame struct {
	page
	Steps   []step
	Style   string // paths of the assets
	Script  string
	Icon    string
	Version string
	Who     string // who has logged in; empty where nobody needs to
	Now     time.Time
}

// templates holds one template a page, each joined with the frame.
type templates struct{ pages map[string]*template.Template }

func parseTemplates() (*templates, error) {
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		return nil, fmt.Errorf("list pages: %w", err)
	}
	frame, err := template.New("frame.html").Funcs(functions()).ParseFS(pageFiles, "pages/frame.html", "pages/parts.html")
	if err != nil {
		return nil, fmt.Errorf("parse the frame: %w", err)
	}
	t := &templates{pages: map[string]*template.Template{}}
	for _, name := range names {
		base := strings.TrimSuffix(strings.TrimPrefix(name, "pages/"), ".html")
		if base == "frame" || base == "parts" {
			continue
		}
		clone, err := frame.Clone()
		if err != nil {
			return nil, fmt.Errorf("copy the frame: %w", err)
		}
		if t.pages[base], err = clone.ParseFS(pageFiles, name); err != nil {
			return nil, fmt.Errorf("parse page %s: %w", base, err)
		}
	}
	return t, nil
}

// functions are what templates may call beside the fields of their page.
func functions() template.FuncMap {
	return template.FuncMap{
		"bytes":      show.Bytes,
		"count":      show.Count,
		"duration":   show.Duration,
		"hash":       show.Hash,
		"parameters": show.Parameters,
		"shares":     release.Words,
		"ago":        func(now, t time.Time) string { return show.Ago(t, now) },
		"stamp":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"day":        func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	}
}

// render writes a page. It is made in memory first, so that a fault never
// leaves half a page.
func (s *site) render(w http.ResponseWriter, name string, p page) error {
	if p.Document == "" {
		p.Document = p.Title
	}
	who := visitorOf(w)
	f := frame{page: p, Steps: s.stepsFor(who), Who: who.session.Subject, Style: s.assets.path("style.css"), Script: s.assets.path("desk.js"), Icon: s.assets.path("icon.svg"), Version: s.o.Version, Now: s.o.Now()}
	if p.Bare || s.o.RatersOnly || !who.known() {
		f.Bare, f.Steps = true, nil
	}
	var b bytes.Buffer
	if err := s.templates.pages[name].ExecuteTemplate(&b, "frame.html", f); err != nil {
		return fmt.Errorf("render page %s: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	if p.Private {
		h.Set("Cache-Control", "no-store")
	}
	if p.Status != 0 {
		w.WriteHeader(p.Status)
	}
	_, err := w.Write(b.Bytes())
	if err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// errGone marks a client that left; there is nobody to tell.
var errGone = errors.New("the reader has left")

// answer turns a handler's error into a page that says what failed.
func (s *site) answer(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w, done, err := s.receive(w, r)
		if err == nil && !done {
			err = handle(w, r)
		}
		if err == nil || errors.Is(err, errGone) || r.Context().Err() != nil {
			return
		}
		f := faultOf(err)
		if f.Status >= http.StatusInternalServerError {
			s.o.Log.ErrorContext(r.Context(), "page failed", "path", LoggedPath(r), "error", err)
		}
		w.Header().Set("Cache-Control", "no-store")
		p := page{Title: f.Title, Document: f.Title, Status: f.Status, Eyebrow: f.Eyebrow, Bare: forRater(r), Body: f}
		if err := s.render(w, "fault", p); err != nil && !errors.Is(err, errGone) {
			http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		}
	})
}

// fault is what a person sees of an error.
type fault struct {
	Status  int
	Eyebrow string
	Title   string
	Cause   string // shown only where the error was made for people
	Hint    string
}

func faultOf(err error) fault {
	f := fault{Status: statusOf(stylesprint.CodeOf(err)), Hint: show.Sentence(stylesprint.HintOf(err))}
	var e *stylesprint.Error
	if errors.As(err, &e) {
		f.Title = show.Sentence(e.Message)
		if e.Err != nil && f.Status < http.StatusInternalServerError {
			f.Cause = e.Err.Error()
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		f.Status, f.Title = http.StatusGatewayTimeout, "This took too long and was stopped"
	case f.Title == "":
		f.Title = "This page could not be made"
		f.Hint = "The fault is in the server's log, with this page's address. Nothing that is stored was changed."
	}
	f.Eyebrow = fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status))
	return f
}

func statusOf(c stylesprint.Code) int {
	switch c {
	case stylesprint.CodeInvalid, stylesprint.CodeUnsupported:
		return http.StatusBadRequest
	case stylesprint.CodeUnauthorized:
		return http.StatusUnauthorized
	case stylesprint.CodeForbidden:
		return http.StatusForbidden
	case stylesprint.CodeNotFound:
		return http.StatusNotFound
	case stylesprint.CodeConflict:
		return http.StatusConflict
	case stylesprint.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case stylesprint.CodeContextTooLong, stylesprint.CodeRefused:
		return http.StatusUnprocessableEntity
	case stylesprint.CodeRateLimited:
		return http.StatusTooManyRequests
	case stylesprint.CodeUpstream:
		return http.StatusBadGateway
	case stylesprint.CodeUnavailable:
		return http.StatusServiceUnavailable
	case stylesprint.CodeTimeout:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// keyboard lists the shortcuts for readers without script.
func (s *site) keyboard(w http.ResponseWriter, _ *http.Request) error {
	return s.render(w, "keyboard", page{Here: "keyboard", Title: "Every page can be used with the keyboard alone", Document: "Keyboard"})
}
