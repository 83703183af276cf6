package gateway_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stylesprint/gateway"
	"stylesprint/generate/fake"
)

// The whole path over a real connection, with log, metrics and records, beside
// a bare handler that reads and writes as many bytes.
func BenchmarkGenerate(b *testing.B) {
	s := serve(b, setup{o: gateway.Options{
		Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Text: "A cool linen shirt."}}})}, Requests: &ledger{}, MaxInFlight: 1024, QueueSize: 1 << 20,
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
	}})
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, strings.Repeat("x", 200))
	}))
	defer bare.Close()
	for _, k := range []struct{ name, url, body string }{
		{"bare", bare.URL, `{"prompt":"x"}`}, {"generate", s.url + "/generate/", `{"prompt":"x"}`},
		{"chat", s.url + "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`}, {"stream", s.url + "/v1/chat/completions", hello + `}`},
	} {
		ask := func(b *testing.B) {
			resp, err := s.client.Post(k.url, "application/json", strings.NewReader(k.body))
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		b.Run(k.name+"/one", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ask(b)
			}
		})
		b.Run(k.name+"/sixteen", func(b *testing.B) {
			b.SetParallelism(8)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					ask(b)
				}
			})
		})
	}
}
