"""Tries a server with the official OpenAI client.

Usage: python tools/clients/openai_python.py http://127.0.0.1:8000/v1 MODEL [EMBEDDING_MODEL]

Prints a line for each thing tried; exits with 1 if one of them fails.
"""
import sys

import openai

base, model = sys.argv[1], sys.argv[2]
encoder = sys.argv[3] if len(sys.argv) > 3 else None
client = openai.OpenAI(base_url=base, api_key="unused", max_retries=0, timeout=120)
messages = [
    {"role": "developer", "content": "You write for a fashion shop."},
    {"role": "user", "content": [{"type": "text", "text": "Describe a linen shirt in one sentence."}]},
]
failures = 0


def attempt(name):
    def run(f):
        global failures
        try:
            print(f"ok    {name}: {f()}")
        except Exception as e:  # every failure is reported, then the next thing is tried
            failures += 1
            print(f"FAIL  {name}: {type(e).__name__}: {e}")
    return run


def short(text):
    return repr(text if len(text) <= 60 else text[:57] + "...")


@attempt("models")
def _():
    ids = [m.id for m in client.models.list()]
    assert model in ids, ids
    assert client.models.retrieve(model).id == model
    return ids


@attempt("chat")
def _():
    r = client.chat.completions.create(model=model, messages=messages, max_completion_tokens=40, temperature=0)
    c = r.choices[0]
    assert c.message.role == "assistant" and c.message.content and c.finish_reason in ("stop", "length")
    assert r.usage.total_tokens == r.usage.prompt_tokens + r.usage.completion_tokens > 0
    assert r.id.startswith("chatcmpl-") and r.object == "chat.completion"
    # The answer goes back as it came, as a turn of the conversation.
    more = [*messages, c.message, {"role": "user", "content": "Shorter."}]
    again = client.chat.completions.create(model=model, messages=more, max_tokens=20)
    assert again.choices[0].message.content
    return short(c.message.content)


@attempt("chat, streamed")
def _():
    text, reason, usage, role = "", None, None, None
    stream = client.chat.completions.create(
        model=model, messages=messages, max_tokens=40, temperature=0, stream=True, stream_options={"include_usage": True})
    for chunk in stream:
        assert chunk.object == "chat.completion.chunk" and chunk.id.startswith("chatcmpl-")
        usage = chunk.usage or usage
        for choice in chunk.choices:
            role = role or choice.delta.role
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
    whole = client.chat.completions.create(model=model, messages=messages, max_tokens=40, temperature=0)
    assert role == "assistant" and reason in ("stop", "length") and usage.total_tokens > 0
    assert text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    return short(text)


@attempt("chat, stream helper")
def _():
    try:
        with client.chat.completions.stream(model=model, messages=messages, max_tokens=100) as stream:
            for _event in stream:
                pass
            final = stream.get_final_completion()
    except openai.LengthFinishReasonError as e:  # the helper's way to say that max_tokens was reached
        final = e.completion
    assert final.choices[0].message.content
    return short(final.choices[0].message.content)


@attempt("chat, left in the middle")
def _():
    stream = client.chat.completions.create(model=model, messages=messages, max_tokens=200, stream=True)
    first = next(iter(stream))
    stream.close()
    return first.id


@attempt("completions")
def _():
    r = client.completions.create(model=model, prompt="A linen shirt is", max_tokens=20, temperature=0)
    assert r.choices[0].text and r.object == "text_completion"
    streamed = "".join(
        c.choices[0].text for c in client.completions.create(model=model, prompt="A linen shirt is", max_tokens=20, temperature=0, stream=True))
    assert streamed == r.choices[0].text, (streamed, r.choices[0].text)
    return short(r.choices[0].text)


if encoder:
    @attempt("embeddings")
    def _():
        # The client asks for base64 unless told otherwise.
        packed = client.embeddings.create(model=encoder, input=["linen shirt", "wool coat"])
        plain = client.embeddings.create(model=encoder, input=["linen shirt", "wool coat"], encoding_format="float")
        for a, b in zip(packed.data, plain.data):
            assert max(abs(x - y) for x, y in zip(a.embedding, b.embedding)) < 1e-6
            assert abs(sum(x * x for x in a.embedding) - 1) < 1e-3
        return f"{len(plain.data)} vectors of {len(plain.data[0].embedding)}"


def refused(name, error, field, **change):
    @attempt(f"refuses {name}")
    def _():
        try:
            client.chat.completions.create(**{"model": model, "messages": messages, "max_tokens": 5, **change})
        except error as e:
            assert field is None or e.param == field, e.param
            return f"{e.status_code} {e.code} {e.param}"
        raise AssertionError("it was accepted")


refused("an unknown model", openai.NotFoundError, "model", model="no-such-model")
refused("no messages", openai.BadRequestError, "messages", messages=[])
refused("a wrong temperature", openai.BadRequestError, "temperature", temperature=5)
refused("an image", openai.BadRequestError, "messages[0].content[0].image_url",
        messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}])
refused("tools", openai.BadRequestError, "tools",
        tools=[{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}])
refused("log probabilities", openai.BadRequestError, "logprobs", logprobs=True)
refused("too many tokens", openai.BadRequestError, None, max_tokens=10_000_000)

print(f"openai {openai.__version__}: {failures} failures")
sys.exit(1 if failures else 0)
