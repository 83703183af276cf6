package gateway

import (
	"net/http"
)

type probe struct {
	Status string `json:"status"`
}

// health says that the process runs, whatever the models do.
func (g *Gateway) health(w http.ResponseWriter, _ *http.Request, _ *exchange) error {
	writeJSON(w, http.StatusOK, probe{"ok"})
	return nil
}

// readiness says whether new requests are welcome.
func (g *Gateway) readiness(w http.ResponseWriter, _ *http.Request, _ *exchange) error {
	if !g.o.Ready() || g.closed.Load() {
		w.Header().Set("Retry-After", "1")
		writeJSON(w, http.StatusServiceUnavailable, probe{"draining"})
		return nil
	}
	writeJSON(w, http.StatusOK, probe{"ready"})
	return nil
}
