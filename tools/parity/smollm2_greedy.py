"""What transformers generates greedily with SmolLM2-135M-Instruct, Q4_1, dequantised to float32.

Writes engine/testdata/smollm2-greedy.json: for each prompt its tokens, and the 32
tokens (fewer at an end) and the text that follow.

    python tools/parity/smollm2_greedy.py SmolLM2-135M-Instruct.Q4_1.gguf
"""

import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

OUT = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata" / "smollm2-greedy.json"
CHATS = [
    [{"role": "user", "content": "Write one sentence about a navy linen shirt."}],
    [{"role": "user", "content": "Which shoes go with a grey wool suit?"}],
    [
        {"role": "system", "content": "You write short product descriptions for a fashion shop."},
        {"role": "user", "content": "Cotton dress, knee length, pockets, sky blue."},
    ],
    [
        {"role": "user", "content": "My name is Zoë and I wear size 40."},
        {"role": "assistant", "content": "Nice to meet you, Zoë!"},
        {"role": "user", "content": "What size do I wear?"},
    ],
    [{"role": "user", "content": "List three fabrics for summer."}],
    [{"role": "user", "content": "How should I wash a merino jumper? Answer in one sentence."}],
]
PROMPTS = [
    "The capital of France is",
    "A good winter coat should",
    "def add(a, b):\n",
    "Once upon a time, in a small town by the sea, there was a tailor who",
]


def main(path):
    torch.set_num_threads(2)
    path = pathlib.Path(path)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    cases = []
    for item in CHATS + PROMPTS:
        chat = not isinstance(item, str)
        if chat:
            text = tokenizer.apply_chat_template(item, tokenize=False, add_generation_prompt=True)
            ids = tokenizer(text, add_special_tokens=False).input_ids
        else:
            ids = tokenizer(item).input_ids
        with torch.no_grad():
            out = model.generate(
                torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), max_new_tokens=32, do_sample=False,
                eos_token_id=2,
            )[0, len(ids):].tolist()
            logits = model(torch.tensor([ids + out])).logits[0, len(ids) - 1 : -1]
        best = torch.topk(logits, 2).values
        cases.append({
            "messages" if chat else "prompt": item,
            "prompt_tokens": ids,
            "tokens": out,
            "text": tokenizer.decode(out, skip_special_tokens=True),
            # how far the second-best token was behind, at the closest
            "margin": round(float((best[:, 0] - best[:, 1]).min()), 5),
        })
        print(cases[-1]["margin"], repr(cases[-1]["text"]))
    lines = ",\n".join(" " + json.dumps(c, ensure_ascii=False) for c in cases)
    OUT.write_text("[\n" + lines + "\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
