package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

func load(t testing.TB, text string, kv ...string) (Config, error) {
	t.Helper()
	c, err := Default(env(kv...))
	if err != nil {
		t.Fatal(err)
	}
	return c, c.parse("s.yaml", []byte(text), env(kv...))
}

// Each file has all its faults, with their lines.
func TestFaults(t *testing.T) {
	t.Parallel()
	models := "models: [{name: a, model: x}, {name: b, model: y}, {name: v, model: z, task: embedding}]\n"
	cases := []struct {
		name, text string
		want       []string
	}{
		{"unknown and wrong kinds", "addr: [1]\nmodels:\n- model: a\n  kv_token: 3\n  price: free\n  context_tokens: many\nthreads: -1\nlog_bodies: yes\nrequest_timeout: 5\n", []string{
			"s.yaml:1: addr: want a text, got a list",
			"s.yaml:4: models[0].kv_token: is not a key here; there are base_url, breaker,",
			`s.yaml:5: models[0].price: want a group of keys, got "free"`,
			`s.yaml:6: models[0].context_tokens: want a whole number, got "many"`,
			"s.yaml:7: threads: want 0 (all) or more, got -1",
			`s.yaml:8: log_bodies: want true or false, got "yes"`,
			`s.yaml:9: request_timeout: want a duration such as 30s or 2m, got "5"`,
		}},
		{"routes", models + `routes:
- name: one
  targets: [a, {model: b, weight: -3}, a, v, c]
- name: a
  release: "12"
- targets: [b]
  release: r1
  strategy: random
- name: two
  releases:
  - {release: r1, percent: 60}
  - {release: r1, percent: 50}
- name: one
  targets: [a]
  policy: {attempts: -1, deadline: -2s, backoff: {jitter: 2}, cost_cap: -1}
retry_budget: {ratio: 1.5}
default_model: v
`, []string{
			"s.yaml:4: routes[0].targets[1].weight: want 0 or more, got -3",
			`s.yaml:4: routes[0].targets[2].model: "a" is a target twice`,
			`s.yaml:4: routes[0].targets[3].model: "v" makes vectors, not text`,
			`s.yaml:4: routes[0].targets[4].model: no entry of models is named "c"`,
			`s.yaml:5: routes[1].name: "a" is the name of models[0] too`,
			`s.yaml:6: routes[1].release: want an id such as r12, got "12"`,
			`s.yaml:7: routes[2].name: want 1 to 256 bytes without space around them, got ""`,
			"s.yaml:7: routes[2]: want exactly one of targets, release and releases, got 2",
			`s.yaml:9: routes[2].strategy: want ordered or weighted, got "random"`,
			"s.yaml:11: routes[3].releases: the percentages add up to 110, not to 100",
			"s.yaml:13: routes[3].releases[1].release: r1 is there twice",
			`s.yaml:14: routes[4].name: "one" is the name of routes[0] too`,
			"s.yaml:16: routes[4].policy.attempts: want 1 to 100, got -1",
			"s.yaml:16: routes[4].policy.backoff.jitter: want 0 to 1, got 2",
			"s.yaml:16: routes[4].policy.cost_cap: want 0 or more, got -1",
			"s.yaml:16: routes[4].policy.deadline: want 0 or more, got -2s",
			"s.yaml:17: retry_budget.ratio: want 0 to 1, got 1.5",
			`s.yaml:18: default_model: there is nothing public of that kind named "v"`,
		}},
		{"models", "models:\n- {model: a, internal: true, retires: soon, max_concurrent: -1, breaker: {error_ratio: 2, window: -1s}}\n-\n", []string{
			`s.yaml:2: models[0].retires: want a day such as 2027-01-31, got "soon"`,
			"s.yaml:2: models[0].max_concurrent: want 0",
			"s.yaml:2: models[0].breaker.error_ratio: want more than 0 and at most 1, got 2",
			"s.yaml:2: models[0].breaker.window: want 0 or more, got -1s",
			"s.yaml:3: models[1]: is empty",
		}},
		{"nothing public", "models: [{model: a, internal: true}]\n", []string{"s.yaml:1: models: all are internal and there is no route"}},
		{"twice", "addr: a:1\naddr: b:2\n", []string{"s.yaml:2: addr: is there already, in line 1"}},
		{"merge", "models:\n- &m {model: a}\n- <<: *m\n", []string{"s.yaml:3: models[1]: << is not read here"}},
		{"no mapping", "- a\n", []string{"s.yaml:1: want a group of keys, got a list"}},
		{"two documents", "addr: a:1\n---\naddr: b:1\n", []string{"a second document begins"}},
		{"no YAML", "addr: [\n", []string{"s.yaml:"}},
		{"environment", "addr: ${NONE}\ndata_dir: ${A b}\ncache_dir: ${OPEN\n", []string{
			"s.yaml:1: addr: the environment variable NONE is not set; write ${NONE:-} where it may be empty",
			"s.yaml:2: data_dir: want ${NAME} or ${NAME:-default}", "s.yaml:3: cache_dir: ${ is not closed",
		}},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, k.text)
			if err == nil {
				err = c.Validate()
			}
			if err == nil {
				t.Fatal("no fault")
			}
			got := err.Error()
			for _, want := range k.want {
				if !strings.Contains(got, want) {
					t.Errorf("no fault %q in\n%s", want, got)
				}
			}
			if n := strings.Count(got, "\n") + 1; n != len(k.want) {
				t.Errorf("%d faults, want %d:\n%s", n, len(k.want), got)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, `addr: ${HOST:-127.0.0.1}:${PORT}
max_in_flight: ${MOST:-7}
cpu: $$5 $HOME ${EMPTY:-}
models:
- model: m
  provider: openai
  base_url: http://u:${PASSWORD}@upstream/v1
  key_env: ${TOKEN}
`, "PORT", "81", "PASSWORD", "hunter2", "TOKEN_FILE", secret)
	if err != nil {
		t.Fatal(err)
	}
	if c.Addr != "127.0.0.1:81" || c.MaxInFlight != 7 || c.CPU != "$5 $HOME " || c.Models[0].BaseURL != "http://u:hunter2@upstream/v1" || c.Models[0].KeyEnv != "from-file" {
		t.Errorf("%+v", c)
	}
	shown, err := json.Marshal(c.Shown())
	if err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"hunter2", "from-file"} {
		if strings.Contains(string(shown), leak) {
			t.Errorf("%q is shown: %s", leak, shown)
		}
	}
	for _, want := range []string{`"addr":"${HOST:-127.0.0.1}:${PORT}"`, `"base_url":"http://u:${PASSWORD}@upstream/v1"`, `"request_timeout":"2m0s"`} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("no %s in %s", want, shown)
		}
	}
	// No fault quotes what came from the environment.
	c, err = load(t, "addr: ${SECRET}\nmodels: [{model: a, task: \"${SECRET}\", context_tokens: \"${SECRET}\"}]\n", "SECRET", "hunter2")
	if err == nil {
		err = c.Validate()
	}
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), `addr: want host:port, got "${SECRET}"`) {
		t.Errorf("%v", err)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	c, err := load(t, `models:
- {name: a, model: x, retires: 2027-01-31, breaker: {window: 1m, error_ratio: 0.2}, max_concurrent: 4, internal: true}
- {name: b, model: y}
routes:
- name: writer
  targets: [a, {model: b, weight: 3, priority: 2}]
  policy: {first_token: 3s, backoff: {jitter: 0}, larger_context: true}
- {name: canary, releases: [{release: r1, percent: 90}, {release: r2, percent: 10}], sticky: true}
retry_budget: {ratio: 0, cost: 0.5}
default_model: writer
`)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	zero := 0.0
	want := []Route{
		{Name: "writer", Strategy: "ordered", Targets: []Target{{Model: "a"}, {Model: "b", Weight: 3, Priority: 2}}, Policy: Policy{FirstToken: 3 * time.Second, Backoff: Backoff{Jitter: &zero}, LargerContext: true}},
		{Name: "canary", Strategy: "ordered", Releases: []Share{{"r1", 90}, {"r2", 10}}, Sticky: true},
	}
	if !reflect.DeepEqual(c.Routes, want) {
		t.Errorf("got  %+v\nwant %+v", c.Routes, want)
	}
	if m := c.Models[0]; m.Retires.Time() != time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC) || m.Breaker.Window != time.Minute || m.MaxConcurrent != 4 {
		t.Errorf("%+v", m)
	}
	if *c.RetryBudget.Ratio != 0 || c.RetryBudget.PerSecond != nil || c.RetryBudget.Cost != 0.5 {
		t.Errorf("%+v", c.RetryBudget)
	}
}

// What aliases repeat is bounded, and a loop ends.
func TestAliases(t *testing.T) {
	t.Parallel()
	targets := strings.Repeat("a, ", 1000)
	bomb := "models: [{name: a, model: x}]\nroutes:\n- &r {name: one, targets: [" + targets + "a]}\n" + strings.Repeat("- *r\n", 1000)
	if _, err := load(t, bomb); err == nil || !strings.Contains(err.Error(), "more than 100000 values") {
		t.Errorf("%.200v", err)
	}
	if _, err := load(t, "models: &m\n- *m\n"); err == nil {
		t.Error("a list within itself is accepted")
	}
	c, err := load(t, "models:\n- &m {model: a, price: &p {output_per_million: 2}}\n- {model: b, price: *p}\n")
	if err != nil || c.Models[1].Price.Output != 2 {
		t.Errorf("%+v, %v", c.Models, err)
	}
}

// A struct that is tagged inline has its keys beside the others.
func TestInline(t *testing.T) {
	t.Parallel()
	type Inner struct {
		Depth int `yaml:"depth"`
	}
	var outer struct {
		Inner `yaml:",inline"`
		Width int `yaml:"width"`
		Kept  int `yaml:"-"`
	}
	d := decoder{source: &source{lines: map[string]int{}, env: map[string]reference{}}, getenv: env()}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte("depth: 3\nwidth: 4\nkept: 5\n"), &doc); err != nil {
		t.Fatal(err)
	}
	d.value(doc.Content[0], reflect.ValueOf(&outer).Elem(), "")
	if outer.Depth != 3 || outer.Width != 4 || outer.Kept != 0 || len(d.faults) != 1 || !strings.Contains(d.faults.Error(), "kept: is not a key here; there are depth, width") {
		t.Errorf("%+v, %v", outer, d.faults)
	}
}

func TestChanged(t *testing.T) {
	t.Parallel()
	a, err := load(t, "addr: a:1\n")
	if err != nil {
		t.Fatal(err)
	}
	b, err := load(t, "addr: b:1\nthreads: 2\nmax_in_flight: 3\nretry_budget: {ratio: 0.1}\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := a.Changed(b); !slices.Equal(got, []string{"addr", "retry_budget", "threads"}) {
		t.Errorf("%v", got)
	}
	if got := a.Changed(a); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// docs/formats/config.md has a row for each key, and no other.
func TestReference(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../docs/formats/config.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\|").FindAllStringSubmatch(string(b), -1) {
		documented = append(documented, m[1])
	}
	keys := leaves(reflect.TypeFor[Config](), "")
	for _, k := range keys {
		if !slices.Contains(documented, k) {
			t.Errorf("docs/formats/config.md has no row for `%s`", k)
		}
	}
	for _, d := range documented {
		if !slices.Contains(keys, d) {
			t.Errorf("docs/formats/config.md describes `%s`, which is no key", d)
		}
	}
}

// leaves are the paths of all values that a file can set.
func leaves(t reflect.Type, path string) []string {
	switch {
	case t.Kind() == reflect.Pointer:
		return leaves(t.Elem(), path)
	case t.Kind() == reflect.Slice:
		return leaves(t.Elem(), path+"[]")
	case t.Kind() != reflect.Struct:
		return []string{path}
	}
	var out []string
	for key, i := range fieldsOf(t) {
		out = append(out, leaves(t.FieldByIndex(i).Type, join(path, key))...)
	}
	if out == nil { // such as a secret
		return []string{path}
	}
	return out
}

func FuzzLoad(f *testing.F) {
	f.Add("addr: 127.0.0.1:1\nmodels: [{model: a}]\n")
	f.Add("models: &m\n- *m\nroutes: [{name: x, targets: [a, {model: b}], policy: {backoff: {jitter: .inf}}}]\n")
	f.Add("addr: ${A:-b}\n? [1]\n: 2\n<<: {a: 1}\n---\n")
	f.Add("a: !!binary x\nthreads: !!int 0x7\nretry_budget: {ratio: 1e309}\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := load(t, text, "A", "value-of-a")
		if err != nil {
			faults := FaultsOf(err)
			if len(faults) == 0 {
				t.Fatal("an error without a fault")
			}
			for _, fault := range faults {
				if fault.File != "s.yaml" || fault.Line < 0 || fault.Line > len(text)+1 || fault.Message == "" {
					t.Errorf("%+v", fault)
				}
			}
			return
		}
		again, err := load(t, text, "A", "value-of-a")
		if err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("read twice: %v", err)
		}
		_ = c.Validate()
		if _, err := json.Marshal(c.Shown()); err != nil {
			t.Errorf("shown: %v", err)
		}
	})
}
