package tokenize

import (
	"errors"
	"fmt"
	"strings"
)

// vocabulary is the tokens of a model and those added to them.
type vocabulary struct {
	spelled map[string]int32
	added   []addedToken
}

// tokenizer starts a tokenizer with everything that does not depend on the
// model.
func (v vocabulary) tokenizer() (*tokenizer, error) {
	if len(v.spelled) == 0 {
		return nil, errors.New("the vocabulary is empty")
	}
	t := &tokenizer{post: postProcessor{unknown: -1}, ids: map[string]int32{}, special: map[int32]bool{}, addedByID: map[int32]bool{}}
	// Numbers may have gaps, but not such that a small file asks for much memory.
	most := int32(min(16*(len(v.spelled)+len(v.added))+4096, 1<<30))
	size := int32(0)
	number := func(s string, id int32) error {
		if id < 0 || id >= most {
			return fmt.Errorf("token %q has number %d, but the vocabulary has %d tokens", s, id, len(v.spelled))
		}
		size = max(size, id+1)
		return nil
	}
	for s, id := range v.spelled {
		if err := number(s, id); err != nil {
			return nil, err
		}
	}
	for _, a := range v.added {
		if err := number(a.Content, a.ID); err != nil {
			return nil, err
		}
		if id, ok := v.spelled[a.Content]; ok && id != a.ID {
			return nil, fmt.Errorf("token %q has number %d in the vocabulary and %d among the added tokens", a.Content, id, a.ID)
		}
	}
	t.tokens = make([]string, size)
	for s, id := range v.spelled {
		if t.tokens[id] != "" {
			return nil, fmt.Errorf("tokens %q and %q have the same number %d", s, t.tokens[id], id)
		}
		t.tokens[id] = s
	}
	for _, a := range v.added {
		if a.Content == "" {
			continue
		}
		t.tokens[a.ID] = a.Content
		t.ids[a.Content] = a.ID
		t.addedByID[a.ID] = true
		if a.Special {
			t.special[a.ID] = true
		}
	}
	t.raw = newMatcher(v.spellings(false, func(s string) string { return s }))
	return t, nil
}

// normalizedMatcher looks for the tokens that are to be found in normalised
// text.
func (v vocabulary) normalizedMatcher(normalize func(string) string) *matcher {
	return newMatcher(v.spellings(true, normalize))
}

// addNormalized is normalizedMatcher for a model with a normaliser; such tokens are also spelled, from number to
// text, as they come out of it.
func (t *tokenizer) addNormalized(v vocabulary, normalize func(string) string) *matcher {
	for _, a := range v.added {
		if a.Normalized && a.Content != "" {
			t.tokens[a.ID] = normalize(a.Content)
		}
	}
	return v.normalizedMatcher(normalize)
}

func (v vocabulary) spellings(normalized bool, normalize func(string) string) map[string]addedToken {
	out := map[string]addedToken{}
	for _, a := range v.added {
		if a.Normalized == normalized && a.Content != "" {
			if s := normalize(a.Content); s != "" {
				out[s] = a
			}
		}
	}
	return out
}

// useBPE completes a tokenizer with a byte-level model.
func (t *tokenizer) useBPE(b *bpe, v vocabulary) {
	t.model = b
	t.post.unknown = b.unknown
	t.normalized = v.normalizedMatcher(func(s string) string { return s })
	t.spelled = newByteDecoder(t.tokens)
	t.decoder = t.spelled
	t.vocabulary = func(s string) (int32, bool) {
		raw, ok := fromAlphabet(s)
		if !ok {
			return 0, false
		}
		id, ok := b.words[raw]
		return id, ok
	}
	for s, id := range v.spelled {
		if _, ok := fromAlphabet(s); !ok {
			t.ids[s] = id
		}
	}
}

// check makes sure that the template's tokens exist.
func (p *postProcessor) check(size int) error {
	for _, parts := range [][]templatePart{p.one, p.two} {
		for _, part := range parts {
			for _, id := range part.ids {
				if id < 0 || int(id) >= size {
					return fmt.Errorf("post_processor: token %d is not in the vocabulary", id)
				}
			}
		}
	}
	return nil
}

func splitMerge(s string) ([2]string, error) {
	left, right, ok := strings.Cut(s, " ")
	if !ok || left == "" || right == "" || strings.Contains(right, " ") {
		return [2]string{}, fmt.Errorf("merge %q is not a pair", s)
	}
	return [2]string{left, right}, nil
}
