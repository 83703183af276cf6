package tokenize

// class says how the reference implementation sees a code point. The bits:
//
//	letter, number   \p{L}, \p{N} of its regular expressions (Unicode 16)
//	numeric          Rust's char::is_numeric (Unicode 17), which Digits uses
//	space            White_Space; the same in all its libraries
//	punctuation      what BertPreTokenizer isolates: ASCII punctuation and category P of Unicode 8
//	control          what clean_text removes: U+0000, U+FFFD, categories Cc, Cf, Co of Unicode 8
//	mark             category Mn of Unicode 8, which strip_accents removes
//	ideograph        what handle_chinese_chars puts spaces around
//	combining        has a combining class in Unicode 9, so that NFD may move it
//	composed         has a canonical decomposition in Unicode 9
//
// Go's own tables are Unicode 15 and would differ on some thousand code points,
// so the classes are measured on the reference, by tools/parity/unicode_classes.py.
type class uint16

// lowerRun is a run of code points, Step apart, whose lower case is Delta away.
type lowerRun struct{ first, last, step, delta int32 }

// asciiClass is classOf for ASCII, spelled out as one table look-up.
var asciiClass = func() (t [128]class) {
	for c := range t {
		t[c] = findClass(rune(c))
	}
	return t
}()

func classOf(r rune) class {
	if r < 0x80 {
		return asciiClass[r]
	}
	return findClass(r)
}

func findClass(r rune) class {
	low, high := 0, len(classStart)
	for high-low > 1 {
		mid := int(uint(low+high) / 2)
		if classStart[mid] <= r {
			low = mid
		} else {
			high = mid
		}
	}
	return classAt[low]
}

func (c class) is(any class) bool { return c&any != 0 }

// lowerCase is Rust's char::to_lowercase but for U+0130, which becomes two code
// points.
func lowerCase(r rune) rune {
	if r < 0x80 {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	low, high := 0, len(lowerRuns)
	for low < high {
		mid := int(uint(low+high) / 2)
		if lowerRuns[mid].last < r {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(lowerRuns) {
		if run := &lowerRuns[low]; r >= run.first && (r-run.first)%run.step == 0 {
			return r + run.delta
		}
	}
	return r
}
