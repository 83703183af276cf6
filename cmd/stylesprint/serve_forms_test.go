package main

import (
	"net/url"
	"strings"
	"testing"

	"stylesprint"
)

// What people ask in the dashboard's forms counts against their key, passes the content policy,
// and is in the request log.
func TestFormsGoThroughTheGateway(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	id, key := s.key("--name", "editor", "--scope", "generate,evaluate", "--monthly-budget", "0.02")
	_, reviewer := s.key("--name", "reviewer", "--scope", "review")
	s.until("without a key", 401, func() int { status, _ := s.ask("POST", "/generate/", "", question); return status })
	form := func(path string, f url.Values) (int, string) { return s.ask("POST", path, "", f.Encode()) }
	login := func(key, next string) {
		t.Helper()
		s.until("the login", 200, func() int { status, _ := form("/login", url.Values{"key": {key}, "next": {next}}); return status })
	}
	login(key, "/playground")
	playground := url.Values{"model": {"remote"}, "prompt": {"A line about a dress"}}
	if status, body := form("/playground", playground); status != 200 || !strings.Contains(body, "remote answered in") || !strings.Contains(body, "A linen dress.") {
		t.Errorf("the playground: %d %s", status, body)
	}
	if status, body := form("/playground", url.Values{"model": {"remote"}, "prompt": {"My card is 4111 1111 1111 1111"}}); status != 422 || !strings.Contains(body, "There is no answer") {
		t.Errorf("a card's number: %d %s", status, body)
	}
	if status, body := form("/questions", url.Values{"sku": {"SS-DR-101"}, "question": {"Does it have pockets?"}}); status != 200 || !strings.Contains(body, "is answered from features") {
		t.Errorf("the questions: %d %s", status, body)
	}
	// Each answer costs 0.009 of 0.02.
	if status, body := form("/playground", playground); status != 200 && status != 403 {
		t.Errorf("at the end of the budget: %d %s", status, body)
	}
	if status, body := form("/playground", playground); status != 403 || !strings.Contains(body, "There is no answer") {
		t.Errorf("over the budget: %d %s", status, body)
	}
	login(reviewer, "/review")
	for _, path := range []string{"/playground", "/questions"} {
		if status, _ := form(path, playground); status != 403 {
			t.Errorf("%s without the scope generate: %d", path, status)
		}
	}
	seen := map[string]int{}
	s.until("the rows", 5, func() int {
		clear(seen)
		n := 0
		for _, r := range s.requests() {
			if r.Route == "/playground" || r.Route == "/questions" {
				n++
				seen[r.Route]++
				if r.KeyID != id {
					t.Fatalf("a row of %q: %+v", r.KeyID, r)
				}
			}
		}
		return n
	})
	if seen["/questions"] != 1 {
		t.Errorf("rows: %v", seen)
	}
}

// requests is what the request log holds.
func (s *shop) requests() []stylesprint.RequestRecord {
	s.t.Helper()
	env := map[string]string{"HOME": s.home, "XDG_DATA_HOME": s.home + "/data"}
	a := &app{world: world{getenv: func(k string) string { return env[k] }}}
	c, err := a.config()
	if err != nil {
		s.t.Fatal(err)
	}
	db, err := a.openStore(s.t.Context(), c)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	out, err := db.Requests(s.t.Context(), stylesprint.RequestFilter{Limit: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}
