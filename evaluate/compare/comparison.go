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
	Baseline    string `json:"baseline"` // name of the candidate that the others are compared with: the incumbent
	Primary     string `json:"primary"`  // name of the metric that a candidate must win on
	// Method holds what the intervals and p values were computed with.
	Method Method `json:"method"`
	// Metrics in the order of every Scores, Spreads and Differences below.
	Metrics []Metric `json:"metrics"`
	// LeftOut are the metrics that cannot be compared, and why.
	LeftOut    []LeftOut   `json:"left_out,omitempty"`
	Candidates []Candidate `json:"candidates"` // in the order asked for
	// Slices break the figures down by each key of Item.Slices. They are
	// exploratory: they explain a decision and never make one.
	Slices []Slicing `json:"slices,omitempty"`
	// Pareto holds the fronts of quality against cost and against latency.
	Pareto []Front `json:"pareto,omitempty"`
	// Reported are figures from elsewhere. They take no part in any test, front
	// or decision, and are never set against a measured figure.
	Reported []Reported `json:"reported,omitempty"`
	Decision Decision   `json:"decision"`
	Warnings []string   `json:"warnings,omitempty"` // sentences; each names the run or item
}

// LeftOut is a metric that some run lacks.
type LeftOut struct {
	Metric string `json:"metric"`
	// Why holds a sentence for each run that lacks it, by candidate.
	Why map[string]string `json:"why"`
}

// Method is the recipe of the statistics.
type Method struct {
	Level         float64 `json:"level"`         // of every interval: 0.95
	Alpha         float64 `json:"alpha"`         // a p value below it counts: 0.05
	Bootstrap     int     `json:"bootstrap"`     // resamples behind the intervals
	Randomization int     `json:"randomization"` // trials behind P
	Seed          uint64  `json:"seed"`
	Unit          string  `json:"unit"` // what was resampled: "item" or "family"
	// Interval and Slices name, for people, how intervals and the p values of slices are made.
	Interval string `json:"interval"`
	Slices   string `json:"slices"`
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
	// Judged says that the decision rests on it. The others are shown with their differences.
	Judged bool `json:"judged"`
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
	// ReferenceDifferences are those from Decision.Reference where the rule compares
	// with the best candidate instead of the baseline; nil for the reference. Their
	// p values are adjusted for all pairs, because the data chose the reference.
	ReferenceDifferences []Difference `json:"reference_differences,omitempty"`
	// Sacrebleu holds the paired tests as sacrebleu defines them, one for each metric.
	Sacrebleu []Sacrebleu `json:"sacrebleu"`
	Operation Operation   `json:"operation"`
}

// Sacrebleu is one line of what `sacrebleu --paired-bs` and `--paired-ar` print,
// for any metric: segments (items) are drawn one by one whatever their family, and a
// trial that ties with the observation does not count against it. It is for
// setting beside figures that sacrebleu made; decisions rest on Difference.
type Sacrebleu struct {
	Metric string  `json:"metric"`
	Score  float64 `json:"score"`
	Mean   float64 `json:"mean"`       // of the bootstrap samples
	Half   float64 `json:"half_width"` // half the width of the 95 % interval: printed as "mean ± half"
	// PBootstrap and PRandomization are 0 for the baseline, which has none.
	PBootstrap     float64 `json:"p_bootstrap,omitempty"`
	PRandomization float64 `json:"p_randomization,omitempty"`
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

	skipTies float64 // P where ties do not count, as sacrebleu has it
}

// Operation is what a candidate costs and how fast it answers. Scores whose
// Missing is set have no value and say why. Latencies, throughput and their like are
// of outputs that this program waited for: never replayed, never failed.
type Operation struct {
	Cost          stylesprint.Score `json:"cost_per_10000"`        // for 10,000 outputs; Unit is the currency
	LatencyP50    stylesprint.Score `json:"latency_p50"`           // seconds
	LatencyP95    stylesprint.Score `json:"latency_p95"`           // seconds
	LatencyP99    stylesprint.Score `json:"latency_p99"`           // seconds; missing below 100 outputs
	FirstTokenP50 stylesprint.Score `json:"first_token_p50"`       // seconds, where the driver knows
	FirstTokenP95 stylesprint.Score `json:"first_token_p95"`       // seconds
	Throughput    stylesprint.Score `json:"throughput"`            // outputs a second while calls were under way, at Run.Concurrency
	TokenRate     stylesprint.Score `json:"tokens_per_second"`     // completion tokens a second, likewise
	Measured      float64           `json:"measured"`              // share of the outputs that latencies are made of, 0 to 1
	CostSource    string            `json:"cost_source,omitempty"` // "price" or "record", where a file of recorded outputs told the cost
	// ReportedP50 and ReportedP95 are latencies, in seconds, that a file of recorded outputs
	// tells. Nobody here measured them, and they are never mixed with those above.
	ReportedP50      stylesprint.Score `json:"reported_latency_p50"`
	ReportedP95      stylesprint.Score `json:"reported_latency_p95"`
	PromptTokens     float64           `json:"prompt_tokens"`     // mean per output
	CompletionTokens float64           `json:"completion_tokens"` // mean per output
	Latencies        Spread            `json:"latencies"`         // seconds, behind the percentiles
	Outputs          int               `json:"outputs"`           // finished, failed ones included
	Failed           int               `json:"failed"`
	Replayed         int               `json:"replayed"`
	Cut              int               `json:"cut"` // outputs that ended at the token limit
	// CostDifference and LatencyDifference are candidate minus baseline, paired
	// by item, with their interval; Missing says why there is none.
	CostDifference    stylesprint.Score `json:"cost_difference"`    // for 10,000 outputs
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

// Rule is how a decision is made.
type Rule string

// The rules.
const (
	// RuleBetter takes a challenger that is better than the baseline, or as good and cheaper.
	RuleBetter Rule = "better"
	// RuleCheapest takes the cheapest candidate that is shown to lose less than the
	// margin to the reference on every judged metric.
	RuleCheapest Rule = "cheapest"
)

// Outcome is the kind of a decision.
type Outcome string

// The outcomes.
const (
	OutcomeBetter     Outcome = "better"     // the winner is better on the primary metric and not worse on the others
	OutcomeEquivalent Outcome = "equivalent" // as good within the margins; the winner is cheaper, faster, or in place already
	OutcomeCheapest   Outcome = "cheapest"   // the winner is the cheapest of those within the margins of the reference
	OutcomeKeep       Outcome = "keep"       // every challenger is worse: the baseline stays
	OutcomeUndecided  Outcome = "undecided"
)

// Decision is what the comparison comes to.
type Decision struct {
	Rule      Rule     `json:"rule"`
	Outcome   Outcome  `json:"outcome"`
	Winner    string   `json:"winner,omitempty"` // a candidate's name; empty if undecided
	Sentence  string   `json:"sentence"`         // one sentence for people
	Reasons   []string `json:"reasons"`          // the steps of the rule, in order, a sentence each
	MoreItems int      `json:"more_items"`       // as in Difference, on the metric that holds the decision up
	// Reference is the candidate that the others were held against: the baseline, or
	// the one that scores best on the primary metric.
	Reference string `json:"reference"`
	// Tied are the candidates shown to lose less than the margin to the reference
	// on every judged metric, itself first. Worse are those shown to be worse on
	// some judged metric and not tied. Open are the rest.
	Tied  []string `json:"tied"`
	Worse []string `json:"worse,omitempty"`
	Open  []string `json:"open,omitempty"`
}

// Row is one item of the side-by-side view.
type Row struct {
	ItemID     string            `json:"item_id"`
	Repeat     int               `json:"repeat"`
	Family     string            `json:"family,omitempty"`
	Fields     map[string]string `json:"fields"`
	Slices     map[string]string `json:"slices,omitempty"`
	References []string          `json:"references"`
	Images     []string          `json:"images,omitempty"` // of the item, as in dataset.Item
	// Cells holds one output for each of Comparison.Candidates; a zero Output
	// (empty ItemID) where the run has none.
	Cells []evaluate.Output `json:"cells"`
}
