package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"stylesprint"
)

// What refused requests leave behind in a second of the clock.
const (
	strangerLines = 20   // lines of the log, for all callers together that are not known
	refusedRows   = 10   // lines and records, for each key
	refusedKeys   = 4096 // keys that are counted; others leave nothing
	namedCallers  = 16   // that a summary counts apart
	shownCallers  = 5    // that a summary names
)

// Words for requests without a record, as a label.
const (
	omittedStranger = "unknown_caller"
	omittedRefused  = "refused"
)

// refusals bounds what refused requests leave behind. A caller that is sent away before its
// request counts against a limit is held back by nothing else, and each line and each record
// costs more than the refusal. What is left out is counted and told in one line, once its
// second is over. It takes as much memory as the keys that are refused in one second.
type refusals struct {
	now func() time.Time

	mu     sync.Mutex
	second int64          // that kept counts
	kept   map[string]int // by key, in this second; those that are not known count as ""

	left  int            // requests that were left out since the last summary
	since int64          // the second of the first of them
	by    map[string]int // of these, by key or address
	owing atomic.Bool    // there is something to sum up
}

func newRefusals(now func() time.Time) *refusals {
	if now == nil {
		now = time.Now
	}
	return &refusals{now: now, kept: map[string]int{}, by: map[string]int{}}
}

// keep says whether a refused request leaves its traces. key is empty where nobody knows the
// caller; from is what a summary calls it.
func (f *refusals) keep(key, from string) bool {
	second := f.now().Unix()
	most := refusedRows
	if key == "" {
		most = strangerLines
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.second != second {
		f.second = second
		clear(f.kept)
	}
	n, counted := f.kept[key]
	if n < most && (counted || len(f.kept) < refusedKeys) {
		f.kept[key] = n + 1
		return true
	}
	if f.left == 0 {
		f.since = second
		f.owing.Store(true)
	}
	f.left++
	if _, named := f.by[from]; named || len(f.by) < namedCallers {
		f.by[from]++
	}
	return false
}

// refusedBy is a caller in a summary.
type refusedBy struct {
	Caller   string `json:"caller"` // a key's id, or an address
	Requests int    `json:"requests"`
}

// summary is what was left out since the last one.
type summary struct {
	left int
	span time.Duration
	most []refusedBy // callers, the most frequent first
}

// due returns the summary of a second that is over, once; always that of what is there, if all.
func (f *refusals) due(all bool) (s summary, ok bool) {
	if !f.owing.Load() {
		return s, false
	}
	second := f.now().Unix()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 || !all && second == f.since {
		return s, false
	}
	s.left, s.span = f.left, time.Duration(max(1, second-f.since))*time.Second
	for _, name := range slices.SortedFunc(maps.Keys(f.by), func(a, b string) int { return cmp.Or(cmp.Compare(f.by[b], f.by[a]), cmp.Compare(a, b)) }) {
		if len(s.most) < shownCallers {
			s.most = append(s.most, refusedBy{name, f.by[name]})
		}
	}
	f.left = 0
	clear(f.by)
	f.owing.Store(false)
	return s, true
}

// refused notes that a request was sent away, and whether that leaves a line and a record.
// Callers are known by their key; on a server that asks for none, each request leaves both, and
// so does each fault of the server's own.
func (g *Gateway) refused(r *http.Request, x *exchange) {
	if x.kind == open || x.admitted || !x.stranger && x.caller.KeyID == "" || x.code == stylesprint.CodeInternal {
		return
	}
	from := x.caller.KeyID
	if x.stranger {
		from, _, _ = net.SplitHostPort(r.RemoteAddr)
	}
	x.silent = !g.refusals.keep(x.caller.KeyID, from)
}

// recorded says whether a request has a place in the request log: one of a caller that is
// known, or need not be, unless that was refused too often.
func (x *exchange) recorded() bool { return x.kind == model && !x.stranger && !x.silent }

// logLeftOut writes what refusals left out of the log; all of it at the end.
func (g *Gateway) logLeftOut(all bool) {
	if s, ok := g.refusals.due(all); ok {
		g.o.Log.LogAttrs(context.Background(), slog.LevelWarn, "refused requests", slog.Int(keySuppressed, s.left), slog.Float64(keySeconds, s.span.Seconds()), slog.Any(keyMostOften, s.most))
	}
}
