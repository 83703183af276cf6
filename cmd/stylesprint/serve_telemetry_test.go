package main

import (
	"testing"

	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway/telemetry"
)

func TestUpstream(t *testing.T) {
	t.Parallel()
	s := &server{config: config.Config{Models: []config.Model{
		{Name: "own", Provider: "local"}, {Name: "remote", Provider: "openai"},
		{Name: "near", Provider: "openai", BaseURL: "http://127.0.0.1:8080/v1"}, {Name: "far", Provider: "openai", BaseURL: "https://models.example/v1"},
	}}}
	for _, c := range []struct {
		model, target string
		want          telemetry.Upstream
	}{
		{"own", "", telemetry.Upstream{Provider: "stylesprint"}},
		{"remote", "", telemetry.Upstream{Provider: "openai", Address: "api.openai.com", Port: 443}},
		{"near", "", telemetry.Upstream{Provider: "openai", Address: "127.0.0.1", Port: 8080}},
		{"own", "far", telemetry.Upstream{Provider: "openai", Address: "models.example", Port: 443}},
		{"own", "other", telemetry.Upstream{Provider: "stylesprint"}},
		{"other", "", telemetry.Upstream{}},
	} {
		if got := s.upstream(c.model, c.target); got != c.want {
			t.Errorf("%s, %s: %+v, want %+v", c.model, c.target, got, c.want)
		}
	}
}
