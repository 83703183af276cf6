"""The texts that tokenizer_goldens.py compares tokenizers on. All are made here,
from a fixed seed; none is taken from elsewhere."""

import os
import random
import re

PROSE = """The linen shirt breathes on the warmest afternoons and softens with every wash.
Cut from a single length of organic cotton, this dress falls to the knee and moves when you do.
We don't say "timeless"; we say that the seams are taped, the buttons are horn, and the hem can be let down.
It's been worn to weddings, to interviews and, once, up a small mountain. They're still in love with it.
Wash at 30 °C with like colours; do not tumble dry. Iron while damp, inside out, if you must iron at all.
What size should I take? If you're between two sizes, choose the larger one: the cut is neat at the shoulder.
I've had mine for three winters, and I'd buy it again. You'll want the green; we'll want it back.
She asked whether the jacket's lining was silk. It wasn't: it's cupro, which behaves like silk and costs less.
Returns are free within 28 days, provided that the labels are on. After that, talk to us anyway.
The wool comes from one farm, is spun in one mill and knitted in one town, none of them far apart.
A coat should be the last thing that you notice about someone, and the first that you remember.
Each pair is lasted by hand, left to rest for nine days, and only then given its sole.
""".strip().split("\n")

COLOURS = "ecru indigo oat rust forest-green off-white café-au-lait jet-black sky-blue ochre rosé".split()
GARMENTS = "shirt trousers overcoat cardigan blouse trench-coat jumper skirt parka T-shirt jeans".split()
FABRICS = ["linen", "organic cotton", "merino", "cashmere", "recycled polyester", "Tencel™ lyocell", "crêpe de Chine", "denim"]

CODE = [
    "func main() {\n\tfmt.Println(\"hello, world\")\n}\n",
    "def f(x, *args, **kw):\n    return [i**2 for i in range(10) if i % 2 == 0]  # squares\n",
    "SELECT sku, COUNT(*) FROM orders WHERE price >= 19.99 GROUP BY 1 ORDER BY 2 DESC;",
    "for (let i=0;i<n;++i){a[i]=b[i]??c?.d;}",
    "{\"sku\": \"SS-1042\", \"sizes\": [\"S\", \"M\", null], \"price\": 1.5e+3}",
    "<div class=\"card\" data-id='7'>&amp;&nbsp;</div><!-- end -->",
    "git commit -m 'fix: off-by-one' && git push --force-with-lease\r\n",
    "\\documentclass{article}\\begin{document}$\\int_0^\\infty e^{-x^2}dx$\\end{document}",
    "0x1F4A9 0b1010 1_000_000 3.14159f -0.0 NaN +Inf 1e-9 #ff00AA $HOME ~/.bashrc C:\\Users\\x",
    "if err != nil {\n\t\treturn fmt.Errorf(\"read %q: %w\", name, err)\n\t}\n\n\n",
]

EMOJI = "👗 👔 👠 🧥 👩‍👩‍👧‍👦 👩🏽‍💻 🏳️‍🌈 🇬🇧🇫🇷🇯🇵 👍🏿 ❤️ ☀️ 1️⃣ 🤷🏼‍♀️ 🫶 🧑‍🦰 🏴󠁧󠁢󠁳󠁣󠁴󠁿 ™️ ©".split()

SCRIPTS = [
    "这件亚麻衬衫透气舒适，适合夏天穿着。", "東京のオーガニックコットン、100％使用。ｶﾀｶﾅ ガギグ", "이 코트는 양모로 만들어졌습니다. 가격: 129,000원",
    "قميص من الكتان الناعم، مُناسِبٌ لِلصَّيف ١٢٣", "חולצת פשתן נוחה לקיץ, שָׁלוֹם 45₪", "เสื้อเชิ้ตผ้าลินินระบายอากาศได้ดี ๑๒๓",
    "यह सूती कमीज़ बहुत आरामदायक है। ₹१,२९९ क्षत्रिय", "Льняная рубашка — лёгкая и прочная. Ёлка ЇЖАК", "Το λινό πουκάμισο ΕΊΝΑΙ ελαφρύ· ΟΔΟΣ",
    "Áo sơ mi vải lanh thoáng mát, giá 1.299.000₫", "İSTANBUL ve ığdır, DİYARBAKIR'ın kumaşı", "Größe: Straße ẞ ŒUVRE naïve façade Ångström Łódź",
    "লিনেনের শার্ট ১২৩ কো ৎ", "லினன் சட்டை கொ ௧௨௩", "ქართული სელის პერანგი ᲥᲐᲠᲗᲣᲚᲘ", "Հայկական վուշե վերնաշապիկ", "አማርኛ የበፍታ ሸሚዝ ፩፪፫።", "ខោអាវ ១២៣ ក្រណាត់",
    "မြန်မာ ချည်ထည် ၁၂၃", "ᠮᠣᠩᠭᠣᠯ", "བོད་ཡིག ༡༢༣ ཀྵ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 𝓈𝒾𝓁𝓀", "𐐔𐐯𐑅𐐨𐑉𐐯𐐻 𐌰𐍄𐍄𐌰", "ﬁne ﬂax ﬆitch ㎏ ㍿ Ⅷ ½ ² ①", "𠀀𠀁𪚥 㐀㐁 豈更 𫝀", "Ａｌｌ　ｗｉｄｅ　ＬＥＴＴＥＲＳ，！？",
]

CONTRACTIONS = ["I'm", "you're", "he's", "we've", "they'll", "she'd", "can't", "DON'T", "I'M", "YOU'RE", "WE'VE", "THEY'LL", "He'S", "o'clock",
                "'tis", "rock'n'roll", "y'all'd've", "it’s", "don`t", "'s", "'S", "'ll", "'LL", "'re", "'RE", "' s", "''s", "x'sy", "1's", "'ſ", "'Ve"]

SPACES = [" ", "  ", "   ", "\t", "\t\t", "\n", "\n\n", "\n\n\n", "\r\n", "\r\n\r\n", " \n", "\n ", " \t ", "\u00a0", "\u3000", "\u2003", "\u2028", "\u200a ", "\x0b", "\x0c", "\x85", "          ", "\u1680", "\u202f"]

INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u200f", "\u202e", "\u061c", "\x00", "\x01", "\x07", "\x1b", "\x7f", "\x80", "\x9f", "\x1c", "\ue000", "\U000f0000", "\ufffd", "\ufffe", "\U0010ffff", "\u180e", "\ufe0f"]

MARKS = ["\u0301", "\u0300", "\u0323", "\u0327", "\u0338", "\u20d7", "\u0344", "\u0345", "\u034f", "\u05b0", "\u064b", "\u093c", "\u3099", "\u0f71", "\u0f74", "\u0f73", "\u0f75", "\u1ac1", "\U0001d165", "\u0334", "\u0489", "\u302e"]

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>", "<empty_output>", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "<mask>", "<tool>",
           "<|im_start", "im_end|>", "[ CLS ]", "[cls]", "<<|im_end|>>", "<s>", "</s>", "##ing", "Ġthe", "ĊĊ", "<|IM_START|>", "Yesterday", "yesterday"]


def words(r, n):
    out = []
    for _ in range(n):
        out.append(r.choice(PROSE).split(" ")[r.randrange(5)])
    return out


def product(r):
    return r.choice([
        "{c} {g} in {f}, {n} g/m², £{p}.{q:02d}",
        "{G}: {f} ({n}%), elastane ({m}%). Sizes XS–XXL; SKU SS-{n}{m}-{q}",
        "Introducing our {c} {g}! Cut from {f}, it's {n}% lighter & {m}x softer...",
        "• {f}\n• {c}\n• {n} cm × {m} cm\n\n{i}. {g}\n{m}. {f}",
        "Was €{p},{q:02d} – now €{n}! Only {m} left in {c} #{g} @stylesprint http://stylesprint.example/{g}?c={c}&n={n}",
        "{g}s\t{c}\t{n}\t{p}.{q:02d}\n",
        "  {n}  {m} {i}\n\n{m}) {c}   {g}  ",
    ]).format(c=r.choice(COLOURS), g=r.choice(GARMENTS), G=r.choice(GARMENTS).upper(), f=r.choice(FABRICS), n=r.randrange(1000), m=r.randrange(20), p=r.randrange(10, 2000), q=r.randrange(100), i=r.randrange(1, 9))


def code_point(r):
    while True:
        c = r.choice([r.randrange(0x80), r.randrange(0x250), r.randrange(0x3000), r.randrange(0x10000), r.randrange(0x20000), r.randrange(0x110000)])
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def mixture(r):
    """Anything beside anything."""
    parts = []
    for _ in range(r.randrange(2, 12)):
        parts.append(r.choice([
            lambda: r.choice(SPACES), lambda: r.choice(SPACES), lambda: r.choice(INVISIBLE), lambda: r.choice(CONTRACTIONS), lambda: r.choice(SPECIAL),
            lambda: r.choice(EMOJI), lambda: r.choice("aeiouAEIOUnsc가") + "".join(r.choices(MARKS, k=r.randrange(1, 4))), lambda: str(r.randrange(10 ** r.randrange(1, 12))),
            lambda: r.choice("!?.,:;-–—…'\"()[]{}/\\|@#$%^&*_+=~`<>«»¿¡§¶†‡•") * r.randrange(1, 4), lambda: " ".join(words(r, 2)), lambda: r.choice(SCRIPTS)[: r.randrange(1, 20)],
            lambda: code_point(r),
        ])())
    return "".join(parts)


def bad_bytes(r):
    """Bytes that are mostly not UTF-8: noise, cut characters, overlong forms, surrogates."""
    kind = r.randrange(5)
    if kind == 0:
        return bytes(r.randrange(256) for _ in range(r.randrange(1, 40)))
    if kind == 1:
        return bytes(r.choice([0x41, 0x20, 0x80, 0xBF, 0xC0, 0xC2, 0xE0, 0xE2, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF, 0x9F, 0xA0, 0x90, 0x8F]) for _ in range(r.randrange(1, 24)))
    text = bytearray(mixture(r).encode())
    if kind == 2:
        return bytes(text[: max(1, len(text) - 1)])
    for _ in range(r.randrange(1, 4)):
        at = r.randrange(len(text))
        if kind == 3:
            del text[at : at + 1]
            text = text or bytearray(b"\xff")
        else:
            text[at] = r.randrange(256)
    return bytes(text)


def boundaries(here):
    """Every code point at which the measured classes change, and the one before, in context."""
    source = open(os.path.join(here, "../../engine/tokenize/unicode_gen.go")).read()
    starts = [int(x, 16) for x in re.findall(r"0x[0-9a-f]+", re.search(r"var classStart = \[\d+\]int32\{(.*?)\n\}", source, re.S).group(1))]
    points = sorted({c for s in starts for c in (s - 1, s) if c >= 0 and not 0xD800 <= c <= 0xDFFF})
    for i in range(0, len(points), 16):
        part = [chr(c) for c in points[i : i + 16]]
        yield "a".join(part) + "a " + " 7".join(part) + "7"
        yield "".join(part) + " " + " ".join(part) + "\n" + "\u0334".join(part)


def long_words(r):
    yield "a" * 5000
    yield "".join(r.choice("abcdefghij") for _ in range(4000))
    yield "supercalifragilistic" * 150
    yield " " * 3000
    yield "\n" * 1500
    yield "!" * 2000
    yield "7" * 2500
    yield "é" * 99 + " " + "é" * 100 + " " + "é" * 101
    yield "x" * 99 + " " + "x" * 100 + " " + "x" * 101
    yield "漢" * 600
    yield "👩‍👩‍👧‍👦" * 120
    yield "e" + "\u0301\u0323" * 200 + "x"
    yield "".join(code_point(r) for _ in range(800))
    for _ in range(20):
        yield "".join(r.choice("abcdeé ") if r.random() < 0.02 else r.choice("etaoinshrdlu") for _ in range(r.randrange(80, 400)))


def all_texts(here):
    r = random.Random(20240611)
    out = ["", " ", "\n", "a", "  a", "a  ", "\ufeffa"]
    out += PROSE + CODE + SCRIPTS + EMOJI + CONTRACTIONS + SPACES + INVISIBLE + SPECIAL + ["".join(EMOJI), " ".join(SCRIPTS)]
    out += [" ".join(CONTRACTIONS), " ".join(SPECIAL), "".join(SPECIAL), "a".join(SPACES), "a".join(INVISIBLE)]
    out += [s + t for s in SPACES for t in ["1", "a", ".", "'s", "é"]] + ["a" + s + s + t for s in SPACES for t in ["1", "a", ".", ""]]
    out += list(boundaries(here)) + list(long_words(r))
    for _ in range(700):
        out.append(product(r))
    for _ in range(350):
        sentences = r.sample(PROSE, r.randrange(1, 4))
        out.append(r.choice([" ", "\n", "\n\n", "  "]).join(sentences))
    for _ in range(250):
        text = r.choice(CODE) + r.choice(CODE)
        a = r.randrange(len(text))
        out.append(text[a : a + r.randrange(1, 80)])
    for _ in range(350):
        text = r.choice(SCRIPTS) + r.choice(["", " ", "1"]) + r.choice(SCRIPTS)
        a = r.randrange(len(text) // 2)
        out.append(text[a : a + r.randrange(1, 40)])
    for _ in range(250):
        out.append("".join(code_point(r) for _ in range(r.randrange(1, 30))))
    for _ in range(1600):
        out.append(mixture(r))
    for _ in range(700):
        out.append(bad_bytes(r))
    return out
