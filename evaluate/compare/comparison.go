package compare

import (
	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/metric"
)

// Comparison is everything that a table, a page or a report shows about two or
// more runs over the same items. It is a plain value: it can be kept as JSON
// and holds no texts (see Rows).
type Comparison struct {
	Dataset     string `json:"dataset"`
	DatasetHash string `json:"dataset_hash"`
	Split       string `json:"split,omitempty"`
	Items       int    `json:"items"`    // items that every run has an output for
	Families    int    `json:"families"` // groups that were resampled; equals Items where no item has a family
	Baseline    string `json:"baseline"` // name of the candidate that the others are compared with
	Primary     string `json:"primary"`  // name of the metric that a candidate must win on
	// Method holds what the intervals and p values were computed with.
	Method Method `json:"method"`
	// Metrics in the order of every Scores, Spreads and Differences below.
	Metrics    []Metric    `json:"metrics"`
	Candidates []Candidate `json:"candidates"` // in the order asked for
	Decision   Decision    `json:"decision"`
	Warnings   []string    `json:"warnings,omitempty"` // sentences; each names the run or item
}

// Method is the recipe of the statistics.
type Method struct {
	Level         float64 `json:"level"`         // of every interval: 0.95
	Alpha         float64 `json:"alpha"`         // a p value below it counts: 0.05
	Bootstrap     int     `json:"bootstrap"`     // resamples behind the intervals
	Randomization int     `json:"randomization"` // trials behind P
	Seed          uint64  `json:"seed"`
	Unit          string  `json:"unit"` // what was resampled: "item" or "family"
}

// Metric describes one column of the comparison.
type Metric struct {
	Name      string    `json:"name"`  // "bleu"
	Title     string    `json:"title"` // "BLEU"
	Unit      string    `json:"unit"`  // "0-100"
	Signature string    `json:"signature"`
	Direction Direction `json:"direction"`
	// Margin is the largest loss that does not matter, in the metric's unit.
	// Zero where Direction is none.
	Margin float64 `json:"margin"`
}

// Direction says which way a metric is better.
type Direction = metric.Direction

// The directions. DirectionNone is for figures that are shown but not judged, such as length.
const (
	DirectionHigher = metric.Higher
	DirectionLower  = metric.Lower
	DirectionNone   = metric.None
)

// Candidate is one column of the comparison: a run and its figures.
type Candidate struct {
	Name   string              `json:"name"`
	Run    evaluate.Run        `json:"run"`
	Scores []stylesprint.Score `json:"scores"` // one for each of Comparison.Metrics
	// Spreads describe the scores of single items, one for each metric.
	Spreads []Spread `json:"spreads"`
	// Differences from the baseline, one for each metric; nil for the baseline.
	Differences []Difference `json:"differences,omitempty"`
	Operation   Operation    `json:"operation"`
}

// Verdict puts one difference into a word.
type Verdict string

// The verdicts, from the candidate's point of view.
const (
	VerdictBetter     Verdict = "better"     // adjusted p below alpha, in the metric's direction
	VerdictWorse      Verdict = "worse"      // adjusted p below alpha, against it
	VerdictEquivalent Verdict = "equivalent" // the whole interval lies within the margin
	VerdictUndecided  Verdict = "undecided"
	VerdictShown      Verdict = "shown" // the metric is not judged
)

// Difference is candidate minus baseline on one metric, over the same items.
type Difference struct {
	Metric     string  `json:"metric"`
	Delta      float64 `json:"delta"`
	Low        float64 `json:"low"` // of the interval at Method.Level
	High       float64 `json:"high"`
	P          float64 `json:"p"`           // paired approximate randomisation, two-sided
	PAdjusted  float64 `json:"p_adjusted"`  // P after Holm over the candidates
	PBootstrap float64 `json:"p_bootstrap"` // paired bootstrap, for comparison with other tools
	// NonInferior says that the candidate is shown not to lose more than the margin.
	NonInferior bool    `json:"non_inferior"`
	Verdict     Verdict `json:"verdict"`
	// Detectable is the smallest difference that these items would have shown four times in five.
	Detectable float64 `json:"detectable"`
	// MoreItems is about how many further items would show a difference as large as the
	// one seen, or as the margin where that is larger, four times in five; 0 where none are needed.
	MoreItems int `json:"more_items"`
}

// Operation is what a candidate costs and how fast it answers. Scores whose
// Missing is set have no value and say why.
type Operation struct {
	Cost             stylesprint.Score `json:"cost_per_1000"`     // for 1,000 outputs; Unit is the currency
	LatencyP50       stylesprint.Score `json:"latency_p50"`       // seconds, outputs that were not replayed
	LatencyP95       stylesprint.Score `json:"latency_p95"`       // seconds
	FirstTokenP50    stylesprint.Score `json:"first_token_p50"`   // seconds, where the driver knows
	PromptTokens     float64           `json:"prompt_tokens"`     // mean per output
	CompletionTokens float64           `json:"completion_tokens"` // mean per output
	Latencies        Spread            `json:"latencies"`         // seconds, behind the two percentiles
	Outputs          int               `json:"outputs"`           // finished, failed ones included
	Failed           int               `json:"failed"`
	Replayed         int               `json:"replayed"`
	Cut              int               `json:"cut"` // outputs that ended at the token limit
	// CostDifference and LatencyDifference are candidate minus baseline, paired
	// by item, with their interval; Missing says why there is none.
	CostDifference    stylesprint.Score `json:"cost_difference"`    // for 1,000 outputs
	LatencyDifference stylesprint.Score `json:"latency_difference"` // mean seconds per output
}

// Spread describes a list of values.
type Spread struct {
	N      int     `json:"n"`
	Min    float64 `json:"min"`
	P5     float64 `json:"p5"`
	P25    float64 `json:"p25"`
	Median float64 `json:"median"`
	P75    float64 `json:"p75"`
	P95    float64 `json:"p95"`
	Max    float64 `json:"max"`
	Mean   float64 `json:"mean"`
	// Counts is a histogram over equal bins between Low and High, the same for
	// all candidates of a metric.
	Counts []int   `json:"counts,omitempty"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// Outcome is the kind of a decision.
type Outcome string

// The outcomes.
const (
	OutcomeBetter     Outcome = "better"     // the winner is better on the primary metric and not worse on the others
	OutcomeEquivalent Outcome = "equivalent" // as good within the margins; the winner is cheaper, faster, or in place already
	OutcomeKeep       Outcome = "keep"       // every challenger is worse: the baseline stays
	OutcomeUndecided  Outcome = "undecided"
)

// Decision is what the comparison comes to.
type Decision struct {
	Outcome   Outcome  `json:"outcome"`
	Winner    string   `json:"winner,omitempty"` // a candidate's name; empty if undecided
	Sentence  string   `json:"sentence"`         // one sentence for people
	Reasons   []string `json:"reasons"`          // the steps of the rule, in order, a sentence each
	MoreItems int      `json:"more_items"`       // as in Difference, on the metric that holds the decision up
}

// Row is one item of the side-by-side view.
type Row struct {
	ItemID     string            `json:"item_id"`
	Repeat     int               `json:"repeat"`
	Family     string            `json:"family,omitempty"`
	Fields     map[string]string `json:"fields"`
	Slices     map[string]string `json:"slices,omitempty"`
	References []string          `json:"references"`
	// Cells holds one output for each of Comparison.Candidates; a zero Output
	// (empty ItemID) where the run has none.
	Cells []evaluate.Output `json:"cells"`
}
