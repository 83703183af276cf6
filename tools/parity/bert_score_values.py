"""Writes evaluate/metric/testdata/bertscore.json.gz.

    python tools/parity/bert_score_values.py

What the bert_score package makes of pairs of texts with the small random BERT
of bert_hidden.py (last layer, no idf weights, no baseline). Pairs go through
one at a time: in a batch of several, bert_score lets the padding match with a
similarity of 0. Empty texts are left out: with transformers 5 the package fails
on them, and what it did before, a score of 0, needs no stored value.
"""
import pathlib
import random

import bert_score
import torch

from sacrebleu_bleu import write

MODEL = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata" / "bert"
WORDS = "a the linen shirt dress coat wool cotton warm light blue green soft cut long short for in of with and unknowable x1 ☂ é.".split()


def text(rng):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 9)))


def main():
    torch.set_num_threads(1)
    rng = random.Random(3)
    pairs = [("A linen shirt.", ["a linen shirt."]), ("wool", ["wool", "cotton"])]
    pairs += [(text(rng), [text(rng) for _ in range(rng.randrange(1, 4))]) for _ in range(60)]
    o = {"model_type": str(MODEL), "num_layers": 2, "batch_size": 1, "idf": False, "rescale_with_baseline": False, "use_fast_tokenizer": True, "device": "cpu", "nthreads": 0}
    rows = []
    for hyp, refs in pairs:
        p, r, f = bert_score.score([hyp], [refs], **o)
        rows.append({"hyp": hyp, "refs": refs, "score": [p.item(), r.item(), f.item()]})
    write("bertscore.json.gz", {"bert_score": bert_score.__version__, "pairs": rows})
    print(len(rows), "pairs", rows[3])


if __name__ == "__main__":
    main()
