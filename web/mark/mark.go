// Package mark shows a text with what is known of it: words that differ from another
// text, statements that the product's record supports, and those that it does not.
//
// Key words: finding, span, record.
//
// Join lays the findings of package faithfulness over the spans of package diff; HTML
// writes them as elements without attributes of style: differing words as mark, supported
// statements as u with the field's name in the title, unsupported ones as
// del with the record's value beside them as ins. Meaning never
// rests on colour. All text is escaped. Functions are pure and safe for concurrent use.
package mark

import (
	"html"
	"html/template"
	"strconv"
	"strings"

	"stylesprint/evaluate/faithfulness"
	"stylesprint/web/diff"
)

// Span is a stretch of text. The spans of a text, joined, are the text.
type Span struct {
	Text    string
	Changed bool                  // it differs from the text that it was compared with
	Finding *faithfulness.Finding // the statement that it belongs to; nil: none
	Last    bool                  // nothing of Finding comes after it
}

// Join cuts a text at both its findings (as Checker.Check returns them) and its
// words. The texts of words, joined, must be the text; nil stands for a text
// that was not compared.
func Join(text string, findings []faithfulness.Finding, words []diff.Span) []Span {
	if len(words) == 0 {
		words = []diff.Span{{Text: text}}
	}
	var out []Span
	rest := 0 // what is left of words[0]
	next := func() {
		for len(words) > 0 && rest == 0 {
			if rest = len(words[0].Text); rest == 0 {
				words = words[1:]
			}
		}
	}
	for _, s := range faithfulness.Segments(text, findings) {
		for left := s.Text; left != ""; {
			next()
			n := len(left)
			changed := false
			if len(words) > 0 {
				n, changed = min(n, rest), words[0].Changed
			}
			out = append(out, Span{Text: left[:n], Changed: changed, Finding: s.Finding})
			left = left[n:]
			if len(words) > 0 {
				if rest -= n; rest == 0 {
					words = words[1:]
				}
			}
		}
	}
	seen := map[*faithfulness.Finding]bool{}
	for i := len(out) - 1; i >= 0; i-- {
		if f := out[i].Finding; f != nil {
			out[i].Last = !seen[f]
			seen[f] = true
		}
	}
	return out
}

// HTML writes spans for the inside of a paragraph.
func HTML(spans []Span) template.HTML {
	var b strings.Builder
	for i := 0; i < len(spans); {
		j := i + 1
		for j < len(spans) && spans[j].Finding == spans[i].Finding {
			j++
		}
		statement(&b, spans[i:j])
		i = j
	}
	return template.HTML(b.String()) // every text is escaped where it is written
}

// statement writes the neighbouring spans of one finding, or of none.
func statement(b *strings.Builder, spans []Span) {
	f := spans[0].Finding
	switch {
	case f == nil:
		words(b, spans)
	case f.Kind == faithfulness.Supported:
		b.WriteString(`<u tabindex="0" title="` + html.EscapeString(Title(*f)) + `">`)
		words(b, spans)
		b.WriteString(`</u>`)
	default:
		b.WriteString(`<del>`)
		words(b, spans)
		b.WriteString(`</del>`)
		if spans[len(spans)-1].Last {
			b.WriteString(` <ins>` + html.EscapeString(Title(*f)) + `</ins>`)
		}
	}
}

func words(b *strings.Builder, spans []Span) {
	for i := 0; i < len(spans); {
		j := i
		for j < len(spans) && spans[j].Changed == spans[i].Changed {
			j++
		}
		if spans[i].Changed {
			b.WriteString("<mark>")
		}
		for _, s := range spans[i:j] {
			b.WriteString(html.EscapeString(s.Text))
		}
		if spans[i].Changed {
			b.WriteString("</mark>")
		}
		i = j
	}
}

// Title says in words how a statement stands to the record; of a supported one, the
// field's name alone.
func Title(f faithfulness.Finding) string {
	s := ""
	switch {
	case f.Kind == faithfulness.Supported:
		return string(f.Field)
	case f.Kind == faithfulness.Omission:
		return string(f.Field) + ": " + f.Record
	case f.Record != "":
		s = string(f.Field) + " in the record: " + f.Record
	default:
		s = "not in the record"
	}
	if f.Hard {
		s += "; a hard rule forbids it"
	}
	return s
}

// Count says how many statements of a text the record does not support: "1
// contradiction, 2 unsupported statements"; nothing where it supports all.
func Count(findings []faithfulness.Finding) string {
	c := faithfulness.Count(findings, 0)
	var parts []string
	for _, x := range []struct {
		n    int
		noun string
	}{{c.Contradicted, "contradiction"}, {c.Unsupported, "unsupported statement"}} {
		switch {
		case x.n == 1:
			parts = append(parts, "1 "+x.noun)
		case x.n > 1:
			parts = append(parts, strconv.Itoa(x.n)+" "+x.noun+"s")
		}
	}
	return strings.Join(parts, ", ")
}

// Omissions lists the must-mention facts that a text leaves out, with the record's values.
func Omissions(findings []faithfulness.Finding) string {
	var parts []string
	for _, f := range findings {
		if f.Kind == faithfulness.Omission {
			parts = append(parts, Title(f))
		}
	}
	return strings.Join(parts, "; ")
}
