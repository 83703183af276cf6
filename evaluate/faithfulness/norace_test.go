//go:build !race

package faithfulness

const poolsDrop = false
