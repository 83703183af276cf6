"""Writes the goldens of CLIP's tokenizer to engine/tokenize/testdata: what Hugging Face's
tokenizers and transformers make of texts.jsonl.gz (written by tokenizer_goldens.py).

    python tools/parity/clip_tokenizer.py

clip.json.gz is the tokenizer.json that transformers' CLIPTokenizer writes for a small
vocabulary trained here on texts of this project; cliphub.json.gz the same in the form of the
files on the hub (older pattern, added tokens looked for in normalised text); cliplacking.json.gz
lacks some bytes. NAME.encode.jsonl.gz holds [ids, offsets] as for the others, clip.decode.jsonl.gz
[ids, text, text without special tokens]. clipreal.encode.jsonl.gz holds, for every fifth text, the
ids under the real vocabulary of the wheel open-clip-torch 3.3.0, which is not stored: the test reads
its merges where STYLESPRINT_CLIP_MERGES names them.
"""

import base64
import gzip
import json
import os
import random
import tempfile

import open_clip
import tokenizer_goldens as goldens
from tokenizer_texts import PROSE, SCRIPTS, product
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

HUB = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
START, END = "<|startoftext|>", "<|endoftext|>"


def texts():
    out = []
    with gzip.open(os.path.join(goldens.OUT, "texts.jsonl.gz"), "rt", encoding="utf-8") as f:
        for line in f:
            v = json.loads(line)
            out.append(v.encode() if isinstance(v, str) else base64.b64decode(v["b"]))
    return out


def alphabet():
    """The byte alphabet in CLIP's order."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]


def vocabulary(merges):
    letters = alphabet()
    tokens = letters + [c + "</w>" for c in letters] + ["".join(m) for m in merges] + [START, END]
    return {t: i for i, t in enumerate(dict.fromkeys(tokens))}


def trained(count):
    """Merges of a small BPE with ends of words, trained on texts of this project."""
    t = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(HUB), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    r = random.Random(5)
    corpus = PROSE * 3 + SCRIPTS + [product(r) for _ in range(600)]
    trainer = trainers.BpeTrainer(vocab_size=512 + count, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), end_of_word_suffix="</w>")
    t.train_from_iterator(corpus, trainer)
    return [tuple(m) for m in json.loads(t.to_str())["model"]["merges"]]


def transformers_tokenizer(merges):
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "vocab.json"), "w", encoding="utf-8") as f:
            json.dump(vocabulary(merges), f, ensure_ascii=False)
        with open(os.path.join(d, "merges.txt"), "w", encoding="utf-8") as f:
            f.write("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in merges))
        return CLIPTokenizer.from_pretrained(d)


def hub_form(text):
    j = json.loads(text)
    j["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = HUB
    for t in j["added_tokens"]:
        t["normalized"] = True
    return json.dumps(j)


def lacking(text):
    j = json.loads(text)
    gone = {"¡", "Ã", "ł", "9", "z</w>", "ð", "á</w>", "â"}
    m = j["model"]
    m["vocab"] = {k: v for k, v in m["vocab"].items() if k not in gone and not any(g in k for g in gone if len(g) == 1)}
    m["merges"] = [p for p in m["merges"] if p[0] in m["vocab"] and p[1] in m["vocab"] and "".join(p) in m["vocab"]]
    return json.dumps(j)


def real_merges():
    path = os.path.join(os.path.dirname(open_clip.__file__), "bpe_simple_vocab_16e6.txt.gz")
    with gzip.open(path, "rt", encoding="utf-8") as f:
        lines = f.read().split("\n")[1 : 49152 - 256 - 2 + 1]
    return [tuple(m.split()) for m in lines]


def decode_all(name, tokenizer, texts, count):
    r = random.Random(7)
    size = len(tokenizer)
    lines = []
    for i in range(count):
        if i % 2 == 0:
            ids = [r.randrange(size) for _ in range(r.randrange(1, 12))]
        else:
            ids = tokenizer(goldens.replaced(r.choice(texts))[0]).input_ids[:60]
        lines.append([ids, tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=True)])
    goldens.write(name + ".decode.jsonl.gz", lines)


def main():
    all_texts = texts()
    tokenizer = transformers_tokenizer(trained(1500))
    text = tokenizer.backend_tokenizer.to_str()
    for name, form, step in [("clip", text, 2), ("cliphub", hub_form(text), 5), ("cliplacking", lacking(text), 5)]:
        goldens.write(name + ".json.gz", [json.loads(form)])
        goldens.encode_all(name, Tokenizer.from_str(form), all_texts, step)
    goldens.without_special("clip", Tokenizer.from_str(text), all_texts)
    decode_all("clip", tokenizer, all_texts, 400)
    real = transformers_tokenizer(real_merges())
    goldens.write("clipreal.encode.jsonl.gz", [real(goldens.replaced(t)[0]).input_ids for t in all_texts[::5]])


if __name__ == "__main__":
    main()
