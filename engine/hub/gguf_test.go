package hub

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// ggufFile builds the bytes of a GGUF file.
type ggufFile struct{ bytes.Buffer }

func (b *ggufFile) u32(v uint32) *ggufFile {
	b.Write(binary.LittleEndian.AppendUint32(nil, v))
	return b
}

func (b *ggufFile) u64(v uint64) *ggufFile {
	b.Write(binary.LittleEndian.AppendUint64(nil, v))
	return b
}

func (b *ggufFile) text(s string) *ggufFile {
	b.u64(uint64(len(s)))
	b.WriteString(s)
	return b
}

func (b *ggufFile) head(version uint32, tensors, metadata uint64) *ggufFile {
	b.WriteString("GGUF")
	return b.u32(version).u64(tensors).u64(metadata)
}

func (b *ggufFile) tensor(name string, dims []uint64, typ uint32, offset uint64) *ggufFile {
	b.text(name).u32(uint32(len(dims)))
	for _, d := range dims {
		b.u64(d)
	}
	return b.u32(typ).u64(offset)
}

// data pads to the alignment and appends.
func (b *ggufFile) data(n int) []byte {
	for b.Len()%32 != 0 {
		b.WriteByte(0)
	}
	for i := range n {
		b.WriteByte(byte(i))
	}
	return b.Bytes()
}

func smallGGUF(version uint32) []byte {
	b := new(ggufFile).head(version, 2, 9)
	b.text("general.architecture").u32(ggufString).text("llama")
	b.text("a.uint").u32(ggufUint32).u32(7)
	b.text("a.negative").u32(ggufInt64).u64(math.MaxUint64)
	b.text("a.large").u32(ggufUint64).u64(math.MaxUint64)
	b.text("a.float").u32(ggufFloat32).u32(math.Float32bits(0.5))
	b.text("a.bool").u32(ggufBool).WriteByte(1)
	b.text("a.words").u32(ggufArray).u32(ggufString).u64(3).text("one").text("").text("três")
	b.text("a.numbers").u32(ggufArray).u32(ggufInt32).u64(2).u32(5).u32(0xffffffff)
	b.text("a.floats").u32(ggufArray).u32(ggufFloat64).u64(1).u64(math.Float64bits(-2))
	b.tensor("w", []uint64{32, 2}, 2, 0)
	b.tensor("v", []uint64{3}, 0, 64)
	return b.data(76)
}

func TestGGUFReadsEverything(t *testing.T) {
	t.Parallel()
	for _, version := range []uint32{2, 3} {
		g, err := parseGGUF(smallGGUF(version))
		if err != nil {
			t.Fatal(err)
		}
		m := g.Metadata
		if g.Architecture() != "llama" || g.Version != int(version) || len(m.Keys()) != 9 || m.Keys()[0] != "a.bool" {
			t.Errorf("architecture %q, version %d, keys %v", g.Architecture(), g.Version, m.Keys())
		}
		if n, ok := m.Uint("a.uint"); n != 7 || !ok {
			t.Errorf("Uint = %d %v", n, ok)
		}
		if n, ok := m.Int("a.negative"); n != -1 || !ok {
			t.Errorf("Int = %d %v", n, ok)
		}
		if _, ok := m.Uint("a.negative"); ok {
			t.Error("Uint accepts a negative number")
		}
		if _, ok := m.Int("a.large"); ok {
			t.Error("Int accepts 2^64-1")
		}
		if f, ok := m.Float("a.float"); f != 0.5 || !ok {
			t.Errorf("Float = %g %v", f, ok)
		}
		if f, ok := m.Float("a.uint"); f != 7 || !ok {
			t.Errorf("Float of an integer = %g %v", f, ok)
		}
		if v, ok := m.Bool("a.bool"); !v || !ok {
			t.Error("Bool")
		}
		if s, ok := m.Strings("a.words"); !ok || !slices.Equal(s, []string{"one", "", "três"}) {
			t.Errorf("Strings = %q", s)
		}
		if s, ok := m.Int32s("a.numbers"); !ok || !slices.Equal(s, []int32{5, -1}) {
			t.Errorf("Int32s = %v", s)
		}
		if s, ok := m.Floats("a.floats"); !ok || !slices.Equal(s, []float64{-2}) {
			t.Errorf("Floats = %v", s)
		}
		if _, ok := m.String("absent"); ok || m.Has("absent") || !m.Has("a.bool") {
			t.Error("absent key found")
		}
		w, ok := g.Tensor("w")
		if !ok || !slices.Equal(w.Shape, []int{2, 32}) || w.Type != Q4_0 || len(w.Data) != 36 {
			t.Errorf("w = %+v", w)
		}
		if v, _ := g.Tensor("v"); len(v.Data) != 12 || v.Data[0] != 64 {
			t.Errorf("v = %+v", v)
		}
		if names := g.Tensors(); len(names) != 2 || names[0].Name != "w" {
			t.Errorf("Tensors = %v", names)
		}
	}
}

func TestGGUFRefusesHostileFiles(t *testing.T) {
	t.Parallel()
	one := func(dims []uint64, typ uint32, offset uint64, data int) []byte {
		return new(ggufFile).head(3, 1, 0).tensor("w", dims, typ, offset).data(data)
	}
	cases := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "does not begin"},
		{"other format", []byte("PK\x03\x04 a zip file"), "does not begin"},
		{"version 1", new(ggufFile).head(1, 0, 0).Bytes(), "version 1 is not supported"},
		{"big-endian", new(ggufFile).head(0x03000000, 0, 0).Bytes(), "big-endian"},
		{"only magic", []byte("GGUF"), "version 0"},
		{"cut in header", new(ggufFile).head(3, 0, 0).Bytes()[:20], "ends inside its header"},
		{"many tensors", new(ggufFile).head(3, 1<<40, 0).data(64), "more than the file can hold"},
		{"many keys", new(ggufFile).head(3, 0, math.MaxUint64).data(64), "more than the file can hold"},
		{"long string", new(ggufFile).head(3, 0, 1).u64(math.MaxUint64).data(64), "runs past the end"},
		{"long key", new(ggufFile).head(3, 0, 1).text(strings.Repeat("k", 5000)).data(64), "has 5000 bytes"},
		{"long array", new(ggufFile).head(3, 0, 1).text("k").u32(ggufArray).u32(ggufUint64).u64(1 << 61).data(64), "more than the file can hold"},
		{"long string array", new(ggufFile).head(3, 0, 1).text("k").u32(ggufArray).u32(ggufString).u64(8).u64(1 << 63).data(64), "runs past the end"},
		{"nested array", new(ggufFile).head(3, 0, 1).text("k").u32(ggufArray).u32(ggufArray).u64(1).data(64), "unsupported value type 9"},
		{"unknown value type", new(ggufFile).head(3, 0, 1).text("k").u32(99).data(64), "unknown value type 99"},
		{"key twice", new(ggufFile).head(3, 0, 2).text("k").u32(ggufUint32).u32(1).text("k").u32(ggufUint32).u32(1).data(0), "occurs twice"},
		{"tensor twice", new(ggufFile).head(3, 2, 0).tensor("w", []uint64{1}, 0, 0).tensor("w", []uint64{1}, 0, 32).data(64), "occurs twice"},
		{"many dimensions", new(ggufFile).head(3, 1, 0).text("w").u32(1 << 30).data(64), "dimensions"},
		{"huge dimension", one([]uint64{1 << 60}, 0, 0, 64), "dimension of"},
		{"product overflows", one([]uint64{1 << 40, 1 << 40}, 0, 0, 64), "out of range"},
		{"empty but huge", one([]uint64{0, 1 << 40}, 0, 0, 64), "out of range"},
		{"past the end", one([]uint64{1 << 20}, 0, 0, 64), "lie outside"},
		{"offset past the end", one([]uint64{1}, 0, 1<<62, 64), "lie outside"},
		{"offset overflows", one([]uint64{1}, 0, math.MaxUint64-31, 64), "lie outside"},
		{"offset unaligned", one([]uint64{1}, 0, 4, 64), "lie outside"},
		{"broken blocks", one([]uint64{33}, 2, 0, 64), "not whole blocks"},
		{"scalar of blocks", one(nil, 2, 0, 64), "not whole blocks"},
		{"unsupported type", one([]uint64{256}, 16, 0, 128), "IQ2_XXS, which is not supported"},
		{"unknown type", one([]uint64{256}, 1000, 0, 128), "type 1000, unknown"},
		{"overlap", new(ggufFile).head(3, 2, 0).tensor("a", []uint64{16}, 0, 0).tensor("b", []uint64{8}, 0, 32).data(64), "overlap"},
		{"alignment zero", new(ggufFile).head(3, 0, 1).text("general.alignment").u32(ggufUint32).u32(0).data(0), "general.alignment is 0"},
		{"alignment odd", new(ggufFile).head(3, 0, 1).text("general.alignment").u32(ggufUint32).u32(48).data(0), "general.alignment is 48"},
	}
	for _, c := range cases {
		_, err := parseGGUF(c.data)
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
}

// A claim of 2^40 elements must not be believed before it is checked.
func TestHostileClaimsAllocateLittle(t *testing.T) {
	hostile := [][]byte{
		new(ggufFile).head(3, 1<<40, 1<<40).data(1 << 10),
		new(ggufFile).head(3, 0, 1).text("k").u32(ggufArray).u32(ggufString).u64(1 << 40).data(1 << 10),
		new(ggufFile).head(3, 1<<19, 0).data(24 << 10),
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, data := range hostile {
		if _, err := parseGGUF(data); err == nil {
			t.Error("a hostile file was accepted")
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated for three small files", n)
	}
}

func TestOpenGGUFNamesTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.gguf")
	if err := os.WriteFile(bad, []byte("nothing of the kind"), 0o644); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.gguf")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{bad: "bad.gguf: not a GGUF file", empty: "the file is empty", dir: "not a regular file"} {
		if _, err := OpenGGUF(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("OpenGGUF(%s) = %v, want %q", path, err, want)
		}
	}
	if _, err := OpenGGUF(filepath.Join(dir, "absent.gguf")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	good := filepath.Join(dir, "good.gguf")
	if err := os.WriteFile(good, smallGGUF(3), 0o644); err != nil {
		t.Fatal(err)
	}
	g, err := OpenGGUF(good)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// Values and files are the gguf package's for Python; see tools/parity/gguf_dequantize.py.
func TestDequantisationEqualsReference(t *testing.T) {
	t.Parallel()
	g, err := OpenGGUF("testdata/dequantise.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	checked := 0
	for _, raw := range g.Tensors() {
		want, ok := g.Tensor(raw.Name + ".values")
		if !ok {
			continue
		}
		checked++
		if raw.Type.String() != raw.Name {
			t.Errorf("%s is read as %s", raw.Name, raw.Type)
		}
		got, err := raw.Float32(nil)
		if err != nil {
			t.Fatal(err)
		}
		expected, err := want.Float32(nil)
		if err != nil {
			t.Fatal(err)
		}
		assertSame(t, raw.Name, got, expected)
		rows, err := raw.Slice(1, raw.Rows()).Float32(make([]float32, 0, 4096))
		if err != nil {
			t.Fatal(err)
		}
		assertSame(t, raw.Name+" by rows", rows, expected[raw.Columns():])
	}
	if checked != 15 {
		t.Errorf("%d types checked, want 15", checked)
	}
}

func assertSame(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", name, len(got), len(want))
		return
	}
	for i := range got {
		if got[i] != want[i] || math.Signbit(float64(got[i])) != math.Signbit(float64(want[i])) {
			t.Errorf("%s: number %d is %g, want %g", name, i, got[i], want[i])
			return
		}
	}
}

func TestPlainTypesExpand(t *testing.T) {
	t.Parallel()
	cases := []struct {
		typ  Type
		data []byte
		want []float32
	}{
		{F64, binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.5)), []float32{1.5}},
		{I64, binary.LittleEndian.AppendUint64(nil, math.MaxUint64), []float32{-1}},
		{I32, []byte{0xfe, 0xff, 0xff, 0xff}, []float32{-2}},
		{I16, []byte{0xfd, 0xff, 3, 0}, []float32{-3, 3}},
		{I8, []byte{0xff, 1}, []float32{-1, 1}},
		{U8, []byte{0xff, 1}, []float32{255, 1}},
		{Bool, []byte{1, 0}, []float32{1, 0}},
	}
	for _, c := range cases {
		got, err := Tensor{Shape: []int{len(c.want)}, Type: c.typ, Data: c.data}.Float32(nil)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, %v", c.typ, got, err)
		}
	}
	if _, err := (Tensor{Shape: []int{3}, Type: F32, Data: make([]byte, 8)}).Float32(nil); err == nil {
		t.Error("two numbers passed for three")
	}
	if _, err := (Tensor{Shape: []int{1}, Data: make([]byte, 8)}).Float32(nil); err == nil {
		t.Error("the zero type passed")
	}
}

func FuzzGGUF(f *testing.F) {
	f.Add(smallGGUF(3))
	f.Add(smallGGUF(2))
	f.Add(new(ggufFile).head(3, 1, 0).tensor("w", []uint64{256, 2}, 12, 0).data(288))
	f.Add(new(ggufFile).head(3, 0, 1).text("k").u32(ggufArray).u32(ggufString).u64(1 << 40).data(64))
	if golden, err := os.ReadFile("testdata/dequantise.gguf"); err == nil {
		f.Add(golden[:4096])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := parseGGUF(data)
		if err != nil {
			return
		}
		stored := 0
		for _, x := range g.Tensors() {
			stored += len(x.Data)
			if _, err := x.Float32(nil); err != nil {
				t.Errorf("an accepted tensor cannot be converted: %v", err)
			}
		}
		if stored > len(data) {
			t.Errorf("%d bytes of tensors in a file of %d", stored, len(data))
		}
	})
}
