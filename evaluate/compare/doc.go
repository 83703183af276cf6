// Package compare sets two or more runs over the same items beside one another
// and says which candidate to take.
//
// Key words: difference, interval, margin, decision.
//
// Compare returns a Comparison, a plain value that tables, pages and reports
// render; Rows yields the texts side by side. Every interval and p value is
// paired: items (or whole families of near-duplicates) are resampled together
// for all candidates, with a fixed seed, so that the same runs give the same
// figures on any number of processors. Runs over different items, or scored
// with different signatures, are refused with an error that names both.
// Functions are safe for concurrent use.
package compare
