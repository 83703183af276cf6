//go:build !amd64

package kernel

import "runtime"

const haveAssembly = false

func hasF16C() bool { return false }

func pause() { runtime.Gosched() }

func (m *Machine) narrowActivations() bool { return false }

func (m *Machine) f32(t *tile) { tileF32(t) }

func (m *Machine) bf16(t *tile) { tileBF16(t) }

func (m *Machine) q4(t *quantTile) { tileQ4(t) }

func (m *Machine) q8(t *quantTile) { tileQ8(t) }

func (m *Machine) quantise(dst []record, x []float32) { quantiseRow(dst, x) }

func (m *Machine) narrow(dst []uint16, x []float32) { narrowRow(dst, x) }

func (m *Machine) vector(vectorOp, *vectorArgs) bool { return false }

func (m *Machine) transpose(t transposeArgs) { t.scalar(0) }

func (m *Machine) softmaxTile(t *softmaxArgs) { t.portable() }

func (m *Machine) divideRows(t *tileRowsArgs) { t.divide() }

func (m *Machine) narrowRows(*tileRowsArgs) {}

func (m *Machine) pairRows(t *tileRowsArgs) { t.pair() }
