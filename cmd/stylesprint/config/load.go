package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxBytes bounds a file.
const MaxBytes = 1 << 20

// Load returns the settings with a file's over the defaults; an empty path means
// STYLESPRINT_CONFIG, and no file where that is empty too. A file that cannot be
// understood as it stands is a Faults, which lists what Validate finds in it too.
func Load(path string, getenv func(string) string) (Config, error) {
	c, err := Default(getenv)
	if err != nil {
		return Config{}, err
	}
	if path == "" {
		path = getenv("STYLESPRINT_CONFIG")
	}
	if path == "" {
		return c, errors.Join(c.complete(), c.Database.complete(getenv))
	}
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if err := c.parse(path, b, getenv); err != nil {
		return Config{}, err
	}
	return c, nil
}

// parse puts a file over the settings.
func (c *Config) parse(name string, file []byte, getenv func(string) string) error {
	s := &source{file: name, lines: map[string]int{}, env: map[string]reference{}}
	if len(file) > MaxBytes {
		return Faults{{File: name, Message: fmt.Sprintf("want at most %d bytes", MaxBytes)}}
	}
	dec := yaml.NewDecoder(bytes.NewReader(file))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return Faults{yamlFault(name, err)}
	}
	if err := dec.Decode(&second); err == nil {
		return Faults{{File: name, Line: second.Line, Message: "a second document begins; want one"}}
	} else if !errors.Is(err, io.EOF) {
		return Faults{yamlFault(name, err)}
	}
	d := decoder{source: s, getenv: getenv}
	if len(doc.Content) > 0 && !isNull(doc.Content[0]) {
		if root := doc.Content[0]; root.Kind != yaml.MappingNode {
			d.fault(root, "", "want a group of keys, got %s", found(root))
		} else {
			d.value(root, reflect.ValueOf(c).Elem(), "")
		}
	}
	c.from = s
	if err := errors.Join(c.complete(), c.Database.complete(getenv)); err != nil {
		return err
	}
	if len(d.faults) == 0 {
		return nil
	}
	unread := d.faults
	for _, f := range c.faults() {
		// What could not be read has its default, of which nothing need be said.
		if !slices.ContainsFunc(unread, func(u Fault) bool { return u.Path != "" && strings.HasPrefix(f.Path, u.Path) }) {
			d.faults = append(d.faults, f)
		}
	}
	return d.faults.sorted()
}

// yamlFault reads the line out of a message of the YAML package.
func yamlFault(name string, err error) Fault {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	f := Fault{File: name, Message: message}
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if digits, text, ok := strings.Cut(rest, ": "); ok {
			if n, err := strconv.Atoi(digits); err == nil {
				f.Line, f.Message = n, text
			}
		}
	}
	return f
}

// Validate reports every fault, as a Faults.
func (c Config) Validate() error { return c.faults().sorted() }

// checker gathers faults by path.
type checker struct {
	source *source
	faults Faults
}

func (k *checker) add(path, format string, a ...any) {
	k.faults = append(k.faults, k.source.fault(path, fmt.Sprintf(format, a...)))
}

// Fault makes the fault of a path, with its line, for what only others can check: that a
// release exists.
func (c Config) Fault(path, format string, a ...any) Fault {
	return c.from.fault(path, fmt.Sprintf(format, a...))
}

// File is the path of the file that was read; empty where there was none.
func (c Config) File() string {
	if c.from == nil {
		return ""
	}
	return c.from.file
}

// Shown is the configuration as an administrator may see it, by the keys of the file:
// secrets are redacted, and what came from the environment is shown as the reference that
// the file has.
func (c Config) Shown() map[string]any {
	out, _ := c.shown(reflect.ValueOf(c), "").(map[string]any)
	return out
}

func (c Config) shown(v reflect.Value, path string) any {
	if c.from != nil {
		if r, ok := c.from.env[path]; ok {
			return r.written
		}
	}
	switch x := v.Interface().(type) {
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		for key, i := range fieldsOf(v.Type()) {
			out[key] = c.shown(v.FieldByIndex(i), join(path, key))
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range v.Len() {
			out[i] = c.shown(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, k := range v.MapKeys() {
			out[k.String()] = c.shown(v.MapIndex(k), join(path, k.String()))
		}
		return out
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return c.shown(v.Elem(), path)
	case reflect.String:
		return withoutPassword(v.String())
	}
	return v.Interface()
}

// Changed lists the keys, sorted, whose values differ and which take effect only when the
// server is started again.
func (c Config) Changed(next Config) []string {
	var out []string
	for _, k := range []struct {
		key     string
		differs bool
	}{
		{"addr", c.Addr != next.Addr}, {"data_dir", c.DataDir != next.DataDir}, {"cache_dir", c.CacheDir != next.CacheDir},
		{"drain_timeout", c.DrainTimeout != next.DrainTimeout}, {"log_bodies", c.LogBodies != next.LogBodies},
		{"no_jobs", c.NoJobs != next.NoJobs}, {"retry_budget", !reflect.DeepEqual(c.RetryBudget, next.RetryBudget)},
		{"threads", c.Threads != next.Threads}, {"cpu", c.CPU != next.CPU}, {"database_url", c.DatabaseURL.Reveal() != next.DatabaseURL.Reveal()},
		{"access", c.Access != next.Access}, {"oidc", !reflect.DeepEqual(c.OIDC, next.OIDC)}, {"feedback", c.Feedback != next.Feedback},
		{"request_log", c.RequestLog != next.RequestLog}, {"cache", c.Cache != next.Cache}, {"engine", c.Engine != next.Engine},
		{"telemetry", c.Telemetry.Endpoint != next.Telemetry.Endpoint || c.Telemetry.Service != next.Telemetry.Service || c.Telemetry.Sample != next.Telemetry.Sample || c.Telemetry.Content != next.Telemetry.Content},
	} {
		if k.differs {
			out = append(out, k.key)
		}
	}
	slices.Sort(out)
	return out
}
