package report_test

import (
	"strings"
	"testing"

	"stylesprint/evaluate/gate"
	"stylesprint/web/webtest"
)

func TestGate(t *testing.T) {
	t.Parallel()
	in := input(t, webtest.Hosted, webtest.Plain)
	if strings.Contains(render(t, in), "The gate") {
		t.Error("a gate that nobody asked for")
	}
	got, err := gate.Evaluate(in.Comparison, gate.Rules{Hard: []gate.Limit{{Metric: "hard-violations", Why: "silk <b> costs"}}, Min: []gate.Limit{{Metric: "similarity", Value: .1}}})
	if err != nil {
		t.Fatal(err)
	}
	in.Gate = &got
	html := render(t, in)
	for _, want := range []string{"The gate", `<p class="lede harm">`, "plain: not met", `<small class="harm">failed</small>`, `<small class="met">passed</small>`, "silk &lt;b&gt; costs"} {
		if !strings.Contains(html, want) {
			t.Errorf("lacks %q", want)
		}
	}
}
