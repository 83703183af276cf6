// Package wire carries JSON and server-sent events to and from a server that
// speaks the OpenAI HTTP API, and gives its failures codes.
//
// Key words: server, event, status.
//
// It knows transport and errors, not what requests mean: that is the drivers'
// part (generate/openai, embedding/openai), and nobody else needs this package.
// Every error is a *stylesprint.Error or that of a callback. The key is sent in
// one header, and what a server echoes of it is redacted before anything else
// sees it. A Client is safe for concurrent use.
package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"stylesprint"
	"stylesprint/internal/alarm"
)

// DefaultBaseURL is OpenAI's own server.
const DefaultBaseURL = "https://api.openai.com/v1"

// Options say which server to talk to. The zero value is OpenAI without a key.
type Options struct {
	// BaseURL ends in the API's version: "http://127.0.0.1:8080/v1". Defaults to DefaultBaseURL.
	BaseURL      string
	APIKey       stylesprint.Secret // none is sent where it is empty
	Organization string             // OpenAI-Organization header; optional
	Project      string             // OpenAI-Project header; optional
	// HTTPClient makes the calls; redirects are never followed. Defaults to one
	// that gives up connecting after 10s.
	HTTPClient *http.Client
	// MaxReplyBytes bounds an answer, streamed or not. Defaults to 16 MiB.
	MaxReplyBytes int64
	// StallTimeout bounds the silence before and within an answer; 0 is the default
	// of 2m, a negative one is none.
	StallTimeout time.Duration
	// Now is the clock that HTTP dates are compared with. Defaults to time.Now.
	Now func() time.Time
}

// Client talks to one server.
type Client struct {
	base    *url.URL
	http    *http.Client
	options Options
	headers func() http.Header // of every call
	silence alarm.Clock
	paths   sync.Map // *url.URL by path; not changed once there

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New checks the options. An error names what to change and never holds the key.
func New(o Options) (*Client, error) {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	for _, h := range []struct{ field, value, hint string }{
		{"api_key", o.APIKey.Reveal(), "check OPENAI_API_KEY for line breaks and spaces"},
		{"organization", o.Organization, ""}, {"project", o.Project, ""},
	} {
		if strings.ContainsFunc(h.value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: h.field, Message: h.field + " holds a character that cannot be sent", Hint: h.hint}
		}
	}
	if o.MaxReplyBytes <= 0 {
		o.MaxReplyBytes = 16 << 20
	}
	if o.StallTimeout == 0 {
		o.StallTimeout = 2 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{base: base, http: httpClient(base, o.HTTPClient), options: o, headers: fixedHeaders(o)}, nil
}

func parseBase(text string) (*url.URL, error) {
	fault := func(why string) error {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "base_url", Message: "the base URL " + why, Hint: "write it like http://127.0.0.1:8080/v1"}
	}
	// The text is in no message: it may hold a password.
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fault("cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fault("is neither http nor https")
	case u.Host == "":
		return nil, fault("names no host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fault("holds a user, a query or a fragment")
	}
	return u, nil
}

func httpClient(base *url.URL, given *http.Client) *http.Client {
	var c http.Client
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	switch {
	case given != nil:
		c = *given
	case base.Scheme == "http" && proxy == nil && err == nil:
		c.Transport = newDirect()
	default:
		c.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          128,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ExpectContinueTimeout: time.Second,
		}
	}
	// A redirect would carry the prompt to a server that nobody chose.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// Host is the server's host and port, for messages.
func (c *Client) Host() string { return c.base.Host }

// Close refuses new calls, waits for running ones and frees idle connections.
// It may be called twice.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.running.Wait()
	c.http.CloseIdleConnections()
}

func (c *Client) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the driver for " + c.Host() + " is closed"}
	}
	c.running.Add(1)
	return nil
}

// Get fetches a path below the base URL.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.whole(ctx, http.MethodGet, path, nil)
}

// Post sends JSON and returns the answer's body.
func (c *Client) Post(ctx context.Context, path string, body []byte) ([]byte, error) {
	return c.whole(ctx, http.MethodPost, path, body)
}

func (c *Client) whole(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	var reply []byte
	err := c.exchange(ctx, call{method: method, path: path, body: body, accept: "application/json"}, func(r *http.Response, from io.Reader) error {
		var err error
		reply, err = c.readAll(from, r.ContentLength)
		return err
	})
	return reply, err
}

// Stream sends JSON and calls yield with the data of each server-sent event, until it
// says that it is done or returns an error, which Stream returns. The slice is valid
// during the call. An answer that is no event stream is one event.
func (c *Client) Stream(ctx context.Context, path string, body []byte, yield func(Event) (done bool, err error)) error {
	return c.exchange(ctx, call{method: http.MethodPost, path: path, body: body, accept: "text/event-stream"}, func(r *http.Response, from io.Reader) error {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			data, err := c.readAll(from, r.ContentLength)
			if err != nil {
				return err
			}
			_, err = yield(Event{Data: data})
			return err
		}
		events := NewReader(from, int(min(c.options.MaxReplyBytes, maxEventBytes)))
		for {
			if err := ctx.Err(); err != nil {
				return c.networkError(ctx, err, "read from") // what is buffered comes too late
			}
			e, err := events.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			e.Data = c.redact(e.Data)
			if done, err := yield(e); done || err != nil {
				return err
			}
		}
	})
}

type call struct {
	method, path, accept string
	body                 []byte
}

var errStalled = errors.New("no data arrived in time")

// exchange makes one call; read gets the body of a successful answer.
func (c *Client) exchange(outer context.Context, k call, read func(*http.Response, io.Reader) error) error {
	if err := c.enter(); err != nil {
		return err
	}
	defer c.running.Done()
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	var watch *alarm.Alarm
	if c.options.StallTimeout >= 0 {
		watch = c.silence.Start(c.options.StallTimeout, func() { cancel(errStalled) })
		defer watch.Stop()
	}
	r, err := c.send(c.request(ctx, k))
	if err != nil {
		return c.networkError(ctx, err, "reach")
	}
	defer r.Body.Close()
	from := &body{from: r.Body, left: c.options.MaxReplyBytes, watch: watch, stall: c.options.StallTimeout}
	if r.StatusCode < 200 || r.StatusCode > 299 {
		return c.statusError(r, from)
	}
	err = read(r, from)
	if from.err != nil && !errors.Is(from.err, io.EOF) && errors.Is(err, from.err) {
		return c.networkError(ctx, from.err, "read from")
	}
	return err
}

// send makes a call. Without a time limit or cookies of its own, the client that was given
// does nothing that its transport does not, as redirects are not followed.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	if c.http.Timeout != 0 || c.http.Jar != nil || c.http.Transport == nil {
		return c.http.Do(req)
	}
	return c.http.Transport.RoundTrip(req)
}

// at is the address of a path below the base. Callers have a few constant paths.
func (c *Client) at(path string) *url.URL {
	if u, ok := c.paths.Load(path); ok {
		return u.(*url.URL)
	}
	u := c.base.JoinPath(path)
	if !strings.HasPrefix(u.Path, "/") {
		u.Path = "/" + u.Path // the base has no path
	}
	c.paths.Store(path, u)
	return u
}

// request builds a call as http.NewRequest does, but for reading the URL each time.
func (c *Client) request(ctx context.Context, k call) *http.Request {
	req := (&http.Request{
		Method: k.method, URL: c.at(k.path), Host: c.base.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header, 8),
	}).WithContext(ctx)
	if len(k.body) > 0 {
		req.ContentLength = int64(len(k.body))
		req.Body = io.NopCloser(bytes.NewReader(k.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(k.body)), nil }
	}
	c.setHeaders(req, k)
	return req
}

// fixedHeaders gives those of every call. They hold the key, and what prints a Client prints no
// variable of a function.
func fixedHeaders(o Options) func() http.Header {
	h := http.Header{"User-Agent": {"stylesprint"}}
	for name, value := range map[string]string{"OpenAI-Organization": o.Organization, "OpenAI-Project": o.Project} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if !o.APIKey.Empty() {
		h.Set("Authorization", "Bearer "+o.APIKey.Reveal())
	}
	return func() http.Header { return h }
}

func (c *Client) setHeaders(req *http.Request, k call) {
	h := req.Header
	maps.Copy(h, c.headers()) // lists of one, shared: nobody adds to these
	h.Set("Accept", k.accept)
	if k.body != nil {
		h.Set("Content-Type", "application/json")
	}
	// The ids of the trace that the request belongs to, if there is one (W3C Trace Context). What
	// our caller's systems keep in tracestate is not the server's affair.
	if trace.SpanContextFromContext(req.Context()).IsValid() {
		propagation.TraceContext{}.Inject(req.Context(), propagation.HeaderCarrier(h))
		h.Del("Tracestate")
	}
}

// readAll reads a whole answer, of so many bytes as its header says; negative or wrong is fine.
func (c *Client) readAll(from io.Reader, length int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, max(0, min(length, 64<<10))+bytes.MinRead))
	if _, err := b.ReadFrom(from); err != nil {
		return nil, err
	}
	return c.redact(b.Bytes()), nil
}

// minSecret is the length below which a key is no secret: servers on one's own machine
// are given words like "none" and "EMPTY", which texts may hold.
const minSecret = 8

func (c *Client) redact(b []byte) []byte {
	key := c.options.APIKey.Reveal()
	if len(key) < minSecret || !bytes.Contains(b, []byte(key)) {
		return b
	}
	return []byte(c.options.APIKey.Redact(string(b)))
}

func (c *Client) tooLong() error {
	return Unusable(fmt.Sprintf("the answer of %s is longer than %d bytes", c.Host(), c.options.MaxReplyBytes), nil)
}

// Unusable is the error for an answer that does not follow the protocol.
func Unusable(message string, cause error) error {
	return &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: message, Err: cause}
}
