package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const (
	maxTries = 5 // in a row without a byte of progress
	backoff  = 500 * time.Millisecond
)

// hubFetch is the fetch of one model from the Hugging Face hub.
type hubFetch struct {
	c        *Cache
	m        Model
	s        Source
	pin      pin
	revision string // asked for; after the first answer, the commit that the hub named
	before   int64  // bytes of the files that are complete
	total    int64
	last     time.Time // of the latest progress report
	reached  bool      // the hub has answered once
}

// partialState is what is known about a .partial file.
type partialState struct {
	ETag    string `json:"etag"`     // of the server that sent the bytes
	HubHash string `json:"hub_hash"` // of the file on the hub
	From    string `json:"from"`     // source and path within it
}

func (c *Cache) fetchHub(ctx context.Context, m Model, s Source) (record, error) {
	p, err := c.readPin(m.Name, s)
	if err != nil {
		return record{}, c.fileFault(m.Name, err)
	}
	h := &hubFetch{c: c, m: m, s: s, pin: p, revision: s.Revision, total: s.size(m)}
	if p.Revision != "" {
		h.revision = p.Revision
	}
	r := record{}
	for _, f := range s.Files {
		done, err := h.file(ctx, f)
		if err != nil {
			return record{}, err
		}
		h.before += done.Size
		r.Files = append(r.Files, done)
	}
	r.Revision = h.revision
	if err := c.writePin(m.Name, s, pin{Revision: r.Revision, Files: r.Files}); err != nil {
		return record{}, c.fileFault(m.Name, err)
	}
	return r, nil
}

// file fetches one file, trying again after faults that may pass.
func (h *hubFetch) file(ctx context.Context, f File) (fileRecord, error) {
	known := f
	if seen := h.pin.file(f.Path); known.SHA256 == "" {
		known.SHA256 = seen.SHA256
	}
	if r, ok, err := h.c.have(ctx, h.m, known); ok || err != nil {
		r.HubHash = h.pin.file(f.Path).HubHash
		return r, err
	}
	path := filepath.Join(h.c.folder(h.m.Name), filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fileRecord{}, h.c.fileFault(h.m.Name, err)
	}
	restarted := false
	for try := 1; ; try++ {
		size := partialSize(path)
		r, err := h.attempt(ctx, known, path)
		if err == nil {
			return r, nil
		}
		var again *retryError
		switch {
		case ctx.Err() != nil:
			return fileRecord{}, cancelled(h.m.Name, ctx.Err())
		case faultOf(err) == WrongHash && size > 0 && !restarted:
			restarted = true // a resumed file may be stitched from two versions
			os.Remove(path + partialSuffix)
			continue
		case !errors.As(err, &again):
			return fileRecord{}, err
		case partialSize(path) > size:
			try = 1
		case try >= maxTries || (!h.reached && try >= 2):
			return fileRecord{}, h.unreachable(again.err)
		}
		h.c.log.Info("model download interrupted", "model", h.m.Name, "file", f.Path, "try", try, "error", again.err)
		if err := h.c.sleep(ctx, max(again.after, backoff<<(try-1))); err != nil {
			return fileRecord{}, cancelled(h.m.Name, err)
		}
	}
}

func partialSize(path string) int64 {
	if info, err := os.Stat(path + partialSuffix); err == nil {
		return info.Size()
	}
	return 0
}

// attempt makes one request for what is missing, and on success verifies the
// file and puts it into place.
func (h *hubFetch) attempt(ctx context.Context, f File, path string) (fileRecord, error) {
	size, state := h.loadPartial(f, path)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(stallAfter, func() { cancel(errStalled) })
	defer stall.Stop()
	answer, err := h.get(ctx, f, size, state)
	if err != nil {
		return fileRecord{}, err
	}
	defer answer.body.Close()
	if answer.complete {
		return h.accept(ctx, f, path, answer)
	}
	if err := h.checkSize(f, answer); err != nil {
		return fileRecord{}, err
	}
	next := partialState{ETag: answer.etag, HubHash: answer.hubHash, From: h.from(f)}
	answer.body = &watched{ReadCloser: answer.body, limit: h.limit(answer), stall: stall}
	if err := h.receive(ctx, path, answer, next); err != nil {
		return fileRecord{}, err
	}
	return h.accept(ctx, f, path, answer)
}

func (h *hubFetch) from(f File) string { return h.s.String() + "/" + f.from() }

// loadPartial finds how much of a file is here already. A part of unknown origin
// is not used.
func (h *hubFetch) loadPartial(f File, path string) (int64, partialState) {
	var state partialState
	data, err := os.ReadFile(path + stateSuffix)
	if err != nil || json.Unmarshal(data, &state) != nil || state.From != h.from(f) || state.ETag == "" {
		return 0, partialState{}
	}
	return partialSize(path), state
}

// checkHubHash compares the hub's name for the content with what is expected
// before anything is downloaded.
func (h *hubFetch) checkHubHash(f File, a *hubAnswer) error {
	if seen := h.pin.file(f.Path).HubHash; seen != "" && a.hubHash != seen {
		return h.changed(f, a.hubHash, seen)
	}
	if f.SHA256 != "" && isSHA256(a.hubHash) && a.hubHash != f.SHA256 {
		return h.changed(f, a.hubHash, f.SHA256)
	}
	return nil
}

func (h *hubFetch) checkSize(f File, a *hubAnswer) error {
	if f.Size != 0 && a.total != 0 && a.total != f.Size {
		return h.changed(f, fmt.Sprintf("%d bytes", a.total), fmt.Sprintf("%d bytes", f.Size))
	}
	return nil
}

func (h *hubFetch) changed(f File, got, want string) error {
	e := wrongHash(h.m.Name, f.Path+" from "+h.s.String(), got, want)
	if f.SHA256 == "" || h.pin.file(f.Path).Path != "" {
		e.Advice = "the source has changed since the first pull; to accept what it has now, delete " + h.c.pinPath(h.m.Name) + " and run: " + pull(h.m.Name)
	}
	return e
}

// receive appends the answer's body to the .partial file, or replaces it if the
// server began again from the first byte.
func (h *hubFetch) receive(ctx context.Context, path string, a *hubAnswer, state partialState) error {
	if err := h.c.writeJSON(path+stateSuffix, state); err != nil {
		return h.writeFault(path, err)
	}
	flag := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if a.start == 0 {
		flag |= os.O_TRUNC
	}
	out, err := h.c.open(path+partialSuffix, flag)
	if err != nil {
		return h.writeFault(path, err)
	}
	n, err := copyContext(ctx, out, a.body, func(n int64) { h.progress(a.start + n) })
	var failed *writeError
	if errors.As(err, &failed) {
		out.Close()
		return h.writeFault(path, err)
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return h.writeFault(path, err)
	}
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		err = cause
	}
	switch {
	case errors.Is(err, errTooLong):
		os.Remove(path + partialSuffix)
		return &Error{Fault: Refused, Model: h.m.Name, Message: fmt.Sprintf("%s sends more bytes than %s has", h.s, h.m.Name), Advice: "use another hub; HF_ENDPOINT says which", Err: err}
	case err != nil:
		return &retryError{err: plainCause(err)}
	case a.total != 0 && a.start+n != a.total:
		return &retryError{err: fmt.Errorf("the connection ended after %d of %d bytes", a.start+n, a.total)}
	}
	return nil
}

// limit bounds a body whose length the server does not say.
func (h *hubFetch) limit(a *hubAnswer) int64 {
	if a.total != 0 {
		return a.total - a.start
	}
	return 2*h.m.Bytes + 64<<20
}

// writeFault gives a failed write; a full disk gets its space back.
func (h *hubFetch) writeFault(path string, err error) error {
	if isDiskFull(err) {
		os.Remove(path + partialSuffix)
		os.Remove(path + stateSuffix)
	}
	return h.c.fileFault(h.m.Name, err)
}

func (h *hubFetch) progress(done int64) {
	if now := time.Now(); now.Sub(h.last) >= reportEvery {
		h.last = now
		h.c.report(Progress{Model: h.m.Name, Stage: Downloading, Source: h.s.String(), Done: h.before + done, Total: max(h.total, h.before+done)})
	}
}

// accept verifies the whole .partial file and renames it.
func (h *hubFetch) accept(ctx context.Context, f File, path string, a *hubAnswer) (fileRecord, error) {
	part := path + partialSuffix
	h.c.report(Progress{Model: h.m.Name, Stage: Verifying, Source: h.s.String(), Done: h.before + partialSize(path), Total: max(h.total, h.before+partialSize(path))})
	sum := sha256.New()
	size, err := hashInto(ctx, sum, part)
	if err != nil {
		return fileRecord{}, h.c.fileFault(h.m.Name, err)
	}
	r := fileRecord{Path: f.Path, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), HubHash: a.hubHash}
	if err := h.checkContent(ctx, f, part, a, r); err != nil {
		if faultOf(err) == WrongHash {
			os.Remove(part)
			os.Remove(path + stateSuffix)
		}
		return fileRecord{}, err
	}
	if err := publish(part, path); err != nil {
		return fileRecord{}, h.c.fileFault(h.m.Name, err)
	}
	os.Remove(path + stateSuffix)
	return r, nil
}

func (h *hubFetch) checkContent(ctx context.Context, f File, part string, a *hubAnswer, r fileRecord) error {
	if f.SHA256 != "" && r.SHA256 != f.SHA256 {
		return h.changed(f, r.SHA256, f.SHA256)
	}
	if isSHA256(a.hubHash) && r.SHA256 != a.hubHash {
		return h.changed(f, r.SHA256, a.hubHash)
	}
	if isHex(a.hubHash, 40) { // a small file kept in git itself: the hash of "blob", its size and its bytes
		blob := sha1.New()
		fmt.Fprintf(blob, "blob %d\x00", r.Size)
		if _, err := hashInto(ctx, blob, part); err != nil {
			return h.c.fileFault(h.m.Name, err)
		}
		if got := hex.EncodeToString(blob.Sum(nil)); got != a.hubHash {
			return h.changed(f, got, a.hubHash)
		}
	}
	return nil
}

func isSHA256(s string) bool { return isHex(s, 64) }

func isHex(s string, length int) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == length
}
