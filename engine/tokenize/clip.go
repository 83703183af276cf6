package tokenize

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Regular expressions of CLIP's pre-tokenizer: as the tokenizer.json files on the
// hub have it, and as transformers 5 writes it.
const (
	patternCLIP       = `'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+`
	patternCLIPMarked = clipMarks + patternCLIP
	clipMarks         = `<\|startoftext\|>|<\|endoftext\|>|`

	clipStart = "<|startoftext|>"
	clipEnd   = "<|endoftext|>"
	clipWord  = "</w>" // what the last token of a word ends with
)

// FromCLIPFiles reads the two files of CLIP's tokenizer before there was a
// tokenizer.json: vocab.json, a map of tokens to numbers, and merges.txt, a pair a
// line, best first, after a line with a version. The rest is fixed: composed,
// lower-cased text, words that end in "</w>", <|startoftext|> and <|endoftext|>
// around a text.
func FromCLIPFiles(vocabulary, merges []byte) (Tokenizer, error) {
	f, err := clipFile(vocabulary, merges)
	if err != nil {
		return nil, fmt.Errorf("read CLIP vocabulary: %w", err)
	}
	t, err := f.build()
	if err != nil {
		return nil, fmt.Errorf("read CLIP vocabulary: %w", err)
	}
	return t, nil
}

// clipFile writes the two files as the tokenizer.json that transformers makes of them.
func clipFile(vocabulary, merges []byte) (*jsonFile, error) {
	f := &jsonFile{}
	if err := json.Unmarshal(vocabulary, &f.Model.Vocab.ids); err != nil {
		return nil, fmt.Errorf("vocab.json: %w", err)
	}
	var err error
	if f.Model.Merges, err = mergeLines(string(merges)); err != nil {
		return nil, fmt.Errorf("merges.txt: %w", err)
	}
	named := [2]jsonNamedToken{}
	for i, token := range []string{clipStart, clipEnd} {
		id, ok := f.Model.Vocab.ids[token]
		if !ok {
			return nil, fmt.Errorf("vocab.json: token %q is missing", token)
		}
		named[i].id = id
		f.AddedTokens = append(f.AddedTokens, addedToken{ID: id, Content: token, Special: true})
	}
	end, suffix, no, regex := clipEnd, clipWord, false, patternCLIPMarked
	f.Model.Type, f.Model.UnkToken, f.Model.EndOfWordSuffix = "BPE", &end, &suffix
	f.Normalizer = &jsonNormalizer{Type: "Sequence", Normalizers: []jsonNormalizer{
		{Type: "NFC"}, {Type: "Replace", Content: " "}, {Type: "Lowercase"},
	}}
	whiteSpace := spacesPattern
	f.Normalizer.Normalizers[1].Pattern.Regex = &whiteSpace
	split := jsonSplitter{Type: "Split", Behavior: "Removed", Invert: true}
	split.Pattern.Regex = &regex
	f.PreTokenizer = &jsonSplitter{Type: "Sequence", PreTokenizers: []jsonSplitter{split, {Type: "ByteLevel", AddPrefixSpace: &no}}}
	f.PostProcessor = &jsonProcessor{Type: "RobertaProcessing", Cls: named[0], Sep: named[1], TrimOffsets: &no, AddPrefixSpace: &no}
	f.Decoder = &jsonDecoder{Type: "ByteLevel"}
	return f, nil
}

// scanCLIP follows patternCLIP; a run of white space, which it leaves out, is a piece.
func scanCLIP(s string) int {
	if n := contraction(s); n > 0 {
		return n
	}
	c, n := classAtStart(s)
	switch {
	case c.is(space):
		return run(s, n, space)
	case c.is(letter):
		return run(s, n, letter)
	case c.is(number):
		return n
	}
	return runWithout(s, n, space|letter|number)
}

// scanCLIPMarked follows patternCLIPMarked.
func scanCLIPMarked(s string) int {
	if s[0] == '<' {
		for _, mark := range []string{clipStart, clipEnd} {
			if strings.HasPrefix(s, mark) {
				return len(mark)
			}
		}
	}
	return scanCLIP(s)
}

// useNormalizer puts a normaliser before a byte-level model.
func (t *tokenizer) useNormalizer(b *bpe, v vocabulary, n *jsonNormalizer) error {
	if n == nil {
		return nil
	}
	m := &normalizedBPE{bpe: b}
	steps := []jsonNormalizer{*n}
	if n.Type == "Sequence" {
		steps = n.Normalizers
	}
	for i := range steps {
		if err := m.add(&steps[i]); err != nil {
			return err
		}
	}
	m.added = t.addNormalized(v, func(s string) string {
		var w work
		w.norm.begin(0, s)
		m.normalizer.run(&w, &w.norm)
		return string(w.norm.text)
	})
	t.model, t.normalized = m, nil
	return nil
}

// add reads a step of the normaliser.
func (m *normalizedBPE) add(n *jsonNormalizer) error {
	var step normalizer
	switch n.Type {
	case "NFC":
		step = canonical{}
	case "Replace":
		if orElse(n.Pattern.Regex, "") != spacesPattern || n.Content != " " {
			return fmt.Errorf("normalizer Replace: only %s by one space is supported for BPE", spacesPattern)
		}
		step = spaceJoiner{}
	case "Lowercase":
		step = lowerCaser{}
	default:
		return fmt.Errorf("normalizer %q is not supported for byte-level BPE (NFC, Replace, Lowercase and one Sequence of them are)", n.Type)
	}
	m.normalizer = append(m.normalizer, step)
	return nil
}

// normalizedBPE is byte-level BPE of normalised text.
type normalizedBPE struct {
	*bpe
	normalizer normalizers
	added      *matcher // of added tokens in the normalised text
}

// encode implements model.
func (m *normalizedBPE) encode(w *work, base int, s string) {
	n := &w.norm
	n.begin(base, s)
	m.normalizer.run(w, n)
	text, done := w.text, len(w.ids)
	w.text = string(n.text)
	it := matches{m: m.added, s: w.text, parseSpecial: w.parseSpecial}
	for !w.full() {
		before := it.covered
		start, end, token, ok := it.next()
		if !ok {
			start = len(w.text)
		}
		if before < start {
			m.bpe.encode(w, before, w.text[before:start])
		}
		if !ok {
			break
		}
		w.add(token.ID, start, end)
	}
	w.text = text
	for i := done; i < len(w.spans); i++ {
		if span := w.spans[i]; span.Start < span.End {
			w.spans[i] = n.span(span.Start, span.End)
		}
	}
}

// robertaTemplates are those of RobertaProcessing: <s> A </s> and <s> A </s></s> B </s>.
func robertaTemplates(cls, sep []int32) (one, two []templatePart) {
	one = []templatePart{{text: -1, ids: cls}, {text: 0}, {text: -1, ids: sep}}
	two = append(slices.Clone(one), templatePart{text: -1, ids: sep}, templatePart{text: 1}, templatePart{text: -1, ids: sep})
	return one, two
}
