package plot

import (
	"html"
	"html/template"
	"strings"
)

// Figure is p as a figure element: the finding, the drawing for wide and for
// narrow screens, and the table behind a summary. The id must be unique in the
// page and hold letters, digits and hyphens.
func Figure(p Plot, id string) template.HTML {
	return figure(p, id, `<details><summary>The same data as a table</summary>`+string(p.Table().html(id+"-c"))+`</details>`)
}

// FigureOf is Figure for data that stand in a table of the page already: in place
// of a table there is a link to the element with that id.
func FigureOf(p Plot, id, table string) template.HTML {
	return figure(p, id, `<p class="small"><a href="#`+html.EscapeString(table)+`">The same data as a table</a></p>`)
}

func figure(p Plot, id, rest string) template.HTML {
	var b strings.Builder
	b.WriteString(`<figure class="figure" id="` + html.EscapeString(id) + `"><figcaption>` + html.EscapeString(p.Finding()) + `</figcaption>`)
	b.WriteString(string(SVG(p, Options{ID: id + "-w", Width: Wide, Class: "wide"})))
	b.WriteString(string(SVG(p, Options{ID: id + "-n", Named: id + "-w", Width: Narrow, Class: "narrow"})))
	b.WriteString(rest + `</figure>`)
	return template.HTML(b.String()) // every text above is escaped
}

// html is the table inside a box that scrolls by itself, reachable by keyboard.
func (t Table) html(id string) template.HTML {
	var b strings.Builder
	safe := html.EscapeString(id)
	b.WriteString(`<div class="scroll" tabindex="0" role="region" aria-labelledby="` + safe + `"><table><caption id="` + safe + `"><span>`)
	b.WriteString(html.EscapeString(t.Caption) + `</span></caption><thead><tr>`)
	for _, c := range t.Columns {
		b.WriteString(`<th scope="col">` + html.EscapeString(c) + `</th>`)
	}
	b.WriteString(`</tr></thead><tbody>`)
	for _, row := range t.Rows {
		for i, cell := range row {
			if i == 0 {
				b.WriteString(`<tr><th scope="row">` + html.EscapeString(cell) + `</th>`)
				continue
			}
			b.WriteString(`<td>` + html.EscapeString(cell) + `</td>`)
		}
		b.WriteString(`</tr>`)
	}
	b.WriteString(`</tbody></table></div>`)
	return template.HTML(b.String()) // every text above is escaped
}
