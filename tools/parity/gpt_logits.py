"""Small random GPT-2 and GPT-Neo models, and what transformers computes with them.

Writes engine/testdata/gpt2, gpt2-scaled and gpt-neo (Hugging Face folders), beside each
NAME.golden.safetensors with tokens [n] and logits [n, vocabulary], and gpt-greedy.json: for some
prompts the tokens of the prompt and of 32 greedy ones, and the text of these.

The folders differ in what published ones differ in: gpt2 has vocab.json and merges.txt, bare tensor
names and causal masks among the tensors; gpt2-scaled has tokenizer.json, two shards with names that begin with
"transformer.", an output matrix of its own and scores divided by the number of the layer; gpt-neo attends in
every other layer to a window that is shorter than the sequence.

    python tools/parity/gpt_logits.py
"""

import json
import pathlib
import shutil

import torch
from llama_logits import SPECIAL, golden, golden_file, vocabulary
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel, GPTNeoConfig, GPTNeoForCausalLM

HERE = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata"
PROMPTS = [
    "The linen shirt", "a", "Cut from a single length of organic cotton, the dress falls to the knee.\n\nIn 12 words:",
    "naïve café — 漢字 👗", "the shirt the shirt the shirt in the store on the stand, one more time: the shirt",
]
TOKENS = 32
# A smaller difference between the first and the second token than this would leave the text to rounding.
MARGIN = 2e-3


def randomise(model, seed, scale):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=g)
            if name.endswith("wte.weight"):
                p.copy_(0.15 * noise)  # small beside what the blocks add, so that a token does not repeat itself
            elif name.endswith("wpe.weight"):
                p.copy_(0.6 * noise)
            elif ".ln_" in name and name.endswith("weight"):
                p.copy_(1 + 0.2 * noise)
            elif p.ndim == 1:
                p.copy_(0.2 * noise)
            else:
                p.copy_(scale * noise / model.config.hidden_size ** 0.5)


def save_tokenizer(out, files):
    tokens, merges = vocabulary()
    ids = {s: i for i, s in enumerate(tokens)}
    config = {"tokenizer_class": "GPT2Tokenizer", "bos_token": SPECIAL[0], "eos_token": SPECIAL[0], "unk_token": SPECIAL[0], "model_max_length": 1024}
    if files:
        (out / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False) + "\n")
        (out / "merges.txt").write_text("#version: 0.2\n" + "".join(a + " " + b + "\n" for a, b in merges))
    else:
        t = Tokenizer(models.BPE(vocab=ids, merges=merges))
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        t.decoder = decoders.ByteLevel()
        t.add_special_tokens(SPECIAL[:1])
        t.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")


def folder(name, make, seed, **kw):
    """Tries seeds until no greedy token is in doubt."""
    while True:
        found = greedy(*write_folder(name, make(), seed, **kw))
        if found:
            return found
        seed += 100


def write_folder(name, model, seed, scale, length, dtype, files=False, save=lambda model, out: model.save_pretrained(out)):
    out = HERE / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    randomise(model, seed, scale)
    save(model.to(dtype), out)
    (out / "generation_config.json").unlink(missing_ok=True)
    save_tokenizer(out, files)
    read = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    save_file(golden(read, length, seed), golden_file(name))
    return read, AutoTokenizer.from_pretrained(out)


def greedy(model, tokenizer):
    cases = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt").input_ids
        with torch.no_grad():
            out = model.generate(ids, do_sample=False, max_new_tokens=TOKENS, output_logits=True, return_dict_in_generate=True, pad_token_id=0)
        made = out.sequences[0, ids.shape[1]:].tolist()
        for logits in out.logits:
            best = logits[0].topk(2).values
            if best[0] - best[1] < MARGIN:
                return None
        cases.append({"prompt": prompt, "prompt_tokens": ids[0].tolist(), "tokens": made, "text": tokenizer.decode(made, skip_special_tokens=True)})
    return cases


def bare(model, out):
    """As openai-community/gpt2 is stored: without the prefix, with the masks."""
    model.transformer.save_pretrained(out)
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(config | {"architectures": ["GPT2LMHeadModel"], "n_ctx": config["n_positions"]}, indent=1) + "\n")
    tensors = load_file(out / "model.safetensors")
    n = model.config.n_positions
    mask = torch.tril(torch.ones(1, 1, n, n)).numpy()
    save_file(tensors | {f"h.{i}.attn.bias": mask[:, :, :8, :8].copy() for i in range(model.config.n_layer)}, out / "model.safetensors", metadata={"format": "pt"})


def main():
    torch.set_num_threads(1)
    common = dict(vocab_size=len(vocabulary()[0]), bos_token_id=0, eos_token_id=0, attn_implementation="eager")
    cases = {}
    cases["gpt2"] = folder(
        "gpt2", lambda: GPT2LMHeadModel(GPT2Config(n_embd=48, n_layer=2, n_head=3, n_positions=160, **common)).eval(), 11,
        scale=1.5, length=70, dtype=torch.float32, files=True, save=bare)
    scaled = GPT2Config(
        n_embd=48, n_layer=3, n_head=2, n_inner=90, n_positions=160, activation_function="gelu", scale_attn_by_inverse_layer_idx=True,
        reorder_and_upcast_attn=True, tie_word_embeddings=False, **common)
    cases["gpt2-scaled"] = folder(
        "gpt2-scaled", lambda: GPT2LMHeadModel(scaled).eval(), 12, scale=1.5, length=70, dtype=torch.bfloat16,
        save=lambda m, out: m.save_pretrained(out, max_shard_size="120KB"))
    neo = GPTNeoConfig(
        hidden_size=48, num_layers=4, num_heads=3, intermediate_size=None, max_position_embeddings=160, window_size=20,
        attention_types=[[["global", "local"], 2]], **common)
    cases["gpt-neo"] = folder("gpt-neo", lambda: GPTNeoForCausalLM(neo).eval(), 13, scale=1.2, length=130, dtype=torch.bfloat16)
    (HERE / "gpt-greedy.json").write_text(json.dumps(cases, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
