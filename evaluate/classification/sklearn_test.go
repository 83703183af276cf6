package classification

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"

	"stylesprint/evaluate/agreement"
)

// parity is how far a figure may be from scikit-learn 1.9.1's.
const parity = 1e-12

// number is a golden: null is NaN, a text an infinity.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		*n = number(math.NaN())
	case float64:
		*n = number(v)
	case string:
		f, err := strconv.ParseFloat(v, 64)
		*n = number(f)
		return err
	default:
		return fmt.Errorf("no number: %s", b)
	}
	return nil
}

// numbers is one golden or a list of them.
type numbers []number

func (n *numbers) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]number)(n))
	}
	*n = make(numbers, 1)
	return (*n)[0].UnmarshalJSON(b)
}

type prfGolden struct {
	Average string       `json:"average"`
	Beta    number       `json:"beta"`
	Zero    ZeroDivision `json:"zero"`
	P       numbers      `json:"p"`
	R       numbers      `json:"r"`
	F       numbers      `json:"f"`
}

// The goldens are scikit-learn's; tools/parity/sklearn_classification.py writes them.
type golden struct {
	Classes []struct {
		K              int         `json:"k"`
		True           []int       `json:"true"`
		Pred           []int       `json:"pred"`
		Confusion      [][]number  `json:"confusion"`
		OverTrue       [][]number  `json:"over_true"`
		OverPred       [][]number  `json:"over_pred"`
		OverAll        [][]number  `json:"over_all"`
		Accuracy       number      `json:"accuracy"`
		Balanced       number      `json:"balanced"`
		Matthews       number      `json:"mcc"`
		Kappa          number      `json:"kappa_none"`
		KappaLinear    number      `json:"kappa_linear"`
		KappaQuadratic number      `json:"kappa_quadratic"`
		PRF            []prfGolden `json:"prf"`
	} `json:"classes"`
	Sets []struct {
		K         int          `json:"k"`
		True      [][]int      `json:"true"`
		Pred      [][]int      `json:"pred"`
		Accuracy  number       `json:"accuracy"`
		Hamming   number       `json:"hamming"`
		Confusion [][][]number `json:"confusion"`
		PRF       []prfGolden  `json:"prf"`
	} `json:"sets"`
	Binary []struct {
		True        []int       `json:"true"`
		Score       []float64   `json:"score"`
		AUC         number      `json:"auc"`
		ROC         [3][]number `json:"roc"`
		PR          [3][]number `json:"pr"`
		AP          number      `json:"ap"`
		PRAUC       number      `json:"prauc"`
		Brier       *number     `json:"brier"`
		LogLoss     *number     `json:"logloss"`
		Calibration []struct {
			Bins      int      `json:"bins"`
			How       Binning  `json:"how"`
			Observed  []number `json:"observed"`
			Predicted []number `json:"predicted"`
		} `json:"calibration"`
	} `json:"binary"`
	Multi []struct {
		K           int         `json:"k"`
		True        []int       `json:"true"`
		Rows        [][]float64 `json:"rows"`
		Brier       number      `json:"brier"`
		LogLoss     number      `json:"logloss"`
		OvRMacro    number      `json:"ovr_macro"`
		OvRWeighted number      `json:"ovr_weighted"`
		OvRMicro    number      `json:"ovr_micro"`
		OvOMacro    number      `json:"ovo_macro"`
		OvOWeighted number      `json:"ovo_weighted"`
		APMacro     *number     `json:"ap_macro"`
		APWeighted  *number     `json:"ap_weighted"`
		APMicro     *number     `json:"ap_micro"`
	} `json:"multi"`
	Multilabel []struct {
		K           int         `json:"k"`
		True        [][]int     `json:"true"`
		Rows        [][]float64 `json:"rows"`
		AUCMacro    number      `json:"auc_macro"`
		AUCWeighted number      `json:"auc_weighted"`
		AUCMicro    number      `json:"auc_micro"`
		AUCSamples  number      `json:"auc_samples"`
		APMacro     number      `json:"ap_macro"`
		APWeighted  number      `json:"ap_weighted"`
		APMicro     number      `json:"ap_micro"`
		APSamples   number      `json:"ap_samples"`
	} `json:"multilabel"`
}

func readGolden(t *testing.T) *golden {
	t.Helper()
	f, err := os.Open("testdata/classification.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	g := new(golden)
	if err := json.NewDecoder(z).Decode(g); err != nil {
		t.Fatal(err)
	}
	if n := len(g.Classes) + len(g.Sets) + len(g.Binary) + len(g.Multi) + len(g.Multilabel); n < 300 {
		t.Fatalf("the golden holds %d cases", n)
	}
	return g
}

func same(t *testing.T, what string, got float64, want number) {
	t.Helper()
	w := float64(want)
	switch {
	case math.IsNaN(w) && math.IsNaN(got), got == w:
	case math.Abs(got-w) <= parity*max(1, math.Abs(w)):
	default:
		t.Errorf("%s: got %v, want %v", what, got, w)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestClassesEqualScikitLearn(t *testing.T) {
	t.Parallel()
	for i, c := range readGolden(t).Classes {
		m := must[Matrix](t)(MatrixOf(c.K, c.True, c.Pred))
		at := func(s string) string { return fmt.Sprintf("case %d (true %v, predicted %v): %s", i, c.True, c.Pred, s) }
		same(t, at("accuracy"), m.Accuracy(), c.Accuracy)
		same(t, at("balanced accuracy"), m.BalancedAccuracy(), c.Balanced)
		same(t, at("Matthews"), m.Matthews(), c.Matthews)
		same(t, at("kappa"), m.Kappa(agreement.Unweighted), c.Kappa)
		same(t, at("linear kappa"), m.Kappa(agreement.Linear), c.KappaLinear)
		same(t, at("quadratic kappa"), m.Kappa(agreement.Quadratic), c.KappaQuadratic)
		for a := range c.K {
			for b := range c.K {
				same(t, at("confusion"), m.At(a, b), c.Confusion[a][b])
				same(t, at("over true"), m.Normalized(OverTrue)[a][b], c.OverTrue[a][b])
				same(t, at("over predicted"), m.Normalized(OverPredicted)[a][b], c.OverPred[a][b])
				same(t, at("over all"), m.Normalized(OverAll)[a][b], c.OverAll[a][b])
			}
		}
		checkPRF(t, at, c.PRF, m.Tallies(), nil)
	}
}

func checkPRF(t *testing.T, at func(string) string, want []prfGolden, classes, samples []Tally) {
	t.Helper()
	for _, w := range want {
		name := at(fmt.Sprintf("%s, beta %v, zero division %s: ", w.Average, w.Beta, w.Zero))
		if w.Average == "none" {
			for i, tally := range classes {
				s := tally.Score(float64(w.Beta), w.Zero)
				same(t, name+"precision", s.Precision, w.P[i])
				same(t, name+"recall", s.Recall, w.R[i])
				same(t, name+"F", s.F, w.F[i])
			}
			continue
		}
		tallies := classes
		switch Average(w.Average) {
		case Samples:
			tallies = samples
		case Binary:
			tallies = classes[1:]
		}
		s := Combine(tallies, Average(w.Average), float64(w.Beta), w.Zero)
		same(t, name+"precision", s.Precision, w.P[0])
		same(t, name+"recall", s.Recall, w.R[0])
		same(t, name+"F", s.F, w.F[0])
	}
}

// sets turns rows of 0 and 1 into lists of classes.
func sets(rows [][]int) Sets {
	out := make(Sets, len(rows))
	for i, row := range rows {
		for c, v := range row {
			if v != 0 {
				out[i] = append(out[i], c)
			}
		}
	}
	return out
}

func TestSetsEqualScikitLearn(t *testing.T) {
	t.Parallel()
	for i, c := range readGolden(t).Sets {
		actual, predicted := sets(c.True), sets(c.Pred)
		at := func(s string) string { return fmt.Sprintf("case %d (%v, %v): %s", i, c.True, c.Pred, s) }
		classes := ClassTallies(c.K, actual, predicted, nil)
		exact, hamming := setFigures(c.K, actual, predicted, nil)
		same(t, at("accuracy"), exact, c.Accuracy)
		same(t, at("Hamming loss"), hamming, c.Hamming)
		for k, y := range classes {
			same(t, at("hits"), y.Hits, c.Confusion[k][1][1])
			same(t, at("false alarms"), y.Predicted-y.Hits, c.Confusion[k][0][1])
			same(t, at("misses"), y.Actual-y.Hits, c.Confusion[k][1][0])
		}
		checkPRF(t, at, c.PRF, classes, SampleTallies(actual, predicted))
	}
}

func TestBinaryScoresEqualScikitLearn(t *testing.T) {
	t.Parallel()
	for i, c := range readGolden(t).Binary {
		at := func(s string) string { return fmt.Sprintf("case %d (%v, %v): %s", i, c.True, c.Score, s) }
		hit, rows := make([]bool, len(c.True)), make([][]float64, len(c.True))
		positives := 0
		for j, v := range c.True {
			hit[j], rows[j] = v == 1, []float64{1 - c.Score[j], c.Score[j]}
			positives += v
		}
		r := must[Ranking](t)(NewRanking(hit, c.Score))
		same(t, at("ROC-AUC"), r.ROCAUC(nil), c.AUC)
		same(t, at("average precision"), r.AveragePrecision(nil), c.AP)
		if positives > 0 {
			same(t, at("PR-AUC"), r.PRAUC(nil), c.PRAUC)
		} else if !math.IsNaN(r.PRAUC(nil)) {
			t.Error(at("PR-AUC without positives is a number"))
		}
		checkCurve(t, at("ROC"), r.ROC(), c.ROC)
		pr := r.PR() // scikit-learn's order is the other way round, and its last point has no threshold
		for a, b := 0, len(pr)-1; a < b; a, b = a+1, b-1 {
			pr[a], pr[b] = pr[b], pr[a]
		}
		checkCurve(t, at("precision-recall"), pr, [3][]number{c.PR[1], c.PR[0], append(c.PR[2], number(math.Inf(1)))})
		if c.Brier == nil {
			continue
		}
		s := must[Scores](t)(NewScores(2, rows))
		same(t, at("Brier"), Brier(c.True, s), *c.Brier)
		same(t, at("log loss"), LogLoss(c.True, s), *c.LogLoss)
		for _, w := range c.Calibration {
			bins := must[Calibration](t)(NewCalibration(hit, c.Score, w.Bins, w.How)).Curve()
			if len(bins) != len(w.Observed) {
				t.Errorf("%s: %d bins, want %d", at(fmt.Sprint(w.Bins, w.How)), len(bins), len(w.Observed))
				continue
			}
			for k, b := range bins {
				same(t, at("observed"), b.Observed, w.Observed[k])
				same(t, at("predicted"), b.Predicted, w.Predicted[k])
			}
		}
	}
}

func checkCurve(t *testing.T, what string, got []Point, want [3][]number) {
	t.Helper()
	if len(got) != len(want[0]) {
		t.Errorf("%s: %d points, want %d", what, len(got), len(want[0]))
		return
	}
	for i, p := range got {
		same(t, what+" x", p.X, want[0][i])
		same(t, what+" y", p.Y, want[1][i])
		same(t, what+" threshold", p.Threshold, want[2][i])
	}
}

func TestProbabilitiesEqualScikitLearn(t *testing.T) {
	t.Parallel()
	for i, c := range readGolden(t).Multi {
		at := func(s string) string { return fmt.Sprintf("case %d (%v): %s", i, c.True, s) }
		s := must[Scores](t)(NewScores(c.K, c.Rows))
		same(t, at("Brier"), Brier(c.True, s), c.Brier)
		same(t, at("log loss"), LogLoss(c.True, s), c.LogLoss)
		rest := must[*OneVsRest](t)(NewOneVsRest(ClassTruth(c.True), s))
		same(t, at("ovr macro"), rest.ROCAUC(Macro, nil), c.OvRMacro)
		same(t, at("ovr weighted"), rest.ROCAUC(Weighted, nil), c.OvRWeighted)
		same(t, at("ovr micro"), rest.ROCAUC(Micro, nil), c.OvRMicro)
		one := NewOneVsOne(c.True, s)
		same(t, at("ovo macro"), one.ROCAUC(Macro, nil), c.OvOMacro)
		same(t, at("ovo weighted"), one.ROCAUC(Weighted, nil), c.OvOWeighted)
		if c.APMacro != nil {
			same(t, at("average precision, macro"), rest.AveragePrecision(Macro, nil), *c.APMacro)
			same(t, at("average precision, weighted"), rest.AveragePrecision(Weighted, nil), *c.APWeighted)
			same(t, at("average precision, micro"), rest.AveragePrecision(Micro, nil), *c.APMicro)
		}
	}
}

func TestMultilabelScoresEqualScikitLearn(t *testing.T) {
	t.Parallel()
	for i, c := range readGolden(t).Multilabel {
		at := func(s string) string { return fmt.Sprintf("case %d (%v, %v): %s", i, c.True, c.Rows, s) }
		s := must[Scores](t)(NewScores(c.K, c.Rows))
		truth := SetTruth(sets(c.True))
		rest := must[*OneVsRest](t)(NewOneVsRest(truth, s))
		for how, want := range map[Average][2]number{Macro: {c.AUCMacro, c.APMacro}, Weighted: {c.AUCWeighted, c.APWeighted}, Micro: {c.AUCMicro, c.APMicro}} {
			same(t, at("ROC-AUC "+string(how)), rest.ROCAUC(how, nil), want[0])
			same(t, at("average precision "+string(how)), rest.AveragePrecision(how, nil), want[1])
		}
		same(t, at("ROC-AUC samples"), must[float64](t)(SamplesAverage(truth, s, ROCArea)), c.AUCSamples)
		same(t, at("average precision samples"), must[float64](t)(SamplesAverage(truth, s, PrecisionArea)), c.APSamples)
	}
}
