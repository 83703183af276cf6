package httpserver

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stylesprint"
)

// LocalOnly protects a server on loopback that asks for no key from web pages
// of other sites that the same person has open. It refuses with 403:
//
//   - a Host header that is not a loopback name or one of trusted (DNS
//     rebinding: a foreign name that resolves to 127.0.0.1);
//   - an Origin that is neither, "null" included;
//   - a request that the browser marks as cross-site, unless it opens a page.
//
// trusted holds host names without port, such as that of a proxy in front.
func LocalOnly(trusted ...string) Middleware {
	own := func(host string) bool {
		return isLoopbackHost(host) || slices.ContainsFunc(trusted, func(t string) bool { return strings.EqualFold(t, host) })
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e := foreign(r, own)
			if e != nil {
				Answer(w, r, http.StatusForbidden, e)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func foreign(r *http.Request, own func(host string) bool) *stylesprint.Error {
	if !own(hostOf(r.Host)) {
		return &stylesprint.Error{
			Code: stylesprint.CodeForbidden, Field: "Host", Message: "This server answers to local names only",
			Hint: "use http://127.0.0.1 or http://localhost, or name the host in the server's configuration",
		}
	}
	if r.Header.Get("Origin") == "null" && r.Header.Get("Sec-Fetch-Site") == "same-origin" {
		return nil // a page of ours whose browser tells nobody where it is
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host == "" || !own(u.Hostname()) {
			return crossSite("Origin")
		}
		return nil // named and trusted, whatever Sec-Fetch-Site says of the port
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site == "cross-site" && !opensPage(r) {
		return crossSite("Sec-Fetch-Site")
	}
	return nil
}

func crossSite(field string) *stylesprint.Error {
	return &stylesprint.Error{
		Code: stylesprint.CodeForbidden, Field: field, Message: "This request came from another site",
		Hint: "open the page on this server itself",
	}
}

// opensPage is true for a link or an address typed by the user.
func opensPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
