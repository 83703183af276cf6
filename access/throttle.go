package access

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// Bounds of the throttle.
const (
	throttleSlots    = 4096
	throttleFailures = 30 // that an address may have in a window
	throttleWindow   = time.Minute
)

// throttle counts failures by address in a table of fixed size. Addresses whose hashes meet
// in a slot take it from one another when its window is over; until then the later one is
// not counted, so that nobody waits for another's failures.
type throttle struct {
	seed  maphash.Seed
	locks [16]sync.Mutex
	slots [throttleSlots]slot
}

type slot struct {
	tag   uint64
	begun int64 // nanoseconds
	count int32
	told  bool // that count has reached its bound
}

func newThrottle() *throttle { return &throttle{seed: maphash.MakeSeed()} }

// failed counts a failure and returns how long the address should wait: 0 while it may go on.
// first says that it may not from now on.
func (t *throttle) failed(peer string, now time.Time) (wait time.Duration, first bool) {
	tag := t.tag(peer)
	i := tag % throttleSlots
	lock := &t.locks[i%uint64(len(t.locks))]
	lock.Lock()
	defer lock.Unlock()
	s, at := &t.slots[i], now.UnixNano()
	if at-s.begun >= int64(throttleWindow) {
		*s = slot{tag: tag, begun: at}
	}
	if s.tag != tag {
		return 0, false
	}
	if s.count < throttleFailures {
		s.count++
		return 0, false
	}
	first, s.told = !s.told, true
	return throttleWindow - time.Duration(at-s.begun), first
}

// tag is a hash of an IPv4 address, of the /64 network of an IPv6 address, or of the text
// where it is neither.
func (t *throttle) tag(peer string) uint64 {
	at, err := netip.ParseAddrPort(peer)
	addr := at.Addr()
	if err != nil {
		if addr, err = netip.ParseAddr(peer); err != nil {
			return maphash.String(t.seed, peer)
		}
	}
	addr = addr.Unmap()
	if addr.Is4() {
		b := addr.As4()
		return maphash.Bytes(t.seed, b[:])
	}
	b := addr.As16()
	return maphash.Bytes(t.seed, b[:8])
}
