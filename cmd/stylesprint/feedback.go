package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway"
	"stylesprint/gateway/safety"
)

func (a *app) feedbackCommand() *cobra.Command {
	return group("feedback", "What people say of answers: export it for training, erase it", a.feedbackExportCommand(), a.feedbackEraseCommand())
}

func (a *app) feedbackExportCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write feedback that may be learnt from to a file",
		Long: `Write the feedback that was given with consent, one JSON object a line, oldest first, with the model, release, prompt and answer that
the request log has of each; what the content policy finds of persons' addresses and numbers is marked. Feedback without consent is never exported. The file is complete or is not there.`,
		Example: "  stylesprint feedback export --out feedback.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usagef("--out: name the file to write")
			}
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				return a.exportFeedback(cmd.Context(), c, db, out)
			})
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write, JSON Lines")
	return cmd
}

// feedbackReader is what export needs of a database.
type feedbackReader interface {
	FeedbackExamples(ctx context.Context, yield func(stylesprint.FeedbackExample) error) error
}

func (a *app) exportFeedback(ctx context.Context, c config.Config, db feedbackReader, out string) error {
	policy, err := contentPolicy(c)
	if err != nil {
		return err
	}
	clean := func(s string) string { return s }
	if policy != nil {
		guard, err := safety.New(policy, prometheus.NewRegistry())
		if err != nil {
			return err
		}
		clean = guard.Clean
	}
	n := 0
	err = writePrivate(out, func(w io.Writer) error {
		return db.FeedbackExamples(ctx, func(e stylesprint.FeedbackExample) error {
			n++
			e.Subject = "" // who said so is nobody's business beyond the database
			e.Prompt, e.Response = clean(e.Prompt), clean(e.Response)
			return printJSONTo(w, e)
		})
	})
	if err != nil {
		return fmt.Errorf("export feedback: %w", err)
	}
	if a.json {
		return a.printJSON(map[string]any{"exported": n, "file": out})
	}
	_, err = fmt.Fprintf(a.stdout, "%d entries written to %s\n", n, out)
	return err
}

// writePrivate creates a file that its owner alone may read, under a temporary name until it is whole.
func writePrivate(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already once renamed
	w := bufio.NewWriter(f)
	if err := errors.Join(write(w), w.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func (a *app) feedbackEraseCommand() *cobra.Command {
	var subject string
	cmd := &cobra.Command{
		Use:   "erase",
		Short: "Delete everything that a person has said",
		Long: `Delete all feedback of a subject, named as it was sent with the feedback. Only a keyed hash of it is stored, so the key
(feedback.key in the data folder, or STYLESPRINT_FEEDBACK_KEY) must be the one with which it was given. Exported files are not touched.`,
		Example: "  stylesprint feedback erase --subject customer-1042",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if strings.TrimSpace(subject) == "" {
				return usagef("--subject: name whose feedback to erase")
			}
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				key, err := a.feedbackKey(c)
				if err != nil {
					return err
				}
				return a.eraseFeedback(cmd.Context(), db, gateway.SubjectHash(key, subject))
			})
		},
	}
	cmd.Flags().StringVar(&subject, "subject", "", "whose feedback, as it was sent")
	return cmd
}

func (a *app) eraseFeedback(ctx context.Context, db gateway.FeedbackStore, hash string) error {
	n, err := db.EraseFeedback(ctx, hash)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]int{"erased": n})
	}
	_, err = fmt.Fprintf(a.stdout, "%d entries erased\n", n)
	return err
}
