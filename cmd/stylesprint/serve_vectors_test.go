package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint/catalogue/answer"
	"stylesprint/catalogue/demo"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/internal/testkit/postgres"
	storepostgres "stylesprint/store/postgres"
)

// encoderServer embeds texts, and counts them.
func encoderServer(t *testing.T, texts *atomic.Int64) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Input []string `json:"input"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		type item struct {
			Object    string    `json:"object"`
			Index     int       `json:"index"`
			Embedding []float64 `json:"embedding"`
		}
		var data []item
		for i, text := range in.Input {
			texts.Add(1)
			h := fnv.New64()
			_, _ = h.Write([]byte(text))
			rng := rand.New(rand.NewPCG(h.Sum64(), 1))
			v := make([]float64, 384)
			for j := range v {
				v[j] = rng.NormFloat64()
			}
			data = append(data, item{"embedding", i, v})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": "all-minilm-l6-v2", "data": data, "usage": map[string]int{"prompt_tokens": 1, "total_tokens": 1}})
	}))
	t.Cleanup(srv.Close)
	return srv
}

// Vectors are kept in a Postgres that has pgvector, so that the next process, and a second one, embed the
// question alone; without it memory keeps them, and the log says why.
func TestAnswersShareVectors(t *testing.T) {
	t.Parallel()
	server := postgres.Start(t, postgres.Options{})
	dsn := server.Database(t)
	up := newUpstream(t)
	var texts atomic.Int64
	encoder := encoderServer(t, &texts)
	text := fmt.Sprintf("addr: 127.0.0.1:0\nno_jobs: true\ndatabase_url: %s\nmodels:\n  - model: worder\n    provider: openai\n    base_url: %s/v1\n  - model: all-minilm-l6-v2\n    task: embedding\n    provider: openai\n    base_url: %s/v1\n", dsn, up.URL, encoder.URL)
	ask := func(r *running) int64 {
		t.Helper()
		before := texts.Load()
		status, body := fetch(t, http.MethodPost, r.url+"/answer", `{"sku": "SS-DR-101", "question": "Does it have pockets?"}`)
		if status != http.StatusOK || !strings.Contains(body, `"sku":"SS-DR-101"`) {
			t.Fatalf("%d %s\n%s", status, body, r.log)
		}
		return texts.Load() - before
	}
	first := serveFile(t, roleGateway, text)
	if n := ask(first); n < 10 {
		t.Fatalf("%d texts were embedded for the first question", n)
	}
	if n := ask(first); n != 1 {
		t.Errorf("%d texts were embedded for the second question", n)
	}
	second := serveFile(t, roleGateway, text)
	n := ask(second)
	if strings.Contains(second.log.String(), `"vectors":"memory"`) {
		if n < 10 || !strings.Contains(second.log.String(), "extension vector") {
			t.Errorf("%d texts were embedded\n%s", n, second.log)
		}
		t.Skip("the server has no pgvector")
	}
	if n != 1 || !strings.Contains(second.log.String(), `"vectors":"pgvector"`) {
		t.Errorf("%d texts were embedded by a second process\n%s", n, second.log)
	}
	// The database goes away: the answer does not.
	server.Stop(t)
	if n := ask(second); n < 10 {
		t.Errorf("%d texts were embedded while the database was away", n)
	}
	_, metrics := fetch(t, http.MethodGet, second.url+"/metrics", "")
	if !strings.Contains(metrics, `stylesprint_answer_index_failures_total{act="look_up"} 1`) || !strings.Contains(second.log.String(), `"act":"look_up"`) {
		t.Errorf("the fault is not told: %s", second.log)
	}
	server.Start(t)
}

// withEncoder are the options of answers with the real encoder.
func withEncoder(t testing.TB) answer.Options {
	t.Helper()
	models := os.Getenv("STYLESPRINT_MODELS")
	if models == "" || testing.Short() {
		t.Skip("models: set STYLESPRINT_MODELS to the model cache")
	}
	home := t.TempDir()
	a := &app{quiet: true, world: world{stdout: os.Stderr, stderr: os.Stderr, now: time.Now, getenv: func(name string) string {
		return map[string]string{"HOME": home, "XDG_CACHE_HOME": filepath.Dir(models), "HF_HUB_OFFLINE": "1"}[name]
	}}}
	c, err := config.Load("", a.getenv)
	if err != nil {
		t.Fatal(err)
	}
	o, closing, err := a.answerOptions(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closing.Close(); err != nil {
			t.Error(err)
		}
	})
	return o
}

// pgvector is an index on a server of its own.
func pgvector(t testing.TB) answer.Index {
	t.Helper()
	server := postgres.Start(t, postgres.Options{})
	db, err := storepostgres.Open(t.Context(), server.Database(t), storepostgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	v, err := db.Vectors(t.Context())
	if err != nil {
		t.Skip(err)
	}
	return v
}

func askAnew(t testing.TB, o answer.Options, x answer.Index, sku, question string) answer.Answer {
	t.Helper()
	o.Index = x
	room, err := answer.New(o)
	if err != nil {
		t.Fatal(err)
	}
	out, err := room.Answer(t.Context(), answer.Question{SKU: sku, Text: question})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// With the real encoder, too, every labelled question of the demo catalogue has the same answer whoever
// compares the vectors.
func TestVectorsAnswerAlikeWithTheModel(t *testing.T) {
	t.Parallel()
	o := withEncoder(t)
	memory, database := answer.NewMemory(0), pgvector(t)
	products, err := demo.Products()
	if err != nil {
		t.Fatal(err)
	}
	n, worst := 0, 0.0
	for _, p := range products {
		for _, q := range p.Questions {
			n++
			want, got := askAnew(t, o, memory, p.SKU, q.Text), askAnew(t, o, database, p.SKU, q.Text)
			worst = max(worst, math.Abs(want.Confidence-got.Confidence))
			want.Confidence, got.Confidence = 0, 0
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("%s: %+v, was %+v", q.Text, got, want)
			}
		}
	}
	t.Logf("%d questions, confidences differ by up to %.1e", n, worst)
	if n == 0 || worst > 2e-4 {
		t.Errorf("%d questions, confidences differ by up to %v", n, worst)
	}
}

// BenchmarkFirstAnswer is the first question about a product after a restart, with the real encoder: with
// memory its passages are embedded, with pgvector they are found.
func BenchmarkFirstAnswer(b *testing.B) {
	o := withEncoder(b)
	const sku, question = "SS-DR-101", "Does it have pockets?"
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			askAnew(b, o, answer.NewMemory(0), sku, question)
		}
	})
	b.Run("pgvector", func(b *testing.B) {
		x := pgvector(b)
		askAnew(b, o, x, sku, question)
		for b.Loop() {
			askAnew(b, o, x, sku, question)
		}
	})
}
