package tokenize_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"

	"stylesprint/engine/tokenize"
)

const awkward = "a <end> 12  \u0301é漢 <|end|>\x00\xffb don't\n\n"

func FuzzFromJSON(f *testing.F) {
	f.Add([]byte(smallBPE))
	f.Add([]byte(smallWordPiece))
	f.Add([]byte(strings.Replace(strings.Replace(smallBPE, `"merges"`, `"end_of_word_suffix": "</w>", "merges"`, 1), `"decoder"`, `"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]}, "post_processor": {"type": "RobertaProcessing", "sep": ["b", 1], "cls": ["a", 0]}, "decoder"`, 1)))
	f.Add([]byte(smallUnigram))
	f.Add([]byte(strings.Replace(smallBPE, `"decoder"`, `"post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x"}}, {"Sequence": {"id": "A"}}], "pair": [], "special_tokens": {"x": {"ids": [3]}}}]}, "decoder"`, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		tok, err := tokenize.FromJSON(data)
		if err != nil {
			return
		}
		use(t, tok)
	})
}

func FuzzFromGGUF(f *testing.F) {
	f.Add("smollm", "a\nb\nab\n<|end|>\n<x>", []byte{1, 1, 1, 3, 4}, "a b", int32(3), true)
	f.Fuzz(func(t *testing.T, pre, tokens string, types []byte, merges string, marked int32, add bool) {
		v := tokenize.GGUFVocabulary{Model: "gpt2", Pre: pre, Tokens: strings.Split(tokens, "\n"), Merges: strings.Split(merges, "\n"),
			BOS: marked, EOS: marked, UNK: -1, PAD: marked, AddBOS: add, AddEOS: add, SplitDigits: add}
		for _, k := range types {
			v.Types = append(v.Types, int32(k))
		}
		tok, err := tokenize.FromGGUF(v)
		if err != nil {
			return
		}
		use(t, tok)
	})
}

// use does with a tokenizer what must not panic whatever it is made of.
func use(t *testing.T, tok tokenize.Tokenizer) {
	for _, o := range []tokenize.Options{{}, {AddSpecial: true, ParseSpecial: true}, {AddSpecial: true, MaxTokens: 2}} {
		checkOffsets(t, awkward, tok.Encode(awkward, o))
		e := tok.EncodePair(awkward, awkward, o)
		if len(e.IDs) != len(e.Offsets) || len(e.IDs) != len(e.TypeIDs) {
			t.Fatalf("%d ids, %d offsets, %d type ids", len(e.IDs), len(e.Offsets), len(e.TypeIDs))
		}
		if got, want := streamed(tok, e.IDs, false), tok.Decode(e.IDs, false); got != want {
			t.Fatalf("streamed %q, whole %q", got, want)
		}
	}
}

func checkOffsets(t *testing.T, s string, e tokenize.Encoding) {
	if len(e.IDs) != len(e.Offsets) {
		t.Fatalf("%d ids, %d offsets", len(e.IDs), len(e.Offsets))
	}
	for i, o := range e.Offsets {
		if o.Start < 0 || o.End > len(s) || o.Start > o.End {
			t.Fatalf("token %d lies at %v of %d bytes", i, o, len(s))
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, s := range []string{"", "A linen shirt, 100% flax.", awkward, "it's  7\r\n\r\n42", "👩🏽‍💻 漢字 नमस्ते", "\xf0\x9f\x98", strings.Repeat("ab", 40)} {
		f.Add(s)
	}
	toks := []tokenize.Tokenizer{load(f, "digits"), load(f, "qwen2"), load(f, "llama3")}
	bert := load(f, "minilm")
	f.Fuzz(func(t *testing.T, s string) {
		want := strings.ToValidUTF8(s, "")
		for i, tok := range toks {
			e := tok.Encode(want, tokenize.Options{})
			checkOffsets(t, want, e)
			if got := tok.Decode(e.IDs, false); got != want {
				t.Fatalf("%q comes back as %q", want, got)
			}
			if got := streamed(tok, e.IDs, false); got != want {
				t.Fatalf("%q is streamed as %q", want, got)
			}
			checkOffsets(t, s, tok.Encode(s, tokenize.Options{AddSpecial: true, ParseSpecial: true}))
			if i == 2 { // its offsets leave white space out
				continue
			}
			end := 0
			for i, o := range e.Offsets {
				if o.Start > end || !utf8.ValidString(want[o.Start:o.End]) {
					t.Fatalf("%q: token %d lies at %v, after %d", want, i, o, end)
				}
				end = o.End
			}
			if end != len(want) {
				t.Fatalf("%q: offsets end at %d", want, end)
			}
		}
		checkOffsets(t, s, bert.Encode(s, tokenize.Options{AddSpecial: true, MaxTokens: 64}))
	})
}

func FuzzStream(f *testing.F) {
	f.Add([]byte{1, 0, 2, 0, 200, 0, 250, 3}, true)
	toks := []tokenize.Tokenizer{load(f, "gpt2"), load(f, "minilm")}
	f.Fuzz(func(t *testing.T, data []byte, skip bool) {
		var ids []int32
		for ; len(data) >= 2; data = data[2:] {
			ids = append(ids, int32(binary.LittleEndian.Uint16(data)))
		}
		for _, tok := range toks {
			whole := tok.Decode(ids, skip)
			if got := streamed(tok, ids, skip); got != whole {
				t.Fatalf("streamed %q, whole %q", got, whole)
			}
			s := tokenize.NewStream(tok, skip)
			for _, id := range ids {
				if part := s.Push(id); !utf8.ValidString(part) {
					t.Fatalf("%q is not whole characters", part)
				}
			}
		}
	})
}
