package httpserver

import (
	"net/http"

	"stylesprint"
)

// SameOrigin refuses with 403 every request that may change something (any
// method but GET, HEAD, OPTIONS) and that a browser sent from another origin,
// told by Sec-Fetch-Site or by Origin against Host. Requests with neither
// header come from programs, not browsers, and pass. Forms need no token then.
func SameOrigin() Middleware {
	check := http.NewCrossOriginProtection()
	check.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Answer(w, r, http.StatusForbidden, &stylesprint.Error{
			Code: stylesprint.CodeForbidden, Message: "This request came from another site",
			Hint: "open the page on this server and send the form from there",
		})
	}))
	return check.Handler
}
