package nn

import "stylesprint/engine/nn/kernel"

// Cache hands out the pages of a key-value cache. The page that was given back
// last is handed out first, so that memory is touched only as more is in use than ever before.
type Cache struct {
	Pages *kernel.Pages
	free  []int32
}

// NewCache makes a cache of o.Pages free pages.
func NewCache(o kernel.PagesOptions) (*Cache, error) {
	p, err := kernel.NewPages(o)
	if err != nil {
		return nil, err
	}
	c := &Cache{Pages: p, free: make([]int32, o.Pages)}
	for i := range c.free {
		c.free[i] = int32(o.Pages - 1 - i)
	}
	return c, nil
}

// PagesFor is how many pages a sequence of this many tokens needs.
func PagesFor(tokens int) int { return (tokens + kernel.PageTokens - 1) / kernel.PageTokens }

// Free is how many pages nobody holds.
func (c *Cache) Free() int { return len(c.free) }

// Take appends n pages to dst, or reports false and leaves dst as it is. Pages that
// were never out before get their memory here, so that storing into them takes none.
func (c *Cache) Take(dst []int32, n int) ([]int32, bool) {
	left := len(c.free) - n
	if left < 0 {
		return dst, false
	}
	had := len(dst)
	for i := len(c.free) - 1; i >= left; i-- {
		dst = append(dst, c.free[i])
	}
	c.free = c.free[:left]
	c.Pages.Reserve(dst[had:])
	return dst, true
}

// Give takes pages back.
func (c *Cache) Give(pages []int32) {
	for i := len(pages) - 1; i >= 0; i-- {
		c.free = append(c.free, pages[i])
	}
}
