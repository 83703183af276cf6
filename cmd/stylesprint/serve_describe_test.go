package main

import (
	"encoding/json"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/gateway"
)

// A record that is none is answered with one that is; commands that only whoever runs the server can give are
// no hint for its clients.
func TestHintsAboutProducts(t *testing.T) {
	t.Parallel()
	for _, record := range []string{`{"name": 7}`, `{"colour_name": "red"}`, `[]`, `"x"`} {
		_, err := describer{}.product(gateway.Subject{Product: json.RawMessage(record)})
		_, example, ok := strings.Cut(stylesprint.HintOf(err), "send one such as ")
		if err == nil || !ok {
			t.Errorf("%s: %v, hint %q", record, err, stylesprint.HintOf(err))
			continue
		}
		if p, err := (describer{}).product(gateway.Subject{Product: json.RawMessage(example)}); err != nil || p.Name == "" {
			t.Errorf("%s: %v", example, err)
		}
	}
	if h := stylesprint.HintOf(cannotRender(nil)); h == "" || strings.Contains(h, "stylesprint ") {
		t.Errorf("hint %q", h)
	}
}
