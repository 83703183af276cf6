package postgres

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"stylesprint"
	"stylesprint/catalogue"
	"stylesprint/catalogue/answer"
	"stylesprint/catalogue/answer/answertest"
	"stylesprint/catalogue/demo"
	"stylesprint/embedding"
	"stylesprint/embedding/fake"
	"stylesprint/internal/testkit/postgres"
)

// needVector skips a test where the tests' server has no pgvector, or fails it where STYLESPRINT_REQUIRE
// names pgvector.
func needVector(t testing.TB) {
	t.Helper()
	d := open(t, shared.Database(t))
	var available bool
	if err := d.sql.QueryRow("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')").Scan(&available); err != nil {
		t.Fatal(err)
	}
	if available {
		return
	}
	if strings.Contains(os.Getenv("STYLESPRINT_REQUIRE"), "pgvector") {
		t.Fatal("the server has no pgvector, and STYLESPRINT_REQUIRE asks for it")
	}
	t.Skip("the server has no pgvector")
}

func vectors(t testing.TB, d *DB) *Vectors {
	t.Helper()
	v, err := d.Vectors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// run executes statements as the databases' owner.
func run(t testing.TB, d *DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := d.sql.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestVectorsConform(t *testing.T) {
	t.Parallel()
	needVector(t)
	answertest.Index(t, func(t *testing.T) answer.Index { return vectors(t, open(t, shared.Database(t))) })
	t.Run("as through PgBouncer", func(t *testing.T) {
		t.Parallel()
		answertest.Index(t, func(t *testing.T) answer.Index {
			return vectors(t, open(t, shared.Database(t)+"&default_query_exec_mode=exec"))
		})
	})
	t.Run("extension in a schema of its own", func(t *testing.T) {
		t.Parallel()
		answertest.Index(t, func(t *testing.T) answer.Index {
			d := open(t, shared.Database(t))
			run(t, d, `CREATE SCHEMA "the extensions"`, `CREATE EXTENSION vector SCHEMA "the extensions"`)
			return vectors(t, d)
		})
	})
}

// What one process keeps, another one and the next one find, bit by bit; what is old goes.
func TestVectorsAreShared(t *testing.T) {
	t.Parallel()
	needVector(t)
	dsn := shared.Database(t)
	first, second := open(t, dsn), open(t, dsn)
	kept := map[answer.Key][]float32{answertest.Key(1): answertest.Vector(1, 384), answertest.Key(2): answertest.Vector(2, 384)}
	if err := vectors(t, first).Keep(t.Context(), kept); err != nil {
		t.Fatal(err)
	}
	v := vectors(t, second)
	got, err := v.Cosines(t.Context(), answertest.Vector(1, 384), []answer.Key{answertest.Key(1), answertest.Key(2)})
	if err != nil || len(got) != 2 || math.Abs(got[answertest.Key(1)]-1) > 1e-6 {
		t.Fatalf("%v, %v", got, err)
	}
	rows, err := second.pool.Query(t.Context(), "SELECT key, embedding::real[] FROM answer_vectors")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var key []byte
		var values []float32
		if err := rows.Scan(&key, &values); err != nil {
			t.Fatal(err)
		}
		n++
		for i, want := range kept[answer.Key(key)] {
			if values[i] != want {
				t.Fatalf("value %d is %v, was %v", i, values[i], want)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d rows", n)
	}
	k := answertest.Key(2)
	if _, err := second.pool.Exec(t.Context(), "UPDATE answer_vectors SET made = now() - interval '31 days' WHERE key = $1", k[:]); err != nil {
		t.Fatal(err)
	}
	if n, err := v.Prune(t.Context(), 30*24*time.Hour); err != nil || n != 1 {
		t.Errorf("%d pruned, %v", n, err)
	}
	if got, err := v.Cosines(t.Context(), answertest.Vector(1, 384), []answer.Key{answertest.Key(1), k}); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

// A user who may not make the extension is told so, and uses it once somebody else has made it. Until
// then the database is as it was.
func TestVectorsWithoutTheRight(t *testing.T) {
	t.Parallel()
	needVector(t)
	owner := open(t, shared.Database(t))
	var database string
	if err := owner.sql.QueryRow("SELECT current_database()").Scan(&database); err != nil {
		t.Fatal(err)
	}
	user := "shop_" + database
	run(t, owner, "CREATE ROLE "+user+" LOGIN", "GRANT ALL ON SCHEMA public TO "+user)
	restricted, err := connect(t.Context(), mustParse(t, strings.Replace(shared.Server(t).DSN(database), "stylesprint@", user+"@", 1)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := restricted.Close(); err != nil {
			t.Error(err)
		}
	})
	_, err = restricted.Vectors(t.Context())
	if stylesprint.CodeOf(err) != stylesprint.CodeUnsupported || !strings.Contains(err.Error(), database) {
		t.Fatalf("%v", err)
	}
	var there bool
	if err := owner.sql.QueryRow("SELECT to_regclass('answer_vectors') IS NOT NULL").Scan(&there); err != nil || there {
		t.Errorf("a table was left: %v, %v", there, err)
	}
	run(t, owner, "CREATE EXTENSION vector")
	v := vectors(t, restricted)
	if err := v.Keep(t.Context(), map[answer.Key][]float32{answertest.Key(1): {1, 0}}); err != nil {
		t.Error(err)
	}
	// The extension goes, and the vectors with it: the table is made anew when they are back.
	run(t, owner, "DROP EXTENSION vector CASCADE")
	if _, err := v.Cosines(t.Context(), []float32{1, 0}, []answer.Key{answertest.Key(1)}); err == nil {
		t.Error("vectors without the extension")
	}
	run(t, owner, "CREATE EXTENSION vector")
	v = vectors(t, restricted)
	if got, err := v.Cosines(t.Context(), []float32{1, 0}, []answer.Key{answertest.Key(1)}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// A server without the extension is told apart from one that fails.
func TestNoVectors(t *testing.T) {
	t.Parallel()
	d := open(t, shared.Database(t))
	var available bool
	if err := d.sql.QueryRow("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')").Scan(&available); err != nil {
		t.Fatal(err)
	}
	if available { // it is hidden behind a view of the same name
		run(t, d, "CREATE VIEW pg_available_extensions AS SELECT name FROM pg_catalog.pg_available_extensions WHERE name <> 'vector'",
			"ALTER DATABASE "+d.pool.Config().ConnConfig.Database+" SET search_path = public, pg_catalog")
		d.pool.Reset()
	}
	if _, err := d.Vectors(t.Context()); stylesprint.CodeOf(err) != stylesprint.CodeUnsupported || !strings.Contains(err.Error(), "no extension vector") {
		t.Errorf("%v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Vectors(over); err == nil || stylesprint.CodeOf(err) == stylesprint.CodeUnsupported {
		t.Errorf("%v", err)
	}
}

// Several processes that start at once make one table.
func TestVectorsAreMadeOnce(t *testing.T) {
	t.Parallel()
	needVector(t)
	dsn := shared.Database(t)
	const n = 6
	faults := make(chan error, n)
	for range n {
		d := open(t, dsn)
		go func() {
			_, err := d.Vectors(context.Background())
			faults <- err
		}()
	}
	for range n {
		if err := <-faults; err != nil {
			t.Error(err)
		}
	}
}

// An answerer goes on while the server is away, and uses the index again after.
func TestVectorsWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	needVector(t)
	server := postgres.Start(t, postgres.Options{})
	d := open(t, server.Database(t))
	now := time.Unix(1000, 0)
	var faults []string
	x := answer.NewShared(vectors(t, d), answer.SharedOptions{Now: func() time.Time { return now }, Fault: func(act string, _ error) { faults = append(faults, act) }})
	a, calls := answerer(t, x)
	ask(t, a, "SS-DR-101", "Does it have pockets?")
	ask(t, a, "SS-DR-101", "Does it have pockets?")
	if len(calls()) != 3 || len(faults) != 0 { // question and passages, and a question
		t.Fatalf("%d calls, %v", len(calls()), faults)
	}
	server.Kill(t)
	if got := ask(t, a, "SS-DR-101", "Does it have pockets?"); got.Text != "Two side pockets." || len(faults) != 1 || len(calls()) != 5 {
		t.Errorf("%+v, %v, %d calls", got, faults, len(calls()))
	}
	server.Start(t)
	now = now.Add(time.Minute)
	if got := ask(t, a, "SS-DR-101", "Does it have pockets?"); got.Text != "Two side pockets." || len(faults) != 1 || len(calls()) != 6 {
		t.Errorf("%+v, %v, %d calls", got, faults, len(calls()))
	}
}

// Answers are the same whoever compares the vectors, for all labelled questions of the demo catalogue.
func TestVectorsAnswerAlike(t *testing.T) {
	t.Parallel()
	needVector(t)
	byMemory, _ := answerer(t, answer.NewMemory(0))
	byDatabase, _ := answerer(t, vectors(t, open(t, shared.Database(t))))
	products, err := demo.Products()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range products {
		for _, q := range p.Questions {
			n++
			want, got := ask(t, byMemory, p.SKU, q.Text), ask(t, byDatabase, p.SKU, q.Text)
			if math.Abs(want.Confidence-got.Confidence) > 2e-4 {
				t.Errorf("%s: confidence %v, was %v", q.Text, got.Confidence, want.Confidence)
			}
			want.Confidence, got.Confidence = 0, 0
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("%s: %+v, was %+v", q.Text, got, want)
			}
		}
	}
	if n < 300 {
		t.Errorf("only %d questions", n)
	}
}

// answerer answers about the demo catalogue with an encoder that makes vectors of words; calls are what it was asked.
func answerer(t testing.TB, x answer.Index) (*answer.Answerer, func() [][]string) {
	t.Helper()
	products, err := demo.Products()
	if err != nil {
		t.Fatal(err)
	}
	driver := fake.New(fake.Script{})
	client := embedding.New(driver, embedding.Options{})
	c, err := answer.Calibrated()
	if err != nil {
		t.Fatal(err)
	}
	c.Encoders["fake"] = c.Encoders["all-minilm-l6-v2"]
	a, err := answer.New(answer.Options{
		Products: func(_ context.Context, sku string) (catalogue.Product, error) {
			for _, p := range products {
				if p.SKU == sku {
					return p, nil
				}
			}
			return catalogue.Product{}, fmt.Errorf("no product %s", sku)
		},
		Embed: func(ctx context.Context, texts []string) ([][]float32, error) {
			r, err := client.Embed(ctx, texts)
			out := make([][]float32, len(r.Vectors))
			for i, v := range r.Vectors {
				out[i] = v.Values
			}
			return out, err
		},
		Encoder: "fake", Calibration: c, Index: x,
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, driver.Calls
}

func ask(t testing.TB, a *answer.Answerer, sku, question string) answer.Answer {
	t.Helper()
	out, err := a.Answer(t.Context(), answer.Question{SKU: sku, Text: question})
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	return out
}

// BenchmarkRank compares a question with 30 passages of 384 values, and counts the bytes that go to the
// database and come back.
func BenchmarkRank(b *testing.B) {
	held := map[answer.Key][]float32{}
	var keys []answer.Key
	for i := range 30 {
		keys = append(keys, answertest.Key(i))
		held[answertest.Key(i)] = answertest.Vector(uint64(i), 384)
	}
	question := answertest.Vector(1000, 384)
	rank := func(b *testing.B, x answer.Index) {
		b.Helper()
		if got, err := x.Cosines(b.Context(), question, keys); err != nil || len(got) != len(keys) {
			b.Fatalf("%d, %v", len(got), err)
		}
	}
	b.Run("memory", func(b *testing.B) {
		m := answer.NewMemory(0)
		if err := m.Keep(b.Context(), held); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			rank(b, m)
		}
	})
	b.Run("pgvector", func(b *testing.B) {
		needVector(b)
		var moved atomic.Int64
		config := mustParse(b, shared.Database(b))
		config.ConnConfig.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, network, addr)
			return counted{c, &moved}, err
		}
		d, err := connect(b.Context(), config)
		if err != nil {
			b.Fatal(err)
		}
		defer d.Close()
		v := vectors(b, d)
		if err := v.Keep(b.Context(), held); err != nil {
			b.Fatal(err)
		}
		rank(b, v)
		moved.Store(0)
		for b.Loop() {
			rank(b, v)
		}
		b.ReportMetric(float64(moved.Load())/float64(b.N), "wire-B/op")
	})
}

// counted is a connection that counts its bytes in both directions.
type counted struct {
	net.Conn
	moved *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.moved.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.moved.Add(int64(n))
	return n, err
}

func mustParse(t testing.TB, dsn string) *pgxpool.Config {
	t.Helper()
	config, err := parse(dsn, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return config
}
