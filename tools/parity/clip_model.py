"""A small random CLIP as a Hugging Face folder, and what transformers makes of it; and the outputs of
a model of ViT-B/32's shape whose weights follow a rule.

Writes engine/testdata/clip, clip-images and clip.golden.safetensors: for token sequences, pixel values,
texts and picture files the vectors and logits of CLIPModel. Writes clip-b32.golden.safetensors: vectors of
the large model for inputs by the same rule; its weights are not stored, engine/nn/arch/clip makes them again.

    python tools/parity/clip_model.py
"""

import json
import pathlib

import numpy as np
import torch
from clip_images import drawn, smooth
from clip_tokenizer import END, START, trained, vocabulary
from PIL import Image
from safetensors.numpy import save_file
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

HERE = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata"
TEXTS = [
    "a linen shirt", "A photo depicts the long blue dress, cut short", "", "Été: 100 % wool!", "<|endoftext|> in a text",
    " ".join(["a light linen coat for the warm summer"] * 12),  # longer than 77 tokens
]
MERGES = 120


def save_folder(out):
    merges = trained(MERGES)
    vocab = vocabulary(merges)
    (out / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (out / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in merges))
    tokenizer = CLIPTokenizer.from_pretrained(out)
    tokenizer.save_pretrained(out)
    (out / "vocab.json").unlink()
    (out / "merges.txt").unlink()
    text = dict(vocab_size=len(vocab), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, bos_token_id=vocab[START], eos_token_id=vocab[END], pad_token_id=vocab[END])
    vision = dict(hidden_size=48, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4, image_size=32, patch_size=8)
    c = CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    c._attn_implementation = "eager"
    model = CLIPModel(c).eval()
    g = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            if name == "logit_scale":
                p.copy_(torch.tensor(3.1))
            elif "norm" in name and name.endswith("weight"):
                p.copy_(1 + 0.2 * noise)
            elif p.ndim == 1:
                p.copy_(0.2 * noise)
            else:
                p.copy_(noise if "token_embedding" in name or "position_embedding" in name else 1.5 * noise / np.prod(p.shape[1:]) ** 0.5)
    model.save_pretrained(out)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor.save_pretrained(out)
    return model, tokenizer, processor


def splitmix(x):
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def noise(name, n):
    """n float32 values, uniform in [-0.5, 0.5), by a counter and the FNV-1a hash of a name."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = (h ^ b) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        u = splitmix(np.arange(n, dtype=np.uint64) + np.uint64(h))
    return ((u >> np.uint64(40)).astype(np.float32) - np.float32(2**23)) / np.float32(2**24)


def ruled(name, shape):
    """The weight of a name, as clip.Ruled of engine/nn/arch/clip makes it."""
    v = noise(name, int(np.prod(shape, dtype=np.int64)))
    inputs = int(np.prod(shape[1:], dtype=np.int64))
    if name == "logit_scale":
        v = np.array([3.0], np.float32)
    elif "norm" in name and name.endswith("weight"):
        v = np.float32(1) + np.float32(0.25) * v
    elif len(shape) == 1:
        v = np.float32(0.25) * v
    elif "token_embedding" in name or "position_embedding" in name:
        v = np.float32(2) * v
    else:
        v = np.float32(4 / np.sqrt(inputs)) * v
    return v.reshape(shape)


def b32():
    c = CLIPConfig()
    c._attn_implementation = "eager"
    model = CLIPModel(c).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(torch.from_numpy(ruled(name, tuple(p.shape))))
    pixels = torch.from_numpy(4 * noise("pixels", 2 * 3 * 224 * 224).reshape(2, 3, 224, 224))
    ids = ((noise("tokens", 3 * 77) + np.float32(0.5)) * np.float32(49000)).astype(np.int64).reshape(3, 77)
    ids[:, 0] = 49406
    for row, n in enumerate([77, 20, 3]):
        ids[row, n - 1 :] = 49407
    with torch.no_grad():
        out = model(input_ids=torch.from_numpy(ids), pixel_values=pixels)
    golden = {"image_embeds": out.image_embeds.numpy(), "text_embeds": out.text_embeds.numpy(), "logits": out.logits_per_image.numpy(), "tokens": ids.astype(np.int32)}
    save_file({k: np.ascontiguousarray(v) for k, v in golden.items()}, HERE / "clip-b32.golden.safetensors")


def main():
    torch.set_num_threads(1)
    out, pictures = HERE / "clip", HERE / "clip-images"
    out.mkdir(parents=True, exist_ok=True)
    pictures.mkdir(exist_ok=True)
    model, tokenizer, processor = save_folder(out)
    files = {"garment.png": smooth(40, 56), "wide.png": drawn(70, 33, 3, 5), "small.png": smooth(20, 20)[..., :3]}
    images = []
    for name, data in files.items():
        Image.fromarray(data).save(pictures / name)
        images.append(Image.open(pictures / name))
    pixels = processor(images, return_tensors="pt").pixel_values
    # In a text the marks are text.
    backend = tokenizer.backend_tokenizer
    backend.encode_special_tokens = True
    lists = [backend.encode(t).ids for t in TEXTS]
    lists = [ids if len(ids) <= 77 else ids[:76] + ids[-1:] for ids in lists]
    end = model.config.text_config.eos_token_id
    ids = torch.tensor([x + [end] * (77 - len(x)) for x in lists])
    with torch.no_grad():
        both = model(input_ids=ids, pixel_values=pixels)
    golden = {
        "tokens": ids.to(torch.int32).numpy(), "lengths": np.array([len(x) for x in lists], np.int32), "pixels": pixels.numpy(),
        "image_embeds": both.image_embeds.numpy(), "text_embeds": both.text_embeds.numpy(), "logits": both.logits_per_image.numpy(),
    }
    save_file({k: np.ascontiguousarray(v) for k, v in golden.items()}, HERE / "clip.golden.safetensors")
    (HERE / "clip.texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n")
    b32()


if __name__ == "__main__":
    main()
