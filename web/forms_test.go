package web_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/prompt"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

type failing struct{ text string }

func (f failing) Generate(*http.Request, generate.Request) (stylesprint.Reply, error) {
	return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: f.text, Hint: f.text}
}

// asked keeps the last request.
type asked struct {
	webtest.Answerer
	req generate.Request
}

func (a *asked) Generate(r *http.Request, req generate.Request) (stylesprint.Reply, error) {
	a.req = req
	return a.Answerer.Generate(r, req)
}

func TestPlaygroundWithoutScript(t *testing.T) {
	t.Parallel()
	g := &asked{}
	h, _ := desk(t, func(o *web.Options) { o.Generate = g })
	w := post(h, "/playground", url.Values{"prompt": {"Write about Mira"}, "system": {"Be brief"}, "model": {"gpt-4o-mini"}, "temperature": {"0"}, "max_tokens": {"60"}, "seed": {"18446744073709551615"}})
	if w.Code != 200 {
		t.Fatalf("status %d", w.Code)
	}
	sound(t, "answer", w)
	for _, want := range []string{"gpt-4o-mini answered in 1.24 s", "Sage linen softened", "34 prompt, 46 answer", "96 ms", ">Write about Mira</textarea>", `value="18446744073709551615"`, "0 USD", "by itself"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("lacks %q", want)
		}
	}
	if len(g.req.Messages) != 2 || g.req.Messages[0].Role != stylesprint.RoleSystem || g.req.Messages[1].Content != "Write about Mira" || *g.req.Params.Temperature != 0 || *g.req.Params.MaxTokens != 60 || *g.req.Params.Seed != 1<<64-1 {
		t.Errorf("asked %+v", g.req)
	}
}

func TestPlaygroundFaults(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	cases := []struct {
		name   string
		form   url.Values
		status int
		want   string
	}{
		{"empty", url.Values{"prompt": {" "}}, 422, "Write a prompt."},
		{"temperature", url.Values{"prompt": {"kept"}, "temperature": {"3"}}, 422, "between 0 and 2"},
		{"temperature is no number", url.Values{"prompt": {"kept"}, "temperature": {"nan"}}, 422, "between 0 and 2"},
		{"tokens", url.Values{"prompt": {"kept"}, "max_tokens": {"0"}}, 422, "1 or more"},
		{"seed", url.Values{"prompt": {"kept"}, "seed": {"-1"}}, 422, "0 or more"},
		{"busy", url.Values{"prompt": {"busy"}}, 429, "The model is busy"},
		{"broken", url.Values{"prompt": {"broken"}}, 500, "This page could not be made"},
		{"too long", url.Values{"prompt": {strings.Repeat("x", 300_000)}}, 413, "too long"},
	}
	for _, c := range cases {
		w := post(h, "/playground", c.form)
		body := w.Body.String()
		if w.Code != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s: status %d, want %d with %q", c.name, w.Code, c.status, c.want)
		}
		if c.form.Get("prompt") == "kept" && !strings.Contains(body, ">kept</textarea>") {
			t.Errorf("%s: the prompt was lost", c.name)
		}
		if strings.Contains(body, "/secret/path") {
			t.Errorf("%s: shows the fault's insides", c.name)
		}
		sound(t, c.name, w)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	r := httptest.NewRequest(http.MethodPost, "/playground", strings.NewReader("prompt=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("status %d", w.Code)
	}
	r = httptest.NewRequest(http.MethodDelete, "/runs", nil)
	w = httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: status %d", w.Code)
	}
}

func TestChosenRunsAreComparedOldestFirst(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	w := get(h, "/comparisons/view?order=age&run="+webtest.Hosted+"&run="+webtest.Voice+"&run="+webtest.Voice+"&run=")
	want := "/comparisons/view?run=" + webtest.Voice + "&run=" + webtest.Hosted
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want {
		t.Errorf("status %d to %q, want %q", w.Code, w.Header().Get("Location"), want)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	h, s := desk(t)
	w := get(h, strings.Replace(comparison, "view", "report", 1))
	if w.Code != 200 || w.Header().Get("Content-Disposition") != `attachment; filename="comparison.html"` {
		t.Fatalf("status %d, %q", w.Code, w.Header().Get("Content-Disposition"))
	}
	body := w.Body.String()
	if strings.Contains(body, "<script") || strings.Contains(body, "/assets/") || !strings.Contains(body, "hosted-mini is better than plain on Semantic similarity") || strings.Count(body, `class="row"`) != held(t, s, webtest.Voice).Total {
		t.Error("the report is not whole, or needs the server")
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	page := get(h, "/").Body.String()
	for _, name := range []string{"style.css", "desk.js", "icon.svg"} {
		i := strings.Index(page, "/assets/"+name)
		if i < 0 {
			t.Fatalf("no page asks for %s", name)
		}
		path := page[i : i+strings.IndexByte(page[i:], '"')]
		w := get(h, path)
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: status %d, %q", path, w.Code, w.Header().Get("Cache-Control"))
		}
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", w.Header().Get("ETag"))
		again := httptest.NewRecorder()
		h.ServeHTTP(again, r)
		if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s again: status %d", path, again.Code)
		}
	}
	for path, status := range map[string]int{"/favicon.ico": 200, "/assets/none.css": 404, "/assets/../web.go": 404} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status && w.Code/100 != 3 {
			t.Errorf("%s: status %d, want %d", path, w.Code, status)
		}
	}
}

func TestTemplatesFillTheForm(t *testing.T) {
	t.Parallel()
	g := &asked{}
	voice, err := prompt.Parse([]byte("---\nname: voice\ndescription: An example first.\nvariables:\n  - name: name\n    required: true\n---\n[system]\nWrite as we do.\n\n[user]\nName: Tove Overshirt\n\n[assistant]\nMoss corduroy.\n\n[user]\nName: {{name}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	h, _ := desk(t, func(o *web.Options) { o.Generate, o.Prompts = g, []prompt.Template{voice} })
	page := get(h, "/playground").Body.String()
	sample := html.UnescapeString(regexp.MustCompile(`<option>(SS-[^<]+)`).FindStringSubmatch(page)[1])
	w := get(h, "/playground?model=gpt-4o-mini&template=voice&sample="+url.QueryEscape(sample))
	sound(t, "filled", w)
	body := w.Body.String()
	for _, want := range []string{"Write as we do.", "Tove Overshirt", `name="turn_role" value="assistant"`, "Name: " + strings.Split(sample, ", ")[1], "<option selected>gpt-4o-mini", `value="voice" selected`} {
		if !strings.Contains(body, want) {
			t.Errorf("lacks %q", want)
		}
	}
	if w := get(h, "/playground?template=voice&sample=none"); w.Code != 422 || !strings.Contains(w.Body.String(), "It needs a value for &#34;name&#34;") {
		t.Errorf("without values: status %d", w.Code)
	}
	if w := get(h, "/playground?template=none"); w.Code != 422 || !strings.Contains(w.Body.String(), "There is no template named none.") {
		t.Errorf("unknown template: status %d", w.Code)
	}
	w = post(h, "/playground", url.Values{"system": {"S"}, "turn_role": {"user", "assistant"}, "turn": {"Q", "A"}, "prompt": {"P"}})
	var said []string
	for _, m := range g.req.Messages {
		said = append(said, string(m.Role)+" "+m.Content)
	}
	if got := strings.Join(said, ", "); w.Code != 200 || got != "system S, user Q, assistant A, user P" {
		t.Errorf("status %d, asked %q", w.Code, got)
	}
	if w := post(h, "/playground", url.Values{"turn_role": {"system"}, "turn": {"Q"}, "prompt": {"P"}}); w.Code != 422 {
		t.Errorf("a turn of the system: status %d", w.Code)
	}
}
