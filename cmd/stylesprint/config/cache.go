package config

import "time"

// Cache is how answers are given again from memory.
type Cache struct {
	// Enabled switches the cache on. Defaults to false.
	Enabled bool `yaml:"enabled"`
	// MaxBytes bounds all answers. Defaults to 64 MiB.
	MaxBytes int64 `yaml:"max_bytes"`
	// MaxEntryBytes bounds one answer; larger ones are not kept. Defaults to 1 MiB.
	MaxEntryBytes int64 `yaml:"max_entry_bytes"`
	// TTL is how long an answer is given again. Defaults to 1h.
	TTL time.Duration `yaml:"ttl"`
	// Shared lets keys see one another's answers. Defaults to false.
	Shared bool `yaml:"shared"`
}

func defaultCache() Cache {
	return Cache{MaxBytes: 64 << 20, MaxEntryBytes: 1 << 20, TTL: time.Hour}
}

func (c Cache) validate(add func(string, string, ...any)) {
	if c.MaxBytes < 1024 {
		add("cache.max_bytes", "want at least 1024, got %d", c.MaxBytes)
	}
	if c.MaxEntryBytes < 1024 || c.MaxEntryBytes > c.MaxBytes {
		add("cache.max_entry_bytes", "want 1024 to max_bytes (%d), got %d", c.MaxBytes, c.MaxEntryBytes)
	}
	if c.TTL <= 0 {
		add("cache.ttl", "want more than 0, got %s", c.TTL)
	}
}
