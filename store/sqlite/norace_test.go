//go:build !race

package sqlite

const largeRows = 100_000
