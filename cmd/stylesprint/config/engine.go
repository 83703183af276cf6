package config

// Engine says how much a local language model takes on at a time.
type Engine struct {
	// MaxSequences is how many requests of a model run side by side. Defaults to 16.
	MaxSequences int `yaml:"max_sequences"`
	// MaxWaiting is how many requests wait for a model; more are answered 429. Defaults to 128.
	MaxWaiting int `yaml:"max_waiting"`
	// PrefixTokens is how many tokens of prompts are kept for later requests that begin
	// alike; -1 keeps none. Defaults to 0: half of kv_tokens.
	PrefixTokens int `yaml:"prefix_tokens"`
	// SharePrefixes lets all keys use one another's kept prompts. Whoever measures times can
	// then find out whether another key sent a text. Defaults to false.
	SharePrefixes bool `yaml:"share_prefixes"`
}

func (e Engine) validate(at string, add func(string, string, ...any)) {
	if e.MaxSequences < 0 || e.MaxSequences > 1024 {
		add(at+".max_sequences", "want 0 (the default) to 1024, got %d", e.MaxSequences)
	}
	if e.MaxWaiting < 0 {
		add(at+".max_waiting", "want 0 (the default) or more, got %d", e.MaxWaiting)
	}
	if e.PrefixTokens < -1 {
		add(at+".prefix_tokens", "want -1 (none), 0 (the default) or more, got %d", e.PrefixTokens)
	}
}
