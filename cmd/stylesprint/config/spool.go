package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// RequestLog is how requests are recorded.
type RequestLog struct {
	// Retention is how long records are kept: 90d, 36h; whole days are removed, totals stay.
	// Defaults to 90d; forever keeps them.
	Retention Period `yaml:"retention"`
	// BodiesRetention is the same for prompts and answers, where they are kept at all. Defaults to 7d.
	BodiesRetention Period `yaml:"bodies_retention"`
	// SpoolBytes bounds the records that wait on the disk, in bytes, while the database is
	// away. Defaults to 1 GiB.
	SpoolBytes int64 `yaml:"spool_bytes"`
	// RefuseWhenFull answers 503 rather than to serve what cannot be recorded. Defaults to
	// false: requests are served, and records that find no place are lost, counted and logged.
	RefuseWhenFull bool `yaml:"refuse_when_full"`
	// NoSpool keeps records in memory until the database has them. Defaults to false.
	NoSpool bool `yaml:"no_spool"`
}

func defaultRequestLog() RequestLog {
	return RequestLog{Retention: Period(90 * 24 * time.Hour), BodiesRetention: Period(7 * 24 * time.Hour), SpoolBytes: 1 << 30}
}

func (r RequestLog) validate(add func(string, string, ...any)) {
	const least = 1 << 20
	if r.SpoolBytes < least {
		add("request_log.spool_bytes", "want at least %d, got %d", least, r.SpoolBytes)
	}
	if r.NoSpool && r.RefuseWhenFull {
		add("request_log.refuse_when_full", "needs the spool, which no_spool switches off")
	}
	if r.Retention > 0 && r.BodiesRetention > r.Retention {
		add("request_log.bodies_retention", "want at most retention (%s), got %s", r.Retention, r.BodiesRetention)
	}
}

// Period is a duration that may be written in days. 0 means forever.
type Period time.Duration

// UnmarshalText reads 90d, anything that time.ParseDuration does, or forever.
func (p *Period) UnmarshalText(b []byte) error {
	s := strings.TrimSpace(string(b))
	if s == "forever" {
		*p = 0
		return nil
	}
	var d time.Duration
	var err error
	if days, found := strings.CutSuffix(s, "d"); found {
		var n int
		if n, err = strconv.Atoi(days); n > 36500 {
			err = strconv.ErrRange
		}
		d = time.Duration(n) * 24 * time.Hour
	} else {
		d, err = time.ParseDuration(s)
	}
	if err != nil || d <= 0 {
		return fmt.Errorf("want a period such as 90d or 36h, or forever, got %q", s)
	}
	*p = Period(d)
	return nil
}

// String is what UnmarshalText reads.
func (p Period) String() string {
	d := time.Duration(p)
	switch {
	case d == 0:
		return "forever"
	case d%(24*time.Hour) == 0:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return d.String()
}
