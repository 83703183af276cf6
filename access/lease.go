package access

import (
	"context"
	"time"
)

// Resource is what a limit is of.
type Resource string

// The resources.
const (
	Requests Resource = "requests" // in a minute
	Tokens   Resource = "tokens"   // in a minute
	Spending Resource = "spending" // billionths of a currency unit, in a month
)

// Claim is what a replica says of its share of one limit in one window, and asks for.
type Claim struct {
	KeyID    string
	Resource Resource
	Window   time.Time // its beginning
	Replica  string    // of this process, never used by another
	Limit    int64     // of the window, for all replicas together; 0: none, the use is only noted
	Used     int64     // by this replica in this window, so far
	Last     time.Time // when the key was last used here
	Want     int64     // that this replica may use in this window, the used included
	Now      time.Time
	// Expires is when the share lapses: from then on no more than Used counts.
	Expires time.Time
}

// QuotaStore shares limits out among replicas.
type QuotaStore interface {
	// Lease takes note of Used and grants a share of the limit for each claim, in order, all
	// in one transaction in which no other has a say about the same key. The share is Want,
	// or what the others leave of the limit where that is less, but never less than Used.
	// What the others hold is, for each replica, the larger of its share and its use until
	// the share's Expires, and its use after that.
	Lease(ctx context.Context, claims []Claim) ([]int64, error)
	// DropQuotas forgets minutes that began before a time. Months stay: they say what was spent.
	DropQuotas(ctx context.Context, before time.Time) error
}

// window is a stretch of time in which a limit holds.
type window struct{ begin, end time.Time }

// minuteOf is the minute of the clock.
func minuteOf(t time.Time) window {
	b := t.UTC().Truncate(time.Minute)
	return window{b, b.Add(time.Minute)}
}

// monthOf is the month of the calendar, UTC.
func monthOf(t time.Time) window {
	t = t.UTC()
	b := time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	return window{b, b.AddDate(0, 1, 0)}
}

// meter is a replica's view of one limit of one key. It belongs to its account's lock.
type meter struct {
	resource Resource
	window   window
	limit    int64     // 0: none
	share    int64     // granted in this window, the used included
	used     int64     // settled and reserved in this window
	refused  time.Time // when the store granted less than was needed
	guessed  bool      // a share was taken without the store in this window
}

// leaseParts is how many leases a limit is cut into.
const leaseParts = 20

// lease is how much a replica takes at a time.
func (m *meter) lease() int64 { return max(1, m.limit/leaseParts) }

// roll moves on to the window of now.
func (m *meter) roll(now time.Time, limit int64) {
	w := minuteOf
	if m.resource == Spending {
		w = monthOf
	}
	if now.Before(m.window.begin) || !now.Before(m.window.end) {
		*m = meter{resource: m.resource, window: w(now)}
	}
	m.limit = limit
}

// fits says whether n more may be used out of what is granted. Of spending, whose price is
// known only afterwards, something must be left.
func (m *meter) fits(n int64) bool {
	if m.limit == 0 {
		return true
	}
	if m.resource == Spending {
		return m.used+n <= m.share && m.used < m.share
	}
	return m.used+n <= m.share
}

// want is what to ask for so that n more fit.
func (m *meter) want(n int64) int64 {
	return max(m.used+n, min(m.limit, m.used+max(n, m.lease())))
}

// over says that n more do not fit into the limit, whatever the other replicas do.
func (m *meter) over(n int64) bool {
	return m.limit > 0 && m.used+n > m.limit
}

func (m *meter) claim(key, replica string, now time.Time, want int64) Claim {
	c := Claim{KeyID: key, Resource: m.resource, Window: m.window.begin, Replica: replica, Limit: m.limit, Used: m.used, Last: now, Want: want, Now: now, Expires: m.window.end}
	if m.resource == Spending && now.Add(shareLife).Before(m.window.end) {
		c.Expires = now.Add(shareLife)
	}
	return c
}

// shareLife is how long an unused share of a month outlives a replica that has died.
const shareLife = 3 * time.Minute

// guess takes one lease without the store, once in a window.
func (m *meter) guess(n int64) bool {
	if m.guessed {
		return false
	}
	m.guessed = true
	m.share = min(m.limit, max(m.share, m.used)+max(n, m.lease()))
	return m.fits(n)
}
