package tokenize

// Stream decodes tokens one by one. What Push and Flush return, joined, is what
// Decode returns for all the tokens.
type Stream struct {
	t           Tokenizer
	skipSpecial bool
	started     bool
	tail        []byte // bytes of an unfinished character
}

// NewStream starts a stream over t. With skipSpecial, special tokens add
// nothing.
func NewStream(t Tokenizer, skipSpecial bool) *Stream {
	return &Stream{t: t, skipSpecial: skipSpecial}
}

// Push adds a token and returns the text that is now certain: whole characters
// only. Bytes that may yet become a character are kept for the next call.
func (s *Stream) Push(id int32) string {
	var counted bool
	s.tail, counted = s.t.piece(s.tail, id, !s.started, s.skipSpecial)
	s.started = s.started || counted
	n := completeLength(s.tail)
	if n == 0 {
		return ""
	}
	out := replaceInvalid(s.tail[:n])
	s.tail = append(s.tail[:0], s.tail[n:]...)
	return out
}

// Flush ends the text: an unfinished character becomes U+FFFD. The stream can
// then be used for another text.
func (s *Stream) Flush() string {
	out := replaceInvalid(s.tail)
	s.tail, s.started = s.tail[:0], false
	return out
}
