// Package config reads the program's settings: one YAML file, then the
// environment, then flags, each over the one before.
//
// Key words: file, environment, fault.
//
// The usual path is Load, then the command's flags, then Validate. Both report every
// fault at once, as a Faults: with the line of the file, the field's path, the bound and the
// given value. Unknown keys are refused. Values may name the environment: ${NAME},
// ${NAME:-default}, and $$ for a dollar. Secrets redact themselves, and no fault quotes what
// came from the environment. docs/formats/config.md describes every key. A Config is a plain
// value; nothing here is shared or kept.
package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stylesprint"
)

// Config is everything that can be set.
type Config struct {
	// Addr is host:port of the server. Defaults to 127.0.0.1:8000.
	Addr string `yaml:"addr"`
	// DataDir holds the database and reports. Defaults to $XDG_DATA_HOME/stylesprint.
	DataDir string `yaml:"data_dir"`
	// CacheDir holds fetched models. Defaults to $XDG_CACHE_HOME/stylesprint.
	CacheDir string `yaml:"cache_dir"`
	// Models are what the server offers, the first being the default. Empty
	// means the embedded language model and encoder.
	Models []Model `yaml:"models"`
	// RequestTimeout bounds one request, its whole answer included. Defaults to 2m.
	RequestTimeout time.Duration `yaml:"request_timeout"`
	// DrainTimeout bounds how long running requests may take after SIGTERM. Defaults to 30s.
	DrainTimeout time.Duration `yaml:"drain_timeout"`
	// MaxInFlight bounds concurrent requests; more are answered 429. Defaults to 256.
	MaxInFlight int `yaml:"max_in_flight"`
	// MaxBodyBytes bounds a request's body. Defaults to 1 MiB.
	MaxBodyBytes int64 `yaml:"max_body_bytes"`
	// NoJobs leaves queued jobs to worker processes. Defaults to false: the server works on them too.
	NoJobs bool `yaml:"no_jobs"`
	// LogBodies keeps prompts and answers in the request log. Defaults to false.
	LogBodies bool `yaml:"log_bodies"`
	// RequestLog is how requests are recorded.
	RequestLog RequestLog `yaml:"request_log"`
	// Cache is how answers are given again from memory.
	Cache Cache `yaml:"cache"`
	// Threads is how many cores the engine uses. Defaults to 0: all.
	Threads int `yaml:"threads"`
	// CPU forces an instruction set: portable, avx2, avx512, avx512bf16. Defaults to the best there is.
	CPU string `yaml:"cpu"`
	// DefaultModel answers requests that name no model. Defaults to the first route, or else
	// the first model that writes; DefaultEmbedding to the first that makes vectors.
	DefaultModel     string `yaml:"default_model"`
	DefaultEmbedding string `yaml:"default_embedding"`
	// Routes are public names with several targets or releases behind them. Every model that
	// is not internal is a public name of its own beside them.
	Routes []Route `yaml:"routes"`
	// RetryBudget bounds the retries of all routes together.
	RetryBudget RetryBudget `yaml:"retry_budget"`
	// Catalogue holds the products that POST /answer speaks of, and that requests name by their
	// SKU. Defaults to the demo catalogue.
	Catalogue Catalogue `yaml:"catalogue"`

	Database `yaml:",inline"`
	Access   Access `yaml:"access"`
	OIDC     OIDC   `yaml:"oidc"`
	// ClassWeights are the shares of a busy local model by the class of keys, 1 to 1000: a class
	// of weight 4 gets four times the tokens of one of weight 1 for each of its keys. Classes
	// that are not there have 1.
	ClassWeights map[string]int `yaml:"class_weights"`
	// Safety is what is checked in texts.
	Safety Safety `yaml:"safety"`
	// Feedback is what is kept of people's feedback.
	Feedback Feedback `yaml:"feedback"`
	// Engine says how much a local language model takes on.
	Engine Engine `yaml:"engine"`
	// Telemetry says where traces and metrics are sent.
	Telemetry Telemetry `yaml:"telemetry"`

	// Hub and OpenAI come from the environment alone.
	Hub    Hub    `yaml:"-"`
	OpenAI OpenAI `yaml:"-"`

	from *source // nil where no file was read
}

// Model is one entry of the model list.
type Model struct {
	// Name is what requests ask for. Defaults to Model.
	Name string `yaml:"name"`
	// Provider is local or openai (any OpenAI-compatible server). Defaults to local.
	Provider string `yaml:"provider"`
	// Task is text-generation or embedding. Defaults to text-generation.
	Task string `yaml:"task"`
	// Model is the registry's name, a path, or the remote server's model. Defaults to Name.
	Model string `yaml:"model"`
	// BaseURL of a remote server, with /v1. Defaults to OPENAI_BASE_URL or OpenAI's own.
	BaseURL string `yaml:"base_url"`
	// KeyEnv names the environment variable with the remote server's key, or, with _FILE
	// appended, the file that holds it. Defaults to OPENAI_API_KEY.
	KeyEnv string `yaml:"key_env"`
	// Precision of a local model: fast or exact. Defaults to fast.
	Precision string `yaml:"precision"`
	// ContextTokens bounds prompt plus answer of a local model. Defaults to 4096.
	ContextTokens int `yaml:"context_tokens"`
	// KVTokens bounds the tokens that a local model holds for all running requests. Defaults to 8192.
	KVTokens int `yaml:"kv_tokens"`
	// Price in units per million tokens. Defaults to free.
	Price Price `yaml:"price"`
	// Internal models are targets of routes and no public names. Defaults to false.
	Internal bool `yaml:"internal"`
	// MaxConcurrent bounds the calls of routes at a time. Defaults to 0: no bound.
	MaxConcurrent int `yaml:"max_concurrent"`
	// Retires is the day on which the provider withdraws the model: 2027-01-31.
	Retires Date `yaml:"retires"`
	// Breaker takes the model out of its routes when too many of its calls fail.
	Breaker Breaker `yaml:"breaker"`
}

// Price is a model's price in the file.
type Price struct {
	Input    float64 `yaml:"input_per_million"`
	Output   float64 `yaml:"output_per_million"`
	Cached   float64 `yaml:"cached_per_million"`
	Currency string  `yaml:"currency"`
}

// Price converts to the root's type.
func (p Price) Price() stylesprint.Price {
	return stylesprint.Price{InputPerMillion: p.Input, OutputPerMillion: p.Output, CachedPerMillion: p.Cached, Currency: p.Currency}
}

// Hub is how models are fetched.
type Hub struct {
	Endpoint string // HF_ENDPOINT
	Token    stylesprint.Secret
	Offline  bool // HF_HUB_OFFLINE
}

// OpenAI is the standard environment of OpenAI's clients.
type OpenAI struct {
	BaseURL string             // OPENAI_BASE_URL
	Key     stylesprint.Secret // OPENAI_API_KEY, or the content of the file OPENAI_API_KEY_FILE
}

// Names of the embedded models.
const (
	DefaultLanguageModel = "smollm2-135m-instruct"
	DefaultEncoder       = "all-minilm-l6-v2"
)

// Default returns the settings before any file, with paths from the environment.
func Default(getenv func(string) string) (Config, error) {
	data, err := xdg(getenv, "XDG_DATA_HOME", ".local/share")
	if err != nil {
		return Config{}, err
	}
	cache, err := xdg(getenv, "XDG_CACHE_HOME", ".cache")
	if err != nil {
		return Config{}, err
	}
	key, err := Secret(getenv, "OPENAI_API_KEY")
	if err != nil {
		return Config{}, err
	}
	token, err := Secret(getenv, "HF_TOKEN")
	if err != nil {
		return Config{}, err
	}
	telemetry, err := telemetryFrom(getenv)
	if err != nil {
		return Config{}, err
	}
	return Config{
		Telemetry:      telemetry,
		Addr:           "127.0.0.1:8000",
		DataDir:        data,
		CacheDir:       cache,
		RequestTimeout: 2 * time.Minute,
		DrainTimeout:   30 * time.Second,
		MaxInFlight:    256,
		MaxBodyBytes:   1 << 20,
		RequestLog:     defaultRequestLog(),
		Cache:          defaultCache(),
		Access:         defaultAccess(),
		CPU:            getenv("STYLESPRINT_CPU"),
		Hub:            Hub{Endpoint: getenv("HF_ENDPOINT"), Token: token, Offline: truthy(getenv("HF_HUB_OFFLINE"))},
		OpenAI:         OpenAI{BaseURL: getenv("OPENAI_BASE_URL"), Key: key},
	}, nil
}

// complete sets the defaults that depend on other settings.
func (c *Config) complete() error {
	if len(c.Models) == 0 {
		c.Models = []Model{{Model: DefaultLanguageModel}, {Model: DefaultEncoder, Task: "embedding"}}
	}
	for i := range c.Models {
		m := &c.Models[i]
		m.Provider = or(m.Provider, "local")
		m.Task = or(m.Task, "text-generation")
		m.Name, m.Model = or(m.Name, m.Model), or(m.Model, m.Name)
		m.Precision = or(m.Precision, "fast")
		m.KeyEnv = or(m.KeyEnv, "OPENAI_API_KEY")
		if m.ContextTokens == 0 {
			m.ContextTokens = 4096
		}
		if m.KVTokens == 0 {
			m.KVTokens = max(8192, m.ContextTokens)
		}
	}
	for i := range c.Routes {
		c.Routes[i].Strategy = or(c.Routes[i].Strategy, "ordered")
	}
	return nil
}

// faults finds every fault of settings that are complete.
func (c Config) faults() Faults {
	k := &checker{source: c.from}
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		k.add("addr", "want host:port, got %q", clip(c.Addr))
	}
	if c.DataDir == "" {
		k.add("data_dir", "want a folder")
	}
	if c.CacheDir == "" {
		k.add("cache_dir", "want a folder")
	}
	if c.RequestTimeout <= 0 {
		k.add("request_timeout", "want more than 0, got %s", c.RequestTimeout)
	}
	if c.DrainTimeout <= 0 {
		k.add("drain_timeout", "want more than 0, got %s", c.DrainTimeout)
	}
	if c.MaxInFlight < 1 {
		k.add("max_in_flight", "want at least 1, got %d", c.MaxInFlight)
	}
	if c.MaxBodyBytes < 1024 {
		k.add("max_body_bytes", "want at least 1024, got %d", c.MaxBodyBytes)
	}
	if c.Threads < 0 {
		k.add("threads", "want 0 (all) or more, got %d", c.Threads)
	}
	c.Database.validate(k.add)
	c.validateAccess(k.add)
	c.RequestLog.validate(k.add)
	c.Cache.validate(k.add)
	c.Safety.validate(k.add)
	c.Feedback.validate(k.add)
	c.Engine.validate("engine", k.add)
	c.Telemetry.validate("telemetry", k.add)
	names := map[string]bool{}
	for i, m := range c.Models {
		at := fmt.Sprintf("models[%d]", i)
		k.model(m, at)
		if names[m.Name] {
			k.add(at+".name", "%q is used twice", clip(m.Name))
		}
		names[m.Name] = true
	}
	k.routes(c)
	k.retryBudget(c.RetryBudget, "retry_budget")
	return k.faults
}

func (k *checker) model(m Model, at string) {
	if m.Model == "" {
		k.add(at+".model", "missing; name a model of `stylesprint models list`, a path, or the remote server's model")
	}
	if len(m.Name) > maxName || strings.TrimSpace(m.Name) != m.Name {
		k.add(at+".name", "want 1 to %d bytes without space around them, got %q", maxName, clip(m.Name))
	}
	if m.Provider != "local" && m.Provider != "openai" {
		k.add(at+".provider", "want local or openai, got %q", clip(m.Provider))
	}
	if m.Task != "text-generation" && m.Task != "embedding" {
		k.add(at+".task", "want text-generation or embedding, got %q", clip(m.Task))
	}
	if m.Precision != "fast" && m.Precision != "exact" {
		k.add(at+".precision", "want fast or exact, got %q", clip(m.Precision))
	}
	if m.BaseURL != "" {
		if u, err := url.Parse(m.BaseURL); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			k.add(at+".base_url", "want http(s)://host/v1, got %q", clip(withoutPassword(m.BaseURL)))
		}
	}
	if m.ContextTokens < 16 {
		k.add(at+".context_tokens", "want at least 16, got %d", m.ContextTokens)
	}
	if m.KVTokens < m.ContextTokens {
		k.add(at+".kv_tokens", "want at least context_tokens (%d), got %d", m.ContextTokens, m.KVTokens)
	}
	if m.Price.Input < 0 || m.Price.Output < 0 || m.Price.Cached < 0 {
		k.add(at+".price", "want 0 or more")
	}
	if m.MaxConcurrent < 0 {
		k.add(at+".max_concurrent", "want 0 (no bound) or more, got %d", m.MaxConcurrent)
	}
	k.breaker(m.Breaker, at+".breaker")
}

// withoutPassword redacts the password of an address.
func withoutPassword(s string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	if u, err := url.Parse(s); err == nil && u.User != nil {
		return u.Redacted()
	}
	return s
}

// Loopback says whether addr can be reached from this machine alone.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Secret reads a secret from the variable name, or from the file named by
// name_FILE, without its final line break.
func Secret(getenv func(string) string, name string) (stylesprint.Secret, error) {
	if v := getenv(name); v != "" {
		return stylesprint.NewSecret(v), nil
	}
	file := getenv(name + "_FILE")
	if file == "" {
		return stylesprint.Secret{}, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return stylesprint.Secret{}, fmt.Errorf("read %s_FILE: %w", name, err)
	}
	return stylesprint.NewSecret(strings.TrimRight(string(b), "\r\n")), nil
}

func xdg(getenv func(string) string, name, below string) (string, error) {
	if dir := getenv(name); dir != "" && filepath.IsAbs(dir) {
		return filepath.Join(dir, "stylesprint"), nil
	}
	home := getenv("HOME")
	if home == "" {
		return "", fmt.Errorf("find a folder for files: neither %s nor HOME is set", name)
	}
	return filepath.Join(home, filepath.FromSlash(below), "stylesprint"), nil
}

func truthy(s string) bool {
	switch strings.ToLower(s) {
	case "1", "true", "yes", "on":
		return true
	}
	return false
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
