package metric

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CLIPWindows are the scores of a text's sentences.
type CLIPWindows struct {
	Count   int     `json:"count"`
	Mean    float64 `json:"mean"` // every window counts the same
	Min     float64 `json:"min"`
	Weakest string  `json:"weakest"` // the window with the lowest score, the first of equals
}

// Windows scores a text sentence by sentence against a picture's vector. A
// sentence that the model cannot read whole is cut between words into parts of about
// the same length.
func (m *CLIPScore) Windows(ctx context.Context, text string, image []float32) (CLIPWindows, error) {
	var texts []string
	for _, w := range m.windows(text) {
		texts = append(texts, m.prefix()+w)
	}
	vectors, err := m.vectors(ctx, texts)
	if err != nil {
		return CLIPWindows{}, err
	}
	return m.windowScores(text, image, vectors), nil
}

func (m *CLIPScore) windowScores(text string, image []float32, vectors textVectors) CLIPWindows {
	var out CLIPWindows
	for _, w := range m.windows(text) {
		score := clipScale * cosine(image, vectors[m.prefix()+w].Vector)
		if out.Count == 0 || score < out.Min {
			out.Min, out.Weakest = score, w
		}
		out.Mean += score
		out.Count++
	}
	if out.Count > 0 {
		out.Mean /= float64(out.Count)
	}
	return out
}

// windows cuts a text into sentences of no more tokens than the model reads beside
// its two marks: 75 of 77.
func (m *CLIPScore) windows(text string) []string {
	limit := m.model.Info().ContextTokens
	var out []string
	for _, s := range sentences(text) {
		pieces := m.pieces(s, limit)
		// As few as need be, and as even as they can be: a last word alone says little.
		for low, high := 3, limit; len(pieces) > 1 && low < high; {
			mid := (low + high) / 2
			if even := m.pieces(s, mid); len(even) == len(pieces) {
				pieces, high = even, mid
			} else {
				low = mid + 1
			}
		}
		out = append(out, pieces...)
	}
	return out
}

// pieces cuts a sentence into the longest beginnings that limit tokens hold.
func (m *CLIPScore) pieces(s string, limit int) []string {
	fits := func(s string) bool { return m.model.CountTokens(m.prefix()+s) <= limit }
	var out []string
	for s != "" {
		head := s
		if !fits(s) {
			head = longestHead(s, fits)
		}
		out = append(out, strings.TrimSpace(head))
		s = strings.TrimLeftFunc(s[len(head):], unicode.IsSpace)
	}
	return out
}

// longestHead is as many words of s as fit; of a first word that does not fit, as
// many characters, and one at least.
func longestHead(s string, fits func(string) bool) string {
	ends := func(next func(string) int) []int {
		var out []int
		for at := 0; at < len(s); {
			at += next(s[at:])
			out = append(out, at)
		}
		return out
	}
	word := func(rest string) int {
		n := len(rest) - len(strings.TrimLeftFunc(rest, unicode.IsSpace))
		if i := strings.IndexFunc(rest[n:], unicode.IsSpace); i >= 0 {
			return n + i
		}
		return len(rest)
	}
	if best := lastThatFits(s, ends(word), fits); best > 0 {
		return s[:best]
	}
	character := func(rest string) int { _, n := utf8.DecodeRuneInString(rest); return n }
	places := ends(character)
	return s[:max(lastThatFits(s, places, fits), places[0])]
}

// lastThatFits looks for the last of ascending places up to which s fits, by halving; 0 if there is none.
func lastThatFits(s string, places []int, fits func(string) bool) int {
	low, high := 0, len(places) // places[:low] fit
	for low < high {
		mid := (low + high) / 2
		if fits(s[:places[mid]]) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return 0
	}
	return places[low-1]
}
