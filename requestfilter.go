package stylesprint

import "time"

// RequestFilter narrows a list of request records.
type RequestFilter struct {
	Model  string    // empty: all
	Since  time.Time // zero: from the beginning
	Limit  int       // 0: 100
	Before string    // a request's id: only older ones, for paging by key
}

// RequestSummary is what a model has served.
type RequestSummary struct {
	Model    string `json:"model"`
	Requests int    `json:"requests"`
	Errors   int    `json:"errors"` // answered with a status of 400 or above
	Usage    Usage  `json:"usage"`
	Cost     Money  `json:"cost"`
	// P50 and P95 are the least latencies that half and 95 % of the requests without
	// error did not exceed; zero if there was none.
	P50 time.Duration `json:"p50_ns"`
	P95 time.Duration `json:"p95_ns"`
}
