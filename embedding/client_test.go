package embedding_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/embedding/fake"
)

func TestBatches(t *testing.T) {
	t.Parallel()
	d := fake.New(fake.Script{})
	c := embedding.New(d, embedding.Options{MaxBatch: 3, Price: stylesprint.Price{InputPerMillion: 0.02}})
	texts := []string{"a", "b b", "c", "d", "e", "f", "g"}
	r, err := c.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(d.Calls()); got != "[[a b b c] [d e f] [g]]" {
		t.Errorf("calls %s", got)
	}
	if r.Usage.PromptTokens != 8 || r.Cost != 160 || len(r.Vectors) != 7 { // 8 x 20 billionths
		t.Errorf("usage %+v, cost %d, %d vectors", r.Usage, r.Cost, len(r.Vectors))
	}
	alone, err := c.Embed(t.Context(), []string{"e"})
	if err != nil || fmt.Sprint(alone.Vectors[0]) != fmt.Sprint(r.Vectors[4]) {
		t.Errorf("the order was lost: %v", err)
	}
}

func TestVectorsAreNormalised(t *testing.T) {
	t.Parallel()
	for _, scale := range []float32{1, 0.01, 300} {
		c := embedding.New(fake.New(fake.Script{Scale: scale}), embedding.Options{})
		r, err := c.Embed(t.Context(), []string{"a wool coat"})
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for _, x := range r.Vectors[0].Values {
			sum += float64(x) * float64(x)
		}
		if math.Abs(sum-1) > 2e-5 {
			t.Errorf("scale %v: squared length %v", scale, sum)
		}
	}
}

// driver answers with what a test gives it.
type driver struct {
	embedding.Driver
	vectors [][]float32
}

func (d driver) Embed(context.Context, []string) ([]embedding.Vector, error) {
	var out []embedding.Vector
	for _, v := range d.vectors {
		out = append(out, embedding.Vector{Values: v})
	}
	return out, nil
}

func TestAnswersAreChecked(t *testing.T) {
	t.Parallel()
	nan := float32(math.NaN())
	cases := []struct {
		name       string
		vectors    [][]float32
		dimensions int
		text       string // "" is right
	}{
		{"right", [][]float32{{1, 0}, {0, 2}}, 2, ""},
		{"too few", [][]float32{{1, 0}}, 0, "2 texts with 1 vectors"},
		{"dimensions", [][]float32{{1, 0}, {1, 0}}, 3, "2 dimensions; want 3"},
		{"dimensions differ", [][]float32{{1, 0}, {1, 0, 0}}, 0, "3 dimensions; want 2"},
		{"empty", [][]float32{{}, {1}}, 0, "empty vector"},
		{"zero", [][]float32{{0, 0}, {1, 0}}, 0, "without direction"},
		{"not a number", [][]float32{{nan, 0}, {1, 0}}, 0, "without direction"},
		{"infinite", [][]float32{{float32(math.Inf(1)), 0}, {1, 0}}, 0, "without direction"},
	}
	for _, k := range cases {
		c := embedding.New(driver{vectors: k.vectors}, embedding.Options{Dimensions: k.dimensions})
		_, err := c.Embed(t.Context(), []string{"a", "b"})
		if k.text == "" {
			if err != nil {
				t.Errorf("%s: %v", k.name, err)
			}
			continue
		}
		if stylesprint.CodeOf(err) != stylesprint.CodeUpstream || !strings.Contains(err.Error(), k.text) {
			t.Errorf("%s: %v", k.name, err)
		}
	}
}

func TestDimensionsHoldBetweenCalls(t *testing.T) {
	t.Parallel()
	d := &driver{vectors: [][]float32{{1, 0}}}
	c := embedding.New(d, embedding.Options{})
	if _, err := c.Embed(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	d.vectors = [][]float32{{1, 0, 0}}
	if _, err := c.Embed(t.Context(), []string{"a"}); stylesprint.CodeOf(err) != stylesprint.CodeUpstream {
		t.Errorf("another length in the next call: %v", err)
	}
}

func TestTextsAreChecked(t *testing.T) {
	t.Parallel()
	for field, texts := range map[string][]string{"input": nil, "input[1]": {"a", " \n"}, "input[0]": {"\xff"}} {
		d := fake.New(fake.Script{})
		_, err := embedding.New(d, embedding.Options{}).Embed(t.Context(), texts)
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != stylesprint.CodeInvalid || e.Field != field || len(d.Calls()) != 0 {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestErrorsHaveCodes(t *testing.T) {
	t.Parallel()
	limited := &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "slow down"}
	for _, k := range []struct {
		err  error
		code stylesprint.Code
	}{{limited, stylesprint.CodeRateLimited}, {errors.New("odd"), stylesprint.CodeInternal}} {
		c := embedding.New(fake.New(fake.Script{Err: func(call int, _ []string) error {
			if call == 2 {
				return k.err
			}
			return nil
		}}), embedding.Options{MaxBatch: 1})
		r, err := c.Embed(t.Context(), []string{"a", "b"})
		if stylesprint.CodeOf(err) != k.code || !errors.Is(err, k.err) || r.Vectors != nil {
			t.Errorf("%v: %v with %d vectors", k.err, err, len(r.Vectors))
		}
	}
}

func TestCloseWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := embedding.New(fake.New(fake.Script{Pause: time.Second}), embedding.Options{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Embed(t.Context(), []string{"a"}); err != nil {
				t.Errorf("a running call: %v", err)
			}
		})
		synctest.Wait()
		start := time.Now()
		if err := c.Close(); err != nil || time.Since(start) != time.Second {
			t.Errorf("close: %v after %v", err, time.Since(start))
		}
		if _, err := c.Info(t.Context()); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable {
			t.Errorf("after close: %v", err)
		}
		wg.Wait()
	})
}

func Example() {
	c := embedding.New(fake.New(fake.Script{Dimensions: 32}), embedding.Options{})
	defer c.Close()
	r, err := c.Embed(context.Background(), []string{"a warm wool coat", "a wool coat", "a cotton sock"})
	if err != nil {
		fmt.Println(err)
		return
	}
	cosine := func(a, b embedding.Vector) (sum float32) {
		for i := range a.Values {
			sum += a.Values[i] * b.Values[i] // unit vectors
		}
		return sum
	}
	fmt.Println(len(r.Vectors), "vectors of", len(r.Vectors[0].Values), "numbers")
	fmt.Println(cosine(r.Vectors[0], r.Vectors[1]) > cosine(r.Vectors[0], r.Vectors[2]))
	// Output:
	// 3 vectors of 32 numbers
	// true
}
