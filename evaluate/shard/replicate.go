package shard

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"stylesprint/evaluate/resample"
)

// Replicates is how many replicates of the bootstrap are kept.
const Replicates = 1000

// Seed is that of the replicates' weights.
const Seed = resample.DefaultSeed

// Vector is a list of numbers that is stored as the base64 text of little-endian float64.
type Vector []float64

// MarshalJSON writes the base64 text.
func (v Vector) MarshalJSON() ([]byte, error) {
	b := make([]byte, 8*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint64(b[8*i:], math.Float64bits(x))
	}
	return json.Marshal(b)
}

// UnmarshalJSON reads it back.
func (v *Vector) UnmarshalJSON(text []byte) error {
	var b []byte
	if err := json.Unmarshal(text, &b); err != nil {
		return err
	}
	if len(b)%8 != 0 {
		return fmt.Errorf("a vector of %d bytes: want a multiple of 8", len(b))
	}
	*v = make(Vector, len(b)/8)
	for i := range *v {
		(*v)[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return nil
}

// add adds w, which has the same length.
func (v Vector) add(w Vector) {
	for i, x := range w {
		v[i] += x
	}
}

// The replicates are those of the Poisson bootstrap (Chamandy, Muralidharan, Najmi and
// Naidu, "Estimating uncertainty for massive data streams", 2012): in each, a
// family counts as often as a draw from the Poisson distribution with mean 1 says,
// where the usual bootstrap draws a multinomial. The draws of a family come from its
// name, the seed and the replicate's number alone, by SplitMix64 as a counter-based
// generator. So a family has the same weights for every candidate, which pairs them, on
// every machine, in any order and in shards of any size.

// weights fills w with a family's weight in each replicate.
func weights(w []uint8, seed uint64, family string) {
	h := sha256.New()
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seed)
	h.Write([]byte("stylesprint poisson bootstrap\x00"))
	h.Write(b[:])
	h.Write([]byte(family))
	state := binary.BigEndian.Uint64(h.Sum(nil))
	for i := 0; i < len(w); i += 2 {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		w[i] = poisson(uint32(z))
		if i+1 < len(w) {
			w[i+1] = poisson(uint32(z >> 32))
		}
	}
}

// bounds are the Poisson distribution's with mean 1, P(X <= k) * 2^32, up to where it
// is 1 to that precision.
var bounds = [...]uint32{1580030168, 3160060337, 3950075421, 4213413783, 4279248373, 4292415291, 4294609777, 4294923276, 4294962463, 4294966817, 4294967252, 4294967292}

// poisson is the quantile of u / 2^32.
func poisson(u uint32) uint8 {
	for k, b := range bounds {
		if u < b {
			return uint8(k)
		}
	}
	return uint8(len(bounds))
}

// weighBlock is how many families are weighed together, so that their statistics stay
// in the processor's cache.
const weighBlock = 64

// replicate sums up the rows of tables, which have one row for each family, once as
// they are and once for each replicate.
func replicate(ctx context.Context, families []string, tables []resample.Table) (sums, replicates []Vector, err error) {
	sums, replicates = make([]Vector, len(tables)), make([]Vector, len(tables))
	for i, t := range tables {
		if t.Rows() != len(families) {
			return nil, nil, fmt.Errorf("replicate: %d rows for %d families", t.Rows(), len(families))
		}
		sums[i], replicates[i] = t.Sum(), make(Vector, Replicates*t.Width)
	}
	w := make([]uint8, weighBlock*Replicates)
	for from := 0; from < len(families); from += weighBlock {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		block := families[from:min(from+weighBlock, len(families))]
		for f, name := range block {
			weights(w[f*Replicates:(f+1)*Replicates], Seed, name)
		}
		for i, t := range tables {
			weigh(replicates[i], t, from, len(block), w)
		}
	}
	return sums, replicates, nil
}

// weigh adds n rows of a table, from on, to each replicate.
func weigh(out Vector, t resample.Table, from, n int, w []uint8) {
	for r := range Replicates {
		sum := out[r*t.Width : (r+1)*t.Width]
		for f := range n {
			c := w[f*Replicates+r]
			if c == 0 {
				continue
			}
			x := float64(c)
			for j, v := range t.Row(from + f) {
				sum[j] += x * v
			}
		}
	}
}
