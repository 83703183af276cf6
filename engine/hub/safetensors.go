package hub

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// Safetensors is an open model in the safetensors format: one file, or the
// shards that an index names.
type Safetensors struct {
	// Metadata is the "__metadata__" of the file, or of all shards together.
	Metadata map[string]string
	tensors  []Tensor
	byName   map[string]int
	files    []*mapping
}

const (
	singleFile = "model.safetensors"
	indexFile  = "model.safetensors.index.json"
	maxShards  = 4096
	// maxHeader is the limit of the reference implementation.
	maxHeader = 100_000_000
)

// OpenSafetensors maps a model: a .safetensors file, an index
// (*.safetensors.index.json), or a folder that holds model.safetensors, its
// index, or exactly one .safetensors file. Close it after the last use of its tensors.
func OpenSafetensors(path string) (*Safetensors, error) {
	file, err := safetensorsFile(path)
	if err != nil {
		return nil, err
	}
	s := &Safetensors{Metadata: map[string]string{}, byName: map[string]int{}}
	if strings.HasSuffix(file, ".json") {
		err = s.openIndex(file)
	} else {
		err = s.openFile(file)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// ReadSafetensors reads a model that lies in memory whole, such as an embedded one.
// Its tensors are views of data, which must not change.
func ReadSafetensors(data []byte) (*Safetensors, error) {
	s := &Safetensors{Metadata: map[string]string{}, byName: map[string]int{}}
	if err := s.add(data, singleFile); err != nil {
		return nil, err
	}
	return s, nil
}

func safetensorsFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("open model: %w", err)
	}
	if !info.IsDir() {
		return path, nil
	}
	for _, name := range []string{singleFile, indexFile} {
		if p := filepath.Join(path, name); exists(p) {
			return p, nil
		}
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(path), "*.safetensors"))
	if err != nil {
		return "", fmt.Errorf("open model: %w", err)
	}
	if len(found) != 1 {
		return "", &FormatError{Path: path, Reason: fmt.Sprintf("the folder holds neither %s nor %s, and %d other .safetensors files", singleFile, indexFile, len(found))}
	}
	return found[0], nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Close unmaps the files. Tensors must not be used afterwards.
func (s *Safetensors) Close() error { return closeAll(s.files) }

// Tensors lists the tensors, file by file, in the order of their data.
func (s *Safetensors) Tensors() []Tensor { return append([]Tensor(nil), s.tensors...) }

// Tensor finds a tensor by name.
func (s *Safetensors) Tensor(name string) (Tensor, bool) {
	i, ok := s.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return s.tensors[i], true
}

func (s *Safetensors) openFile(path string) error {
	m, err := openMapping(path)
	if err != nil {
		return err
	}
	s.files = append(s.files, m)
	return s.add(m.data, path)
}

// add takes the tensors of a file's bytes.
func (s *Safetensors) add(data []byte, path string) error {
	tensors, meta, err := parseSafetensors(data)
	if err != nil {
		return withPath(path, err)
	}
	for _, t := range tensors {
		if _, twice := s.byName[t.Name]; twice {
			return &FormatError{Path: path, Reason: "tensor " + printable(t.Name) + " is also in another shard"}
		}
		s.byName[t.Name] = len(s.tensors)
		s.tensors = append(s.tensors, t)
	}
	for k, v := range meta {
		s.Metadata[k] = v
	}
	return nil
}

// openIndex opens the shards that an index names, and checks that each tensor is
// there. Shards must lie beside the index.
func (s *Safetensors) openIndex(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("open model: %w", err)
	}
	if info.Size() > maxHeader {
		return &FormatError{Path: path, Reason: fmt.Sprintf("the index has %d bytes; %d are allowed", info.Size(), maxHeader)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("open model: %w", err)
	}
	weights, err := parseIndex(data)
	if err != nil {
		return withPath(path, err)
	}
	owner := map[string]string{}
	for _, shard := range shardNames(weights) {
		before := len(s.tensors)
		if err := s.openFile(filepath.Join(filepath.Dir(path), shard)); err != nil {
			return err
		}
		for _, t := range s.tensors[before:] {
			owner[t.Name] = shard
		}
	}
	for name, shard := range weights {
		if owner[name] != shard {
			return &FormatError{Path: path, Reason: fmt.Sprintf("tensor %s is not in shard %s", printable(name), printable(shard))}
		}
	}
	return nil
}

// parseIndex reads a weight map: tensor name to shard file.
func parseIndex(data []byte) (map[string]string, error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, formatErrorf("the index is not valid JSON: %v", err)
	}
	if len(index.WeightMap) == 0 {
		return nil, formatErrorf("the index names no tensors")
	}
	for _, shard := range index.WeightMap {
		if shard == "" || shard != filepath.Base(shard) || strings.ContainsAny(shard, `/\`) || !filepath.IsLocal(shard) || !strings.HasSuffix(shard, ".safetensors") {
			return nil, formatErrorf("the index names the shard %s; a .safetensors file beside the index is expected", printable(shard))
		}
	}
	if n := len(shardNames(index.WeightMap)); n > maxShards {
		return nil, formatErrorf("the index names %d shards; %d are allowed", n, maxShards)
	}
	return index.WeightMap, nil
}

func shardNames(weights map[string]string) []string {
	seen := map[string]bool{}
	var names []string
	for _, shard := range weights {
		if !seen[shard] {
			seen[shard] = true
			names = append(names, shard)
		}
	}
	sort.Strings(names)
	return names
}

type safetensorsEntry struct {
	DType   string   `json:"dtype"`
	Shape   []uint64 `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

func safetensorsType(s string) (Type, bool) {
	types := map[string]Type{"F64": F64, "F32": F32, "F16": F16, "BF16": BF16, "I64": I64, "I32": I32, "I16": I16, "I8": I8, "U8": U8, "BOOL": Bool}
	t, ok := types[s]
	return t, ok
}

// parseSafetensors reads a whole file: eight bytes of header length, the header
// as JSON, then the tensors' bytes without holes.
func parseSafetensors(data []byte) ([]Tensor, map[string]string, error) {
	if len(data) < 8 {
		return nil, nil, formatErrorf("not a safetensors file: it has %d bytes", len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > uint64(len(data)-8) || n > maxHeader {
		return nil, nil, formatErrorf("not a safetensors file: a header of %d bytes does not fit its %d bytes", n, len(data))
	}
	header, body := data[8:8+n], data[8+n:]
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, formatErrorf("not a safetensors file: the header is not a JSON object")
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return nil, nil, formatErrorf("the header is not valid JSON: %v", err)
	}
	var meta map[string]string
	if m, ok := raw["__metadata__"]; ok {
		if err := json.Unmarshal(m, &meta); err != nil {
			return nil, nil, formatErrorf("__metadata__ is not a map of strings: %v", err)
		}
		delete(raw, "__metadata__")
	}
	if len(raw) > maxTensorCount {
		return nil, nil, formatErrorf("the header names %d tensors; %d are allowed", len(raw), maxTensorCount)
	}
	tensors, err := placeSafetensors(raw, body)
	return tensors, meta, err
}

func placeSafetensors(raw map[string]json.RawMessage, body []byte) ([]Tensor, error) {
	type placed struct {
		Tensor
		begin uint64
	}
	list := make([]placed, 0, len(raw))
	for name, entry := range raw {
		t, begin, err := safetensorsTensor(name, entry, body)
		if err != nil {
			return nil, err
		}
		list = append(list, placed{t, begin})
	}
	sort.Slice(list, func(a, b int) bool {
		x, y := list[a], list[b]
		if x.begin != y.begin {
			return x.begin < y.begin
		}
		if len(x.Data) != len(y.Data) {
			return len(x.Data) < len(y.Data)
		}
		return x.Name < y.Name
	})
	tensors := make([]Tensor, len(list))
	var end uint64
	for i, p := range list {
		if p.begin != end {
			return nil, formatErrorf("tensor %s begins at byte %d of the data, not at %d where the one before it ends", printable(p.Name), p.begin, end)
		}
		end += uint64(len(p.Data))
		tensors[i] = p.Tensor
	}
	if end != uint64(len(body)) {
		return nil, formatErrorf("the tensors end at byte %d of the data, but there are %d: the file was cut off or has been added to", end, len(body))
	}
	return tensors, nil
}

func safetensorsTensor(name string, entry json.RawMessage, body []byte) (Tensor, uint64, error) {
	if len(name) > maxNameLength {
		return Tensor{}, 0, formatErrorf("the name of a tensor has %d bytes; %d are allowed", len(name), maxNameLength)
	}
	var e safetensorsEntry
	if err := json.Unmarshal(entry, &e); err != nil {
		return Tensor{}, 0, formatErrorf("tensor %s: %v", printable(name), err)
	}
	typ, ok := safetensorsType(e.DType)
	if !ok {
		return Tensor{}, 0, formatErrorf("tensor %s is stored as %s, which is not supported; use F32, F16 or BF16", printable(name), printable(e.DType))
	}
	if len(e.Shape) > maxDimensions {
		return Tensor{}, 0, formatErrorf("tensor %s has %d dimensions; %d are allowed", printable(name), len(e.Shape), maxDimensions)
	}
	shape := make([]int, len(e.Shape))
	for i, d := range e.Shape {
		if d > 1<<48 {
			return Tensor{}, 0, formatErrorf("tensor %s has a dimension of %d", printable(name), d)
		}
		shape[i] = int(d)
	}
	size, err := tensorBytes(shape, typ)
	if err != nil {
		return Tensor{}, 0, formatErrorf("tensor %s: %v", printable(name), err)
	}
	if len(e.Offsets) != 2 || e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > uint64(len(body)) || e.Offsets[1]-e.Offsets[0] != uint64(size) {
		return Tensor{}, 0, formatErrorf("tensor %s: data_offsets %v do not hold its %d bytes within the file's %d", printable(name), e.Offsets, size, len(body))
	}
	from, to := e.Offsets[0], e.Offsets[1]
	return Tensor{Name: name, Shape: shape, Type: typ, Data: body[from:to:to]}, from, nil
}
