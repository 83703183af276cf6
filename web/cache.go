package web

import "sync"

// cache keeps the newest few results of slow computations. Keys hold everything
// that the value depends on, so an entry is never stale, only forgotten.
type cache[V any] struct {
	mu     sync.Mutex
	size   int
	order  []string // oldest first
	values map[string]*entry[V]
}

type entry[V any] struct {
	mu    sync.Mutex // held while the value is computed
	value V
	ready bool
}

func newCache[V any](size int) *cache[V] {
	return &cache[V]{size: size, values: map[string]*entry[V]{}}
}

// get returns the value of key, computing it at most once at a time. A failed
// computation is not kept.
func (c *cache[V]) get(key string, compute func() (V, error)) (V, error) {
	e := c.entry(key)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ready {
		return e.value, nil
	}
	v, err := compute()
	if err != nil {
		return v, err
	}
	e.value, e.ready = v, true
	return v, nil
}

func (c *cache[V]) entry(key string) *entry[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.values[key]; ok {
		return e
	}
	if len(c.order) >= c.size {
		delete(c.values, c.order[0])
		c.order = c.order[1:]
	}
	e := &entry[V]{}
	c.values[key] = e
	c.order = append(c.order, key)
	return e
}
