package tokenize

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// BPEFiles is a byte-level BPE tokenizer as GPT-2 was published: a vocabulary
// and its merges, without a tokenizer.json.
type BPEFiles struct {
	Vocab  []byte // vocab.json: tokens in the byte alphabet to numbers
	Merges []byte // merges.txt: a pair a line, best first; a first line that begins with #version is skipped
	// Added are tokens beyond the vocabulary, as in added_tokens.json.
	Added map[string]int32
	// Special are control tokens, such as <|endoftext|>. One that is neither in
	// Vocab nor Added is not a token of the model and is passed over.
	Special []string
	// PrefixSpace puts a space before a text that does not begin with one.
	PrefixSpace bool
}

// FromBPEFiles builds the tokenizer that Hugging Face's GPT2Tokenizer makes of the same files.
func FromBPEFiles(f BPEFiles) (Tokenizer, error) {
	j := jsonFile{
		PreTokenizer: &jsonSplitter{Type: "ByteLevel", AddPrefixSpace: &f.PrefixSpace},
		Decoder:      &jsonDecoder{Type: "ByteLevel"},
		Model:        jsonModel{Type: "BPE"},
	}
	if err := json.Unmarshal(f.Vocab, &j.Model.Vocab.ids); err != nil {
		return nil, fmt.Errorf("read vocab.json: %w", err)
	}
	var err error
	if j.Model.Merges, err = mergeLines(string(f.Merges)); err != nil {
		return nil, fmt.Errorf("read merges.txt: %w", err)
	}
	j.AddedTokens = f.added(j.Model.Vocab.ids)
	t, err := j.build()
	if err != nil {
		return nil, fmt.Errorf("read vocab.json and merges.txt: %w", err)
	}
	return t, nil
}

func mergeLines(text string) ([]jsonMerge, error) {
	lines := strings.Split(text, "\n")
	var merges []jsonMerge
	for i, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || i == 0 && strings.HasPrefix(line, "#version") {
			continue
		}
		pair, err := splitMerge(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		merges = append(merges, pair)
	}
	if merges == nil {
		return nil, errors.New("it has no merges")
	}
	return merges, nil
}

// added lists the added tokens by number. Those of added_tokens.json are control tokens only if they are named as such.
func (f *BPEFiles) added(vocab map[string]int32) []addedToken {
	numbers := map[string]addedToken{}
	for content, id := range f.Added {
		numbers[content] = addedToken{ID: id, Content: content}
	}
	for _, content := range f.Special {
		id, ok := vocab[content]
		if !ok {
			id, ok = f.Added[content]
		}
		if ok && content != "" {
			numbers[content] = addedToken{ID: id, Content: content, Special: true}
		}
	}
	var out []addedToken
	for _, t := range numbers {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b addedToken) int { return int(a.ID) - int(b.ID) })
	return out
}
