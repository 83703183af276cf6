package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"stylesprint"
	"stylesprint/catalogue/answer"
)

// Vectors keeps the vectors of passages with the extension pgvector, for all processes that
// share the database, and has it compute the cosines. It is safe for concurrent use.
type Vectors struct {
	db     *DB
	schema string // of the extension, quoted
}

var _ answer.Index = (*Vectors)(nil)

// Vectors opens the index of vectors. Where the extension is not in the database but on its server, it
// is made, if the user may; where it cannot be had, the error has the code unsupported and says why.
func (d *DB) Vectors(ctx context.Context) (*Vectors, error) {
	var v *Vectors
	err := d.locked(ctx, func(tx pgx.Tx) error {
		schema, err := d.extension(ctx, tx)
		if err != nil {
			return err
		}
		v = &Vectors{db: d, schema: schema}
		return v.make(ctx, tx)
	})
	var known *stylesprint.Error
	if errors.As(err, &known) {
		return nil, err
	}
	if err != nil {
		return nil, d.Fault("open the index of vectors", err)
	}
	return v, nil
}

// locked runs a transaction that no other process runs at the same time, tried again as others are.
func (d *DB) locked(ctx context.Context, body func(tx pgx.Tx) error) error {
	attempt := func() error {
		return pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", lock)); err != nil {
				return err
			}
			return body(tx)
		})
	}
	err := attempt()
	if err != nil && d.again(ctx, err, false) {
		err = attempt()
	}
	return err
}

// extension is the schema of the extension, quoted, which is made if need be.
func (d *DB) extension(ctx context.Context, tx pgx.Tx) (string, error) {
	find := func() (schema *string, available bool, err error) {
		err = tx.QueryRow(ctx, `SELECT (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'),
			EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')`).Scan(&schema, &available)
		return schema, available, err
	}
	schema, available, err := find()
	if err != nil {
		return "", err
	}
	if schema == nil && !available {
		return "", unsupported(fmt.Sprintf("the server of the database %s has no extension vector", d.name), "install pgvector on the server, then: CREATE EXTENSION vector", nil)
	}
	if schema == nil {
		if _, err := tx.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS vector"); err != nil && state(err) != "" && !trouble(err) {
			return "", unsupported(fmt.Sprintf("the extension vector cannot be made in the database %s by its user", d.name), "as a user who may: CREATE EXTENSION vector", err)
		} else if err != nil {
			return "", err
		}
		if schema, _, err = find(); err != nil {
			return "", err
		}
		if schema == nil {
			return "", errors.New("the extension vector was made and is not there")
		}
	}
	return *schema, nil
}

func unsupported(message, hint string, err error) error {
	return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Message: message, Hint: hint, Err: err}
}

// make makes the table. One that lost its vectors together with the extension is made anew: it holds
// nothing that cannot be computed.
func (v *Vectors) make(ctx context.Context, tx pgx.Tx) error {
	var lost bool
	err := tx.QueryRow(ctx, `SELECT to_regclass('answer_vectors') IS NOT NULL
		AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('answer_vectors') AND attname = 'embedding' AND NOT attisdropped)`).Scan(&lost)
	if err != nil {
		return err
	}
	if lost {
		if _, err := tx.Exec(ctx, "DROP TABLE answer_vectors"); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS answer_vectors (
		key BYTEA PRIMARY KEY,
		embedding `+v.schema+`.vector NOT NULL,
		made TIMESTAMPTZ NOT NULL DEFAULT now())`)
	return err
}

// Cosines implements answer.Index. Vectors stay where they are; one distance for each passage comes back.
func (v *Vectors) Cosines(ctx context.Context, question []float32, passages []answer.Key) (map[answer.Key]float64, error) {
	if len(passages) == 0 {
		return nil, nil
	}
	keys := make([][]byte, len(passages))
	for i := range passages {
		keys[i] = passages[i][:]
	}
	query := fmt.Sprintf(`SELECT key, embedding OPERATOR(%[1]s.<=>) $2::real[]::%[1]s.vector FROM answer_vectors
		WHERE key = ANY ($1::bytea[]) AND %[1]s.vector_dims(embedding) = cardinality($2::real[])`, v.schema)
	var out map[answer.Key]float64
	err := v.twice(ctx, func() error {
		rows, err := v.db.pool.Query(ctx, query, keys, question)
		if err != nil {
			return err
		}
		out = make(map[answer.Key]float64, len(passages))
		var key []byte
		var distance float64
		_, err = pgx.ForEachRow(rows, []any{&key, &distance}, func() error {
			if math.IsNaN(distance) { // of a vector without a direction
				distance = 1
			}
			out[answer.Key(key)] = 1 - distance
			return nil
		})
		return err
	})
	if err != nil {
		return nil, v.db.Fault("compare vectors", err)
	}
	return out, nil
}

// Keep implements answer.Index. It drops nothing: that is Prune's.
func (v *Vectors) Keep(ctx context.Context, vectors map[answer.Key][]float32) error {
	if len(vectors) == 0 {
		return nil
	}
	query := fmt.Sprintf(`INSERT INTO answer_vectors (key, embedding) VALUES ($1, $2::real[]::%s.vector)
		ON CONFLICT (key) DO UPDATE SET embedding = excluded.embedding, made = excluded.made`, v.schema)
	// One transaction, in an order in which no two wait for each other in a circle.
	order := slices.SortedFunc(maps.Keys(vectors), func(a, b answer.Key) int { return bytes.Compare(a[:], b[:]) })
	err := v.twice(ctx, func() error {
		b := new(pgx.Batch)
		for _, k := range order {
			b.Queue(query, k[:], vectors[k])
		}
		return v.db.pool.SendBatch(ctx, b).Close()
	})
	return v.db.Fault("keep vectors", err)
}

// Prune deletes the vectors that were made longer ago than age, by the database's clock, and returns how
// many. One that is still asked for is embedded again.
func (v *Vectors) Prune(ctx context.Context, age time.Duration) (int64, error) {
	var n int64
	err := v.twice(ctx, func() error {
		tag, err := v.db.pool.Exec(ctx, "DELETE FROM answer_vectors WHERE made < now() - make_interval(secs => $1::double precision)", age.Seconds())
		n = tag.RowsAffected()
		return err
	})
	if err != nil {
		return 0, v.db.Fault("prune vectors", err)
	}
	return n, nil
}

// twice does what may be done twice, once more if the server went away meanwhile.
func (v *Vectors) twice(ctx context.Context, do func() error) error {
	err := do()
	if err != nil && v.db.again(ctx, err, false) {
		err = do()
	}
	return err
}
