// Package answertest is the conformance suite for indexes of answers: whatever keeps the vectors of
// passages is asked the same things.
//
// Key words: index, conformance, cosine.
//
// The usual path is
//
//	answertest.Index(t, func(t *testing.T) answer.Index { return answer.NewMemory(0) })
//
// Each test opens an empty index of its own and fails through t.
package answertest

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"stylesprint/catalogue/answer"
)

// tolerance of a cosine: an index may add up in float32.
const tolerance = 2e-6

// Index tests an index; open returns an empty one.
func Index(t *testing.T, open func(t *testing.T) answer.Index) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, x answer.Index)
	}{
		{"cosines", cosines}, {"absent", absent}, {"lengths", lengths}, {"replaced", replaced}, {"nothing", nothing}, {"together", together},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// Vector is a unit vector of n values that follows from a seed.
func Vector(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 7))
	v := make([]float32, n)
	var sum float64
	for i := range v {
		v[i] = float32(rng.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

// Key is a key that follows from a number.
func Key(n int) answer.Key { return answer.Key{byte(n), byte(n >> 8), 1} }

func keep(t *testing.T, x answer.Index, vectors map[answer.Key][]float32) {
	t.Helper()
	if err := x.Keep(t.Context(), vectors); err != nil {
		t.Fatal(err)
	}
}

func ask(t *testing.T, x answer.Index, question []float32, keys ...answer.Key) map[answer.Key]float64 {
	t.Helper()
	got, err := x.Cosines(t.Context(), question, keys)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Every passage that is held has the cosine that float64 gives.
func cosines(t *testing.T, x answer.Index) {
	const n, dimensions = 64, 384
	vectors := map[answer.Key][]float32{}
	var keys []answer.Key
	for i := range n {
		keys = append(keys, Key(i))
		vectors[Key(i)] = Vector(uint64(i), dimensions)
	}
	keep(t, x, vectors)
	for q := range uint64(5) {
		question := Vector(1000+q, dimensions)
		got := ask(t, x, question, keys...)
		if len(got) != n {
			t.Fatalf("%d cosines of %d", len(got), n)
		}
		for k, v := range vectors {
			var want float64
			for i := range v {
				want += float64(v[i]) * float64(question[i])
			}
			if math.Abs(got[k]-want) > tolerance {
				t.Errorf("cosine %v, want %v", got[k], want)
			}
		}
	}
	if got := ask(t, x, vectors[Key(3)], Key(3)); math.Abs(got[Key(3)]-1) > tolerance {
		t.Errorf("a vector's cosine with itself is %v", got[Key(3)])
	}
	opposite := Vector(3, dimensions)
	for i := range opposite {
		opposite[i] = -opposite[i]
	}
	if got := ask(t, x, opposite, Key(3)); math.Abs(got[Key(3)]+1) > tolerance {
		t.Errorf("a vector's cosine with its opposite is %v", got[Key(3)])
	}
}

func absent(t *testing.T, x answer.Index) {
	keep(t, x, map[answer.Key][]float32{Key(1): Vector(1, 4)})
	got := ask(t, x, Vector(2, 4), Key(0), Key(1), Key(1), Key(2))
	if _, ok := got[Key(1)]; !ok || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// A vector of another length is not held for this question, and can be replaced by one that is.
func lengths(t *testing.T, x answer.Index) {
	keep(t, x, map[answer.Key][]float32{Key(1): Vector(1, 4), Key(2): Vector(2, 8)})
	if got := ask(t, x, Vector(3, 8), Key(1), Key(2)); len(got) != 1 {
		t.Errorf("%v", got)
	}
	keep(t, x, map[answer.Key][]float32{Key(1): Vector(1, 8)})
	if got := ask(t, x, Vector(3, 8), Key(1), Key(2)); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func replaced(t *testing.T, x answer.Index) {
	keep(t, x, map[answer.Key][]float32{Key(1): {1, 0}})
	keep(t, x, map[answer.Key][]float32{Key(1): {0, 1}})
	if got := ask(t, x, []float32{0, 1}, Key(1)); got[Key(1)] != 1 {
		t.Errorf("%v", got)
	}
}

func nothing(t *testing.T, x answer.Index) {
	keep(t, x, nil)
	if got := ask(t, x, Vector(1, 4)); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// Many at once, who keep the same vectors in different orders, wait for one another and do not fail.
func together(t *testing.T, x answer.Index) {
	vectors := map[answer.Key][]float32{}
	var keys []answer.Key
	for i := range 30 {
		keys = append(keys, Key(i))
		vectors[Key(i)] = Vector(uint64(i), 16)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if err := x.Keep(t.Context(), vectors); err != nil {
					t.Error(err)
				}
				if got, err := x.Cosines(t.Context(), vectors[Key(0)], keys); err != nil || len(got) != len(keys) {
					t.Errorf("%d, %v", len(got), err)
				}
			}
		})
	}
	wg.Wait()
}
