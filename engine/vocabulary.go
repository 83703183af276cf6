package engine

import (
	"encoding/json"
	"errors"
	"fmt"

	"stylesprint/engine/hub"
	"stylesprint/engine/tokenize"
)

// vocabulary is everything about a language model that concerns text.
type vocabulary struct {
	tokenizer tokenize.Tokenizer
	ends      map[int32]bool // tokens that end an answer
	chat      *chatTemplate  // nil if the model has none that works
	chatErr   error          // why its own does not work
}

// endings are special tokens that end an answer wherever they are known, as
// in llama.cpp: files often name only one of them.
func endings() []string {
	return []string{"<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<end_of_turn>", "</s>"}
}

func newVocabulary(t tokenize.Tokenizer, ends []int32, template string, named map[string]string) *vocabulary {
	v := &vocabulary{tokenizer: t, ends: map[int32]bool{}}
	for _, id := range ends {
		v.ends[id] = true
	}
	for _, token := range endings() {
		if id, ok := t.TokenID(token); ok && t.IsSpecial(id) {
			v.ends[id] = true
		}
	}
	if template == "" {
		return v
	}
	var marked []string
	for id := range int32(t.VocabularySize()) {
		if s, ok := t.Token(id); ok && t.IsSpecial(id) {
			marked = append(marked, s)
		}
	}
	var err error
	if v.chat, err = parseChatTemplate(template, named, marked); err != nil {
		v.chatErr = fmt.Errorf("%w (its own cannot be used: %w)", ErrNoChatTemplate, err)
	}
	return v
}

// ggufVocabulary reads the metadata of a GGUF file.
func ggufVocabulary(meta hub.Metadata) (*vocabulary, error) {
	const key = "tokenizer.ggml."
	g := tokenize.GGUFVocabulary{}
	g.Model, _ = meta.String(key + "model")
	g.Pre, _ = meta.String(key + "pre")
	g.Tokens, _ = meta.Strings(key + "tokens")
	g.Types, _ = meta.Int32s(key + "token_type")
	g.Merges, _ = meta.Strings(key + "merges")
	g.AddBOS, _ = meta.Bool(key + "add_bos_token")
	g.AddEOS, _ = meta.Bool(key + "add_eos_token")
	id := func(name string) int32 {
		v, ok := meta.Int(key + name)
		if !ok || v < 0 || v >= len(g.Tokens) {
			return -1
		}
		return int32(v)
	}
	g.BOS, g.EOS, g.UNK, g.PAD = id("bos_token_id"), id("eos_token_id"), id("unknown_token_id"), id("padding_token_id")
	t, err := tokenize.FromGGUF(g)
	if err != nil {
		return nil, err
	}
	named := map[string]string{}
	for name, id := range map[string]int32{"bos_token": g.BOS, "eos_token": g.EOS, "unk_token": g.UNK, "pad_token": g.PAD} {
		if id >= 0 {
			named[name] = g.Tokens[id]
		}
	}
	var ends []int32
	for _, id := range []int32{g.EOS, id("eot_token_id")} {
		if id >= 0 {
			ends = append(ends, id)
		}
	}
	template, _ := meta.String("tokenizer.chat_template")
	return newVocabulary(t, ends, template, named), nil
}

// tokenName is a token in tokenizer_config.json: its text, or an object with it.
type tokenName string

func (n *tokenName) UnmarshalJSON(b []byte) error {
	var s *string
	if json.Unmarshal(b, &s) == nil {
		if s != nil {
			*n = tokenName(*s)
		}
		return nil
	}
	var o struct {
		Content string `json:"content"`
	}
	err := json.Unmarshal(b, &o)
	*n = tokenName(o.Content)
	return err
}

// templateText is the chat template in tokenizer_config.json: text, or a list
// of named ones.
type templateText string

func (t *templateText) UnmarshalJSON(b []byte) error {
	var s *string
	if json.Unmarshal(b, &s) == nil {
		if s != nil {
			*t = templateText(*s)
		}
		return nil
	}
	var list []struct {
		Name     string `json:"name"`
		Template string `json:"template"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return errors.New("chat_template is neither text nor a list of named templates")
	}
	for _, e := range list {
		if e.Name == "default" {
			*t = templateText(e.Template)
		}
	}
	return nil
}

type tokenizerConfig struct {
	BOS      tokenName    `json:"bos_token"`
	EOS      tokenName    `json:"eos_token"`
	UNK      tokenName    `json:"unk_token"`
	PAD      tokenName    `json:"pad_token"`
	Template templateText `json:"chat_template"`
}

// endIDs is eos_token_id in config.json: a number or a list.
type endIDs []int32

func (e *endIDs) UnmarshalJSON(b []byte) error {
	var one *int32
	if json.Unmarshal(b, &one) == nil {
		if one != nil {
			*e = endIDs{*one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]int32)(e))
}

// folderVocabulary reads the text side of a Hugging Face folder.
func (l location) folderVocabulary() (*vocabulary, error) {
	t, err := l.folderTokenizer()
	if err != nil {
		return nil, err
	}
	var c tokenizerConfig
	if err := l.readJSON("tokenizer_config.json", &c); err != nil {
		return nil, err
	}
	var end struct {
		IDs endIDs `json:"eos_token_id"`
	}
	for _, name := range []string{"config.json", "generation_config.json"} { // the later one wins
		if err := l.readJSON(name, &end); err != nil {
			return nil, err
		}
	}
	if id, ok := t.TokenID(string(c.EOS)); ok && c.EOS != "" {
		end.IDs = append(end.IDs, id)
	}
	template, err := l.readSmall("chat_template.jinja")
	if err != nil {
		return nil, err
	}
	if len(template) == 0 {
		template = []byte(c.Template)
	}
	named := map[string]string{}
	for name, token := range map[string]tokenName{"bos_token": c.BOS, "eos_token": c.EOS, "unk_token": c.UNK, "pad_token": c.PAD} {
		if token != "" {
			named[name] = string(token)
		}
	}
	return newVocabulary(t, end.IDs, string(template), named), nil
}

// readJSON reads a file into v; a missing file leaves v as it is.
func (l location) readJSON(name string, v any) error {
	data, err := l.readSmall(name)
	if err != nil || data == nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}
