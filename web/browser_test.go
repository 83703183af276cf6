package web_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"stylesprint/internal/httpserver"
	"stylesprint/internal/testkit/browser"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

// open starts a browser and a dashboard with a fake gateway beside it.
func open(t *testing.T) (*browser.Browser, *httptest.Server, *webtest.Source) {
	t.Helper()
	b, err := browser.Start(context.Background(), browser.Options{})
	if errors.Is(err, browser.ErrAbsent) {
		if strings.Contains(os.Getenv("STYLESPRINT_REQUIRE"), "chromium") {
			t.Fatal("no chromium was found, and STYLESPRINT_REQUIRE asks for it")
		}
		t.Skip("no chromium was found: install it to test the pages in a browser")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	closing := make(chan struct{})
	h, s := desk(t, func(o *web.Options) { o.Closing, o.Poll = closing, 20*time.Millisecond })
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.Handle("POST /generate/", webtest.Gateway(15*time.Millisecond))
	mux.Handle("POST /v1/chat/completions", webtest.Gateway(15*time.Millisecond))
	srv := httptest.NewServer(httpserver.LocalOnly()(mux)) // as a server that asks for no keys
	t.Cleanup(func() { close(closing); srv.Close() })
	return b, srv, s
}

func tabOf(t *testing.T, b *browser.Browser) *browser.Tab {
	t.Helper()
	tab, err := b.Tab()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tab.Close)
	return tab
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eval[T any](t *testing.T, tab *browser.Tab, expression string) T {
	t.Helper()
	v, err := browser.Eval[T](tab, expression)
	must(t, err)
	return v
}

func TestInBrowser(t *testing.T) {
	t.Parallel()
	b, srv, source := open(t)
	t.Run("pages", func(t *testing.T) { testViews(t, b, srv.URL) })
	t.Run("tables", func(t *testing.T) { testTables(t, tabOf(t, b), srv.URL) })
	t.Run("keyboard", func(t *testing.T) { testKeyboard(t, tabOf(t, b), srv.URL) })
	t.Run("shortcuts", func(t *testing.T) { testShortcuts(t, tabOf(t, b), srv.URL) })
	t.Run("playground", func(t *testing.T) { testPlayground(t, tabOf(t, b), srv.URL) })
	t.Run("playground faults", func(t *testing.T) { testPlaygroundFaults(t, tabOf(t, b), srv.URL) })
	t.Run("forms", func(t *testing.T) { testForms(t, tabOf(t, b), srv.URL) })
	t.Run("marks and filters", func(t *testing.T) { testMarks(t, tabOf(t, b), srv.URL) })
	t.Run("progress", func(t *testing.T) { testProgress(t, tabOf(t, b), srv.URL, source) })
	t.Run("report", func(t *testing.T) { testReport(t, tabOf(t, b), srv.URL) })
}

// testForms sends a form as a browser does without script: it has to be known as our own.
func testForms(t *testing.T, tab *browser.Tab, url string) {
	must(t, tab.Open(url+"/questions?sku=SS-DR-101", browser.View{Width: 1280, Height: 800}))
	must(t, tab.Click("#question"))
	must(t, tab.Press("Does it have pockets?"))
	must(t, tab.Click("#question-form button"))
	must(t, tab.Wait(`document.querySelector("h1").textContent.includes("SS-DR-101 is answered from features")`))
}

// testViews opens every page light, dark, on a phone and on a wide screen.
func testViews(t *testing.T, b *browser.Browser, url string) {
	tab := tabOf(t, b)
	views := map[string]browser.View{
		"light": {Width: 1280, Height: 800}, "dark": {Width: 1280, Height: 800, Scheme: "dark"},
		"phone": {Width: 360, Height: 740}, "small": {Width: 320, Height: 600}, "between": {Width: 700, Height: 900}, "beside": {Width: 1600, Height: 900}, "wide": {Width: 2560, Height: 1400},
	}
	grounds := map[string]string{"light": "rgb(251, 248, 242)", "dark": "rgb(23, 21, 18)"}
	for _, path := range pages() {
		for name, v := range views {
			if (v.Width != 360 && v.Width != 1280) && path != comparison && path != "/playground" && path != "/runs" {
				continue
			}
			must(t, tab.Open(url+path, v))
			if over := eval[int](t, tab, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
				t.Errorf("%s, %s: the page scrolls sideways by %d pixels; %s", path, name, over, eval[string](t, tab, widest))
			}
			if want := grounds[name]; want != "" && eval[string](t, tab, "getComputedStyle(document.body).backgroundColor") != want {
				t.Errorf("%s: the page is not %s", path, name)
			}
			if n := eval[int](t, tab, "[...document.querySelectorAll('svg.plot')].filter(s => s.getBoundingClientRect().width > 0).length"); n > 0 {
				if small := eval[float64](t, tab, smallest); small < 10.4 {
					t.Errorf("%s, %s: text of a plot is %.1f pixels high", path, name, small)
				}
			}
			faults := slices.DeleteFunc(tab.Faults(), func(s string) bool { return path == "/nothing/here" && strings.Contains(s, "404") })
			for _, f := range faults {
				t.Errorf("%s, %s: %s", path, name, f)
			}
		}
	}
}

const (
	// widest names what reaches furthest to the right.
	widest = `(() => { let w = null; for (const e of document.querySelectorAll("main *, header *")) { if (e.closest(".scroll")) continue; const r = e.getBoundingClientRect().right; if (!w || r > w[1]) w = [e.outerHTML.slice(0, 120), r]; } return String(w); })()`
	// smallest is the size on the screen of the smallest text of a visible plot.
	smallest = `Math.min(...[...document.querySelectorAll("svg.plot text")].map(x => { const s = x.ownerSVGElement, r = s.getBoundingClientRect(); return r.width ? parseFloat(getComputedStyle(x).fontSize) * r.width / s.viewBox.baseVal.width : 99; }))`
)

// testTables scrolls a wide table on a phone: its first column stays.
func testTables(t *testing.T, tab *browser.Tab, url string) {
	must(t, tab.Open(url+comparison, browser.View{Width: 360, Height: 740}))
	got := eval[[]float64](t, tab, `(() => { const b = document.querySelector(".scroll"), th = b.querySelector("tbody th[scope=row]"), td = b.querySelector("tbody td");
		const before = [th.getBoundingClientRect().left, td.getBoundingClientRect().left]; b.scrollLeft = 150;
		return [b.scrollLeft, th.getBoundingClientRect().left - before[0], td.getBoundingClientRect().left - before[1]]; })()`)
	if got[0] != 150 || got[1] != 0 || got[2] != -150 {
		t.Errorf("scrolled by %v, first column moved by %v, second by %v", got[0], got[1], got[2])
	}
	for _, path := range []string{"/", "/live", "/releases", "/keys", "/trail"} { // on a common screen nothing of these is cut
		must(t, tab.Open(url+path, browser.View{Width: 1280, Height: 800}))
		if cut := eval[string](t, tab, `[...document.querySelectorAll(".scroll")].filter(e => e.scrollWidth > e.clientWidth).map(e => e.getAttribute("aria-labelledby")).join(", ")`); cut != "" {
			t.Errorf("%s: the table %s is cut", path, cut)
		}
	}
}

// testKeyboard tabs through each page: everything that acts is reached, in
// order, and shows that it has the focus.
func testKeyboard(t *testing.T, tab *browser.Tab, url string) {
	for _, path := range []string{"/", "/playground", "/runs", "/runs/" + webtest.Voice, comparison, "/live"} {
		must(t, tab.Open(url+path, browser.View{Width: 1280, Height: 800}))
		want := eval[int](t, tab, `(() => { window.todo = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter(e => e.checkVisibility() && !e.disabled && e.type !== "hidden"); return window.todo.length; })()`)
		seen := 0
		for range want + 2 {
			must(t, tab.Press(kb.Tab))
			if eval[bool](t, tab, `window.todo.includes(document.activeElement) && !document.activeElement.dataset.seen && !!(document.activeElement.dataset.seen = "yes")`) {
				seen++
				if !eval[bool](t, tab, `parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2`) {
					t.Errorf("%s: no focus to be seen on %s", path, eval[string](t, tab, "document.activeElement.outerHTML.slice(0, 90)"))
				}
			}
		}
		if seen != want {
			t.Errorf("%s: %d of %d reached; not %s", path, seen, want, eval[string](t, tab, `window.todo.filter(e => !e.dataset.seen).map(e => e.outerHTML.slice(0, 80)).slice(0, 3).join(" | ")`))
		}
	}
	must(t, tab.Open(url+"/", browser.View{Width: 1280, Height: 800}))
	must(t, tab.Press(kb.Tab))
	must(t, tab.Press(kb.Enter))
	must(t, tab.Wait(`document.activeElement.id === "main"`))
}

func testShortcuts(t *testing.T, tab *browser.Tab, url string) {
	must(t, tab.Open(url+comparison, browser.View{Width: 1280, Height: 800}))
	must(t, tab.Press("?"))
	must(t, tab.Wait(`document.getElementById("keys").open`))
	must(t, tab.Press(kb.Escape))
	must(t, tab.Wait(`!document.getElementById("keys").open`))
	must(t, tab.Press("jj"))
	must(t, tab.Wait(`document.activeElement.id === "text-2"`))
	must(t, tab.Press("k"))
	must(t, tab.Wait(`document.activeElement.id === "text-1"`))
	must(t, tab.Press("g"))
	must(t, tab.Press("r"))
	must(t, tab.Wait(`location.pathname === "/runs" && document.readyState === "complete"`))
	// Switched off, single keys do nothing, and stay off.
	must(t, tab.Press("?"))
	must(t, tab.Wait(`document.getElementById("keys").open`))
	must(t, tab.Click("#keys-on"))
	must(t, tab.Press(kb.Escape))
	must(t, tab.Open(url+"/", browser.View{Width: 1280, Height: 800}))
	must(t, tab.Press("?"))
	if eval[bool](t, tab, `document.getElementById("keys").open`) {
		t.Error("single keys cannot be switched off")
	}
	must(t, tab.Click("[data-keys]"))
	must(t, tab.Wait(`document.getElementById("keys").open`))
	must(t, tab.Click("#keys-on"))
	if f := tab.Faults(); len(f) > 0 {
		t.Error(f)
	}
}

func testPlayground(t *testing.T, tab *browser.Tab, url string) {
	must(t, tab.Open(url+"/playground", browser.View{Width: 1280, Height: 800}))
	must(t, tab.Click("#prompt"))
	must(t, tab.Press("Write about Mira? jjgr"))
	if got := eval[string](t, tab, `document.getElementById("prompt").value`); got != "Write about Mira? jjgr" {
		t.Errorf("shortcuts took keys from the prompt: %q", got)
	}
	must(t, tab.Press(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	must(t, tab.Wait(`document.getElementById("text").textContent.startsWith("Sage linen")`))
	if eval[bool](t, tab, `document.getElementById("stop").hidden`) {
		t.Error("no stop button while the answer is written")
	}
	must(t, tab.Wait(`!document.getElementById("figures").hidden`))
	if got := eval[string](t, tab, `document.getElementById("text").textContent`); got != webtest.Answer {
		t.Errorf("the answer is %q", got)
	}
	for id, want := range map[string]string{"f-model": "smollm2-135m-instruct", "f-tokens": "34 prompt, 46 answer", "f-finish": "by itself", "status": "The answer is complete"} {
		if got := eval[string](t, tab, `document.getElementById("`+id+`").textContent`); got != want {
			t.Errorf("%s is %q, want %q", id, got, want)
		}
	}
	if first := eval[string](t, tab, `document.getElementById("f-first").textContent`); !strings.HasSuffix(first, "s") {
		t.Errorf("first token is %q", first)
	}
	// With instructions it is a conversation; Esc stops it.
	must(t, tab.Click("summary"))
	must(t, tab.Click("#system"))
	must(t, tab.Press("Be brief"))
	must(t, tab.Click("#send"))
	must(t, tab.Wait(`document.getElementById("text").textContent.startsWith("Sage") && document.getElementById("text").textContent.length < 60`))
	must(t, tab.Press(kb.Escape))
	must(t, tab.Wait(`document.getElementById("f-finish").textContent === "stopped by you"`))
	kept := eval[string](t, tab, `document.getElementById("text").textContent`)
	if kept == "" || len(kept) >= len(webtest.Answer) {
		t.Errorf("after a stop %q is left", kept)
	}
	must(t, tab.Click("#send"))
	must(t, tab.Wait(`document.getElementById("f-finish").textContent === "by itself" && !document.getElementById("figures").hidden`))
	if f := tab.Faults(); len(f) > 0 {
		t.Error(f)
	}
}

func testPlaygroundFaults(t *testing.T, tab *browser.Tab, url string) {
	for prompt, want := range map[string]string{
		"busy": "The model is busy. Try again in a minute.",
		"cut":  "The answer broke off. What was written so far is kept above; send the prompt again for a whole one.",
	} {
		must(t, tab.Open(url+"/playground", browser.View{Width: 360, Height: 740}))
		must(t, tab.Click("#prompt"))
		must(t, tab.Press(prompt))
		must(t, tab.Click("#send"))
		must(t, tab.Wait(`!document.getElementById("trouble").hidden`))
		if got := eval[string](t, tab, `document.getElementById("trouble").textContent`); got != want {
			t.Errorf("%s: %q, want %q", prompt, got, want)
		}
		if eval[bool](t, tab, `document.getElementById("send").disabled`) {
			t.Errorf("%s: cannot be sent again", prompt)
		}
	}
	if eval[string](t, tab, `document.getElementById("text").textContent`) == "" && eval[string](t, tab, `document.getElementById("prompt").value`) == "cut" {
		t.Error("what was written before the break was lost")
	}
}

// testMarks filters texts with the form, and reads a mark with the keyboard alone.
func testMarks(t *testing.T, tab *browser.Tab, url string) {
	for _, v := range []browser.View{{Width: 1280, Height: 800}, {Width: 360, Height: 740, Scheme: "dark"}} {
		must(t, tab.Open(url+comparison, v))
		before := eval[string](t, tab, `document.querySelector(".row h3").textContent`)
		must(t, tab.Click("#only"))
		must(t, tab.Click("#texts-h ~ form button"))
		must(t, tab.Wait(`location.search.includes("only=violations") && document.readyState === "complete"`))
		if after := eval[string](t, tab, `document.querySelector(".row h3").textContent`); after == before {
			t.Errorf("%+v: the filter shows %s, too", v, after)
		}
		if n := eval[int](t, tab, `document.querySelectorAll(".row").length - document.querySelectorAll(".row:has(del):has(ins)").length`); n != 0 {
			t.Errorf("%+v: %d rows without a struck statement and its record", v, n)
		}
		must(t, tab.Wait(`[...document.querySelectorAll(".row img")].slice(0, 1).every(i => i.complete && i.naturalWidth > 0)`))
		got := eval[[]string](t, tab, `(() => { const u = document.querySelector(".copy u"); const none = getComputedStyle(u, "::after").content; u.focus();
			return [none, getComputedStyle(u, "::after").content, u.title, getComputedStyle(document.querySelector(".copy del")).textDecorationLine]; })()`)
		if got[0] != "none" || got[1] != strconv.Quote(got[2]) || got[2] == "" || got[3] != "line-through" {
			t.Errorf("%+v: the field's name on focus: %q", v, got)
		}
		if over := eval[int](t, tab, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
			t.Errorf("%+v: the page scrolls sideways by %d pixels", v, over)
		}
		if f := tab.Faults(); len(f) > 0 {
			t.Errorf("%+v: %v", v, f)
		}
	}
}

func testProgress(t *testing.T, tab *browser.Tab, url string, s *webtest.Source) {
	must(t, tab.Open(url+"/runs", browser.View{Width: 1280, Height: 800}))
	before := eval[int](t, tab, `document.querySelector("progress").value`)
	top := eval[float64](t, tab, `document.querySelector("tbody tr:nth-child(2)").getBoundingClientRect().top`)
	s.Advance(webtest.Running, 3)
	must(t, tab.Wait(`document.querySelector("progress").value === `+strconv.Itoa(before+3)))
	if now := eval[float64](t, tab, `document.querySelector("tbody tr:nth-child(2)").getBoundingClientRect().top`); now != top {
		t.Errorf("the page jumped by %v pixels", now-top)
	}
	s.Advance(webtest.Running, 100)
	must(t, tab.Wait(`document.querySelector(".progress .words a")`))
	if got := eval[string](t, tab, `document.querySelector("tbody .state").textContent`); got != "done" {
		t.Errorf("the state is %q", got)
	}
	if f := tab.Faults(); len(f) > 0 {
		t.Error(f)
	}
}

// testReport opens the downloaded file from a folder, where its policy holds.
func testReport(t *testing.T, tab *browser.Tab, url string) {
	res, err := http.Get(url + strings.Replace(comparison, "view", "report", 1))
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	f, err := os.CreateTemp(t.TempDir(), "report-*.html")
	must(t, err)
	_, err = f.ReadFrom(res.Body)
	must(t, err)
	must(t, f.Close())
	for _, v := range []browser.View{{Width: 360, Height: 740}, {Width: 1280, Height: 800, Scheme: "dark"}, {Width: 800, Height: 1000, Print: true}} {
		must(t, tab.Open("file://"+f.Name(), v))
		if over := eval[int](t, tab, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
			t.Errorf("%+v: the report scrolls sideways by %d pixels", v, over)
		}
		if eval[string](t, tab, `getComputedStyle(document.querySelector("h1")).fontWeight`) != "400" {
			t.Errorf("%+v: the style sheet was refused", v)
		}
		if f := tab.Faults(); len(f) > 0 {
			t.Errorf("%+v: %v", v, f)
		}
	}
}
