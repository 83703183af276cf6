package answer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
)

// Embedder turns texts into unit vectors, one for each, in order. Its errors are
// *stylesprint.Error values. A closure over embedding.Client.Embed is one.
type Embedder func(ctx context.Context, texts []string) ([][]float32, error)

// Index holds the vectors of passages by the hash of their text, and compares them with a question's. A product
// has some thirty passages, so all of them are compared; an index only saves embedding them again.
type Index interface {
	// Cosines returns the cosine of a question's unit vector with those of the passages that are
	// held; others are absent, and so are vectors of another length.
	Cosines(ctx context.Context, question []float32, passages []Key) (map[Key]float64, error)
	// Keep holds unit vectors, in place of those that it had; it may drop others to make room. They
	// are not changed afterwards.
	Keep(ctx context.Context, vectors map[Key][]float32) error
}

// Key is the SHA-256 of an encoder's name, its variant and a text, so that a text or an encoder that has
// changed never meets an old vector.
type Key [sha256.Size]byte

func (a *Answerer) key(text string) Key {
	return sha256.Sum256([]byte(a.o.Encoder + "\x00" + a.o.Variant + "\x00" + text))
}

// Memory is an Index in memory. It is safe for concurrent use.
type Memory struct {
	most int

	mu   sync.RWMutex
	held map[Key][]float32
	ring []Key // in the order they came
	next int
}

var _ Index = (*Memory)(nil)

// DefaultMemory is how many vectors NewMemory holds where it is given none: some 30 MB of 384 dimensions.
const DefaultMemory = 20_000

// NewMemory returns an index that holds so many vectors and drops the oldest.
func NewMemory(most int) *Memory {
	if most <= 0 {
		most = DefaultMemory
	}
	return &Memory{most: most, held: map[Key][]float32{}}
}

// Cosines implements Index.
func (m *Memory) Cosines(_ context.Context, question []float32, passages []Key) (map[Key]float64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make(map[Key]float64, len(passages))
	for _, k := range passages {
		if v, ok := m.held[k]; ok && len(v) == len(question) {
			out[k] = dot(question, v)
		}
	}
	return out, nil
}

// Keep implements Index.
func (m *Memory) Keep(_ context.Context, vectors map[Key][]float32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, v := range vectors {
		if _, ok := m.held[k]; !ok {
			if len(m.ring) < m.most {
				m.ring = append(m.ring, k)
			} else {
				delete(m.held, m.ring[m.next])
				m.ring[m.next] = k
				m.next = (m.next + 1) % m.most
			}
		}
		m.held[k] = v
	}
	return nil
}

// compare returns the cosines of a question's vector with those of texts, in order, and embeds the texts that the
// index does not hold.
func (a *Answerer) compare(ctx context.Context, question []float32, texts []string) ([]float64, error) {
	keys := make([]Key, len(texts))
	for i, t := range texts {
		keys[i] = a.key(t)
	}
	known, err := a.o.Index.Cosines(ctx, question, keys)
	if err != nil {
		return nil, fmt.Errorf("compare vectors: %w", err)
	}
	var missing []string
	var at []Key
	for i, k := range keys {
		if _, ok := known[k]; !ok {
			missing, at = append(missing, texts[i]), append(at, k)
		}
	}
	if len(missing) > 0 {
		fresh, err := a.o.Embed(ctx, missing)
		if err != nil {
			return nil, err
		}
		if len(fresh) != len(missing) {
			return nil, fmt.Errorf("embed passages: %d vectors for %d texts", len(fresh), len(missing))
		}
		more := make(map[Key][]float32, len(at))
		for i, k := range at {
			more[k], known[k] = fresh[i], dot(question, fresh[i])
		}
		if err := a.o.Index.Keep(ctx, more); err != nil {
			return nil, fmt.Errorf("keep vectors: %w", err)
		}
	}
	out := make([]float64, len(keys))
	for i, k := range keys {
		out[i] = known[k]
	}
	return out, nil
}

// dot is the cosine of two unit vectors; 0 where their lengths differ.
func dot(a, b []float32) float64 {
	if len(a) != len(b) {
		return 0
	}
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
