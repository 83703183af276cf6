package answer_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint/catalogue/answer"
	"stylesprint/catalogue/answer/answertest"
)

func TestIndexes(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		answertest.Index(t, func(*testing.T) answer.Index { return answer.NewMemory(0) })
	})
	t.Run("shared", func(t *testing.T) {
		t.Parallel()
		answertest.Index(t, func(*testing.T) answer.Index {
			return answer.NewShared(answer.NewMemory(0), answer.SharedOptions{})
		})
	})
	t.Run("shared, in trouble", func(t *testing.T) {
		t.Parallel()
		answertest.Index(t, func(*testing.T) answer.Index {
			return answer.NewShared(&troubled{err: errors.New("away")}, answer.SharedOptions{})
		})
	})
}

// A full memory drops the oldest.
func TestMemory(t *testing.T) {
	t.Parallel()
	m := answer.NewMemory(2)
	for i := range 3 {
		if err := m.Keep(t.Context(), map[answer.Key][]float32{answertest.Key(i): {1}}); err != nil {
			t.Fatal(err)
		}
	}
	held, err := m.Cosines(t.Context(), []float32{1}, []answer.Key{answertest.Key(0), answertest.Key(1), answertest.Key(2)})
	if _, oldest := held[answertest.Key(0)]; err != nil || len(held) != 2 || oldest {
		t.Errorf("%v, %v", held, err)
	}
}

// troubled is an index that fails while it has an error, and counts how often it was asked.
type troubled struct {
	err   error
	asked atomic.Int64
}

func (x *troubled) Cosines(ctx context.Context, question []float32, passages []answer.Key) (map[answer.Key]float64, error) {
	x.asked.Add(1)
	if x.err != nil {
		return nil, x.err
	}
	return map[answer.Key]float64{answertest.Key(9): 0.5}, ctx.Err()
}

func (x *troubled) Keep(context.Context, map[answer.Key][]float32) error {
	x.asked.Add(1)
	return x.err
}

// A shared index in trouble costs nothing but the memory that stands in its place: it is told, left alone for a
// while, and asked again.
func TestSharedInTrouble(t *testing.T) {
	t.Parallel()
	x := &troubled{err: errors.New("the database is away")}
	now := time.Unix(1000, 0)
	var faults []string
	s := answer.NewShared(x, answer.SharedOptions{Now: func() time.Time { return now }, Fault: func(act string, err error) { faults = append(faults, act+": "+err.Error()) }})
	ctx, key := t.Context(), answertest.Key(1)
	ask := func() map[answer.Key]float64 {
		t.Helper()
		got, err := s.Cosines(ctx, []float32{1, 0}, []answer.Key{key})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := ask(); len(got) != 0 || len(faults) != 1 || faults[0] != "look_up: the database is away" {
		t.Errorf("%v, %v", got, faults)
	}
	if err := s.Keep(ctx, map[answer.Key][]float32{key: {1, 0}}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(9 * time.Second)
	if got := ask(); got[key] != 1 || x.asked.Load() != 1 || len(faults) != 1 {
		t.Errorf("%v from memory, asked %d times, %v", got, x.asked.Load(), faults)
	}
	now = now.Add(2 * time.Second)
	if err := s.Keep(ctx, map[answer.Key][]float32{key: {1, 0}}); err != nil || len(faults) != 2 || faults[1] != "keep: the database is away" {
		t.Errorf("%v, %v", err, faults)
	}
	now, x.err = now.Add(11*time.Second), nil
	if got := ask(); len(got) != 1 || got[answertest.Key(9)] != 0.5 {
		t.Errorf("%v: the index is not asked again", got)
	}
	// A caller whose time is up is no fault of the index.
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Cosines(over, []float32{1}, []answer.Key{key}); !errors.Is(err, context.Canceled) || len(faults) != 2 {
		t.Errorf("%v, %v", err, faults)
	}
}

// An index that does not answer is not waited for without end.
func TestSharedThatHangs(t *testing.T) {
	t.Parallel()
	told := make(chan error, 1)
	s := answer.NewShared(hanging{}, answer.SharedOptions{Fault: func(_ string, err error) { told <- err }})
	if got, err := s.Cosines(t.Context(), []float32{1}, []answer.Key{{1}}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if err := <-told; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

type hanging struct{}

func (hanging) Cosines(ctx context.Context, _ []float32, _ []answer.Key) (map[answer.Key]float64, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) Keep(ctx context.Context, _ map[answer.Key][]float32) error {
	<-ctx.Done()
	return ctx.Err()
}
