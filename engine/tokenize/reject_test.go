package tokenize_test

import (
	"encoding/json"
	"strings"
	"testing"

	"stylesprint/engine/tokenize"
)

const smallWordPiece = `{
	"added_tokens": [{"id": 0, "content": "[UNK]", "special": true}],
	"normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
	"pre_tokenizer": {"type": "BertPreTokenizer"},
	"decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
	"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1, "##b": 2}}
}`

const smallBPE = `{
	"added_tokens": [{"id": 3, "content": "<end>", "special": true}],
	"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
	"decoder": {"type": "ByteLevel"},
	"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}
}`

func TestFromJSONNamesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ base, old, new, want string }{
		{smallBPE, `{`, `[`, "read tokenizer.json"},
		{smallBPE, `"BPE"`, `"WordLevel"`, `model "WordLevel" is not supported`},
		{smallBPE, `"merges"`, `"dropout": 0.1, "merges"`, "dropout"},
		{smallBPE, `"merges"`, `"byte_fallback": true, "merges"`, "byte_fallback"},
		{smallBPE, `"merges"`, `"continuing_subword_prefix": "##", "merges"`, "continuing_subword_prefix"},
		{smallBPE, `"merges"`, `"ignore_merges": true, "end_of_word_suffix": "</w>", "merges"`, "end_of_word_suffix"},
		{smallBPE, `"merges"`, `"unk_token": "?", "merges"`, `"?" is not in the vocabulary`},
		{smallBPE, `["a b"]`, `["a b c"]`, `"a b c" is not a pair`},
		{smallBPE, `["a b"]`, `[["a"]]`, "is not a pair"},
		{smallBPE, `["a b"]`, `["b a"]`, "merge 1"},
		{smallBPE, `"decoder": {"type": "ByteLevel"}`, `"decoder": {"type": "Metaspace"}`, "ByteLevel decoder"},
		{smallBPE, `"decoder"`, `"normalizer": {"type": "NFKC"}, "decoder"`, `normalizer "NFKC"`},
		{smallBPE, `"decoder"`, `"normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "Sequence"}]}, "decoder"`, `normalizer "Sequence" is not supported`},
		{smallBPE, `"decoder"`, `"normalizer": {"type": "Replace", "pattern": {"String": "_"}, "content": " "}, "decoder"`, "normalizer Replace"},
		{smallBPE, `{"type": "Digits", "individual_digits": true}`, `{"type": "Punctuation"}`, `pre_tokenizer "Punctuation" is not supported`},
		{smallBPE, `{"type": "Digits", "individual_digits": true}`, `{"type": "ByteLevel"}`, "last step"},
		{smallBPE, `{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}`, `{"type": "Digits"}`, "last step"},
		{smallBPE, `{"type": "Digits", "individual_digits": true}`, `{"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated"}`, `pattern "\\w+" is not supported`},
		{smallBPE, `{"type": "Digits", "individual_digits": true}`, `{"type": "Split", "pattern": {"String": "x"}, "behavior": "MergedWithNext"}`, "MergedWithNext"},
		{smallBPE, `"decoder"`, `"post_processor": {"type": "RobertaProcessing", "sep": ["x", 7], "cls": ["x", 7]}, "decoder"`, "token 7"},
		{smallBPE, `"decoder"`, `"post_processor": {"type": "CTC"}, "decoder"`, `post_processor "CTC"`},
		{smallBPE, `"decoder"`, `"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}]}, "decoder"`, `"x" is not declared`},
		{smallBPE, `"decoder"`, `"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}], "special_tokens": {"x": {"ids": [9]}}}, "decoder"`, "token 9"},
		{smallBPE, `"id": 3`, `"id": 2000000000`, "has number 2000000000"},
		{smallBPE, `"id": 3`, `"id": -3`, "has number -3"},
		{smallBPE, `"content": "<end>"`, `"content": "ab"`, "number 2 in the vocabulary and 3"},
		{smallBPE, `"b": 1`, `"b": 0`, "same number"},
		{smallBPE, `{"a": 0, "b": 1, "ab": 2}`, `{}`, "vocabulary is empty"},
		{smallWordPiece, `"unk_token": "[UNK]"`, `"unk_token": "?"`, `unknown token "?"`},
		{smallWordPiece, `"BertPreTokenizer"`, `"Whitespace"`, "pre_tokenizer Whitespace"},
		{smallWordPiece, `"BertNormalizer"`, `"Sequence"`, `normalizer "Sequence"`},
		{smallWordPiece, `"decoder": {"type": "WordPiece"`, `"decoder": {"type": "CTC"`, "WordPiece decoder"},
	} {
		data := strings.Replace(c.base, c.old, c.new, 1)
		if data == c.base {
			t.Fatalf("%s is not in the file", c.old)
		}
		if _, err := tokenize.FromJSON([]byte(data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.new, err, c.want)
		}
	}
	for _, good := range []string{smallBPE, smallWordPiece} {
		if _, err := tokenize.FromJSON([]byte(good)); err != nil {
			t.Error(err)
		}
	}
}

func smallGGUF() tokenize.GGUFVocabulary {
	return tokenize.GGUFVocabulary{
		Model: "gpt2", Pre: "smollm", Tokens: []string{"<|end|>", "a", "b", "ab", "<think>"}, Types: []int32{3, 1, 1, 1, 4},
		Merges: []string{"a b"}, BOS: 0, EOS: 0, UNK: -1, PAD: -1,
	}
}

func TestFromGGUFNamesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*tokenize.GGUFVocabulary){
		`tokenizer.ggml.model "llama"`:   func(v *tokenize.GGUFVocabulary) { v.Model = "llama" },
		`tokenizer.ggml.pre "llama-bpe"`: func(v *tokenize.GGUFVocabulary) { v.Pre = "llama-bpe" },
		`tokenizer.ggml.pre "" is not`:   func(v *tokenize.GGUFVocabulary) { v.Pre = "" },
		"1 token types for 5 tokens":     func(v *tokenize.GGUFVocabulary) { v.Types = v.Types[:1] },
		"vocabulary is empty": func(v *tokenize.GGUFVocabulary) {
			*v = tokenize.GGUFVocabulary{Model: "gpt2", Pre: "gpt-2", BOS: -1, EOS: -1, UNK: -1, PAD: -1}
		},
		"the eos token is number 5 of 5":   func(v *tokenize.GGUFVocabulary) { v.EOS = 5 },
		"the padding token is number -7":   func(v *tokenize.GGUFVocabulary) { v.PAD = -7 },
		"tokens 1 and 2 are both":          func(v *tokenize.GGUFVocabulary) { v.Tokens[2] = "a" },
		`merge "ab" is not a pair`:         func(v *tokenize.GGUFVocabulary) { v.Merges[0] = "ab" },
		"a token is not in the vocabulary": func(v *tokenize.GGUFVocabulary) { v.Merges[0] = "b a" },
		"add_bos_token is set":             func(v *tokenize.GGUFVocabulary) { v.AddBOS, v.BOS = true, -1 },
		"add_eos_token is set":             func(v *tokenize.GGUFVocabulary) { v.AddEOS, v.EOS = true, -1 },
	} {
		v := smallGGUF()
		change(&v)
		if _, err := tokenize.FromGGUF(v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestGGUFTemplateAndUserDefinedTokens(t *testing.T) {
	t.Parallel()
	v := smallGGUF()
	v.AddBOS, v.AddEOS, v.EOS = true, true, 0
	tok, err := tokenize.FromGGUF(v)
	if err != nil {
		t.Fatal(err)
	}
	e := tok.Encode("ab<think><|end|>", tokenize.Options{AddSpecial: true})
	if got, _ := json.Marshal(e.IDs); string(got) != "[0,3,4,0]" {
		// The spelling of <|end|> has no token beyond a and b, so it is dropped.
		t.Errorf("ids %s", got)
	}
	p := tok.EncodePair("a", "b", tokenize.Options{AddSpecial: true})
	if got, _ := json.Marshal([]any{p.IDs, p.TypeIDs}); string(got) != "[[0,1,0,0,2,0],[0,0,0,1,1,1]]" {
		t.Errorf("pair %s", got)
	}
	if tok.IsSpecial(4) || !tok.IsSpecial(0) {
		t.Error("a user-defined token is not special, a control token is")
	}
}
