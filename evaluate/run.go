// Package evaluate runs candidates over a dataset, scores what they wrote, and
// keeps every output so that a run can be resumed, replayed and compared.
//
// Key words: item, candidate, run, output, score.
//
// The usual path is: load a dataset (package dataset), describe a Candidate,
// call Runner.Run, then compare runs (package compare). Every figure belongs to
// a run; every run is kept through a Store. Errors are wrapped with the failed
// act. A Runner may be used by one goroutine at a time; it owns its workers and
// waits for them.
package evaluate

import (
	"context"
	"time"

	"stylesprint"
	"stylesprint/generate"
)

// Candidate is one way of producing texts: a model, a prompt and parameters.
type Candidate struct {
	Name       string                `json:"name"` // unique among those compared: "plain", "brand-voice"
	Model      stylesprint.ModelRef  `json:"model"`
	Precision  stylesprint.Precision `json:"precision,omitempty"` // local models
	Prompt     string                `json:"prompt"`              // the template's name
	PromptHash string                `json:"prompt_hash"`         // its version
	Params     generate.Params       `json:"params"`
	Price      stylesprint.Price     `json:"price"`
}

// Status is where a run stands.
type Status string

// The states of a run. An interrupted run is one whose process ended; it
// resumes when the same run is started again.
const (
	StatusRunning     Status = "running"
	StatusInterrupted Status = "interrupted"
	StatusDone        Status = "done"
	StatusFailed      Status = "failed"
)

// Run is one execution of an evaluation.
type Run struct {
	ID          string    `json:"id"`
	Dataset     string    `json:"dataset"`      // its name
	DatasetHash string    `json:"dataset_hash"` // of its items, in order
	Split       string    `json:"split,omitempty"`
	Candidate   Candidate `json:"candidate"`
	Repeat      int       `json:"repeat"` // outputs per item, at least 1
	Status      Status    `json:"status"`
	Error       string    `json:"error,omitempty"`
	Created     time.Time `json:"created"`
	Finished    time.Time `json:"finished,omitzero"`
	Total       int       `json:"total"` // items x repeat
	Done        int       `json:"done"`
	Failed      int       `json:"failed"` // outputs that hold an error
	// RepeatedCalls counts calls that were in flight when the run was killed
	// and were made again.
	RepeatedCalls int                 `json:"repeated_calls"`
	Concurrency   int                 `json:"concurrency,omitempty"` // calls at once, which latency depends on
	Machine       string              `json:"machine,omitempty"`     // CPU and core count, for latency figures
	Scores        []stylesprint.Score `json:"scores,omitempty"`      // over all items, once done
	// Parent is set in a run that is one shard of another (package shard): that
	// one's id. Shard is its number, from 1.
	Parent string `json:"parent,omitempty"`
	Shard  int    `json:"shard,omitempty"`
	// Shards is, in both, how many shards there are; 0: the run is not sharded.
	// A parent has no outputs of its own: its Done, Failed and RepeatedCalls are
	// the sums of its shards'.
	Shards int `json:"shards,omitempty"`
}

// Sharded says that the run's outputs are those of its shards.
func (r Run) Sharded() bool { return r.Shards > 0 && r.Parent == "" }

// Output is what a candidate wrote for one item, or why it did not.
type Output struct {
	RunID        string                   `json:"run_id"`
	ItemID       string                   `json:"item_id"`
	Repeat       int                      `json:"repeat"` // 0-based
	Text         string                   `json:"text"`
	FinishReason stylesprint.FinishReason `json:"finish_reason,omitempty"`
	Usage        stylesprint.Usage        `json:"usage"`
	Cost         stylesprint.Money        `json:"cost"`
	Latency      time.Duration            `json:"latency_ns"`
	FirstToken   time.Duration            `json:"first_token_ns,omitempty"`
	// Replayed marks an answer that came from a record; it never counts in latency.
	Replayed bool             `json:"replayed,omitempty"`
	Error    string           `json:"error,omitempty"`
	Code     stylesprint.Code `json:"code,omitempty"`
	Finished time.Time        `json:"finished,omitzero"` // zero: the call was begun but has not ended
	// Scores by metric, filled once the output was scored.
	Scores map[string]float64 `json:"scores,omitempty"`
}

// Filter narrows a list of runs.
type Filter struct {
	Dataset string // empty: all
	Limit   int    // 0: 100
	Before  string // a run's id: only older ones, for paging by key
	// Parent lists the shards of a run, first to last. Empty: the runs that are
	// no shard of another.
	Parent string
}

// Store keeps runs and outputs. Every method is atomic and safe for concurrent use.
type Store interface {
	// SaveRun creates or replaces a run by its id. Of a sharded run it need not
	// keep the counters that are the sums of its shards'.
	SaveRun(ctx context.Context, r Run) error
	// Run returns one run; an error with code not_found if there is none.
	Run(ctx context.Context, id string) (Run, error)
	// Runs lists runs, newest first; shards in their order.
	Runs(ctx context.Context, f Filter) ([]Run, error)
	// SaveOutputs creates or replaces outputs by (run, item, repeat), all or none.
	// An output with a zero Finished marks a call in flight.
	SaveOutputs(ctx context.Context, outs ...Output) error
	// Outputs calls yield for each output of a run, ordered by item and repeat,
	// until yield returns an error, which it returns. yield may call the
	// store's other methods; what it changes in this run need not be seen.
	Outputs(ctx context.Context, runID string, yield func(Output) error) error
}
