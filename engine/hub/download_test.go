package hub

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFetchFromHub(t *testing.T) {
	t.Parallel()
	data := sample()
	h := newFakeHub(t, map[string][]byte{"w.gguf": data, "sub/config.json": []byte("{}")})
	log := &progressLog{}
	m := testModel(hubSource(File{Path: "w.gguf", Size: int64(len(data)), SHA256: sum256(data)}, File{Path: "sub/config.json"}))
	c := testCache(t, Options{Endpoint: h.hub.URL, Progress: log.add}, m)
	if _, ok, err := c.Find("tiny"); ok || err != nil {
		t.Fatalf("Find before the fetch: %v %v", ok, err)
	}
	local, err := c.Ensure(context.Background(), "tiny")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(local.Path)
	if err != nil || !slices.Equal(got, data) {
		t.Fatalf("the fetched file differs: %v", err)
	}
	if local.Source != "huggingface:owner/model@main" || local.SHA256 != sum256(data) || filepath.Base(local.Path) != "w.gguf" {
		t.Errorf("local = %+v", local)
	}
	for _, token := range h.tokens {
		if token != "" {
			t.Error("the token was sent to another host")
		}
	}
	if s := log.stages(); s[0] != Connecting || s[len(s)-1] != Done || !slices.Contains(s, Downloading) || !slices.Contains(s, Verifying) {
		t.Errorf("stages = %v", s)
	}
	if rest := leftovers(t, c, "w.gguf", "sub", "sub/config.json"); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
	before, _ := h.calls()
	if again, err := c.Ensure(context.Background(), "tiny"); err != nil || again.Path != local.Path {
		t.Errorf("second Ensure: %+v %v", again, err)
	}
	if after, _ := h.calls(); after != before {
		t.Error("the second Ensure used the network")
	}
}

func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	data := sample()
	const first = 600_000
	cases := []struct {
		name          string
		first, second string // the store's entity tag
		asked         string // the range of the second request
		sent          int    // bytes of the second answer
	}{
		{"the same file", "", "", "bytes=600000-", len(data) - first},
		{"another entity tag", `"one"`, `"two"`, "bytes=600000-", len(data)},
		{"a weak entity tag", `W/"one"`, `W/"one"`, "", len(data)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newFakeHub(t, map[string][]byte{"w.gguf": data})
			h.cut["w.gguf"] = first
			h.etags["w.gguf"] = c.first
			cache := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf", SHA256: sum256(data)})))
			cache.sleep = func(context.Context, time.Duration) error { h.setTag("w.gguf", c.second); return nil }
			local, err := cache.Ensure(context.Background(), "tiny")
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(local.Path); !slices.Equal(got, data) {
				t.Error("the file differs")
			}
			_, calls := h.calls()
			if len(calls) != 2 || calls[1].Header.Get("Range") != c.asked {
				t.Errorf("%d requests, range of the last %q", len(calls), calls[len(calls)-1].Header.Get("Range"))
			}
			h.store.Close() // waits for the answers to end
			if !slices.Equal(h.sent, []int{first, c.sent}) {
				t.Errorf("bytes sent: %v, want %v", h.sent, []int{first, c.sent})
			}
		})
	}
}

// A download that was interrupted goes on in a later process.
func TestDownloadResumesLater(t *testing.T) {
	t.Parallel()
	data := sample()
	h := newFakeHub(t, map[string][]byte{"w.gguf": data})
	h.cut["w.gguf"] = 500_000
	m := testModel(hubSource(File{Path: "w.gguf"}))
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	c := testCache(t, Options{Dir: dir, Endpoint: h.hub.URL}, m)
	c.sleep = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	_, err := c.Ensure(ctx, "tiny")
	wantFault(t, err, Cancelled, "stylesprint models pull tiny")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the cause is not in %v", err)
	}
	if rest := leftovers(t, c, "w.gguf.partial", "w.gguf.partial.json"); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
	c = testCache(t, Options{Dir: dir, Endpoint: h.hub.URL}, m)
	local, err := c.Ensure(context.Background(), "tiny")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(local.Path); !slices.Equal(got, data) {
		t.Error("the file differs")
	}
	if _, calls := h.calls(); len(calls) != 2 || calls[1].Header.Get("Range") != "bytes=500000-" {
		t.Errorf("%d requests", len(calls))
	}
}

// A partial file of an older version is not glued to the new one.
func TestPartOfAnotherVersionIsDropped(t *testing.T) {
	t.Parallel()
	data, newer := sample(), append([]byte("newer"), sample()...)
	h := newFakeHub(t, map[string][]byte{"w.gguf": data})
	h.cut["w.gguf"] = 500_000
	c := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf"})))
	c.sleep = func(context.Context, time.Duration) error { h.set("w.gguf", newer); return nil }
	local, err := c.Ensure(context.Background(), "tiny")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(local.Path); !slices.Equal(got, newer) {
		t.Error("the file is not the newer one")
	}
}

// A stitched file is noticed by its hash and fetched once more from the start.
func TestDamagedPartIsFetchedAgain(t *testing.T) {
	t.Parallel()
	data := sample()
	h := newFakeHub(t, map[string][]byte{"w.gguf": data})
	h.cut["w.gguf"] = 500_000
	c := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf", SHA256: sum256(data)})))
	c.sleep = func(context.Context, time.Duration) error {
		return os.WriteFile(filepath.Join(c.folder("tiny"), "w.gguf.partial"), make([]byte, 500_000), 0o644)
	}
	if _, err := c.Ensure(context.Background(), "tiny"); err != nil {
		t.Fatal(err)
	}
	if _, calls := h.calls(); len(calls) != 3 {
		t.Errorf("%d requests, want 3", len(calls))
	}
}

// All bytes had arrived when the process was killed.
func TestCompletePartIsAccepted(t *testing.T) {
	t.Parallel()
	data := sample()
	h := newFakeHub(t, map[string][]byte{"w.gguf": data})
	h.cut["w.gguf"] = len(data) - 1
	c := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf"})))
	c.sleep = func(context.Context, time.Duration) error {
		return os.WriteFile(filepath.Join(c.folder("tiny"), "w.gguf.partial"), data, 0o644)
	}
	if _, err := c.Ensure(context.Background(), "tiny"); err != nil {
		t.Fatal(err)
	}
}

func TestHubRetries(t *testing.T) {
	t.Parallel()
	data := []byte("weights")
	m := testModel(hubSource(File{Path: "w.gguf"}))
	h := newFakeHub(t, map[string][]byte{"w.gguf": data})
	h.status = []int{503, 500, 429, 0}
	c := testCache(t, Options{Endpoint: h.hub.URL}, m)
	var waits []time.Duration
	c.sleep = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	if _, err := c.Ensure(context.Background(), "tiny"); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(waits, []time.Duration{backoff, 2 * backoff, 4 * backoff}) {
		t.Errorf("waits = %v", waits)
	}
	h = newFakeHub(t, map[string][]byte{"w.gguf": data})
	h.status = []int{502, 502, 502, 502, 502, 502, 502, 502}
	c = testCache(t, Options{Endpoint: h.hub.URL}, m)
	_, err := c.Ensure(context.Background(), "tiny")
	wantFault(t, err, NoNetwork, "status 502")
	if n, _ := h.calls(); n != maxTries {
		t.Errorf("%d tries, want %d", n, maxTries)
	}
}

func TestHubRefusals(t *testing.T) {
	t.Parallel()
	data := sample()
	cases := []struct {
		name  string
		file  File
		setUp func(h *fakeHub)
		fault Fault
		words []string
	}{
		{"no access", File{Path: "w.gguf"}, func(h *fakeHub) { h.status = []int{401} }, Refused, []string{"HF_TOKEN"}},
		{"no such file", File{Path: "x.gguf"}, func(*fakeHub) {}, Refused, []string{"has no x.gguf"}},
		{"odd status", File{Path: "w.gguf"}, func(h *fakeHub) { h.status = []int{418} }, Refused, []string{"418"}},
		{"hash known beforehand", File{Path: "w.gguf", SHA256: sum256([]byte("else"))}, func(*fakeHub) {}, WrongHash, []string{"wrong hash"}},
		{"hash found afterwards", File{Path: "w.gguf", SHA256: sum256([]byte("else"))}, func(h *fakeHub) { h.noHash = true }, WrongHash, []string{"wrong hash", "models pull tiny"}},
		{"size", File{Path: "w.gguf", Size: 5}, func(*fakeHub) {}, WrongHash, []string{"5 bytes"}},
		{"endless", File{Path: "w.gguf"}, func(h *fakeHub) { h.chunked = true; h.files["w.gguf"] = make([]byte, 80<<20) }, Refused, []string{"more bytes"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newFakeHub(t, map[string][]byte{"w.gguf": data})
			c.setUp(h)
			m := testModel(hubSource(c.file))
			m.Bytes = 1
			cache := testCache(t, Options{Endpoint: h.hub.URL}, m)
			_, err := cache.Ensure(context.Background(), "tiny")
			wantFault(t, err, c.fault, c.words...)
			if rest := leftovers(t, cache); len(rest) > 0 && c.name != "endless" {
				t.Errorf("left behind: %v", rest)
			}
			if _, calls := h.calls(); c.name == "hash known beforehand" && len(calls) > 0 {
				t.Error("the file was downloaded although the hub said that its hash is wrong")
			}
		})
	}
}

// What the hub gave first is what it must give for ever.
func TestRecordedHashIsEnforced(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		data := sample()
		h := newFakeHub(t, map[string][]byte{"w.gguf": data})
		h.noHash = plain
		c := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf"})))
		ctx := context.Background()
		if _, err := c.Ensure(ctx, "tiny"); err != nil {
			t.Fatal(err)
		}
		if err := c.Remove(ctx, "tiny"); err != nil {
			t.Fatal(err)
		}
		h.set("w.gguf", append(data, "changed"...))
		_, err := c.Ensure(ctx, "tiny")
		wantFault(t, err, WrongHash, "changed since the first pull", "tiny.json")
		h.set("w.gguf", data)
		if _, err := c.Ensure(ctx, "tiny"); err != nil {
			t.Errorf("the first version is refused: %v", err)
		}
	}
}

// The commit that answered first is asked for afterwards, so that a folder is of one version.
func TestCommitIsPinned(t *testing.T) {
	t.Parallel()
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		w.Header().Set("X-Repo-Commit", testCommit)
		w.Header().Set("Etag", `"9e26dfeeb6e641a33dae4961196235bdb965b21b"`) // git's hash of "{}"
		w.Write([]byte("{}"))
	}))
	defer server.Close()
	c := testCache(t, Options{Endpoint: server.URL}, testModel(hubSource(File{Path: "a.json"}, File{Path: "b.json"})))
	if _, err := c.Ensure(context.Background(), "tiny"); err != nil {
		t.Fatal(err)
	}
	want := []string{"/owner/model/resolve/main/a.json", "/owner/model/resolve/" + testCommit + "/b.json"}
	if !slices.Equal(paths, want) {
		t.Errorf("asked for %v", paths)
	}
	if r, err := c.Verify(context.Background(), "tiny"); err != nil || !r.OK() || r.Revision != testCommit {
		t.Errorf("report %+v %v", r, err)
	}
}

// A renamed repository, or the hub's cache, answers from another path of the same host.
func TestRedirectsWithinTheHub(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/owner/") {
			w.Header().Set("Etag", `W/"of the redirect"`)
			http.Redirect(w, r, "/api/resolve-cache/a.json", http.StatusTemporaryRedirect)
			return
		}
		if r.Header.Get("Authorization") != "Bearer "+testToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Repo-Commit", testCommit)
		w.Header().Set("Etag", `"9e26dfeeb6e641a33dae4961196235bdb965b21b"`)
		w.Write([]byte("{}"))
	}))
	defer server.Close()
	c := testCache(t, Options{Endpoint: server.URL}, testModel(hubSource(File{Path: "a.json"})))
	if _, err := c.Ensure(context.Background(), "tiny"); err != nil {
		t.Fatal(err)
	}
	p, err := c.readPin("tiny", c.models[0].Sources[0])
	if err != nil || p.Revision != testCommit || p.file("a.json").HubHash != "9e26dfeeb6e641a33dae4961196235bdb965b21b" {
		t.Errorf("recorded %+v, %v", p, err)
	}
}

func TestGitHashIsChecked(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Repo-Commit", testCommit)
		w.Header().Set("Etag", `"9e26dfeeb6e641a33dae4961196235bdb965b21b"`)
		w.Write([]byte("[]"))
	}))
	defer server.Close()
	c := testCache(t, Options{Endpoint: server.URL}, testModel(hubSource(File{Path: "a.json"})))
	_, err := c.Ensure(context.Background(), "tiny")
	wantFault(t, err, WrongHash)
}

func TestUnsafeRedirectsAreRefused(t *testing.T) {
	t.Parallel()
	targets := map[string]func(*http.Request) string{
		"plain text":    func(*http.Request) string { return "http://example.invalid/w" },
		"another thing": func(*http.Request) string { return "file:///etc/passwd" },
		"circle":        func(r *http.Request) string { return r.URL.String() },
	}
	for name, target := range targets {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", target(r))
			w.WriteHeader(http.StatusTemporaryRedirect)
		}))
		c := testCache(t, Options{Endpoint: server.URL, Client: server.Client()}, testModel(hubSource(File{Path: "w.gguf"})))
		if _, err := c.Ensure(context.Background(), "tiny"); faultOf(err) != Refused {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

// fullDisk fails after some bytes.
type fullDisk struct {
	output
	left int
}

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, &os.PathError{Op: "write", Path: "w", Err: syscall.ENOSPC}
	}
	return f.output.Write(p)
}

func fillDisk(c *Cache, after int) {
	c.open = func(name string, flag int) (output, error) {
		f, err := openOutput(name, flag)
		return &fullDisk{f, after}, err
	}
}

func TestFullDiskDuringDownload(t *testing.T) {
	t.Parallel()
	data := sample()
	for _, room := range []int{0, 300, 500_000} {
		h := newFakeHub(t, map[string][]byte{"w.gguf": data})
		c := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf"})))
		fillDisk(c, room)
		_, err := c.Ensure(context.Background(), "tiny")
		wantFault(t, err, DiskFull, "does not fit in", "XDG_CACHE_HOME")
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("the cause is not in %v", err)
		}
		if rest := leftovers(t, c); len(rest) > 0 {
			t.Errorf("left behind: %v", rest)
		}
	}
}
