package tokenize

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// pythonReplaces holds bytes and Python's bytes.decode('utf-8', errors='replace').
func pythonReplaces() [][2]string {
	return [][2]string{
		{"", ""},
		{"\x61\x62\x63", "abc"},
		{"\xc3\xa9", "é"},
		{"\xc3", "\uFFFD"},
		{"\xc3\x28", "\uFFFD("},
		{"\xe2\x82", "\uFFFD"},
		{"\xe2\x82\xac", "€"},
		{"\xe2\x28\xa1", "\uFFFD(\uFFFD"},
		{"\xe2\x82\x28", "\uFFFD("},
		{"\xf0\x9f\x98", "\uFFFD"},
		{"\xf0\x9f\x98\x80", "😀"},
		{"\xf0\x9f\x61", "\uFFFDa"},
		{"\xf0\x28\x8c\xbc", "\uFFFD(\uFFFD\uFFFD"},
		{"\xf0\x80\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
		{"\xc0\xaf", "\uFFFD\uFFFD"},
		{"\xe0\x80\xaf", "\uFFFD\uFFFD\uFFFD"},
		{"\xe0\x9f\xbf", "\uFFFD\uFFFD\uFFFD"},
		{"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
		{"\xed\x9f\xbf", "\uD7FF"},
		{"\xf4\x8f\xbf\xbf", "\U0010FFFF"},
		{"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
		{"\xf5\x80\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
		{"\xff\xfe", "\uFFFD\uFFFD"},
		{"\x80\x80", "\uFFFD\uFFFD"},
		{"\x61\xe2\x82\xe2\x82\xac\xf0\x9f", "a\uFFFD€\uFFFD"},
		{"\xf0\x9f\xf0\x9f\x98\x80\x98", "\uFFFD😀\uFFFD"},
		{"\xef\xbf\xbd\xef\xbf", "\uFFFD\uFFFD"},
	}
}

func TestReplaceInvalidLikePython(t *testing.T) {
	t.Parallel()
	for _, c := range pythonReplaces() {
		if got := replaceInvalid(c[0]); got != c[1] {
			t.Errorf("%x: got %q, want %q", c[0], got, c[1])
		}
	}
}

// Cutting at completeLength must never change what the whole becomes.
func FuzzCompleteLength(f *testing.F) {
	for _, c := range pythonReplaces() {
		f.Add([]byte(c[0]), 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		if len(b) > 0 {
			cut = int(uint(cut) % uint(len(b)))
		} else {
			cut = 0
		}
		n := completeLength(b[:cut])
		if cut-n > 3 {
			t.Fatalf("%x: %d bytes held back", b[:cut], cut-n)
		}
		whole := replaceInvalid(b)
		if got := replaceInvalid(b[:n]) + replaceInvalid(b[n:]); got != whole {
			t.Fatalf("%x cut at %d: %q, whole %q", b, n, got, whole)
		}
		if !utf8.ValidString(whole) {
			t.Fatalf("%x gives invalid text", b)
		}
	})
}

// Both ways to merge must give the same, as words are of any length.
func TestMergeShortEqualsMergeLong(t *testing.T) {
	t.Parallel()
	spelled := map[string]int32{}
	for i, s := range []string{"a", "b", "c", "aa", "ab", "ba", "aab", "abc", "aaaa", "bab", "cab", "abab", "cc", "cca"} {
		spelled[s] = int32(i)
	}
	merges := [][2]string{{"b", "a"}, {"a", "a"}, {"a", "b"}, {"aa", "b"}, {"ab", "c"}, {"aa", "aa"}, {"b", "ab"}, {"c", "ab"}, {"ab", "ab"}, {"c", "c"}, {"cc", "a"}}
	b, err := newBPE(spelled, merges, bpeOptions{size: len(spelled)})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		word := make([]byte, 2+r.IntN(60))
		for i := range word {
			word[i] = "abc"[r.IntN(3)]
		}
		var results [2][]int32
		for i, merge := range []func(*work){b.mergeShort, b.mergeLong} {
			var w work
			b.fill(&w, string(word))
			for j := range w.symbols[:len(w.symbols)-1] {
				b.setPair(&w.symbols[j], w.symbols[j+1].id)
			}
			w.symbols[len(w.symbols)-1].rank = noMerge
			merge(&w)
			for _, s := range w.symbols {
				results[i] = append(results[i], s.id)
			}
		}
		if !slices.Equal(results[0], results[1]) {
			t.Fatalf("%s: %v and %v", word, results[0], results[1])
		}
	}
}

func TestAlphabetRoundTrip(t *testing.T) {
	t.Parallel()
	seen := map[rune]bool{}
	for c, r := range alphabet {
		s := string([]byte{byte(c)})
		back, ok := fromAlphabet(toAlphabet(s))
		if !ok || back != s || seen[r] {
			t.Errorf("byte %#x is spelled %q and read as %q", c, r, back)
		}
		seen[r] = true
	}
	if _, ok := fromAlphabet("a b"); ok {
		t.Error("a space is in the alphabet")
	}
}
