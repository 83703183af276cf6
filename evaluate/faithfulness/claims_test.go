package faithfulness

import (
	"slices"
	"strings"
	"testing"
)

func TestHardClaims(t *testing.T) {
	t.Parallel()
	rules, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]HardClaim{}
	for _, c := range rules.HardClaims() {
		if len(c.Phrases) == 0 || c.Category == "" {
			t.Errorf("%+v", c)
		}
		claims[c.ID] = c
	}
	if c := claims["organic"]; c.Category != "sustainability" || !slices.Contains(c.Phrases, "organically grown") {
		t.Errorf("organic: %+v", c)
	}
	if _, soft := claims["breathable"]; soft || len(claims) < 20 {
		t.Errorf("%d claims, breathable among them: %v", len(claims), soft)
	}
	if n := rules.Negations(); !slices.Contains(n, "never") || !slices.IsSorted(n) {
		t.Errorf("negations %v", n)
	}
	dropped, err := rules.With("own.yaml", strings.NewReader("format: 1\nclaim:\n  organic: {drop: true}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range dropped.HardClaims() {
		if c.ID == "organic" {
			t.Error("a dropped claim is still there")
		}
	}
}
