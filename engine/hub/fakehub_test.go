package hub

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testToken  = "hf_secret"
	testCommit = "0123456789abcdef0123456789abcdef01234567"
)

// fakeHub is a hub that sends its users on to a second server for the bytes, as
// the real one does for large files.
type fakeHub struct {
	hub, store *httptest.Server
	mu         sync.Mutex
	files      map[string][]byte
	etags      map[string]string // of the store; default: of the content
	noHash     bool              // as a plain mirror, which knows no hashes
	cut        map[string]int    // file: break the connection after so many bytes, once
	status     []int             // of the hub's next answers
	chunked    bool              // the store does not say how much it will send
	hubCalls   int
	storeCalls []*http.Request
	tokens     []string // seen by the store
	sent       []int    // bytes of the store's answers
}

func newFakeHub(t *testing.T, files map[string][]byte) *fakeHub {
	h := &fakeHub{files: files, etags: map[string]string{}, cut: map[string]int{}}
	h.hub = httptest.NewServer(http.HandlerFunc(h.serveHub))
	h.store = httptest.NewServer(http.HandlerFunc(h.serveStore))
	t.Cleanup(h.hub.Close)
	t.Cleanup(h.store.Close)
	return h
}

func sum256(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func (h *fakeHub) serveHub(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hubCalls++
	if len(h.status) > 0 {
		status := h.status[0]
		h.status = h.status[1:]
		if status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/owner/model/resolve/")
	_, name, _ := strings.Cut(rest, "/")
	data, found := h.files[name]
	if !ok || !found {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+testToken {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if !h.noHash {
		w.Header().Set("X-Repo-Commit", testCommit)
		w.Header().Set("X-Linked-Etag", `"`+sum256(data)+`"`)
	}
	http.Redirect(w, r, h.store.URL+"/"+name, http.StatusFound)
}

func (h *fakeHub) serveStore(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/")
	h.mu.Lock()
	h.storeCalls = append(h.storeCalls, r.Clone(context.Background()))
	h.tokens = append(h.tokens, r.Header.Get("Authorization"))
	data, etag, cut := h.files[name], h.etags[name], h.cut[name]
	delete(h.cut, name)
	chunked := h.chunked
	h.mu.Unlock()
	if etag == "" {
		etag = `"store-` + sum256(data)[:8] + `"`
	}
	if chunked {
		w.Write(data)
		w.(http.Flusher).Flush()
		return
	}
	count := &countingWriter{ResponseWriter: w}
	defer func() {
		h.mu.Lock()
		h.sent = append(h.sent, count.n)
		h.mu.Unlock()
	}()
	w = count
	if cut > 0 {
		w.Header().Set("Etag", etag)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:cut])
		count.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Etag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

type countingWriter struct {
	http.ResponseWriter
	n int
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.n += n
	return n, err
}

func (h *fakeHub) set(name string, data []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[name] = data
}

func (h *fakeHub) setTag(name, etag string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.etags[name] = etag
}

func (h *fakeHub) calls() (hub int, store []*http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.hubCalls, append([]*http.Request(nil), h.storeCalls...)
}

// sample is a megabyte that repeats nowhere.
func sample() []byte {
	out := make([]byte, 0, 1<<20)
	for i := 0; len(out) < 1<<20; i++ {
		s := sha256.Sum256([]byte(strconv.Itoa(i)))
		out = append(out, s[:]...)
	}
	return out
}

func hubSource(files ...File) Source {
	return Source{Kind: HuggingFace, Name: "owner/model", Revision: "main", Files: files, Entry: files[0].Path}
}

func testModel(sources ...Source) Model {
	return Model{Name: "tiny", Task: TextGeneration, Bytes: 1 << 20, Sources: sources}
}

// progressLog collects what Ensure reports.
type progressLog struct {
	mu  sync.Mutex
	all []Progress
}

func (l *progressLog) add(p Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, p)
}

func (l *progressLog) stages() []Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []Stage
	for _, p := range l.all {
		if len(out) == 0 || out[len(out)-1] != p.Stage {
			out = append(out, p.Stage)
		}
	}
	return out
}

// testCache opens a cache in a fresh folder that does not wait between tries.
func testCache(t *testing.T, o Options, models ...Model) *Cache {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	o.Token, o.Models = testToken, models
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	c.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return c
}

// leftovers lists what is in a model's folder besides the named files.
func leftovers(t *testing.T, c *Cache, known ...string) []string {
	t.Helper()
	var out []string
	err := eachFileBelow(c.folder("tiny"), func(path string, d os.DirEntry) error {
		rel, err := filepath.Rel(c.folder("tiny"), path)
		if err != nil {
			return err
		}
		if rel = filepath.ToSlash(rel); rel == "." || rel == recordName {
			return nil
		}
		for _, k := range known {
			if rel == k {
				return nil
			}
		}
		out = append(out, rel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantFault(t *testing.T, err error, fault Fault, words ...string) {
	t.Helper()
	if faultOf(err) != fault {
		t.Fatalf("got fault %q (%v), want %q", faultOf(err), err, fault)
	}
	all := err.Error() + "\n" + err.(*Error).Hint()
	for _, w := range words {
		if !strings.Contains(all, w) {
			t.Errorf("error and hint do not mention %q:\n%s", w, all)
		}
	}
	if strings.Contains(all, testToken) {
		t.Errorf("the token is in the error: %s", all)
	}
}

func wheelBytes(t *testing.T, members map[string][]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for name, data := range members {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
