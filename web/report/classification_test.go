package report

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"stylesprint/evaluate/classification"
)

const hostileClass = `<script>alert(1)</script>"'&`

// classReport evaluates items over the given classes; every third prediction is wrong.
func classReport(t *testing.T, names ...string) classification.Report {
	t.Helper()
	d := classification.Data{Classes: names, Positive: -1, HasScores: true}
	if len(names) == 2 {
		d.Positive = 1
	}
	var rows [][]float64
	for i := range 60 {
		actual, predicted := i%len(names), i%len(names)
		if i%3 == 0 {
			predicted = (i + 1) % len(names)
		}
		row := make([]float64, len(names))
		for c := range row {
			row[c] = .1 / float64(len(names))
		}
		row[predicted] += .9 - float64(i)/200
		row[actual] += float64(i) / 200
		d.True, d.Predicted, rows = append(d.True, actual), append(d.Predicted, predicted), append(rows, row)
	}
	var err error
	if d.Scores, err = classification.NewScores(len(names), rows); err != nil {
		t.Fatal(err)
	}
	r, err := classification.Evaluate(t.Context(), d, classification.Options{Bootstrap: 100})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func classPage(t *testing.T, r classification.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteClassification(&b, ClassificationInput{Report: r, Labels: "true.txt"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestClassificationPage(t *testing.T) {
	t.Parallel()
	page := classPage(t, classReport(t, "full price", "sale"))
	for _, want := range []string{
		`<h1>Of &#34;sale&#34;,`, "F1 is 0.", "ROC-AUC is 0.", `id="plot-roc"`, `id="plot-pr"`, `id="plot-calibration"`, `id="plot-confusion"`, "The most frequent mistake:",
		"default-src 'none'", "like:scikit-learn-1.9.1", "The same data as a table", "chance: its share of the items",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "NaN") || strings.Contains(page, "Inf") || strings.Contains(page, `style="`) {
		t.Error("the page holds a figure that is none, or an inline style")
	}
}

func TestClassificationPageOfManyClasses(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 12 {
		names = append(names, fmt.Sprintf("class %02d", i))
	}
	page := classPage(t, classReport(t, names...))
	if strings.Contains(page, `id="plot-confusion"`) || !strings.Contains(page, "The most frequent wrong predictions") {
		t.Error("a large matrix is a list of its most frequent mistakes")
	}
	if n := strings.Count(page[strings.Index(page, `aria-labelledby="plot-roc-w-t"`):strings.Index(page, `class="plot narrow"`)], `class="curve c`); n != 2*drawnCurves {
		t.Errorf("%d strokes, want %d curves with their keys", n, drawnCurves)
	}
}

func TestClassificationPageEscapes(t *testing.T) {
	t.Parallel()
	page := classPage(t, classReport(t, hostileClass, "x"+hostileClass))
	if strings.Contains(page, "<script") || strings.Contains(page, `"'&`) {
		t.Error("a class's name is not escaped")
	}
}

func TestClassificationWithoutScores(t *testing.T) {
	t.Parallel()
	d := classification.Data{Classes: []string{"a", "b"}, Positive: 0, True: []int{0, 1}, Predicted: []int{0, 1}}
	r, err := classification.Evaluate(t.Context(), d, classification.Options{})
	if err != nil {
		t.Fatal(err)
	}
	page := classPage(t, r)
	if !strings.Contains(page, "not measured: no scores were given") || strings.Contains(page, "plot-roc") || !strings.Contains(page, "No item is taken for another class") {
		t.Error("what was not measured is not said")
	}
}

// The figures in the matrix can be read on the darkest shade.
func TestMatrixContrast(t *testing.T) {
	t.Parallel()
	light, dark, _ := variables(t, Style())
	deepest := 0.0
	for _, m := range regexp.MustCompile(`\.q\d \{ fill-opacity: ([0-9.]+)`).FindAllStringSubmatch(Style(), -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		deepest = max(deepest, v)
	}
	if deepest == 0 {
		t.Fatal("no shades found")
	}
	for scheme, vars := range map[string]map[string]string{"light": light, "dark": dark} {
		for _, series := range []string{"c1", "c2"} {
			over, under := rgb(t, vars[series]), rgb(t, vars["paper"])
			var mixed [3]float64
			for i := range mixed {
				mixed[i] = deepest*over[i] + (1-deepest)*under[i]
			}
			x, y := luminance(rgb(t, vars["ink"])), luminance(mixed)
			if ratio := (math.Max(x, y) + .05) / (math.Min(x, y) + .05); ratio < 4.5 {
				t.Errorf("%s: ink on the deepest shade of %s is %.2f:1", scheme, series, ratio)
			}
		}
	}
}
