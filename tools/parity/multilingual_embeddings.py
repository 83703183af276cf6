"""A small random model of the kind of paraphrase-multilingual-MiniLM-L12-v2, BERT behind a Unigram
tokenizer, as a sentence-transformers folder, and what that library makes of some texts.

Writes engine/testdata/multilingual, multilingual.texts.json and multilingual.golden.safetensors: embeddings, and for each text the
tokens read and how many of them are unknown. The charsmap is a small one, of wide forms and spaces only.

    python tools/parity/multilingual_embeddings.py
"""

import base64
import json
import pathlib
import random
import shutil
import unicodedata

import numpy
import torch
from safetensors.numpy import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel
from unicode_clusters import charsmap
from unigram_goldens import JAPANESE, KOREAN, OTHERS, SIMPLIFIED, TRADITIONAL, corpus, normalizer

HERE = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata"
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
TEXTS = ["A linen shirt", "", "亞麻襯衫，夏天穿著最舒服。", "ＷＩＤＥ　ＬＥＴＴＥＲＳ：１２３", "𐌰𐍄𐍄𐌰 ☂☂ shirt 🏳️‍🌈", "  two  spaces\tand a tab "] + [
    t[0] for t in (TRADITIONAL, SIMPLIFIED, JAPANESE, KOREAN)] + OTHERS + ["長裙及膝，行走時裙襬輕盈飄逸，附同色腰帶。" * 9]


def save_tokenizer(out):
    wide = {chr(c): unicodedata.normalize("NFKC", chr(c)) for c in list(range(0xFF01, 0xFF5F)) + [0x3000]} | {"\t": " ", "\n": " "}
    words = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")])
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizer({"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(wide)).decode()})
    t.pre_tokenizer = words
    trainer = trainers.UnigramTrainer(vocab_size=1000, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False, max_piece_length=8)
    t.train_from_iterator(corpus(random.Random(3)), trainer)
    t.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    t.enable_truncation(128)  # as in the published file; the encoder takes its limit from sentence_bert_config.json
    t.save(str(out / "tokenizer.json"))
    return t


def main():
    torch.set_num_threads(1)
    out = HERE / "multilingual"
    shutil.rmtree(out, ignore_errors=True)
    (out / "1_Pooling").mkdir(parents=True)
    t = save_tokenizer(out)
    model = BertModel(BertConfig(
        vocab_size=t.get_vocab_size(), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=160, attn_implementation="eager", pad_token_id=1)).eval()
    g = torch.Generator().manual_seed(8)
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
    write = lambda name, value: (out / name).write_text(json.dumps(value, indent=1) + "\n")
    write("tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
        "unk_token": "<unk>", "pad_token": "<pad>", "model_max_length": 512})
    write("sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})
    write("modules.json", [
        {"idx": i, "name": str(i), "path": p, "type": "sentence_transformers.models." + k}
        for i, (p, k) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling")])])
    write("1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True})
    sentences = SentenceTransformer(str(out), device="cpu")
    assert sentences.max_seq_length == 128
    encoded = [t.encode(text) for text in TEXTS]
    count = lambda f: numpy.array([f(e.ids) for e in encoded], dtype=numpy.int32)
    save_file({
        "embeddings": sentences.encode(TEXTS, batch_size=3, normalize_embeddings=True), "tokens": count(len),
        "unknown": count(lambda ids: ids.count(3)),
    }, HERE / "multilingual.golden.safetensors")
    (HERE / "multilingual.texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
