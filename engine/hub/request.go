package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	connectTimeout = 5 * time.Second
	headerTimeout  = 15 * time.Second
	stallAfter     = 60 * time.Second // without a byte
	reportEvery    = 100 * time.Millisecond
	maxRedirects   = 10
	maxRetryAfter  = 30 * time.Second
)

// hubClient is the client given, or one that gives up soon where there is no
// network; in both cases one that leaves redirects to this package.
func hubClient(given *http.Client) *http.Client {
	c := &http.Client{}
	if given != nil {
		*c = *given
	} else {
		c.Transport = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSHandshakeTimeout:   connectTimeout,
			ResponseHeaderTimeout: headerTimeout,
			IdleConnTimeout:       30 * time.Second,
			ForceAttemptHTTP2:     true,
		}
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// hubAnswer is a server's readiness to send a file, or the rest of it.
type hubAnswer struct {
	body     io.ReadCloser
	start    int64  // first byte of the body within the file
	total    int64  // size of the file; 0 if not said
	etag     string // strong entity tag of the server that sends the bytes, or ""
	hubHash  string // the hub's own hash of the content, or ""
	complete bool   // nothing is missing; there is no body
}

// retryError marks a fault that may pass.
type retryError struct {
	err   error
	after time.Duration // asked for by the server
}

func (e *retryError) Error() string { return e.err.Error() }
func (e *retryError) Unwrap() error { return e.err }

var (
	errTooLong = errors.New("more bytes than expected")
	errStalled = fmt.Errorf("no data for %d seconds", stallAfter/time.Second)
)

// watched limits a body's length, and puts off the end of a request while bytes come.
type watched struct {
	io.ReadCloser
	limit int64
	stall *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.stall.Reset(stallAfter)
		if w.limit -= int64(n); w.limit < 0 {
			return 0, errTooLong
		}
	}
	return n, err
}

// get asks the hub for a file from byte size on and follows redirects. The token
// goes to the endpoint's own host only.
func (h *hubFetch) get(ctx context.Context, f File, size int64, state partialState) (*hubAnswer, error) {
	u := h.c.endpoint.JoinPath(append(strings.Split(h.s.Name, "/"), append([]string{"resolve", h.revision}, strings.Split(f.from(), "/")...)...)...)
	a := &hubAnswer{}
	for hop := 0; hop <= maxRedirects; hop++ {
		resp, err := h.do(ctx, u, size, state)
		if err != nil {
			return nil, h.requestFault(ctx, err)
		}
		h.reached = true
		if a.hubHash == "" && h.atHub(u) && h.learn(a, resp) {
			if err := h.checkHubHash(f, a); err != nil {
				resp.Body.Close()
				return nil, err
			}
			if size > 0 && a.hubHash != state.HubHash { // another file than the part we hold
				size, state = 0, partialState{}
				if !isRedirect(resp.StatusCode) {
					resp.Body.Close()
					continue // asks the same place again, for the whole file
				}
			}
		}
		if !isRedirect(resp.StatusCode) {
			err := h.read(a, f, resp, size)
			return a, err
		}
		resp.Body.Close()
		next, err := u.Parse(resp.Header.Get("Location"))
		if err != nil || next.Host == "" || (next.Scheme != "https" && next.Scheme != u.Scheme) {
			return nil, h.refused("redirects to a place that is not safe to follow", "")
		}
		u = next
	}
	return nil, h.refused("redirects in a circle", "")
}

// atHub reports whether a URL is on the endpoint's own host.
func (h *hubFetch) atHub(u *url.URL) bool {
	return u.Scheme == h.c.endpoint.Scheme && u.Host == h.c.endpoint.Host
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

func (h *hubFetch) do(ctx context.Context, u *url.URL, size int64, state partialState) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "stylesprint")
	req.Header.Set("Accept-Encoding", "identity") // sizes and ranges are those of the file
	if h.c.options.Token != "" && h.atHub(u) {
		req.Header.Set("Authorization", "Bearer "+h.c.options.Token)
	}
	if size > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", size))
		req.Header.Set("If-Range", state.ETag)
	}
	return h.c.client.Do(req)
}

// learn takes what only the hub itself knows: the content's hash, and the commit
// behind a branch, from which all further files come. It reports whether there was a hash.
func (h *hubFetch) learn(a *hubAnswer, resp *http.Response) bool {
	if resp.StatusCode >= 400 {
		return false
	}
	commit := resp.Header.Get("X-Repo-Commit")
	if isHex(commit, 40) {
		h.revision = commit
	}
	// The tag of a small file is a hash only where the server is a hub.
	linked, plain := entityTag(resp.Header.Get("X-Linked-Etag")), entityTag(resp.Header.Get("Etag"))
	switch {
	case isSHA256(linked):
		a.hubHash = linked
	case commit != "" && (isSHA256(plain) || isHex(plain, 40)):
		a.hubHash = plain
	}
	return a.hubHash != ""
}

// entityTag is the tag without quotes and weakness mark.
func entityTag(s string) string { return strings.Trim(strings.TrimPrefix(s, "W/"), `"`) }

// read judges the last answer.
func (h *hubFetch) read(a *hubAnswer, f File, resp *http.Response, size int64) error {
	if etag := resp.Header.Get("Etag"); !strings.HasPrefix(etag, "W/") {
		a.etag = etag
	}
	a.body = resp.Body
	switch {
	case resp.StatusCode == http.StatusOK:
		a.total = max(0, resp.ContentLength)
		return nil
	case resp.StatusCode == http.StatusPartialContent && size > 0:
		start, total, ok := contentRange(resp.Header.Get("Content-Range"))
		if !ok || start != size {
			resp.Body.Close()
			return h.refused("answers a request for a range with another one", "")
		}
		a.start, a.total = start, total
		return nil
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && size > 0:
		// All bytes are here; the hash decides whether they are the right ones.
		a.complete = true
		if total, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes */"); ok && total != strconv.FormatInt(size, 10) {
			resp.Body.Close()
			return wrongHash(h.m.Name, f.from()+" from "+h.s.String(), strconv.FormatInt(size, 10)+" bytes", total+" bytes")
		}
		return nil
	}
	resp.Body.Close()
	return h.statusFault(f, resp)
}

// contentRange reads "bytes START-END/TOTAL".
func contentRange(s string) (start, total int64, ok bool) {
	rest, found := strings.CutPrefix(s, "bytes ")
	span, size, found2 := strings.Cut(rest, "/")
	from, to, found3 := strings.Cut(span, "-")
	start, err := strconv.ParseInt(from, 10, 64)
	end, err2 := strconv.ParseInt(to, 10, 64)
	total, err3 := strconv.ParseInt(size, 10, 64)
	ok = found && found2 && found3 && err == nil && err2 == nil && err3 == nil && start >= 0 && end+1 == total && start <= end
	return start, total, ok
}

func (h *hubFetch) statusFault(f File, resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
		return &retryError{err: fmt.Errorf("status %d", code), after: min(max(0, time.Duration(seconds)*time.Second), maxRetryAfter)}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return h.refused(fmt.Sprintf("refuses access (status %d)", code), "set HF_TOKEN to a token that may read "+h.s.Name+", then: "+pull(h.m.Name))
	case code == http.StatusNotFound || code == http.StatusGone:
		return h.refused(fmt.Sprintf("has no %s (status %d)", f.from(), code), "check HF_ENDPOINT, then: "+pull(h.m.Name))
	default:
		return h.refused(fmt.Sprintf("answers with status %d", code), "")
	}
}

func (h *hubFetch) refused(what, hint string) error {
	if hint == "" {
		hint = "check HF_ENDPOINT, then: " + pull(h.m.Name)
	}
	return &Error{Fault: Refused, Model: h.m.Name, Message: fmt.Sprintf("%s at %s %s", h.s, h.c.endpoint.Hostname(), what), Advice: hint}
}

// requestFault judges a request that got no answer. Where the hub was never
// reached, the next source is better than another try.
func (h *hubFetch) requestFault(ctx context.Context, err error) error {
	cause := plainCause(err)
	if ctx.Err() == nil && !h.reached && cannotConnect(err) {
		return h.unreachable(cause)
	}
	return &retryError{err: cause}
}

func (h *hubFetch) unreachable(cause error) error {
	return &Error{
		Fault: NoNetwork, Model: h.m.Name, Err: cause,
		Message: fmt.Sprintf("%s cannot be reached (%v)", h.c.endpoint.Hostname(), cause),
		Advice:  "check the network, or set HF_ENDPOINT to a mirror of the hub, then: " + pull(h.m.Name),
	}
}

// cannotConnect reports whether a name was not found, no connection was made, or
// the other side is not who it should be.
func cannotConnect(err error) bool {
	var dns *net.DNSError
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	return errors.As(err, &dns) || errors.As(err, &certificate) || (errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"))
}

// plainCause leaves out the URL, which may carry a signature.
func plainCause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
