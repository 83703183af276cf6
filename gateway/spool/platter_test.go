package spool

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"stylesprint"
)

// platter writes down what a spool does to the disk and to its request log, in order, so that
// the power can be cut at any moment of it. What it is told it also does, to real files, which
// the spool reads: the system's cache before the cut.
type platter struct {
	t    *testing.T
	root string

	mu     sync.Mutex
	events []event
	live   map[string]*inode // what stands at each path; nil for a folder
	// Faults of the disk.
	full   bool // writes take half and fail, and no file can be made
	broken bool // nothing can be forced to the disk
}

// inode is a file, whatever its name.
type inode struct{ info os.FileInfo }

// act is what an event is about.
type act int

const (
	made       act = iota // path, ino; nil for a folder
	removed               // path
	moved                 // from path to other
	written               // ino, content: all of it
	synced                // ino
	named                 // path: the names in that folder are durable
	appended              // rows, which the request log has and may forget
	durable               // the request log is on the disk
	begun                 // rows: one that is about to be committed
	accepted              // id: Commit has returned, and the spool has it
	ended                 // id, delivered: is about to be marked
	looked                // nothing
	guaranteed            // what was accepted before is safe from now on; and its marks, if delivered
)

type event struct {
	act         act
	path, other string
	ino         *inode
	content     []byte
	rows        []stylesprint.RequestRecord
	id          string
	delivered   bool
}

func newPlatter(t *testing.T, root string) *platter {
	p := &platter{t: t, root: root, live: map[string]*inode{}}
	p.look()
	p.events = nil // what is there when it begins is on the disk
	return p
}

func (p *platter) medium() medium { return medium{create: p.create, folder: p.folder} }

// note adds an event, and before it what happened to names meanwhile.
func (p *platter) note(e event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
	p.events = append(p.events, e)
}

// look finds out which names came and went. Locks are no part of the model.
func (p *platter) look() {
	there := map[string]os.FileInfo{}
	err := filepath.WalkDir(p.root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() != lockName {
			there[path], err = d.Info()
		}
		if errors.Is(err, os.ErrNotExist) { // gone while we looked
			delete(there, path)
			return nil
		}
		return err
	})
	if err != nil {
		p.t.Errorf("look: %v", err)
	}
	var gone []string
	for path := range p.live {
		if there[path] == nil {
			gone = append(gone, path)
		}
	}
	slices.Sort(gone)
	slices.Reverse(gone) // what is in a folder before the folder
	for _, path := range slices.Sorted(maps.Keys(there)) {
		if _, known := p.live[path]; known {
			continue
		}
		if there[path].IsDir() {
			p.live[path] = nil
			p.events = append(p.events, event{act: made, path: path})
			continue
		}
		i := slices.IndexFunc(gone, func(old string) bool { return p.live[old] != nil && os.SameFile(p.live[old].info, there[path]) })
		if i >= 0 {
			p.live[path] = p.live[gone[i]]
			p.events = append(p.events, event{act: moved, path: gone[i], other: path})
			delete(p.live, gone[i])
			gone = slices.Delete(gone, i, i+1)
			continue
		}
		ino := &inode{there[path]}
		content, err := os.ReadFile(path)
		if err != nil {
			p.t.Errorf("look: %v", err)
		}
		p.live[path] = ino
		p.events = append(p.events, event{act: made, path: path, ino: ino}, event{act: written, ino: ino, content: content})
	}
	for _, path := range gone {
		p.events = append(p.events, event{act: removed, path: path, ino: p.live[path]})
		delete(p.live, path)
	}
}

// create is for medium.
func (p *platter) create(path string) (file, error) {
	if p.full {
		return nil, syscall.ENOSPC
	}
	p.note(event{act: looked}) // a number of an inode can be used again
	f, err := create(path)
	if err != nil {
		return nil, err
	}
	p.note(event{act: looked})
	p.mu.Lock()
	defer p.mu.Unlock()
	return &platterFile{file: f, p: p, ino: p.live[path]}, nil
}

// folder is for medium.
func (p *platter) folder(dir string) error {
	if p.broken {
		return syscall.EIO
	}
	p.note(event{act: named, path: dir})
	return nil
}

type platterFile struct {
	file
	p       *platter
	ino     *inode
	content []byte
}

func (f *platterFile) Write(b []byte) (int, error) {
	var fault error
	if f.p.full {
		b, fault = b[:len(b)/2], syscall.ENOSPC
	}
	n, err := f.file.Write(b)
	f.content = append(slices.Clip(f.content), b[:n]...)
	f.p.note(event{act: written, ino: f.ino, content: f.content})
	return n, errors.Join(fault, err)
}

func (f *platterFile) Truncate(size int64) error {
	f.content = f.content[:size]
	f.p.note(event{act: written, ino: f.ino, content: f.content})
	return f.file.Truncate(size)
}

// Sync makes durable what was written, unless the disk is broken: then it may be there after
// a cut, or not, and another try can succeed.
func (f *platterFile) Sync() error {
	if f.p.broken {
		return syscall.EIO
	}
	f.p.note(event{act: synced, ino: f.ino})
	return nil
}

// node is what is known of a file at a moment.
type node struct {
	versions [][]byte // since it was forced to the disk, that one first
}

// state is what is known at a moment: what is on the disk for certain, and what may be.
type state struct {
	tree    map[string]*inode // names on the disk; nil for a folder
	pending []event           // of names, in order, that may be there or not
	nodes   map[*inode]*node
	ledger  []stylesprint.RequestRecord // that the request log has on its disk
	batches [][]stylesprint.RequestRecord
	facts
}

// facts are what a spool was told, and what it has promised.
type facts struct {
	begun    map[string]stylesprint.RequestRecord
	accepted map[string]bool
	ended    map[string]bool // how, for those that have
	safe     map[string]bool // to be replayed
	marked   map[string]bool // to be replayed without a flag
	fresh    []string        // that have ended since the last guarantee
}

func newFacts() facts {
	return facts{map[string]stylesprint.RequestRecord{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, nil}
}

// start is the state of a disk that nothing has happened to yet.
func (p *platter) start(ledger []stylesprint.RequestRecord, f facts) *state {
	s := &state{tree: map[string]*inode{p.root: nil}, nodes: map[*inode]*node{}, ledger: slices.Clip(ledger), facts: f}
	for path, ino := range p.live {
		s.tree[path] = ino
		if ino == nil {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			p.t.Errorf("start: %v", err)
		}
		s.nodes[ino] = &node{[][]byte{content}}
	}
	return s
}

// next brings the state behind an event. It is not changed by a cut.
func (s *state) next(e event) {
	switch e.act {
	case made:
		s.pending = append(s.pending, e)
		if e.ino != nil {
			s.nodes[e.ino] = &node{[][]byte{nil}}
		}
	case removed, moved:
		s.pending = append(s.pending, e)
	case written:
		if n := s.nodes[e.ino]; n != nil {
			n.versions = append(n.versions, e.content)
		}
	case synced:
		n := s.nodes[e.ino]
		n.versions = n.versions[len(n.versions)-1:]
	case named:
		s.pending = slices.DeleteFunc(s.pending, func(c event) bool {
			if filepath.Dir(c.path) != e.path && filepath.Dir(c.other) != e.path {
				return false
			}
			change(s.tree, c)
			return true
		})
	case appended:
		s.batches = append(s.batches, e.rows)
	case durable:
		for _, rows := range s.batches {
			s.ledger = append(s.ledger, rows...)
		}
		s.batches = nil
	case begun:
		s.begun[e.rows[0].ID] = e.rows[0]
	case accepted:
		s.accepted[e.id] = true
	case ended:
		s.ended[e.id] = e.delivered
		s.fresh = append(s.fresh, e.id)
	case guaranteed:
		maps.Copy(s.safe, s.accepted)
		for _, id := range s.fresh {
			s.marked[id] = e.delivered && s.accepted[id]
		}
		s.fresh = nil
	}
}

// change does to names what an event says.
func change(tree map[string]*inode, e event) {
	switch e.act {
	case made:
		tree[e.path] = e.ino
	case removed:
		delete(tree, e.path)
	case moved:
		if ino, there := tree[e.path]; there {
			tree[e.other] = ino
			delete(tree, e.path)
		}
	}
}

// cut draws one of the disks that a power cut can leave: of each name that was not forced to
// the disk whether it is there, of each file which part of its tail.
func (s *state) cut(rng *rand.Rand, root string) (image map[string][]byte, ledger []stylesprint.RequestRecord) {
	tree := maps.Clone(s.tree)
	names := rng.IntN(3) // all, none, or some of what happened to names
	for _, c := range s.pending {
		if names == 0 || names == 2 && rng.IntN(2) == 0 {
			change(tree, c)
		}
	}
	image = map[string][]byte{}
	for _, path := range slices.Sorted(maps.Keys(tree)) {
		ino, whole := tree[path], true
		for up := filepath.Dir(path); up != root && len(up) > len(root); up = filepath.Dir(up) {
			parent, there := tree[up]
			whole = whole && there && parent == nil
		}
		switch {
		case !whole:
		case ino == nil:
			image[path+"/"] = nil
		default:
			image[path] = s.nodes[ino].remains(rng)
		}
	}
	ledger = slices.Clip(s.ledger)
	for _, rows := range s.batches[:rng.IntN(len(s.batches)+1)] {
		ledger = append(ledger, rows...)
	}
	return image, ledger
}

// remains draws what is left of a file.
func (n *node) remains(rng *rand.Rand) []byte {
	kept := n.versions[0]
	last := n.versions[rng.IntN(len(n.versions))]
	if len(last) < len(kept) {
		return last
	}
	tail := len(last) - len(kept)
	switch rng.IntN(6) {
	case 0:
		return kept
	case 1:
		return n.versions[len(n.versions)-1]
	case 2: // torn anywhere
		return last[:len(kept)+rng.IntN(tail+1)]
	case 3: // the size is there, the bytes are not all
		out := slices.Clone(last)
		clear(out[len(kept)+rng.IntN(tail+1):])
		return out
	default: // of each block one of the versions that were written, or none
		block := []int{512, 4096}[rng.IntN(2)]
		out := make([]byte, len(last))
		for at := 0; at < len(out); at += block {
			v := n.versions[rng.IntN(len(n.versions))]
			end := min(at+block, len(out))
			if at < len(v) {
				copy(out[at:end], v[at:])
			}
		}
		copy(out, kept)
		return out
	}
}

// put makes real files of an image, and says which inode stands where.
func put(t *testing.T, image map[string][]byte, from, to string) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(image)) {
		at := to + strings.TrimPrefix(path, from)
		var err error
		if strings.HasSuffix(at, "/") {
			err = os.MkdirAll(at, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(at), 0o700); err == nil {
			err = os.WriteFile(at, image[path], 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
