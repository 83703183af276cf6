"""Encoding throughput of Hugging Face's tokenizers on what BenchmarkEncode of
engine/tokenize encodes.

    python tools/peers/tokenizer_speed.py --smollm2 FILE.gguf --minilm FOLDER [--repeats 5]
"""

import argparse
import base64
import gzip
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from transformers import AutoTokenizer, BertTokenizerFast

import stamp

SENTENCE = "Cut from 100% organic cotton, this ecru overshirt has a neat collar, two chest pockets and horn buttons."
PROSE = ("The linen shirt breathes on the warmest afternoons and softens with every wash. We don't say \"timeless\"; "
         "we say that the seams are taped, the buttons are horn, and the hem can be let down. Was £129.00, now £98.50!\n")


def mixture():
    out = []
    with gzip.open(os.path.join(stamp.HERE, "../../engine/tokenize/testdata/texts.jsonl.gz")) as f:
        for line in f:
            text = json.loads(line)
            data = text.encode() if isinstance(text, str) else base64.b64decode(text["b"])
            if len(data) < 400:
                out.append(data + b"\n")
    return b"".join(out).decode("utf-8", "replace")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--smollm2", required=True)
    p.add_argument("--minilm", required=True)
    p.add_argument("--repeats", type=int, default=5)
    a = p.parse_args()
    folder, file = os.path.split(a.smollm2)
    for name, tokenizer in [("smollm2", AutoTokenizer.from_pretrained(folder, gguf_file=file)), ("minilm", BertTokenizerFast.from_pretrained(a.minilm))]:
        backend = tokenizer._tokenizer
        backend.no_truncation()
        backend.no_padding()
        for kind, text, times in [("sentence", SENTENCE, 2000), ("prose", PROSE * 64, 20), ("mixture", mixture(), 1)]:
            def run():
                for _ in range(times):
                    backend.encode(text)

            seconds = stamp.timed(run, a.repeats)
            size = len(text.encode())
            stamp.report("tokenize", ["tokenizers", "transformers"], 1, times * size / 1e6, seconds, unit="MB/s", model=name, text=kind,
                         microseconds=round(min(seconds) / times * 1e6, 1))


main()
