"""Prints the GEMM throughput of numpy (OpenBLAS) and PyTorch, one JSON object a line.

The shapes are those of BenchmarkGEMM in engine/nn/kernel, which these figures are compared with:

    python3 tools/peers/gemm.py [--repeat 15] [--seconds 1]

Weights are laid out as a linear layer keeps them, [out, in]. Each figure is the median of the
repeats after two that are thrown away. OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are removed from the environment, so
that OpenBLAS chooses for itself. What is not installed is left out with a line on stderr.
"""

import argparse
import json
import os
import statistics
import sys
import time

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)

# rows, inputs, outputs
SHAPES = [
    (2048, 2048, 2048),
    (2304, 2048, 2048),
    (1020, 576, 1536),
    (1020, 1536, 576),
    (1020, 576, 49152),
]


def median_seconds(call, args):
    """Median time of call, at least three repeats, at most about args.seconds beyond them."""
    for _ in range(2):
        call()
    times = []
    start = time.perf_counter()
    while len(times) < args.repeat and (len(times) < 3 or time.perf_counter() - start < args.seconds):
        t = time.perf_counter()
        call()
        times.append(time.perf_counter() - t)
    return statistics.median(times), len(times)


def report(peer, version, precision, shape, seconds, repeats, threads):
    rows, inputs, outputs = shape
    print(json.dumps({
        "bench": "gemm", "peer": peer, "version": version, "precision": precision,
        "rows": rows, "in": inputs, "out": outputs, "threads": threads, "repeats": repeats,
        "seconds": round(seconds, 6), "gflops": round(2 * rows * inputs * outputs / seconds / 1e9, 1),
    }), flush=True)


def numpy_figures(args):
    import numpy as np

    rng = np.random.default_rng(1)
    for shape in SHAPES:
        rows, inputs, outputs = shape
        x = rng.standard_normal((rows, inputs), dtype=np.float32)
        w = rng.standard_normal((outputs, inputs), dtype=np.float32)
        y = np.empty((rows, outputs), dtype=np.float32)
        seconds, repeats = median_seconds(lambda: np.matmul(x, w.T, out=y), args)
        report("numpy", np.__version__, "float32", shape, seconds, repeats, os.cpu_count())


def torch_figures(args):
    import torch

    torch.manual_seed(1)
    with torch.inference_mode():
        for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
            for shape in SHAPES:
                rows, inputs, outputs = shape
                x = torch.randn(rows, inputs).to(dtype)
                w = torch.randn(outputs, inputs).to(dtype)
                seconds, repeats = median_seconds(lambda: torch.nn.functional.linear(x, w), args)
                report("torch", torch.__version__, precision, shape, seconds, repeats, torch.get_num_threads())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=15, help="most repeats of a shape (default 15)")
    parser.add_argument("--seconds", type=float, default=1, help="time after which a shape stops repeating (default 1)")
    args = parser.parse_args()
    for figures in (numpy_figures, torch_figures):
        try:
            figures(args)
        except ImportError as err:
            print(f"skipped: {err}", file=sys.stderr)


if __name__ == "__main__":
    main()
