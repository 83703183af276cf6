package tokenize_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint/engine/tokenize"
)

func ExampleFromJSON() {
	t, err := tokenize.FromJSON([]byte(`{
		"added_tokens": [{"id": 0, "content": "[CLS]", "special": true}, {"id": 1, "content": "[SEP]", "special": true}],
		"normalizer": {"type": "BertNormalizer"},
		"pre_tokenizer": {"type": "BertPreTokenizer"},
		"post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 0], "sep": ["[SEP]", 1]},
		"decoder": {"type": "WordPiece"},
		"model": {"type": "WordPiece", "vocab": {"[CLS]": 0, "[SEP]": 1, "[UNK]": 2, "linen": 3, "shirt": 4, "##s": 5, ".": 6}}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	e := t.Encode("Linen shirts.", tokenize.Options{AddSpecial: true})
	fmt.Println(e.IDs, e.Offsets)
	fmt.Println(t.Decode(e.IDs, true))
	// Output:
	// [0 3 4 5 6 1] [{0 0} {0 5} {6 11} {11 12} {12 13} {0 0}]
	// linen shirts.
}

func TestVocabulary(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		size    int
		word    string
		special string
	}{
		"smollm2": {49152, "Ġthe", "<|im_start|>"},
		"minilm":  {30522, "##ing", "[CLS]"},
		"gpt2":    {1203, "Ġthe", "<|endoftext|>"},
	} {
		tok := load(t, name)
		if got := tok.VocabularySize(); got != want.size {
			t.Errorf("%s: %d tokens, want %d", name, got, want.size)
		}
		for _, s := range []string{want.word, want.special} {
			id, ok := tok.TokenID(s)
			back, known := tok.Token(id)
			if !ok || !known || back != s || tok.IsSpecial(id) != (s == want.special) {
				t.Errorf("%s: %q is %d %t, which is %q %t, special %t", name, s, id, ok, back, known, tok.IsSpecial(id))
			}
		}
		if id, ok := tok.TokenID("no such token"); ok {
			t.Errorf("%s: an unknown token is %d", name, id)
		}
		for _, id := range []int32{-1, int32(want.size), 1 << 30} {
			if s, ok := tok.Token(id); ok || tok.IsSpecial(id) || tok.Decode([]int32{id}, false) != "" {
				t.Errorf("%s: token %d is %q", name, id, s)
			}
		}
	}
}

func TestChatMarkersCannotBeForged(t *testing.T) {
	t.Parallel()
	tok := load(t, "smollm2")
	start, _ := tok.TokenID("<|im_start|>")
	const text = "hello <|im_start|>system"
	if e := tok.Encode(text, tokenize.Options{}); slices.Contains(e.IDs, start) {
		t.Errorf("a marker in plain text became a token: %v", e.IDs)
	}
	e := tok.Encode(text, tokenize.Options{ParseSpecial: true})
	if !slices.Contains(e.IDs, start) {
		t.Errorf("a marker was not parsed: %v", e.IDs)
	}
	if got := tok.Decode(e.IDs, true); got != "hello system" {
		t.Errorf("without markers: %q", got)
	}
	if got := tok.Decode(e.IDs, false); got != text {
		t.Errorf("with markers: %q", got)
	}
}

// What transformers makes of the GGUF file and what the model was trained with
// differ on white space before digits.
func TestSplitDigits(t *testing.T) {
	t.Parallel()
	plain, split := load(t, "smollm2"), load(t, "smollm2digits")
	tokens := func(tok tokenize.Tokenizer, s string) string {
		var out []string
		for _, id := range tok.Encode(s, tokenize.Options{}).IDs {
			s, _ := tok.Token(id)
			out = append(out, s)
		}
		return strings.Join(out, "|")
	}
	for _, c := range [][3]string{
		{"Fit\n\n1. Slim", "Fit|Ċ|Ċ|1|.|ĠS|lim", "Fit|ĊĊ|1|.|ĠS|lim"},
		{"a  7", "a|Ġ|Ġ|7", "a|ĠĠ|7"},
		{"size 42", "size|Ġ|4|2", "size|Ġ|4|2"},
	} {
		if got := tokens(plain, c[0]); got != c[1] {
			t.Errorf("%q as transformers: %s, want %s", c[0], got, c[1])
		}
		if got := tokens(split, c[0]); got != c[2] {
			t.Errorf("%q with digits split: %s, want %s", c[0], got, c[2])
		}
	}
}

func TestMaxTokens(t *testing.T) {
	t.Parallel()
	tok := load(t, "minilm")
	const text = "An ecru overshirt with horn buttons"
	whole := tok.Encode(text, tokenize.Options{AddSpecial: true})
	for most := 1; most <= len(whole.IDs)+1; most++ {
		e := tok.Encode(text, tokenize.Options{AddSpecial: true, MaxTokens: most})
		if want := min(most, len(whole.IDs)); len(e.IDs) != want || len(e.Offsets) != want {
			t.Errorf("at most %d: %d tokens, %d offsets", most, len(e.IDs), len(e.Offsets))
		}
		if e.Truncated != (most < len(whole.IDs)) {
			t.Errorf("at most %d of %d: truncated %t", most, len(whole.IDs), e.Truncated)
		}
		if most >= 2 && e.IDs[len(e.IDs)-1] != whole.IDs[len(whole.IDs)-1] {
			t.Errorf("at most %d: the end marker is lost: %v", most, e.IDs)
		}
	}
	if e := tok.EncodePair(text, text, tokenize.Options{AddSpecial: true, MaxTokens: 1}); len(e.IDs) != 1 || len(e.TypeIDs) != 1 {
		t.Errorf("a pair in one token: %+v", e)
	}
}

func TestStreamHoldsUnfinishedCharacters(t *testing.T) {
	t.Parallel()
	tok := load(t, "gpt2")
	ids := make([]int32, 0, 4)
	for _, s := range []string{"ð", "Ł", "ĳ", "Ĺ"} { // the bytes of 👗
		id, ok := tok.TokenID(s)
		if !ok {
			t.Fatalf("no token for %q", s)
		}
		ids = append(ids, id)
	}
	s := tokenize.NewStream(tok, true)
	for i, want := range []string{"", "", "", "👗"} {
		if got := s.Push(ids[i]); got != want {
			t.Errorf("after %d bytes: %q, want %q", i+1, got, want)
		}
	}
	if got := s.Push(ids[0]) + s.Push(ids[1]); got != "" {
		t.Errorf("half a character came out as %q", got)
	}
	if got := s.Flush(); got != "\uFFFD" {
		t.Errorf("half a character flushed: %q", got)
	}
	if got := s.Flush(); got != "" {
		t.Errorf("flushed again: %q", got)
	}
	for _, id := range ids[:2] {
		s.Push(id)
	}
	letter, _ := tok.TokenID("a")
	if got := s.Push(letter); got != "\uFFFDa" {
		t.Errorf("half a character and a letter: %q", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	texts := eachLine[text](t, "texts.jsonl.gz")[:400]
	for _, name := range []string{"smollm2", "minilm"} {
		tok := load(t, name)
		fresh := load(t, name)
		var want [][]int32
		for _, s := range texts {
			want = append(want, fresh.Encode(string(s), tokenize.Options{AddSpecial: true}).IDs)
		}
		var all sync.WaitGroup
		for worker := range 4 {
			all.Go(func() {
				for i := range texts {
					i = (i + worker*100) % len(texts)
					e := tok.Encode(string(texts[i]), tokenize.Options{AddSpecial: true})
					if !slices.Equal(e.IDs, want[i]) {
						t.Errorf("%s, worker %d, text %d: %v, want %v", name, worker, i, e.IDs, want[i])
					}
				}
			})
		}
		all.Wait()
	}
}

// A word of a million letters is merged in n log n, not n squared, steps.
func TestHugeWord(t *testing.T) {
	t.Parallel()
	tok := load(t, "gpt2")
	start := time.Now()
	for _, s := range []string{strings.Repeat("linen", 200_000), strings.Repeat("a", 1_000_000), strings.Repeat(" ", 1_000_000), strings.Repeat("e\u0301", 300_000)} {
		e := tok.Encode(s, tokenize.Options{})
		if got := tok.Decode(e.IDs, false); got != s {
			t.Errorf("%d bytes come back as %d", len(s), len(got))
		}
	}
	bert := load(t, "minilm")
	bert.Encode("e"+strings.Repeat("\u0301\u0323", 300_000), tokenize.Options{})
	if d := time.Since(start); d > 60*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestEncodeAllocatesOnlyItsResult(t *testing.T) {
	tok := load(t, "smollm2")
	const s = "Cut from organic cotton, this ecru overshirt has a neat collar and horn buttons."
	tok.Encode(s, tokenize.Options{})
	if n := testing.AllocsPerRun(100, func() { tok.Encode(s, tokenize.Options{}) }); n > 3 {
		t.Errorf("%v allocations", n)
	}
}
