package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"regexp"
	"strings"

	"stylesprint"
)

// A printed key is Prefix, 43 characters for 256 bits, and 6 characters for the CRC-32
// (IEEE) of all before it, in base 62 with leading zeros. So a scanner for secrets can
// recognise it by its form, and a typing error is told from an unknown key without a look
// at any key.
const (
	Prefix = "ssk_"

	bodySize   = 43 // ceil(256 / log2(62))
	sumSize    = 6  // ceil(32 / log2(62))
	keySize    = len(Prefix) + bodySize + sumSize
	digits     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	randomSize = 32
)

// newSecret draws a key.
func newSecret(random io.Reader) (stylesprint.Secret, error) {
	var bits [randomSize]byte
	if _, err := io.ReadFull(random, bits[:]); err != nil {
		return stylesprint.Secret{}, fmt.Errorf("draw a key: %w", err)
	}
	text := []byte(Prefix + strings.Repeat("0", bodySize+sumSize))
	n, base, digit := new(big.Int).SetBytes(bits[:]), big.NewInt(int64(len(digits))), new(big.Int)
	for i := len(Prefix) + bodySize - 1; i >= len(Prefix); i-- {
		n.DivMod(n, base, digit)
		text[i] = digits[digit.Int64()]
	}
	putSum(text[len(Prefix)+bodySize:], crc32.ChecksumIEEE(text[:len(Prefix)+bodySize]))
	return stylesprint.NewSecret(string(text)), nil
}

func putSum(to []byte, sum uint32) {
	for i := sumSize - 1; i >= 0; i-- {
		to[i] = digits[sum%uint32(len(digits))]
		sum /= uint32(len(digits))
	}
}

// form says what a text that is offered as a key is.
type form int

const (
	foreign  form = iota // no key of ours
	mistyped             // one with a wrong checksum or length
	proper
)

// examine checks a text's form and returns its hash where that is proper. It allocates
// nothing.
func examine(text string) (form, [sha256.Size]byte) {
	if !strings.HasPrefix(text, Prefix) {
		return foreign, [sha256.Size]byte{}
	}
	if len(text) != keySize {
		return mistyped, [sha256.Size]byte{}
	}
	var want [sumSize]byte
	putSum(want[:], checksum(text[:len(Prefix)+bodySize]))
	if text[len(Prefix)+bodySize:] != string(want[:]) {
		return mistyped, [sha256.Size]byte{}
	}
	var b [keySize]byte
	copy(b[:], text)
	return proper, sha256.Sum256(b[:])
}

// checksum is crc32.ChecksumIEEE, which would move its argument to the heap.
func checksum(text string) uint32 {
	sum := ^uint32(0)
	for i := range len(text) {
		sum = crc32.IEEETable[byte(sum)^text[i]] ^ sum>>8
	}
	return ^sum
}

func hexHash(s stylesprint.Secret) string {
	sum := sha256.Sum256([]byte(s.Reveal()))
	return hex.EncodeToString(sum[:])
}

// pattern is the form of a printed key.
const pattern = `ssk_[0-9A-Za-z]{49}`

func hasKey(text string) bool {
	ok, err := regexp.MatchString(pattern, text)
	return ok || err != nil
}

// Redactor is a writer that replaces every key of ours in what passes, for logs. Each Write
// must hold whole keys, as a line of a log does.
type Redactor struct {
	to    io.Writer
	match *regexp.Regexp
}

// NewRedactor wraps a writer.
func NewRedactor(to io.Writer) *Redactor { return &Redactor{to, regexp.MustCompile(pattern)} }

// Write implements io.Writer.
func (r *Redactor) Write(p []byte) (int, error) {
	out := p
	if strings.Contains(string(p), Prefix) {
		out = r.match.ReplaceAll(p, []byte(Prefix+"[redacted]"))
	}
	if _, err := r.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
