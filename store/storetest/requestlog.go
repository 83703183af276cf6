package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
)

// testReplay has several processes send the same records over and over, in parts that
// overlap and in different orders: each record is there once, with its first body.
func testReplay(t *testing.T, s Store) {
	ctx := context.Background()
	const total, part, senders = 300, 64, 4
	all := make([]stylesprint.RequestRecord, total)
	for i := range all {
		all[i] = record(fmt.Sprintf("r%03d", i), "m", i)
		all[i].Prompt = fmt.Sprint("prompt ", i)
	}
	var wait sync.WaitGroup
	for sender := range senders {
		wait.Go(func() {
			for round := range total / part * 2 {
				batch := make([]stylesprint.RequestRecord, 0, part+1)
				for k := range part {
					i := (sender*37 + round*part/2 + k) % total
					if sender%2 == 1 { // against the others' order
						i = total - 1 - i
					}
					batch = append(batch, all[i])
				}
				batch = append(batch, batch[0]) // one of them twice
				if err := s.AppendRequests(ctx, batch); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	add(t, s, all...)
	got, err := s.Requests(ctx, stylesprint.RequestFilter{Limit: 2 * total})
	if err != nil || len(got) != total {
		t.Fatalf("%d records (%v), want %d", len(got), err, total)
	}
	for i, r := range got {
		if want := all[total-1-i]; r.ID != want.ID || r.Prompt != want.Prompt {
			t.Fatalf("record %d is %s with the prompt %q, want %s with %q", i, r.ID, r.Prompt, want.ID, want.Prompt)
		}
	}
}

// testOddTexts sends what a client may have sent: a text that one database cannot hold as
// it is must not stop the records beside it.
func testOddTexts(t *testing.T, s Store) {
	odd := record("odd", "m", 1)
	odd.Model, odd.Prompt, odd.Response = "nul \x00", "cut \xff\xfe off", "lone \xed\xa0\x80 surrogate \x00"
	add(t, s, odd, record("plain", "m", 2))
	got, err := s.Requests(context.Background(), stylesprint.RequestFilter{})
	if err != nil || len(got) != 2 || !strings.HasPrefix(got[1].Model, "nul ") || !strings.HasPrefix(got[1].Prompt, "cut ") || !strings.HasSuffix(got[1].Prompt, " off") {
		t.Errorf("odd texts come back as %+v, %v", got, err)
	}
}

func testPrune(t *testing.T, s Store) {
	ctx := context.Background()
	day := start().Truncate(24 * time.Hour)
	at := func(id string, when time.Time) stylesprint.RequestRecord {
		return stylesprint.RequestRecord{ID: id, Time: when, Model: "m", Status: 200, Prompt: "prompt of " + id}
	}
	var records []stylesprint.RequestRecord
	for i := range 1200 { // more than one batch
		records = append(records, at(fmt.Sprintf("old-%04d", i), day.Add(-time.Duration(i+1)*time.Minute)))
	}
	edges := []stylesprint.RequestRecord{at("first", day), at("last", day.Add(24*time.Hour-1)), at("next", day.Add(24*time.Hour)), at("ancient", time.Time{})}
	add(t, s, append(records, edges...)...)
	prune := func(before time.Time, want int64) {
		t.Helper()
		if n, err := s.PruneRequests(ctx, before); err != nil || n != want {
			t.Errorf("PruneRequests until %s deleted %d (%v), want %d", before, n, err, want)
		}
	}
	list := func() string {
		t.Helper()
		got, err := s.Requests(ctx, stylesprint.RequestFilter{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, r := range got {
			ids = append(ids, r.ID)
			if r.Prompt != "prompt of "+r.ID {
				t.Errorf("%s has the prompt %q", r.ID, r.Prompt)
			}
		}
		return strings.Join(ids, " ")
	}
	prune(day.Add(12*time.Hour), 1201) // a day that has not ended stays whole
	equal(t, "records of the days that are left", list(), "next last first")
	prune(day.Add(24*time.Hour-1), 0)
	prune(day.Add(24*time.Hour), 2)
	equal(t, "records of the day that is left", list(), "next")

	// A day that was forgotten may come again, from a spool that was away for long.
	add(t, s, at("first", day), at("old-0000", records[0].Time))
	equal(t, "records that came late", list(), "next first old-0000")
	prune(day.Add(96*time.Hour), 3)
	equal(t, "records of an empty log", list(), "")
}
