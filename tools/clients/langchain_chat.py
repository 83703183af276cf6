"""Tries a server with LangChain's ChatOpenAI.

Usage: python tools/clients/langchain_chat.py http://127.0.0.1:8000/v1 MODEL [EMBEDDING_MODEL]

Prints a line for each thing tried; exits with 1 if one of them fails.
"""
import asyncio
import sys
from importlib.metadata import version

import openai
from langchain_core.exceptions import ContextOverflowError
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI, OpenAI, OpenAIEmbeddings

base, model = sys.argv[1], sys.argv[2]
encoder = sys.argv[3] if len(sys.argv) > 3 else None
shared = dict(base_url=base, api_key="unused", model=model, temperature=0, max_retries=0, timeout=120)
chat = ChatOpenAI(max_tokens=40, stream_usage=True, **shared)
messages = [SystemMessage("You write for a fashion shop."), HumanMessage("Describe a linen shirt in one sentence.")]
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


@attempt("invoke")
def _():
    r = chat.invoke(messages)
    assert isinstance(r, AIMessage) and r.content and r.usage_metadata["total_tokens"] > 0
    assert r.response_metadata["finish_reason"] in ("stop", "length")
    assert chat.invoke([*messages, r, HumanMessage("Shorter.")]).content
    return short(r.content)


@attempt("stream")
def _():
    whole = None
    for chunk in chat.stream(messages):
        whole = chunk if whole is None else whole + chunk
    assert whole.content == chat.invoke(messages).content
    assert whole.usage_metadata["total_tokens"] > 0, whole
    return short(whole.content)


@attempt("chain of template, model and parser")
def _():
    chain = ChatPromptTemplate.from_messages([("system", "You write for a fashion shop."), ("user", "Describe {item}.")]) | chat | StrOutputParser()
    text = chain.invoke({"item": "a wool coat"})
    assert text
    return short(text)


@attempt("batch")
def _():
    texts = [m.content for m in chat.batch([f"Describe garment {i}." for i in range(4)])]
    assert len(texts) == 4 and all(texts)
    return len(texts)


@attempt("asynchronous")
def _():
    async def both():
        whole = (await chat.ainvoke(messages)).content
        pieces = [c.content async for c in chat.astream(messages)]
        assert "".join(pieces) == whole
        return whole
    return short(asyncio.run(both()))


@attempt("stop and seed")
def _():
    r = ChatOpenAI(max_tokens=40, seed=7, **shared).invoke(messages, stop=["."])
    assert "." not in r.content, r.content
    return short(r.content)


@attempt("plain completion")
def _():
    text = OpenAI(max_tokens=20, **shared).invoke("A linen shirt is")
    assert text
    return short(text)


if encoder:
    @attempt("embeddings")
    def _():
        # Without the check of lengths texts are sent as text, not as token numbers.
        e = OpenAIEmbeddings(base_url=base, api_key="unused", model=encoder, check_embedding_ctx_length=False)
        vectors = e.embed_documents(["linen shirt", "wool coat"])
        assert len(vectors) == 2 and len(e.embed_query("linen shirt")) == len(vectors[0])
        return f"{len(vectors)} vectors of {len(vectors[0])}"


@attempt("refuses tools")
def _():
    def price(sku: str) -> str:
        """Price of a product."""
        return sku
    try:
        chat.bind_tools([price]).invoke(messages)
    except openai.BadRequestError as e:
        assert e.param == "tools", e.param
        return f"{e.status_code} {e.code} {e.param}"
    raise AssertionError("they were accepted")


@attempt("refuses a context that is too long")
def _():
    try:
        ChatOpenAI(max_tokens=10_000_000, **shared).invoke(messages)
    except ContextOverflowError as e:
        assert e.code == "context_length_exceeded", e.code
        return f"{type(e).__name__}: {e.status_code} {e.code}"
    raise AssertionError("it was accepted")


print(f"langchain-openai {version('langchain-openai')}: {failures} failures")
sys.exit(1 if failures else 0)
