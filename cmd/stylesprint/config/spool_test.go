package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPeriod(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, " 1d ": 24 * time.Hour, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute, "forever": 0} {
		var p Period
		if err := p.UnmarshalText([]byte(text)); err != nil || time.Duration(p) != want {
			t.Errorf("%q: %v, %v", text, p, err)
		}
		var again Period
		if err := again.UnmarshalText([]byte(p.String())); err != nil || again != p {
			t.Errorf("%q is written %q, which is read as %v, %v", text, p, again, err)
		}
	}
	for _, text := range []string{"", "0", "0d", "-1d", "1.5d", "d", "9999999d", "1w", "soon"} {
		var p Period
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
}

func TestRequestLogAndCacheFaults(t *testing.T) {
	t.Parallel()
	write := func(s string) string {
		p := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(p, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	c, err := Load(write("request_log: {retention: 2d, bodies_retention: 3d, spool_bytes: 5, no_spool: true, refuse_when_full: true}\n"+
		"cache: {enabled: true, max_bytes: 2000, max_entry_bytes: 3000, ttl: 0s}\n"), env())
	if err != nil {
		t.Fatal(err)
	}
	err = c.Validate()
	for _, want := range []string{
		"request_log.spool_bytes: want at least 1048576, got 5", "request_log.refuse_when_full: needs the spool", "request_log.bodies_retention: want at most retention (2d), got 3d",
		"cache.max_entry_bytes: want 1024 to max_bytes (2000), got 3000", "cache.ttl: want more than 0, got 0s",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in %v", want, err)
		}
	}
	if _, err := Load(write("request_log: {retention: soon}\n"), env()); err == nil || !strings.Contains(err.Error(), "90d") {
		t.Errorf("a retention that is none: %v", err)
	}
	c, err = Load(write("request_log: {retention: forever}\ncache: {enabled: true}\n"), env())
	if err != nil || c.Validate() != nil || c.RequestLog.Retention != 0 || c.RequestLog.BodiesRetention.String() != "7d" || c.Cache.MaxBytes != 64<<20 {
		t.Errorf("%+v, %v, %v", c.RequestLog, err, c.Validate())
	}
}
