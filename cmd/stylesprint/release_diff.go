package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint/cmd/stylesprint/config"
	"stylesprint/release"
	"stylesprint/web/diff"
)

func (a *app) releaseDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use: "diff RELEASE RELEASE", Short: "Show in what two releases differ: fields, and the words of their prompts",
		Example: "  stylesprint release diff r1 r2", Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(_ config.Config, db *database) error {
				from, err := db.Release(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				to, err := db.Release(cmd.Context(), args[1])
				if err != nil {
					return err
				}
				return a.printDiff(from, to)
			})
		},
	}
}

// shownDiff is the difference of two releases as --json prints it.
type shownDiff struct {
	From    string           `json:"from"`
	To      string           `json:"to"`
	Changes []release.Change `json:"changes"`
	// Removed and Added are the prompts' texts with the words in which they differ marked.
	Removed []diff.Span `json:"prompt_from,omitempty"`
	Added   []diff.Span `json:"prompt_to,omitempty"`
}

func (a *app) printDiff(from, to release.Release) error {
	d := shownDiff{From: from.ID, To: to.ID, Changes: release.Diff(from, to)}
	if from.Prompt.Hash != to.Prompt.Hash {
		words := diff.Words(from.Prompt.Text, to.Prompt.Text)
		d.Removed, d.Added = words.A, words.B
	}
	if a.json {
		if d.Changes == nil {
			d.Changes = []release.Change{}
		}
		return a.printJSON(d)
	}
	if len(d.Changes) == 0 {
		_, err := fmt.Fprintf(a.stdout, "%s and %s do not differ\n", from.ID, to.ID)
		return err
	}
	rows := make([][]string, len(d.Changes))
	for i, c := range d.Changes {
		rows[i] = []string{c.Field, or(c.From, "-"), or(c.To, "-")}
	}
	table(a.stdout, []string{"FIELD", from.ID, to.ID}, rows)
	for _, side := range []struct {
		id, open, end string
		spans         []diff.Span
	}{{from.ID, "[-", "-]", d.Removed}, {to.ID, "{+", "+}", d.Added}} {
		if side.spans == nil {
			continue
		}
		fmt.Fprintf(a.stdout, "\nThe prompt of %s, with %swords that the other one does not have%s:\n\n", side.id, side.open, side.end)
		printSpans(a.stdout, side.spans, side.open, side.end)
	}
	return nil
}

// printSpans prints a text, indented, with its changed words in marks.
func printSpans(w io.Writer, spans []diff.Span, open, end string) {
	var b strings.Builder
	for _, s := range spans {
		if s.Changed {
			b.WriteString(open + s.Text + end)
			continue
		}
		b.WriteString(s.Text)
	}
	for line := range strings.Lines(strings.TrimRight(b.String(), "\n") + "\n") {
		fmt.Fprint(w, "  ", line)
	}
}
