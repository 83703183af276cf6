"""Texts a second of sentence-transformers on all-MiniLM-L6-v2: float32 and bfloat16
under autocast, for the 200 product sentences and for the descriptions of the demo
catalogue.

    python tools/peers/minilm.py --model FOLDER [--threads 2] [--batch 32] [--repeats 5]
"""

import argparse
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch
from sentence_transformers import SentenceTransformer

import stamp


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--repeats", type=int, default=5)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    model = SentenceTransformer(a.model, device="cpu")
    for kind, texts in [("sentences", stamp.sentences()), ("descriptions", stamp.descriptions())]:
        encode = lambda: model.encode(texts, batch_size=a.batch, normalize_embeddings=True, show_progress_bar=False)

        def autocast():
            with torch.autocast("cpu", dtype=torch.bfloat16):
                encode()

        tokens = sum(len(ids) for ids in model.tokenizer(texts)["input_ids"])
        for precision, run in [("float32", encode), ("bfloat16 autocast", autocast)]:
            seconds = stamp.timed(run, a.repeats)
            stamp.report("embed", ["sentence-transformers", "transformers", "torch"], a.threads, len(texts), seconds, unit="texts/s",
                         model="all-MiniLM-L6-v2", precision=precision, batch=a.batch, text=kind, texts=len(texts), mean_tokens=round(tokens / len(texts), 1))


main()
