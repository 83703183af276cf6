package tokenize_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"stylesprint/engine/tokenize"
)

// The goldens are written by tools/parity/tokenizer_goldens.py, which says what
// the files hold.

func unzipped(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
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
	return data
}

// eachLine decodes every line of a golden file into a new T.
func eachLine[T any](t testing.TB, name string) []T {
	t.Helper()
	var out []T
	lines := bufio.NewScanner(bytes.NewReader(unzipped(t, name)))
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, v)
	}
	return out
}

// text is a string or bytes that are not UTF-8.
type text string

func (s *text) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, (*string)(s))
	}
	var b struct{ B []byte }
	err := json.Unmarshal(data, &b)
	*s = text(b.B)
	return err
}

type tuple []any

func (u tuple) decode(data []byte) error { return json.Unmarshal(data, (*[]any)(&u)) }

type encodeCase struct {
	IDs     []int32
	Offsets []int
}

func (c *encodeCase) UnmarshalJSON(data []byte) error {
	return tuple{&c.IDs, &c.Offsets}.decode(data)
}

// spans turns stored offsets into spans.
func (c *encodeCase) spans() []tokenize.Span {
	out := make([]tokenize.Span, 0, len(c.IDs))
	end := 0
	for i := 0; i+1 < len(c.Offsets); i += 2 {
		start := end + c.Offsets[i]
		end = start + c.Offsets[i+1]
		out = append(out, tokenize.Span{Start: start, End: end})
	}
	return out
}

func load(t testing.TB, name string) tokenize.Tokenizer {
	t.Helper()
	if name, digits := strings.CutSuffix(name, "digits"); name == "smollm2" {
		var v tokenize.GGUFVocabulary
		if err := json.Unmarshal(unzipped(t, name+".json.gz"), &v); err != nil {
			t.Fatal(err)
		}
		v.SplitDigits = digits
		tok, err := tokenize.FromGGUF(v)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	tok, err := tokenize.FromJSON(unzipped(t, name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// stepOf says which of the texts a golden covers: every stepOf-th.
func stepOf(name string) int {
	switch name {
	case "smollm2", "minilm", "gpt2":
		return 1
	case "smollm2digits":
		return 4
	case "clip":
		return 2
	}
	return 5
}

func TestEncodeLikeReference(t *testing.T) {
	t.Parallel()
	texts := eachLine[text](t, "texts.jsonl.gz")
	if len(texts) < 5000 {
		t.Fatalf("%d texts, want at least 5000", len(texts))
	}
	names := []string{"smollm2", "minilm", "gpt2", "smollm2digits", "digits", "llama3", "qwen2", "prefix", "dropping", "unknown", "whole", "clip", "cliphub", "cliplacking"}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tok := load(t, name)
			cases := eachLine[encodeCase](t, name+".encode.jsonl.gz")
			step := stepOf(name)
			if want := (len(texts) + step - 1) / step; len(cases) != want {
				t.Fatalf("%d cases, want %d", len(cases), want)
			}
			wrong := 0
			for i, c := range cases {
				in := string(texts[i*step])
				got := tok.Encode(in, tokenize.Options{AddSpecial: true, ParseSpecial: true})
				if why := differs(tok, got, c.IDs, c.spans()); why != "" {
					if wrong++; wrong <= 5 {
						t.Errorf("text %d %.300q: %s", i*step, in, why)
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%d of %d texts differ", wrong, len(cases))
			}
		})
	}
}

// differs says where an encoding differs from what is wanted, or "".
func differs(tok tokenize.Tokenizer, got tokenize.Encoding, ids []int32, spans []tokenize.Span) string {
	for i := range max(len(ids), len(got.IDs)) {
		if i >= len(ids) || i >= len(got.IDs) || ids[i] != got.IDs[i] {
			return fmt.Sprintf("token %d: got %q, want %q", i, spell(tok, got.IDs, i), spell(tok, ids, i))
		}
		if spans[i] != got.Offsets[i] {
			return fmt.Sprintf("offsets of token %d %q: got %v, want %v", i, spell(tok, ids, i), got.Offsets[i], spans[i])
		}
	}
	return ""
}

func spell(tok tokenize.Tokenizer, ids []int32, from int) []string {
	var out []string
	for _, id := range ids[min(from, len(ids)):min(from+6, len(ids))] {
		s, _ := tok.Token(id)
		out = append(out, s)
	}
	return out
}

func TestSpecialAsPlainText(t *testing.T) {
	t.Parallel()
	texts := eachLine[text](t, "texts.jsonl.gz")
	for _, name := range []string{"smollm2", "minilm", "clip"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tok := load(t, name)
			for _, line := range bytes.Split(bytes.TrimSpace(unzipped(t, name+".plain.jsonl.gz")), []byte("\n")) {
				var at int
				var c encodeCase
				if err := (tuple{&at, &c.IDs, &c.Offsets}).decode(line); err != nil {
					t.Fatal(err)
				}
				got := tok.Encode(string(texts[at]), tokenize.Options{AddSpecial: true})
				if why := differs(tok, got, c.IDs, c.spans()); why != "" {
					t.Errorf("text %d %.300q: %s", at, string(texts[at]), why)
				}
			}
		})
	}
}

type pairCase struct {
	First   string
	Second  *string
	Most    int
	IDs     []int32
	TypeIDs []int32
	Offsets []int
}

func (c *pairCase) UnmarshalJSON(data []byte) error {
	return tuple{&c.First, &c.Second, &c.Most, &c.IDs, &c.TypeIDs, &c.Offsets}.decode(data)
}

func TestPairsAndTruncationLikeReference(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"minilm", "gpt2", "llama3", "xlmr"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tok := load(t, name)
			for i, c := range eachLine[pairCase](t, name+".pairs.jsonl.gz") {
				o := tokenize.Options{AddSpecial: true, ParseSpecial: true, MaxTokens: c.Most}
				var spans []tokenize.Span
				for j := 0; j < len(c.Offsets); j += 2 {
					spans = append(spans, tokenize.Span{Start: c.Offsets[j], End: c.Offsets[j+1]})
				}
				var got, whole tokenize.Encoding
				if c.Second == nil {
					got = tok.Encode(c.First, o)
					o.MaxTokens = 0
					whole = tok.Encode(c.First, o)
				} else {
					got = tok.EncodePair(c.First, *c.Second, o)
					if !slices.Equal(got.TypeIDs, c.TypeIDs) {
						t.Errorf("case %d: type ids %v, want %v", i, got.TypeIDs, c.TypeIDs)
					}
					o.MaxTokens = 0
					whole = tok.EncodePair(c.First, *c.Second, o)
				}
				if why := differs(tok, got, c.IDs, spans); why != "" {
					t.Errorf("case %d, %d tokens at most, %q %v: %s", i, c.Most, c.First, c.Second, why)
				}
				if want := len(whole.IDs) > len(got.IDs); got.Truncated != want || whole.Truncated {
					t.Errorf("case %d: truncated %t, want %t", i, got.Truncated, want)
				}
			}
		})
	}
}

type decodeCase struct {
	IDs         []int32
	All, Spoken string
}

func (c *decodeCase) UnmarshalJSON(data []byte) error {
	return tuple{&c.IDs, &c.All, &c.Spoken}.decode(data)
}

func TestDecodeLikeReference(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"smollm2", "minilm", "gpt2", "dropping", "xlmr", "uniform", "bytefall"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tok := load(t, name)
			for i, c := range eachLine[decodeCase](t, name+".decode.jsonl.gz") {
				for skip, want := range map[bool]string{false: c.All, true: c.Spoken} {
					if got := tok.Decode(c.IDs, skip); got != want {
						t.Errorf("case %d, skip special %t: %v\n got %q\nwant %q", i, skip, c.IDs, got, want)
					}
					if got := streamed(tok, c.IDs, skip); got != want {
						t.Errorf("case %d, skip special %t, streamed: %v\n got %q\nwant %q", i, skip, c.IDs, got, want)
					}
				}
			}
		})
	}
}

func streamed(tok tokenize.Tokenizer, ids []int32, skip bool) string {
	s := tokenize.NewStream(tok, skip)
	var out strings.Builder
	for _, id := range ids {
		out.WriteString(s.Push(id))
	}
	out.WriteString(s.Flush())
	return out.String()
}

// Every golden file has a test that reads it.
func TestGoldensAreUsed(t *testing.T) {
	t.Parallel()
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, name := range tests {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, b...)
	}
	files, err := filepath.Glob("testdata/*.gz")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, _, _ := strings.Cut(filepath.Base(f), ".")
		if !bytes.Contains(source, []byte(`"`+name)) {
			t.Errorf("%s is not used", f)
		}
	}
	if len(files) == 0 || !reflect.DeepEqual(files, slices.Compact(files)) {
		t.Error("no golden files")
	}
}
