package mark

import (
	"fmt"
	"strings"
	"testing"

	"stylesprint/evaluate/faithfulness"
	"stylesprint/web/diff"
)

func TestHTML(t *testing.T) {
	t.Parallel()
	const text = "A navy <dress> in pure silk."
	findings := []faithfulness.Finding{
		{Kind: faithfulness.Contradiction, Field: faithfulness.Colour, Start: 2, End: 6, Text: "navy", Record: `sage "green"`},
		{Kind: faithfulness.Supported, Field: faithfulness.Category, Start: 7, End: 14, Record: "Dresses"},
		{Kind: faithfulness.Unsupported, Field: faithfulness.Claim, Start: 18, End: 27, Hard: true},
		{Kind: faithfulness.Supported, Field: faithfulness.Material, Start: 23, End: 27},
		{Kind: faithfulness.Omission, Field: faithfulness.Fit, Record: "loose"},
	}
	got := string(HTML(Join(text, findings, []diff.Span{{Text: "A "}, {Text: "navy <dr", Changed: true}, {Text: "ess> in pure silk."}})))
	want := `A <del><mark>navy</mark></del> <ins>colour in the record: sage &#34;green&#34;</ins><mark> </mark>` +
		`<u tabindex="0" title="category"><mark>&lt;dr</mark>ess&gt;</u> in ` +
		`<del>pure </del> <ins>not in the record; a hard rule forbids it</ins><u tabindex="0" title="material">silk</u>.`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(HTML(Join("<b>", nil, nil))); got != "&lt;b&gt;" {
		t.Errorf("plain text: %s", got)
	}
	if got := HTML(Join("", findings, nil)); got != "" {
		t.Errorf("of nothing: %s", got)
	}
}

// FuzzJoin: whatever is marked, the spans make up the text and each finding ends once.
func FuzzJoin(f *testing.F) {
	f.Add("A navy dress in silk", "A sage dress in silk", 2, 6, 0, 20)
	f.Add("", "x", 0, 0, 0, 0)
	f.Fuzz(func(t *testing.T, text, other string, a, b, c, d int) {
		clamp := func(i int) int { return min(max(i, 0), len(text)) }
		findings := []faithfulness.Finding{{Kind: faithfulness.Supported, Start: clamp(a), End: clamp(b)}, {Kind: faithfulness.Unsupported, Start: clamp(max(a, c)), End: clamp(d)}}
		spans := Join(text, findings, diff.Words(other, text).B)
		var all strings.Builder
		last := map[*faithfulness.Finding]int{}
		for _, s := range spans {
			all.WriteString(s.Text)
			if s.Last {
				last[s.Finding]++
			}
		}
		if all.String() != text {
			t.Fatalf("spans make up %q, not %q", all.String(), text)
		}
		for _, n := range last {
			if n != 1 {
				t.Fatal("a finding ends more than once")
			}
		}
		if s := string(HTML(spans)); strings.Count(s, "<") != strings.Count(s, ">") {
			t.Fatalf("unbalanced: %s", s)
		}
	})
}

func ExampleHTML() {
	findings := []faithfulness.Finding{{Kind: faithfulness.Contradiction, Field: faithfulness.Colour, Start: 2, End: 6, Record: "sage green"}}
	fmt.Println(HTML(Join("A navy dress.", findings, nil)))
	// Output: A <del>navy</del> <ins>colour in the record: sage green</ins> dress.
}
