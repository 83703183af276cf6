"""Writes evaluate/metric/testdata/chrf.json.gz and ter.json.gz.

    python tools/parity/sacrebleu_chrf_ter.py

What sacrebleu makes of the segments of sacrebleu_bleu.py: statistics and
scores of every segment against its first reference and against all that it
has, and the corpus's score, for combinations of options.
"""
import itertools
import logging

import sacrebleu
from sacrebleu.metrics import CHRF, TER

from sacrebleu_bleu import segments, sets, write

logging.getLogger("sacrebleu").setLevel(logging.ERROR)


def table(metric, segs, names, stats):
    """Scores of every segment; names says which sets of references."""
    hyps, refsets = sets(segs)
    out = {"scores": {}, "corpus": {}}
    for name in names:
        scores, rows = [], []
        for hyp, refs in segs:
            refs = [r for r in (refs[:1] if name == "one" else refs) if r is not None]
            s = metric.sentence_score(hyp, refs)
            scores.append(round(s.score, 10))
            rows.append(metric._extract_corpus_statistics([hyp], [[r] for r in refs])[0])
        out["scores"][name] = scores
        if stats:
            out.setdefault("stats", {})[name] = rows
    for name, refs in refsets.items():
        s = metric.corpus_score(hyps, refs)
        out["corpus"][name] = {"score": s.score, "signature": str(metric.get_signature())}
    return out


def chrf(segs):
    tables = []
    for nw, lower, space, eps in itertools.product([0, 2], [False, True], [False, True], [False, True]):
        o = {"char_order": 6, "word_order": nw, "beta": 2, "lowercase": lower, "whitespace": space, "eps_smoothing": eps}
        stats = nw == 2 and not eps and lower == space
        tables.append({"options": o} | table(CHRF(**o), segs, ["one", "var"], stats))
    for nc, nw, beta in [(1, 1, 1), (3, 0, 3), (8, 4, 2)]:
        o = {"char_order": nc, "word_order": nw, "beta": beta, "lowercase": False, "whitespace": False, "eps_smoothing": False}
        tables.append({"options": o} | table(CHRF(**o), segs, ["one"], False))
    return tables


def ter(segs):
    tables = []
    for norm, nopunct, asian, case in itertools.product([False, True], repeat=4):
        if asian and not norm and not nopunct:
            continue  # it would do nothing
        o = {"normalized": norm, "no_punct": nopunct, "asian_support": asian, "case_sensitive": case}
        tables.append({"options": o} | table(TER(**o), segs, ["one", "var"], True))
    return tables


def shifted(segs):
    """Long texts in another order, which need many shifts and the beam's limits."""
    import random

    rng = random.Random(77)
    long = []
    for _ in range(24):
        words = " ".join(s[1][0] for s in rng.sample(segs[-500:-240], rng.randrange(1, 7))).split()
        hyp = list(words)
        for _ in range(rng.randrange(1, 6)):
            i, j = sorted(rng.sample(range(len(hyp) + 1), 2))
            j = min(j, i + rng.randrange(1, 16))
            block, hyp = hyp[i:j], hyp[:i] + hyp[j:]
            at = rng.randrange(len(hyp) + 1)
            hyp = hyp[:at] + block + hyp[at:]
        long.append([" ".join(hyp), [" ".join(words), None, None]])
    a = "the soft coat and the warm coat and".split()
    long.append([" ".join(a * 9), [" ".join(a[::-1] * 9), None, None]])  # many candidates
    long.append([" ".join(a), [" ".join(a * 25), None, None]])  # far longer reference
    long.append([" ".join(a * 25), [" ".join(a), None, None]])  # far shorter
    long.append(["x", [" ".join(a * 12), None, None]])
    return long


def main():
    segs = segments()
    write("chrf.json.gz", {"sacrebleu": sacrebleu.__version__, "tables": chrf(segs)})
    long = shifted(segs)
    write("ter.json.gz", {"sacrebleu": sacrebleu.__version__, "tables": ter(segs),
                          "long": {"segments": [{"hyp": h, "refs": r} for h, r in long], "stats": table(TER(), long, ["one"], True)["stats"]["one"]}})
    print(len(segs), "segments,", len(long), "long ones")


if __name__ == "__main__":
    main()
