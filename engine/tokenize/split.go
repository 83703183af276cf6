package tokenize

import (
	"fmt"
	"unicode/utf8"
)

// A scanner returns the length of the first piece of s, which is valid UTF-8 and
// not empty. Cutting off piece after piece gives what the reference's regular
// expression finds, without backtracking.
type scanner func(s string) int

// Regular expressions that tokenizer.json files split with, and their scanners.
const (
	patternGPT2 = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

	contractions = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|`
	lineEnds     = `| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

	patternLlama3 = contractions + `[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}` + lineEnds
	patternQwen2  = contractions + `[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}` + lineEnds
)

func patternScanner(pattern string) (scanner, error) {
	switch pattern {
	case patternGPT2:
		return scanGPT2, nil
	case patternLlama3:
		return func(s string) int { return scanLines(s, 3) }, nil
	case patternQwen2:
		return func(s string) int { return scanLines(s, 1) }, nil
	case patternCLIP:
		return scanCLIP, nil
	case patternCLIPMarked:
		return scanCLIPMarked, nil
	}
	return nil, fmt.Errorf("pattern %q is not supported (those of GPT-2, Llama 3, Qwen 2 and CLIP are)", pattern)
}

// leavesSpaces tells whether a pattern matches everything but white space; the
// others match all.
func leavesSpaces(pattern string) bool { return pattern == patternCLIP || pattern == patternCLIPMarked }

// scanGPT2 follows patternGPT2.
func scanGPT2(s string) int {
	if n := contraction(s); n > 0 {
		return n
	}
	start := 0
	if s[0] == ' ' {
		start = 1
	}
	if start < len(s) {
		c, n := classAtStart(s[start:])
		switch {
		case c.is(letter):
			return run(s, start+n, letter)
		case c.is(number):
			return run(s, start+n, number)
		case !c.is(space):
			return runWithout(s, start+n, space|letter|number)
		}
	}
	return spaces(s)
}

// scanLines follows patternLlama3 and patternQwen2, which differ in how many
// digits make a piece.
func scanLines(s string, digits int) int {
	if n := anyCaseContraction(s); n > 0 {
		return n
	}
	c, n := classAtStart(s)
	if c.is(letter) {
		return run(s, n, letter)
	}
	if c.is(number) {
		return atMost(s, n, digits)
	}
	if s[0] != '\r' && s[0] != '\n' && n < len(s) {
		if c, m := classAtStart(s[n:]); c.is(letter) {
			return run(s, n+m, letter)
		}
	}
	start := 0
	if s[0] == ' ' && len(s) > 1 {
		start = 1
	}
	if c, n := classAtStart(s[start:]); !c.is(space | letter | number) {
		end := runWithout(s, start+n, space|letter|number)
		for end < len(s) && (s[end] == '\r' || s[end] == '\n') {
			end++
		}
		return end
	}
	end := run(s, 0, space)
	for i := end; i > 0; i-- {
		if s[i-1] == '\r' || s[i-1] == '\n' {
			return i
		}
	}
	return spaces(s)
}

// scanDigit isolates every numeric character.
func scanDigit(s string) int {
	c, n := classAtStart(s)
	if c.is(numeric) {
		return n
	}
	return runWithout(s, n, numeric)
}

// scanDigits keeps runs of numeric characters together.
func scanDigits(s string) int {
	c, n := classAtStart(s)
	if c.is(numeric) {
		return run(s, n, numeric)
	}
	return runWithout(s, n, numeric)
}

// contraction measures 's|'t|'re|'ve|'m|'ll|'d.
func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if len(s) > 2 && s[2] == 'e' {
			return 3
		}
	case 'l':
		if len(s) > 2 && s[2] == 'l' {
			return 3
		}
	}
	return 0
}

// anyCaseContraction is contraction in either case; Oniguruma folds U+017F, the
// long s, to s.
func anyCaseContraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] | 0x20 {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if len(s) > 2 && s[2]|0x20 == 'e' {
			return 3
		}
	case 'l':
		if len(s) > 2 && s[2]|0x20 == 'l' {
			return 3
		}
	}
	if len(s) > 2 && s[1:3] == "\u017F" {
		return 3
	}
	return 0
}

// spaces measures \s+(?!\S)|\s+: a run of white space, but for its last
// character if text follows.
func spaces(s string) int {
	end, last := 0, 0
	for end < len(s) {
		c, n := classAtStart(s[end:])
		if !c.is(space) {
			break
		}
		last, end = end, end+n
	}
	if end < len(s) && last > 0 {
		return last
	}
	return end
}

func classAtStart(s string) (class, int) {
	if s[0] < utf8.RuneSelf {
		return asciiClass[s[0]], 1
	}
	r, n := utf8.DecodeRuneInString(s)
	return classOf(r), n
}

// run is the end of the run of characters of some class from start on.
func run(s string, start int, any class) int {
	for start < len(s) {
		c, n := classAtStart(s[start:])
		if !c.is(any) {
			break
		}
		start += n
	}
	return start
}

func runWithout(s string, start int, any class) int {
	for start < len(s) {
		c, n := classAtStart(s[start:])
		if c.is(any) {
			break
		}
		start += n
	}
	return start
}

// atMost is the end of a run of numbers of which one is measured already.
func atMost(s string, start, most int) int {
	for i := 1; i < most && start < len(s); i++ {
		c, n := classAtStart(s[start:])
		if !c.is(number) {
			break
		}
		start += n
	}
	return start
}
