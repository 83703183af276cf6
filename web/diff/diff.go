// Package diff finds the words in which two texts differ.
//
// Key words: word, span, edit, bound.
//
// Words splits both texts into words and signs, finds the shortest list of
// edits with Myers' greedy algorithm (E. W. Myers, "An O(ND) Difference
// Algorithm and Its Variations", Algorithmica 1, 1986), and returns both as
// spans for display. Space does not count as a difference. Work is bounded: where
// the texts are longer or more different than the limits allow, their middles
// are marked as a whole. Functions are pure and safe for concurrent use.
package diff

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of one comparison. Time and memory grow with maxEdits squared.
const (
	maxTokens = 20_000 // of both texts together
	maxEdits  = 1_000
)

// Span is a stretch of text. The spans of a text, joined, are the text.
type Span struct {
	Text    string
	Changed bool
}

// Result is the comparison of two texts.
type Result struct {
	A, B []Span
	// Shared is the part of the tokens that the texts have in common: twice the
	// common ones over those of both, 1 for equal texts and for two empty ones.
	Shared float64
	// Coarse says that a limit was reached and whole middles are marked.
	Coarse bool
}

// Words compares two texts.
func Words(a, b string) Result {
	ta, tb := split(a), split(b)
	keepA, keepB, coarse := match(ta, tb)
	common := 0
	for _, k := range keepA {
		if k {
			common++
		}
	}
	r := Result{A: spans(a, ta, keepA), B: spans(b, tb, keepB), Shared: 1, Coarse: coarse}
	if n := len(ta) + len(tb); n > 0 {
		r.Shared = 2 * float64(common) / float64(n)
	}
	return r
}

// token is a word or a sign, with its place in the text.
type token struct {
	text       string
	start, end int
}

// split finds words (letters, digits, marks; apostrophes, hyphens, points and
// commas inside them) and single signs. Characters of scripts written without spaces
// stand alone.
func split(s string) []token {
	var out []token
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if unicode.IsSpace(r) {
			i += n
			continue
		}
		j := i + n
		if wordRune(r) {
			j = wordEnd(s, j)
		}
		out = append(out, token{s[i:j], i, j})
		i = j
	}
	return out
}

// wordEnd extends a word that has begun before j.
func wordEnd(s string, j int) int {
	for j < len(s) {
		r, n := utf8.DecodeRuneInString(s[j:])
		if wordRune(r) {
			j += n
			continue
		}
		next, m := utf8.DecodeRuneInString(s[j+n:])
		if !strings.ContainsRune("'’-.,", r) || m == 0 || !wordRune(next) {
			break
		}
		j += n + m
	}
	return j
}

func wordRune(r rune) bool {
	if unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai) {
		return false
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// match says for every token whether it is common to both.
func match(a, b []token) (keepA, keepB []bool, coarse bool) {
	keepA, keepB = make([]bool, len(a)), make([]bool, len(b))
	lo := 0
	for lo < len(a) && lo < len(b) && a[lo].text == b[lo].text {
		keepA[lo], keepB[lo] = true, true
		lo++
	}
	ea, eb := len(a), len(b)
	for ea > lo && eb > lo && a[ea-1].text == b[eb-1].text {
		ea, eb = ea-1, eb-1
		keepA[ea], keepB[eb] = true, true
	}
	if ea == lo || eb == lo {
		return keepA, keepB, false
	}
	if ea+eb-2*lo > maxTokens {
		return keepA, keepB, true
	}
	found := myers(number(a[lo:ea], b[lo:eb]), func(x, y int) {
		keepA[lo+x], keepB[lo+y] = true, true
	})
	return keepA, keepB, !found
}

// sequences are two texts with equal tokens as equal numbers.
type sequences struct{ a, b []int32 }

func number(a, b []token) sequences {
	ids := make(map[string]int32, len(a)+len(b))
	list := func(ts []token) []int32 {
		out := make([]int32, len(ts))
		for i, t := range ts {
			id, ok := ids[t.text]
			if !ok {
				id = int32(len(ids))
				ids[t.text] = id
			}
			out[i] = id
		}
		return out
	}
	return sequences{list(a), list(b)}
}

// myers calls common for each pair of equal tokens on a shortest edit path,
// from the end to the beginning. It returns false, having called nothing, where
// the path is longer than maxEdits.
func myers(s sequences, common func(x, y int)) bool {
	n, m := len(s.a), len(s.b)
	limit := min(n+m, maxEdits)
	v := make([]int32, 2*limit+3) // furthest x on diagonal k, at k+limit+1
	var trace [][]int32           // for each d, the part of v from -d to d before step d
	for d := 0; d <= limit; d++ {
		trace = append(trace, append([]int32(nil), v[limit+1-d:limit+2+d]...))
		for k := -d; k <= d; k += 2 {
			at := k + limit + 1
			x := v[at-1] + 1
			if k == -d || (k != d && v[at-1] < v[at+1]) {
				x = v[at+1]
			}
			y := int(x) - k
			for int(x) < n && y < m && s.a[x] == s.b[y] {
				x, y = x+1, y+1
			}
			v[at] = x
			if int(x) >= n && y >= m {
				back(s, trace, d, common)
				return true
			}
		}
	}
	return false
}

// back walks the path from the end.
func back(s sequences, trace [][]int32, d int, common func(x, y int)) {
	x, y := len(s.a), len(s.b)
	for ; d > 0; d-- {
		v := trace[d] // v[k+d] is the furthest x on diagonal k after step d-1
		k := x - y
		down := k == -d || (k != d && v[k-1+d] < v[k+1+d])
		pk := k - 1
		if down {
			pk = k + 1
		}
		px := int(v[pk+d])
		py := px - pk
		for x > px && y > py && x > 0 && y > 0 && s.a[x-1] == s.b[y-1] {
			x, y = x-1, y-1
			common(x, y)
		}
		x, y = px, py
	}
	for x > 0 && y > 0 {
		x, y = x-1, y-1
		common(x, y)
	}
}

// spans joins tokens that are alike. The space between two tokens belongs to
// them when both are alike, and is unchanged otherwise.
func spans(s string, tokens []token, keep []bool) []Span {
	var out []Span
	start, changed := 0, false
	cut := func(at int, next bool) {
		if next == changed {
			return
		}
		if at > start {
			out = append(out, Span{s[start:at], changed})
		}
		start, changed = at, next
	}
	end := 0
	for i, t := range tokens {
		cut(end, i > 0 && !keep[i-1] && !keep[i])
		cut(t.start, !keep[i])
		end = t.end
	}
	cut(end, false)
	if start < len(s) {
		out = append(out, Span{s[start:], changed})
	}
	return out
}
