"""Tokens a second of llama.cpp on SmolLM2: prefill of 512 tokens, one stream, eight
streams together; and load time.

    python tools/peers/llamacpp.py --model FILE.gguf [--work FOLDER] [--threads 2] [--repeats 5]

With --work the file is also requantised there to Q4_0, Q8_0 and BF16 and these
are measured too. Requantising a quantised file costs quality, not speed.
"""

import argparse
import ctypes
import os
import time

import llama_cpp as llama
import numpy as np

import stamp

PREFILL, DECODE, STREAMS, PROMPT = 512, 128, 8, 60


class Model:
    def __init__(self, path, threads):
        start = time.perf_counter()
        self.model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"cannot load {path}")
        p = llama.llama_context_default_params()
        p.n_ctx, p.n_batch, p.n_ubatch, p.n_seq_max = STREAMS * 512, 512, 512, STREAMS
        p.n_threads = p.n_threads_batch = threads
        self.context = llama.llama_init_from_model(self.model, p)
        self.load = time.perf_counter() - start
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))
        self.batch = llama.llama_batch_init(PREFILL, 0, 1)

    def close(self):
        llama.llama_batch_free(self.batch)
        llama.llama_free(self.context)
        llama.llama_model_free(self.model)

    def clear(self):
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)

    def decode(self, rows):
        """Runs (token, position, sequence, wants logits) rows as one batch."""
        b = self.batch
        b.n_tokens = len(rows)
        for i, (token, position, sequence, wanted) in enumerate(rows):
            b.token[i], b.pos[i], b.n_seq_id[i], b.seq_id[i][0], b.logits[i] = token, position, 1, sequence, wanted
        if llama.llama_decode(self.context, b) != 0:
            raise SystemExit("llama_decode failed")

    def best(self, row):
        logits = llama.llama_get_logits_ith(self.context, row)
        return int(np.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())

    def prefill(self, n, sequence=0):
        self.decode([((i * 7919 + 17) % self.vocabulary, i, sequence, i == n - 1) for i in range(n)])
        return self.best(n - 1)

    def prefill_seconds(self):
        self.clear()
        start = time.perf_counter()
        self.prefill(PREFILL)
        return time.perf_counter() - start

    def decode_seconds(self, streams):
        """Greedy steps of all streams together, after a short prompt each."""
        self.clear()
        tokens = [self.prefill(PROMPT, s) for s in range(streams)]
        start = time.perf_counter()
        for step in range(DECODE):
            self.decode([(t, PROMPT + step, s, True) for s, t in enumerate(tokens)])
            tokens = [self.best(s) for s in range(streams)]
        return time.perf_counter() - start


def measure(path, form, a):
    m = Model(path, a.threads)

    def several(run):
        run()
        return [run() for _ in range(a.repeats)]

    common = dict(model=os.path.basename(path), format=form, load_s=round(m.load, 3))
    stamp.report("prefill", ["llama-cpp-python"], a.threads, PREFILL, several(m.prefill_seconds), unit="tokens/s", tokens=PREFILL, **common)
    for streams in (1, STREAMS):
        seconds = several(lambda: m.decode_seconds(streams))
        stamp.report("decode", ["llama-cpp-python"], a.threads, DECODE * streams, seconds, unit="tokens/s", streams=streams, prompt=PROMPT, tokens=DECODE, **common)
    m.close()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", required=True)
    p.add_argument("--work")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeats", type=int, default=5)
    a = p.parse_args()
    quiet = llama.llama_log_callback(lambda level, text, data: None)
    llama.llama_log_set(quiet, ctypes.c_void_p(0))
    llama.llama_backend_init()
    measure(a.model, "Q4_1", a)
    for form, kind in [("Q4_0", llama.LLAMA_FTYPE_MOSTLY_Q4_0), ("Q8_0", llama.LLAMA_FTYPE_MOSTLY_Q8_0), ("BF16", llama.LLAMA_FTYPE_MOSTLY_BF16)]:
        if not a.work:
            break
        path = os.path.join(a.work, form + ".gguf")
        q = llama.llama_model_quantize_default_params()
        q.ftype, q.allow_requantize, q.nthread = kind, True, a.threads
        if not os.path.exists(path) and llama.llama_model_quantize(a.model.encode(), path.encode(), ctypes.byref(q)) != 0:
            print(f"cannot requantise to {form}")
            continue
        measure(path, form, a)


main()
