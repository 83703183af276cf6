package tokenize_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"stylesprint/engine/tokenize"
)

// The goldens here are written by tools/parity/clip_tokenizer.py.

// clipParts are the two files that a CLIP tokenizer.json was made of.
func clipParts(t testing.TB) (vocabulary, merges []byte) {
	t.Helper()
	var f struct {
		Model struct {
			Vocab  map[string]int32
			Merges [][2]string
		}
	}
	if err := json.Unmarshal(unzipped(t, "clip.json.gz"), &f); err != nil {
		t.Fatal(err)
	}
	vocabulary, err := json.Marshal(f.Model.Vocab)
	if err != nil {
		t.Fatal(err)
	}
	merges = []byte("#version: 0.2\n")
	for _, m := range f.Model.Merges {
		merges = fmt.Appendf(merges, "%s %s\n", m[0], m[1])
	}
	return vocabulary, merges
}

// vocab.json and merges.txt make the same tokenizer as tokenizer.json.
func TestCLIPFiles(t *testing.T) {
	t.Parallel()
	tok, err := tokenize.FromCLIPFiles(clipParts(t))
	if err != nil {
		t.Fatal(err)
	}
	texts := eachLine[text](t, "texts.jsonl.gz")
	cases := eachLine[encodeCase](t, "clip.encode.jsonl.gz")
	if len(cases) < 1000 {
		t.Fatalf("%d cases, want at least 1000", len(cases))
	}
	for i, c := range cases {
		got := tok.Encode(string(texts[i*stepOf("clip")]), tokenize.Options{AddSpecial: true, ParseSpecial: true})
		if why := differs(tok, got, c.IDs, c.spans()); why != "" {
			t.Fatalf("text %d %.300q: %s", i, string(texts[i*stepOf("clip")]), why)
		}
	}
}

func TestCLIPFilesNameFaults(t *testing.T) {
	t.Parallel()
	vocabulary, merges := clipParts(t)
	for _, c := range []struct{ vocabulary, merges, want string }{
		{"[", string(merges), "vocab.json"},
		{`{"a": 0}`, string(merges), `token "<|startoftext|>" is missing`},
		{string(vocabulary), "#version: 0.2\na b c\n", "merges.txt: line 2"},
		{string(vocabulary), "zz qq\n", "merge 1"},
	} {
		if _, err := tokenize.FromCLIPFiles([]byte(c.vocabulary), []byte(c.merges)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

// transformers strips the space after the last word; Decode keeps it, as a stream must.
func TestCLIPDecode(t *testing.T) {
	t.Parallel()
	tok := load(t, "clip")
	for i, c := range eachLine[decodeCase](t, "clip.decode.jsonl.gz") {
		for skip, want := range map[bool]string{false: c.All, true: c.Spoken} {
			got := tok.Decode(c.IDs, skip)
			if strings.TrimFunc(got, pythonSpace) != want {
				t.Errorf("case %d, skip special %t: %v\n got %q\nwant %q", i, skip, c.IDs, got, want)
			}
			if s := streamed(tok, c.IDs, skip); s != got {
				t.Errorf("case %d: streamed %q, whole %q", i, s, got)
			}
		}
	}
}

// pythonSpace is what str.strip removes.
func pythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

func TestCLIPTruncationKeepsTheEnd(t *testing.T) {
	t.Parallel()
	tok := load(t, "clip")
	whole := tok.Encode(strings.Repeat("linen shirt ", 60), tokenize.Options{AddSpecial: true})
	got := tok.Encode(strings.Repeat("linen shirt ", 60), tokenize.Options{AddSpecial: true, MaxTokens: 77})
	end, _ := tok.TokenID("<|endoftext|>")
	want := append(slices.Clone(whole.IDs[:76]), end)
	if !got.Truncated || !slices.Equal(got.IDs, want) {
		t.Errorf("truncated %t, got %v, want %v", got.Truncated, got.IDs, want)
	}
}

// TestCLIPRealVocabulary runs where STYLESPRINT_CLIP_MERGES names OpenAI's
// bpe_simple_vocab_16e6.txt.gz, as the wheel open-clip-torch has it.
func TestCLIPRealVocabulary(t *testing.T) {
	t.Parallel()
	path := os.Getenv("STYLESPRINT_CLIP_MERGES")
	if path == "" {
		t.Skip("STYLESPRINT_CLIP_MERGES is not set: no file of CLIP's real merges")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.FromCLIPFiles(realCLIP(data))
	if err != nil {
		t.Fatal(err)
	}
	if n := tok.VocabularySize(); n != 49408 {
		t.Fatalf("%d tokens, want 49408", n)
	}
	texts := eachLine[text](t, "texts.jsonl.gz")
	cases := eachLine[[]int32](t, "clipreal.encode.jsonl.gz")
	if len(cases) < 1000 {
		t.Fatalf("%d cases, want at least 1000", len(cases))
	}
	for i, ids := range cases {
		got := tok.Encode(string(texts[i*5]), tokenize.Options{AddSpecial: true, ParseSpecial: true})
		if !slices.Equal(got.IDs, ids) {
			t.Errorf("text %d %.300q: got %v, want %v", i*5, string(texts[i*5]), got.IDs, ids)
		}
	}
}

// realCLIP makes the two files of OpenAI's one: the bytes, the bytes that end a
// word, the merges in order, the two marks.
func realCLIP(data []byte) (vocabulary, merges []byte) {
	var letters []string
	for _, span := range [][2]rune{{'!', '~'}, {0xA1, 0xAC}, {0xAE, 0xFF}, {0x100, 0x143}} {
		for r := span[0]; r <= span[1]; r++ {
			letters = append(letters, string(r))
		}
	}
	tokens := slices.Clone(letters)
	for _, c := range letters {
		tokens = append(tokens, c+"</w>")
	}
	lines := bytes.Split(data, []byte("\n"))[1 : 49152-256-2+1]
	merges = bytes.Join(lines, []byte("\n"))
	for _, line := range lines {
		tokens = append(tokens, string(bytes.ReplaceAll(line, []byte(" "), nil)))
	}
	ids := map[string]int{}
	for i, t := range append(tokens, "<|startoftext|>", "<|endoftext|>") {
		ids[t] = i
	}
	vocabulary, _ = json.Marshal(ids)
	return vocabulary, merges
}

func FuzzFromCLIPFiles(f *testing.F) {
	f.Add([]byte(`{"a":0,"b":1,"a</w>":2,"b</w>":3,"ab</w>":4,"<|startoftext|>":5,"<|endoftext|>":6}`), []byte("#version: 0.2\na b</w>\n"))
	f.Add([]byte(`{"<|startoftext|>":0,"<|endoftext|>":1,"</w>":2}`), []byte("a"))
	f.Fuzz(func(t *testing.T, vocabulary, merges []byte) {
		tok, err := tokenize.FromCLIPFiles(vocabulary, merges)
		if err != nil {
			return
		}
		use(t, tok)
	})
}

func FuzzCLIPEncode(f *testing.F) {
	for _, s := range []string{"", "A linen\t shirt, 100% FLAX.", awkward, "e\u0323\u0301 \u1100\u1161\u11a8 각 Å İ", "<|endoftext|> 's'S", "\u0301\u0344a"} {
		f.Add(s)
	}
	tok := load(f, "clip")
	f.Fuzz(func(t *testing.T, s string) {
		e := tok.Encode(s, tokenize.Options{AddSpecial: true, ParseSpecial: true})
		checkOffsets(t, s, e)
		if again := tok.Encode(strings.TrimSpace(tok.Decode(e.IDs[1:len(e.IDs)-1], true)), tokenize.Options{}); len(again.IDs) > 0 && len(e.IDs) == 2 {
			t.Fatalf("%q is nothing, and decodes to something", s)
		}
	})
}
