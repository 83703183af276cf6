package hub

import (
	"encoding/binary"
	"math/bits"
	"sort"
)

// GGUF is an open GGUF file, version 2 or 3, little-endian.
type GGUF struct {
	Version  int
	Metadata Metadata
	tensors  []Tensor
	byName   map[string]int
	file     *mapping
}

// OpenGGUF maps a GGUF file and reads its header. Close it after the last use of
// its tensors.
func OpenGGUF(path string) (*GGUF, error) {
	m, err := openMapping(path)
	if err != nil {
		return nil, err
	}
	g, err := parseGGUF(m.data)
	if err != nil {
		m.Close()
		return nil, withPath(path, err)
	}
	g.file = m
	return g, nil
}

// Close unmaps the file. Tensors must not be used afterwards.
func (g *GGUF) Close() error {
	if g.file == nil {
		return nil
	}
	return g.file.Close()
}

// Tensors lists the tensors in file order.
func (g *GGUF) Tensors() []Tensor { return append([]Tensor(nil), g.tensors...) }

// Tensor finds a tensor by name.
func (g *GGUF) Tensor(name string) (Tensor, bool) {
	i, ok := g.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return g.tensors[i], true
}

// Architecture is the value of general.architecture ("llama"), or "".
func (g *GGUF) Architecture() string {
	s, _ := g.Metadata.String("general.architecture")
	return s
}

func ggufType(n uint32) (Type, bool) {
	types := [...]Type{
		0: F32, 1: F16, 2: Q4_0, 3: Q4_1, 6: Q5_0, 7: Q5_1, 8: Q8_0, 10: Q2_K, 11: Q3_K, 12: Q4_K, 13: Q5_K, 14: Q6_K,
		20: IQ4_NL, 23: IQ4_XS, 24: I8, 25: I16, 26: I32, 27: I64, 28: F64, 30: BF16, 39: MXFP4,
	}
	if n >= uint32(len(types)) {
		return 0, false
	}
	return types[n], types[n] != 0
}

// ggufTypeName names the types that cannot be read, for the message.
func ggufTypeName(n uint32) string {
	names := [...]string{
		4: "Q4_2 (removed from GGML)", 5: "Q4_3 (removed from GGML)", 9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
		21: "IQ3_S", 22: "IQ2_S", 29: "IQ1_M", 31: "Q4_0_4_4 (removed from GGML)", 32: "Q4_0_4_8 (removed from GGML)", 33: "Q4_0_8_8 (removed from GGML)",
		34: "TQ1_0", 35: "TQ2_0", 40: "NVFP4", 41: "Q1_0",
	}
	if n < uint32(len(names)) && names[n] != "" {
		return names[n]
	}
	return "unknown"
}

// Least sizes of an entry on disk, which bound how many a file can hold.
const (
	minMetadataEntry = 8 + 4 + 1     // empty key, type, one byte
	minTensorEntry   = 8 + 4 + 4 + 8 // empty name, no dimensions, type, offset
)

type ggufTensor struct {
	name   string
	shape  []int
	typ    Type
	offset uint64
}

func parseGGUF(data []byte) (*GGUF, error) {
	r := &ggufReader{data: data}
	if string(r.bytes(4)) != "GGUF" {
		return nil, formatErrorf("not a GGUF file: it does not begin with \"GGUF\"")
	}
	version := r.u32()
	if version != 2 && version != 3 {
		if v := bits.ReverseBytes32(version); v == 2 || v == 3 {
			return nil, formatErrorf("big-endian GGUF is not supported")
		}
		return nil, formatErrorf("GGUF version %d is not supported; 2 and 3 are", version)
	}
	tensorCount, metaCount := r.u64(), r.u64()
	if r.err != nil {
		return nil, r.err
	}
	if metaCount > uint64(r.left()/minMetadataEntry) || tensorCount > min(maxTensorCount, uint64(r.left()/minTensorEntry)) {
		return nil, formatErrorf("header claims %d tensors and %d metadata entries, more than the file can hold", tensorCount, metaCount)
	}
	meta, err := r.metadata(int(metaCount))
	if err != nil {
		return nil, err
	}
	infos, err := r.tensorInfos(int(tensorCount))
	if err != nil {
		return nil, err
	}
	g := &GGUF{Version: int(version), Metadata: meta}
	return g, g.place(infos, data, r.pos)
}

// place turns tensor entries into views of the data section, which begins at
// the first multiple of the alignment after the header.
func (g *GGUF) place(infos []ggufTensor, data []byte, headerEnd int) error {
	align := uint64(32)
	if v, ok := g.Metadata.Uint("general.alignment"); ok {
		align = v
	}
	if align == 0 || align > 1<<20 || align&(align-1) != 0 {
		return formatErrorf("general.alignment is %d; a power of two up to 1048576 is expected", align)
	}
	start := (uint64(headerEnd) + align - 1) / align * align
	var room uint64
	if start < uint64(len(data)) {
		room = uint64(len(data)) - start
	}
	g.tensors = make([]Tensor, len(infos))
	g.byName = make(map[string]int, len(infos))
	for i, in := range infos {
		n, err := tensorBytes(in.shape, in.typ)
		if err != nil {
			return formatErrorf("tensor %s: %v", printable(in.name), err)
		}
		size := uint64(n)
		if in.offset%align != 0 || in.offset > room || size > room-in.offset {
			return formatErrorf("tensor %s: %d bytes at offset %d lie outside the file's %d bytes of data", printable(in.name), size, in.offset, room)
		}
		if _, twice := g.byName[in.name]; twice {
			return formatErrorf("tensor %s occurs twice", printable(in.name))
		}
		from := start + in.offset
		g.byName[in.name] = i
		g.tensors[i] = Tensor{Name: in.name, Shape: in.shape, Type: in.typ, Data: data[from : from+size : from+size]}
	}
	return g.checkOverlap(infos)
}

// checkOverlap refuses tensors that share bytes: no writer makes them, and they
// would let a small file claim any number of large tensors.
func (g *GGUF) checkOverlap(infos []ggufTensor) error {
	order := make([]int, 0, len(infos))
	for i := range infos {
		if len(g.tensors[i].Data) > 0 {
			order = append(order, i)
		}
	}
	sort.Slice(order, func(a, b int) bool { return infos[order[a]].offset < infos[order[b]].offset })
	for k := 1; k < len(order); k++ {
		a, b := order[k-1], order[k]
		if infos[a].offset+uint64(len(g.tensors[a].Data)) > infos[b].offset {
			return formatErrorf("tensors %s and %s overlap", printable(infos[a].name), printable(infos[b].name))
		}
	}
	return nil
}

// ggufReader walks the header. After the first fault every read gives zero and
// err holds it.
type ggufReader struct {
	data []byte
	pos  int
	err  error
}

func (r *ggufReader) left() int { return len(r.data) - r.pos }

func (r *ggufReader) bytes(n int) []byte {
	if r.err == nil && (n < 0 || n > r.left()) {
		r.err = formatErrorf("the file ends inside its header (byte %d)", len(r.data))
	}
	if r.err != nil {
		return nil
	}
	b := r.data[r.pos : r.pos+n]
	r.pos += n
	return b
}

func (r *ggufReader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *ggufReader) u64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// text reads a length and that many bytes.
func (r *ggufReader) text() string {
	n := r.u64()
	if r.err == nil && n > uint64(r.left()) {
		r.err = formatErrorf("a string of %d bytes runs past the end of the file", n)
	}
	return string(r.bytes(int(n)))
}

func (r *ggufReader) name(what string) string {
	s := r.text()
	if r.err == nil && len(s) > maxNameLength {
		r.err = formatErrorf("the name of a %s has %d bytes; %d are allowed", what, len(s), maxNameLength)
	}
	return s
}

func (r *ggufReader) tensorInfos(count int) ([]ggufTensor, error) {
	infos := make([]ggufTensor, 0, min(count, 4096))
	for range count {
		t := ggufTensor{name: r.name("tensor")}
		dims := r.u32()
		if r.err == nil && dims > maxDimensions {
			return nil, formatErrorf("tensor %s has %d dimensions; %d are allowed", printable(t.name), dims, maxDimensions)
		}
		if r.err != nil {
			return nil, r.err
		}
		t.shape = make([]int, dims)
		for i := range t.shape {
			d := r.u64()
			if d > 1<<48 {
				return nil, formatErrorf("tensor %s has a dimension of %d", printable(t.name), d)
			}
			t.shape[len(t.shape)-1-i] = int(d)
		}
		code := r.u32()
		t.offset = r.u64()
		if r.err != nil {
			return nil, r.err
		}
		typ, ok := ggufType(code)
		if !ok {
			return nil, formatErrorf("tensor %s is stored as type %d, %s, which is not supported; use a file in Q4_0, Q4_1, Q8_0, F16, BF16 or a K-quant", printable(t.name), code, ggufTypeName(code))
		}
		t.typ = typ
		infos = append(infos, t)
	}
	return infos, r.err
}
