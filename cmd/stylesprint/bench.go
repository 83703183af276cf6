package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stylesprint/evaluate"
)

// figure is one measured line of `bench`: the median of several runs with its spread.
type figure struct {
	Bench     string  `json:"bench"`
	Name      string  `json:"name"`
	Median    float64 `json:"median"`
	Min       float64 `json:"min"`
	Max       float64 `json:"max"`
	Unit      string  `json:"unit"`
	Runs      int     `json:"runs"`
	Precision string  `json:"precision,omitempty"`
	CPU       string  `json:"cpu,omitempty"` // the instruction set in use
	Threads   int     `json:"threads"`
	Model     string  `json:"model,omitempty"`
	Note      string  `json:"note,omitempty"`
	Processor string  `json:"processor"`
	Go        string  `json:"go"`
	Time      string  `json:"time"`
}

// benchmark is one part of `bench`; it reports each figure as it is measured.
type benchmark struct {
	name    string
	short   string
	example string
	run     func(ctx context.Context, b *benchRun) error
}

// benchRun is what a benchmark works with.
type benchRun struct {
	app  *app
	runs int
	base figure // fields that all figures of the run share
	args []string
}

func (a *app) benchCommand() *cobra.Command {
	var runs int
	parts := benchmarks()
	cmds := make([]*cobra.Command, 0, len(parts)+1)
	add := func(b benchmark, run func(context.Context, *benchRun) error) {
		cmds = append(cmds, &cobra.Command{
			Use:     b.name,
			Short:   b.short,
			Example: b.example,
			Args:    cobra.ArbitraryArgs,
			RunE: func(cmd *cobra.Command, args []string) error {
				if runs < 1 {
					return usagef("--runs: want at least 1, got %d", runs)
				}
				return run(cmd.Context(), &benchRun{app: a, runs: runs, args: args, base: figure{Bench: b.name, Processor: evaluate.Machine(), Go: runtime.Version(), Threads: runtime.GOMAXPROCS(0)}})
			},
		})
	}
	for _, b := range parts {
		add(b, b.run)
	}
	add(benchmark{name: "all", short: "All of them, one after the other", example: "  stylesprint bench all | tee figures.jsonl"}, func(ctx context.Context, r *benchRun) error {
		for _, b := range parts {
			one := *r
			one.base.Bench = b.name
			if err := b.run(ctx, &one); err != nil {
				return err
			}
		}
		return nil
	})
	g := group("bench", "Measure this machine; one JSON object of figures a line", cmds...)
	g.PersistentFlags().IntVar(&runs, "runs", 5, "counted runs of each measurement, after one that is not")
	return g
}

// measure times f, which returns a figure's value (a rate or a duration), and prints the line.
func (r *benchRun) measure(ctx context.Context, f figure, once func() (float64, error)) error {
	values := make([]float64, 0, r.runs)
	for i := -1; i < r.runs; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		v, err := once()
		if err != nil {
			return fmt.Errorf("measure %s %s: %w", r.base.Bench, f.Name, err)
		}
		if i >= 0 {
			values = append(values, v)
		}
	}
	return r.print(f, values)
}

// print writes one line from the values of the counted runs.
func (r *benchRun) print(f figure, values []float64) error {
	slices.Sort(values)
	out := r.base
	out.Name, out.Unit, out.Note, out.Model, out.Precision, out.CPU = f.Name, f.Unit, f.Note, f.Model, f.Precision, f.CPU
	out.Runs = len(values)
	out.Median, out.Min, out.Max = median(values), values[0], values[len(values)-1]
	out.Time = r.app.now().UTC().Format(time.RFC3339)
	return r.app.printJSON(out)
}

// median of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// rate times work and returns amounts per second.
func rate(amount float64, work func() error) func() (float64, error) {
	return func() (float64, error) {
		start := time.Now()
		if err := work(); err != nil {
			return 0, err
		}
		return amount / time.Since(start).Seconds(), nil
	}
}

// resident is the process's resident memory in bytes, or 0 where it cannot be read.
func resident() float64 { return residentOf("self") }

// residentOf is the same for a process id.
func residentOf(process string) float64 {
	b, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			return kb * 1024
		}
	}
	return 0
}
