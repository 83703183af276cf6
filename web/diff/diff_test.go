package diff

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, a, b, wantA, wantB string }{
		{"equal", "a linen shirt", "a linen shirt", "a linen shirt", "a linen shirt"},
		{"empty", "", "", "", ""},
		{"one empty", "", "a shirt", "", "[a shirt]"},
		{"word replaced", "a linen shirt", "a cotton shirt", "a [linen] shirt", "a [cotton] shirt"},
		{"words added", "a shirt", "a soft, light shirt", "a shirt", "a [soft, light] shirt"},
		{"space is no difference", "a  linen\nshirt", "a linen shirt", "a  linen\nshirt", "a linen shirt"},
		{"sign replaced", "A shirt.", "A shirt!", "A shirt[.]", "A shirt[!]"},
		{"number with point", "costs 12.50 now", "costs 13.50 now", "costs [12.50] now", "costs [13.50] now"},
		{"hyphen and apostrophe", "the mid-rise women’s jean", "the high-rise women’s jean", "the [mid-rise] women’s jean", "the [high-rise] women’s jean"},
		{"case counts", "Linen shirt", "linen shirt", "[Linen] shirt", "[linen] shirt"},
		{"chinese stands alone", "红色裙子", "蓝色裙子", "[红]色裙子", "[蓝]色裙子"},
		{"nothing common", "one two", "three four", "[one two]", "[three four]"},
		{"spaces around", " a b ", " a c ", " a [b] ", " a [c] "},
	}
	for _, c := range cases {
		r := Words(c.a, c.b)
		if a := show(r.A); a != c.wantA {
			t.Errorf("%s: A is %q, want %q", c.name, a, c.wantA)
		}
		if b := show(r.B); b != c.wantB {
			t.Errorf("%s: B is %q, want %q", c.name, b, c.wantB)
		}
	}
}

func TestShared(t *testing.T) {
	t.Parallel()
	cases := []struct {
		a, b string
		want float64
	}{{"", "", 1}, {"a b", "a b", 1}, {"a b", "a c", .5}, {"a", "b", 0}, {"a", "", 0}}
	for _, c := range cases {
		if got := Words(c.a, c.b).Shared; got != c.want {
			t.Errorf("%q, %q: shared %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// The number of common tokens must equal the length of the longest common
// subsequence, found here by the quadratic table.
func TestShortest(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		a, b := randomText(rng), randomText(rng)
		ta, tb := split(a), split(b)
		keepA, keepB, _ := match(ta, tb)
		var ca, cb []string
		for i, k := range keepA {
			if k {
				ca = append(ca, ta[i].text)
			}
		}
		for i, k := range keepB {
			if k {
				cb = append(cb, tb[i].text)
			}
		}
		if strings.Join(ca, " ") != strings.Join(cb, " ") {
			t.Fatalf("%q, %q: common words differ: %q and %q", a, b, ca, cb)
		}
		if want := longest(ta, tb); len(ca) != want {
			t.Fatalf("%q, %q: %d common words, want %d", a, b, len(ca), want)
		}
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3_000, 40_000} {
		a := "same " + strings.Repeat("x y ", n) + "end"
		b := "same " + strings.Repeat("p q ", n) + "end"
		r := Words(a, b)
		if !r.Coarse {
			t.Errorf("%d words: not marked as coarse", n)
		}
		if join(r.A) != a || join(r.B) != b || r.A[0].Text != "same " || r.A[0].Changed {
			t.Errorf("%d words: text was lost or its beginning marked", n)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("a linen shirt", "a cotton shirt")
	f.Add("\xff\xfe a", "a\u0301 \u200d")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 1<<16 {
			return
		}
		r := Words(a, b)
		if join(r.A) != a || join(r.B) != b {
			t.Fatalf("spans of %q and %q do not join to the texts", a, b)
		}
		if r.Shared < 0 || r.Shared > 1 {
			t.Fatalf("shared is %v", r.Shared)
		}
		if s := Words(a, a); s.Shared != 1 {
			t.Fatalf("%q differs from itself", a)
		}
	})
}

func BenchmarkWords(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func() string { return strings.Repeat(string(rune('a'+rng.IntN(20))), 1+rng.IntN(6)) }
	var x, y strings.Builder
	for range 120 {
		x.WriteString(word() + " ")
		y.WriteString(word() + " ")
	}
	for b.Loop() {
		Words(x.String(), y.String())
	}
}

func show(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		if s.Changed {
			b.WriteString("[" + s.Text + "]")
		} else {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

func join(spans []Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

func randomText(rng *rand.Rand) string {
	words := make([]string, rng.IntN(14))
	for i := range words {
		words[i] = string(rune('a' + rng.IntN(4)))
	}
	return strings.Join(words, " ")
}

func longest(a, b []token) int {
	t := make([][]int, len(a)+1)
	for i := range t {
		t[i] = make([]int, len(b)+1)
	}
	for i := range a {
		for j := range b {
			t[i+1][j+1] = max(t[i][j+1], t[i+1][j])
			if a[i].text == b[j].text {
				t[i+1][j+1] = t[i][j] + 1
			}
		}
	}
	return t[len(a)][len(b)]
}
