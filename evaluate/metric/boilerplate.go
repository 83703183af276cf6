package metric

import (
	"context"
	"fmt"
)

// boilerplateOutputs is in how many outputs a sentence must recur.
const boilerplateOutputs = 3

// Boilerplate is the share, on 0..1, of a catalogue's sentences that recur word
// for word in at least three outputs: what a search engine takes for duplicate
// content. White space and the ends of sentences are as sentences finds them.
type Boilerplate struct{}

// NewBoilerplate makes the metric.
func NewBoilerplate() (*Boilerplate, error) { return &Boilerplate{}, nil }

// Info describes the metric. Its statistics are recurring sentences and sentences.
func (*Boilerplate) Info() Info { return describe("boilerplate") }

// Signature names the number of outputs.
func (*Boilerplate) Signature(int) string {
	return fmt.Sprintf("boilerplate|corpus:whole|outputs:%d|case:mixed|scale:0-1|version:1", boilerplateOutputs)
}

// Measure counts the sentences of all samples together; references play no part.
func (m *Boilerplate) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	type seen struct{ outputs, last int }
	found := map[string]seen{}
	all := make([][]string, len(samples))
	for i := range samples {
		if i%parallelChunk == 0 && ctx.Err() != nil {
			return nil, scoring("boilerplate", ctx.Err())
		}
		all[i] = sentences(samples[i].text())
		for _, s := range all[i] {
			if f := found[s]; f.outputs == 0 || f.last != i {
				found[s] = seen{f.outputs + 1, i}
			}
		}
	}
	out := make([]Measurement, len(samples))
	for i := range samples {
		stats := []float64{0, float64(len(all[i]))}
		for _, s := range all[i] {
			if found[s].outputs >= boilerplateOutputs {
				stats[0]++
			}
		}
		out[i] = Measurement{Score: m.Value(stats), Stats: stats}
	}
	return out, nil
}

// Value is the share; a catalogue without sentences has 0.
func (*Boilerplate) Value(sum []float64) float64 { return share(sum) }
