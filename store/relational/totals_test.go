package relational

import (
	"testing"
	"time"
)

// Buckets are dense, ascending, and at most an eighth wide.
func TestLatencyBuckets(t *testing.T) {
	t.Parallel()
	last := int64(-1)
	for us := int64(0); us < 1<<20; us++ {
		b := latencyBucket(time.Duration(us) * time.Microsecond)
		if b != last && b != last+1 {
			t.Fatalf("%d us is in bucket %d, after %d", us, b, last)
		}
		last = b
		end := latencyOf(b)
		if lat := time.Duration(us) * time.Microsecond; end < lat || float64(end) > float64(lat)*1.125+1 {
			t.Fatalf("%v is in bucket %d, which ends at %v", lat, b, end)
		}
		if latencyBucket(end) != b || latencyBucket(end+1) != b+1 {
			t.Fatalf("bucket %d ends at %v, which is in %d; the next nanosecond in %d", b, end, latencyBucket(end), latencyBucket(end+1))
		}
	}
	if b := latencyBucket(time.Hour); latencyOf(b) < time.Hour || latencyOf(b) > time.Hour*9/8 {
		t.Errorf("an hour is in a bucket that ends at %v", latencyOf(b))
	}
	if b := latencyBucket(-1); b != 0 {
		t.Errorf("a negative latency is in bucket %d", b)
	}
}

func TestDayOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"1970-01-01T00:00:00Z": 0, "1970-01-01T23:59:59Z": 0, "1970-01-02T00:00:00Z": 1, "1969-12-31T23:59:59Z": -1, "2026-11-25T01:00:00+02:00": 20781} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := dayOf(at); got != want {
			t.Errorf("%s is day %d, want %d", text, got, want)
		}
	}
}
