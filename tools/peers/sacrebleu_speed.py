"""Segments a second of sacrebleu's corpus BLEU (tokenizer 13a).

The segments are the product sentences and the catalogue's descriptions, each
numbered so that no two are equal (sacrebleu caches what it has tokenised); the
reference of a segment is the next text with the same number.

    python tools/peers/sacrebleu_speed.py [--segments 4000] [--repeats 3]
"""

import argparse

import sacrebleu

import stamp


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--segments", type=int, default=4000)
    p.add_argument("--repeats", type=int, default=3)
    a = p.parse_args()
    n, turn = a.segments, [0]
    for kind, texts in [("sentences", stamp.sentences()), ("descriptions", stamp.descriptions())]:

        def run():
            turn[0] += 1  # new numbers each time, against the cache
            first = turn[0] * n
            hypotheses = [f"{first + i} {texts[i % len(texts)]}" for i in range(n)]
            references = [f"{first + i} {texts[(i + 1) % len(texts)]}" for i in range(n)]
            sacrebleu.corpus_bleu(hypotheses, [references])

        seconds = stamp.timed(run, a.repeats)
        words = sum(len(t.split()) for t in texts) / len(texts)
        stamp.report("score bleu", ["sacrebleu"], 1, n, seconds, unit="segments/s", tokenize="13a", segments=n, text=kind, mean_words=round(words + 1, 1))


main()
