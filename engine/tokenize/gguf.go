package tokenize

import (
	"fmt"
)

// Token types of GGUF that matter here.
const (
	ggufControl     = 3
	ggufUserDefined = 4
)

// FromGGUF builds the tokenizer that a GGUF file describes, the way Hugging
// Face's transformers does when it is given the file (gguf_file=): with the
// pre-tokenizer of GPT-2 for "gpt-2" and for "smollm". What SmolLM2 was trained
// with isolates digits first; see GGUFVocabulary.SplitDigits.
func FromGGUF(v GGUFVocabulary) (Tokenizer, error) {
	t, err := v.build()
	if err != nil {
		return nil, fmt.Errorf("read GGUF vocabulary: %w", err)
	}
	return t, nil
}

func (v *GGUFVocabulary) build() (*tokenizer, error) {
	if v.Model != "gpt2" {
		return nil, fmt.Errorf("tokenizer.ggml.model %q is not supported (gpt2 is)", v.Model)
	}
	if v.Pre != "smollm" && v.Pre != "gpt-2" {
		return nil, fmt.Errorf("tokenizer.ggml.pre %q is not supported (smollm and gpt-2 are)", v.Pre)
	}
	if len(v.Types) != 0 && len(v.Types) != len(v.Tokens) {
		return nil, fmt.Errorf("%d token types for %d tokens", len(v.Types), len(v.Tokens))
	}
	known, err := v.vocabulary()
	if err != nil {
		return nil, err
	}
	t, err := known.tokenizer()
	if err != nil {
		return nil, err
	}
	merges := make([][2]string, len(v.Merges))
	for i, m := range v.Merges {
		if merges[i], err = splitMerge(m); err != nil {
			return nil, err
		}
	}
	b, err := newBPE(known.spelled, merges, bpeOptions{size: len(t.tokens)})
	if err != nil {
		return nil, err
	}
	if v.SplitDigits {
		b.stages = append(b.stages, scanDigit)
	}
	b.stages = append(b.stages, scanGPT2)
	t.useBPE(b, known)
	return t, v.addTemplate(t)
}

// vocabulary spells all tokens in the byte alphabet and picks the added ones:
// control tokens and the marked ones are special, user-defined ones are not.
func (v *GGUFVocabulary) vocabulary() (vocabulary, error) {
	known := vocabulary{spelled: make(map[string]int32, len(v.Tokens))}
	inAlphabet := make([]bool, len(v.Tokens))
	for i, s := range v.Tokens {
		spelling := s
		if _, inAlphabet[i] = fromAlphabet(s); !inAlphabet[i] {
			spelling = toAlphabet(s)
		}
		if other, ok := known.spelled[spelling]; ok {
			return known, fmt.Errorf("tokens %d and %d are both %q", other, i, s)
		}
		known.spelled[spelling] = int32(i)
	}
	added := map[int32]bool{}
	add := func(id int32, special bool) {
		if !added[id] && inAlphabet[id] && v.Tokens[id] != "" {
			added[id] = true
			known.added = append(known.added, addedToken{ID: id, Content: v.Tokens[id], Special: special})
		}
	}
	for i, kind := range v.Types {
		if kind == ggufControl {
			add(int32(i), true)
		}
	}
	for _, marked := range []struct {
		name string
		id   int32
	}{{"bos", v.BOS}, {"eos", v.EOS}, {"unknown", v.UNK}, {"padding", v.PAD}} {
		if marked.id < -1 || int(marked.id) >= len(v.Tokens) {
			return known, fmt.Errorf("the %s token is number %d of %d", marked.name, marked.id, len(v.Tokens))
		}
		if marked.id >= 0 {
			add(marked.id, true)
		}
	}
	for i, kind := range v.Types {
		if kind == ggufUserDefined {
			add(int32(i), false)
		}
	}
	return known, nil
}

// addTemplate puts the tokens around a text that the file asks for.
func (v *GGUFVocabulary) addTemplate(t *tokenizer) error {
	t.post.one, t.post.two = nil, nil
	for text := range 2 {
		parts := []templatePart{{text: text, typeID: int32(text)}}
		if v.AddBOS {
			if v.BOS < 0 {
				return fmt.Errorf("add_bos_token is set, but there is no such token")
			}
			parts = append([]templatePart{{text: -1, ids: []int32{v.BOS}, typeID: int32(text)}}, parts...)
		}
		if v.AddEOS {
			if v.EOS < 0 {
				return fmt.Errorf("add_eos_token is set, but there is no such token")
			}
			parts = append(parts, templatePart{text: -1, ids: []int32{v.EOS}, typeID: int32(text)})
		}
		if text == 0 {
			t.post.one = parts
		}
		t.post.two = append(t.post.two, parts...)
	}
	return nil
}
