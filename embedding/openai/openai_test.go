package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/embedding/embeddingtest"
	"stylesprint/embedding/fake"
	"stylesprint/embedding/openai"
)

func open(t *testing.T, o openai.Options) *openai.Driver {
	t.Helper()
	d, err := openai.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s := embeddingtest.NewServer(t, fake.New(fake.Script{Model: "toy", Scale: 7}))
	s.RequireKey("sk-right")
	for _, format := range []string{"float", "base64"} {
		t.Run(format, func(t *testing.T) {
			embeddingtest.Run(t, embeddingtest.Harness{Open: func(t *testing.T) embedding.Driver {
				return open(t, openai.Options{BaseURL: s.BaseURL(), APIKey: stylesprint.NewSecret("sk-right"), Model: "toy", Format: format})
			}})
		})
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	s := embeddingtest.NewServer(t, fake.New(fake.Script{Model: "toy"}))
	d := open(t, openai.Options{BaseURL: s.BaseURL(), Model: "toy", Dimensions: 64, Format: "base64", Organization: "org-1", Extra: map[string]json.RawMessage{"input_type": json.RawMessage(`"query"`)}})
	if _, err := d.Embed(t.Context(), []string{"a <b>"}); err != nil {
		t.Fatal(err)
	}
	info, err := d.Info(t.Context())
	if err != nil || info.Dimensions != 64 || info.Ref.String() != "openai/toy" {
		t.Errorf("%+v %v", info, err)
	}
	seen := s.Seen()
	if len(seen) != 1 {
		t.Fatalf("%d requests; the dimensions were known", len(seen))
	}
	var got map[string]any
	if err := json.Unmarshal(seen[0].Body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"model": "toy", "input": []any{"a <b>"}, "encoding_format": "base64", "dimensions": 64.0, "input_type": "query"}
	if fmt.Sprint(got) != fmt.Sprint(want) || seen[0].Header.Get("OpenAI-Organization") != "org-1" || seen[0].Path != "/v1/embeddings" {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestInfoAsksOnce(t *testing.T) {
	t.Parallel()
	s := embeddingtest.NewServer(t, fake.New(fake.Script{Model: "toy", Dimensions: 12}))
	d := open(t, openai.Options{BaseURL: s.BaseURL(), Model: "toy"})
	for range 3 {
		if info, err := d.Info(t.Context()); err != nil || info.Dimensions != 12 {
			t.Errorf("%+v %v", info, err)
		}
	}
	if n := len(s.Seen()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func answer(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, body string
		want       string
		code       stylesprint.Code
	}{
		{"by index", `{"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}],"usage":{"prompt_tokens":5}}`, "[1 0]:3 [0 1]:2", ""},
		{"without index", `{"data":[{"embedding":[1,0]},{"embedding":[0,1]}],"usage":{"total_tokens":10}}`, "[1 0]:7 [0 1]:3", ""},
		{"base64", `{"data":[{"embedding":"AACAPwAAAAA="},{"embedding":"AAAAAAAAgD8="}]}`, "[1 0]:0 [0 1]:0", ""},
		{"index twice", `{"data":[{"index":1,"embedding":[0]},{"index":1,"embedding":[1]}]}`, "", stylesprint.CodeUpstream},
		{"index out of range", `{"data":[{"index":2,"embedding":[0]},{"index":-1,"embedding":[1]}]}`, "", stylesprint.CodeUpstream},
		{"one missing", `{"data":[{"index":0,"embedding":[0]}]}`, "", stylesprint.CodeUpstream},
		{"empty vector", `{"data":[{"embedding":[]},{"embedding":[1]}]}`, "", stylesprint.CodeUpstream},
		{"null vector", `{"data":[{"embedding":null},{"embedding":[1]}]}`, "", stylesprint.CodeUpstream},
		{"half a number", `{"data":[{"embedding":"AACA"},{"embedding":[1]}]}`, "", stylesprint.CodeUpstream},
		{"broken base64", `{"data":[{"embedding":"%"},{"embedding":[1]}]}`, "", stylesprint.CodeUpstream},
		{"words", `{"data":[{"embedding":["x"]},{"embedding":[1]}]}`, "", stylesprint.CodeUpstream},
		{"web page", `<html>`, "", stylesprint.CodeUpstream},
		{"error with status 200", `{"error":{"message":"slow down","code":429}}`, "", stylesprint.CodeRateLimited},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(answer(200, k.body))
			t.Cleanup(s.Close)
			vectors, err := open(t, openai.Options{BaseURL: s.URL, Model: "m"}).Embed(t.Context(), []string{"wool coat", "wool"})
			var got []string
			for _, v := range vectors {
				got = append(got, fmt.Sprintf("%v:%d", v.Values, v.Tokens))
			}
			if stylesprint.CodeOf(err) != k.code || strings.Join(got, " ") != k.want {
				t.Errorf("got %v, error %v; want %s, code %q", got, err, k.want, k.code)
			}
		})
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for field, o := range map[string]openai.Options{
		"model": {}, "format": {Model: "m", Format: "int8"}, "dimensions": {Model: "m", Dimensions: -1}, "base_url": {Model: "m", BaseURL: "host"},
	} {
		_, err := openai.New(o)
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != stylesprint.CodeInvalid || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// The key is in no vector, error or log, whatever the server makes of it.
func TestKeyIsNeverShown(t *testing.T) {
	t.Parallel()
	const key = "sk-unique-77aa01c2e9"
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, h := range []http.HandlerFunc{
		answer(401, `{"error":{"message":"Incorrect API key provided: `+key+`","code":"`+key+`"}}`),
		answer(500, key), answer(200, `{"data":"`+key+`"}`), answer(200, `{"error":"`+key+`"}`), answer(200, key),
	} {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		d := open(t, openai.Options{BaseURL: s.URL, Model: "m", APIKey: stylesprint.NewSecret(key)})
		c := embedding.New(d, embedding.Options{})
		_, err := c.Embed(t.Context(), []string{"a"})
		if err == nil {
			t.Error("no error")
		}
		log.Error("embed", "error", err, "driver", d, "client", c)
		for ; err != nil; err = errors.Unwrap(err) {
			fmt.Fprintf(&out, "%v %+v %#v\n", err, err, err)
		}
		fmt.Fprintf(&out, "%v %+v %#v %+v\n", d, d, d, c)
	}
	if strings.Contains(out.String(), key) {
		t.Errorf("the key is in:\n%s", out.String())
	}
}

func FuzzVector(f *testing.F) {
	s := httptest.NewServer(http.NotFoundHandler())
	f.Cleanup(s.Close)
	var body []byte
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(body) })
	d, err := openai.New(openai.Options{BaseURL: s.URL, Model: "m"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{`{"data":[{"index":0,"embedding":[1,2]}]}`, `{"data":[{"embedding":"AACAPw=="}]}`, `{"data":[{"index":9}]}`, `{"error":1}`, `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		body = in
		vectors, err := d.Embed(t.Context(), []string{"a"})
		if err == nil && (len(vectors) != 1 || len(vectors[0].Values) == 0) {
			t.Fatalf("%q: %v", in, vectors)
		}
	})
}
