package engine

import (
	"errors"
	"fmt"
	"path/filepath"

	"stylesprint/engine/tokenize"
)

// folderTokenizer reads the tokenizer of a Hugging Face folder: tokenizer.json or, as GPT-2 was
// published, vocab.json with merges.txt.
func (l location) folderTokenizer() (tokenize.Tokenizer, error) {
	data, err := l.readSmall("tokenizer.json")
	if err != nil {
		return nil, err
	}
	if data != nil {
		return tokenize.FromJSON(data)
	}
	files := tokenize.BPEFiles{}
	if files.Vocab, err = l.readSmall("vocab.json"); err != nil {
		return nil, err
	}
	if files.Merges, err = l.readSmall("merges.txt"); err != nil {
		return nil, err
	}
	if files.Vocab != nil && files.Merges != nil {
		return l.bpeTokenizer(files)
	}
	for _, name := range []string{"sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "vocab.txt", "vocab.json", "merges.txt"} {
		if fileExists(filepath.Join(l.folder, name)) {
			return nil, fmt.Errorf("the folder has no tokenizer.json, and %s alone is not read; "+
				"load the tokenizer with transformers and save_pretrained it again, which writes tokenizer.json", name)
		}
	}
	return nil, errors.New("the folder has no tokenizer.json")
}

// bpeTokenizer adds to GPT-2's two files what those beside them say.
func (l location) bpeTokenizer(files tokenize.BPEFiles) (tokenize.Tokenizer, error) {
	type named struct {
		BOS    *tokenName `json:"bos_token"`
		EOS    *tokenName `json:"eos_token"`
		UNK    *tokenName `json:"unk_token"`
		PAD    *tokenName `json:"pad_token"`
		Prefix bool       `json:"add_prefix_space"`
	}
	files.Special = []string{"<|endoftext|>"} // transformers' default for all of them
	for _, name := range []string{"tokenizer_config.json", "special_tokens_map.json"} {
		var n named
		if err := l.readJSON(name, &n); err != nil {
			return nil, err
		}
		for _, token := range []*tokenName{n.BOS, n.EOS, n.UNK, n.PAD} {
			if token != nil && *token != "" {
				files.Special = append(files.Special, string(*token))
			}
		}
		files.PrefixSpace = files.PrefixSpace || n.Prefix
	}
	if err := l.readJSON("added_tokens.json", &files.Added); err != nil {
		return nil, err
	}
	return tokenize.FromBPEFiles(files)
}
