package access_test

import (
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
)

func TestCreateListRevoke(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	ring := access.NewRing(s, access.RingOptions{Now: c.Now})
	k, secret, err := ring.Create(t.Context(), "ops", access.Draft{Name: "Shop", Scopes: []access.Scope{access.Review, access.Generate, access.Review}, Models: []string{"b", "a", "b"}, MonthlyBudget: stylesprint.MoneyOf(20), RequestsPerMinute: 60, TokensPerMinute: 5000, Expires: noon().AddDate(0, 1, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret.Reveal(), "ssk_") || !strings.HasPrefix(k.ID, "key-") || len(k.ID) != 16 || k.Class != "standard" || k.State(noon()) != "active" {
		t.Errorf("%+v", k)
	}
	if len(k.Scopes) != 2 || k.Scopes[0] != access.Generate || len(k.Models) != 2 || k.Models[0] != "a" {
		t.Errorf("scopes %v, models %v", k.Scopes, k.Models)
	}
	c.Advance(time.Hour)
	other, _ := create(t, s, c.Now, access.Draft{})
	if other.ID == k.ID {
		t.Error("two keys have one id")
	}
	if _, err := ring.Revoke(t.Context(), "ops", k.ID); err != nil {
		t.Fatal(err)
	}
	list, err := ring.List(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != other.ID || list[1].State(c.Now()) != "revoked" {
		t.Errorf("%+v, %v", list, err)
	}
	entries, err := access.NewTrail(s, c.Now).List(t.Context(), access.AuditFilter{})
	if err != nil || len(entries) != 3 {
		t.Fatalf("%+v, %v", entries, err)
	}
	if e := entries[2]; e.Actor != "ops" || e.Subject != k.ID || e.Detail != "Shop; scopes generate, review; models a, b; 60 requests/min; 5000 tokens/min; 20 a month; until 2026-06-15" {
		t.Errorf("%+v", e)
	}
}

func TestDraftFaults(t *testing.T) {
	t.Parallel()
	good := access.Draft{Name: "n", Scopes: []access.Scope{access.Generate}}
	cases := map[string]func(*access.Draft){
		"name":                func(d *access.Draft) { d.Name = "" },
		"name ":               func(d *access.Draft) { d.Name = " x" },
		"name  ":              func(d *access.Draft) { d.Name = "a\nb" },
		"name   ":             func(d *access.Draft) { d.Name = strings.Repeat("ä", 81) },
		"name    ":            func(d *access.Draft) { d.Name = "ssk_" + strings.Repeat("0", 49) },
		"scopes":              func(d *access.Draft) { d.Scopes = nil },
		"scopes ":             func(d *access.Draft) { d.Scopes = []access.Scope{"root"} },
		"models":              func(d *access.Draft) { d.Models = []string{""} },
		"models ":             func(d *access.Draft) { d.Models = make([]string, 65) },
		"requests_per_minute": func(d *access.Draft) { d.RequestsPerMinute = -1 },
		"tokens_per_minute":   func(d *access.Draft) { d.TokensPerMinute = -1 },
		"monthly_budget":      func(d *access.Draft) { d.MonthlyBudget = -1 },
		"class":               func(d *access.Draft) { d.Class = "key-123" },
		"expires":             func(d *access.Draft) { d.Expires = noon() },
	}
	if err := good.Validate(noon()); err != nil {
		t.Error(err)
	}
	for field, spoil := range cases {
		d := good
		spoil(&d)
		err := d.Validate(noon())
		if f := fieldOf(err); f != strings.TrimSpace(field) || stylesprint.HintOf(err) == "" {
			t.Errorf("%q: field %q, %v", field, f, err)
		}
	}
}

func TestTrailIsOneLineEach(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	trail := access.NewTrail(s, c.Now)
	if err := trail.Append(t.Context(), access.AuditEntry{Action: "x"}); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
		t.Errorf("nobody did it: %v", err)
	}
	if err := trail.Append(t.Context(), access.AuditEntry{Actor: "a\x00\nb", Action: "release.promoted", Subject: "r1", Detail: strings.Repeat("é", 501) + "\xff"}); err != nil {
		t.Fatal(err)
	}
	got, err := trail.List(t.Context(), access.AuditFilter{Action: "release.promoted"})
	if err != nil || len(got) != 1 || got[0].Actor != "a  b" || got[0].Detail != strings.Repeat("é", 499)+"…" || !got[0].Time.Equal(noon()) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	if !access.Allows([]access.Scope{access.Admin}, access.Review) || access.Allows([]access.Scope{access.Review}, access.Admin) || access.Allows(nil, access.Generate) {
		t.Error("admin includes the others, and nothing else does")
	}
}
