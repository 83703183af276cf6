"""Pictures and texts a second of transformers' CLIPModel in ViT-B/32's shape, random weights: pixel
tensors, and texts of 77 tokens; float32, and bfloat16 weights.

    python tools/peers/clip_speed.py [--threads 2] [--batch 16] [--repeats 5]
"""

import argparse
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import CLIPConfig, CLIPModel

import stamp


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--repeats", type=int, default=5)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    for precision, dtype in [("bfloat16", torch.bfloat16), ("float32", torch.float32)]:
        model = CLIPModel(CLIPConfig()).eval().to(dtype)
        pixels = torch.randn(a.batch, 3, 224, 224, dtype=dtype)
        ids = torch.randint(0, 49000, (a.batch, 77))
        ids[:, -1] = 49407
        with torch.inference_mode():
            for name, run in [("images", lambda: model.get_image_features(pixel_values=pixels)), ("texts", lambda: model.get_text_features(input_ids=ids))]:
                stamp.report("clip", ["transformers", "torch"], a.threads, a.batch, stamp.timed(run, a.repeats), name=name, unit=name + "/s", model="ViT-B/32, random weights", precision=precision, batch=a.batch)


main()
