package route_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/gateway/route"
)

// The guide names every metric of a route that has seen some trouble, and no other.
func TestGuideNamesMetrics(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "routes.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(b), "## Watching it")
	if !found {
		t.Fatal("the guide has no section about metrics")
	}
	named := map[string]bool{}
	for _, line := range strings.Split(table, "\n") {
		if first, ok := strings.CutPrefix(line, "| `"); ok {
			names, _, _ := strings.Cut(first, "|")
			for _, n := range strings.Split(names, ",") {
				named["stylesprint_route_"+strings.Trim(n, "` ")] = true
			}
		}
	}
	w := open(t, []*client{plays(fail(stylesprint.CodeUpstream)), plays(breaks("half"))}, func(o *route.Options) {
		o.Budget.Cost = 1
		o.Targets[0].Retires = newClock().now
		o.ProbeInterval = -1
	})
	_, _, _ = w.ask(t.Context(), true)
	seen := map[string]bool{"stylesprint_route_target_probe_success": true, "stylesprint_route_skips_total": true, "stylesprint_route_usage_doubts_total": true} // these want more trouble than that
	families, err := w.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		seen[f.GetName()] = true
	}
	for name := range seen {
		if !named[name] {
			t.Errorf("the guide does not name %s", name)
		}
	}
	for name := range named {
		if !seen[name] {
			t.Errorf("the guide names %s, which is not there", name)
		}
	}
}
