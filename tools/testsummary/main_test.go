package main

import (
	"strings"
	"testing"
)

func TestSummarise(t *testing.T) {
	t.Parallel()
	const passed = `{"Action":"pass","Package":"stylesprint/a","Test":"TestA"}
{"Action":"output","Package":"stylesprint/a","Test":"TestB","Output":"    b_test.go:7: chromium is not installed\n"}
{"Action":"skip","Package":"stylesprint/a","Test":"TestB"}
{"Action":"pass","Package":"stylesprint/a","Elapsed":1.5}
`
	cases := []struct {
		name, in string
		ok       bool
		want     []string
	}{
		{"passed", passed, true, []string{"ok    a", "skipped: chromium is not installed (1: a.TestB)", "1 passed, 0 failed, 1 skipped"}},
		{"failed", passed + `{"Action":"output","Package":"stylesprint/c","Test":"TestC","Output":"want 1\n"}
{"Action":"fail","Package":"stylesprint/c","Test":"TestC"}
{"Action":"fail","Package":"stylesprint/c"}`, false, []string{"want 1", "FAIL  c", "1 passed, 1 failed, 1 skipped"}},
		{"build failed", passed + `{"Action":"build-output","ImportPath":"stylesprint/d","Output":"d.go:1: no\n"}
{"Action":"fail","Package":"stylesprint/d","FailedBuild":"stylesprint/d"}`, false, []string{"d.go:1: no", "FAIL  d"}},
		{"nothing ran", "", false, []string{"0 passed"}},
	}
	for _, c := range cases {
		var out strings.Builder
		ok, err := summarise(strings.NewReader(c.in), &out)
		if err != nil || ok != c.ok {
			t.Errorf("%s: ok %v, error %v", c.name, ok, err)
		}
		for _, w := range c.want {
			if !strings.Contains(out.String(), w) {
				t.Errorf("%s: no %q in:\n%s", c.name, w, out.String())
			}
		}
	}
}
