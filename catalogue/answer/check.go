package answer

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Withheld says why a model's text was not used.
type Withheld string

// The checks that a model's text has to pass, in their order.
const (
	WithheldLength      Withheld = "length"      // empty, longer than an answer is, or repeating itself
	WithheldMarkup      Withheld = "markup"      // links, addresses, markup, control tokens, hidden characters
	WithheldInstruction Withheld = "instruction" // speaks of instructions, or repeats them
	WithheldCitation    Withheld = "citation"    // cites what was not retrieved
	WithheldVoice       Withheld = "voice"       // speaks of itself
	WithheldCommerce    Withheld = "commerce"    // speaks of price, stock, sizes, orders: the record alone does
	WithheldFigures     Withheld = "figures"     // a number that the cited passages do not have, or not of that thing
	WithheldUnsupported Withheld = "unsupported" // a word that the cited passages do not have
	WithheldMixed       Withheld = "mixed"       // joins words of different passages to one statement
	WithheldPolarity    Withheld = "polarity"    // a "not" that they do not have, or lacks one that they have
	WithheldUnknown     Withheld = "unknown"     // "I don't know", where the confidence says that the record answers
	WithheldPoint       Withheld = "point"       // does not rest on the passage that fits the question
)

// maxAnswer bounds a model's answer in characters.
const maxAnswer = 400

var (
	citation = regexp.MustCompile(`\s*\[([^\[\]\n]{0,80})\]`)
	// afterCitation is a passage that a small model repeats after it has cited it.
	afterCitation = regexp.MustCompile(`(?s)(\[[^\[\]\n]{0,80}\])\s*["“].*$`)
	firstPerson   = regexp.MustCompile(`\b(?:i|me|my|mine|myself)\b`)
	figure        = regexp.MustCompile(`\d+(?:[.,]\d+)*`)
	// sizeTalk finds sizes in a model's text: those of the record are stated by the record.
	sizeTalk = regexp.MustCompile(`\bsizes?\b|\b(?:xxs|xs|xl|xxl|xxxl|[2-5]xl)\b`)
)

// draft is a model's text with what it may rest on.
type draft struct {
	text   string
	given  []Passage // that it was shown, the one that fits the question best first
	name   string    // of the product, whose words claim nothing; empty where it is suspect
	system string    // the instructions
}

// verify holds a draft to its passages, and returns its text without citations, with the passages that
// it rests on. On a fault it says which check failed first.
func (d draft) verify() (string, []Citation, Withheld) {
	raw := strings.TrimSpace(afterCitation.ReplaceAllString(d.text, "$1"))
	if doesNotKnow(raw) {
		return "", nil, WithheldUnknown
	}
	if raw == "" || utf8.RuneCountInString(raw) > maxAnswer {
		return "", nil, WithheldLength
	}
	cited, ok := citedBy(raw, d.given)
	if !ok {
		return "", nil, WithheldCitation
	}
	bare := visible(citation.ReplaceAllString(raw, ""))
	if bare == "" || stutters(bare) {
		return "", nil, WithheldLength
	}
	switch suspect(strings.Join(strings.Fields(citation.ReplaceAllString(raw, "")), " ")) {
	case "":
	case reasonCommand:
		return "", nil, WithheldInstruction
	default:
		return "", nil, WithheldMarkup
	}
	if repeats(bare, d.system, 6) {
		return "", nil, WithheldInstruction
	}
	if firstPerson.MatchString(plain(bare)) {
		return "", nil, WithheldVoice
	}
	if p := plain(bare); commerce.MatchString(p) || sizeTalk.MatchString(p) {
		return "", nil, WithheldCommerce
	}
	if len(cited) == 0 {
		cited = d.given
	}
	cited = attribute(bare, cited)
	if fault := d.supported(bare, cited); fault != "" {
		return "", nil, fault
	}
	if len(d.given) == 0 || !slices.Contains(cited, d.given[0]) {
		return "", nil, WithheldPoint
	}
	return capital(bare), cite(cited...), ""
}

// citedBy finds the passages of the fields that a text cites; ok is false where it cites another.
func citedBy(text string, given []Passage) (cited []Passage, ok bool) {
	for _, m := range citation.FindAllStringSubmatch(text, -1) {
		for field := range strings.SplitSeq(m[1], ",") {
			field = strings.ToLower(strings.TrimSpace(field))
			n := len(cited)
			for _, p := range given {
				if p.Field == field && !slices.Contains(cited, p) {
					cited = append(cited, p)
				}
			}
			if len(cited) == n && !slices.ContainsFunc(cited, func(p Passage) bool { return p.Field == field }) {
				return nil, false
			}
		}
	}
	return cited, true
}

// doesNotKnow says whether a model says so. The threshold has decided already: the model's part is the wording.
func doesNotKnow(text string) bool {
	t := plain(strings.ReplaceAll(text, "’", "'"))
	return strings.HasPrefix(t, "i don't know") || strings.HasPrefix(t, "i do not know")
}

// attribute finds which passages of those that a text may rest on it does: in order of rank, each that has
// one of its words which none before it has.
func attribute(text string, given []Passage) []Passage {
	open := map[string]bool{}
	for _, w := range contents(text) {
		if !isGlue(w) {
			open[w] = true
		}
	}
	var out []Passage
	for _, p := range given {
		used := false
		for _, w := range contents(p.Text) {
			if open[w] {
				delete(open, w)
				used = true
			}
		}
		if used {
			out = append(out, p)
		}
	}
	return out
}

// supported holds a text's figures, words and negation to the passages that it cites.
func (d draft) supported(text string, cited []Passage) Withheld {
	known := map[string]bool{}
	own := map[string]bool{}
	for _, w := range contents(d.name) {
		own[w] = true
	}
	pairs := map[string]bool{}
	var all strings.Builder
	for _, p := range cited {
		for _, w := range contents(p.Text) {
			known[w] = true
		}
		for _, pair := range numbered(p.Text) {
			pairs[pair] = true
		}
		all.WriteString(p.Text + " . ")
	}
	for _, n := range numbered(text) {
		if !pairs[n] {
			return WithheldFigures
		}
	}
	said := false
	for _, w := range contents(text) {
		switch {
		case known[w]:
			said = true
		case !isGlue(w) && !own[w]:
			return WithheldUnsupported
		}
	}
	if !said {
		return WithheldUnsupported
	}
	if negated(text) != negated(all.String()) {
		return WithheldPolarity
	}
	if joins(text, cited) {
		return WithheldMixed
	}
	return ""
}

// clause separates statements of a sentence.
var clause = regexp.MustCompile(`[,;.:!?()–—]|\b(?:and|or|while|but|also)\b`)

// joins says whether two neighbouring words of one statement come from different passages: "detachable pockets" of
// "detachable belt" and "side pockets".
func joins(text string, cited []Passage) bool {
	have := make([]map[string]bool, len(cited))
	for i, p := range cited {
		have[i] = map[string]bool{}
		for _, w := range contents(p.Text) {
			have[i][w] = true
		}
	}
	for _, part := range clause.Split(plain(text), -1) {
		last := ""
		for _, w := range contents(part) {
			if !slices.ContainsFunc(have, func(m map[string]bool) bool { return m[w] }) {
				continue // glue
			}
			if last != "" && !slices.ContainsFunc(have, func(m map[string]bool) bool { return m[last] && m[w] }) {
				return true
			}
			last = w
		}
	}
	return false
}

// numbered are the numbers of a text, each with the word after it, since 55 % of one fibre is not 55 % of
// another. Numbers written as words are words.
func numbered(text string) []string {
	var out []string
	p := plain(text)
	for _, at := range figure.FindAllStringIndex(p, -1) {
		next := ""
		if after := contents(p[at[1]:]); len(after) > 0 && !figure.MatchString(after[0]) {
			next = after[0]
		}
		out = append(out, p[at[0]:at[1]]+" "+next)
	}
	return out
}

// stutters says whether three words come again in a row, as small models do.
func stutters(text string) bool {
	w := words(text)
	for i := 0; i+3 <= len(w); i++ {
		if repeats(strings.Join(w[i+3:], " "), strings.Join(w[i:i+3], " "), 3) {
			return true
		}
	}
	return false
}

// repeats says whether a text has so many words in a row that another has.
func repeats(text, of string, run int) bool {
	have := " " + strings.Join(words(of), " ") + " "
	w := words(text)
	for i := 0; i+run <= len(w); i++ {
		if strings.Contains(have, " "+strings.Join(w[i:i+run], " ")+" ") {
			return true
		}
	}
	return false
}
