"""Conversations and what transformers makes of them with several chat templates.

Writes engine/testdata/chat.json: templates by name, and cases with the rendered
text or the word "refused". SmolLM2's template is the file's own; the others are made here, one for each
habit that templates have.

    python tools/parity/chat_template.py SmolLM2-135M-Instruct.Q4_1.gguf
"""

import json
import pathlib
import sys

import gguf
from transformers.utils.chat_template_utils import render_jinja_template

OUT = pathlib.Path(__file__).resolve().parents[2] / "engine" / "testdata" / "chat.json"
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
TEMPLATES = {
    "blocks": """{%- if messages[0]['role'] == 'system' -%}
    {%- set system_message = messages[0]['content'] | trim -%}
    {%- set messages = messages[1:] -%}
{%- else -%}
    {%- set system_message = '' -%}
{%- endif -%}
{{ bos_token }}
{%- for message in messages %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('Roles must alternate user/assistant/user/assistant/...') }}
    {%- endif -%}
    {%- if message['role'] == 'user' -%}
        {%- if loop.first and system_message -%}
            {{ '[INST] ' + system_message + '\n\n' + message['content'] | trim + ' [/INST]' }}
        {%- else -%}
            {{ '[INST] ' + message['content'] | trim + ' [/INST]' }}
        {%- endif -%}
    {%- else -%}
        {{ ' ' + message['content'] | trim + eos_token }}
    {%- endif -%}
{%- endfor -%}
""",
    "lines": """{% for message in messages %}
  {% if message.role == "system" %}
<|system|>
{{ message.content }}{{ eos_token }}
  {% elif message.role == "user" %}
<|user|>
{{ message.content }}{{ eos_token }}
  {% else %}
    {% generation %}
<|assistant|>
{{ message.content + eos_token }}
    {% endgeneration %}
  {% endif %}
{% if loop.last and add_generation_prompt %}
<|assistant|>
{% endif %}
{% endfor %}
""",
    "namespace": """{%- set ns = namespace(system=none, turns=0) -%}
{%- for m in messages if m.role != 'system' -%}
    {%- set ns.turns = ns.turns + 1 -%}
{%- endfor -%}
{%- if tools is defined and tools is not none %}{{ '# Tools\n' + tools | tojson }}{% endif -%}
{%- if not documents %}{{ '[no documents]\n' }}{% endif -%}
{{- '<turns ' ~ ns.turns ~ '>\n' }}
{%- for message in messages -%}
    {%- if message.tool_calls is defined and message.tool_calls -%}tools
    {%- elif message.content is string -%}
        {{- '<|start|>' + message.role | upper + '<|end|>' -}}
        {{- message.content if loop.index < 3 else message.content | trim -}}
        {{- '<|eot|>\n' -}}
    {%- else -%}
        {{- raise_exception('content of ' + message.role + ' is no text') -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt %}{{ '<|start|>ASSISTANT<|end|>' }}{% endif -%}
""",
    "macro": """{#- a comment -#}
{%- macro turn(role, text, last=false) -%}
<{{ role }}>{{ text.replace('\n', ' / ').strip() }}{% if not last %}</{{ role }}>{% endif %}
{%- endmacro -%}
{%- for message in messages -%}
{% set role = message['role'] -%}
{% if role == 'assistant' -%}{% set role = 'model' -%}{%- endif -%}
{{ turn(role, message['content'], last=loop.last) }}
{% endfor -%}
{%- if messages[-1].role == 'user' and messages | length > 1 and 'size' in messages[-1].content -%}size asked{%- endif -%}
{{- messages[-1] | tojson -}}
""",
    "strict": """{% if messages | selectattr('role', 'equalto', 'system') | list | length > 0 %}{{ raise_exception('System role not supported') }}{% endif %}
{% for message in messages %}{% if message['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}
{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}""",
}
CHATS = [
    [("user", "Describe a linen shirt.")],
    [("system", "You are brief."), ("user", "Describe a linen shirt.")],
    [("user", "Hello"), ("assistant", "Hi! How can I help?"), ("user", "What size is \"M\"?")],
    [("system", "  Speak plainly.\n"), ("user", "  leading and trailing  \n"), ("assistant", "\nOK\n"), ("user", "line one\nline two")],
    [("user", "Zoë’s café: 2 × 49,90 €, {{ not a variable }} {% raw %} \\n <b>&amp;</b> 👗")],
    [("user", "first"), ("user", "second")],
    [("assistant", "I begin."), ("user", "")],
    [("user", "a 'quoted' \"word\" \\ and a tab\t.")],
    [("system", "One."), ("system", "Two."), ("user", "Which?")],
]


def main(path):
    field = gguf.GGUFReader(path).fields["tokenizer.chat_template"]
    templates = {"smollm2": bytes(field.parts[field.data[0]]).decode()} | TEMPLATES
    cases = []
    for name, template in templates.items():
        for chat in CHATS:
            messages = [{"role": r, "content": c} for r, c in chat]
            try:
                text = render_jinja_template([messages], chat_template=template, add_generation_prompt=True, **TOKENS)[0][0]
                cases.append({"template": name, "messages": messages, "text": text})
            except Exception as e:
                cases.append({"template": name, "messages": messages, "refused": str(e)})
                print(name, e)
    OUT.write_text(json.dumps({"tokens": TOKENS, "templates": templates, "cases": cases}, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
