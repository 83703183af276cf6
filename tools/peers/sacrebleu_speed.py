"""Segments a second of sacrebleu's corpus BLEU (tokenizer 13a), chrF, chrF++ and TER.

The segments are the product sentences and the catalogue's descriptions, each
numbered so that no two are equal (sacrebleu caches what it has tokenised); the
reference of a segment is the next text with the same number.

    python tools/peers/sacrebleu_speed.py [--segments 4000] [--repeats 3]
"""

import argparse

from sacrebleu.metrics import BLEU, CHRF, TER

import stamp

# Metric, settings, and by how much the number of segments is divided: a slow one gets fewer.
METRICS = [
    ("bleu", BLEU, {"tokenize": "13a"}, 1),
    ("chrf", CHRF, {}, 4),
    ("chrf++", CHRF, {"word_order": 2}, 4),
    ("ter", TER, {}, 40),
]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--segments", type=int, default=4000)
    p.add_argument("--repeats", type=int, default=3)
    a = p.parse_args()
    turn = 0
    for kind, texts in [("sentences", stamp.sentences()), ("descriptions", stamp.descriptions())]:
        words = sum(len(t.split()) for t in texts) / len(texts)
        for name, kind_of, settings, fewer in METRICS:
            n = max(1, a.segments // fewer)

            def run():
                nonlocal turn
                turn += 1  # new numbers each time, against the cache
                first = turn * a.segments
                hypotheses = [f"{first + i} {texts[i % len(texts)]}" for i in range(n)]
                references = [f"{first + i} {texts[(i + 1) % len(texts)]}" for i in range(n)]
                kind_of(**settings).corpus_score(hypotheses, [references])

            seconds = stamp.timed(run, a.repeats)
            stamp.report("score " + name, ["sacrebleu"], 1, n, seconds, unit="segments/s", **settings, segments=n, text=kind, mean_words=round(words + 1, 1))


main()
