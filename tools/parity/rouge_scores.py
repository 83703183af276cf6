"""Writes evaluate/metric/testdata/rouge.json.gz.

    python tools/parity/rouge_scores.py

What Google's rouge_score makes of the segments of sacrebleu_bleu.py and of
texts of several lines, with and without stemming, against the first reference
and against all; and what NLTK's Porter stemmer makes of words.
"""
import random

from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer

from sacrebleu_bleu import segments, write

TYPES = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
ENDINGS = """ational tional enci anci izer bli abli alli entli eli ousli ization ation ator alism iveness fulness ousness aliti iviti biliti fulli logi icate ative
alize iciti ical ful ness al ance ence er ic able ible ant ement ment ent ion sion tion ou ism ate iti ous ive ize e ee ed eed ied ies s ss sses ing y ying ally ily ely
ingly edly ll led ling ted ting zes zed""".split()
STEMS = """a b i o ab at bl iz tr ye yy syz gr str fl hop fall fil fail siz tann hiss fizz roll control rat ceas probat agr fe plaster motor sk happ enjo cr di li ti go
theo geo archaeo relat condit vale hesit digit conform radic differ vil analog vietnam predic oper feudal deci hope callous form sens triplic electr good reviv allow
infer airlin gyroscop adjust defens irrit replac depend adopt homolog commun activ angular effect bowdler cotton linen drap tailor button knit weav dy dye""".split()
IRREGULAR = """sky skies dying lying tying news innings inning outings outing cannings canning howe proceed exceed succeed dies died ties tied lies spied flies flying
yes yay yyy yyyy eyed enjoyed says 100 2x xs5 a1s 12ing s ss sss us is as e ee eee ed ing""".split()


def words(segs):
    out = set(IRREGULAR) | {s + e for s in STEMS for e in ENDINGS} | {s + e + "s" for s in STEMS for e in ENDINGS[:40]}
    for hyp, refs in segs:
        for text in [hyp] + [r for r in refs if r]:
            out.update(w for w in text.lower().split() if w.isascii() and w.isalnum())
    return sorted(out)


def several_lines(segs):
    rng = random.Random(5)
    out = []
    products = segs[-500:-240]
    for _ in range(60):
        text = lambda: "".join(s[1][0].replace(". ", rng.choice([".\n", ".\n\n", ". ", "\n \n"])) + rng.choice(["\n", " "]) for s in rng.sample(products, rng.randrange(1, 4)))
        ref = text()
        lines = ref.split("\n")
        rng.shuffle(lines)
        out.append([rng.choice([text(), "\n".join(lines), "\n".join(lines[: max(1, len(lines) // 2)]) + text()]), [ref, text(), None]])
    return out


def values(segs, stem):
    scorer = rouge_scorer.RougeScorer(TYPES, use_stemmer=stem)
    out = {}
    for name in ["one", "var"]:
        rows = []
        for hyp, refs in segs:
            refs = [r for r in (refs[:1] if name == "one" else refs) if r is not None]
            s = scorer.score_multi(refs, hyp)
            rows.append([round(v, 11) for t in TYPES for v in s[t]])
        out[name] = rows
    return out


def main():
    segs = segments()
    lines = several_lines(segs)
    stemmer = PorterStemmer()
    vocabulary = words(segs)
    write("rouge.json.gz", {
        "types": TYPES,
        "lines": [{"hyp": h, "refs": r} for h, r in lines],
        "tables": [{"stem": stem, "scores": values(segs + lines, stem)} for stem in [False, True]],
        "stems": [[w, stemmer.stem(w)] for w in vocabulary],
    })
    print(len(segs) + len(lines), "segments,", len(vocabulary), "words")


if __name__ == "__main__":
    main()
