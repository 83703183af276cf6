package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"stylesprint/evaluate/classification"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// ClassificationInput is what a page about predicted classes shows.
type ClassificationInput struct {
	Report    classification.Report
	Labels    string    // where the labels come from; may be empty
	Note      string    // stands under the title; may be empty
	Generated time.Time // stamped in the foot; zero: left out
	Version   string    // of the program
}

//go:embed classification.html
var classificationText string

// classView is what the template reads.
type classView struct {
	Eyebrow, Sentence, Note string
	Warnings                []string
	Table                   table
	Plots                   []template.HTML
	Classes                 grid
	Confusions              *grid
	Method                  []pair
	Foot                    string
	Style                   template.CSS
	StyleHash               string
}

// grid is a plain table.
type grid struct {
	ID, Caption string
	Columns     []string
	Rows        [][]string
}

// WriteClassification renders a whole HTML file about predicted classes: figures
// with intervals, ROC, precision-recall and calibration curves, and the confusion
// matrix. Like Write it loads and runs nothing.
func WriteClassification(w io.Writer, in ClassificationInput) error {
	t, err := template.New("report").Parse(sectionText)
	if err == nil {
		t, err = t.Parse(classificationText)
	}
	if err != nil {
		return fmt.Errorf("parse classification template: %w", err)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "classification", newClassView(in)); err != nil {
		return fmt.Errorf("render classification report: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write classification report: %w", err)
	}
	return nil
}

func newClassView(in ClassificationInput) classView {
	r := in.Report
	style := Style()
	sum := sha256.Sum256([]byte(style))
	v := classView{
		Eyebrow: fmt.Sprintf("%s, %s", show.Of(r.N, "item"), classes(len(r.Classes))), Sentence: classSentence(r), Note: in.Note, Warnings: typeset(r.Warnings),
		Table: headlineTable(r), Classes: classGrid(r), Confusions: confusionGrid(r), Method: classMethod(in),
		Foot:  foot(Input{Version: in.Version, Generated: in.Generated}),
		Style: template.CSS(style), // our own file
	}
	v.StyleHash = "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
	if in.Labels != "" {
		v.Eyebrow = in.Labels + ": " + v.Eyebrow
	}
	for _, f := range classFigures(r) {
		v.Plots = append(v.Plots, plot.Figure(f.plot, f.id))
	}
	return v
}

func classes(n int) string {
	if n == 1 {
		return "1 class"
	}
	return show.Count(n) + " classes"
}

// share is a figure with two decimals, or a dash.
func share(f classification.Figure) string { return plot.Number(float64(f), 2) }

func headline(r classification.Report, name string) classification.Headline {
	h, _ := r.Headline(name)
	return h
}

// spanOf is " (0.78 to 0.88)", or nothing.
func spanOf(h classification.Headline) string {
	if h.Level == 0 {
		return ""
	}
	return " (" + share(h.Low) + " to " + share(h.High) + ")"
}

// classSentence is the finding as a title.
func classSentence(r classification.Report) string {
	f1, auc := headline(r, "f1"), headline(r, "roc_auc")
	tail := ""
	if auc.Missing == "" {
		tail = "; ROC-AUC is " + share(auc.Value) + spanOf(auc)
	}
	if r.Average == classification.Binary {
		return fmt.Sprintf("Of %q, %s is found and %s of what is called so is right: F1 is %s%s%s", r.Positive,
			percentOf(headline(r, "recall").Value), percentOf(headline(r, "precision").Value), share(f1.Value), spanOf(f1), tail)
	}
	what := "items get the right class"
	if r.Task == "multilabel" {
		what = "items get exactly the right classes"
	}
	return fmt.Sprintf("%s of %s; %s F1 is %s%s%s", percentOf(headline(r, "accuracy").Value), what, r.Average, share(f1.Value), spanOf(f1), tail)
}

func percentOf(f classification.Figure) string { return plot.Number(100*float64(f), 0) + " %" }

func headlineTable(r classification.Report) table {
	t := table{ID: "figures", Corner: "Figure", Caption: "Over " + show.Of(r.N, "item") + "; beside each figure its 95 % interval where there is one", Columns: []column{{Name: "value"}, {Name: "interval"}}}
	var rows []figureRow
	for _, h := range r.Headlines {
		note := "higher is better"
		if h.LowerIsBetter {
			note = "lower is better"
		}
		row := figureRow{Name: h.Title, Note: note}
		if h.Missing != "" {
			row.Cells = []cell{{Figure: show.Figure{Value: h.Missing, Missing: true}}, blank()}
			rows = append(rows, row)
			continue
		}
		interval := blank()
		if h.Level > 0 {
			interval = cell{Figure: show.Figure{Value: plot.Number(float64(h.Low), 3) + " to " + plot.Number(float64(h.High), 3)}}
		}
		row.Cells = []cell{{Figure: show.Figure{Value: plot.Number(float64(h.Value), 3), Interval: "n " + show.Count(h.N)}}, interval}
		rows = append(rows, row)
	}
	t.Groups = []tableGroup{{Rows: rows}}
	return t
}

func classGrid(r classification.Report) grid {
	g := grid{ID: "classes-c", Caption: "Each class against all others", Columns: []string{"Class", "items", "predicted", "hits", "false alarms", "misses", "precision", "recall", "F1", "ROC-AUC", "average precision"}}
	for _, c := range r.Rows {
		g.Rows = append(g.Rows, []string{c.Class, show.Count(c.Support), show.Count(c.Predicted), show.Count(c.TruePositives), show.Count(c.FalsePositives), show.Count(c.FalseNegatives),
			plot.Number(float64(c.Precision), 3), plot.Number(float64(c.Recall), 3), plot.Number(float64(c.F1), 3), plot.Number(float64(c.ROCAUC), 3), plot.Number(float64(c.AveragePrecision), 3)})
	}
	return g
}

// drawnClasses is the most classes whose confusion matrix is drawn.
const drawnClasses = 10

// confusion is a wrong prediction and how often it was made.
type confusion struct {
	actual, predicted string
	n, of             int
}

func confusions(r classification.Report) []confusion {
	if r.Confusion == nil {
		return nil
	}
	var out []confusion
	for i, row := range r.Confusion.Counts {
		of := 0
		for _, n := range row {
			of += n
		}
		for j, n := range row {
			if i != j && n > 0 {
				out = append(out, confusion{r.Confusion.Classes[i], r.Confusion.Classes[j], n, of})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b confusion) int { return cmp.Compare(b.n, a.n) })
	return out
}

// confusionGrid lists the most frequent confusions of a matrix too large to draw.
func confusionGrid(r classification.Report) *grid {
	if r.Confusion == nil || len(r.Confusion.Classes) <= drawnClasses {
		return nil
	}
	all := confusions(r)
	g := &grid{ID: "confusions-c", Caption: "The most frequent wrong predictions", Columns: []string{"True class", "predicted class", "items", "of"}}
	for _, c := range all[:min(len(all), 20)] {
		g.Rows = append(g.Rows, []string{c.actual, c.predicted, show.Count(c.n), show.Count(c.of)})
	}
	return g
}

func classMethod(in ClassificationInput) []pair {
	r := in.Report
	out := []pair{{"Settings", r.Signature, true}}
	if in.Labels != "" {
		out = append(out, pair{"Labels", in.Labels, true})
	}
	out = append(out, pair{"Average", averageWords(r), false}, pair{"Definitions", "those of scikit-learn 1.9.1; expected calibration error as in Guo and others 2017", false})
	for _, c := range r.Curves {
		if d := max(c.ROC.Deviation, c.PR.Deviation); d > 0 {
			out = append(out, pair{"Curves of " + c.Class, fmt.Sprintf("%s and %s points, of which so many are drawn that the exact curve is nowhere farther than %s", show.Count(c.ROC.Total), show.Count(c.PR.Total), plot.Number(d, plot.Decimals(d))), false})
		}
	}
	return out
}

func averageWords(r classification.Report) string {
	switch r.Average {
	case classification.Binary:
		return fmt.Sprintf("binary: precision, recall, F and areas are those of the class %q", r.Positive)
	case classification.Micro:
		return "micro: counts are summed over classes first"
	case classification.Weighted:
		return "weighted: the mean over classes by their number of items"
	case classification.Samples:
		return "samples: the mean over items"
	}
	return "macro: the plain mean over classes"
}
