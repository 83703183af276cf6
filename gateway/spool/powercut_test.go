package spool

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
)

var lives = flag.Uint64("lives", 12, "how many processes TestPowerCut cuts the power of, each at all moments of its life")

// vault is a request log on the platter: what it has taken it may forget until Sync.
type vault struct {
	p *platter

	mu     sync.Mutex
	has    map[string]bool
	refuse bool // everything
	poison bool // records whose id begins so
	stuck  bool // Sync fails
}

func newVault(p *platter, rows []stylesprint.RequestRecord) *vault {
	v := &vault{p: p, has: map[string]bool{}}
	for _, r := range rows {
		v.has[r.ID] = true
	}
	return v
}

func (v *vault) AppendRequests(_ context.Context, records []stylesprint.RequestRecord) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refuse {
		return errors.New("away")
	}
	var fresh []stylesprint.RequestRecord
	for _, r := range records {
		if v.poison && strings.HasPrefix(r.ID, "poison") {
			return errors.New("invalid byte sequence")
		}
		if !v.has[r.ID] {
			fresh = append(fresh, r)
		}
	}
	for _, r := range fresh {
		v.has[r.ID] = true
	}
	v.p.note(event{act: appended, rows: fresh})
	return nil
}

func (v *vault) Sync(context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stuck {
		return errors.New("stuck")
	}
	v.p.note(event{act: durable})
	return nil
}

// life is what a process does to a spool, step by step, on a platter.
type life struct {
	*Spool
	p        *platter
	v        *vault
	rng      *rand.Rand
	open     map[string]func(delivered bool)
	n        int
	failures int
	poison   bool
	troubled bool // the disk was full since the last guarantee, so that marks may be lost
}

// live runs a process to its end, in which the disk and the request log have their troubles.
func live(t *testing.T, seed uint64) *platter {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	p := newPlatter(t, t.TempDir())
	v := newVault(p, nil)
	s, err := prepare(Options{
		Dir: filepath.Join(p.root, "data", "spool"), Sink: v, Sync: v.Sync, disk: p.medium(),
		SegmentBytes: []int64{500, 2500, 12_000}[seed%3], LookEvery: time.Hour, SegmentAge: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &life{Spool: s, p: p, v: v, rng: rng, open: map[string]func(bool){}, poison: seed%4 == 3}
	v.poison = l.poison
	for range 40 + rng.IntN(60) {
		l.step()
	}
	p.full, p.broken = false, false
	v.mu.Lock()
	v.refuse, v.stuck = rng.IntN(4) == 0, rng.IntN(4) == 0
	v.mu.Unlock()
	if seed%2 == 1 { // in order, as far as the request log lets it
		for len(l.open) > 0 {
			l.end()
		}
		for range 30 {
			l.drainOnce()
			p.note(event{act: looked})
		}
	}
	// No goroutine runs, and Close waits for both.
	l.live.release()
	close(s.drained)
	close(s.synced)
	if err := s.Close(t.Context()); err == nil { // else memory alone held something, or the request log is stuck
		p.note(event{act: guaranteed, delivered: !l.troubled})
	}
	p.note(event{act: looked})
	return p
}

func (l *life) step() {
	switch n := l.rng.IntN(100); {
	case n < 38:
		l.commit()
	case n < 62:
		l.end()
	case n < 75:
		if l.force() == nil {
			l.p.note(event{act: guaranteed, delivered: !l.troubled})
			l.troubled = l.p.full
		}
	case n < 90:
		l.drainOnce()
	case n < 93:
		l.journal.turn(0)
	case n < 95:
		l.p.full, l.troubled = !l.p.full, true
	case n < 97:
		l.p.broken = !l.p.broken
	default:
		l.v.mu.Lock()
		if l.rng.IntN(2) == 0 {
			l.v.refuse = !l.v.refuse
		} else {
			l.v.stuck = !l.v.stuck
		}
		l.v.mu.Unlock()
	}
	l.p.note(event{act: looked})
	if l.poison && l.rng.IntN(2) == 0 { // which takes many attempts to be put aside
		l.drainOnce()
		l.p.note(event{act: looked})
	}
}

func (l *life) drainOnce() {
	if _, err := l.pass(l.failures); err != nil {
		l.failures++
	} else {
		l.failures = 0
	}
}

func (l *life) commit() {
	l.n++
	id := fmt.Sprintf("r%d", l.n)
	if l.poison && l.rng.IntN(8) == 0 {
		id = "poison" + id
	}
	r := record(id)
	r.Prompt = strings.Repeat(string(rune('a'+l.n%26)), []int{0, 30, 700, 5000}[l.rng.IntN(4)])
	l.p.note(event{act: begun, rows: []stylesprint.RequestRecord{*r}})
	settle := l.Commit(r)
	if !l.p.full {
		l.p.note(event{act: accepted, id: id})
	}
	l.open[id] = settle
}

// end lets one of the open answers end.
func (l *life) end() {
	if len(l.open) == 0 {
		return
	}
	ids := slices.Sorted(maps.Keys(l.open))
	id, delivered := ids[l.rng.IntN(len(ids))], l.rng.IntN(5) > 0
	l.p.note(event{act: ended, id: id, delivered: delivered})
	l.open[id](delivered)
	delete(l.open, id)
}

// tally is how often the cuts met what they are there for.
type tally struct {
	cuts, recoveries, torn, lost, unconfirmed, back, repeated, rejected int
}

// after recovers what a power cut left, and holds it to what was promised. It returns what
// happened meanwhile, for another cut.
func (c *tally) after(t *testing.T, image map[string][]byte, from string, ledger []stylesprint.RequestRecord, f facts) (*platter, *state) {
	t.Helper()
	root := t.TempDir()
	defer os.RemoveAll(root)
	put(t, image, from, root)
	p := newPlatter(t, root)
	first := p.start(ledger, f)
	v := newVault(p, ledger)
	metrics := prometheus.NewRegistry()
	s, err := Open(Options{
		Dir: filepath.Join(root, "data", "spool"), Sink: v, Sync: v.Sync, disk: p.medium(), Metrics: metrics,
		SyncEvery: time.Hour, DrainEvery: time.Microsecond, LookEvery: time.Hour,
	})
	if err != nil {
		t.Fatalf("open what the cut left: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatalf("close: %v", err)
	}
	p.note(event{act: looked})
	c.recoveries++
	rows := slices.Clone(ledger)
	sent := map[string]bool{}
	for _, e := range p.events {
		if e.act == appended {
			rows = append(rows, e.rows...)
		}
	}
	readable, cut := c.read(t, image)
	aside := putAside(t, image)
	for _, r := range rows {
		if sent[r.ID] {
			t.Errorf("%s is there twice", r.ID)
		}
		sent[r.ID] = true
		c.row(t, r, f, aside[r.ID])
	}
	for id := range readable {
		if !sent[id] {
			t.Errorf("%s could be read and is not replayed", id)
		}
	}
	for id := range f.safe {
		if !sent[id] && !aside[id] {
			t.Errorf("%s was on the disk before the cut and is lost", id)
		}
	}
	for id := range f.accepted {
		if !sent[id] && !aside[id] {
			c.lost++
		}
	}
	if got := (opened{s, metrics}).metric(t, "spool_torn_bytes_total"); got != float64(cut) {
		t.Errorf("%v bytes were reported as cut, of %d", got, cut)
	}
	for path := range p.live {
		switch rel := strings.TrimPrefix(strings.TrimPrefix(path, root), "/data/spool"); {
		case rel == "" || rel == "/data" || strings.HasPrefix(rel, "/"+damaged) || strings.HasPrefix(rel, "/"+rejected):
		default:
			t.Errorf("%s is left", rel)
		}
	}
	c.torn += min(cut, 1)
	return p, first
}

// row holds one record of the request log to what the spool was told of it. One that was put
// aside before the cut, with its mark, can be sent again without it: its segment came back, and
// the one with the mark did not.
func (c *tally) row(t *testing.T, got stylesprint.RequestRecord, f facts, aside bool) {
	t.Helper()
	want, known := f.begun[got.ID]
	if !known {
		t.Errorf("%s was never committed", got.ID)
		return
	}
	delivered, ended := f.ended[got.ID]
	undelivered, unsure := want, want
	gateway.Undelivered(&undelivered)
	unsure.Flags = unconfirmed
	switch {
	case got == want && ended && delivered, got == undelivered && ended && !delivered:
	case got == unsure:
		c.unconfirmed++
		if f.marked[got.ID] && !aside {
			t.Errorf("%s: its mark was on the disk before the cut and is lost", got.ID)
		}
	default:
		t.Errorf("%s: got %+v of %+v, ended %v, delivered %v", got.ID, got, want, ended, delivered)
	}
}

// read finds by other means than the spool's own what is readable in the segments of an
// image, and how many bytes are not.
func (c *tally) read(t *testing.T, image map[string][]byte) (ids map[string]bool, cut int) {
	t.Helper()
	ids = map[string]bool{}
	for path, b := range image {
		if dir := filepath.Base(filepath.Dir(path)); !strings.HasSuffix(path, ".seg") || dir == damaged || dir == rejected {
			continue
		}
		found, whole := recordsIn(b)
		for _, r := range found {
			ids[r.ID] = true
		}
		cut += len(b) - whole
	}
	return ids, cut
}

// recordsIn are the records in front of a segment's first bad frame, and where that is.
func recordsIn(b []byte) (rows []stylesprint.RequestRecord, whole int) {
	if !strings.HasPrefix(string(b), magic) {
		return nil, 0
	}
	at := len(magic)
	for len(b)-at >= frameHead {
		n := int(binary.LittleEndian.Uint32(b[at:]))
		if n == 0 || n > len(b)-at-frameHead {
			break
		}
		payload := b[at+frameHead : at+frameHead+n]
		if crc32.Checksum(payload, castagnoli()) != binary.LittleEndian.Uint32(b[at+4:]) {
			break
		}
		if f, err := decode(payload); err != nil {
			break
		} else if f.kind == kindRecord {
			rows = append(rows, f.record)
		}
		at += frameHead + n
	}
	return rows, at
}

// putAside are the ids of records that the request log refused for good.
func putAside(t *testing.T, image map[string][]byte) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for path, b := range image {
		if filepath.Base(filepath.Dir(path)) == rejected {
			found, _ := recordsIn(b)
			for _, r := range found {
				ids[r.ID] = true
			}
		}
	}
	return ids
}

// gone holds a segment that goes to the order of things: what is in it is on the disk of the
// request log by then, or put aside.
func (s *state) gone(t *testing.T, e event) {
	t.Helper()
	n := s.nodes[e.ino]
	if e.act != removed || n == nil || filepath.Base(filepath.Dir(e.path)) == rejected {
		return
	}
	kept := map[string]bool{}
	for _, r := range s.ledger {
		kept[r.ID] = true
	}
	for path, ino := range s.tree {
		if filepath.Base(filepath.Dir(path)) == rejected {
			found, _ := recordsIn(s.nodes[ino].versions[0])
			for _, r := range found {
				kept[r.ID] = true
			}
		}
	}
	found, _ := recordsIn(n.versions[len(n.versions)-1])
	for _, r := range found {
		if !kept[r.ID] && s.accepted[r.ID] {
			t.Errorf("%s: its segment was removed before it was on another disk", r.ID)
		}
	}
}

// A power cut at any moment of a process's life, and at any moment of the recovery, leaves
// every record that was forced to the disk, with its mark if that was too, and none twice;
// invents none, whatever blocks of the files' tails and which names are there; and what it
// cuts is counted.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	n := *lives
	if testing.Short() {
		n = 8
	}
	var mu sync.Mutex
	var all tally
	t.Run("lives", func(t *testing.T) {
		for seed := range n {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				var c tally
				c.life(t, seed)
				mu.Lock()
				defer mu.Unlock()
				all.cuts, all.recoveries, all.torn, all.lost = all.cuts+c.cuts, all.recoveries+c.recoveries, all.torn+c.torn, all.lost+c.lost
				all.unconfirmed, all.back, all.repeated, all.rejected = all.unconfirmed+c.unconfirmed, all.back+c.back, all.repeated+c.repeated, all.rejected+c.rejected
			})
		}
	})
	t.Logf("%+v", all)
	if all.torn == 0 || all.lost == 0 || all.unconfirmed == 0 || all.back == 0 || all.repeated == 0 || all.rejected == 0 {
		t.Errorf("the cuts did not meet everything that they are there for: %+v", all)
	}
}

// life cuts the power at all moments of one process.
func (c *tally) life(t *testing.T, seed uint64) {
	t.Helper()
	p := live(t, seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	s := (&platter{t: t, root: p.root}).start(nil, newFacts()) // an empty disk
	for at, e := range p.events {
		s.gone(t, e)
		s.next(e)
		if e.act == looked || e.act == begun || e.act == ended {
			continue // the disk is as it was
		}
		image, ledger := s.cut(rng, p.root)
		c.cuts++
		for _, e := range s.pending {
			if _, there := image[e.path]; there && e.act == removed {
				c.back++
			}
		}
		c.chain(t, rng, p.root, image, ledger, s.facts)
		if t.Failed() {
			t.Fatalf("seed %d, cut behind event %d of %d", seed, at, len(p.events))
		}
	}
}

// chain recovers, and now and then has the power cut while it does.
func (c *tally) chain(t *testing.T, rng *rand.Rand, root string, image map[string][]byte, ledger []stylesprint.RequestRecord, f facts) {
	t.Helper()
	for depth := 0; ; depth++ {
		c.rejected += min(1, len(putAside(t, image)))
		p, s := c.after(t, image, root, ledger, f)
		if depth == 3 || len(p.events) == 0 || rng.IntN(3) > 0 {
			return
		}
		for _, e := range p.events[:rng.IntN(len(p.events))] {
			s.gone(t, e)
			s.next(e)
		}
		image, ledger = s.cut(rng, p.root)
		root = p.root
		c.cuts++
		c.repeated++
	}
}
