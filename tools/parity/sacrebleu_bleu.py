"""Writes evaluate/metric/testdata/bleu.json.gz and pytext.json.gz.

    python tools/parity/sacrebleu_bleu.py

The first holds segments with Unicode traps and what sacrebleu makes of them,
for every combination of tokenizer, smoothing, case and effective order; the
second holds what Python's str.lower, str.split and the regex module make of
single characters and of sigmas.
"""
import gzip
import itertools
import json
import logging
import os
import random

import regex
import sacrebleu
from sacrebleu.metrics import BLEU

logging.getLogger("sacrebleu").setLevel(logging.ERROR)
HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "..", "..", "evaluate", "metric", "testdata")
TOKENIZERS = ["13a", "intl", "zh", "char", "none"]
SMOOTHINGS = [("exp", None), ("floor", None), ("floor", 0.5), ("add-k", None), ("add-k", 0.25), ("none", None)]

# Hypothesis and reference, by hand.
TRAPS = [
    ("", ""), ("", "A navy linen shirt."), ("A navy linen shirt.", ""), (" ", "\t"), ("\u00a0", "a"), ("\u200b", "\u200b"),
    ("a", "a"), ("a b", "a b"), ("a b c", "a b c"), ("a b c d", "a b c d"), (".", "."), ("..", ".."), ("...", "... ."), ("-", "-"), ("5-", "5-"),
    ("Shirt", "shirt"), ("the the the the the", "the cat the"), ("x", "completely different words here"),
    ("“Soft” cotton’s best — 100 % organic", "\"Soft\" cotton's best - 100% organic"), ("‘Slim’ fit…", "'Slim' fit..."), ("€49.95, now €39,95!", "€ 49.95 now € 39.95!"),
    ("Price: $1,299.00 (was $1,499.00).", "Price: $1,299.00 (was £1,499.00)."), ("1.5-2.5 cm", "1.5 - 2.5 cm"), ("A4-size, 3-D, x-3", "A4 size, 3-D x-3"), ("10.", "10 ."), ("2010.", "2010."),
    (".5 kg ,5", "0.5 kg , 5"), ("5..6 7,,8 9.,0", "5. .6 7, ,8 9., 0"), ("a.b,c.d", "a . b , c . d"), ("x..5 x...5", "x . .5 x ..5"), (".,.,.,", ". , . , . ,"), ("1.a a.1 1.1 a.a", "1. a a .1 1.1 a. a"),
    ("<skipped>Wool", "Wool"), ("Wo<skipped>ol coat", "Wool coat"), ("<SKIPPED>Wool coat", "Wool coat"), ("ear-\nring set", "earring set"), ("line one\nline two", "line one line two"), ("ends with dash-\n", "ends with dash-"),
    ("&quot;Chic&quot; &amp; warm &lt;new&gt;", "\"Chic\" & warm <new>"), ("&amp;lt; &amp;amp; &apos;", "&lt; &amp; '"), ("&QUOT; &Amp;", "\" &"),
    ("深蓝色亚麻衬衫，版型宽松。", "深蓝色亚麻衬衣，版型修身。"), ("這件外套 100% 羊毛, 售價 NT$2,990。", "這件大衣 100% 羊毛，售價 NT$2,990。"), ("。5.中1.", "。5 .中1 ."), (".中文", ".中文"), ("中.", "中 ."), ("5.", "5 ."), (",5", ",5"),
    ("シルクのワンピース、洗える", "シルクのワンピース、手洗い可"), ("한국어 원피스, 린넨 100%", "한국어 원피스 , 린넨 100%"), ("𠀀𠀁 rare 𪛖", "𠀀 𠀁 rare 𪛖"), ("①②③ size Ⅳ ½ ² ٣", "① ② ③ size Ⅳ ½ ² ٣"), ("٣.٤ ٣.a", "٣ . ٤ ٣. a"),
    ("İSTANBUL İpek Elbise", "istanbul ipek elbise"), ("ΟΔΥΣΣΕΥΣ ΣΑΣ Σ", "οδυσσευς σας σ"), ("ΣΊΣΥΦΟΣ’Σ ΑΣ. Σ'Σ", "σίσυφος’ς ας. σ'σ"), ("STRASSE straße ẞ", "strasse straße ß"), ("ǅ Ǆ ǆ ﬁ ﬀ", "ǆ ǆ ǆ fi ff"), ("ÀÉÎ Ñandú", "àéî ñandú"),
    ("one\u001ctwo\u001dthree\u001efour\u001ffive", "one two three four five"), ("tab\tnew\x0bline\x0cfeed\rend", "tab new line feed end"), ("nbsp\u00a0here\u202fthin\u2009space", "nbsp here thin space"), ("next\u0085line\u2028sep\u2029par", "next line sep par"),
    ("zero\u200bwidth\u200cjoin\u200der\ufeffbom", "zero width join er bom"), ("\ufeffBOM first", "BOM first"), ("soft\u00adhyphen", "softhyphen"), ("\u3000全角\u3000空格\u3000", "全角 空格"), ("\u1680ogham\u180emongol", "ogham mongol"),
    ("café cafe\u0301 e\u0301legant", "cafe\u0301 café élegant"), ("Z̡̛͓a͜l̶g̴o̵ t̸e̷x̶t̷", "Zalgo text"), ("क्षि हिन्दी", "क्षि हिन्दी"), ("שָׁלוֹם מחיר: 49.90 ₪", "שלום מחיר: 49.90 ₪"), ("السعر ٤٩٫٩٠ درهم، جديد؟", "السعر ٤٩٫٩٠ درهم ، جديد ؟"),
    ("👗👠 New in! 🎉", "👗 👠 New in 🎉"), ("👩‍👩‍👧‍👦 family 👍🏽 🇫🇷", "👩‍👩‍👧 family 👍 🇫🇷"), ("❤️ ♥ ★★★★☆ ✓", "❤ ♥ ★ ★ ★ ★ ☆ ✓"), ("™ ® © ° § ¶ † ‡ • ·", "TM ® © ° § ¶ † ‡ • ·"), ("± × ÷ ≤ ≥ ≠ ∞", "± x ÷ <= >= ≠ ∞"),
    ("30°C – 40°C machine-wash", "30 °C - 40 °C machine wash"), ("T-shirt/tee [new] {s} (m) <l> \\xl| ^~`_", "T-shirt / tee [ new ] { s } ( m )"), ("!?;:#@%&*+=", "! ? ; : # @ % & * + ="), ("it's don't o'clock", "it ' s don ' t o ' clock"),
    ("…—–‒―‑", "... - - - - -"), ("«guillemets» ‹single› „low“", "\" guillemets \" ' single ' \" low \""), ("¿Qué talla? ¡Oferta!", "¿ Qué talla ? ¡ Oferta !"), ("l’été d'été", "l ’ été d ' été"), ("１２３，４５６．７ ＡＢＣ", "123,456.7 ABC"),
    ("a\u0300.b\u0300,c", "à . b̀ , c"), ("word \u00b2.\u00b3 x", "word ² . ³ x"), ("100%cotton", "100 % cotton"), ("size:S/M/L", "size : S / M / L"), ("http://shop.example/p?id=12&c=3", "http://shop.example/p?id=13&c=3"), ("mail@shop.example", "mail @ shop.example"),
    ("\U0001fae9 new \U00010d6e letter \u2ffc", "\U0001fae9 new \U00010d6e letter \u2ffc"), ("a\u0378b", "a\u0378b"), ("\ue000 private \uf8ff", "\ue000 private \uf8ff"), ("no.1 No.2", "no. 1 No. 2"), ("a , b . c", "a, b. c."), ("   leading and trailing   ", "leading and trailing"),
    ("A  double  space", "A double space"), ("trailing period .", "trailing period."), ("-5 --5 5--5 5-a", "- 5 - - 5 5 - - 5 5 - a"), ("3,000.50", "3 000 , 50"), ("a" * 300, "a" * 300), ("la " * 120, "la " * 90), ("x y " * 40, "y x " * 40),
]

NOUNS = "shirt dress coat jacket trousers skirt blazer cardigan scarf boots sneakers blouse jumper jeans parka belt bag hat gown tunic".split()
MATERIALS = ["organic cotton", "100 % linen", "70% wool, 30% cashmere", "silk-blend satin", "recycled polyester", "full-grain leather", "merino wool", "Tencel™ lyocell", "brushed-cotton twill", "98 % coton, 2 % élasthanne"]
COLOURS = ["navy", "off-white", "sage green", "café au lait", "bordeaux", "jet-black", "bleu nuit", "rosé", "camel", "ecru"]
OPENERS = ["Meet the", "Cut from", "A modern take on the", "Designed in Malmö, the", "Introducing our", "“Effortless” is the word for this", "Soft, light and breathable:", "Your new favourite"]
CLAUSES = ["with a relaxed fit", "with mother-of-pearl buttons", "that drapes beautifully", "finished with hand-sewn hems", "featuring two patch pockets", "made to last — season after season", "that’s easy to layer", "with a 2.5 cm hem", "lined in cupro"]
CARE = ["Machine wash at 30 °C.", "Dry clean only.", "Hand-wash; dry flat.", "Wash cold, line dry.", "Do not tumble-dry!", "Iron at ≤110 °C."]
PRICES = ["€79.95", "$1,249.00", "£59", "NT$2,990", "kr 499,-", "¥12,800"]


def product(rng):
    parts = [f"{rng.choice(OPENERS)} {rng.choice(COLOURS)} {rng.choice(NOUNS)} in {rng.choice(MATERIALS)}, {rng.choice(CLAUSES)}."]
    if rng.random() < 0.8:
        parts.append(f"It is {rng.choice(CLAUSES)[5:]} and comes in sizes {rng.choice(['XS–XL', 'S, M, L', '34-46', '6/8/10/12'])}.")
    if rng.random() < 0.7:
        parts.append(rng.choice(CARE))
    if rng.random() < 0.5:
        parts.append(f"Now {rng.choice(PRICES)}.")
    return " ".join(parts)


def disturb(rng, text):
    words = text.split(" ")
    for _ in range(rng.randrange(0, 9)):
        if not words:
            break
        i = rng.randrange(len(words))
        act = rng.randrange(7)
        if act == 0:
            del words[i]
        elif act == 1:
            words.insert(i, rng.choice(NOUNS + COLOURS))
        elif act == 2:
            words[i] = words[i].upper()
        elif act == 3:
            j = rng.randrange(len(words))
            words[i], words[j] = words[j], words[i]
        elif act == 4:
            words.insert(i, words[i])
        elif act == 5:
            words = words[: max(1, i)]
        else:
            words[i] += rng.choice(["…", ",", ".", "\u00a0", "\u200b", "!", "’s", "-", "5"])
    return " ".join(words)


ALPHABET = list("aAbZ059.,-'’ “\t\n&<>;/()€%—…中文，。ﾊ１İΣσς") + ["e\u0301", "\u00a0", "\u001c", "\u001f", "\u200b", "\u3000", "👗", "🏽", "½", "Ⅳ", "٣", "\u0085", "&quot;", "&amp;", "<skipped>", "-\n", "№", "$", "^", "\u2460"]


def noise(rng):
    return "".join(rng.choice(ALPHABET) for _ in range(rng.randrange(1, 60)))


def segments():
    rng = random.Random(12345)
    out = []  # hypothesis, [references]; None: the reference is missing
    for hyp, ref in TRAPS:
        out.append([hyp, [ref, hyp[::-1], None]])
        out.append([ref, [hyp, None, ref + " " + hyp]])
    for _ in range(260):
        ref = product(rng)
        other = product(rng) if rng.random() < 0.9 else ""
        out.append([disturb(rng, ref), [ref, disturb(rng, ref), other if rng.random() < 0.6 else None]])
    for _ in range(240):
        ref = noise(rng)
        words = list(ref)
        for _ in range(rng.randrange(6)):
            words[rng.randrange(len(words))] = rng.choice(ALPHABET)
        out.append(["".join(words), [ref, noise(rng), None if rng.random() < 0.5 else noise(rng)]])
    return out


def stats(score):
    return [score.sys_len, score.ref_len] + list(score.counts) + list(score.totals)


def sets(segs):
    hyps = [s[0] for s in segs]
    refs = [[s[1][k] for s in segs] for k in range(3)]
    return hyps, {"one": refs[:1], "two": refs[:2], "var": refs}


def main():
    segs = segments()
    hyps, refsets = sets(segs)
    tables = []
    for tok, lower in itertools.product(TOKENIZERS, [False, True]):
        plain = BLEU(tokenize=tok, lowercase=lower, smooth_method="none", effective_order=True)
        tokens = [" ".join(plain._preprocess_segment(h).split()) for h in hyps]
        rows, var = [], []
        for hyp, refs in segs:
            rows.append(stats(plain.sentence_score(hyp, refs[:1])))
            var.append(stats(plain.sentence_score(hyp, [r for r in refs if r is not None])))
        combos = []
        for (smooth, value), eff in itertools.product(SMOOTHINGS, [False, True]):
            bleu = BLEU(tokenize=tok, lowercase=lower, smooth_method=smooth, smooth_value=value, effective_order=eff)
            scores, precisions = [], []
            for hyp, refs in segs:
                s = bleu.sentence_score(hyp, refs[:1])
                scores.append(round(s.score, 10))
                precisions.append([round(p, 10) for p in s.precisions])
            combo = {"smooth": smooth, "value": value, "eff": eff, "scores": scores, "corpus": {}}
            if not eff:  # precisions do not depend on it
                combo["precisions"] = precisions
            for name, refs in refsets.items():
                s = bleu.corpus_score(hyps, refs)
                combo["corpus"][name] = {"score": s.score, "precisions": s.precisions, "bp": s.bp, "sys_len": s.sys_len, "ref_len": s.ref_len, "signature": str(bleu.get_signature())}
            combos.append(combo)
        tables.append({"tok": tok, "lowercase": lower, "tokens": tokens, "stats": rows, "stats_var": var, "combos": combos})
    write("bleu.json.gz", {"sacrebleu": sacrebleu.__version__, "segments": [{"hyp": h, "refs": r} for h, r in segs], "tables": tables})
    write("pytext.json.gz", characters())
    print(len(segs), "segments")


def characters():
    """Go's tables are of Unicode 15 and Python's of 14, so only what both assign is told apart."""
    points = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    P, S, N = regex.compile(r"\p{P}"), regex.compile(r"\p{S}"), regex.compile(r"\p{N}")
    kinds = "".join("P" if P.match(c) else "S" if S.match(c) else "N" if N.match(c) else "o" for c in points)
    runs = [[k, len(list(g))] for k, g in itertools.groupby(kinds)]
    lower = [[c, c.lower()] for c in points if c.lower() != c]
    # Which characters let a sigma before or after them be final.
    after = "".join("1" if ("aΣ" + c).lower()[1] == "ς" else "0" for c in points)
    before = "".join("1" if (c + "Σ").lower()[-1] == "ς" else "0" for c in points)
    over = "".join("1" if ("a" + c + "Σ").lower()[-1] == "ς" else "0" for c in points)
    pack = lambda s: [len(list(g)) for _, g in itertools.groupby("0" + s)]
    return {"classes": runs, "lower": lower, "space": [c for c in points if c.isspace()], "sigma_after": pack(after), "sigma_before": pack(before), "sigma_over": pack(over)}


def write(name, value):
    data = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    with open(os.path.join(OUT, name), "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=9, mtime=0, filename="") as f:
        f.write(data)


if __name__ == "__main__":
    main()
