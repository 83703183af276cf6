package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"stylesprint"
)

// madeRecords are requests of two days, two keys and three models, some of which failed.
func madeRecords() (day time.Time, records []stylesprint.RequestRecord) {
	day = time.Date(2025, 3, 4, 0, 0, 0, 0, time.UTC)
	for i := range 120 {
		r := record(fmt.Sprintf("r%d", i), []string{"big", "small", "Ärmel"}[i%3], 0)
		r.Time = day.AddDate(0, 0, i%2).Add(time.Duration(i) * time.Minute)
		r.KeyID = []string{"k1", "k2"}[i/2%2]
		r.Usage = stylesprint.Usage{PromptTokens: i, CompletionTokens: 2 * i, CachedTokens: i / 2}
		r.Cost, r.Billed, r.Latency = stylesprint.Money(i), stylesprint.Money(3*i), time.Duration(i+1)*time.Millisecond
		if i%10 == 0 {
			r.Status = 502
		}
		if i%7 == 0 {
			r.Cache = "hit"
		}
		records = append(records, r)
	}
	return day, records
}

// sumOf adds records up.
func sumOf(records []stylesprint.RequestRecord, keep func(stylesprint.RequestRecord) bool) stylesprint.RequestTotal {
	var out stylesprint.RequestTotal
	for _, r := range records {
		if !keep(r) {
			continue
		}
		out.Requests++
		out.Usage = out.Usage.Add(r.Usage)
		out.Cost += r.Cost
		out.Billed += r.Billed
		if r.Cache == "hit" {
			out.CacheHits++
		}
		if r.Status >= 400 {
			out.Errors++
		} else {
			out.Latency += r.Latency
		}
	}
	return out
}

// Totals equal the sum of the rows, whatever is sent again, in whatever batches.
func testTotals(t *testing.T, s Store) {
	ctx := context.Background()
	totals := func(f stylesprint.TotalFilter) []stylesprint.RequestTotal {
		t.Helper()
		got, err := s.RequestTotals(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	equal(t, "totals of nothing", len(totals(stylesprint.TotalFilter{})), 0)
	day, records := madeRecords()
	for begin := 0; begin < len(records); begin += 25 { // overlapping batches, and the last one twice
		add(t, s, records[max(0, begin-10):min(len(records), begin+25)]...)
	}
	add(t, s, records[100:]...)
	add(t, s, append(records[:3:3], records[:3]...)...)

	sum := func(keep func(stylesprint.RequestRecord) bool) stylesprint.RequestTotal { return sumOf(records, keep) }
	check := func(what string, got, want stylesprint.RequestTotal) {
		t.Helper()
		got.P50, got.P95 = 0, 0
		equal(t, what, got, want)
	}
	all := totals(stylesprint.TotalFilter{})
	if len(all) != 1 {
		t.Fatalf("%d sums", len(all))
	}
	// The 54th and the 103rd of 108 good latencies are 60 and 115 ms.
	if p50, p95 := all[0].P50, all[0].P95; p50 < 60*time.Millisecond || p50 > 68*time.Millisecond || p95 < 115*time.Millisecond || p95 > 130*time.Millisecond {
		t.Errorf("p50 %v, p95 %v", p50, p95)
	}
	check("the sum of everything", all[0], sum(func(stylesprint.RequestRecord) bool { return true }))
	each := totals(stylesprint.TotalFilter{ByDay: true, ByKey: true, ByModel: true})
	if len(each) != 12 {
		t.Fatalf("%d rows", len(each))
	}
	for i, got := range each {
		want := sum(func(r stylesprint.RequestRecord) bool {
			return r.Model == got.Model && r.KeyID == got.KeyID && r.Time.Truncate(24*time.Hour).Equal(got.Day)
		})
		want.Day, want.KeyID, want.Model = got.Day, got.KeyID, got.Model
		check(fmt.Sprintf("row %d", i), got, want)
	}
	equal(t, "the first row", []any{each[0].Day, each[0].KeyID, each[0].Model}, []any{day.AddDate(0, 0, 1), "k1", "big"})
	equal(t, "the last row", []any{each[11].Day, each[11].KeyID, each[11].Model}, []any{day, "k2", "Ärmel"})
	one := totals(stylesprint.TotalFilter{ByModel: true, KeyID: "k2", Model: "small", Since: day.AddDate(0, 0, 1), Until: day.AddDate(0, 0, 1).Add(5 * time.Hour)})
	want := sum(func(r stylesprint.RequestRecord) bool {
		return r.Model == "small" && r.KeyID == "k2" && !r.Time.Before(day.AddDate(0, 0, 1))
	})
	want.Model = "small"
	if len(one) != 1 {
		t.Fatalf("%d rows", len(one))
	}
	check("a key, a model and a day", one[0], want)
	equal(t, "days without requests", len(totals(stylesprint.TotalFilter{Since: day.AddDate(0, 0, 2)})), 0)
}

// Bodies of old requests go, records and totals stay.
func testPruneBodies(t *testing.T, s Store) {
	ctx := context.Background()
	var records []stylesprint.RequestRecord
	for i := range 1200 {
		r := record(fmt.Sprintf("r%04d", i), "m", i)
		if i%2 == 0 {
			r.Prompt, r.Response = "p", "r"
		}
		records = append(records, r)
	}
	add(t, s, records...)
	for _, want := range []int64{550, 0} {
		n, err := s.PruneRequestBodies(ctx, start().Add(1100*time.Second))
		if err != nil || n != want {
			t.Errorf("%d bodies deleted, %v, want %d", n, err, want)
		}
	}
	got, err := s.Requests(ctx, stylesprint.RequestFilter{Limit: 2000})
	if err != nil || len(got) != len(records) {
		t.Fatalf("%d records, %v", len(got), err)
	}
	for _, r := range got {
		if kept := r.Prompt != ""; kept != (r.ID >= "r1100" && (r.ID[4]-'0')%2 == 0) {
			t.Errorf("%s: body kept: %v", r.ID, kept)
		}
	}
	totals, err := s.RequestTotals(ctx, stylesprint.TotalFilter{})
	if err != nil || len(totals) != 1 || totals[0].Requests != len(records) {
		t.Errorf("%+v, %v", totals, err)
	}
}
