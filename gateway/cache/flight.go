package cache

import (
	"context"
	"maps"
	"net/http"
	"sync"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// flight is one call to a model that several requests wait for. Its goroutine is owned by
// those requests: the last one to leave cancels it and waits for its end.
type flight struct {
	key    key
	cancel context.CancelFunc // set by begin, before anyone can be the last to leave

	mu      sync.Mutex
	changed chan struct{} // closed, and replaced, when one of the following changes
	pieces  []generate.Delta
	header  http.Header // set by what is inside; complete once ended or pieces are there
	ended   bool
	reply   stylesprint.Reply
	err     error
	panic   any // that ended the call

	here  int  // requests that wait
	over  bool // nobody may join any more
	first bool // the first request is still here
	paid  bool // a request carries the cost
}

func newFlight(k key) *flight {
	return &flight{key: k, changed: make(chan struct{}), here: 1, first: true}
}

// join adds a request, unless the flight is over.
func (f *flight) join() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over || f.ended {
		return false
	}
	f.here++
	return true
}

// begin asks the model, on behalf of all who wait.
func (f *flight) begin(ctx context.Context, c *Cache, next gateway.Ask, call *gateway.Call, stream bool) {
	own := *call
	own.Header = http.Header{} // the request's own is in other hands
	own.Request.Extra = maps.Clone(call.Request.Extra)
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.mu.Lock()
	f.cancel = cancel
	f.mu.Unlock()
	go func() {
		defer cancel()
		defer func() { // a panic inside goes to those who wait: to one as it is, to others as an error
			if p := recover(); p != nil {
				f.panic = p
				f.end(c, &own, stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeInternal, Message: "Internal server error"})
			}
		}()
		var emit func(generate.Delta) error
		if stream {
			emit = func(d generate.Delta) error {
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.header == nil {
					f.header = own.Header.Clone()
				}
				f.pieces = append(f.pieces, d)
				f.announce()
				return ctx.Err()
			}
		}
		reply, err := next(ctx, &own, emit)
		f.end(c, &own, reply, err)
	}()
}

// announce is called with mu held.
func (f *flight) announce() {
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flight) end(c *Cache, call *gateway.Call, reply stylesprint.Reply, err error) {
	if err == nil {
		c.keep(f.key, reply, f.pieces) // before the flight is gone, so that nobody asks in between
	}
	c.mu.Lock()
	if c.flights[f.key] == f {
		delete(c.flights, f.key)
	}
	c.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.reply, f.err = true, reply, err
	if f.header == nil {
		f.header = call.Header.Clone()
	}
	f.announce()
}

// follow gives one request its answer.
func (f *flight) follow(ctx context.Context, call *gateway.Call, emit func(generate.Delta) error, first bool) (stylesprint.Reply, error) {
	sent, headed := 0, false
	for {
		f.mu.Lock()
		fresh, changed, ended, header := f.pieces[sent:len(f.pieces):len(f.pieces)], f.changed, f.ended, f.header
		f.mu.Unlock()
		if header != nil && !headed && call.Header != nil {
			maps.Copy(call.Header, header)
			headed = true
		}
		if emit != nil {
			for _, d := range fresh {
				if err := emit(d); err != nil {
					return f.leave(call, first, err)
				}
			}
			sent += len(fresh)
			if len(fresh) > 0 {
				continue
			}
		}
		if ended {
			return f.leave(call, first, nil)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return f.leave(call, first, &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "The request has ended", Err: ctx.Err()})
		}
	}
}

// leave ends a request: with the flight's outcome, or because its client left. The last one
// to leave before the end cancels the flight and waits for it, so that its cost is known.
func (f *flight) leave(call *gateway.Call, first bool, why error) (stylesprint.Reply, error) {
	f.mu.Lock()
	f.here--
	if first {
		f.first = false
	}
	last := f.here == 0
	if last {
		f.over = true
	}
	if last && !f.ended {
		f.cancel()
		for !f.ended {
			changed := f.changed
			f.mu.Unlock()
			<-changed
			f.mu.Lock()
		}
	}
	defer f.mu.Unlock()
	reply, err := f.reply, f.err
	if !f.ended {
		reply = stylesprint.Reply{} // others go on, and one of them will carry the cost
	} else if !f.paid && (first || last || !f.first) {
		f.paid = true
		if f.panic != nil {
			panic(f.panic)
		}
		if !first {
			call.Cache = miss // in the request log: it costs something
		}
	} else {
		reply = free(reply)
	}
	if why != nil {
		err = why
	}
	return reply, err
}
