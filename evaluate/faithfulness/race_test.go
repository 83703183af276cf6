//go:build race

package faithfulness

// Under the race detector a sync.Pool drops what is put into it at random, so
// that allocations cannot be counted.
const poolsDrop = true
