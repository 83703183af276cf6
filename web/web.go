// Package web serves the dashboard: pages for people about models, runs and
// comparisons, and a playground.
//
// Key words: page, section, step, live event.
//
// New takes what the pages read as small interfaces and returns one handler for
// every path that Routes lists, with a 404 page for the rest, so that it can be
// mounted at "/" beside the gateway:
//
//	pages, err := web.New(web.Options{Runs: store, Compare: comparer, Models: models})
//	mux.Handle("/", pages)
//
// Every page can be read and every form sent without script; script adds live
// progress, streaming and shortcuts. A page that cannot be made answers with
// what failed and what to do, never with half a page. The handler is safe for
// concurrent use and starts no goroutine that outlives a request.
package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/faithfulness"
	"stylesprint/evaluate/review"
	"stylesprint/generate"
	"stylesprint/internal/httpserver"
	"stylesprint/prompt"
	"stylesprint/web/show"
)

// Runs is what the pages read of an evaluate.Store.
type Runs interface {
	// Run returns one run; an error with code not_found if there is none.
	Run(ctx context.Context, id string) (evaluate.Run, error)
	// Runs lists runs, newest first.
	Runs(ctx context.Context, f evaluate.Filter) ([]evaluate.Run, error)
	// Outputs calls yield for each output, ordered by item and repeat, until
	// yield returns an error, which it returns.
	Outputs(ctx context.Context, runID string, yield func(evaluate.Output) error) error
}

// Seeker is implemented by stores that find a place in the middle of a long run
// without reading what lies before it. Where Options.Runs does not, pages of
// outputs are found by reading from the beginning.
type Seeker interface {
	// OutputsAfter is Runs.Outputs for those behind last in its run: its RunID,
	// ItemID and Repeat are set.
	OutputsAfter(ctx context.Context, last evaluate.Output, yield func(evaluate.Output) error) error
}

// Comparer sets runs beside one another. The first id is the baseline.
type Comparer interface {
	// Compare computes the comparison of two or more runs over the same items.
	Compare(ctx context.Context, runIDs []string) (compare.Comparison, error)
	// Rows calls yield for each item, in a fixed order, until yield returns an
	// error, which it returns. Cells are in the order of runIDs.
	Rows(ctx context.Context, runIDs []string, yield func(compare.Row) error) error
}

// RowSeeker is to Comparer what Seeker is to Runs.
type RowSeeker interface {
	// RowsAfter is Comparer.Rows for the items behind itemID.
	RowsAfter(ctx context.Context, runIDs []string, itemID string, yield func(compare.Row) error) error
}

// Generator answers the playground's form when it is sent without script. Its errors are
// *stylesprint.Error values.
type Generator interface {
	// Generate asks a model on behalf of whoever sent r, whose context bounds it. The reply's
	// Model is the public name.
	Generate(r *http.Request, req generate.Request) (stylesprint.Reply, error)
}

// Sample is a set of values that the playground can put into a template: a
// product's fields.
type Sample struct {
	Name   string // what a person calls it: "SS-DR-101, Mira Linen Midi Dress"
	Values map[string]string
}

// Model is one served model, or a route to several, as the overview shows it.
type Model struct {
	Name          string // what requests ask for
	Task          string // "text-generation", "embedding"
	Ref           stylesprint.ModelRef
	Precision     stylesprint.Precision // empty for a remote server
	Arithmetic    string                // what Precision means here: "Q4_1 weights, avx512bf16"; may be empty
	License       string                // SPDX id, or why it is unknown
	Bytes         int64                 // size on disk; 0 for a remote server
	Parameters    int64                 // 0 if unknown
	ContextTokens int                   // 0 if unknown
	Price         stylesprint.Price
	Targets       []Target // that a route asks, where they are several: it has the figures of the first
	State         string   // "ready", "loading", or what is wrong
	Ready         bool
}

// Target is a model that a route asks.
type Target struct {
	Name  string
	Price stylesprint.Price
}

// Source is where the model's answers come from.
func (m Model) Source() string {
	if len(m.Targets) > 0 {
		names := make([]string, len(m.Targets))
		for i, t := range m.Targets {
			names[i] = t.Name
		}
		return "asks " + show.List(names)
	}
	if m.Ref.Name == m.Name || m.Ref.Name == "" {
		return m.Ref.Provider
	}
	return m.Ref.String()
}

// Prices are the model's price for a million tokens as people read it, or those of a route's targets, a
// line for each where they differ.
func (m Model) Prices() []string {
	same, lines := true, []string{}
	for _, t := range m.Targets {
		same = same && t.Price == m.Targets[0].Price
		lines = append(lines, t.Name+": "+priceWords(t.Price))
	}
	if same {
		return []string{priceWords(m.Price)}
	}
	return lines
}

func priceWords(p stylesprint.Price) string {
	if p.InputPerMillion == 0 && p.OutputPerMillion == 0 && p.CachedPerMillion == 0 {
		return "no price set"
	}
	currency := p.Currency
	if currency == "" {
		currency = "USD"
	}
	return fmt.Sprintf("%g in, %g out, %s", p.InputPerMillion, p.OutputPerMillion, currency)
}

// Check is one line of the program's health.
type Check struct {
	Name   string // "database"
	OK     bool
	Detail string // what was found, or what is wrong and what to do
}

// Options is what New needs. Only Runs is required; a page whose source is nil
// says what is missing and how to provide it.
type Options struct {
	Runs    Runs
	Compare Comparer
	// Models lists what is served, the default first.
	Models func(context.Context) ([]Model, error)
	// Health runs the checks behind /readyz; it should return within 10 ms.
	Health func(context.Context) []Check
	// Live says how the server does; nil: the live page says that nothing is measured.
	Live func(context.Context) (LiveState, error)
	// Generate answers the playground's form.
	Generate Generator
	// Answer answers the form for questions about products.
	Answer Answerer
	// Review serves the pages of blind reviews.
	Review *Review
	// Access lets people in; nil: whoever reaches the server sees everything.
	Access *Access
	// Releases serves the pages of releases.
	Releases *Releases
	// RatersOnly serves nothing but what raters need: a door for their invitations
	// and their pages. Runs may be nil then.
	RatersOnly bool
	// Prompts and Samples are what the playground offers to start from.
	Prompts []prompt.Template
	Samples []Sample
	// Note is a sentence to stand with everything made from a dataset: "Demo
	// data: ...". It may be nil, and may return "".
	Note func(dataset string) string
	// Items returns those of a run's items that ids names, for references
	// beside outputs. Absent items are left out.
	Items func(ctx context.Context, run evaluate.Run, ids []string) ([]dataset.Item, error)
	// Images is where the pictures of a run's items are: the paths of dataset.Item begin
	// there. It may be nil, and may return nil where there are none.
	Images func(run evaluate.Run) fs.FS
	// Faithfulness holds texts against their records, to mark what they say; nil:
	// texts are not checked.
	Faithfulness *faithfulness.Checker
	// Catalogue is the number of products that sentences about rates speak of.
	// Defaults to 50,000.
	Catalogue int
	// Version is shown in the foot of each page.
	Version string
	// Log receives faults of the program; pages show only what a person can act on.
	Log *slog.Logger
	// Closing ends live event streams when it is closed, so that a draining
	// server need not wait for them.
	Closing <-chan struct{}
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Poll is how often a live stream looks at the store. Defaults to one second.
	Poll time.Duration
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Poll <= 0 {
		o.Poll = time.Second
	}
	if o.Note == nil {
		o.Note = func(string) string { return "" }
	}
	if o.Models == nil {
		o.Models = func(context.Context) ([]Model, error) { return nil, nil }
	}
	if o.Health == nil {
		o.Health = func(context.Context) []Check { return nil }
	}
	return o
}

// site holds what the handlers share. Nothing in it changes after New but the caches.
type site struct {
	o         Options
	templates *templates
	assets    *assets
	compared  *cache[compare.Comparison]
	summed    *cache[summary]
	reviewed  *cache[review.Result]
}

// New returns the handler of all pages, with security headers and the check
// that forms come from our own pages.
func New(o Options) (http.Handler, error) {
	if o.RatersOnly && o.Review == nil {
		return nil, errors.New("build the raters' pages: Options.Review is missing")
	}
	if o.Runs == nil && !o.RatersOnly {
		return nil, errors.New("build the dashboard: Options.Runs is missing")
	}
	a, err := newAssets()
	if err != nil {
		return nil, fmt.Errorf("build the dashboard: %w", err)
	}
	t, err := parseTemplates()
	if err != nil {
		return nil, fmt.Errorf("build the dashboard: %w", err)
	}
	s := &site{o: o.withDefaults(), templates: t, assets: a, compared: newCache[compare.Comparison](32), summed: newCache[summary](64), reviewed: newCache[review.Result](16)}
	return httpserver.Chain(s.mux(), httpserver.SecurityHeaders(httpserver.PolicyPages), httpserver.SameOrigin()), nil
}
