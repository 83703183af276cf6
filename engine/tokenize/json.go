package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// FromJSON reads a tokenizer.json as Hugging Face's tokenizers library writes
// it. The error names the first component that is not supported. Truncation and
// padding in the file are not followed: they are the caller's to choose.
func FromJSON(data []byte) (Tokenizer, error) {
	var f jsonFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read tokenizer.json: %w", err)
	}
	t, err := f.build()
	if err != nil {
		return nil, fmt.Errorf("read tokenizer.json: %w", err)
	}
	return t, nil
}

// jsonFile is tokenizer.json. Components are told apart by their type field.
type jsonFile struct {
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    *jsonNormalizer `json:"normalizer"`
	PreTokenizer  *jsonSplitter   `json:"pre_tokenizer"`
	PostProcessor *jsonProcessor  `json:"post_processor"`
	Decoder       *jsonDecoder    `json:"decoder"`
	Model         jsonModel       `json:"model"`
}

type jsonNormalizer struct {
	Type               string `json:"type"`
	CleanText          *bool  `json:"clean_text"`
	HandleChineseChars *bool  `json:"handle_chinese_chars"`
	StripAccents       *bool  `json:"strip_accents"`
	Lowercase          *bool  `json:"lowercase"`

	Normalizers []jsonNormalizer `json:"normalizers"`          // Sequence
	Charsmap    []byte           `json:"precompiled_charsmap"` // Precompiled
	Pattern     jsonPattern      `json:"pattern"`              // Replace
	Content     string           `json:"content"`              // Replace
	StripLeft   *bool            `json:"strip_left"`           // Strip
	StripRight  *bool            `json:"strip_right"`          // Strip
}

// jsonPattern is written {"String": "x"} or {"Regex": "x"}.
type jsonPattern struct {
	String *string
	Regex  *string
}

type jsonSplitter struct {
	Type             string         `json:"type"`
	PreTokenizers    []jsonSplitter `json:"pretokenizers"`     // Sequence
	AddPrefixSpace   *bool          `json:"add_prefix_space"`  // ByteLevel
	UseRegex         *bool          `json:"use_regex"`         // ByteLevel
	IndividualDigits bool           `json:"individual_digits"` // Digits
	Pattern          jsonPattern    `json:"pattern"`           // Split
	Behavior         string         `json:"behavior"`          // Split
	Invert           bool           `json:"invert"`            // Split
	Replacement      string         `json:"replacement"`       // Metaspace
	PrependScheme    *string        `json:"prepend_scheme"`    // Metaspace
	Split            *bool          `json:"split"`             // Metaspace
}

type jsonProcessor struct {
	Type           string          `json:"type"`
	Processors     []jsonProcessor `json:"processors"`       // Sequence
	AddPrefixSpace *bool           `json:"add_prefix_space"` // ByteLevel
	TrimOffsets    *bool           `json:"trim_offsets"`     // ByteLevel
	Single         []jsonPart      `json:"single"`           // TemplateProcessing
	Pair           []jsonPart      `json:"pair"`
	SpecialTokens  map[string]struct {
		IDs []int32 `json:"ids"`
	} `json:"special_tokens"`
	Sep jsonNamedToken `json:"sep"` // BertProcessing, RobertaProcessing
	Cls jsonNamedToken `json:"cls"`
}

type jsonPart struct {
	Sequence *struct {
		ID     string `json:"id"`
		TypeID int32  `json:"type_id"`
	}
	SpecialToken *struct {
		ID     string `json:"id"`
		TypeID int32  `json:"type_id"`
	}
}

// jsonNamedToken is written ["[SEP]", 102].
type jsonNamedToken struct{ id int32 }

func (t *jsonNamedToken) UnmarshalJSON(data []byte) error {
	var name string
	return json.Unmarshal(data, &[]any{&name, &t.id})
}

type jsonDecoder struct {
	Type    string  `json:"type"`
	Prefix  *string `json:"prefix"`  // WordPiece
	Cleanup *bool   `json:"cleanup"` // WordPiece

	Replacement    string  `json:"replacement"`      // Metaspace
	PrependScheme  *string `json:"prepend_scheme"`   // Metaspace
	AddPrefixSpace *bool   `json:"add_prefix_space"` // Metaspace
}

type jsonModel struct {
	Type                    string         `json:"type"`
	Vocab                   jsonVocabulary `json:"vocab"`
	Merges                  []jsonMerge    `json:"merges"`
	Dropout                 *float64       `json:"dropout"`
	UnkToken                *string        `json:"unk_token"`
	ContinuingSubwordPrefix *string        `json:"continuing_subword_prefix"`
	EndOfWordSuffix         *string        `json:"end_of_word_suffix"`
	FuseUnk                 bool           `json:"fuse_unk"`
	ByteFallback            bool           `json:"byte_fallback"`
	IgnoreMerges            bool           `json:"ignore_merges"`
	MaxInputCharsPerWord    *int           `json:"max_input_chars_per_word"`
	UnkID                   *int32         `json:"unk_id"` // Unigram
}

// jsonMerge is written "a b" or ["a", "b"].
type jsonMerge [2]string

func (m *jsonMerge) UnmarshalJSON(data []byte) error {
	var pair []string
	if data[0] == '[' {
		if err := json.Unmarshal(data, &pair); err != nil {
			return err
		}
		if len(pair) != 2 {
			return fmt.Errorf("merge %s is not a pair", data)
		}
		*m = jsonMerge{pair[0], pair[1]}
		return nil
	}
	var joined string
	if err := json.Unmarshal(data, &joined); err != nil {
		return err
	}
	split, err := splitMerge(joined)
	*m = jsonMerge(split)
	return err
}

func orElse[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

func (f *jsonFile) build() (*tokenizer, error) {
	if f.Model.Type == "" { // as older files have it
		f.Model.Type = "WordPiece"
		switch {
		case f.Model.Merges != nil:
			f.Model.Type = "BPE"
		case f.Model.Vocab.listed:
			f.Model.Type = "Unigram"
		}
	}
	add := map[string]func(*jsonFile, *tokenizer, vocabulary) error{
		"BPE": (*jsonFile).addBPE, "WordPiece": (*jsonFile).addWordPiece, "Unigram": (*jsonFile).addUnigram,
	}[f.Model.Type]
	if add == nil {
		return nil, fmt.Errorf("model %q is not supported (BPE, WordPiece and Unigram are)", f.Model.Type)
	}
	if f.Model.Vocab.listed != (f.Model.Type == "Unigram") {
		return nil, fmt.Errorf("model %s: the vocabulary has the form of another model's", f.Model.Type)
	}
	v := vocabulary{spelled: f.Model.Vocab.ids, added: f.AddedTokens}
	t, err := v.tokenizer()
	if err != nil {
		return nil, err
	}
	if err := f.addPost(t); err != nil {
		return nil, err
	}
	return t, add(f, t, v)
}

func (f *jsonFile) addWordPiece(t *tokenizer, v vocabulary) error {
	if f.PreTokenizer == nil || f.PreTokenizer.Type != "BertPreTokenizer" {
		return fmt.Errorf("pre_tokenizer %s is not supported for WordPiece (BertPreTokenizer is)", f.PreTokenizer.name())
	}
	if f.Decoder == nil || f.Decoder.Type != "WordPiece" {
		return errors.New("a WordPiece model needs the WordPiece decoder")
	}
	if t.post.trim {
		return errors.New("post_processor ByteLevel is not supported for WordPiece")
	}
	m := newWordPiece(v.spelled, orElse(f.Model.ContinuingSubwordPrefix, "##"))
	unknown := orElse(f.Model.UnkToken, "[UNK]")
	id, ok := v.spelled[unknown]
	if !ok {
		return fmt.Errorf("unknown token %q is not in the vocabulary", unknown)
	}
	m.unknown, m.maxChars = id, orElse(f.Model.MaxInputCharsPerWord, 100)
	if n := f.Normalizer; n != nil {
		if n.Type != "BertNormalizer" {
			return fmt.Errorf("normalizer %q is not supported for WordPiece (BertNormalizer is)", n.Type)
		}
		lower := orElse(n.Lowercase, true)
		m.normalizer = bertNormalizer{
			clean: orElse(n.CleanText, true), ideographs: orElse(n.HandleChineseChars, true),
			accents: orElse(n.StripAccents, lower), lower: lower,
		}
	}
	m.added = t.addNormalized(v, func(s string) string {
		var n normalized
		m.normalizer.run(&n, 0, s)
		return string(n.text)
	})
	t.model = m
	t.post.unknown = m.unknown
	t.decoder = &wordPieceDecoder{tokens: t.tokens, prefix: orElse(f.Decoder.Prefix, "##")}
	if orElse(f.Decoder.Cleanup, true) {
		t.decoder.(*wordPieceDecoder).cleanup = cleanups()
	}
	t.vocabulary = func(s string) (int32, bool) { id, ok := m.initial[s]; return id, ok }
	return nil
}

func (f *jsonFile) addBPE(t *tokenizer, v vocabulary) error {
	m := &f.Model
	switch {
	case f.Decoder == nil || f.Decoder.Type != "ByteLevel":
		return errors.New("a BPE model needs the ByteLevel decoder; BPE over characters is not supported")
	case m.ByteFallback:
		return errors.New("model BPE: byte_fallback is not supported")
	case orElse(m.Dropout, 0) != 0:
		return errors.New("model BPE: dropout is not supported")
	case orElse(m.ContinuingSubwordPrefix, "") != "":
		return errors.New("model BPE: continuing_subword_prefix is not supported")
	case orElse(m.EndOfWordSuffix, "") != "" && m.IgnoreMerges:
		return errors.New("model BPE: end_of_word_suffix with ignore_merges is not supported")
	}
	merges := make([][2]string, len(m.Merges))
	for i := range merges {
		merges[i] = m.Merges[i]
	}
	b, err := newBPE(v.spelled, merges, bpeOptions{size: len(t.tokens), suffix: orElse(m.EndOfWordSuffix, "")})
	if err != nil {
		return err
	}
	b.ignoreMerges, b.fuseUnknown = m.IgnoreMerges, m.FuseUnk
	if unknown := orElse(m.UnkToken, ""); unknown != "" {
		id, ok := v.spelled[unknown]
		if !ok {
			return fmt.Errorf("unknown token %q is not in the vocabulary", unknown)
		}
		b.unknown = id
	}
	if f.PreTokenizer == nil {
		return errors.New("a BPE model needs the ByteLevel pre_tokenizer; BPE over characters is not supported")
	}
	if err := f.PreTokenizer.addTo(b, true); err != nil {
		return err
	}
	t.useBPE(b, v)
	t.spelled.endWords(orElse(m.EndOfWordSuffix, ""))
	return t.useNormalizer(b, v, f.Normalizer)
}

func (s *jsonSplitter) name() string {
	if s == nil {
		return "null"
	}
	return s.Type
}

// addTo adds the stages of a pre-tokenizer to b. The last stage must be ByteLevel.
func (s *jsonSplitter) addTo(b *bpe, last bool) error {
	if last != (s.Type == "ByteLevel") && s.Type != "Sequence" {
		return fmt.Errorf("pre_tokenizer %s: byte-level BPE needs ByteLevel as the last step, and only there", s.Type)
	}
	switch s.Type {
	case "Sequence":
		for i := range s.PreTokenizers {
			if err := s.PreTokenizers[i].addTo(b, last && i == len(s.PreTokenizers)-1); err != nil {
				return err
			}
		}
		if last && len(s.PreTokenizers) == 0 {
			return errors.New("pre_tokenizer Sequence is empty")
		}
	case "ByteLevel":
		if orElse(s.AddPrefixSpace, true) {
			b.prefixAt = len(b.stages)
		}
		if orElse(s.UseRegex, true) {
			b.stages = append(b.stages, scanGPT2)
		}
	case "Digits":
		if s.IndividualDigits {
			b.stages = append(b.stages, scanDigit)
		} else {
			b.stages = append(b.stages, scanDigits)
		}
	case "Split":
		// Pieces that are all matches come out the same both ways.
		if s.Behavior != "Isolated" && !(s.Behavior == "Removed" && s.Invert) {
			return fmt.Errorf("pre_tokenizer Split: behavior %q with invert %t is not supported", s.Behavior, s.Invert)
		}
		scan, err := patternScanner(orElse(s.Pattern.Regex, ""))
		if err != nil {
			return fmt.Errorf("pre_tokenizer Split: %w", err)
		}
		if s.Behavior == "Removed" && leavesSpaces(orElse(s.Pattern.Regex, "")) {
			b.removeAt = len(b.stages)
		}
		b.stages = append(b.stages, scan)
	default:
		return fmt.Errorf("pre_tokenizer %q is not supported (ByteLevel, Digits, Split and Sequence are)", s.Type)
	}
	return nil
}

// addPost reads the post-processor into t.post.
func (f *jsonFile) addPost(t *tokenizer) error {
	t.post.one, t.post.two = defaultTemplates()
	if f.PostProcessor == nil {
		return nil
	}
	steps := []jsonProcessor{*f.PostProcessor}
	if f.PostProcessor.Type == "Sequence" {
		steps = f.PostProcessor.Processors
	}
	for i := range steps {
		s := &steps[i]
		var err error
		switch s.Type {
		case "ByteLevel":
			t.post.trim = orElse(s.TrimOffsets, true)
			t.post.keepFirstSpace = orElse(s.AddPrefixSpace, true)
		case "BertProcessing":
			cls, sep := []int32{s.Cls.id}, []int32{s.Sep.id}
			t.post.one = []templatePart{{text: -1, ids: cls}, {text: 0}, {text: -1, ids: sep}}
			t.post.two = append(slices.Clone(t.post.one), templatePart{text: 1, typeID: 1}, templatePart{text: -1, ids: sep, typeID: 1})
		case "RobertaProcessing":
			t.post.one, t.post.two = robertaTemplates([]int32{s.Cls.id}, []int32{s.Sep.id})
			t.post.trim, t.post.keepFirstSpace = orElse(s.TrimOffsets, true), orElse(s.AddPrefixSpace, true)
		case "TemplateProcessing":
			if t.post.one, err = s.template(s.Single, 1); err == nil {
				t.post.two, err = s.template(s.Pair, 2)
			}
		default:
			err = fmt.Errorf("post_processor %q is not supported (TemplateProcessing, BertProcessing, RobertaProcessing and ByteLevel are)", s.Type)
		}
		if err == nil {
			err = t.post.check(len(t.tokens))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *jsonProcessor) template(parts []jsonPart, texts int) ([]templatePart, error) {
	var out []templatePart
	for _, p := range parts {
		switch {
		case p.Sequence != nil && p.Sequence.ID == "A":
			out = append(out, templatePart{text: 0, typeID: p.Sequence.TypeID})
		case p.Sequence != nil && p.Sequence.ID == "B" && texts == 2:
			out = append(out, templatePart{text: 1, typeID: p.Sequence.TypeID})
		case p.SpecialToken != nil:
			token, ok := s.SpecialTokens[p.SpecialToken.ID]
			if !ok {
				return nil, fmt.Errorf("post_processor TemplateProcessing: special token %q is not declared", p.SpecialToken.ID)
			}
			out = append(out, templatePart{text: -1, ids: token.IDs, typeID: p.SpecialToken.TypeID})
		default:
			return nil, errors.New("post_processor TemplateProcessing: a part is neither a text nor a special token")
		}
	}
	return out, nil
}
