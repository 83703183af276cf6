package metric

import "unicode"

// class is the part of a character's category that the intl tokenizer looks at.
type class uint8

const (
	classOther class = iota
	classPunctuation
	classSymbol
	classNumber
)

// classOf follows the Unicode 17 tables of Python's regex module, which
// sacrebleu uses: Go's own tables (Unicode 15) and what was assigned since.
func classOf(r rune) class {
	switch {
	case unicode.Is(unicode.P, r):
		return classPunctuation
	case unicode.Is(unicode.S, r):
		return classSymbol
	case unicode.Is(unicode.N, r):
		return classNumber
	case r < 0x1b4e:
		return classOther
	}
	lo, hi := 0, len(newerClasses)
	for lo < hi {
		mid := (lo + hi) / 2
		switch c := &newerClasses[mid]; {
		case r < c.low:
			hi = mid
		case r > c.high:
			lo = mid + 1
		default:
			return c.class
		}
	}
	return classOther
}

// newerClasses are the characters of Unicode 15.1 to 17 in categories P, S and
// N, in order.
var newerClasses = [...]struct {
	low, high rune
	class     class
}{
	{0x1b4e, 0x1b4f, classPunctuation},
	{0x1b7f, 0x1b7f, classPunctuation},
	{0x20c1, 0x20c4, classSymbol},
	{0x2427, 0x2429, classSymbol},
	{0x2b96, 0x2b96, classSymbol},
	{0x2e60, 0x2e63, classPunctuation},
	{0x2ffc, 0x2fff, classSymbol},
	{0x31e4, 0x31e5, classSymbol},
	{0x31ef, 0x31ef, classSymbol},
	{0xfbc3, 0xfbd2, classSymbol},
	{0xfd90, 0xfd91, classSymbol},
	{0xfdc8, 0xfdce, classSymbol},
	{0x10d40, 0x10d49, classNumber},
	{0x10d6e, 0x10d6e, classPunctuation},
	{0x10d8e, 0x10d8f, classSymbol},
	{0x10ec9, 0x10eca, classSymbol},
	{0x10ed0, 0x10ed0, classPunctuation},
	{0x10ed1, 0x10ed8, classSymbol},
	{0x113d4, 0x113d5, classPunctuation},
	{0x113d7, 0x113d8, classPunctuation},
	{0x116d0, 0x116e3, classNumber},
	{0x11be1, 0x11be1, classPunctuation},
	{0x11bf0, 0x11bf9, classNumber},
	{0x11de0, 0x11de9, classNumber},
	{0x1246f, 0x1246f, classNumber},
	{0x12475, 0x1247f, classNumber},
	{0x12550, 0x12686, classNumber},
	{0x16130, 0x16139, classNumber},
	{0x16d6d, 0x16d6f, classPunctuation},
	{0x16d70, 0x16d79, classNumber},
	{0x16ff4, 0x16ff6, classNumber},
	{0x1cc00, 0x1ccef, classSymbol},
	{0x1ccf0, 0x1ccf9, classNumber},
	{0x1ccfa, 0x1ccfc, classSymbol},
	{0x1cd00, 0x1ceb3, classSymbol},
	{0x1ceba, 0x1ced0, classSymbol},
	{0x1ced2, 0x1ced4, classSymbol},
	{0x1cedd, 0x1cefd, classSymbol},
	{0x1d1eb, 0x1d1ff, classSymbol},
	{0x1d253, 0x1d25a, classSymbol},
	{0x1d25d, 0x1d25e, classSymbol},
	{0x1d260, 0x1d27f, classSymbol},
	{0x1db00, 0x1db1c, classSymbol},
	{0x1e5f1, 0x1e5fa, classNumber},
	{0x1e5ff, 0x1e5ff, classPunctuation},
	{0x1f1ae, 0x1f1ae, classSymbol},
	{0x1f6d8, 0x1f6d9, classSymbol},
	{0x1f777, 0x1f77a, classSymbol},
	{0x1f7da, 0x1f7db, classSymbol},
	{0x1f7f1, 0x1f7ff, classSymbol},
	{0x1f8b2, 0x1f8bb, classSymbol},
	{0x1f8c0, 0x1f8c1, classSymbol},
	{0x1f8d0, 0x1f8d8, classSymbol},
	{0x1fa54, 0x1fa57, classSymbol},
	{0x1fa89, 0x1fa8f, classSymbol},
	{0x1fabe, 0x1fabe, classSymbol},
	{0x1fac6, 0x1fac6, classSymbol},
	{0x1fac8, 0x1fac8, classSymbol},
	{0x1facc, 0x1facd, classSymbol},
	{0x1fadc, 0x1fadd, classSymbol},
	{0x1fadf, 0x1fadf, classSymbol},
	{0x1fae9, 0x1faeb, classSymbol},
	{0x1faef, 0x1faef, classSymbol},
	{0x1faf9, 0x1fafa, classSymbol},
	{0x1fbcb, 0x1fbef, classSymbol},
	{0x1fbfa, 0x1fbfa, classSymbol},
}
