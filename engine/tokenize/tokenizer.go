package tokenize

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// model turns text without added tokens into tokens.
type model interface {
	// encode appends the tokens of s, which lies at base of w.text, to w.
	encode(w *work, base int, s string)
}

// decoder says what a token adds to a text.
type decoder interface {
	// appendToken appends the bytes of a token; first says that the text is empty
	// so far. ok is false if there is no such token.
	appendToken(dst []byte, id int32, first bool) (out []byte, ok bool)
}

// tokenizer is the only Tokenizer: added tokens, a model, a template, a decoder.
type tokenizer struct {
	tokens     []string         // spelling by number; "" for a gap
	ids        map[string]int32 // numbers of spellings that the model cannot have: added tokens
	vocabulary func(spelling string) (int32, bool)
	special    map[int32]bool
	addedByID  map[int32]bool
	raw        *matcher // of added tokens that are looked for first
	normalized *matcher // of those looked for in what is left, where no normaliser changes it
	model      model
	post       postProcessor
	decoder    decoder
	spelled    *byteDecoder // the decoder, if it is of bytes
	scratch    sync.Pool    // of *work
}

var _ Tokenizer = (*tokenizer)(nil)

// work is the state of one encoding, reused from call to call.
type work struct {
	text  string // being encoded; valid UTF-8
	limit int    // more tokens than this are not needed; 0 is no limit
	// What was found so far.
	ids   []int32
	spans []Span

	parseSpecial bool
	// For bpe.
	symbols []symbol
	dropped []int
	places  []int
	heap    mergeHeap
	// For wordPiece and unigram.
	norm normalized
	// For unigram.
	spare  normalized
	edits  []edit
	marks  []markEdit
	spaced spacedText
	nodes  []pathNode
	path   []int32
	// For the composition of two characters.
	rune, pair, both []byte
}

// keepBytes bounds the memory that an idle work holds on to.
const keepBytes = 4 << 20

func (w *work) full() bool { return w.limit > 0 && len(w.ids) > w.limit }

func (w *work) add(id int32, start, end int) {
	w.ids = append(w.ids, id)
	w.spans = append(w.spans, Span{start, end})
}

func (t *tokenizer) Encode(text string, o Options) Encoding {
	w := t.borrow(o)
	defer t.giveBack(w)
	if room := o.MaxTokens - t.post.room(o.AddSpecial, false); o.MaxTokens > 0 && room > 0 {
		w.limit = room
	}
	t.fill(w, text)
	return t.post.single(w, o)
}

func (t *tokenizer) EncodePair(first, second string, o Options) Encoding {
	a, b := t.borrow(o), t.borrow(o)
	defer t.giveBack(a)
	defer t.giveBack(b)
	t.fill(a, first)
	t.fill(b, second)
	return t.post.pair(a, b, o)
}

func (t *tokenizer) borrow(o Options) *work {
	w, ok := t.scratch.Get().(*work)
	if !ok {
		w = &work{}
	}
	w.ids, w.spans, w.limit, w.parseSpecial = w.ids[:0], w.spans[:0], 0, o.ParseSpecial
	return w
}

func (t *tokenizer) giveBack(w *work) {
	w.text = ""
	if cap(w.spans)*16+cap(w.symbols)*24+cap(w.heap)*8+w.norm.size()+w.unigramSize() <= keepBytes {
		t.scratch.Put(w)
	}
}

// fill encodes text, whose offsets end up in the spans.
func (t *tokenizer) fill(w *work, text string) {
	w.text = text
	valid := utf8.ValidString(text)
	if !valid {
		w.text = replaceInvalid(text)
	}
	it := matches{m: t.raw, s: w.text, parseSpecial: w.parseSpecial}
	for !w.full() {
		before := it.covered
		start, end, token, ok := it.next()
		if !ok {
			t.plain(w, before, len(w.text))
			break
		}
		t.plain(w, before, start)
		w.add(token.ID, start, end)
	}
	if t.post.trim {
		t.trim(w)
	}
	if !valid {
		restoreOffsets(w.spans, text)
	}
}

// plain encodes w.text[start:end], in which no token of t.raw is left.
func (t *tokenizer) plain(w *work, start, end int) {
	if start >= end {
		return
	}
	if t.normalized == nil {
		t.model.encode(w, start, w.text[start:end])
		return
	}
	it := matches{m: t.normalized, s: w.text[start:end], parseSpecial: w.parseSpecial}
	for !w.full() {
		before := it.covered
		from, to, token, ok := it.next()
		if !ok {
			from = end - start
		}
		if before < from {
			t.model.encode(w, start+before, w.text[start+before:start+from])
		}
		if !ok {
			return
		}
		w.add(token.ID, start+from, start+to)
	}
}

// trim takes white space at the ends of tokens out of the offsets, as the
// ByteLevel post-processor does: as many characters of the text as the token has
// spaces, whether or not these stand there.
func (t *tokenizer) trim(w *work) {
	for i := range w.spans {
		span := &w.spans[i]
		text, blank := w.text[span.Start:span.End], unicode.IsSpace
		if !t.addedByID[w.ids[i]] {
			text, blank = t.spelled.bytes(w.ids[i]), isSpaceByte
		}
		leading := utf8.RuneCountInString(text[:len(text)-len(strings.TrimLeftFunc(text, blank))])
		trailing := utf8.RuneCountInString(text[len(strings.TrimRightFunc(text, blank)):])
		if leading == 1 && t.post.keepFirstSpace && (i == 0 || span.Start == 0) {
			leading = 0
		}
		for ; leading > 0 && span.Start < span.End; leading-- {
			_, n := utf8.DecodeRuneInString(w.text[span.Start:span.End])
			span.Start += n
		}
		if utf8.RuneCountInString(w.text[:min(span.End, utf8.UTFMax*trailing)]) < trailing {
			continue
		}
		for ; trailing > 0 && span.End > span.Start; trailing-- {
			_, n := utf8.DecodeLastRuneInString(w.text[span.Start:span.End])
			span.End -= n
		}
	}
}

func isSpaceByte(r rune) bool { return r == ' ' }

// restoreOffsets turns offsets into the text with replaced bytes into offsets
// into the original.
func restoreOffsets(spans []Span, original string) {
	// After original[from[i]] the replaced text is shift[i] bytes longer; at[i] is
	// the same place in the replaced text.
	at, shift := []int{0}, []int{0}
	grown := 0
	for i := 0; i < len(original); {
		n, valid := subpart(original[i:])
		i += n
		if !valid {
			grown += len(replacement) - n
			at, shift = append(at, i+grown), append(shift, grown)
		}
	}
	locate := func(pos int) int {
		low, high := 0, len(at)
		for high-low > 1 {
			if mid := (low + high) / 2; at[mid] <= pos {
				low = mid
			} else {
				high = mid
			}
		}
		return pos - shift[low]
	}
	for i := range spans {
		spans[i] = Span{locate(spans[i].Start), locate(spans[i].End)}
	}
}

func (t *tokenizer) Decode(ids []int32, skipSpecial bool) string {
	out := make([]byte, 0, 4*len(ids)+16)
	first := true
	for _, id := range ids {
		var counted bool
		out, counted = t.piece(out, id, first, skipSpecial)
		first = first && !counted
	}
	return replaceInvalid(out)
}

func (t *tokenizer) piece(dst []byte, id int32, first, skipSpecial bool) ([]byte, bool) {
	if skipSpecial && t.special[id] {
		return dst, false
	}
	return t.decoder.appendToken(dst, id, first)
}

func (t *tokenizer) VocabularySize() int { return len(t.tokens) }

func (t *tokenizer) TokenID(token string) (int32, bool) {
	if id, ok := t.ids[token]; ok {
		return id, true
	}
	return t.vocabulary(token)
}

func (t *tokenizer) Token(id int32) (string, bool) {
	if id < 0 || int(id) >= len(t.tokens) || t.tokens[id] == "" {
		return "", false
	}
	return t.tokens[id], true
}

func (t *tokenizer) IsSpecial(id int32) bool { return t.special[id] }
