package stylesprint

// ModelRef names a model so that a figure can be traced to its weights.
type ModelRef struct {
	Provider string `json:"provider"`           // "local", "openai", "fake"
	Name     string `json:"name"`               // as the provider knows it
	Revision string `json:"revision,omitempty"` // the hub's revision or the provider's snapshot
	SHA256   string `json:"sha256,omitempty"`   // of the weights, where we hold the bytes
}

// String is "provider/name".
func (m ModelRef) String() string { return m.Provider + "/" + m.Name }

// Precision is the arithmetic of a run on the own engine.
type Precision string

const (
	// Exact is float32 throughout: the same on every CPU up to rounding.
	Exact Precision = "exact"
	// Fast is bfloat16 or quantised arithmetic.
	Fast Precision = "fast"
)

// Score is one figure of a metric over a set of items. Two scores may be
// compared only when their signatures are equal.
type Score struct {
	Metric    string  `json:"metric"` // "bleu", "similarity"
	Value     float64 `json:"value"`
	Low       float64 `json:"low"`             // lower bound of the interval; equals Value where none was computed
	High      float64 `json:"high"`            // upper bound of the interval
	Level     float64 `json:"level,omitempty"` // of the interval: 0.95; zero where none was computed
	N         int     `json:"n"`               // items that the figure is made of
	Unit      string  `json:"unit,omitempty"`  // "0-100", "0-1", "s", "USD"
	Signature string  `json:"signature"`       // every setting that changes the number
	// Missing says why there is no value ("not measured: no images"); empty
	// when there is one.
	Missing string `json:"missing,omitempty"`
}
