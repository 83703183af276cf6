// Package export writes a comparison, or what a gate made of it, for other
// programs and for reviewers of a change: CSV, JUnit XML and Markdown.
//
// Key words: row, testcase, table.
//
// Every function renders into memory first, so that a fault never leaves half a
// file, and escapes what it writes for its format: a model's or a product's name
// cannot become a formula, a tag, a mention or a column. JSON needs no function:
// compare.Comparison and gate.Result are marshalled as they are. Functions are
// safe for concurrent use.
package export
