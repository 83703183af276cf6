package safety

import (
	"strings"
	"testing"
)

// found are the matches of one matcher in a text.
func found(m matcher, l level, s string) []string {
	v := look(s, l, true)
	var out []string
	scan(text{v.s, true}, 0, m, func(start, end int) { out = append(out, s[v.source(start):v.sourceEnd(end)]) })
	return out
}

// productTexts are what no rule for personal data may match.
func productTexts() []string {
	return []string{
		"Sizes 34 36 38 40 42 44 46 48, EU 36-42, UK 8/10/12, W32 L34",
		"Sizes: 036 038 040 042 044 and 110/116, 122/128, 134/140",
		"SKU SS-DR-101, SKU 4006381333931, EAN 4006381333931, EAN 4006381 333931, GTIN 04006381333931",
		"UPC 036000291452, EAN-8 96385074, ISBN 978-3-16-148410-0",
		"GTIN 30012345678906, GTIN-14 36012345678904",
		"Was 79.90 EUR, now 39.90 EUR; 1.299,00 €; £1,250.00; 49,- CHF; 12 990 Ft",
		"Order 2024-10-12 10:15:00, season 2024/2025, article 100-200-3000",
		"Article 415-555-0132, style 212.555.0187, art. 8005550199",
		"55% linen, 45% viscose; 240 g/m2; 1234 5678 pieces; 100 x 200 cm; 30/30/40",
		"RGB 255 255 255, Pantone 19-4052, hex #1A2B3C, 0.25 mm",
		"icon@2x.png and model@3x.webp; follow @nordvik; size m@home",
		"4-way stretch, 2-in-1, 90s, A4, B2B, 3/4 sleeve, 501, 1460",
		"GB is not DE: DE 36 = GB 10 = IT 42 = FR 38 = US 6",
		"Batch 4111111111111112, 1234567890123456, 0000 0000 0000 0000",
		"Call it a classic: 3 pockets, 2 zips. Ring 5 sizes smaller.",
		"Machine wash at 30 degrees, tumble dry low, iron at 110 +5 -5",
		"+20% stretch, +3 cm, + 2 pockets, 1+1 free, +5 555",
		"Model is 178 cm and wears size 36; chest 88 waist 62 hips 91",
		"尺碼 36 38 40，價格 1,290 元，貨號 4006381333931",
	}
}

func TestProductTextsHoldNothingPersonal(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]matcher{"email": email{}, "phone": phone{}, "card": card{}, "iban": iban{}} {
		for _, s := range productTexts() {
			if got := found(m, folded, s); got != nil {
				t.Errorf("%s found %q in %q", name, got, s)
			}
		}
	}
}

func TestPersonalData(t *testing.T) {
	t.Parallel()
	// The numbers are those that networks, banks and registries publish for tests and examples.
	cases := []struct {
		m    matcher
		text string
		want string // matches, joined by |
	}{
		{email{}, "Write to anna.schmidt+news@shop.example, please.", "anna.schmidt+news@shop.example"},
		{email{}, "MAILTO:A_B@Sub.Shop.EXAMPLE.", "A_B@Sub.Shop.EXAMPLE"},
		{email{}, "(a@b.co)<c-d@e-f.museum>", "a@b.co|c-d@e-f.museum"},
		{email{}, "müller@bücher.example und 联系foo@x.example吧", "müller@bücher.example|foo@x.example"},
		{email{}, "ａｎｎａ＠ｓｈｏｐ．ｅｘａｍｐｌｅ", "ａｎｎａ＠ｓｈｏｐ．ｅｘａｍｐｌｅ"},
		{email{}, "an\u200bna@sh\u00adop.exam\u2060ple", "an\u200bna@sh\u00adop.exam\u2060ple"},
		{email{}, "x@y.example.", "x@y.example"},
		{email{}, "no@where, @handle, a@b, a.@b.example, a@-.x, " + strings.Repeat("a", 65) + "@b.example", ""},
		{phone{}, "Tel. +49 30 1234567, or +1 (415) 555-0132.", "+49 30 1234567|+1 (415) 555-0132"},
		{phone{}, "+44 20 7946 0958/+33142685300", "+44 20 7946 0958/+33142685300"[:16] + "|+33142685300"},
		{phone{}, "0049 30 1234567 und 0044-20-79460958", "0049 30 1234567|0044-20-79460958"},
		{phone{}, "(415) 555-0132, 415-555-0132, 415.555.0132, 1-800-555-0199", "(415) 555-0132|415-555-0132|415.555.0132|1-800-555-0199"},
		{phone{}, "call 030 1234567 or phone: 5550132x; Telefon 040/1234567", "030 1234567|040/1234567"},
		{phone{}, "my mobile is 07700 900123", "07700 900123"},
		{phone{}, "+49 30 12345678 1234567 38", "+49 30 12345678"},
		{phone{}, "+999 1234567890, +0 123456789, +49 12, a+49301234567", "+999 1234567890"},
		{phone{}, "電話 02-2345-6789", "02-2345-6789"},
		{card{}, "4111 1111 1111 1111 12/27", "4111 1111 1111 1111"},
		{card{}, "5555-5555-5555-4444, 378282246310005, 3782 822463 10005", "5555-5555-5555-4444|378282246310005|3782 822463 10005"},
		{card{}, "card 6011111111111117; 3530111333300000; 3056 930902 5904", "6011111111111117|3530111333300000|3056 930902 5904"},
		{card{}, "２２２３ ００３１ ２２００ ３２２２", "２２２３ ００３１ ２２００ ３２２２"},
		{card{}, "4111 1111 1111 1111 123", "4111 1111 1111 1111"},
		{card{}, "4\u200b111111111111111", "4\u200b111111111111111"},
		{card{}, "4111 1111-1111 1111, x4111111111111111, 41111111111111111", ""},
		{iban{}, "DE89 3704 0044 0532 0130 00 and gb29nwbk60161331926819.", "DE89 3704 0044 0532 0130 00|gb29nwbk60161331926819"},
		{iban{}, "IBAN: FR14-2004-1010-0505-0001-3M02-606", "FR14-2004-1010-0505-0001-3M02-606"},
		{iban{}, "NO9386011117947,MT84MALT011000012345MTLCAST001S", "NO9386011117947|MT84MALT011000012345MTLCAST001S"},
		{iban{}, "DE89 3704 0044 0532 0130 01, XX89370400440532013000, DE89370400440532013000A, ADE89370400440532013000", ""},
	}
	for _, c := range cases {
		if got := strings.Join(found(c.m, folded, c.text), "|"); got != c.want {
			t.Errorf("%T in %q:\ngot  %q\nwant %q", c.m, c.text, got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	cases := []struct {
		level  level
		phrase string
		text   string
		want   string
	}{
		{folded, "rival brand", "A RIVAL  Brand shirt, a rival-brand shirt, rival\nbrand", "RIVAL  Brand|rival-brand|rival\nbrand"},
		{folded, "ass", "class, assess, Ass, ass's", "Ass|ass"},
		{folded, "Straße", "STRASSE strasse straße strassen", "STRASSE|strasse|straße"},
		{folded, "café", "cafe\u0301 CAFÉ cafe", "cafe\u0301|CAFÉ"},
		{lookalike, "café", "cafe CAFÉ", "cafe|CAFÉ"},
		{folded, "scam", "sc\u200bam s\u00adcam ｓｃａｍ 𝐬𝐜𝐚𝐦 sсam", "sc\u200bam|s\u00adcam|ｓｃａｍ|𝐬𝐜𝐚𝐦"},
		{lookalike, "scam", "sсаm ѕcam scäm ꜱᴄᴀᴍ SCΑM", "sсаm|ѕcam|scäm|ꜱᴄᴀᴍ|SCΑM"},
		{folded, "假貨", "這不是假貨吧", "假貨"},
		{folded, "one two three", "one two, one two three four", "one two three"},
		{folded, "one", "one two", "one"},
		{folded, "t-shirt", "t-shirt t shirt T’shirt tshirt", "t-shirt|t shirt|T’shirt"},
	}
	for _, c := range cases {
		w := &words{}
		if !w.add(c.phrase, c.level) {
			t.Fatal(c.phrase)
		}
		if got := strings.Join(found(w, c.level, c.text), "|"); got != c.want {
			t.Errorf("%q in %q: got %q, want %q", c.phrase, c.text, got, c.want)
		}
	}
	w := &words{unless: map[string]bool{"not": true, "isn't": true}}
	w.add("waterproof", folded)
	if got := found(w, folded, "Not waterproof. It isn’t fully waterproof. Waterproof! Do not iron it; it is waterproof."); len(got) != 2 {
		t.Errorf("denied words: %q", got)
	}
	for _, blank := range []string{"", " - ", "\u200b"} {
		if (&words{}).add(blank, folded) {
			t.Errorf("%q is no phrase", blank)
		}
	}
}

// The longest of several phrases counts, and shorter ones where it does not go on.
func TestLongestPhrase(t *testing.T) {
	t.Parallel()
	w := &words{}
	for _, p := range []string{"bad", "bad word", "bad word list", "word lists"} {
		w.add(p, folded)
	}
	if got := strings.Join(found(w, folded, "bad word lists, bad words, a bad word list"), "|"); got != "bad word|bad|bad word list" {
		t.Errorf("got %q", got)
	}
}
