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

// Index holds the vectors of passages by the hash of their text. A product has some thirty passages, so
// they are all compared with a question; an index only saves embedding them again.
type Index interface {
	// Vectors returns the vectors that are held; others are absent.
	Vectors(ctx context.Context, keys []Key) (map[Key][]float32, error)
	// Keep holds vectors; it may drop others to make room. They are not changed afterwards.
	Keep(ctx context.Context, vectors map[Key][]float32) error
}

// Key is the SHA-256 of an encoder's name and a text.
type Key [sha256.Size]byte

func keyOf(encoder, text string) Key { return sha256.Sum256([]byte(encoder + "\x00" + text)) }

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

// Vectors implements Index.
func (m *Memory) Vectors(_ context.Context, keys []Key) (map[Key][]float32, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make(map[Key][]float32, len(keys))
	for _, k := range keys {
		if v, ok := m.held[k]; ok {
			out[k] = v
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

// vectors finds the vectors of texts, in order, and embeds what the index does not hold.
func (a *Answerer) vectors(ctx context.Context, texts []string) ([][]float32, error) {
	keys := make([]Key, len(texts))
	for i, t := range texts {
		keys[i] = keyOf(a.o.Encoder, t)
	}
	held, err := a.o.Index.Vectors(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("look up vectors: %w", err)
	}
	var missing []string
	var at []Key
	for i, k := range keys {
		if _, ok := held[k]; !ok {
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
			more[k], held[k] = fresh[i], fresh[i]
		}
		if err := a.o.Index.Keep(ctx, more); err != nil {
			return nil, fmt.Errorf("keep vectors: %w", err)
		}
	}
	out := make([][]float32, len(keys))
	for i, k := range keys {
		out[i] = held[k]
	}
	return out, nil
}

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
