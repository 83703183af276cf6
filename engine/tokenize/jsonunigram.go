package tokenize

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// jsonVocabulary is the tokens of a model: an object of numbers or, for Unigram, a list of [token, score].
type jsonVocabulary struct {
	ids    map[string]int32
	listed bool
	pieces []jsonPiece
}

type jsonPiece struct {
	token string
	score float64
}

func (v *jsonVocabulary) UnmarshalJSON(data []byte) error {
	if data[0] != '[' {
		return json.Unmarshal(data, &v.ids)
	}
	v.listed = true
	if err := json.Unmarshal(data, &v.pieces); err != nil {
		return err
	}
	v.ids = make(map[string]int32, len(v.pieces))
	for id, p := range v.pieces {
		v.ids[p.token] = int32(id) // of several with one spelling the last one counts, as in the reference
	}
	return nil
}

// UnmarshalJSON reads ["token", -1.5]; a quarter of a million of them are a vocabulary, so the usual form is read
// without reflection.
func (p *jsonPiece) UnmarshalJSON(data []byte) error {
	if token, rest, ok := plainString(data); ok {
		if score, err := strconv.ParseFloat(string(rest), 64); err == nil {
			*p = jsonPiece{token, score}
			return nil
		}
	}
	var token *string
	var score *float64
	pair := []any{&token, &score}
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 || token == nil || score == nil {
		return fmt.Errorf("vocabulary entry %.60s is not a token and its score", data)
	}
	*p = jsonPiece{*token, *score}
	return nil
}

// plainString takes ["token", number] apart if the token has no escapes and is UTF-8.
func plainString(data []byte) (token string, number []byte, ok bool) {
	if data[0] != '[' {
		return "", nil, false
	}
	data = bytes.TrimSpace(data[1 : len(data)-1])
	if len(data) == 0 || data[0] != '"' {
		return "", nil, false
	}
	end := bytes.IndexByte(data[1:], '"') + 1
	inside := data[1:max(end, 1)]
	rest := bytes.TrimSpace(data[end+1:])
	if end == 0 || bytes.IndexByte(inside, '\\') >= 0 || !utf8.Valid(inside) || len(rest) == 0 || rest[0] != ',' {
		return "", nil, false
	}
	return string(inside), bytes.TrimSpace(rest[1:]), true
}

func (f *jsonFile) addUnigram(t *tokenizer, v vocabulary) error {
	m := &unigram{byteFallback: f.Model.ByteFallback}
	unk, pieces := f.Model.UnkID, f.Model.Vocab.pieces
	switch {
	case unk == nil:
		return errors.New("model Unigram: without unk_id it cannot encode every text")
	case *unk < 0 || int(*unk) >= len(pieces):
		return fmt.Errorf("model Unigram: unk_id %d is not in the vocabulary of %d tokens", *unk, len(pieces))
	case t.post.trim:
		return errors.New("post_processor ByteLevel is not supported for Unigram")
	}
	m.unknown = *unk
	if err := checkPieces(pieces); err != nil {
		return err
	}
	scores := make([]float64, len(pieces))
	for id, p := range pieces {
		scores[id] = p.score
		if t.tokens[id] == "" { // a second one of the same spelling
			t.tokens[id] = p.token
		}
	}
	m.setScores(scores)
	m.trie = newTrie(v.spelled)
	for c := range m.byteID {
		m.byteID[c] = -1
		if id, ok := v.spelled[fmt.Sprintf("<0x%02X>", c)]; ok {
			m.byteID[c] = id
		}
	}
	steps := stepBuilder{growth: 1}
	if err := steps.add(f.Normalizer, 0); err != nil {
		return err
	}
	m.normalizer = steps.steps
	if err := f.PreTokenizer.addMetaspace(&m.space); err != nil {
		return err
	}
	m.added = t.addNormalized(v, func(s string) string {
		w := work{}
		w.norm.begin(0, s)
		m.normalizer.run(&w, &w.norm)
		return string(w.norm.text)
	})
	decoder, err := f.Decoder.metaspace(t.tokens)
	if err != nil {
		return err
	}
	t.model, t.decoder, t.post.unknown = m, decoder, m.unknown
	t.vocabulary = m.trie.findString
	return nil
}

// Bounds of a Unigram file, many times beyond what any model has, so that a hostile one cannot take the
// machine's memory or time: the trie has a node for a byte of the tokens at worst, every character
// of a text is followed along it, and every step may make a text longer.
const (
	maxPieceBytes = 1 << 10
	maxVocabulary = 16 << 20 // bytes of all tokens
	maxNesting    = 8        // of sequences of normalisers
	maxGrowth     = 1000     // of a text in all steps
)

func checkPieces(pieces []jsonPiece) error {
	total := 0
	for id, p := range pieces {
		if len(p.token) > maxPieceBytes {
			return fmt.Errorf("model Unigram: token %d has %d bytes; %d are allowed", id, len(p.token), maxPieceBytes)
		}
		total += len(p.token)
	}
	if total > maxVocabulary {
		return fmt.Errorf("model Unigram: the tokens have %d bytes; %d are allowed", total, maxVocabulary)
	}
	return nil
}

// stepBuilder collects the steps of a Unigram model's normaliser.
type stepBuilder struct {
	steps  normalizers
	growth int // how many times as long as before a text may be, at most
}

// add adds the steps that n asks for; nil asks for none.
func (b *stepBuilder) add(n *jsonNormalizer, depth int) error {
	if n == nil {
		return nil
	}
	if n.Type == "Sequence" {
		if depth == maxNesting {
			return errors.New("normalizer Sequence: too many within one another")
		}
		for i := range n.Normalizers {
			if err := b.add(&n.Normalizers[i], depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	step, growth, err := n.step()
	if err != nil {
		return err
	}
	if b.growth *= growth; b.growth > maxGrowth {
		return fmt.Errorf("normalizer %s: the steps so far may make a text %d times as long; %d are allowed", n.Type, b.growth, maxGrowth)
	}
	b.steps = append(b.steps, step)
	return nil
}

// step makes one step and says how many times as long a text it may make.
func (n *jsonNormalizer) step() (step normalizer, growth int, err error) {
	switch n.Type {
	case "Precompiled":
		m, err := parseCharsmap(n.Charsmap)
		if err != nil {
			return nil, 0, fmt.Errorf("normalizer Precompiled: %w", err)
		}
		return m, max(1, m.longest), nil
	case "NFKC":
		return compatibility{}, 11, nil // U+FDFA: 3 bytes become 33
	case "Strip":
		return stripper{left: orElse(n.StripLeft, true), right: orElse(n.StripRight, true)}, 1, nil
	case "Replace":
		p, err := n.replacer()
		if err != nil {
			return nil, 0, fmt.Errorf("normalizer Replace: %w", err)
		}
		old := 2 // spaces, at least, for the regular expression
		if p.old != "" {
			old = len(p.old)
		}
		return p, max(1, (len(p.change)+old-1)/old), nil
	}
	return nil, 0, fmt.Errorf("normalizer %q is not supported for Unigram (Precompiled, NFKC, Replace, Strip and Sequence are)", n.Type)
}

func (n *jsonNormalizer) replacer() (replacer, error) {
	switch p := n.Pattern; {
	case p.String != nil && *p.String != "":
		return replacer{old: *p.String, change: n.Content}, nil
	case p.Regex != nil && *p.Regex == " {2,}":
		return replacer{change: n.Content}, nil
	case p.Regex != nil:
		return replacer{}, fmt.Errorf("pattern %q is not supported (a text and the regular expression \" {2,}\" are)", *p.Regex)
	}
	return replacer{}, errors.New("the pattern is empty")
}

// addMetaspace reads the pre-tokenizer: Metaspace, perhaps after WhitespaceSplit.
func (s *jsonSplitter) addMetaspace(m *metaspace) error {
	if s == nil {
		return errors.New("pre_tokenizer null is not supported for Unigram (Metaspace is)")
	}
	steps := []jsonSplitter{*s}
	if s.Type == "Sequence" {
		steps = s.PreTokenizers
	}
	if len(steps) == 2 && steps[0].Type == "WhitespaceSplit" {
		m.words = true
		steps = steps[1:]
	}
	if len(steps) != 1 || steps[0].Type != "Metaspace" {
		return fmt.Errorf("pre_tokenizer %s is not supported for Unigram (Metaspace is, alone or after WhitespaceSplit)", s.name())
	}
	meta := &steps[0]
	if utf8.RuneCountInString(meta.Replacement) != 1 {
		return fmt.Errorf("pre_tokenizer Metaspace: the replacement %q is not one character", meta.Replacement)
	}
	var err error
	m.mark, m.split = meta.Replacement, orElse(meta.Split, true)
	if m.prefix, err = parsePrefixScheme(meta.PrependScheme, meta.AddPrefixSpace); err != nil {
		return fmt.Errorf("pre_tokenizer Metaspace: %w", err)
	}
	return nil
}

// parsePrefixScheme reads prepend_scheme or what older files have in its place, add_prefix_space.
func parsePrefixScheme(scheme *string, add *bool) (prefixScheme, error) {
	if scheme == nil {
		if orElse(add, true) {
			return prefixAlways, nil
		}
		return prefixNever, nil
	}
	switch *scheme {
	case "always":
		return prefixAlways, nil
	case "first":
		return prefixFirst, nil
	case "never":
		return prefixNever, nil
	}
	return 0, fmt.Errorf("prepend_scheme %q is not supported (always, first and never are)", *scheme)
}

func (d *jsonDecoder) metaspace(tokens []string) (decoder, error) {
	if d == nil || d.Type != "Metaspace" {
		return nil, errors.New("a Unigram model needs the Metaspace decoder")
	}
	scheme, err := parsePrefixScheme(d.PrependScheme, d.AddPrefixSpace)
	if err != nil {
		return nil, fmt.Errorf("decoder Metaspace: %w", err)
	}
	if utf8.RuneCountInString(d.Replacement) != 1 {
		return nil, fmt.Errorf("decoder Metaspace: the replacement %q is not one character", d.Replacement)
	}
	return &metaspaceDecoder{tokens: tokens, space: d.Replacement, keep: scheme == prefixNever}, nil
}
