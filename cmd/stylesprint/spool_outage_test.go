package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/internal/testkit/postgres"
)

// Postgres stopped, crashed and started again under load: no request fails, no row is lost,
// and totals equal the rows.
func TestPostgresOutageUnderLoad(t *testing.T) {
	t.Parallel()
	database := postgres.Start(t, postgres.Options{})
	upstream := httptest.NewServer(http.HandlerFunc(mockUpstream))
	defer upstream.Close()
	h := household{t: t, home: t.TempDir(), database: database.Database(t)}
	p := startServing(t, h, upstream.URL)
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	defer transport.CloseIdleConnections()
	all := &tally{completed: map[string]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		all.load(ctx, &http.Client{Transport: transport}, p.url, "o", 100)
	}()
	const while = 1500 * time.Millisecond
	time.Sleep(while)
	database.Stop(t)
	time.Sleep(while)
	database.Start(t)
	time.Sleep(while)
	database.Kill(t)
	time.Sleep(while)
	database.Start(t)
	time.Sleep(while)
	stop()
	<-ended
	p.end(t, os.Interrupt)
	db := h.store()
	records, err := db.Requests(t.Context(), stylesprint.RequestFilter{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{}
	for _, r := range records {
		id, _, _ := strings.Cut(r.ID, "~")
		rows[id]++
		if r.Status != 200 || r.Flags != "" || r.Cost == 0 {
			t.Errorf("%+v", r)
		}
	}
	totals, err := db.RequestTotals(t.Context(), stylesprint.TotalFilter{})
	if err != nil || len(totals) != 1 || totals[0].Requests != len(records) {
		t.Errorf("totals %+v, %v", totals, err)
	}
	for id := range all.completed {
		if rows[id] != 1 {
			t.Errorf("%s has %d rows", id, rows[id])
		}
	}
	if len(all.failed) > 0 || len(rows) != len(all.completed) || all.asked < 100 {
		t.Errorf("%d asked, %d answered, %d rows; failed: %v", all.asked, len(all.completed), len(rows), all.failed)
	}
	left, err := filepath.Glob(filepath.Join(h.home, "data", "stylesprint", "spool", "*", "*.seg"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in the spool: %v, %v", left, err)
	}
	t.Logf("two outages of %v: %d requests, %d answered, %d rows", while, all.asked, len(all.completed), len(rows))
}
