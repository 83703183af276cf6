package kernel_test

import (
	"fmt"

	"stylesprint/engine/nn/kernel"
)

// A linear layer with bias: packed once, applied to two rows.
func ExampleMachine_Linear() {
	m, err := kernel.NewMachine(kernel.Options{Level: kernel.Detect(), Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()

	w := m.PackF32(2, 3, []float32{1, 0, 0, 0, 1, 1}) // two outputs of three inputs
	x := []float32{1, 2, 3, 4, 5, 6}
	y := make([]float32, 4)
	var s kernel.Scratch
	m.Linear(y, x, 2, w, &s, kernel.Epilogue{Bias: []float32{0.5, -1}})
	fmt.Println(y)
	// Output: [1.5 4 4.5 10]
}

// A prompt of two tokens, then one decode step, over a paged cache.
func ExampleMachine_AttendPages() {
	m, err := kernel.NewMachine(kernel.Options{Threads: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	cache, err := kernel.NewPages(kernel.PagesOptions{Layers: 1, Heads: 1, Dim: 2, Pages: 4, Format: kernel.F32})
	if err != nil {
		fmt.Println(err)
		return
	}
	var s kernel.Scratch
	a := kernel.Attention{Heads: 1, Causal: true}
	table := []int32{3} // the sequence's first page is page 3

	step := func(past int, q, k, v []float32) {
		out := make([]float32, len(q))
		seq := []kernel.Segment{{Rows: len(q) / 2, Past: past, Pages: table}}
		m.StorePages(cache, 0, k, v, seq, &s)
		m.AttendPages(out, q, cache, 0, seq, a, &s)
		fmt.Printf("%.2f\n", out)
	}
	step(0, []float32{1, 0, 0, 1}, []float32{9, 0, 0, 9}, []float32{1, 2, 3, 4})
	step(2, []float32{9, 9}, []float32{99, 99}, []float32{5, 6})
	// Output:
	// [1.00 2.00 3.00 4.00]
	// [5.00 6.00]
}
