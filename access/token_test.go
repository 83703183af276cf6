package access

import (
	"bytes"
	"crypto/sha256"
	"hash/crc32"
	"strings"
	"testing"
)

// The printed form is an interface: keys that were given out stay valid.
func TestPrintedForm(t *testing.T) {
	t.Parallel()
	cases := []struct {
		bits byte
		want string
	}{
		{0x00, "ssk_00000000000000000000000000000000000000000001bTYrA"},
		{0xff, "ssk_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp14cD8RU"},
	}
	for _, c := range cases {
		s, err := newSecret(bytes.NewReader(bytes.Repeat([]byte{c.bits}, 32)))
		if err != nil {
			t.Fatal(err)
		}
		text := s.Reveal()
		if text != c.want {
			t.Errorf("%x: %s, want %s", c.bits, text, c.want)
		}
		if f, hash := examine(text); f != proper || hash != sha256.Sum256([]byte(text)) {
			t.Errorf("%s is %v with hash %x", text, f, hash)
		}
		if !hasKey("x=" + text + ".") {
			t.Errorf("%s is not found in a text", text)
		}
	}
	if _, err := newSecret(bytes.NewReader([]byte("short"))); err == nil {
		t.Error("a key was made of too few bits")
	}
}

// Every single wrong character is noticed without a look at any key.
func TestMistyped(t *testing.T) {
	t.Parallel()
	s, err := newSecret(bytes.NewReader(bytes.Repeat([]byte("\x5a\x17"), 16)))
	if err != nil {
		t.Fatal(err)
	}
	text := s.Reveal()
	for i := len(Prefix); i < len(text); i++ {
		wrong := []byte(text)
		wrong[i] = digits[(strings.IndexByte(digits, wrong[i])+1)%len(digits)]
		if f, _ := examine(string(wrong)); f != mistyped {
			t.Errorf("character %d changed: %v", i, f)
		}
	}
	for text, want := range map[string]form{text[:52]: mistyped, text + "0": mistyped, Prefix: mistyped, "sk-other": foreign, "": foreign, "Ssk_" + text[4:]: foreign} {
		if f, _ := examine(text); f != want {
			t.Errorf("%q is %v, want %v", text, f, want)
		}
	}
}

func FuzzExamine(f *testing.F) {
	f.Add("ssk_" + strings.Repeat("0", 49))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		got, hash := examine(text)
		want := len(text) == keySize && strings.HasPrefix(text, Prefix)
		if want {
			var sum [sumSize]byte
			putSum(sum[:], crc32.ChecksumIEEE([]byte(text[:keySize-sumSize])))
			want = text[keySize-sumSize:] == string(sum[:])
		}
		if (got == proper) != want || want && hash != sha256.Sum256([]byte(text)) {
			t.Errorf("%q is %v with hash %x", text, got, hash)
		}
	})
}

func TestRedactor(t *testing.T) {
	t.Parallel()
	s, err := newSecret(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	r := NewRedactor(&b)
	for _, line := range []string{"plain\n", "ssk_ alone\n", "k=" + s.Reveal() + "&x " + s.Reveal() + "\n"} {
		if n, err := r.Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("wrote %d of %d: %v", n, len(line), err)
		}
	}
	if want := "plain\nssk_ alone\nk=ssk_[redacted]&x ssk_[redacted]\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// A check of a key, right or wrong, allocates nothing.
func TestExamineAllocatesNothing(t *testing.T) {
	s, err := newSecret(bytes.NewReader(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	text := s.Reveal()
	if n := testing.AllocsPerRun(100, func() {
		if f, _ := examine(text); f != proper {
			t.Error("not a key")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
