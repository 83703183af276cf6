package web_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/internal/testkit/browser"
	"stylesprint/web"
)

// pictures, where set, is a folder for what the browser shows, for looking at.
func pictureOf(t *testing.T, tab *browser.Tab, name string) {
	t.Helper()
	dir := os.Getenv("STYLESPRINT_PICTURES")
	if dir == "" {
		return
	}
	b, err := tab.Picture(true)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, name+".png"), b, 0o600))
}

// TestAccessInBrowser makes the first key, logs in with it, makes another, revokes it, reads
// the trail and logs out, with the browser's own cookies and forms.
func TestAccessInBrowser(t *testing.T) {
	t.Parallel()
	b, err := browser.Start(context.Background(), browser.Options{})
	if errors.Is(err, browser.ErrAbsent) {
		if strings.Contains(os.Getenv("STYLESPRINT_REQUIRE"), "chromium") {
			t.Fatal("no chromium was found, and STYLESPRINT_REQUIRE asks for it")
		}
		t.Skip("no chromium was found: install it to test the pages in a browser")
	}
	must(t, err)
	t.Cleanup(b.Close)
	h := newHouse(t, func(a *web.Access) { a.SignIn = stranger{} })
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	tab := tabOf(t, b)
	look := func(path, name string) {
		t.Helper()
		for kind, v := range map[string]browser.View{"light": {Width: 1280, Height: 800}, "dark": {Width: 1280, Height: 800, Scheme: "dark"}, "phone": {Width: 360, Height: 740}} {
			must(t, tab.Open(srv.URL+path, v))
			if over := eval[int](t, tab, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
				t.Errorf("%s, %s: the page scrolls sideways by %d pixels; %s", path, kind, over, eval[string](t, tab, widest))
			}
			if cut := eval[int](t, tab, `[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth).length`); cut > 0 && kind != "phone" {
				t.Errorf("%s, %s: a table is cut", path, kind)
			}
			pictureOf(t, tab, name+"-"+kind)
			for _, f := range tab.Faults() {
				t.Errorf("%s, %s: %s", path, kind, f)
			}
		}
		must(t, tab.Open(srv.URL+path, browser.View{Width: 1280, Height: 800}))
	}
	look("/keys", "keys-empty")
	look("/trail", "trail-empty")
	must(t, tab.Open(srv.URL+"/keys", browser.View{Width: 1280, Height: 800}))
	must(t, tab.Click("#name"))
	must(t, tab.Press("Dana, operations"))
	must(t, tab.Press(kb.Enter))
	must(t, tab.Wait(`document.getElementById("made")`))
	pictureOf(t, tab, "key-made")
	secret := eval[string](t, tab, `document.getElementById("made").value`)
	look("/login?next=/keys", "login")
	must(t, tab.Click("#key"))
	must(t, tab.Press("ssk_wrong"))
	must(t, tab.Press(kb.Enter))
	must(t, tab.Wait(`document.querySelector(".harm") && document.getElementById("key").value === ""`))
	pictureOf(t, tab, "login-fault")
	if f := tab.Faults(); len(f) != 1 || !strings.Contains(f[0], "401") {
		t.Errorf("after a wrong key the browser says %q", f)
	}
	must(t, tab.Click("#key"))
	must(t, tab.Press(secret))
	must(t, tab.Press(kb.Enter))
	must(t, tab.Wait(`location.pathname === "/keys" && document.querySelector(".who")`))
	if cookies := eval[string](t, tab, "document.cookie"); cookies != "" {
		t.Errorf("scripts can read %q", cookies)
	}
	must(t, tab.Click(".key-new summary"))
	must(t, tab.Click("#name"))
	must(t, tab.Press("Shop front"))
	must(t, tab.Click("#scope-generate"))
	must(t, tab.Click("#budget"))
	must(t, tab.Press("25"))
	must(t, tab.Click("#requests"))
	must(t, tab.Press("600"))
	must(t, tab.Press(kb.Enter))
	must(t, tab.Wait(`document.getElementById("made")`))
	for _, d := range []access.Draft{
		{Name: "Night batch", Scopes: []access.Scope{access.Generate, access.Evaluate}, Models: []string{"smollm2-135m-instruct", "gpt-4o-mini"}, TokensPerMinute: 200_000, Class: "batch", Expires: time.Now().AddDate(0, 3, 0)},
		{Name: "Reviewers", Scopes: []access.Scope{access.Review, access.Audit}, MonthlyBudget: stylesprint.MoneyOf(4.5)},
	} {
		if _, _, err := h.ring.Create(t.Context(), "command line", d); err != nil {
			t.Fatal(err)
		}
	}
	must(t, tab.Open(srv.URL+"/keys", browser.View{Width: 1280, Height: 800}))
	must(t, tab.Click(`a[aria-label^="Revoke the key of Shop front"]`))
	must(t, tab.Wait(`document.querySelector("form.send")`))
	pictureOf(t, tab, "key-revoke")
	must(t, tab.Click("form.send button"))
	must(t, tab.Wait(`location.pathname === "/keys" && document.querySelector("h1").textContent.includes("of four")`))
	look("/keys", "keys")
	look("/trail", "trail")
	if n := eval[int](t, tab, `[...document.querySelectorAll("tbody tr")].length`); n < 6 {
		t.Errorf("the trail has %d entries", n)
	}
	must(t, tab.Press("g"))
	must(t, tab.Press("k"))
	must(t, tab.Wait(`location.pathname === "/keys" && document.readyState === "complete"`))
	must(t, tab.Click(".who button"))
	must(t, tab.Wait(`location.pathname === "/login"`))
	must(t, tab.Open(srv.URL+"/keys", browser.View{Width: 1280, Height: 800}))
	must(t, tab.Wait(`location.pathname === "/login"`))
}
