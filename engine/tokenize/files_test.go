package tokenize_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"stylesprint/engine/tokenize"
)

// gpt2Files takes the golden tokenizer.json of GPT-2's kind apart.
func gpt2Files(t testing.TB) tokenize.BPEFiles {
	t.Helper()
	var whole struct {
		Model struct {
			Vocab  json.RawMessage
			Merges [][2]string
		}
	}
	if err := json.Unmarshal(unzipped(t, "gpt2.json.gz"), &whole); err != nil {
		t.Fatal(err)
	}
	merges := "#version: 0.2\n"
	for _, m := range whole.Model.Merges {
		merges += m[0] + " " + m[1] + "\n"
	}
	return tokenize.BPEFiles{Vocab: whole.Model.Vocab, Merges: []byte(merges), Special: []string{"<|endoftext|>", "<|pad|>"}, Added: map[string]int32{"<tool>": 1202}}
}

// vocab.json with merges.txt is the tokenizer that tokenizer.json describes.
func TestBPEFilesLikeTokenizerJSON(t *testing.T) {
	t.Parallel()
	tok, err := tokenize.FromBPEFiles(gpt2Files(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := load(t, "gpt2")
	compared := 0
	for _, in := range eachLine[text](t, "texts.jsonl.gz") {
		if strings.Contains(string(in), "<mask>") || strings.Contains(string(in), "Yesterday") { // added in that file only
			continue
		}
		o := tokenize.Options{AddSpecial: true, ParseSpecial: true}
		if got, want := tok.Encode(string(in), o), whole.Encode(string(in), o); !slices.Equal(got.IDs, want.IDs) {
			t.Fatalf("%.200q: ids %v, want %v", string(in), got.IDs, want.IDs)
		}
		compared++
	}
	if compared < 4500 {
		t.Errorf("%d texts compared", compared)
	}
	if id, ok := tok.TokenID("<|endoftext|>"); !ok || !tok.IsSpecial(id) {
		t.Errorf("end of text: %d, %t", id, ok)
	}
	if id, ok := tok.TokenID("<tool>"); !ok || id != 1202 || tok.IsSpecial(id) {
		t.Errorf("added token: %d, %t", id, ok)
	}
}

func TestBPEFilesFaults(t *testing.T) {
	t.Parallel()
	good := tokenize.BPEFiles{Vocab: []byte(`{"a": 0, "b": 1, "ab": 2}`), Merges: []byte("#version: 0.2\r\na b\r\n")}
	tok, err := tokenize.FromBPEFiles(good)
	if err != nil {
		t.Fatal(err)
	}
	if e := tok.Encode("abab", tokenize.Options{}); !slices.Equal(e.IDs, []int32{2, 2}) {
		t.Errorf("ids %v, want [2 2]", e.IDs)
	}
	for want, change := range map[string]func(*tokenize.BPEFiles){
		"read vocab.json":               func(f *tokenize.BPEFiles) { f.Vocab = []byte(`["a"]`) },
		"vocabulary is empty":           func(f *tokenize.BPEFiles) { f.Vocab = []byte(`{}`) },
		"has number -4":                 func(f *tokenize.BPEFiles) { f.Vocab = []byte(`{"a": -4}`) },
		"merges.txt: it has no merges":  func(f *tokenize.BPEFiles) { f.Merges = []byte("#version: 0.2\n\n") },
		`line 3: merge "ab" is not`:     func(f *tokenize.BPEFiles) { f.Merges = []byte("#version: 0.2\na b\nab\n") },
		"merge 1":                       func(f *tokenize.BPEFiles) { f.Merges = []byte("b a") },
		"has number 2000000000":         func(f *tokenize.BPEFiles) { f.Added = map[string]int32{"<x>": 2_000_000_000} },
		"in the vocabulary and 7 among": func(f *tokenize.BPEFiles) { f.Added = map[string]int32{"a": 7} },
	} {
		f := good
		change(&f)
		if _, err := tokenize.FromBPEFiles(f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func FuzzFromBPEFiles(f *testing.F) {
	f.Add([]byte(`{"a": 0, "b": 1, "ab": 2, "<|endoftext|>": 3}`), []byte("#version: 0.2\na b\n"), "<|endoftext|>", int32(9), true)
	f.Add([]byte(`{"Ġ": 0}`), []byte("a\r\n\r\n"), "", int32(-1), false)
	f.Fuzz(func(t *testing.T, vocab, merges []byte, special string, id int32, prefix bool) {
		tok, err := tokenize.FromBPEFiles(tokenize.BPEFiles{
			Vocab: vocab, Merges: merges, Special: []string{special}, Added: map[string]int32{special + "x": id}, PrefixSpace: prefix,
		})
		if err == nil {
			use(t, tok)
		}
	})
}
