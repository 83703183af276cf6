"""Trains the demo's small CLIP on drawn garments and written captions.

    go run ./tools/democlip/pairs -count 11000 -products 0.4 -out pairs
    python tools/democlip/train.py --pairs pairs --catalogue catalogue/demo/products.jsonl --out catalogue/demo/clip --epochs 6

Writes a folder in Hugging Face's format: CLIPModel in float16, its own BPE of at most
8,000 tokens, preprocessor, and the figures of the model card (card.json). The held-out
test split of the catalogue takes no part in training; figures on the validation split are printed after every epoch. README.md beside this script tells the whole.
"""

import argparse
import gzip
import json
import math
import pathlib
import random
import time

import numpy
import torch
from captions import FILLERS, NOUNS, caption, names_colour, repaint
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers, Regex
from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

SIZE, PATCH, VOCAB, CONTEXT = 96, 16, 4000, 77
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def train_tokenizer(texts, out):
    """A byte-level BPE with CLIP's normalisation and end-of-word mark."""
    t = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token=EOS))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(SPLIT), behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCAB - 256, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False)
    t.train_from_iterator(texts, trainer)
    trained = json.loads(t.to_str())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in trained["merges"]]
    # CLIP's order: the bytes, the bytes at a word's end, the merges, the two marks.
    tokens = sorted(alphabet) + [a + "</w>" for a in sorted(alphabet)]
    known = set(tokens)
    for m in merges:
        token = m.replace(" ", "")
        if token not in known:
            known.add(token)
            tokens.append(token)
    tokens += [BOS, EOS]
    vocab = {s: i for i, s in enumerate(tokens)}
    (out / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    (out / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(str(out / "vocab.json"), str(out / "merges.txt"), model_max_length=CONTEXT)
    tokenizer.save_pretrained(out)
    return tokenizer, len(vocab)


def build(vocab, tokenizer):
    """The model: a vision transformer of 96 x 96 pixels and a text transformer."""
    config = CLIPConfig(
        text_config=dict(
            vocab_size=vocab, hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=CONTEXT, projection_dim=128,
            bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
        ),
        vision_config=dict(
            hidden_size=192, intermediate_size=768, num_hidden_layers=4, num_attention_heads=6, image_size=SIZE, patch_size=PATCH, projection_dim=128,
        ),
        projection_dim=128, logit_scale_init_value=2.6592,
    )
    return CLIPModel(config)


def processor():
    return CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}, do_center_crop=True)


def pixels(paths, proc):
    """uint8 pictures of SIZE x SIZE, resized and cropped as the processor does."""
    out = numpy.empty((len(paths), SIZE, SIZE, 3), numpy.uint8)
    for i, p in enumerate(paths):
        image = proc(Image.open(p).convert("RGB"), do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
        out[i] = image.transpose(1, 2, 0).astype(numpy.uint8)
    return torch.from_numpy(out)


def normalise(batch, proc):
    x = batch.permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor(proc.image_mean), torch.tensor(proc.image_std)
    return (x - mean[None, :, None, None]) / std[None, :, None, None]


def encode(tokenizer, texts):
    return tokenizer(texts, padding=True, truncation=True, max_length=CONTEXT, return_tensors="pt")


def evaluate(model, proc, tokenizer, images, texts):
    """The share of (text, other picture) pairs in which the text's own picture scores higher, and the mean cosines."""
    model.eval()
    with torch.no_grad():
        v = model.get_image_features(pixel_values=normalise(images, proc))
        v = v if torch.is_tensor(v) else v.pooler_output
        t = model.get_text_features(**encode(tokenizer, texts))
        t = t if torch.is_tensor(t) else t.pooler_output
        cos = torch.nn.functional.normalize(t, dim=-1) @ torch.nn.functional.normalize(v, dim=-1).T
    model.train()
    return cos


def beats(cos, owner):
    """Share of right pairs that beat the pairs with the other products' pictures: all of them, and one step of a derangement."""
    own = cos[torch.arange(len(owner)), owner]
    others = torch.ones_like(cos, dtype=torch.bool)
    others[torch.arange(len(owner)), owner] = False
    wins = (own[:, None] > cos)[others].float().mean().item()
    return wins, own.mean().item(), cos[others].mean().item()


def products(catalogue, split):
    rows = [json.loads(line) for line in open(catalogue, encoding="utf-8") if line.strip()]
    return [p for p in rows if p["split"] == split]


def held_out(model, proc, tokenizer, catalogue, split):
    rows = products(catalogue, split)
    folder = pathlib.Path(catalogue).parent
    images = pixels([folder / p["images"][0] for p in rows], proc)
    texts, owner = [], []
    for i, p in enumerate(rows):
        for d in p["descriptions"]:
            texts.append(d)
            owner.append(i)
    described = beats(evaluate(model, proc, tokenizer, images, texts), torch.tensor(owner))
    labels = [f"{p['name']} in {p['colour']}" for p in rows]
    labelled = beats(evaluate(model, proc, tokenizer, images, labels), torch.arange(len(rows)))
    return described, labelled


class Writer:
    """Texts for pictures: the grammar, the training products' own copy (repainted where the picture has another colour), and written copy."""

    def __init__(self, rng, pairs, own, written):
        self.rng = rng
        colours = {p["colour"] for p in pairs}
        shape_of = {p["sku"]: p["shape"] for p in pairs if "sku" in p}
        self.copy, self.by_shape, fillers = {}, {}, list(FILLERS)
        plain_nouns = {w for names in NOUNS.values() for n in names for w in n.lower().split()}
        for p in own:
            self.copy[p["sku"]] = p["descriptions"]
            if p["sku"] in shape_of:
                self.by_shape.setdefault(shape_of[p["sku"]], []).append((p["colour"], p["descriptions"]))
            for sentence in " ".join(p["descriptions"]).replace("; ", ". ").split(". "):
                words = set(sentence.lower().replace(",", " ").replace(".", " ").split())
                if not names_colour(sentence, colours) and not words & plain_nouns and len(words) > 3:
                    fillers.append(sentence.strip().rstrip(".") + ".")
        self.fillers = fillers
        # Written copy counts only where it names the garment and no colour but its own.
        self.written = {}
        for w in written:
            named = names_colour(w["text"], colours)
            if w["shape"].split()[-1] in w["text"].lower() and all(n.split()[0] in w["colour"] or w["colour"].split()[0] in n for n in named):
                self.written.setdefault((w["shape"], w["colour"]), []).append(w["text"])

    def text(self, p):
        kind = self.rng.random()
        if p.get("sku") in self.copy and kind < 0.6:
            return self.rng.choice(self.copy[p["sku"]])
        if p["shape"] in self.by_shape and kind < 0.4:
            colour, descriptions = self.rng.choice(self.by_shape[p["shape"]])
            d = repaint(self.rng.choice(descriptions), colour, p["colour"])
            if d:
                return d
        if (p["shape"], p["colour"]) in self.written and kind < 0.7:
            return self.rng.choice(self.written[p["shape"], p["colour"]])
        return caption(self.rng, p["shape"], p["colour"], self.fillers)


def train(args):
    rng = random.Random(7)
    torch.manual_seed(7)
    torch.set_num_threads(args.threads)
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    pairs = [json.loads(line) for line in open(pathlib.Path(args.pairs) / "pairs.jsonl")]
    own = products(args.catalogue, "train")
    with gzip.open(pathlib.Path(__file__).with_name("written.jsonl.gz"), "rt", encoding="utf-8") as f:
        written = [json.loads(line) for line in f]
    writer = Writer(rng, pairs, own, written)
    corpus = [writer.text(p) for p in pairs for _ in range(2)] + [d for p in own for d in p["descriptions"]] * 4 + [w["text"] for w in written]
    tokenizer, vocab = train_tokenizer(corpus, out)
    proc = processor()
    proc.save_pretrained(out)
    images = pixels([pathlib.Path(args.pairs) / p["image"] for p in pairs], proc)
    model = build(vocab, tokenizer)
    print("parameters", sum(p.numel() for p in model.parameters()), "vocabulary", vocab, "pictures", len(pairs), flush=True)
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    steps = args.epochs * (len(pairs) // args.batch)
    optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0}], lr=1e-3, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1, (s + 1) / 100) * 0.5 * (1 + math.cos(math.pi * min(1, s / steps))))
    start = time.time()
    for epoch in range(args.epochs):
        order = list(range(len(pairs)))
        rng.shuffle(order)
        total = 0.0
        for at in range(0, len(order) - args.batch + 1, args.batch):
            chosen = order[at : at + args.batch]
            texts = [writer.text(pairs[i]) for i in chosen]
            batch = normalise(images[chosen], proc)
            if rng.random() < 0.5:
                batch = batch.flip(-1)
            # pairs of the same shape and colour are no negatives of one another
            keys = [(pairs[i]["shape"], pairs[i]["colour"]) for i in chosen]
            same = torch.tensor([[a == b and i != j for j, b in enumerate(keys)] for i, a in enumerate(keys)])
            got = model(pixel_values=batch, **encode(tokenizer, texts))
            logits = got.logits_per_text.masked_fill(same, -1e4)
            target = torch.arange(len(chosen))
            loss = (torch.nn.functional.cross_entropy(logits, target) + torch.nn.functional.cross_entropy(logits.T, target)) / 2
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, math.log(50))
            total += loss.item()
        d, l = held_out(model, proc, tokenizer, args.catalogue, "validation")
        print(f"epoch {epoch + 1} loss {total / (len(order) // args.batch):.3f} validation: copy {d[0]:.3f} label {l[0]:.3f} ({time.time() - start:.0f} s)", flush=True)
        if time.time() - start > args.minutes * 60:
            break
    model = model.half()
    model.save_pretrained(out, safe_serialization=True)
    model = CLIPModel.from_pretrained(out, dtype=torch.float32)
    d, l = held_out(model, proc, tokenizer, args.catalogue, "test")
    card = {
        "parameters": sum(p.numel() for p in model.parameters()), "vocabulary": vocab, "pictures": len(pairs), "epochs": epoch + 1,
        "test_copy_beats_other": d[0], "test_copy_cosine": d[1], "test_other_cosine": d[2], "test_label_beats_other": l[0],
    }
    (out / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--pairs", required=True)
    p.add_argument("--catalogue", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--epochs", type=int, default=16)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--minutes", type=float, default=60)
    train(p.parse_args())
