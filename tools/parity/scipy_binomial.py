"""Writes evaluate/resample/testdata/binomial.json: exact intervals of rates by scipy.

    python tools/parity/scipy_binomial.py
"""
import json
import os

from scipy.stats import binomtest

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "..", "evaluate", "resample", "testdata", "binomial.json")
CASES = [(0, 1), (1, 1), (0, 5), (2, 5), (5, 5), (0, 40), (1, 40), (7, 40), (39, 40), (0, 120), (3, 120), (60, 120), (120, 120),
         (0, 300), (299, 300), (17, 1000), (500, 1000), (0, 50000), (1, 50000), (1230, 50000), (49999, 50000)]


def main():
    out = []
    for k, n in CASES:
        for level in (0.8, 0.95, 0.99):
            two = binomtest(k, n).proportion_ci(level, method="exact")
            # With the alternative "less" the interval is [0, upper bound], with "greater" [lower bound, 1].
            upper = binomtest(k, n, alternative="less").proportion_ci(level, method="exact").high
            lower = binomtest(k, n, alternative="greater").proportion_ci(level, method="exact").low
            out.append({"k": k, "n": n, "level": level, "low": two.low, "high": two.high, "upper": upper, "lower": lower})
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]\n")


if __name__ == "__main__":
    main()
