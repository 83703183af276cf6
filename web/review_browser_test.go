package web_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"stylesprint/evaluate/review"
	"stylesprint/internal/testkit/browser"
	"stylesprint/web/webtest"
)

// chromium starts a browser, or says why the test is skipped.
func chromium(t *testing.T) *browser.Browser {
	t.Helper()
	b, err := browser.Start(context.Background(), browser.Options{})
	if errors.Is(err, browser.ErrAbsent) {
		if strings.Contains(os.Getenv("STYLESPRINT_REQUIRE"), "chromium") {
			t.Fatal("no chromium was found, and STYLESPRINT_REQUIRE asks for it")
		}
		t.Skip("no chromium was found: install it to test the pages in a browser")
	}
	must(t, err)
	t.Cleanup(b.Close)
	return b
}

// A review is made in the browser, judged by two raters (one by keyboard, one on a
// phone by tapping), closed, and read.
func TestReviewInBrowser(t *testing.T) {
	t.Parallel()
	b := chromium(t)
	h, _, _ := reviews(t)
	srv := httptest.NewServer(h)
	defer srv.Close()
	owner := tabOf(t, b)
	wide := browser.View{Width: 1280, Height: 900}
	must(t, owner.Open(srv.URL+"/review/new?run="+webtest.Plain+"&run="+webtest.Voice, wide))
	must(t, owner.Click("#name"))
	must(t, owner.Press("Spring texts"))
	eval[string](t, owner, `document.getElementById("items").value = "4"`)
	eval[string](t, owner, `document.getElementById("repeats").value = "25"`)
	must(t, owner.Click("main form button"))
	must(t, owner.Wait(`document.querySelectorAll(".links a").length === 2`))
	links := eval[[]string](t, owner, `[...document.querySelectorAll(".links a")].map(a => a.href)`)
	task := eval[string](t, owner, `document.querySelector("a.button").href`)

	byKeyboard(t, tabOf(t, b), links[0])
	byTapping(t, tabOf(t, b), links[1])

	// Sealed: nothing that the owner can see tells who wrote what.
	must(t, owner.Open(task, wide))
	if title := eval[string](t, owner, `document.querySelector("h1").textContent`); title != "Spring texts has all its votes and can be closed" {
		t.Errorf("title %q", title)
	}
	sealed(t, owner)
	must(t, owner.Click("main a.button"))
	must(t, owner.Wait(`location.pathname.endsWith("/close") && document.readyState === "complete"`))
	sealed(t, owner)
	must(t, owner.Click("main form button"))
	must(t, owner.Wait(`document.getElementById("agree-h")`))
	body := eval[string](t, owner, `document.querySelector("main").innerText`)
	for _, want := range []string{"People do not clearly prefer either", "8 votes of people on 4 pairs", "rater 1 (Heron)", "rater 2", "Krippendorff's alpha, nominal", "Cohen's kappa of every two raters", "1 vote was taken back", "brand-voice", "too many adjectives"} {
		if !strings.Contains(body, want) {
			t.Errorf("the result lacks %q:\n%s", want, body)
		}
	}
	if f := owner.Faults(); len(f) > 0 {
		t.Error(f)
	}
}

func sealed(t *testing.T, tab *browser.Tab) {
	t.Helper()
	source := eval[string](t, tab, `document.documentElement.outerHTML`)
	for _, secret := range []string{webtest.Plain, webtest.Voice, "brand-voice", ">plain<"} {
		if strings.Contains(source, secret) {
			t.Errorf("%s tells %q before the review is closed", eval[string](t, tab, "location.pathname"), secret)
		}
	}
}

func turn(t *testing.T, tab *browser.Tab, n int) {
	t.Helper()
	must(t, tab.Wait(`document.querySelector("[name=turn]")?.value === "`+strconv.Itoa(n)+`" && document.readyState === "complete"`))
	sealed(t, tab)
}

// byKeyboard never touches the mouse.
func byKeyboard(t *testing.T, tab *browser.Tab, link string) {
	must(t, tab.Open(link, browser.View{Width: 1280, Height: 900}))
	for range 20 { // the skip link, the name
		must(t, tab.Press(kb.Tab))
		if eval[string](t, tab, "document.activeElement.id") == "name" {
			break
		}
	}
	must(t, tab.Press("Heron"))
	must(t, tab.Press(kb.Enter))
	turn(t, tab, 1)
	must(t, tab.Press("?"))
	must(t, tab.Wait(`document.getElementById("keys").open && document.getElementById("keys").innerText.includes("Both are bad")`))
	must(t, tab.Press(kb.Escape))
	must(t, tab.Wait(`!document.getElementById("keys").open`))
	must(t, tab.Press(kb.Enter)) // nothing is chosen yet
	must(t, tab.Press("2"))
	if got := eval[string](t, tab, `document.querySelector("[name=answer]:checked").value + " " + document.activeElement.name`); got != "b accuracy-a" {
		t.Errorf("after 2: %q", got)
	}
	must(t, tab.Press("a45"))
	must(t, tab.Press(kb.Backspace))
	must(t, tab.Press("30"))
	if got := eval[string](t, tab, `[...document.querySelectorAll("[data-mark] input:checked")].map(i => i.value).join("") + document.querySelector("[name=answer]:checked").value`); got != "430000a" {
		t.Errorf("marks and answer are %q", got)
	}
	must(t, tab.Press("c"))
	must(t, tab.Press("too many adjectives? 1 a u"))
	must(t, tab.Press(kb.Escape))
	if got := eval[string](t, tab, `document.getElementById("comment").value`); got != "too many adjectives? 1 a u" {
		t.Errorf("keys were taken from the comment: %q", got)
	}
	must(t, tab.Press(kb.Enter))
	turn(t, tab, 2)
	must(t, tab.Press("x"))
	must(t, tab.Press(kb.Enter))
	turn(t, tab, 3)
	must(t, tab.Press("u"))
	turn(t, tab, 2)
	if got := eval[string](t, tab, `document.querySelector("[name=answer]:checked").value + document.querySelector(".note").textContent`); !strings.HasPrefix(got, "badYour last answer is taken back") {
		t.Errorf("after undo: %q", got)
	}
	for n := 2; n <= 5; n++ { // four pairs, and one of them again
		turn(t, tab, n)
		must(t, tab.Press(map[int]string{2: "t", 3: "a", 4: "b", 5: "1"}[n]))
		must(t, tab.Press(kb.Enter))
	}
	must(t, tab.Wait(`document.querySelector("h1").textContent.startsWith("Thank you: you have judged 5 pairs")`))
	if f := tab.Faults(); len(f) > 0 {
		t.Error(f)
	}
}

// byTapping uses a phone.
func byTapping(t *testing.T, tab *browser.Tab, link string) {
	must(t, tab.Open(link, browser.View{Width: 360, Height: 740}))
	must(t, tab.Click("main form button"))
	for n := 1; n <= 5; n++ {
		turn(t, tab, n)
		if over := eval[int](t, tab, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
			t.Errorf("the page scrolls sideways by %d pixels; %s", over, eval[string](t, tab, widest))
		}
		if small := eval[[]string](t, tab, `[...document.querySelectorAll("main label, main button")].filter(e => { const r = e.getBoundingClientRect(); return r.width > 0 && !e.closest(".field") && (r.height < 24 || r.width < 24); }).map(e => e.textContent)`); len(small) > 0 {
			t.Errorf("too small to tap: %q", small)
		}
		must(t, tab.Click([]string{"#answer-a", "#answer-b", "#answer-tie", "#answer-bad", "#answer-b"}[n-1]))
		must(t, tab.Click("#accuracy-a-4"))
		must(t, tab.Click("#send-ballot"))
	}
	must(t, tab.Wait(`document.querySelector("h1").textContent.startsWith("Thank you: you have judged 5 pairs")`))
	if f := tab.Faults(); len(f) > 0 {
		t.Error(f)
	}
}

// Every page of reviews, light, dark, on phones and wide screens; and by Tab.
func TestReviewViews(t *testing.T) {
	t.Parallel()
	b := chromium(t)
	h, s, d := reviews(t)
	srv := httptest.NewServer(h)
	defer srv.Close()
	open := newReview(t, s, d, review.Plan{Name: "Spring texts", Raters: 2, Invites: 3})
	judged(t, d, open.Invites[1].Code, 3, 1)
	done := newReview(t, s, d, review.Plan{Name: "Autumn texts", RunIDs: []string{webtest.Plain, webtest.Voice, webtest.Hosted}, Raters: 2, Repeats: .2})
	for i, invite := range done.Invites {
		judged(t, d, invite.Code, 100, uint64(i))
	}
	_, err := d.Close(context.Background(), done.Task.ID)
	must(t, err)
	paths := []string{"/review", "/review/new", "/review/tasks/" + open.Task.ID, "/review/tasks/" + open.Task.ID + "/close", "/review/tasks/" + done.Task.ID, rate(open.Invites[0].Code), rate(open.Invites[1].Code), rate(done.Invites[0].Code)}
	tab := tabOf(t, b)
	for _, path := range paths {
		for name, v := range map[string]browser.View{"light": {Width: 1280, Height: 800}, "dark": {Width: 1280, Height: 800, Scheme: "dark"}, "phone": {Width: 360, Height: 740}, "small": {Width: 320, Height: 600}, "wide": {Width: 2560, Height: 1400}} {
			must(t, tab.Open(srv.URL+path, v))
			if over := eval[int](t, tab, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
				t.Errorf("%s, %s: the page scrolls sideways by %d pixels; %s", path, name, over, eval[string](t, tab, widest))
			}
			if low := eval[[]string](t, tab, contrasts); len(low) > 0 {
				t.Errorf("%s, %s: too little contrast: %q", path, name, low)
			}
			for _, f := range tab.Faults() {
				t.Errorf("%s, %s: %s", path, name, f)
			}
		}
	}
	for _, path := range []string{paths[1], paths[2], paths[6]} {
		must(t, tab.Open(srv.URL+path, browser.View{Width: 1280, Height: 800}))
		// A group of radio buttons is one stop.
		want := eval[int](t, tab, `(() => { const names = new Set(); window.todo = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter(e => e.checkVisibility() && !e.disabled && e.type !== "hidden").filter(e => e.type !== "radio" || !names.has(e.name) && names.add(e.name)); return window.todo.length; })()`)
		seen := map[string]bool{}
		for range want + 2 {
			must(t, tab.Press(kb.Tab))
			key := eval[string](t, tab, `(e => e === document.body ? "" : e.type === "radio" ? e.name : e.outerHTML.slice(0, 150))(document.activeElement)`)
			if key == "" {
				continue
			}
			seen[key] = true
			if !eval[bool](t, tab, `(e => parseFloat(getComputedStyle(e.type === "radio" ? e.nextElementSibling : e).outlineWidth) >= 2)(document.activeElement)`) {
				t.Errorf("%s: no focus to be seen on %s", path, key)
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d of %d reached: %v", path, len(seen), want, seen)
		}
	}
}

// contrasts lists texts whose contrast with what lies behind them is below 4.5 (WCAG 2.2, 1.4.3).
const contrasts = `(() => {
	const rgb = (s) => (s.match(/[\d.]+/g) || []).map(Number);
	const lum = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((a, v, i) => a + v * [.2126, .7152, .0722][i], 0);
	const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
	const low = [];
	for (const e of document.querySelectorAll("main *")) {
		if (e.closest("svg") || e.closest(".hidden") || !e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
		const [a, b] = [lum(rgb(getComputedStyle(e).color)), lum(behind(e))].sort((x, y) => y - x);
		if ((a + .05) / (b + .05) < 4.5) low.push(e.textContent.trim().slice(0, 40));
	}
	return low;
})()`
