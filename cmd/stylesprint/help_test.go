package main

import (
	"io"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// Every command that does something shows a worked example in its help.
func TestEveryCommandHasAnExample(t *testing.T) {
	t.Parallel()
	a := &app{world: world{getenv: func(string) string { return "" }, stdout: io.Discard, stderr: io.Discard, now: time.Now}}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s: no short description", c.CommandPath())
		}
		if !c.HasSubCommands() && c.Example == "" {
			t.Errorf("%s: no example", c.CommandPath())
		}
		for _, s := range c.Commands() {
			walk(s)
		}
	}
	walk(a.rootCommand())
}
