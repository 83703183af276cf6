"""What every figure is printed with: one JSON object a line."""

import json
import os
import statistics
import time
from importlib import metadata

HERE = os.path.dirname(os.path.abspath(__file__))


def cpu_name():
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return "unknown"


def cpu_features():
    wanted = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16"]
    with open("/proc/cpuinfo") as f:
        flags = next((line for line in f if line.startswith("flags")), "").split()
    return [w for w in wanted if w in flags]


def sentences():
    """The 200 product sentences, from the demo catalogue's descriptions and questions."""
    with open(os.path.join(HERE, "product_sentences.txt"), encoding="utf-8") as f:
        return f.read().splitlines()


def descriptions():
    """The written descriptions of the demo catalogue."""
    with open(os.path.join(HERE, "../../catalogue/demo/products.jsonl"), encoding="utf-8") as f:
        return [d for line in f for d in json.loads(line)["descriptions"]]


def timed(run, repeats):
    """Seconds of each repeat, after one run that does not count."""
    run()
    out = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        out.append(time.perf_counter() - start)
    return out


def report(bench, packages, threads, amount, seconds, **fields):
    """Prints amount per second: the best, the median and the worst repeat."""
    rates = sorted(amount / s for s in seconds)
    line = {
        "bench": bench,
        "best": round(rates[-1], 2),
        "median": round(statistics.median(rates), 2),
        "worst": round(rates[0], 2),
        "repeats": len(rates),
        "threads": threads,
        "cpu": cpu_name(),
        "features": cpu_features(),
        "load_average": round(os.getloadavg()[0], 1),  # well above threads: something else ran too
        "versions": {p: metadata.version(p) for p in packages},
    }
    print(json.dumps({**line, **fields}), flush=True)
