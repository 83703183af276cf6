package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitGate   = 100
)

// world is everything that the program takes from its surroundings.
type world struct {
	args   []string
	getenv func(string) string
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
}

// app is what the subcommands share: the world and the flags of the root command.
type app struct {
	world
	configPath string
	quiet      bool
	json       bool
	engines    engines
}

// usageError marks an error of the command line itself.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, a ...any) error { return usageError{fmt.Errorf(format, a...)} }

// gateError says that everything worked and a gate was not met.
type gateError struct{ reasons []string }

func (e gateError) Error() string { return "gate not met: " + strings.Join(e.reasons, "; ") }

// run executes one command line and returns its exit code.
func run(ctx context.Context, w world) int {
	a := &app{world: w}
	root := a.rootCommand()
	root.SetArgs(w.args)
	root.SetIn(w.stdin)
	root.SetOut(w.stdout)
	root.SetErr(w.stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	return a.report(ctx, cmd, err)
}

// report prints an error and says what its exit code is.
func (a *app) report(ctx context.Context, cmd *cobra.Command, err error) int {
	var usage usageError
	var gate gateError
	switch {
	case errors.As(err, &gate):
		fmt.Fprintln(a.stderr, "Gate not met:")
		for _, r := range gate.reasons {
			fmt.Fprintln(a.stderr, "  -", r)
		}
		return exitGate
	case errors.As(err, &usage) || isCobraUsage(err):
		fmt.Fprintln(a.stderr, "Error:", err)
		fmt.Fprintf(a.stderr, "Try: %s --help\n", cmd.CommandPath())
		return exitUsage
	}
	if ctx.Err() != nil && stylesprint.CodeOf(err) != stylesprint.CodeTimeout {
		fmt.Fprintln(a.stderr, "Stopped.")
	} else {
		fmt.Fprintln(a.stderr, "Error:", err)
	}
	if hint := hintOf(err); hint != "" {
		fmt.Fprintln(a.stderr, "Try:", hint)
	} else if ctx.Err() == nil {
		fmt.Fprintf(a.stderr, "Try: %s --help\n", cmd.CommandPath())
	}
	return exitFailed
}

// hintOf finds the next step in an error's chain: ours, or that of a room that
// cannot import the root package and offers Hint().
func hintOf(err error) string {
	if h := stylesprint.HintOf(err); h != "" {
		return h
	}
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) {
		return hinter.Hint()
	}
	return ""
}

// isCobraUsage recognises cobra's own complaints, which have no type.
func isCobraUsage(err error) bool {
	for _, prefix := range []string{"unknown command", "unknown flag", "unknown shorthand", "required flag", "accepts ", "requires at least", "invalid argument"} {
		if strings.HasPrefix(err.Error(), prefix) {
			return true
		}
	}
	return false
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "stylesprint",
		Short: "Choose, serve, watch and improve the models that write a shop's texts",
		Long: `StyleSprint carries a generative model through its whole life at a retailer:
choose it on your own catalogue, serve it, keep it running, make it better.

Start here:
  stylesprint demo                 models, demo catalogue, evaluation, server and dashboard
  stylesprint generate "A line about a linen dress"`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	f := root.PersistentFlags()
	f.StringVar(&a.configPath, "config", "", "YAML file with settings (default: $STYLESPRINT_CONFIG, or none)")
	f.BoolVar(&a.quiet, "quiet", false, "no progress")
	f.BoolVar(&a.json, "json", false, "print results as JSON")
	root.AddCommand(a.commands()...)
	return root
}

// group makes a command that only holds subcommands; alone, or with an unknown
// word, it is wrong usage.
func group(use, short string, sub ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
			}
			return usagef("%q needs a subcommand: %s", cmd.CommandPath(), strings.Join(names(cmd), ", "))
		},
	}
	c.AddCommand(sub...)
	return c
}

func names(c *cobra.Command) []string {
	var out []string
	for _, s := range c.Commands() {
		out = append(out, s.Name())
	}
	return out
}

// config loads and checks the settings.
func (a *app) config() (config.Config, error) {
	c, err := a.loadConfig()
	if err != nil {
		return c, err
	}
	if err := c.Validate(); err != nil {
		return c, a.settingsFault(err)
	}
	return c, nil
}

// loadConfig loads the settings; flags are still to be put over them.
func (a *app) loadConfig() (config.Config, error) {
	c, err := config.Load(a.configPath, a.getenv)
	var faults config.Faults
	switch {
	case errors.As(err, &faults):
		return c, a.settingsFault(err)
	case err != nil:
		return c, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "settings cannot be read", Hint: "stylesprint serve --check --config FILE", Err: err}
	}
	return c, nil
}

func (a *app) settingsFault(err error) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "settings are not valid", Hint: "mend what is named above (docs/formats/config.md), then stylesprint serve --check", Err: err}
}

// printJSON writes one value as a line of JSON.
func (a *app) printJSON(v any) error {
	return printJSONTo(a.stdout, v)
}

func printJSONTo(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// terminal says whether a stream is a terminal.
func terminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
