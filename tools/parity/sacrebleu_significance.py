"""Writes evaluate/compare/testdata/significance.json.gz: what sacrebleu's paired
bootstrap and paired approximate randomisation make of four systems.

    python tools/parity/sacrebleu_significance.py

Its random numbers are numpy's, so a test can only agree within Monte-Carlo error;
trials are many, to make that small.
"""
import logging
import os
import random

import sacrebleu_bleu as segments
from sacrebleu.metrics import BLEU
from sacrebleu.significance import PairedTest

logging.getLogger("sacrebleu").setLevel(logging.ERROR)
segments.OUT = os.path.join(segments.HERE, "..", "..", "evaluate", "compare", "testdata")


def main():
    rng = random.Random(12345)
    refs = [segments.product(rng) for _ in range(150)]
    systems = {"base": [segments.disturb(rng, r) for r in refs]}
    systems["like"] = [segments.disturb(rng, r) for r in refs]
    systems["slightly"] = [r if rng.random() < 0.12 else segments.disturb(rng, r) for r in refs]
    systems["clearly"] = [r if rng.random() < 0.5 else segments.disturb(rng, r) for r in refs]
    named = list(systems.items())
    out = {"references": refs, "systems": [{"name": n, "texts": t} for n, t in named]}
    for kind, n in [("bs", 20000), ("ar", 20000)]:
        _, scores = PairedTest(named, {"BLEU": BLEU()}, [refs], test_type=kind, n_samples=n)()
        out[kind] = [{"score": r.score, "p": r.p_value, "mean": r.mean, "ci": r.ci} for r in scores["BLEU"]]
    segments.write("significance.json.gz", out)
    for kind in ("bs", "ar"):
        print(kind, out[kind])


if __name__ == "__main__":
    main()
