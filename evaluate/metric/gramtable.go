package metric

// gramTable numbers n-grams: a key is the number of the first n-1 symbols and
// the last symbol. Nothing is removed; begin empties the table at no cost, and
// once it has grown nothing is allocated. It is an open-addressing hash table,
// and equality is exact: the hash only finds the slot.
type gramTable struct {
	slots []gramSlot
	stamp uint32 // slots with another stamp are empty
}

type gramSlot struct {
	key   uint64
	stamp uint32
	id    int32
}

func newGramTable() gramTable { return gramTable{slots: make([]gramSlot, 1024), stamp: 1} }

func gramKey(prefix, symbol int32) uint64 {
	return uint64(uint32(prefix))<<32 | uint64(uint32(symbol))
}

func (t *gramTable) begin() {
	t.stamp++
	if t.stamp == 0 { // the stamps have wrapped: old slots would look fresh
		clear(t.slots)
		t.stamp = 1
	}
}

func home(key uint64) uint64 { return (key * 0x9e3779b97f4a7c15) >> 32 }

// find returns the number stored under key, or -1.
func (t *gramTable) find(key uint64) int32 {
	mask := uint64(len(t.slots) - 1)
	for i := home(key) & mask; ; i = (i + 1) & mask {
		slot := &t.slots[i]
		if slot.stamp != t.stamp {
			return -1
		}
		if slot.key == key {
			return slot.id
		}
	}
}

// put returns the number stored under key, and stores id if there is none.
func (t *gramTable) put(key uint64, id int32) int32 {
	mask := uint64(len(t.slots) - 1)
	for i := home(key) & mask; ; i = (i + 1) & mask {
		slot := &t.slots[i]
		if slot.stamp != t.stamp {
			*slot = gramSlot{key: key, stamp: t.stamp, id: id}
			return id
		}
		if slot.key == key {
			return slot.id
		}
	}
}

// reserve makes room for n keys in all, so that the table stays at most half full.
func (t *gramTable) reserve(n int) {
	if 2*n <= len(t.slots) {
		return
	}
	old := t.slots
	t.slots = make([]gramSlot, tableSize(2*n))
	mask := uint64(len(t.slots) - 1)
	for _, slot := range old {
		if slot.stamp != t.stamp {
			continue
		}
		i := home(slot.key) & mask
		for t.slots[i].stamp == t.stamp {
			i = (i + 1) & mask
		}
		t.slots[i] = slot
	}
}
