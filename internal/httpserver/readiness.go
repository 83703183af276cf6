package httpserver

import "sync/atomic"

// Readiness says whether a server takes requests. A Server sets it; a
// readiness probe reads it. The zero value is not ready.
type Readiness struct{ ready atomic.Bool }

// Ready is true from the moment the server listens until its drain begins.
func (r *Readiness) Ready() bool { return r.ready.Load() }
