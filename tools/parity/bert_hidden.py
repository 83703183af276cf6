"""A small random BERT as a sentence-transformers folder, and what the libraries make of it.

Writes engine/testdata/bert and bert.golden.safetensors: for some token
sequences their last hidden states by transformers, and for texts.json the
embeddings by sentence-transformers.

    python tools/parity/bert_hidden.py
"""

import json
import pathlib

import torch
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel

HERE = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata"
WORDS = "a the linen shirt dress coat wool cotton warm light blue green soft cut long short for in of with and".split()
TEXTS = [
    "A linen shirt", "the long blue dress, cut short", "wool", "", "Warm COAT of soft wool and cotton!", "unknowable ☂ things",
    " ".join(["a light linen coat for the warm"] * 9),  # longer than max_seq_length
]


def vocabulary():
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + ["##" + c for c in letters] + list(",.!?-") + WORDS[1:]
    return {s: i for i, s in enumerate(tokens)}


def save_folder(out):
    vocab = vocabulary()
    c = BertConfig(
        vocab_size=len(vocab), hidden_size=48, num_hidden_layers=2, num_attention_heads=4, intermediate_size=80,
        max_position_embeddings=64, attn_implementation="eager",
    )
    model = BertModel(c).eval()
    g = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            if name.endswith("LayerNorm.weight"):
                p.copy_(1 + 0.2 * noise)
            elif p.ndim == 1:
                p.copy_(0.2 * noise)
            else:
                p.copy_(noise if "embeddings" in name else 1.5 * noise / p.shape[-1] ** 0.5)
    model.save_pretrained(out)
    t = Tokenizer(models.WordPiece(vocab=vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    t.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    t.save(str(out / "tokenizer.json"))
    special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
    write = lambda name, value: (out / name).write_text(json.dumps(value, indent=1) + "\n")
    write("tokenizer_config.json", special | {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64})
    write("sentence_bert_config.json", {"max_seq_length": 40, "do_lower_case": False})
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    write("modules.json", [
        {"idx": i, "name": str(i), "path": p, "type": "sentence_transformers.models." + k} for i, (p, k) in enumerate(kinds)
    ])
    (out / "1_Pooling").mkdir(exist_ok=True)
    write("1_Pooling/config.json", {"word_embedding_dimension": 48, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True})
    return model


def main():
    torch.set_num_threads(1)
    out = HERE / "bert"
    out.mkdir(parents=True, exist_ok=True)
    model = save_folder(out)
    golden = {}
    g = torch.Generator().manual_seed(5)
    for i, n in enumerate([1, 2, 17, 64, 33]):
        ids = torch.randint(0, model.config.vocab_size, (1, n), generator=g)
        with torch.no_grad():
            golden[f"tokens.{i}"] = ids[0].to(torch.int32).numpy()
            golden[f"hidden.{i}"] = model(ids).last_hidden_state[0].numpy()
    sentences = SentenceTransformer(str(out), device="cpu")
    golden["embeddings"] = sentences.encode(TEXTS, batch_size=3, normalize_embeddings=True)
    save_file(golden, HERE / "bert.golden.safetensors")
    (HERE / "bert.texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
