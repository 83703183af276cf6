package tokenize

import "errors"

// FromGGUF builds the tokenizer that a GGUF file describes.
func FromGGUF(v GGUFVocabulary) (Tokenizer, error) {
	return nil, errors.New("read GGUF vocabulary: not supported")
}
