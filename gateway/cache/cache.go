// Package cache answers a request that was answered before from memory.
//
// Key words: key, flight, hit.
//
// A Cache is made once and its Stage put into gateway.Options.Stages, inside what checks
// requests and answers (content safety) and outside the route:
//
//	c, err := cache.New(cache.Options{MaxBytes: 64 << 20, Metrics: registry})
//	gateway.Options{Stages: []gateway.Stage{safety, c.Stage}}
//
// Only what would be answered in the same way again is kept: requests with temperature 0, and
// those whose client asks for it with the header "X-Cache: allow". "Cache-Control: no-store"
// keeps a request out of the cache, "no-cache" asks the model anew and keeps its answer. Two
// requests are the same if model, chosen release, revision, conversation, parameters and further fields are,
// JSON compared without regard to spaces and the order of members, and if both are streamed or
// neither is; and if they come from the same key, unless Options.Shared says otherwise.
//
// Kept are whole answers that ended with stop or length. Streams are played back in their
// pieces. The answer names "X-Cache: hit" or "miss", and so does the request log. A hit costs
// nothing and bills nothing; its tokens are those of the first answer, with all of the prompt's
// as cached, and do not count against its key's limits: it counts as a request.
//
// Identical requests at the same time share one call to the model, which goes on as long as
// one of their clients waits for it. The first client's request carries its cost, or, if that
// one leaves, another's. Errors go to all who wait, and are never kept.
//
// A Cache is safe for concurrent use. Its goroutines end before the requests that need them.
package cache

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// Options configure a Cache. The zero value is usable.
type Options struct {
	MaxBytes int64         // of all answers; the least recently used go first; default 64 MiB
	MaxEntry int64         // of one answer; larger ones are not kept; default 1 MiB
	TTL      time.Duration // default 1 h
	// Shared lets keys see one another's answers. Whether somebody asked the same before
	// can then be told from the time that an answer takes.
	Shared bool
	// Revision changes when a model's answers may: with its release, its settings. nil: never.
	Revision func(model string) string
	Metrics  prometheus.Registerer // nil measures nothing
	Now      func() time.Time      // nil means time.Now
}

// Validate reports every fault by the field's name.
func (o Options) Validate() error {
	var faults []error
	for _, f := range []struct {
		name string
		v    int64
	}{{"max_bytes", o.MaxBytes}, {"max_entry", o.MaxEntry}, {"ttl", int64(o.TTL)}} {
		if f.v < 0 {
			faults = append(faults, fmt.Errorf("%s: want 0 (the default) or more, got %d", f.name, f.v))
		}
	}
	return errors.Join(faults...)
}

// Cache keeps answers.
type Cache struct {
	o       Options
	metrics *metrics
	purges  atomic.Int64 // is a part of every key

	mu      sync.Mutex
	kept    map[key]*list.Element // of *entry
	recent  *list.List            // the most recently used first
	bytes   int64
	flights map[key]*flight
}

// entry is an answer that is kept. It is not changed.
type entry struct {
	key    key
	reply  stylesprint.Reply
	pieces []generate.Delta // of a stream
	size   int64
	until  time.Time
}

// New checks the options and registers the metrics.
func New(o Options) (*Cache, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("new cache: %w", err)
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 64 << 20
	}
	if o.MaxEntry == 0 {
		o.MaxEntry = 1 << 20
	}
	if o.TTL == 0 {
		o.TTL = time.Hour
	}
	if o.Revision == nil {
		o.Revision = func(string) string { return "" }
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache{o: o, kept: map[key]*list.Element{}, recent: list.New(), flights: map[key]*flight{}}
	var err error
	if c.metrics, err = newMetrics(c, o.Metrics); err != nil {
		return nil, err
	}
	return c, nil
}

// Header names the header of both directions.
const Header = "X-Cache"

// What the header and the request log say.
const (
	hit  = gateway.CacheHit
	miss = gateway.CacheMiss
)

var _ gateway.Stage = (*Cache)(nil).Stage

// Stage is a gateway.Stage.
func (c *Cache) Stage(next gateway.Ask) gateway.Ask {
	return func(ctx context.Context, call *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		read, write := allowed(call)
		if !write {
			c.metrics.requests.WithLabelValues("bypass").Inc()
			return next(ctx, call, emit)
		}
		k, err := c.keyOf(call, emit != nil)
		if err != nil { // a field that is not JSON: the model will say so
			return next(ctx, call, emit)
		}
		if !read {
			c.metrics.requests.WithLabelValues(miss).Inc()
			return c.alone(ctx, k, next, call, emit)
		}
		f, first, e := c.find(k)
		switch {
		case e != nil:
			c.metrics.requests.WithLabelValues(hit).Inc()
			mark(call, hit)
			return e.play(emit)
		case first:
			c.metrics.requests.WithLabelValues(miss).Inc()
			mark(call, miss)
			f.begin(ctx, c, next, call, emit != nil)
		default:
			c.metrics.requests.WithLabelValues("shared").Inc()
			mark(call, hit)
		}
		return f.follow(ctx, call, emit, first)
	}
}

func mark(call *gateway.Call, word string) {
	call.Cache = word
	if call.Header != nil {
		call.Header.Set(Header, word)
	}
}

// allowed says whether an answer may be taken from the cache, and whether it may be kept.
func allowed(call *gateway.Call) (read, write bool) {
	t := call.Request.Params.Temperature
	if (t == nil || *t != 0) && !lists(call.Inbound, Header, "allow") {
		return false, false
	}
	if lists(call.Inbound, "Cache-Control", "no-store") {
		return false, false
	}
	return !lists(call.Inbound, "Cache-Control", "no-cache") && !lists(call.Inbound, "Cache-Control", "max-age=0"), true
}

// lists says whether a header lists a word.
func lists(h http.Header, name, word string) bool {
	for _, line := range h.Values(name) {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(item), word) {
				return true
			}
		}
	}
	return false
}

// find returns what is kept, or the flight to follow, which is new if first.
func (c *Cache) find(k key) (f *flight, first bool, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.kept[k]; ok {
		e := at.Value.(*entry)
		if c.o.Now().Before(e.until) {
			c.recent.MoveToFront(at)
			return nil, false, e
		}
		c.drop(at, "expired")
	}
	if f := c.flights[k]; f != nil && f.join() {
		return f, false, nil
	}
	f = newFlight(k)
	c.flights[k] = f
	return f, true, nil
}

// alone asks the model for one request, whoever else asks the same, and keeps the answer.
func (c *Cache) alone(ctx context.Context, k key, next gateway.Ask, call *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	mark(call, miss)
	var pieces []generate.Delta
	record := emit
	if emit != nil {
		record = func(d generate.Delta) error {
			pieces = append(pieces, d)
			return emit(d)
		}
	}
	reply, err := next(ctx, call, record)
	if err == nil {
		c.keep(k, reply, pieces)
	}
	return reply, err
}

// keep stores an answer that is worth it.
func (c *Cache) keep(k key, reply stylesprint.Reply, pieces []generate.Delta) {
	switch reply.FinishReason {
	case "", stylesprint.FinishStop, stylesprint.FinishLength:
	default: // withheld, or a tool is to be called
		return
	}
	if reply.Text == "" && len(reply.Raw) == 0 && len(pieces) == 0 {
		return
	}
	size := int64(512 + len(reply.Text) + len(reply.Raw))
	for _, p := range pieces {
		size += int64(64 + len(p.Text) + len(p.Raw))
	}
	if size > c.o.MaxEntry || size > c.o.MaxBytes {
		return
	}
	e := &entry{key: k, reply: free(reply), pieces: pieces, size: size, until: c.o.Now().Add(c.o.TTL)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.kept[k]; ok {
		c.drop(at, "replaced")
	}
	c.kept[k] = c.recent.PushFront(e)
	c.bytes += size
	for c.bytes > c.o.MaxBytes {
		c.drop(c.recent.Back(), "full")
	}
}

// drop forgets an answer, with mu held.
func (c *Cache) drop(at *list.Element, why string) {
	e := c.recent.Remove(at).(*entry)
	delete(c.kept, e.key)
	c.bytes -= e.size
	c.metrics.dropped.WithLabelValues(why).Inc()
}

// Purge forgets every answer, those included that are being given.
func (c *Cache) Purge() {
	c.purges.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.recent.Len() > 0 {
		c.drop(c.recent.Back(), "purged")
	}
}

// free is a reply as a hit gives it.
func free(r stylesprint.Reply) stylesprint.Reply {
	r.Cost, r.Billed, r.Attempts, r.Latency, r.FirstToken = 0, 0, 0, 0, 0
	r.Usage.CachedTokens = r.Usage.PromptTokens
	return r
}

// play gives an answer that is kept.
func (e *entry) play(emit func(generate.Delta) error) (stylesprint.Reply, error) {
	if emit != nil {
		for _, p := range e.pieces {
			if err := emit(p); err != nil {
				return stylesprint.Reply{}, err
			}
		}
	}
	return e.reply, nil
}
