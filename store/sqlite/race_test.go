//go:build race

package sqlite

// The race detector slows SQLite a hundredfold; a small log is enough for it.
const largeRows = 2_000
