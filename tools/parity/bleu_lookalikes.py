"""Writes evaluate/metric/testdata/lookalikes.json.gz.

    python tools/parity/bleu_lookalikes.py

For the segments of sacrebleu_bleu.py: NLTK's sentence_bleu over words split at
white space, for smoothing methods 0 to 3; and the corpus BLEU of Hugging
Face's evaluate. The latter's package holds no formula (it is fetched from the
hub), so it is written out here with exact fractions: clipped counts against the
union of the references, the shortest reference's length, no smoothing.
"""
import math
import warnings
from collections import Counter
from fractions import Fraction

import nltk
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from sacrebleu_bleu import segments, write

TOKENIZE = Tokenizer13a()


def counts(tokens, n):
    return Counter(zip(*[tokens[i:] for i in range(n)]))


def hf_stats(hyp, refs):
    h, rs = TOKENIZE(hyp).split(), [TOKENIZE(r).split() for r in refs]
    row = [len(h), min(map(len, rs))]
    totals = []
    for n in range(1, 5):
        union = Counter()
        for r in rs:
            union |= counts(r, n)
        row.append(sum((counts(h, n) & union).values()))
        totals.append(max(0, len(h) - n + 1))
    return row + totals


def hf_score(s):
    precisions = [Fraction(s[2 + n], s[6 + n]) if s[6 + n] else Fraction(0) for n in range(4)]
    if min(precisions) == 0 or s[1] == 0:
        return 0.0
    mean = math.exp(sum(math.log(p) / 4 for p in precisions))
    ratio = s[0] / s[1]
    return mean * (1.0 if ratio > 1 else math.exp(1 - 1 / ratio))


def main():
    warnings.simplefilter("ignore")
    segs = segments()
    smoothing = SmoothingFunction()
    out = {"nltk_version": nltk.__version__, "nltk": {}, "hf": {}}
    for name in ["one", "var"]:
        pairs = [(h, [r for r in (rs[:1] if name == "one" else rs) if r is not None]) for h, rs in segs]
        out["nltk"][name] = [
            [float(sentence_bleu([r.split() for r in refs], hyp.split(), smoothing_function=getattr(smoothing, f"method{k}"))) for hyp, refs in pairs]
            for k in range(4)
        ]
        rows = [hf_stats(h, refs) for h, refs in pairs]
        total = [sum(col) for col in zip(*rows)]
        out["hf"][name] = {"stats": rows, "scores": [hf_score(r) for r in rows], "corpus": hf_score(total)}
    write("lookalikes.json.gz", out)
    print(len(segs), "segments", {k: v["corpus"] for k, v in out["hf"].items()})


if __name__ == "__main__":
    main()
