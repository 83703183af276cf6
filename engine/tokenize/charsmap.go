package tokenize

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// charsmap is SentencePiece's precompiled normalisation: a double-array trie (darts-clone) of what is
// replaced, and the replacements, each ended by a zero byte.
//
// A node of the trie is a number: bits 0-7 are its label, bit 31 marks a value instead, bit 8 tells that a value
// hangs on it, and bits 10-30 (shifted by 8 more where bit 9 is set) are the distance to its children.
type charsmap struct {
	units   []uint32
	text    string
	longest int                 // bytes of a replacement
	ascii   [utf8.RuneSelf]bool // characters that are replaced
}

// maxCharsmap bounds the trie's size; nmt_nfkc, which all known models use, has 180 kB.
const maxCharsmap = 64 << 20

// parseCharsmap reads a blob: the trie's size in bytes, the trie, the replacements.
func parseCharsmap(blob []byte) (*charsmap, error) {
	if len(blob) < 4 {
		return nil, errors.New("precompiled_charsmap is too short")
	}
	size := int64(binary.LittleEndian.Uint32(blob))
	blob = blob[4:]
	if size%4 != 0 || size == 0 || size > int64(len(blob)) || size > maxCharsmap {
		return nil, fmt.Errorf("precompiled_charsmap: a trie of %d bytes in %d", size, len(blob))
	}
	m := &charsmap{units: make([]uint32, size/4), text: string(blob[size:])}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(blob[4*i:])
	}
	if !utf8.ValidString(m.text) {
		return nil, errors.New("precompiled_charsmap: the replacements are not UTF-8")
	}
	for s := range strings.SplitSeq(m.text, "\x00") {
		m.longest = max(m.longest, len(s))
	}
	for c := range m.ascii {
		_, m.ascii[c] = m.find([]byte{byte(c)})
	}
	return m, nil
}

// start is where the root's children lie.
func (m *charsmap) start() uint32 { return childOffset(m.units[0]) }

func childOffset(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// child goes from a node, given by where its children lie, along one byte.
func (m *charsmap) child(at uint32, c byte) (children, unit uint32, ok bool) {
	at ^= uint32(c)
	if int64(at) >= int64(len(m.units)) {
		return 0, 0, false
	}
	unit = m.units[at]
	if unit&(1<<31|0xFF) != uint32(c) {
		return 0, 0, false
	}
	return at ^ childOffset(unit), unit, true
}

// find is the replacement of the shortest key that s begins with. The rest of s is not looked at: the
// reference replaces all of s by it.
func (m *charsmap) find(s []byte) (string, bool) {
	at := m.start()
	for _, c := range s {
		if c == 0 {
			break
		}
		children, unit, ok := m.child(at, c)
		if !ok {
			return "", false
		}
		at = children
		if unit>>8&1 == 1 {
			return m.value(at)
		}
	}
	return "", false
}

// value is the replacement that a leaf names.
func (m *charsmap) value(at uint32) (string, bool) {
	if int64(at) >= int64(len(m.units)) {
		return "", false
	}
	from := int64(m.units[at] & (1<<31 - 1))
	if from >= int64(len(m.text)) || !utf8.RuneStart(m.text[from]) {
		return "", false
	}
	to := from
	for to < int64(len(m.text)) && m.text[to] != 0 {
		to++
	}
	return m.text[from:to], true
}

// longestCluster is how many bytes a cluster has at most that is looked up as a whole.
const longestCluster = 5

// run implements normalizer, as tokenizers' Precompiled does: cluster by cluster where these are short, else
// character by character.
func (m *charsmap) run(w *work, n *normalized) {
	text := n.text
	first := m.unchanged(text)
	if first == len(text) {
		return
	}
	e := w.edits[:0]
	for i := 0; i < first; {
		r, size := utf8.DecodeRune(text[i:])
		e = append(e, edit{r: r})
		i += size
	}
	for i := first; i < len(text); {
		size, single := cluster(text[i:])
		part := text[i : i+size]
		i += size
		if !single && size <= longestCluster {
			if s, ok := m.find(part); ok {
				e = replaceEdits(e, utf8.RuneCount(part), s)
				continue
			}
		}
		for len(part) > 0 {
			r, size := utf8.DecodeRune(part)
			if s, ok := m.find(part[:size]); ok {
				e = replaceEdits(e, 1, s)
			} else {
				e = append(e, edit{r: r})
			}
			part = part[size:]
		}
	}
	w.edits = e
	n.apply(e, &w.spare)
}

// unchanged is how much of the text certainly stays as it is: whole clusters.
func (m *charsmap) unchanged(text []byte) int {
	i := 0
	for i < len(text) {
		c := text[i]
		if c < utf8.RuneSelf && !m.ascii[c] && i+1 < len(text) && text[i+1] < utf8.RuneSelf && c != '\r' {
			i++
			continue
		}
		size, _ := cluster(text[i:])
		part := text[i : i+size]
		for at := 0; at < len(part); {
			_, n := utf8.DecodeRune(part[at:])
			if _, ok := m.find(part[at : at+n]); ok {
				return i
			}
			at += n
		}
		if size <= longestCluster {
			if _, ok := m.find(part); ok {
				return i
			}
		}
		i += size
	}
	return i
}

// replaceEdits adds the replacement of so many characters by s. Where s is shorter its last character takes the rest away; where it is
// empty the character before does, if there is one.
func replaceEdits(e []edit, old int, s string) []edit {
	count := 0
	for _, r := range s {
		e = append(e, edit{r: r})
		count++
	}
	switch diff := count - old; {
	case diff > 0:
		for i := len(e) - diff; i < len(e); i++ {
			e[i].change = 1
		}
	case diff < 0 && len(e) > 0:
		e[len(e)-1].change += int32(diff)
	}
	return e
}
