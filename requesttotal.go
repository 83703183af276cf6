package stylesprint

import "time"

// RequestTotal sums up the request log of a day, a key and a model, or of whatever of the
// three a TotalFilter keeps apart. Totals stay when the records are pruned.
type RequestTotal struct {
	Day       time.Time `json:"day"` // beginning of the day, UTC; zero where days are added up
	KeyID     string    `json:"key_id,omitempty"`
	Model     string    `json:"model,omitempty"`
	Requests  int       `json:"requests"`
	Errors    int       `json:"errors"`     // answered with a status of 400 or above
	CacheHits int       `json:"cache_hits"` // answered by the gateway's cache
	Usage     Usage     `json:"usage"`
	Cost      Money     `json:"cost"`
	Billed    Money     `json:"billed"`
	// Latency is the sum over requests without error. P50 and P95 are the least latencies
	// that half and 95 % of them did not exceed, rounded up by at most an eighth.
	Latency time.Duration `json:"latency_sum_ns"`
	P50     time.Duration `json:"p50_ns"`
	P95     time.Duration `json:"p95_ns"`
}

// TotalFilter narrows totals and says what is kept apart.
type TotalFilter struct {
	Since, Until time.Time // the days of these moments, both included; zero: no bound
	KeyID        string    // empty: all
	Model        string    // empty: all
	// ByDay, ByKey and ByModel keep days, keys and models apart; none of them gives one sum.
	ByDay, ByKey, ByModel bool
}
