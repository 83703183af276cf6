package engine

import "strings"

// stopper finds the first stop string in a text that comes in pieces, and
// holds back what may be the beginning of one.
type stopper struct {
	stops []string
	held  string
}

// push adds a piece and returns what is certain to come before any stop
// string, and whether one was found: then it is the end.
func (s *stopper) push(piece string) (text string, stopped bool) {
	if len(s.stops) == 0 {
		return piece, false
	}
	s.held += piece
	first := -1
	for _, stop := range s.stops {
		if i := strings.Index(s.held, stop); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	if first >= 0 {
		text, s.held = s.held[:first], ""
		return text, true
	}
	keep := 0
	for _, stop := range s.stops {
		keep = max(keep, overlap(s.held, stop))
	}
	text, s.held = s.held[:len(s.held)-keep], s.held[len(s.held)-keep:]
	return text, false
}

// flush returns what is held back: nothing more will come.
func (s *stopper) flush() string {
	text := s.held
	s.held = ""
	return text
}

// overlap is the length of the longest end of text that begins stop.
func overlap(text, stop string) int {
	for n := min(len(text), len(stop)-1); n > 0; n-- {
		if strings.HasSuffix(text, stop[:n]) {
			return n
		}
	}
	return 0
}
