package sqlite

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"stylesprint"
)

// Records from before there were totals are summed up by the migration, as later ones are when
// they come.
func TestTotalsOfOldRecords(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	d, err := Open(ctx, filepath.Join(t.TempDir(), "a.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var records []stylesprint.RequestRecord
	for i := range 50 {
		r := stylesprint.RequestRecord{ID: fmt.Sprint("r", i), Time: time.Unix(1700000000+int64(i)*7200, 0), Model: []string{"a", "b"}[i%2], KeyID: "k", Status: 200 + i%3*150,
			Usage: stylesprint.Usage{PromptTokens: i, CompletionTokens: i + 1, CachedTokens: i / 2}, Cost: stylesprint.Money(i), Billed: stylesprint.Money(2 * i), Latency: time.Duration(i)}
		if i%4 == 0 {
			r.Cache = "hit"
		}
		records = append(records, r)
	}
	if err := d.AppendRequests(ctx, records); err != nil {
		t.Fatal(err)
	}
	totals := func() []stylesprint.RequestTotal {
		got, err := d.RequestTotals(ctx, stylesprint.TotalFilter{ByDay: true, ByKey: true, ByModel: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i].P50, got[i].P95 = 0, 0
		}
		return got
	}
	want := totals()
	step, err := migrations.ReadFile("migrations/0007_request_totals.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.writer.ExecContext(ctx, "DROP TABLE request_totals; DROP TABLE request_latencies;"+string(step)); err != nil {
		t.Fatal(err)
	}
	if got := totals(); !reflect.DeepEqual(got, want) || len(got) < 8 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
