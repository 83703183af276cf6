// Package tokenize turns text into the token numbers of a model and back, equal
// to Hugging Face's tokenizers library.
//
// Key words: tokenizer, encoding, stream.
//
// Three kinds are known: byte-level BPE (GPT-2, SmolLM2, CLIP), WordPiece (BERT) and
// Unigram (SentencePiece, XLM-R). FromJSON reads a tokenizer.json, FromBPEFiles and
// FromCLIPFiles the vocab.json and merges.txt of GPT-2 and of CLIP, FromGGUF the vocabulary in a
// GGUF file's metadata; a component that is not known is refused by name, never skipped.
//
//	t, err := tokenize.FromJSON(data)
//	e := t.Encode("A linen shirt.", tokenize.Options{AddSpecial: true})
//	text := t.Decode(e.IDs, true)
//
// A Tokenizer is safe for concurrent use; a Stream belongs to one goroutine.
// Encoding and decoding cannot fail: invalid UTF-8 counts as the replacement
// characters that Python's errors='replace' puts in its place, and token
// numbers outside the vocabulary decode to nothing.
package tokenize

// Tokenizer is one model's tokenizer. It is implemented in this package only.
type Tokenizer interface {
	// Encode turns text into tokens.
	Encode(text string, o Options) Encoding
	// EncodePair encodes two texts as one sequence, as the model's template joins
	// them. Encoding.TypeIDs says which text a token belongs to.
	EncodePair(first, second string, o Options) Encoding
	// Decode turns tokens into text. With skipSpecial, special tokens are left out.
	Decode(ids []int32, skipSpecial bool) string
	// VocabularySize is one more than the largest token number.
	VocabularySize() int
	// TokenID finds a token by its stored spelling (of BPE: in the byte alphabet,
	// "Ġshirt"), added tokens included.
	TokenID(token string) (int32, bool)
	// Token is the stored spelling of a token number.
	Token(id int32) (string, bool)
	// IsSpecial says whether a token is control text (end of text, padding, a
	// chat marker) and not part of the language.
	IsSpecial(id int32) bool

	// piece appends the bytes that a token adds to a text that so far is empty
	// (first) or not, and says whether it counted as a token at all.
	piece(dst []byte, id int32, first, skipSpecial bool) ([]byte, bool)
}

// Options says how to encode. The zero value adds nothing, reads special tokens
// in the text as plain text and does not truncate.
type Options struct {
	// AddSpecial puts the model's own tokens around the text, [CLS] A [SEP].
	AddSpecial bool
	// ParseSpecial makes the spelling of a special token in the text, such as
	// <|im_start|>, that token. Without it a text from outside cannot forge one.
	ParseSpecial bool
	// MaxTokens truncates to this many tokens, those of AddSpecial included; of a
	// pair the longer text loses tokens first. 0 is no limit.
	MaxTokens int
}

// Span is a half-open range of bytes in the text given to Encode.
type Span struct{ Start, End int }

// Encoding is a tokenised text.
type Encoding struct {
	IDs []int32
	// Offsets holds, for every token, the bytes of the original text that it
	// stands for; the empty span 0,0 for a token that AddSpecial put in.
	Offsets []Span
	// TypeIDs is 0 for the first text and its special tokens, 1 for the second;
	// nil unless EncodePair made the encoding.
	TypeIDs []int32
	// Truncated says that MaxTokens cut something off.
	Truncated bool
	// Unknown is how many of IDs stand for text that the vocabulary does not have.
	Unknown int
}

// GGUFVocabulary is what a GGUF file's metadata says about its tokenizer, under
// the keys tokenizer.ggml.*.
type GGUFVocabulary struct {
	Model  string   // model: "gpt2" is byte-level BPE
	Pre    string   // pre: the pre-tokenizer, "smollm" or "gpt-2"
	Tokens []string // tokens
	Types  []int32  // token_type: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
	Merges []string // merges: pairs separated by one space, best first

	// Numbers of the marked tokens; -1 if the file has none.
	BOS, EOS, UNK, PAD int32
	// AddBOS and AddEOS make AddSpecial put these tokens around a text.
	AddBOS, AddEOS bool
	// SplitDigits isolates every digit before anything else, as SmolLM2's own
	// tokenizer.json and llama.cpp do and transformers with gguf_file= does not. It
	// matters only where other than one space stands before a digit or a digit
	// follows a line break: two breaks before "1." are one token with it, two without.
	SplitDigits bool
}
