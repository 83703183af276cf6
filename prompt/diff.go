package prompt

import (
	"fmt"
	"strings"
)

// Diff lists what changed from one version of a template to another: lines
// that went begin with "-", new ones with "+", others with a space. It is "" where nothing did.
func Diff(from, to Template) string {
	if from.Hash == to.Hash {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s@%s\n+++ %s@%s\n", from.Name, from.ShortHash(), to.Name, to.ShortHash())
	for _, l := range diffLines(from.lineForm(), to.lineForm()) {
		b.WriteString(l)
		b.WriteByte('\n')
	}
	return b.String()
}

// lineForm writes a template as a file would have it.
func (t Template) lineForm() []string {
	lines := []string{"name: " + t.Name, "description: " + t.Description}
	for _, v := range t.Variables {
		l := "variable " + v.Name
		if v.Required {
			l += ", required"
		}
		if v.Default != "" {
			l += fmt.Sprintf(", default %q", v.Default)
		}
		if v.Description != "" {
			l += ": " + v.Description
		}
		lines = append(lines, strings.Split(l, "\n")...)
	}
	for _, m := range t.Messages {
		lines = append(lines, "["+string(m.Role)+"]")
		lines = append(lines, strings.Split(m.Text, "\n")...)
	}
	return lines
}

// maxDiffCells bounds the table of diffLines; longer texts are shown as replaced.
const maxDiffCells = 4 << 20

// diffLines is the longest common subsequence by its textbook table.
func diffLines(a, b []string) []string {
	var out []string
	start := 0
	for start < len(a) && start < len(b) && a[start] == b[start] {
		out = append(out, " "+a[start])
		start++
	}
	a, b = a[start:], b[start:]
	if len(a)*len(b) > maxDiffCells {
		return append(append(out, mark("-", a)...), mark("+", b)...)
	}
	common := make([][]int, len(a)+1) // [i][j]: of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, " "+a[i])
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, "-"+a[i])
			i++
		default:
			out = append(out, "+"+b[j])
			j++
		}
	}
	return append(append(out, mark("-", a[i:])...), mark("+", b[j:])...)
}

func mark(with string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = with + l
	}
	return out
}
