"""Writes engine/hub/testdata/dequantise.gguf: random blocks of every GGML type
that the reader expands, each beside the values that the gguf package gives.

    python tools/parity/gguf_dequantize.py engine/hub/testdata/dequantise.gguf
"""

import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import GGUFWriter
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

# Where the half-precision scales of a block stand; they are made finite.
HALVES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q2_K: [80, 82], T.Q3_K: [108], T.Q4_K: [0, 2],
    T.Q5_K: [0, 2], T.Q6_K: [208], T.IQ4_NL: [0], T.IQ4_XS: [0], T.MXFP4: [], T.BF16: [], T.F16: [],
}
ROWS = 3


def blocks(rng, qtype):
    block, size = GGML_QUANT_SIZES[qtype]
    if qtype == T.F16:  # every finite kind of value: zeros, subnormals, extremes
        special = np.array([0, 0x8000, 1, 0x8001, 0x3FF, 0x400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00], dtype=np.uint16)
        values = rng.integers(0, 0x7C00, 86, dtype=np.uint16) | (rng.integers(0, 2, 86, dtype=np.uint16) << 15)
        return np.concatenate([special, values]).reshape(ROWS, -1).view(np.uint8)
    if qtype == T.BF16:
        return rng.standard_normal((ROWS, 64)).astype(np.float32).view(np.uint16)[:, 1::2].copy().view(np.uint8)
    per_row = max(1, 64 // block)
    raw = rng.integers(0, 256, (ROWS * per_row, size), dtype=np.uint8)
    for at in HALVES[qtype]:
        raw[:, at : at + 2] = rng.standard_normal(len(raw)).astype(np.float16).reshape(-1, 1).view(np.uint8)
    return raw.reshape(ROWS, per_row * size)


def main(path):
    rng = np.random.default_rng(20240611)
    w = GGUFWriter(path, "test")
    for qtype in HALVES:
        raw = blocks(rng, qtype)
        values = dequantize(raw, qtype).astype(np.float32)
        w.add_tensor(qtype.name, raw, raw_dtype=qtype)
        w.add_tensor(qtype.name + ".values", values)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main(sys.argv[1])
