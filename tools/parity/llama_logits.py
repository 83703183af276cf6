"""Small random llama models and the logits that transformers computes with them.

Writes engine/testdata/llama-tied, llama-untied (Hugging Face folders) and llama-gguf, and
beside each NAME.golden.safetensors: tokens [n] and logits [n, vocabulary].

    python tools/parity/llama_logits.py
"""

import json
import pathlib

import gguf
import torch
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def byte_tokens():
    """The byte alphabet of GPT-2 in order of bytes."""
    keep = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    names, extra = {}, 0
    for b in range(256):
        if b in keep:
            names[b] = chr(b)
        else:
            names[b] = chr(256 + extra)
            extra += 1
    return [names[b] for b in range(256)]


def vocabulary():
    tokens = SPECIAL + byte_tokens()
    merges = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "n"), ("e", "r"), ("Ġ", "a"), ("o", "n"), ("Ġ", "s")]
    return tokens + [a + b for a, b in merges], merges


def save_tokenizer(folder):
    tokens, merges = vocabulary()
    t = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(tokens)}, merges=merges))
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens(SPECIAL)
    t.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"bos_token": SPECIAL[1], "eos_token": SPECIAL[2], "chat_template": CHAT}, indent=1) + "\n"
    )


def randomise(model, seed, scale):
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.ndim == 1:
                p.copy_(1 + 0.2 * torch.randn(p.shape, generator=g))
            else:
                p.copy_(scale * torch.randn(p.shape, generator=g) / p.shape[-1] ** 0.5)
        model.get_input_embeddings().weight.copy_(torch.randn(model.get_input_embeddings().weight.shape, generator=g) * 0.5)


def golden(model, n, seed):
    ids = torch.randint(3, len(vocabulary()[0]), (1, n), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        logits = model(ids).logits[0]
    return {"tokens": ids[0].to(torch.int32).numpy(), "logits": logits.float().numpy()}


def golden_file(name):
    return HERE / (name + ".golden.safetensors")


def config(**kw):
    base = dict(
        vocab_size=len(vocabulary()[0]), num_hidden_layers=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2,
        rms_norm_eps=1e-5, attn_implementation="eager",
    )
    return LlamaConfig(**(base | kw))


def folder(name, seed, dtype, **kw):
    out = HERE / name
    out.mkdir(parents=True, exist_ok=True)
    model = LlamaForCausalLM(config(**kw)).eval()
    randomise(model, seed, 1.5)
    model.to(dtype).save_pretrained(out)
    (out / "generation_config.json").unlink(missing_ok=True)
    save_tokenizer(out)
    read = LlamaForCausalLM.from_pretrained(out, dtype=torch.float32, attn_implementation="eager").eval()
    save_file(golden(read, 45, seed), golden_file(name))


def write_gguf(model, path):
    """As llama.cpp's converter does: query and key rows permuted for neighbouring pairs."""
    c = model.config
    w = gguf.GGUFWriter(str(path), "llama")
    w.add_block_count(c.num_hidden_layers)
    w.add_context_length(c.max_position_embeddings)
    w.add_embedding_length(c.hidden_size)
    w.add_feed_forward_length(c.intermediate_size)
    w.add_head_count(c.num_attention_heads)
    w.add_head_count_kv(c.num_key_value_heads)
    w.add_rope_freq_base(c.rope_parameters["rope_theta"])
    w.add_rope_dimension_count(c.head_dim)
    w.add_layer_norm_rms_eps(c.rms_norm_eps)
    w.add_vocab_size(c.vocab_size)
    tokens, merges = vocabulary()
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(tokens)
    w.add_token_types([3] * len(SPECIAL) + [1] * (len(tokens) - len(SPECIAL)))
    w.add_token_merges([a + " " + b for a, b in merges])
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_add_bos_token(False)
    w.add_chat_template(CHAT)

    def permute(x, heads):
        return x.reshape(heads, 2, x.shape[0] // heads // 2, x.shape[1]).swapaxes(1, 2).reshape(x.shape)

    def add(name, x, kind):
        w.add_tensor(name, gguf.quants.quantize(x, kind), raw_dtype=kind)

    q4, q8, f32 = gguf.GGMLQuantizationType.Q4_1, gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.F32
    state = {k: v.numpy() for k, v in model.state_dict().items()}
    add("token_embd.weight", state["model.embed_tokens.weight"], q8)
    add("output_norm.weight", state["model.norm.weight"], f32)
    for i in range(c.num_hidden_layers):
        s, t = f"model.layers.{i}.", f"blk.{i}."
        add(t + "attn_norm.weight", state[s + "input_layernorm.weight"], f32)
        add(t + "ffn_norm.weight", state[s + "post_attention_layernorm.weight"], f32)
        add(t + "attn_q.weight", permute(state[s + "self_attn.q_proj.weight"], c.num_attention_heads), q4)
        add(t + "attn_k.weight", permute(state[s + "self_attn.k_proj.weight"], c.num_key_value_heads), q4)
        add(t + "attn_v.weight", state[s + "self_attn.v_proj.weight"], q8)
        add(t + "attn_output.weight", state[s + "self_attn.o_proj.weight"], q4)
        add(t + "ffn_gate.weight", state[s + "mlp.gate_proj.weight"], q4)
        add(t + "ffn_up.weight", state[s + "mlp.up_proj.weight"], f32)
        add(t + "ffn_down.weight", state[s + "mlp.down_proj.weight"], q4)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    torch.set_num_threads(1)
    folder(
        "llama-tied", 1, torch.float32, hidden_size=64, intermediate_size=112, num_attention_heads=4, num_key_value_heads=2,
        tie_word_embeddings=True, rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
    )
    folder(
        "llama-untied", 2, torch.bfloat16, hidden_size=60, intermediate_size=90, num_attention_heads=3, num_key_value_heads=1,
        head_dim=24, tie_word_embeddings=False, rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )
    model = LlamaForCausalLM(
        config(
            hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 50000.0},
        )
    ).eval()
    randomise(model, 3, 1.5)
    out = HERE / "llama-gguf"
    out.mkdir(exist_ok=True)
    write_gguf(model, out / "model.gguf")
    read = LlamaForCausalLM.from_pretrained(out, gguf_file="model.gguf", dtype=torch.float32).eval()
    save_file(golden(read, 45, 3), golden_file("llama-gguf"))


if __name__ == "__main__":
    main()
