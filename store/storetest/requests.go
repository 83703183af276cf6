package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"stylesprint"
)

func record(id, model string, seconds int) stylesprint.RequestRecord {
	return stylesprint.RequestRecord{ID: id, Time: start().Add(time.Duration(seconds) * time.Second), Route: "/generate/", Model: model, Status: 200}
}

func add(t *testing.T, s Store, records ...stylesprint.RequestRecord) {
	t.Helper()
	if err := s.AppendRequests(context.Background(), records); err != nil {
		t.Fatalf("AppendRequests: %v", err)
	}
}

func testRequests(t *testing.T, s Store) {
	ctx := context.Background()
	full := filled[stylesprint.RequestRecord](1)
	add(t, s, full)
	got, err := s.Requests(ctx, stylesprint.RequestFilter{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a record with every field set", got, []stylesprint.RequestRecord{full})

	list := func(f stylesprint.RequestFilter) string {
		t.Helper()
		records, err := s.Requests(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		ids := make([]string, len(records))
		for i, r := range records {
			ids[i] = r.ID
		}
		return strings.Join(ids, " ")
	}
	add(t, s) // nothing
	half := record("half", "big", 3)
	half.Response = "only the answer is kept"
	// Three of the same moment, out of order.
	add(t, s, record("b", "small", 2), record("c", "small", 2), record("a", "big", 2), record("old", "small", 1), half)
	all := full.ID + " half c b a old"
	equal(t, "records", list(stylesprint.RequestFilter{}), all)
	equal(t, "records of a model", list(stylesprint.RequestFilter{Model: "small"}), "c b old")
	equal(t, "records of an unknown model", list(stylesprint.RequestFilter{Model: "none"}), "")
	equal(t, "records since a time", list(stylesprint.RequestFilter{Since: start().Add(2 * time.Second)}), full.ID+" half c b a")
	equal(t, "a page of a model since a time", list(stylesprint.RequestFilter{Model: "small", Since: start().Add(2 * time.Second), Before: "c", Limit: 9}), "b")
	pages, before := "", full.ID
	for before != "" {
		page := list(stylesprint.RequestFilter{Limit: 2, Before: before})
		pages += " " + page
		before = page[strings.LastIndex(page, " ")+1:]
	}
	equal(t, "pages of two", strings.TrimSpace(pages), strings.TrimPrefix(all, full.ID+" "))
	_, err = s.Requests(ctx, stylesprint.RequestFilter{Before: "nobody"})
	wantCode(t, "Requests before an unknown id", err, stylesprint.CodeNotFound)
	got, err = s.Requests(ctx, stylesprint.RequestFilter{Before: full.ID, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a record with half a body", got, []stylesprint.RequestRecord{half})
}

func testIdempotent(t *testing.T, s Store) {
	ctx := context.Background()
	first := record("one", "m", 1)
	first.Prompt = "first"
	add(t, s, first)
	again := first
	again.Status, again.Prompt = 500, "second"
	add(t, s, again, record("two", "m", 2), record("two", "m", 2))
	got, err := s.Requests(ctx, stylesprint.RequestFilter{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "a batch that was sent again", got, []stylesprint.RequestRecord{record("two", "m", 2), first})

	if err := s.AppendRequests(ctx, []stylesprint.RequestRecord{record("three", "m", 3), {}}); err == nil {
		t.Error("a record without an id was stored")
	}
	if got, err = s.Requests(ctx, stylesprint.RequestFilter{}); err != nil || len(got) != 2 {
		t.Errorf("half a batch was stored: %d records, %v", len(got), err)
	}
}

func testSummary(t *testing.T, s Store) {
	ctx := context.Background()
	sums, err := s.SummariseRequests(ctx, time.Time{})
	if err != nil || len(sums) != 0 {
		t.Errorf("summary of nothing: %+v, %v", sums, err)
	}
	var records []stylesprint.RequestRecord
	for i := 1; i <= 20; i++ { // latencies of 1 to 20 ms: half of them do not exceed 10, 95 % do not exceed 19
		r := record("s"+string(rune('a'+i)), "small", 10)
		r.Latency = time.Duration(i) * time.Millisecond
		r.Usage = stylesprint.Usage{PromptTokens: 10, CompletionTokens: 5, CachedTokens: 2}
		r.Cost = 7
		records = append(records, r)
	}
	slow := record("slow", "small", 10)
	slow.Status, slow.Latency = 504, time.Hour
	early := record("early", "small", 1)
	early.Latency = time.Hour
	one := record("one", "large", 10)
	one.Latency, one.Cost = 3*time.Second, stylesprint.MoneyOf(9e8)
	broken := record("broken", "broken", 10)
	broken.Status, broken.Latency = 503, time.Second
	add(t, s, append(records, slow, early, one, broken)...)
	sums, err = s.SummariseRequests(ctx, start().Add(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "summary", sums, []stylesprint.RequestSummary{
		{Model: "small", Requests: 21, Errors: 1, Usage: stylesprint.Usage{PromptTokens: 200, CompletionTokens: 100, CachedTokens: 40}, Cost: 140, P50: 10 * time.Millisecond, P95: 19 * time.Millisecond},
		{Model: "broken", Requests: 1, Errors: 1},
		{Model: "large", Requests: 1, Cost: stylesprint.MoneyOf(9e8), P50: 3 * time.Second, P95: 3 * time.Second},
	})
}
