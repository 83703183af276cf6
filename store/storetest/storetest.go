// Package storetest is the conformance suite that every database passes.
//
// Key words: suite, round trip, page.
//
// A database's own test calls Test with a function that opens an empty one:
//
//	func TestConformance(t *testing.T) {
//		storetest.Test(t, func(t *testing.T) storetest.Store { ... })
//	}
//
// The suite fills every field of every stored type by reflection, so that a field
// that is added to one of them fails here until the database keeps it.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/review"
	"stylesprint/evaluate/shard"
	"stylesprint/release"
)

// RequestLog is the gateway's request log with what dashboards ask of it.
type RequestLog interface {
	// AppendRequests adds records, all or none; ids that are there already are skipped.
	AppendRequests(ctx context.Context, records []stylesprint.RequestRecord) error
	// Requests lists records, newest first.
	Requests(ctx context.Context, f stylesprint.RequestFilter) ([]stylesprint.RequestRecord, error)
	// SummariseRequests sums up by model since a time, busiest first.
	SummariseRequests(ctx context.Context, since time.Time) ([]stylesprint.RequestSummary, error)
	// PruneRequests deletes the records of the days (UTC) that ended by a time.
	PruneRequests(ctx context.Context, before time.Time) (deleted int64, err error)
}

// RequestTotals is what outlives the request log's records.
type RequestTotals interface {
	// RequestTotals sums up by day, key and model, pruned records included.
	RequestTotals(ctx context.Context, f stylesprint.TotalFilter) ([]stylesprint.RequestTotal, error)
	// PruneRequestBodies deletes the texts of requests before a time.
	PruneRequestBodies(ctx context.Context, before time.Time) (deleted int64, err error)
}

// Store is everything that a database keeps.
type Store interface {
	shard.Store
	RequestLog
	RequestTotals
	review.Store
	Access
	Feedback
	release.Store
	release.Ledger
}

// Test runs the suite. open is called once for each part, with an empty database each time.
func Test(t *testing.T, open func(t *testing.T) Store) {
	parts := []struct {
		name string
		test func(t *testing.T, s Store)
	}{
		{"run", testRun},
		{"runs", testRuns},
		{"outputs", testOutputs},
		{"outputs/atomic", testOutputsAtomic},
		{"outputs/yield", testYield},
		{"texts", testTexts},
		{"shards", testShards},
		{"statistics", testStatistics},
		{"requests", testRequests},
		{"requests/idempotent", testIdempotent},
		{"requests/summary", testSummary},
		{"requests/replay", testReplay},
		{"requests/odd texts", testOddTexts},
		{"requests/prune", testPrune},
		{"requests/totals", testTotals},
		{"requests/bodies", testPruneBodies},
		{"review", testReview},
		{"reviews", testReviews},
		{"review/update", testReviewUpdate},
		{"review/seats", testReviewSeats},
		{"access/keys", testKeys},
		{"access/leases", testLeases},
		{"access/sessions", testSessions},
		{"access/trail", testTrail},
		{"feedback", testFeedback},
		{"feedback's owners", testFeedbackOwners},
		{"releases", testReleases},
		{"releases/verdicts", testVerdicts},
		{"releases/assignments", testAssignments},
		{"releases/at once", testReleasesAtOnce},
		{"cancelled", testCancelled},
		{"concurrent", testConcurrent},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.test(t, open(t))
		})
	}
}

// start is a moment with nanoseconds, to which the suite's times are relative.
func start() time.Time { return time.Date(2025, 3, 4, 5, 6, 7, 123456789, time.UTC) }

// run makes a plain run that was created so many seconds after start.
func run(id string, seconds int) evaluate.Run {
	return evaluate.Run{ID: id, Dataset: "demo", DatasetHash: "h", Repeat: 1, Status: evaluate.StatusRunning, Created: start().Add(time.Duration(seconds) * time.Second), Total: 3}
}

func save(t *testing.T, s Store, runs ...evaluate.Run) {
	t.Helper()
	for _, r := range runs {
		if err := s.SaveRun(context.Background(), r); err != nil {
			t.Fatalf("SaveRun: %v", err)
		}
	}
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}

func wantCode(t *testing.T, what string, err error, code stylesprint.Code) {
	t.Helper()
	if err == nil || stylesprint.CodeOf(err) != code {
		t.Errorf("%s: got error %v, want code %s", what, err, code)
	}
}

// fill sets every exported field below v to a value that is not zero. Values
// differ, so that two columns that are swapped are noticed.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case json.RawMessage:
		v.SetBytes(fmt.Appendf(nil, `{"n": %d}`, *n))
		return
	case time.Time:
		v.Set(reflect.ValueOf(start().Add(time.Duration(*n) * time.Hour)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(int64(*n))
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic(fmt.Sprintf("storetest: fill cannot make a %s", v.Type()))
	}
}

func filled[T any](n int) T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), &n)
	return v
}
