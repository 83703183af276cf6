package httpserver

import (
	"maps"
	"net/http"
)

// Content-Security-Policies for SecurityHeaders.
const (
	// PolicyData is for answers that are no pages: nothing may load or frame.
	PolicyData = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	// PolicyPages is for our own pages: everything from this server, nothing inline.
	PolicyPages = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

// SecurityHeaders sets the headers that keep a browser strict: the given
// Content-Security-Policy, no sniffing, no framing, no referrer for other
// sites, no window or resource shared with other origins, no device features. A
// handler may replace any of them.
//
// Our own pages do get a referrer: without one a browser sends "Origin: null" with
// a form, which cannot be told from a form of another site.
func SecurityHeaders(policy string) Middleware {
	fixed := make(http.Header)
	for _, f := range [][2]string{
		{"Content-Security-Policy", policy},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Referrer-Policy", "same-origin"},
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"},
	} {
		fixed[f[0]] = []string{f[1]}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			maps.Copy(w.Header(), fixed) // lists of one, shared: nobody adds to these
			next.ServeHTTP(w, r)
		})
	}
}
