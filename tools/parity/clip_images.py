"""Small picture files and what Pillow and transformers make of them.

Writes engine/picture/testdata: files in the formats and modes that are read, and golden.json
with, for each, the size and the SHA-256 of its upright RGB bytes (ImageOps.exif_transpose and
convert("RGB")), the SHA-256 of the float32 pixel_values of CLIPImageProcessorPil, and for JPEG
the bytes themselves; and for pictures that test and script both draw by a rule, the
SHA-256 of Image.resize(BICUBIC) and ImageOps.pad.

    python tools/parity/clip_images.py
"""

import base64
import hashlib
import io
import json
import pathlib
import zlib

import numpy as np
from PIL import Image, ImageOps
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

OUT = pathlib.Path(__file__).resolve().parents[2] / "engine" / "picture" / "testdata"
RESIZES = [(7, 5, 224, 224), (64, 48, 32, 24), (64, 48, 33, 97), (301, 200, 224, 148), (200, 301, 64, 96), (97, 61, 97, 30), (61, 97, 20, 97), (500, 3, 10, 7), (1, 1, 3, 2), (90, 90, 90, 90), (640, 480, 224, 168), (40, 200, 20, 30), (101, 110, 95, 66), (103, 30, 76, 14), (200, 300, 100, 90)]
PADS = [(60, 80), (80, 60), (50, 50), (3, 200), (301, 17), (299, 300), (230, 700), (240, 620)]


def drawn(width, height, channels, seed):
    """Patches of noise and of ramps, by a rule that a test can follow in integers."""
    y, x, c = np.meshgrid(np.arange(height, dtype=np.uint64), np.arange(width, dtype=np.uint64), np.arange(channels, dtype=np.uint64), indexing="ij")
    u = (x * 73856093 + y * 19349663 + c * 83492791 + seed * 40503) * 2654435761 % 2**32
    noise = (u ^ (u >> 13)) % 256
    ramp = (3 * x + 2 * y + 40 * c) % 256
    return np.where((x // 9 + y // 7) % 2 == 0, noise, ramp).astype(np.uint8)


def smooth(width, height, channels=3):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    v = 128 + 60 * np.sin(x / 5 + c) + 60 * np.cos(y / 7 - 2 * c) + 20 * ((x // 11 + y // 13) % 2)
    return v.clip(0, 255).astype(np.uint8)


def files():
    rgb = Image.fromarray(smooth(45, 61))
    hard = Image.fromarray(drawn(40, 30, 3, 1))
    rgba = Image.fromarray(drawn(33, 47, 4, 2))
    grey = Image.fromarray(smooth(31, 22, 1)[..., 0])
    yield "rgb.png", rgb, {}
    yield "noise.png", hard, {}
    yield "alpha.png", rgba, {}
    yield "grey.png", grey, {}
    yield "greyalpha.png", rgba.convert("LA"), {}
    yield "palette.png", hard.quantize(40), {}
    yield "palettealpha.png", rgba.quantize(30), {}
    yield "transparentcolour.png", hard, {"transparency": (10, 20, 30)}
    yield "bits.png", grey.convert("1"), {}
    yield "lossless.webp", hard, {"lossless": True}
    yield "losslessalpha.webp", rgba, {"lossless": True, "exact": True}
    yield "lossy.webp", rgb, {"quality": 80}
    yield "lossyodd.webp", Image.fromarray(smooth(44, 33)), {"quality": 60}
    yield "lossyalpha.webp", rgba.resize((50, 40)), {"quality": 70}
    for name, sampling in [("444", 0), ("422", 1), ("420", 2)]:
        yield f"s{name}.jpg", rgb, {"quality": 90, "subsampling": sampling}
    yield "even.jpg", Image.fromarray(smooth(64, 48)), {"quality": 75, "subsampling": 2}
    yield "narrow.jpg", Image.fromarray(smooth(3, 40)), {"quality": 90, "subsampling": 2}
    yield "progressive.jpg", rgb, {"quality": 85, "progressive": True}
    yield "grey.jpg", grey, {"quality": 90}
    yield "cmyk.jpg", rgb.convert("CMYK"), {"quality": 95}
    marked = Image.fromarray(smooth(26, 18))
    for o in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = o
        yield f"turned{o}.jpg", marked, {"quality": 92, "exif": exif}
    yield "turned.png", marked, {"exif": exif_of(6)}
    yield "turned.webp", marked, {"exif": exif_of(8), "lossless": True}


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x010E] = "a description first"
    exif[0x0112] = orientation
    return exif


def sha(data):
    return hashlib.sha256(data).hexdigest()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*"):
        if old.is_file():
            old.unlink()
    processor = CLIPImageProcessorPil()
    golden = {"files": {}, "resize": [], "pad": [], "pixels": []}
    for name, image, options in files():
        image.save(OUT / name, **options)
        with Image.open(OUT / name) as f:
            got = ImageOps.exif_transpose(f).convert("RGB")
        entry = {"width": got.width, "height": got.height, "rgb": sha(got.tobytes())}
        if name.endswith(".jpg"):
            entry["bytes"] = base64.b64encode(zlib.compress(got.tobytes(), 9)).decode()
        entry["pixels"] = sha(processor(got, return_tensors="np").pixel_values[0].astype("<f4").tobytes())
        golden["files"][name] = entry
    for i, (w, h, to_w, to_h) in enumerate(RESIZES):
        image = Image.fromarray(drawn(w, h, 3, i))
        golden["resize"].append({"from": [w, h], "to": [to_w, to_h], "seed": i, "rgb": sha(image.resize((to_w, to_h), Image.BICUBIC).tobytes())})
    for i, (w, h) in enumerate(PADS):
        image = Image.fromarray(drawn(w, h, 3, i))
        padded = ImageOps.pad(image, (64, 64), Image.BICUBIC, color=(250, 1, 128))
        golden["pad"].append({"from": [w, h], "seed": i, "rgb": sha(padded.tobytes())})
        pixels = processor(image, return_tensors="np").pixel_values[0].astype("<f4")
        golden["pixels"].append({"from": [w, h], "seed": i, "values": sha(pixels.tobytes())})
    (OUT / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    print(sum(f.stat().st_size for f in OUT.glob("*")), "bytes")


if __name__ == "__main__":
    main()
