package tokenize_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"stylesprint/engine/tokenize"
)

// The goldens are written by tools/parity/unigram_goldens.py.

func TestUnigramLikeReference(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, golden, texts string
		step                int
	}{
		{"xlmr", "xlmr", "unitexts", 1}, {"uniform", "uniform", "unitexts", 1}, {"bytefall", "bytefall", "unitexts", 1}, {"xlmr", "xlmrall", "texts", 3},
	} {
		t.Run(c.golden, func(t *testing.T) {
			t.Parallel()
			tok := load(t, c.name)
			texts := eachLine[text](t, c.texts+".jsonl.gz")
			cases := eachLine[encodeCase](t, c.golden+".encode.jsonl.gz")
			if len(cases) != (len(texts)+c.step-1)/c.step || len(cases) < 1500 {
				t.Fatalf("%d cases for %d texts", len(cases), len(texts))
			}
			wrong := 0
			for i, want := range cases {
				in := string(texts[i*c.step])
				got := tok.Encode(in, tokenize.Options{AddSpecial: true, ParseSpecial: true})
				if why := differs(tok, got, want.IDs, want.spans()); why != "" {
					if wrong++; wrong <= 8 {
						t.Errorf("text %d %.200q: %s", i*c.step, in, why)
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%d of %d texts differ", wrong, len(cases))
			}
		})
	}
}

const smallUnigram = `{
	"added_tokens": [{"id": 0, "content": "<s>", "special": true}, {"id": 1, "content": "<unk>", "special": true}],
	"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Strip", "strip_left": true, "strip_right": true}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}, {"type": "Replace", "pattern": {"String": "q"}, "content": "ab"}]},
	"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
	"post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}], "pair": [{"Sequence": {"id": "A"}}, {"Sequence": {"id": "B"}}], "special_tokens": {"<s>": {"ids": [0]}}},
	"decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
	"model": {"type": "Unigram", "unk_id": 1, "byte_fallback": false, "vocab": [["<s>", 0.0], ["<unk>", 0], ["▁", -2.5], ["a", -3], ["b", -3e0], ["ab", -3.5], ["▁a", -4], ["\u00e9", -5.25]]}
}`

func TestUnigramNamesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, new, want string }{
		{`"unk_id": 1, `, ``, "without unk_id"},
		{`"unk_id": 1`, `"unk_id": 8`, "unk_id 8 is not in the vocabulary of 8"},
		{`"unk_id": 1`, `"unk_id": -1`, "unk_id -1"},
		{`["a", -3]`, `["a"]`, "is not a token and its score"},
		{`["a", -3]`, `["a", null]`, "is not a token and its score"},
		{`["a", -3]`, `["a", "b"]`, "read tokenizer.json"},
		{`["a", -3]`, `["a", 1e999]`, "read tokenizer.json"},
		{`["a", -3]`, `7`, "read tokenizer.json"},
		{`"Unigram"`, `"BPE"`, "form of another model's"},
		{`"Metaspace", "replacement": "▁", "prepend_scheme": "always", "split"`, `"ByteLevel", "split"`, "pre_tokenizer ByteLevel is not supported for Unigram"},
		{`"replacement": "▁", "prepend_scheme": "always", "split"`, `"replacement": "", "split"`, `the replacement "" is not one`},
		{`"prepend_scheme": "always", "split"`, `"prepend_scheme": "last", "split"`, `prepend_scheme "last"`},
		{`"pre_tokenizer": {`, `"pre_tokenizer": null, "x": {`, "pre_tokenizer null"},
		{`"decoder": {"type": "Metaspace"`, `"decoder": {"type": "ByteFallback"`, "needs the Metaspace decoder"},
		{`"decoder": {"type": "Metaspace", "replacement": "▁"`, `"decoder": {"type": "Metaspace", "replacement": "__"`, `replacement "__"`},
		{`{"type": "NFKC"}`, `{"type": "Lowercase"}`, `normalizer "Lowercase"`},
		{`{"Regex": " {2,}"}`, `{"Regex": "\\s+"}`, `pattern "\\s+"`},
		{`{"String": "q"}`, `{"String": ""}`, "the pattern is empty"},
		{`{"type": "NFKC"}`, `{"type": "Precompiled", "precompiled_charsmap": "AA=="}`, "too short"},
		{`{"type": "NFKC"}`, `{"type": "Precompiled", "precompiled_charsmap": "AAAAAA=="}`, "a trie of 0 bytes in 0"},
		{`{"type": "NFKC"}`, `{"type": "Precompiled", "precompiled_charsmap": "////fw=="}`, "a trie of 2147483647 bytes"},
		{`{"type": "NFKC"}`, `{"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAD/"}`, "not UTF-8"},
		{`{"type": "NFKC"}`, `{"type": "Precompiled", "precompiled_charsmap": "?"}`, "read tokenizer.json"},
		{`{"type": "NFKC"}`, strings.Repeat(`{"type": "Sequence", "normalizers": [`, 12) + strings.Repeat(`]}`, 12), "too many within one another"},
		{`["a", -3]`, `["` + strings.Repeat("a", 1025) + `", -3]`, "token 3 has 1025 bytes"},
		{`"content": "ab"`, `"content": "` + strings.Repeat("q", 1001) + `"`, "may make a text"},
		{`{"type": "NFKC"}`, `{"type": "NFKC"}, {"type": "NFKC"}, {"type": "NFKC"}`, "normalizer NFKC: the steps so far"},
		{`{"type": "NFKC"}`, `{"type": "Precompiled", "precompiled_charsmap": "` + base64.StdEncoding.EncodeToString([]byte("\x04\x00\x00\x00\x00\x00\x00\x00"+strings.Repeat("x", 2000))) + `"}`, "2000 times"},
		{`"post_processor": {`, `"post_processor": {"type": "ByteLevel"}, "x": {`, "post_processor ByteLevel"},
	} {
		data := strings.Replace(smallUnigram, c.old, c.new, 1)
		if data == smallUnigram {
			t.Fatalf("%s is not in the file", c.old)
		}
		if _, err := tokenize.FromJSON([]byte(data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.new, err, c.want)
		}
	}
}

func TestUnigramByHand(t *testing.T) {
	t.Parallel()
	tok, err := tokenize.FromJSON([]byte(smallUnigram))
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]struct {
		ids     []int32
		unknown int
	}{
		"ab":             {[]int32{0, 2, 5}, 0},       // ▁ + ab is -6, ▁a + b is -7
		" a  b ":         {[]int32{0, 6, 2, 4}, 0},    // stripped, spaces joined
		"x漢a":            {[]int32{0, 2, 1, 3}, 1},    // unknown neighbours are one token
		"q\u0301e\u0301": {[]int32{0, 2, 5, 1, 7}, 1}, // q is replaced, its mark unknown, the other one composed
		"":               {[]int32{0}, 0},
	} {
		e := tok.Encode(in, tokenize.Options{AddSpecial: true})
		if !slices.Equal(e.IDs, want.ids) || e.Unknown != want.unknown {
			t.Errorf("%q: %v, %d unknown; want %v, %d", in, e.IDs, e.Unknown, want.ids, want.unknown)
		}
	}
	if id, ok := tok.TokenID("é"); !ok || id != 7 {
		t.Errorf("é is %d, %t", id, ok)
	}
	if _, ok := tok.TokenID("éa"); ok {
		t.Error("éa is a token")
	}
	if got := tok.Decode([]int32{0, 6, 2, 4}, true); got != "a b" {
		t.Errorf("decoded %q", got)
	}
	if e := tok.Encode("ab ab ab", tokenize.Options{AddSpecial: true, MaxTokens: 4}); !slices.Equal(e.IDs, []int32{0, 2, 5, 2}) || !e.Truncated {
		t.Errorf("truncated: %v, %t", e.IDs, e.Truncated)
	}
}

// The memory of an encoding is its result; what there is to do for each token takes none.
func TestUnigramAllocatesPerTextOnly(t *testing.T) {
	for _, name := range []string{"xlmr", "uniform", "bytefall"} {
		tok := load(t, name)
		count := func(s string) float64 {
			return testing.AllocsPerRun(20, func() { tok.Encode(s, tokenize.Options{AddSpecial: true}) })
		}
		short, long := strings.Repeat("亞麻 shirt ① 漢字，", 4), strings.Repeat("亞麻 shirt ① 漢字，", 400)
		count(long)
		if few, many := count(short), count(long); many > few {
			t.Errorf("%s: %g allocations for a text a hundred times as long as one with %g", name, many, few)
		}
	}
}

func FuzzUnigram(f *testing.F) {
	f.Add([]byte(smallUnigram), awkward)
	f.Add([]byte(strings.Replace(smallUnigram, `"split": true`, `"split": false`, 1)), "▁▁ q①\u0301")
	f.Add([]byte(strings.Replace(smallUnigram, `"byte_fallback": false`, `"byte_fallback": true`, 1)), "<unk>\r\n")
	f.Fuzz(func(t *testing.T, data []byte, in string) {
		tok, err := tokenize.FromJSON(data)
		if err != nil {
			return
		}
		use(t, tok)
		for _, o := range []tokenize.Options{{}, {AddSpecial: true, ParseSpecial: true, MaxTokens: 3}} {
			checkOffsets(t, in, tok.Encode(in, o))
		}
	})
}

// Any blob and any text: what comes out is UTF-8, with offsets inside the text.
func FuzzCharsmap(f *testing.F) {
	f.Add([]byte("\x04\x00\x00\x00\x00\x04\x00\x00x\x00"), "x")
	f.Add(charsmapOf(f), "e\u0301 ①\r\n\u0600x")
	f.Fuzz(func(t *testing.T, blob []byte, in string) {
		data := strings.Replace(smallUnigram, `{"type": "NFKC"}`, `{"type": "Precompiled", "precompiled_charsmap": "`+base64.StdEncoding.EncodeToString(blob)+`"}`, 1)
		tok, err := tokenize.FromJSON([]byte(data))
		if err != nil {
			return
		}
		e := tok.Encode(in, tokenize.Options{})
		checkOffsets(t, in, e)
		if s := tok.Decode(e.IDs, false); !utf8.ValidString(s) {
			t.Fatalf("%q is not UTF-8", s)
		}
	})
}

// charsmapOf is the golden tokenizer's charsmap, cut so that a fuzzer can move it.
func charsmapOf(f *testing.F) []byte {
	var whole struct {
		Normalizer struct {
			Charsmap []byte `json:"precompiled_charsmap"`
		}
	}
	if err := json.Unmarshal(unzipped(f, "xlmr.json.gz"), &whole); err != nil {
		f.Fatal(err)
	}
	return whole.Normalizer.Charsmap
}
