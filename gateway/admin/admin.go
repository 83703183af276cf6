// Package admin serves what operators ask of a running server: to read its configuration
// again, to see it, and to change who serves a route.
//
// Key words: reload, report, route.
//
// New takes the server as a small interface and returns a handler for the paths under /admin/:
//
//	POST /admin/reload   read the configuration again; 422 with every fault where it stays as it was
//	GET  /admin/config   the configuration that holds, secrets redacted
//	GET  /admin/routes   who serves which route, with the history
//	POST /admin/routes   {"route", "release", "percent", "reason", "force"}, or {"route", "rollback": true, "reason"}
//
// It does not ask who may: put what does in front. Errors have the form of the gateway's own
// routes ({"detail", "code", "hint"}). The handler is safe for concurrent use.
package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"stylesprint"
	"stylesprint/internal/httpserver"
	"stylesprint/release"
)

// Server is what the routes act on.
type Server interface {
	// Reload reads the configuration again and serves it whole, or changes nothing.
	Reload(ctx context.Context) Report
	// Config is the configuration that holds, by its keys, without secrets.
	Config() map[string]any
	// Routes lists the routes with who serves them.
	Routes(ctx context.Context) ([]Route, error)
	// Promote gives a release a part of a route that the server has.
	Promote(ctx context.Context, p release.Promotion) (release.Assignment, error)
	// Rollback takes the release that was promoted last from a route.
	Rollback(ctx context.Context, u release.Undo) (release.Assignment, error)
}

// Report is what a reload did.
type Report struct {
	Applied  bool     `json:"applied"`
	Faults   []string `json:"faults,omitempty"`   // why it was not applied, each with its line
	Warnings []string `json:"warnings,omitempty"` // what takes effect only at the next start
	Opened   string   `json:"opened,omitempty"`   // names of models
	Closed   string   `json:"closed,omitempty"`   // names of models, closed when their requests have ended
	Changed  []string `json:"changed,omitempty"`  // routes whose shares changed, with the shares
}

// Route is a public name with who serves it.
type Route struct {
	Name    string               `json:"name"`
	Shares  []release.Share      `json:"shares"`
	Words   string               `json:"words"` // the shares in words
	History []release.Assignment `json:"history,omitempty"`
}

// maxBody bounds a request's body.
const maxBody = 64 << 10

// New makes the handler. actor says who asks, for the record; nil means nobody knows.
func New(s Server, actor func(*http.Request) string) http.Handler {
	if actor == nil {
		actor = func(*http.Request) string { return "admin API" }
	}
	h := handlers{s, actor}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /admin/reload", h.reload)
	mux.HandleFunc("GET /admin/config", h.config)
	mux.HandleFunc("GET /admin/routes", h.routes)
	mux.HandleFunc("POST /admin/routes", h.assign)
	mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, r, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "There is nothing at this path with this method",
			Hint: "try POST /admin/reload, GET /admin/config, or GET and POST /admin/routes"})
	})
	return httpserver.Chain(mux, httpserver.SecurityHeaders(httpserver.PolicyData), httpserver.SameOrigin(), httpserver.BodyLimit(maxBody, nil))
}

type handlers struct {
	s     Server
	actor func(*http.Request) string
}

func (h handlers) reload(w http.ResponseWriter, r *http.Request) {
	report := h.s.Reload(r.Context())
	status := http.StatusOK
	if !report.Applied {
		status = http.StatusUnprocessableEntity
	}
	answer(w, status, report)
}

func (h handlers) config(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, h.s.Config())
}

func (h handlers) routes(w http.ResponseWriter, r *http.Request) {
	routes, err := h.s.Routes(r.Context())
	if err != nil {
		fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, struct {
		Routes []Route `json:"routes"`
	}{routes})
}

// change is the body of POST /admin/routes.
type change struct {
	Route    string `json:"route"`
	Release  string `json:"release"`
	Percent  *int   `json:"percent"` // default 100
	Reason   string `json:"reason"`
	Force    bool   `json:"force"`
	Rollback bool   `json:"rollback"`
}

func (h handlers) assign(w http.ResponseWriter, r *http.Request) {
	var c change
	if err := decode(r, &c); err != nil {
		fail(w, r, err)
		return
	}
	var a release.Assignment
	var err error
	switch {
	case c.Rollback && (c.Release != "" || c.Percent != nil || c.Force):
		err = &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "rollback", Message: "A rollback takes a route and a reason, nothing else", Hint: `send one such as {"route": "writer", "rollback": true, "reason": "worse answers"}`}
	case c.Rollback:
		a, err = h.s.Rollback(r.Context(), release.Undo{Route: c.Route, By: h.actor(r), Reason: c.Reason})
	default:
		percent := 100
		if c.Percent != nil {
			percent = *c.Percent
		}
		a, err = h.s.Promote(r.Context(), release.Promotion{Route: c.Route, Release: c.Release, Percent: percent, By: h.actor(r), Reason: c.Reason, Force: c.Force})
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	answer(w, http.StatusOK, a)
}

func decode(r *http.Request, to any) error {
	b, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return httpserver.BodyTooLarge(large.Limit)
	case err != nil:
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The request body broke off", Hint: "send all of it", Err: err}
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(to); err != nil {
		return malformed(err, len(b))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("Something follows the JSON object, after byte %d", dec.InputOffset()), Hint: "send one object"}
	}
	return nil
}

// malformed says what is wrong with a body, and what one looks like.
func malformed(err error, length int) error {
	e := &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The request body must be a JSON object with route, release, percent, reason, force and rollback",
		Hint: `send one such as {"route": "writer", "release": "r2", "percent": 10, "reason": "a trial"}`, Err: err}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	name, unknown := strings.CutPrefix(err.Error(), "json: unknown field ")
	switch {
	case errors.As(err, &syntax):
		e.Message = fmt.Sprintf("The request body is not valid JSON: unexpected character or end at byte %d", syntax.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.Message = fmt.Sprintf("The request body is not valid JSON: it ends at byte %d", length)
	case errors.As(err, &kind) && kind.Field != "":
		e.Field, e.Message = kind.Field, kind.Field+" must be "+wants(kind.Field)
	case unknown && len(name) <= 64:
		e.Field, e.Message = strings.Trim(name, `"`), "Unknown field "+name
		e.Hint = "known fields are route, release, percent, reason, force, rollback"
	}
	return e
}

// wants is the type of a member of change.
func wants(field string) string {
	switch field {
	case "percent":
		return "a whole number from 1 to 100"
	case "force", "rollback":
		return "true or false"
	}
	return "a string"
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // the client has left
}

// fail writes an error; one that was not made for people says only that there was one.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	var e *stylesprint.Error
	if !errors.As(err, &e) {
		e = &stylesprint.Error{Code: stylesprint.CodeInternal, Message: "Internal server error", Hint: "the fault is in the server's log"}
	}
	status := map[stylesprint.Code]int{
		stylesprint.CodeInvalid: http.StatusBadRequest, stylesprint.CodeUnsupported: http.StatusBadRequest, stylesprint.CodeForbidden: http.StatusForbidden,
		stylesprint.CodeUnauthorized: http.StatusUnauthorized, stylesprint.CodeNotFound: http.StatusNotFound, stylesprint.CodeConflict: http.StatusConflict,
		stylesprint.CodeTooLarge: http.StatusRequestEntityTooLarge, stylesprint.CodeUnavailable: http.StatusServiceUnavailable,
	}[e.Code]
	if status == 0 {
		status = http.StatusInternalServerError
	}
	httpserver.Answer(w, r, status, e)
}
