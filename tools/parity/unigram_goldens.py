"""Writes the goldens of Unigram tokenizers to engine/tokenize/testdata: small vocabularies, trained here with
Hugging Face's tokenizers on texts made here, and what that library makes of some thousand strings.

    python tools/parity/unigram_goldens.py

The formats are those of tokenizer_goldens.py; unitexts.jsonl.gz holds the texts. xlmr is put together as XLM-R's
tokenizer and that of paraphrase-multilingual-MiniLM-L12-v2 are, with the charsmap nmt_nfkc that SentencePiece compiles.
"""

import base64
import json
import os
import pathlib
import random
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizer_goldens import OUT, decode_all, encode_all, pairs, write
from tokenizer_texts import EMOJI, INVISIBLE, MARKS, PROSE, SCRIPTS, SPACES, all_texts, code_point, mixture, product
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))

TRADITIONAL = """這件亞麻襯衫透氣涼爽，夏天穿著最舒服。
採用百分之百有機棉，剪裁俐落，洗後越穿越柔軟。
黑色羊毛大衣，雙排釦設計，內裡為銅氨絲，不需乾洗。
尺寸介於兩號之間時，建議選擇較大的一號。
長裙及膝，行走時裙襬輕盈飄逸，附同色腰帶。
退貨期限為二十八天，吊牌須保持完整。
這雙靴子以手工縫製，鞋面為植鞣牛皮，顏色：深棕、墨綠。
毛衣由一家牧場、一間紡紗廠、一座小鎮製成。
請以攝氏三十度水溫清洗，勿烘乾；如需熨燙，請翻面。
白色Ｔ恤，領口加固，（尺碼ＸＳ－ＸＸＬ），售價ＮＴ＄１，２９９。""".split("\n")
SIMPLIFIED = "有机棉长裙，柔软亲肤，适合春夏季节。\n这款风衣采用防泼水面料，剪裁利落。\n羊毛混纺毛衣，可机洗，颜色：米白、藏青。\n建议拍大一码；退货须在二十八天之内。".split("\n")
JAPANESE = "リネンのシャツは夏でも涼しく着られます。\nオーガニックコットン100％、洗うほどに柔らかくなります。\nウールのコート：裏地はキュプラ、ボタンは水牛です。\nｻｲｽﾞはS・M・L、ｶﾗｰは2色です。\nワンピースの丈は膝下まで、ポケット付き。".split("\n")
KOREAN = "리넨 셔츠는 여름에도 시원하게 입을 수 있습니다.\n유기농 면으로 만든 원피스, 세탁할수록 부드러워집니다.\n울 코트의 안감은 큐프라이고 단추는 뿔입니다.\n색상: 네이비, 베이지 / 사이즈: S~XL".split("\n")
OTHERS = """قميص من الكتان يسمح بمرور الهواء ويصبح أنعم مع كل غسلة.
معطف صوفي أسود، بطانته من الكوبرو، السعر ١٢٩ يورو.
เสื้อเชิ้ตผ้าลินินระบายอากาศได้ดี เหมาะสำหรับหน้าร้อน
เสื้อโค้ทขนสัตว์สีดำ ซับในคิวพรา ราคา ๑,๒๙๙ บาท
लिनेन की कमीज़ गर्मियों में ठंडी रहती है और हर धुलाई के साथ मुलायम होती है।
जैविक सूती पोशाक, घुटनों तक, जेब के साथ।
Льняная рубашка дышит в жару и становится мягче с каждой стиркой.
Das Leinenhemd ist luftig und wird mit jeder Wäsche weicher.
La chemise en lin respire et s'adoucit à chaque lavage; la doublure est en cupro.
La camisa de lino respira y se suaviza con cada lavado, ¡pruébala!
Áo sơ mi vải lanh thoáng mát, càng giặt càng mềm.
Keten gömlek yazın serin tutar, her yıkamada yumuşar.
Το λινό πουκάμισο αναπνέει και μαλακώνει με κάθε πλύσιμο.
חולצת הפשתן נושמת ומתרככת בכל כביסה.""".split("\n")
WIDE = ["Ａｌｌ　ｗｉｄｅ：１２３！", "（尺寸）", "％＆＃", "ｶﾞｷﾞｸﾞ ﾊﾟ", "①②③ ㍿ ㎏ ㎡", "ﬁne ﬂax", "½ ¾ ²", "…‥—–―", "「亞麻」『棉』", "〜～・､。"]


def charsmap(name):
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        (d / "text").write_text("\n".join(PROSE))
        sentencepiece.SentencePieceTrainer.train(
            input=str(d / "text"), model_prefix=str(d / "m"), vocab_size=80, normalization_rule_name=name, hard_vocab_limit=False, minloglevel=2)
        model = sentencepiece_model_pb2.ModelProto()
        model.ParseFromString((d / "m.model").read_bytes())
        return base64.b64encode(model.normalizer_spec.precompiled_charsmap).decode()


def normalizer(spec):
    t = Tokenizer(models.BPE())
    text = json.loads(t.to_str())
    text["normalizer"] = spec
    return Tokenizer.from_str(json.dumps(text)).normalizer


def corpus(r):
    lines = TRADITIONAL * 3 + SIMPLIFIED * 3 + JAPANESE * 3 + KOREAN * 3 + OTHERS * 3 + PROSE * 2 + SCRIPTS
    return lines + [product(r) for _ in range(400)]


def clusters(r):
    """Clusters of up to five bytes and a little more, which Precompiled looks at as a whole."""
    bases = list("aeionAEO19 .-\r\n\t") + list("éüßøığ½²ªﬁ㎏①ａ１（か가漢あｶﾊ™ℹ‼Ⓜ☀ก") + ["\u0600", "\u1100", "\u0915", "\u00ad", "\u0000", "\u200b"]
    joined = MARKS + ["\u200d", "\ufe0f", "\u0308", "\u030a", "\u3099", "\u309a", "\uff9e", "\uff9f", "\u0e33", "\u0903", "\n", "\u094d", "\u20e3"]
    out = []
    for _ in range(1, 4):
        out.append(r.choice(bases) + "".join(r.choices(joined, k=r.randrange(0, 3))))
    return "".join(out)


def texts(r):
    lines = TRADITIONAL + SIMPLIFIED + JAPANESE + KOREAN + OTHERS + WIDE + SCRIPTS + PROSE
    out = ["", " ", "  ", "a", " a", "a ", "▁", "▁a", " ▁ a▁", "a▁▁b", "<s>", "</s> x", "x <mask> y", "<unk>", "a<unk>b", "漢<unk>", "\u0000a", "\u0001\u0002ab", "a\u0001", "\u200b"]
    out += lines + EMOJI + INVISIBLE + SPACES + ["a".join(SPACES), "".join(EMOJI)]
    for _ in range(350):
        line = r.choice(lines)
        a = r.randrange(len(line))
        out.append(line[a : a + r.randrange(1, 25)])
    for _ in range(150):
        out.append(r.choice(lines) + r.choice(SPACES + [""]) + r.choice(lines))
    out += [clusters(r) for _ in range(500)]
    out += [mixture(r) for _ in range(300)]
    out += [product(r) for _ in range(100)]
    out += ["".join(code_point(r) for _ in range(r.randrange(1, 20))) for _ in range(200)]
    return out


def train(normal, space, size, r):
    t = Tokenizer(models.Unigram())
    t.normalizer, t.pre_tokenizer = normal, space
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=size, special_tokens=special, unk_token="<unk>", show_progress=False, max_piece_length=12)
    t.train_from_iterator(corpus(r), trainer)
    return t


def rebuilt(t, change):
    text = json.loads(t.to_str())
    change(text)
    return Tokenizer.from_str(json.dumps(text))


def variants(nmt):
    r = random.Random(20250610)
    always = lambda **kw: pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", **kw)
    words = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), always()])
    xlmr = train(normalizer({"type": "Precompiled", "precompiled_charsmap": nmt}), words, 2600, r)
    xlmr.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    xlmr.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    xlmr.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    yield "xlmr", xlmr

    composed = normalizer({"type": "Sequence", "normalizers": [
        {"type": "NFKC"}, {"type": "Strip", "strip_left": True, "strip_right": False}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]})
    first = train(composed, pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first"), 1200, r)
    first.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="first")
    first.add_tokens([AddedToken("Yesterday", single_word=True, normalized=True), AddedToken("①", normalized=True), AddedToken("<tool>", normalized=False)])
    yield "uniform", first

    spm = normalizer({"type": "Sequence", "normalizers": [
        {"type": "Precompiled", "precompiled_charsmap": nmt}, {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}, {"type": "Replace", "pattern": {"String": "shirt"}, "content": "chemise é"}]})
    whole = train(spm, pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="never", split=False), 900, r)

    def fall_back(text):
        del text["model"]["vocab"][600:]
        text["model"]["vocab"] += [[f"<0x{b:02X}>", 0.0] for b in range(256)]
        text["model"]["byte_fallback"] = True
        text["decoder"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": False}

    yield "bytefall", rebuilt(whole, fall_back)


def main():
    r = random.Random(20250611)
    made = texts(r)
    assert len(made) >= 1500, len(made)
    data = [t.encode("utf-8", "surrogatepass") for t in made]
    write("unitexts.jsonl.gz", made)
    everything = [t.encode("utf-8", "surrogatepass") if isinstance(t, str) else t for t in all_texts(HERE)]
    for name, backend in variants(charsmap("nmt_nfkc")):
        write(name + ".json.gz", [json.loads(backend.to_str())])
        encode_all(name, backend, data)
        decode_all(name, backend, backend.get_vocab_size(), data, 300)
        if name == "xlmr":
            pairs(name, backend, 120)
            encode_all(name + "all", backend, everything, 3)
    print(len(made), "texts;", sum(os.path.getsize(os.path.join(OUT, f)) for f in os.listdir(OUT)), "bytes")


if __name__ == "__main__":
    main()
