package tokenize

import "unicode/utf8"

// clusterClass says how the reference implementation sees a code point within extended grapheme clusters
// (Unicode Standard Annex 29, in the version of its unicode-segmentation crate). The bits:
//
//	extends         joins what stands before: GCB Extend, ZWJ, SpacingMark
//	prepends        joins what stands behind: GCB Prepend
//	breaks          joins nothing: GCB Control, CR, LF; below U+10000 only, where it matters
//	picture         Extended_Pictographic
//	pictureExtends  of extends: may stand between a picture and its joiner (not SpacingMark)
//	consonant, linker, linkerExtends   InCB Consonant, Linker and, for what may stand between, Extend
//	lead, vowel, trail                 Hangul jamo; syllables follow from their numbers
//	expands         has a decomposition in the reference's NFKD (Unicode 9)
//
// Regional indicators have no bit: what they join is too long for anybody to look at.
type clusterClass uint16

func clusterClassOf(r rune) clusterClass {
	low, high := 0, len(clusterStart)
	for high-low > 1 {
		mid := int(uint(low+high) / 2)
		if clusterStart[mid] <= r {
			low = mid
		} else {
			high = mid
		}
	}
	return clusterAt[low]
}

func (c clusterClass) is(any clusterClass) bool { return c&any != 0 }

// clusterState is what the rules need to know of the characters before.
type clusterState struct {
	last    rune
	class   clusterClass
	picture int // 1 after a picture and what extends it, 2 after a joiner behind that
	letters int // 1 after a consonant and what may follow it, 2 after a linker behind that
}

const zeroWidthJoiner = 0x200D

// add takes the next character of a cluster.
func (s *clusterState) add(r rune, c clusterClass) {
	s.last, s.class = r, c
	switch {
	case c.is(picture):
		s.picture = 1
	case s.picture > 0 && r == zeroWidthJoiner:
		s.picture = 2
	case s.picture == 1 && c.is(pictureExtends):
	default:
		s.picture = 0
	}
	switch {
	case c.is(consonant):
		s.letters = 1
	case s.letters > 0 && c.is(linker):
		s.letters = 2
	case s.letters > 0 && c.is(linkerExtends):
	default:
		s.letters = 0
	}
}

// joins tells whether r, of class c, belongs to the cluster of the characters before. The numbers are the annex's.
func (s *clusterState) joins(r rune, c clusterClass) bool {
	switch {
	case s.last == '\r' && r == '\n': // GB3
		return true
	case s.class.is(breaks) || c.is(breaks): // GB4, GB5
		return false
	case c.is(extends) || s.class.is(prepends): // GB9, GB9a, GB9b
		return true
	case s.letters == 2 && c.is(consonant): // GB9c
		return true
	case s.picture == 2 && c.is(picture): // GB11
		return true
	}
	return joinsHangul(s.last, r, s.class, c)
}

// joinsHangul is GB6 to GB8.
func joinsHangul(a, b rune, before, behind clusterClass) bool {
	syllable, ends := isSyllable(a), false // LV or LVT; LVT
	if syllable {
		ends = (a-hangulFirst)%trailsPerVowel != 0
	}
	switch {
	case before.is(lead):
		return behind.is(lead|vowel) || isSyllable(b)
	case before.is(vowel) || syllable && !ends:
		return behind.is(vowel | trail)
	case before.is(trail) || ends:
		return behind.is(trail)
	}
	return false
}

func isSyllable(r rune) bool { return r >= hangulFirst && r <= hangulLast }

// cluster measures the first cluster of s, which is not empty; single says that it is one character.
func cluster(s []byte) (n int, single bool) {
	if len(s) > 1 && s[0] >= ' ' && s[0] < 0x7F && s[1] < utf8.RuneSelf {
		return 1, true // by far the most frequent
	}
	r, n := utf8.DecodeRune(s)
	var state clusterState
	state.add(r, clusterClassOf(r))
	single = true
	for n < len(s) {
		r, size := utf8.DecodeRune(s[n:])
		c := clusterClassOf(r)
		if !state.joins(r, c) {
			break
		}
		state.add(r, c)
		n += size
		single = false
	}
	return n, single
}
