package access

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"sync"
	"time"

	"stylesprint"
)

// loginPrefix begins the public name of a person who logged in without a key.
const loginPrefix = "login-"

// LoginID is the public name, in the request log and for limits, of a person whom a provider of
// identities knows: "login-" and 12 characters, the same at each login.
func LoginID(subject string) string {
	sum := sha256.Sum256([]byte("stylesprint login\x00" + subject))
	return loginPrefix + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:12])
}

// IsLogin says whether an id is a LoginID.
func IsLogin(id string) bool { return strings.HasPrefix(id, loginPrefix) }

// LoginLimits are those of each person who logged in without a key; 0 means none.
type LoginLimits struct {
	RequestsPerMinute int
	TokensPerMinute   int
	MonthlyBudget     stylesprint.Money
}

// Key is what a Limiter asks for: a key with these limits that belongs to a person and opens
// nothing.
func (l LoginLimits) Key(loginID string) *Key {
	return &Key{ID: loginID, RequestsPerMinute: l.RequestsPerMinute, TokensPerMinute: l.TokensPerMinute, MonthlyBudget: l.MonthlyBudget}
}

// holder is what limits are of, in words.
func (k *Key) holder() string {
	if IsLogin(k.ID) {
		return "login"
	}
	return "key"
}

// Spent says what somebody has spent since a time, on all replicas, as far as it was recorded.
type Spent func(ctx context.Context, id string, since time.Time) (stylesprint.Money, error)

// LoginQuotas is a QuotaStore that also holds people to their limits who logged in without a
// key: no row of the store stands for them. Each replica grants them a minute's limit by itself.
// What a month's budget has left is the limit less what was recorded for them, on whichever
// replica; what others spend and have not recorded yet may exceed it.
//
// It keeps an entry for each person with a budget who asked a model.
type LoginQuotas struct {
	QuotaStore // of keys
	spent      Spent

	mu     sync.Mutex
	others map[string]spending
}

var _ QuotaStore = (*LoginQuotas)(nil)

// spending is what a person spent elsewhere, or here before this process began.
type spending struct {
	month  time.Time
	amount int64
}

// NewLoginQuotas stands before the store of keys.
func NewLoginQuotas(keys QuotaStore, spent Spent) *LoginQuotas {
	return &LoginQuotas{QuotaStore: keys, spent: spent, others: map[string]spending{}}
}

// Lease implements QuotaStore.
func (q *LoginQuotas) Lease(ctx context.Context, claims []Claim) ([]int64, error) {
	shares := make([]int64, len(claims))
	var keys []Claim
	var at []int
	for i, c := range claims {
		if !IsLogin(c.KeyID) {
			keys, at = append(keys, c), append(at, i)
			continue
		}
		var err error
		if shares[i], err = q.share(ctx, c); err != nil {
			return nil, err
		}
	}
	if len(keys) == 0 {
		return shares, nil
	}
	granted, err := q.QuotaStore.Lease(ctx, keys)
	if err != nil {
		return nil, err
	}
	if len(granted) != len(keys) {
		return nil, fmt.Errorf("lease shares of limits: %d for %d claims", len(granted), len(keys))
	}
	for j, i := range at {
		shares[i] = granted[j]
	}
	return shares, nil
}

// share is what a person may use in a window.
func (q *LoginQuotas) share(ctx context.Context, c Claim) (int64, error) {
	if c.Limit == 0 {
		return max(c.Want, c.Used), nil
	}
	left := c.Limit
	if c.Resource == Spending {
		spent, err := q.spent(ctx, c.KeyID, c.Window)
		if err != nil {
			return 0, fmt.Errorf("read what %s has spent: %w", c.KeyID, err)
		}
		left -= q.elsewhere(c, int64(spent))
	}
	return max(c.Used, min(c.Want, left)), nil
}

// elsewhere is what of the recorded spending is not this replica's. Some of what this one used
// may not be recorded yet, so the most that was ever found counts.
func (q *LoginQuotas) elsewhere(c Claim, recorded int64) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.others[c.KeyID]
	if !s.month.Equal(c.Window) {
		s = spending{month: c.Window}
	}
	s.amount = max(s.amount, recorded-c.Used)
	q.others[c.KeyID] = s
	return s.amount
}
