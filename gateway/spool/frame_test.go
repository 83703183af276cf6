package spool

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"stylesprint"
)

// full has every field set, each to another value.
func full(t testing.TB) stylesprint.RequestRecord {
	t.Helper()
	var r stylesprint.RequestRecord
	n := 0
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		n++
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1700000000, int64(n)).UTC()))
			return
		}
		switch v.Kind() {
		case reflect.String:
			v.SetString(fmt.Sprintf("text %d é\x00", n))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int, reflect.Int64:
			v.SetInt(int64(n) << 20)
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		default:
			t.Fatalf("no value for a %s", v.Type())
		}
	}
	fill(reflect.ValueOf(&r).Elem())
	return r
}

// A field that is added to records fails here until the spool keeps it.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	table := castagnoli()
	for _, want := range []stylesprint.RequestRecord{full(t), {ID: "x"}, {ID: "y", Cost: -1, Latency: -5, Prompt: strings.Repeat("p", 70000)}} {
		b := appendRecord(nil, 1<<40, &want, table)
		f, err := decode(b[frameHead:])
		if err != nil || f.kind != kindRecord || f.seq != 1<<40 || !reflect.DeepEqual(f.record, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, f, want)
		}
		if f, err := decode(append(b[frameHead:], 1, 2, 3)); err != nil || f.record != want {
			t.Errorf("fields of a later program are not skipped: %v", err)
		}
	}
	newer := appendRecord(nil, 1, &stylesprint.RequestRecord{ID: "x"}, table)
	newer[frameHead+2] = recordVersion + 1
	for _, c := range []struct {
		payload []byte
		want    error
	}{{newer[frameHead:], errNewer}, {[]byte{9}, errNewer}, {nil, errForm}, {[]byte{1}, errForm}, {[]byte{2}, errForm}, {[]byte{1, 1, 1, 200}, errForm}} {
		if _, err := decode(c.payload); !errors.Is(err, c.want) {
			t.Errorf("%v: %v, want %v", c.payload, err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	r := full(f)
	f.Add(appendRecord(nil, 7, &r, castagnoli())[frameHead:])
	f.Add(appendMark(nil, kindUndelivered, 7, castagnoli())[frameHead:])
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := decode(payload)
		if err != nil || got.kind != kindRecord {
			return
		}
		again, err := decode(appendRecord(nil, got.seq, &got.record, castagnoli())[frameHead:])
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, again, got)
		}
	})
}

// segmentOf is a segment with n records and their marks, and the offset behind each pair.
func segmentOf(n int) (b []byte, ends []int) {
	b = []byte(magic)
	for i := range n {
		b = appendRecord(b, uint64(i+1), record(fmt.Sprintf("r%d", i)), castagnoli())
		b = appendMark(b, kindDelivered, uint64(i+1), castagnoli())
		ends = append(ends, len(b))
	}
	return b, ends
}

// Wherever a segment ends, what was whole is replayed and the rest is cut and counted.
func TestTornTail(t *testing.T) {
	t.Parallel()
	b, ends := segmentOf(3)
	dir := t.TempDir()
	for cut := range len(b) + 1 {
		path := filepath.Join(dir, fmt.Sprint(cut))
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(segmentPath(path, 1), b[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		r := newReader(path, nil, castagnoli())
		if _, err := r.scan(); err != nil {
			t.Fatal(err)
		}
		got, err := r.next(100)
		if err != nil {
			t.Fatal(err)
		}
		confirmed := 0
		for _, end := range ends {
			if cut >= end {
				confirmed++
			}
		}
		for i, e := range got {
			if want := i >= confirmed; (e.Flags == unconfirmed) != want || e.ID != fmt.Sprintf("r%d", i) {
				t.Errorf("cut at %d: record %d is %q, flags %q", cut, i, e.ID, e.Flags)
			}
			e.from.open--
		}
		if len(got) < confirmed || len(got) > confirmed+1 {
			t.Errorf("cut at %d: %d records", cut, len(got))
		}
		if whole := cut == len(b) || cut == 0; whole && r.torn != 0 || r.torn > int64(cut) {
			t.Errorf("cut at %d: %d bytes torn", cut, r.torn)
		}
		if len(r.finished()) != 1 {
			t.Errorf("cut at %d: the segment is not done with", cut)
		}
		r.release()
	}
}

// A bad frame in the middle costs the rest of its segment, which is put aside for a person,
// and nothing of the next.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &ledger{}
	dead := filepath.Join(dir, "dead")
	if err := os.Mkdir(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	b, ends := segmentOf(3)
	bad := bytes.Clone(b)
	bad[ends[0]+frameHead+10] ^= 1
	next := appendMark(appendRecord([]byte(magic), 9, record("later"), castagnoli()), kindDelivered, 9, castagnoli())
	for n, content := range map[uint64][]byte{1: bad, 2: next} {
		if err := os.WriteFile(segmentPath(dead, n), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Options{Dir: dir, Sink: log})
	eventually(t, "what is whole is replayed", func() bool { return log.ids() == "r0 later" })
	eventually(t, "the folder is removed", func() bool { _, err := os.Stat(dead); return os.IsNotExist(err) })
	if got := files(t, dir); len(got) != 1 || got[0] != filepath.Join(dir, damaged, "dead-0000000001.seg") {
		t.Errorf("left: %v", got)
	}
	if n := s.metric(t, "spool_torn_bytes_total"); n != float64(len(bad)-ends[0]) {
		t.Errorf("%v bytes torn", n)
	}
}

// Records of a newer program are left for it.
func TestNewerProgram(t *testing.T) {
	t.Parallel()
	dir, log := t.TempDir(), &ledger{}
	newer := filepath.Join(dir, "newer")
	if err := os.Mkdir(newer, 0o700); err != nil {
		t.Fatal(err)
	}
	b, _ := segmentOf(1)
	b = append(b, 1, 0, 0, 0, 0, 0, 0, 0, 200)
	b = seal(b, len(b)-9, castagnoli())
	if err := os.WriteFile(segmentPath(newer, 1), b, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{Dir: dir, Sink: log})
	commit(s, "own")
	eventually(t, "our own records are written", func() bool { return strings.Contains(log.ids(), "own") })
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept, err := os.ReadFile(segmentPath(newer, 1)); err != nil || !bytes.Equal(kept, b) {
		t.Errorf("the segment was touched: %v", err)
	}
}

// Whatever lies in a segment, reading it ends, and everything that was written whole before
// the first bad frame is there.
func FuzzSegment(f *testing.F) {
	b, _ := segmentOf(2)
	f.Add(b)
	f.Add(b[:len(b)-3])
	f.Add([]byte(magic))
	huge := binary.LittleEndian.AppendUint32([]byte(magic), 1<<31)
	f.Add(append(huge, 0, 0, 0, 0, 0))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(segmentPath(dir, 1), content, 0o600); err != nil {
			t.Fatal(err)
		}
		r := newReader(dir, nil, castagnoli())
		defer r.release()
		if _, err := r.scan(); err != nil {
			t.Fatal(err)
		}
		for {
			got, err := r.next(8)
			if err != nil && !errors.Is(err, errNewer) {
				t.Fatal(err)
			}
			if len(got) == 0 {
				break
			}
			for _, e := range got {
				e.from.open--
			}
		}
		if r.torn > int64(len(content)) || r.torn < 0 {
			t.Errorf("%d bytes torn of %d", r.torn, len(content))
		}
	})
}
