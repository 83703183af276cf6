package hub

import (
	"encoding/binary"
	"math"
	"sort"
)

// Metadata is the key-value part of a GGUF file. The getters report false where a
// key is absent or holds another kind of value; integers of every width count as
// integers. Slices are shared and must not be changed.
type Metadata struct {
	values map[string]any // uint64, int64, float64, bool, string, []int64, []float64, []bool, []string
}

// Keys lists the keys in order.
func (m Metadata) Keys() []string {
	keys := make([]string, 0, len(m.values))
	for k := range m.values {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// Has reports whether a key is there, whatever it holds.
func (m Metadata) Has(key string) bool {
	_, ok := m.values[key]
	return ok
}

// String gets a string.
func (m Metadata) String(key string) (string, bool) {
	s, ok := m.values[key].(string)
	return s, ok
}

// Uint gets an integer that is not negative.
func (m Metadata) Uint(key string) (uint64, bool) {
	switch v := m.values[key].(type) {
	case uint64:
		return v, true
	case int64:
		return uint64(v), v >= 0
	}
	return 0, false
}

// Int gets an integer that fits an int.
func (m Metadata) Int(key string) (int, bool) {
	switch v := m.values[key].(type) {
	case uint64:
		return int(v), v <= math.MaxInt
	case int64:
		return int(v), int64(int(v)) == v
	}
	return 0, false
}

// Float gets a number of any kind.
func (m Metadata) Float(key string) (float64, bool) {
	switch v := m.values[key].(type) {
	case float64:
		return v, true
	case uint64:
		return float64(v), true
	case int64:
		return float64(v), true
	}
	return 0, false
}

// Bool gets a truth value.
func (m Metadata) Bool(key string) (value, ok bool) {
	value, ok = m.values[key].(bool)
	return value, ok
}

// Strings gets an array of strings.
func (m Metadata) Strings(key string) ([]string, bool) {
	s, ok := m.values[key].([]string)
	return s, ok
}

// Ints gets an array of integers. Values of the type uint64 above the range of
// int64 wrap round.
func (m Metadata) Ints(key string) ([]int64, bool) {
	s, ok := m.values[key].([]int64)
	return s, ok
}

// Int32s gets an array of integers, such as token types, as int32.
func (m Metadata) Int32s(key string) ([]int32, bool) {
	s, ok := m.values[key].([]int64)
	if !ok {
		return nil, false
	}
	out := make([]int32, len(s))
	for i, v := range s {
		if int64(int32(v)) != v {
			return nil, false
		}
		out[i] = int32(v)
	}
	return out, true
}

// Floats gets an array of floating-point numbers.
func (m Metadata) Floats(key string) ([]float64, bool) {
	s, ok := m.values[key].([]float64)
	return s, ok
}

// Value types of the format.
const (
	ggufUint8 = iota
	ggufInt8
	ggufUint16
	ggufInt16
	ggufUint32
	ggufInt32
	ggufFloat32
	ggufBool
	ggufString
	ggufArray
	ggufUint64
	ggufInt64
	ggufFloat64
)

func ggufValueSize(typ uint32) int {
	switch typ {
	case ggufUint8, ggufInt8, ggufBool:
		return 1
	case ggufUint16, ggufInt16:
		return 2
	case ggufUint32, ggufInt32, ggufFloat32:
		return 4
	case ggufUint64, ggufInt64, ggufFloat64:
		return 8
	}
	return 0
}

func (r *ggufReader) metadata(count int) (Metadata, error) {
	values := make(map[string]any, min(count, 1024))
	for range count {
		key := r.name("metadata key")
		typ := r.u32()
		if r.err != nil {
			return Metadata{}, r.err
		}
		if _, twice := values[key]; twice {
			return Metadata{}, formatErrorf("metadata key %s occurs twice", printable(key))
		}
		v, err := r.value(key, typ)
		if err != nil {
			return Metadata{}, err
		}
		values[key] = v
	}
	return Metadata{values}, nil
}

func (r *ggufReader) value(key string, typ uint32) (any, error) {
	switch typ {
	case ggufString:
		s := r.text()
		return s, r.err
	case ggufArray:
		return r.array(key)
	}
	size := ggufValueSize(typ)
	if size == 0 {
		return nil, formatErrorf("metadata key %s has the unknown value type %d", printable(key), typ)
	}
	b := r.bytes(size)
	if r.err != nil {
		return nil, r.err
	}
	switch typ {
	case ggufFloat32, ggufFloat64:
		return ggufFloat(b), nil
	case ggufBool:
		return b[0] != 0, nil
	case ggufUint8, ggufUint16, ggufUint32, ggufUint64:
		return uint64(ggufInteger(b, typ)), nil
	}
	return ggufInteger(b, typ), nil
}

func (r *ggufReader) array(key string) (any, error) {
	typ, count := r.u32(), r.u64()
	if r.err != nil {
		return nil, r.err
	}
	size := ggufValueSize(typ)
	if typ == ggufString {
		size = 8
	}
	if size == 0 {
		return nil, formatErrorf("metadata key %s is an array of the unsupported value type %d", printable(key), typ)
	}
	if count > uint64(r.left()/size) {
		return nil, formatErrorf("metadata key %s claims %d array elements, more than the file can hold", printable(key), count)
	}
	n := int(count)
	if typ == ggufString {
		return r.strings(n)
	}
	b := r.bytes(n * size)
	switch typ {
	case ggufFloat32, ggufFloat64:
		out := make([]float64, n)
		for i := range out {
			out[i] = ggufFloat(b[i*size : (i+1)*size])
		}
		return out, r.err
	case ggufBool:
		out := make([]bool, n)
		for i := range out {
			out[i] = b[i] != 0
		}
		return out, r.err
	}
	out := make([]int64, n)
	for i := range out {
		out[i] = ggufInteger(b[i*size:(i+1)*size], typ)
	}
	return out, r.err
}

// strings reads an array of strings into one block of memory: a vocabulary has
// a hundred thousand of them.
func (r *ggufReader) strings(n int) ([]string, error) {
	start := r.pos
	for range n {
		length := r.u64()
		if r.err == nil && length > uint64(r.left()) {
			r.err = formatErrorf("a string of %d bytes runs past the end of the file", length)
		}
		r.bytes(int(length))
		if r.err != nil {
			return nil, r.err
		}
	}
	block := string(r.data[start:r.pos])
	out := make([]string, n)
	at := 0
	for i := range out {
		length := int(binary.LittleEndian.Uint64(r.data[start+at:]))
		out[i] = block[at+8 : at+8+length]
		at += 8 + length
	}
	return out, nil
}

func ggufFloat(b []byte) float64 {
	if len(b) == 4 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// ggufInteger reads an integer; a uint64 is returned as its bit pattern.
func ggufInteger(b []byte, typ uint32) int64 {
	le := binary.LittleEndian
	switch typ {
	case ggufUint8:
		return int64(b[0])
	case ggufInt8:
		return int64(int8(b[0]))
	case ggufUint16:
		return int64(le.Uint16(b))
	case ggufInt16:
		return int64(int16(le.Uint16(b)))
	case ggufUint32:
		return int64(le.Uint32(b))
	case ggufInt32:
		return int64(int32(le.Uint32(b)))
	}
	return int64(le.Uint64(b))
}
