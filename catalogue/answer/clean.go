package answer

import (
	"regexp"
	"strings"
	"unicode"
)

// Patterns of text that is no statement about a product: what speaks to a model or a reader rather than of
// the product, and what could act when shown. They are read on plain text. A pattern
// that is too wide costs a sentence of a review; one too narrow is caught by the checks of the answer.
var (
	markup = regexp.MustCompile("[<>{}`|\\\\^~]|\\[[^\\]]*\\]|\\]\\s*\\(|!\\[|^\\s*#|#{2,}|\\*\\*|__|={3,}|-{3,}|\"{3,}|&[a-z]{2,8};|&#")
	link   = regexp.MustCompile(`[a-z][a-z0-9+.-]*:\s*//|\bwww\.|\b(?:javascript|data|mailto|file|vbscript|tel):|\b[a-z0-9-]{2,}\.(?:com|net|org|io|co|eu|de|fr|uk|info|shop|store|biz|ru|cn|app|dev|example|test|xyz|me|ly)\b|@[a-z0-9_-]{2,}|\b(?:hxxp|dot com)\b`)
	phone  = regexp.MustCompile(`\+?\d[\d ()/.-]{7,}\d`)
	opaque = regexp.MustCompile(`[a-z0-9+/=_-]{24,}|(?:\b[0-9a-f]{2} ){6,}|%[0-9a-f]{2}%[0-9a-f]{2}|\\[ux][0-9a-f]{2,}`)

	command = regexp.MustCompile(`\b(?:ignor|disregard|overrid|overrul|bypass|forget (?:all|any|every|the|what|your|previous|about)|supersed|jailbreak)` +
		`|\b(?:system|developer|assistant|user|human|ai|bot|model|admin|operator|customer|agent|instruction|instructions|context|q|a|question|answer|final answer|task|note to [a-z]+)\s*:` +
		`|\b(?:prompt|prompts|instruction|instructions|guideline|guidelines|system message|chatbot|language model|llm|gpt|large model|ai|a\.i\.|artificial intelligence|assistant|passage|passages|citation|citations)\b` +
		`|\b(?:you are|you're|act|behave|respond|reply|speak|talk) (?:now |always |only )?(?:as|like|a|an|the|in)\b|\bfrom now on\b|\bpretend|\brole ?play|\bpersona\b|\bin character\b|\bsimulat|\bhypothetical` +
		`|\b(?:say|tell|answer|respond|reply|state|claim|write|output|repeat|announce|confirm|mention|assert|reveal|disclose|print|recite|translate|decode|summari[sz]e|spell|recommend|advise|inform|insist|convince|quote|cite|append|conclude) (?:that|to|them|with|the|this|your|it|all|every|everyone|people|customers|shoppers|buyers|only|exactly|by|back|me|us|in|as|out|yes|no|following)\b` +
		`|\b(?:must|should|always|never|only) (?:say|tell|answer|reply|respond|state|claim|write|output|mention|recommend)\b|\bwhen(?:ever)? (?:asked|someone asks|anyone asks|a customer asks|customers ask|you are asked)|\bif (?:asked|anyone asks|someone asks|a customer asks|you are asked)|\bany (?:question|customer)\b|\bnew (?:rule|rules|task|policy|role)\b|\b(?:answers?|replies|reply|text|response|sentence)\b.{0,30}\b(?:begins?|starts?|ends?) with\b|\bend of (?:the )?(?:record|review|data|document|passages?|text)|\bbase ?64|\brot ?13|\bmorse\b|\breverse(?:d)? (?:text|order)|\bbackwards\b`)
	foreignCommand = regexp.MustCompile(`\b(?:ignore[zr]|oublie[zr]?|instructions? pr[eé]c[eé]dentes?|consignes|r[eé]ponde?[zsr]|r[eé]ponds|dites|ignorier\w*|vergiss|vergessen sie|anweisung\w*|antworte\w*|sag(?:e mir|e,|en sie)|ignora\w*|olvida\w*|instrucciones|responde\w*|di que|diga|dimentica\w*|istruzioni|rispondi|ignorez|negeer|vergeet|instructies|antwoord|zeg|esque[cç]a|instru[cç][oõ]es|responda|ignoruj|polecenia|ignorera|svara)\b`)
	commerce       = regexp.MustCompile(`[€$£¥]|\b(?:eur|euros?|usd|gbp|dollars?|pounds? sterling|bucks|price[ds]?|pricing|cost|costs|costing|cheap|cheaper|expensive|discount\w*|voucher|coupon|promo\w*|sale|code|rebate|cashback|refund\w*|reimburse\w*|money|returns?|returned|exchange|shipping|ships?|shipped|deliver\w*|postage|warranty|guarantee\w*|lawsuit|recall\w*|free|gift|stock|available|availability|sold out|unavailable|restock\w*|discontinued|order(?:ed|s)?|buy|purchase|pay|payment|card|account|password|email|call us|phone|contact)\b`)
)

// money is what no field but the price may speak of, however it came there.
var money = regexp.MustCompile(`[€$£¥]|\b(?:eur|euros?|usd|gbp|dollars?|discount\w*|voucher|coupon|refund\w*|rebate|cashback|promo\w*|free of charge)\b`)

// Why a text is not used.
const (
	reasonHidden  = "hidden characters"
	reasonMarkup  = "markup"
	reasonLink    = "link or address"
	reasonOpaque  = "unreadable text"
	reasonCommand = "instruction"
	reasonScript  = "another script"
)

// suspect says why a sentence cannot be taken as a statement about a product, or "".
func suspect(text string) string {
	p := plain(text)
	switch {
	case hidden(text):
		return reasonHidden
	case link.MatchString(p):
		return reasonLink
	case markup.MatchString(p):
		return reasonMarkup
	case phone.MatchString(p), opaque.MatchString(p):
		return reasonOpaque
	case command.MatchString(p), foreignCommand.MatchString(p):
		return reasonCommand
	}
	return ""
}

// mixed says whether a text uses letters of another script than Latin: in a Latin catalogue a
// stranger's look-alikes and other languages.
func mixed(text string) bool {
	for _, r := range text {
		if unicode.IsLetter(r) && !unicode.In(r, unicode.Latin) {
			return true
		}
	}
	return false
}

// statements are the sentences of a stranger's text that may be quoted: without those that
// are suspect, and without any about money, stock, orders or contact, which the record alone may speak of.
// A text with hidden characters is not quoted at all: what it looks like is not what it is.
func statements(text string) []string {
	if hidden(text) {
		return nil
	}
	var out []string
	for _, s := range sentences(text) {
		if suspect(s) == "" && !mixed(s) && !commerce.MatchString(plain(s)) {
			out = append(out, s)
		}
	}
	return out
}

// sentences splits a text at the ends of sentences and lines.
func sentences(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		start := 0
		for i, r := range line {
			rest := line[i+len(string(r)):]
			if strings.ContainsRune(".!?…。！？", r) && (rest == "" || unicode.IsSpace(rune(rest[0]))) {
				out = append(out, line[start:len(line)-len(rest)])
				start = len(line) - len(rest)
			}
		}
		out = append(out, line[start:])
	}
	kept := out[:0]
	for _, s := range out {
		if s = visible(s); s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}
