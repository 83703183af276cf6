"""200 product texts and their embeddings by sentence-transformers, all-MiniLM-L6-v2, float32.

Writes engine/testdata/minilm.texts.json and minilm.golden.safetensors (float16, and the number of tokens).

    python tools/parity/minilm_embeddings.py FOLDER
"""

import json
import pathlib
import random
import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer

OUT = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata"
COLOURS = "navy ecru rust ochre charcoal ivory sage burgundy cobalt sand rosé café-au-lait off-white".split()
FABRICS = ["linen", "organic cotton", "merino wool", "recycled polyester", "silk crêpe", "waxed canvas", "Tencel™ lyocell", "brushed flannel"]
GARMENTS = "shirt dress overcoat cardigan blouse jumper skirt parka chinos trainers scarf blazer".split()
FITS = ["a relaxed fit", "a slim fit", "a boxy cut", "a straight leg", "dropped shoulders", "a high waist", "a longer back"]
DETAILS = [
    "horn buttons", "taped seams", "a two-way zip", "deep side pockets", "a ribbed collar", "hand-finished hems", "a removable hood",
    "contrast stitching", "mother-of-pearl buttons", "a hidden key pocket",
]
USES = [
    "for warm afternoons", "for the first cold morning", "from desk to dinner", "for weekends by the sea", "for long train journeys",
    "when the weather cannot decide", "for a wedding in June",
]
CARE = ["Machine wash at 30 °C.", "Hand wash only.", "Dry clean.", "Do not tumble dry.", "Iron while damp.", "Wash inside out with like colours."]


def sentence(r):
    c, f, g = r.choice(COLOURS), r.choice(FABRICS), r.choice(GARMENTS)
    return r.choice([
        f"A {c} {g} in {f} with {r.choice(FITS)} and {r.choice(DETAILS)}, made {r.choice(USES)}.",
        f"Our {f} {g} comes in {c}; it has {r.choice(DETAILS)} and {r.choice(FITS)}.",
        f"{c.capitalize()} {g}, {f}, size {r.randint(34, 48)}: {r.choice(FITS)}, {r.choice(DETAILS)}. {r.choice(CARE)}",
        f"Is the {c} {g} true to size? It has {r.choice(FITS)}, so most people take their usual size {r.choice(USES)}.",
        f"I wore this {g} {r.choice(USES)} and loved the {f}; the {r.choice(DETAILS)} are a nice touch. {r.randint(3, 5)}/5 ★",
        f"{r.choice(CARE)} {r.choice(CARE)} The {f} softens with every wash.",
    ])


def texts():
    r = random.Random(20)
    out = [" ".join(sentence(r) for _ in range(r.choice([1, 1, 1, 2, 3]))) for _ in range(184)]
    out += ["shirt", "XL", "", "  linen  ", "亚麻衬衫，海军蓝", "Größe 42 – schmal geschnitten", "👗👠 summer sale!!!", "€ 49,90"]
    out += [" ".join(sentence(r) for _ in range(n)) for n in (9, 10, 11, 12, 14, 18, 24, 40)]  # up to and beyond 256 tokens
    return out


def main(folder):
    torch.set_num_threads(2)
    model = SentenceTransformer(folder, device="cpu")
    items = texts()
    vectors = model.encode(items, batch_size=16, normalize_embeddings=True)
    # The folder's tokenizer.json would stop at 128; the model's own limit is 256.
    tokenizer = model.tokenizer
    counts = [len(tokenizer(t, truncation=True, max_length=model.max_seq_length).input_ids) for t in items]
    print(model.max_seq_length, max(counts), sum(c == 256 for c in counts), len(items), sum(counts) / len(counts))
    save_file({"embeddings": vectors.astype(np.float16), "tokens": np.array(counts, np.int32)}, OUT / "minilm.golden.safetensors")
    (OUT / "minilm.texts.json").write_text(json.dumps(items, ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
