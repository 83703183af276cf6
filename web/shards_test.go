package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"stylesprint/evaluate"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

// parted is a source with a sharded run beside the others.
type parted struct {
	*webtest.Source
	whole  evaluate.Run
	shards []evaluate.Run
}

func (p parted) Run(ctx context.Context, id string) (evaluate.Run, error) {
	for _, r := range append(p.shards, p.whole) {
		if r.ID == id {
			return r, nil
		}
	}
	return p.Source.Run(ctx, id)
}

func (p parted) Runs(ctx context.Context, f evaluate.Filter) ([]evaluate.Run, error) {
	if f.Parent == "" {
		runs, err := p.Source.Runs(ctx, f)
		return append([]evaluate.Run{p.whole}, runs...), err
	}
	var out []evaluate.Run
	begun := f.Before == ""
	for _, r := range p.shards {
		if begun && r.Parent == f.Parent && len(out) < f.Limit {
			out = append(out, r)
		}
		begun = begun || r.ID == f.Before
	}
	return out, nil
}

// A sharded run's page shows its shards, a page of them at a time, and each shard's page its
// texts and the way back. It is in no set of runs to compare.
func TestShardedRun(t *testing.T) {
	t.Parallel()
	var p parted
	h, s := desk(t, func(o *web.Options) {
		p.Source = o.Runs.(*webtest.Source)
		p.whole = held(t, p.Source, webtest.Voice)
		p.whole.ID, p.whole.Shards, p.whole.Candidate.Name = "run-long", 103, "long"
		for i := range 103 {
			r := held(t, p.Source, webtest.Plain)
			r.ID, r.Parent, r.Shard, r.Shards, r.Failed = fmt.Sprintf("run-long-s%04d", i+1), "run-long", i+1, 103, i%2
			p.shards = append(p.shards, r)
		}
		o.Runs = p
	})
	if s == nil {
		t.Fatal("no source")
	}
	for path, c := range map[string]struct{ wants, not []string }{
		"/runs/run-long":                      {[]string{`href="/runs/run-long-s0001"`, "100 of 103", "1 failed", `href="/runs/run-long?shard=run-long-s0100#outputs"`}, []string{"101 of 103", "0 prompt, 0 answer", "No texts"}},
		"/runs/run-long?shard=run-long-s0100": {[]string{"101 of 103", "103 of 103", "First shards"}, []string{"100 of 103", "Further shards"}},
		"/runs/run-long-s0002":                {[]string{`shard 2 of 103 of <a href="/runs/run-long">`}, []string{"The shards"}},
		"/comparisons":                        {nil, []string{"run-long"}},
		"/runs":                               {[]string{`href="/runs/run-long"`}, []string{"run-long-s0001"}},
	} {
		w := get(h, path)
		if w.Code != 200 {
			t.Errorf("%s: status %d", path, w.Code)
		}
		for _, want := range c.wants {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: lacks %q", path, want)
			}
		}
		for _, not := range c.not {
			if strings.Contains(w.Body.String(), not) {
				t.Errorf("%s: has %q", path, not)
			}
		}
		sound(t, path, w)
	}
}
