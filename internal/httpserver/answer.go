package httpserver

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"strings"

	"stylesprint"
)

// Answer writes an error as JSON ({"detail", "code", "hint"}), or as a small
// page where the client asks for HTML, and tells caches to keep neither.
func Answer(w http.ResponseWriter, r *http.Request, status int, e *stylesprint.Error) {
	h := w.Header()
	h.Del("Content-Length")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if wantsHTML(r) {
		h.Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(status)
		title := html.EscapeString(e.Message)
		_, _ = io.WriteString(w, "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>"+title+"</title><h1>"+title+"</h1><p>"+html.EscapeString(e.Hint)+"</p></html>\n")
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	body, _ := json.Marshal(struct { // strings always encode
		Detail string           `json:"detail"`
		Code   stylesprint.Code `json:"code"`
		Hint   string           `json:"hint,omitempty"`
	}{e.Message, e.Code, e.Hint})
	_, _ = w.Write(append(body, '\n'))
}

// wantsHTML is true for a browser that opens a page, not for a program that
// takes anything.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
