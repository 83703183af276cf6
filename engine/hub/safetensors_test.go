package hub

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func safetensorsBytes(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

const twoTensors = `{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2,2],"data_offsets":[4,12]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   `

func twoTensorBytes() []byte {
	return safetensorsBytes(twoTensors, 0, 0, 0x80, 0x3f, 0x80, 0x3f, 0, 0x40, 0x40, 0x40, 0x80, 0x40)
}

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSafetensorsReads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, dir, "model.safetensors", twoTensorBytes())
	for _, path := range []string{file, dir} {
		s, err := OpenSafetensors(path)
		if err != nil {
			t.Fatal(err)
		}
		b, ok := s.Tensor("b")
		values, err := b.Float32(nil)
		if !ok || err != nil || !slices.Equal(values, []float32{1, 2, 3, 4}) || !slices.Equal(b.Shape, []int{2, 2}) {
			t.Errorf("b = %v %v %v", b.Shape, values, err)
		}
		a, _ := s.Tensor("a")
		if values, _ := a.Float32(nil); !slices.Equal(values, []float32{1}) || a.Elements() != 1 {
			t.Errorf("a = %v", values)
		}
		if s.Metadata["format"] != "pt" || len(s.Tensors()) != 2 || s.Tensors()[0].Name != "a" {
			t.Errorf("metadata %v, tensors %v", s.Metadata, s.Tensors())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSafetensorsReadsShards(t *testing.T) {
	t.Parallel()
	one := safetensorsBytes(`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 7)
	two := safetensorsBytes(`{"y":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 8)
	cases := []struct{ name, index, want string }{
		{"good", `{"weight_map":{"x":"m-1.safetensors","y":"m-2.safetensors"}}`, ""},
		{"wrong shard", `{"weight_map":{"x":"m-2.safetensors","y":"m-2.safetensors"}}`, `tensor "x" is not in shard`},
		{"absent tensor", `{"weight_map":{"z":"m-2.safetensors"}}`, `tensor "z" is not in shard`},
		{"absent shard", `{"weight_map":{"x":"m-3.safetensors"}}`, "m-3.safetensors"},
		{"twice", `{"weight_map":{"x":"m-1.safetensors","z":"copy.safetensors"}}`, "also in another shard"},
		{"outside", `{"weight_map":{"x":"../m-1.safetensors"}}`, "beside the index"},
		{"absolute", `{"weight_map":{"x":"/etc/m.safetensors"}}`, "beside the index"},
		{"backslash", `{"weight_map":{"x":"..\\m-1.safetensors"}}`, "beside the index"},
		{"not weights", `{"weight_map":{"x":"passwd"}}`, "beside the index"},
		{"empty", `{"weight_map":{}}`, "names no tensors"},
		{"broken", `{"weight_map":`, "not valid JSON"},
	}
	for _, c := range cases {
		dir := t.TempDir()
		write(t, dir, "m-1.safetensors", one)
		write(t, dir, "copy.safetensors", one)
		write(t, dir, "m-2.safetensors", two)
		write(t, dir, indexFile, []byte(c.index))
		s, err := OpenSafetensors(dir)
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v, want %q", c.name, err, c.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		x, _ := s.Tensor("x")
		y, _ := s.Tensor("y")
		if x.Data[0] != 7 || y.Data[0] != 8 {
			t.Errorf("%s: x %v, y %v", c.name, x.Data, y.Data)
		}
		s.Close()
	}
}

func TestSafetensorsFindsTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenSafetensors(dir); err == nil || !strings.Contains(err.Error(), "0 other .safetensors files") {
		t.Errorf("empty folder: %v", err)
	}
	write(t, dir, "adapter_model.safetensors", twoTensorBytes())
	s, err := OpenSafetensors(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	write(t, dir, "other.safetensors", twoTensorBytes())
	if _, err := OpenSafetensors(dir); err == nil || !strings.Contains(err.Error(), "2 other") {
		t.Errorf("two files: %v", err)
	}
	if _, err := OpenSafetensors(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
}

func TestSafetensorsRefusesHostileFiles(t *testing.T) {
	t.Parallel()
	entry := func(dtype, shape, offsets string) string {
		return `{"x":{"dtype":"` + dtype + `","shape":` + shape + `,"data_offsets":` + offsets + `}}`
	}
	cases := []struct{ name, header, want string }{
		{"not an object", `[1,2,3,4]`, "not a JSON object"},
		{"broken", `{"x":`, "not valid JSON"},
		{"unknown type", entry("F8_E4M3", "[4]", "[0,4]"), "not supported"},
		{"negative", entry("F32", "[-1]", "[0,4]"), `tensor "x"`},
		{"fraction", entry("F32", "[1.5]", "[0,4]"), `tensor "x"`},
		{"huge", entry("F32", "[18446744073709551615]", "[0,4]"), "dimension of"},
		{"product overflows", entry("F32", "[4294967296,4294967296]", "[0,0]"), "out of range"},
		{"many dimensions", entry("U8", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), "9 dimensions"},
		{"wrong length", entry("F32", "[2]", "[0,4]"), "do not hold its 8 bytes"},
		{"past the end", entry("F32", "[2]", "[0,8]"), "do not hold"},
		{"backwards", entry("F32", "[1]", "[4,0]"), "do not hold"},
		{"three offsets", entry("F32", "[1]", "[0,4,8]"), "do not hold"},
		{"hole", entry("U8", "[1]", "[3,4]"), "begins at byte 3"},
		{"rest", entry("U8", "[1]", "[0,1]"), "end at byte 1"},
		{"no tensors", `{}`, "end at byte 0"},
		{"overlap", `{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, "begins at byte 0"},
		{"metadata", `{"__metadata__":{"a":1}}`, "not a map of strings"},
		{"long name", `{"` + strings.Repeat("n", 5000) + `":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, "5000 bytes"},
	}
	for _, c := range cases {
		_, _, err := parseSafetensors(safetensorsBytes(c.header, 1, 2, 3, 4))
		var format *FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.name, err, c.want)
		}
	}
	for _, data := range [][]byte{nil, []byte("short"), binary.LittleEndian.AppendUint64(nil, math.MaxUint64), append(binary.LittleEndian.AppendUint64(nil, 100), "{}"...)} {
		if _, _, err := parseSafetensors(data); err == nil {
			t.Errorf("%q was accepted", data)
		}
	}
}

func FuzzSafetensors(f *testing.F) {
	f.Add(twoTensorBytes())
	f.Add(safetensorsBytes(`{}`))
	f.Add(safetensorsBytes(`{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`))
	f.Add(safetensorsBytes(`{"x":{"dtype":"F16","shape":[0,9],"data_offsets":[0,0]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, _, err := parseSafetensors(data)
		if err != nil {
			return
		}
		stored := 0
		for _, x := range tensors {
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

func FuzzShardIndex(f *testing.F) {
	f.Add([]byte(`{"metadata":{"total_size":2},"weight_map":{"x":"m-1.safetensors","y":"m-2.safetensors"}}`))
	f.Add([]byte(`{"weight_map":{"x":"../m.safetensors"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		weights, err := parseIndex(data)
		if err != nil {
			return
		}
		for _, shard := range weights {
			if filepath.Dir(filepath.Join("dir", shard)) != "dir" {
				t.Errorf("shard %q is outside the folder", shard)
			}
		}
	})
}
