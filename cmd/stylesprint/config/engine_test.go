package config

import (
	"fmt"
	"testing"
)

func TestEngineFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e    Engine
		want string
	}{
		{Engine{}, "[]"},
		{Engine{MaxSequences: 8, MaxWaiting: 10, PrefixTokens: -1, SharePrefixes: true}, "[]"},
		{Engine{MaxSequences: -1, MaxWaiting: -1, PrefixTokens: -2}, "[engine.max_sequences engine.max_waiting engine.prefix_tokens]"},
		{Engine{MaxSequences: 2000}, "[engine.max_sequences]"},
	} {
		fields := []string{}
		c.e.validate("engine", func(field, _ string, _ ...any) { fields = append(fields, field) })
		if got := fmt.Sprint(fields); got != c.want {
			t.Errorf("%+v: faults in %s, want %s", c.e, got, c.want)
		}
	}
}
