package tokenize

import "strings"

// byteDecoder gives the bytes that a token of a byte-level vocabulary spells.
type byteDecoder struct {
	text  string   // of all tokens, one after the other
	start []uint32 // of token i; one more than there are tokens
	known []bool
}

// newByteDecoder decodes tokens, "" being none. One that is not all in the byte
// alphabet, as some added tokens, stands for itself.
func newByteDecoder(tokens []string) *byteDecoder {
	d := &byteDecoder{start: make([]uint32, 0, len(tokens)+1), known: make([]bool, len(tokens))}
	var text strings.Builder
	for id, s := range tokens {
		d.start = append(d.start, uint32(text.Len()))
		d.known[id] = s != ""
		if raw, ok := fromAlphabet(s); ok {
			text.WriteString(raw)
		} else {
			text.WriteString(s)
		}
	}
	d.start = append(d.start, uint32(text.Len()))
	d.text = text.String()
	return d
}

// endWords makes tokens that end in suffix, which marks the end of a word, end in
// one space instead.
func (d *byteDecoder) endWords(suffix string) {
	if suffix == "" {
		return
	}
	var text strings.Builder
	start := make([]uint32, 0, len(d.start))
	for id := range d.known {
		start = append(start, uint32(text.Len()))
		text.WriteString(strings.ReplaceAll(d.bytes(int32(id)), suffix, " "))
	}
	d.start, d.text = append(start, uint32(text.Len())), text.String()
}

func (d *byteDecoder) bytes(id int32) string { return d.text[d.start[id]:d.start[id+1]] }

func (d *byteDecoder) appendToken(dst []byte, id int32, _ bool) ([]byte, bool) {
	if id < 0 || int(id) >= len(d.known) || !d.known[id] {
		return dst, false
	}
	return append(dst, d.bytes(id)...), true
}

// wordPieceDecoder joins pieces to words and puts spaces between these.
type wordPieceDecoder struct {
	tokens  []string
	prefix  string
	cleanup [][2]string // what to replace in a token with its space; nil for nothing
}

// cleanups are applied in this order.
func cleanups() [][2]string {
	return [][2]string{
		{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"},
		{" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
	}
}

func (d *wordPieceDecoder) appendToken(dst []byte, id int32, first bool) ([]byte, bool) {
	if id < 0 || int(id) >= len(d.tokens) || d.tokens[id] == "" {
		return dst, false
	}
	s := d.tokens[id]
	if !first {
		if rest, ok := strings.CutPrefix(s, d.prefix); ok {
			s = rest
		} else {
			s = " " + s
		}
	}
	if strings.Contains(s, " ") {
		for _, c := range d.cleanup {
			s = strings.ReplaceAll(s, c[0], c[1])
		}
	}
	return append(dst, s...), true
}
