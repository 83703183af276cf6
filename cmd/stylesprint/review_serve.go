package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate/review"
	"stylesprint/internal/httpserver"
	"stylesprint/web"
)

func (a *app) reviewServeCommand() *cobra.Command {
	var addr string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the raters' pages alone",
		Long: `Serve what raters need and nothing else: no run, candidate or result can be reached here. It needs no model. The same pages are part of
stylesprint serve, beside those for whoever runs the review. Like that, it listens on loopback only.`,
		Example: "  stylesprint review serve\n  stylesprint review serve --addr 127.0.0.1:9000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			c.Addr = or(addr, c.Addr)
			if err := c.Validate(); err != nil {
				return usageError{err}
			}
			if err := mayListen(c.Addr); err != nil {
				return err
			}
			return a.serveRaters(cmd.Context(), c, func(at net.Addr) {
				if !a.quiet {
					fmt.Fprintf(a.stderr, "Raters' pages are on http://%s/. Stop them with Ctrl-C.\n", at)
				}
			})
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "", "host:port (default 127.0.0.1:8000)")
	return cmd
}

// serveRaters runs until ctx ends; listening is told the address.
func (a *app) serveRaters(ctx context.Context, c config.Config, listening func(net.Addr)) error {
	listener, err := httpserver.Listen(ctx, c.Addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	db, err := a.openStore(ctx, c)
	if err != nil {
		return err
	}
	defer db.Close()
	s := &server{app: a, config: c, log: slog.New(slog.NewJSONHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	pages, err := web.New(web.Options{Review: a.reviewPages(db, datasets{dir: c.DataDir}), RatersOnly: true, Version: buildVersion().Version, Log: s.log})
	if err != nil {
		return err
	}
	srv, err := httpserver.New(httpserver.Options{
		Handler:  httpserver.Chain(pages, httpserver.LocalOnly(), httpserver.Recover(s.panicked, nil), httpserver.BodyLimit(c.MaxBodyBytes, nil)),
		Listener: listener, DrainLimit: c.DrainTimeout, Fault: func(f string) { s.log.Warn("http", "fault", f) }, Listening: listening,
	})
	if err != nil {
		return err
	}
	return srv.Run(ctx)
}

func (a *app) reviewJudgeCommand() *cobra.Command {
	var m modelFlags
	cmd := &cobra.Command{
		Use:   "judge REVIEW --model NAME",
		Short: "Have a model judge the same pairs, kept apart from people's votes",
		Long: `Ask a model about every pair of a review, twice, with the sides swapped. A verdict counts only where both answers agree, and none counts
among people's votes: once the review is closed, its result shows how often the model chose the left side and how far it agrees with people,
so that it can be seen whether it may be trusted. Texts and records are sent to the model's provider.`,
		Example: "  stylesprint review judge rev-0123456789abcdef --model smollm2-135m-instruct\n  stylesprint review judge rev-0123456789abcdef --model gpt-4o-mini --provider openai",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if m.name == "" {
				return usagef("--model: name the model that judges")
			}
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error { return a.reviewJudge(cmd.Context(), c, db, args[0], m) })
		},
	}
	m.flags(cmd)
	return cmd
}

func (a *app) reviewJudge(ctx context.Context, c config.Config, db *database, taskID string, m modelFlags) error {
	conf, err := m.resolve(c)
	if err != nil {
		return err
	}
	if _, err := a.desk(db).Progress(ctx, taskID); err != nil { // before a model is opened
		return err
	}
	client, info, err := a.openGenerator(ctx, c, conf)
	if err != nil {
		return err
	}
	defer client.Close()
	p := a.progress("pairs", "")
	defer p.end()
	judge := review.Judge{Desk: a.desk(db), Model: client, Name: info.Ref.Name, Label: info.Ref.String(), Progress: func(done, total int) { p.update(int64(done), int64(total)) }}
	j, err := judge.Run(ctx, taskID)
	p.end()
	if err != nil {
		return fmt.Errorf("judge review %s: %w", taskID, err)
	}
	if a.json {
		return a.printJSON(j)
	}
	fmt.Fprintf(a.stdout, "%s judged %d of %d pairs; in %d of them both orders gave the same verdict\n", j.Rater, j.Standing, j.Pairs, j.Agreed)
	if j.Unread > 0 {
		fmt.Fprintf(a.stdout, "%d pairs got an answer without a verdict\n", j.Unread)
	}
	if j.Failed > 0 {
		fmt.Fprintf(a.stdout, "%d pairs failed: %s\n", j.Failed, j.Failure)
	}
	return nil
}

// printReview shows a result as tables and the sentence that says who won.
func printReview(w io.Writer, r review.Result) {
	n := r.Counts
	fmt.Fprintf(w, "%s  %s: %d votes on %d of %d pairs, %d ties, %d times both bad; %d pairs of equal texts, %d votes taken over, %d taken back\n\n",
		r.Task.ID, r.Task.Name, n.Votes, n.Judged, n.Pairs, n.Ties, n.Bad, n.Same, n.Reused, n.Withdrawn)
	header := []string{"CANDIDATE", ">PAIRS WON", ">95 % INTERVAL", ">STRENGTH", ">AT EQUAL LENGTH"}
	for _, c := range review.Criteria() {
		header = append(header, ">"+c.Name)
	}
	var rows [][]string
	for _, c := range r.Candidates {
		row := []string{c.Name, measured(c.WinRate), between(c.WinRate), measured(c.Strength.Log), measured(c.Controlled.Log)}
		for _, s := range c.Criteria {
			row = append(row, measured(s))
		}
		rows = append(rows, row)
	}
	table(w, header, rows)
	fmt.Fprintln(w)
	rows = nil
	add := func(measure, of string, s stylesprint.Score, reading string) {
		if s.Missing != "" {
			reading = s.Missing
		}
		rows = append(rows, []string{measure, of, measured(s), between(s), strconv.Itoa(s.N), reading})
	}
	for _, g := range r.Agreement {
		add(g.Name, g.Of, g.Score, g.Reading)
	}
	for _, k := range r.Kappas {
		add("Cohen's kappa", k.A+", "+k.B, k.Score, k.Reading())
	}
	for _, x := range r.Raters {
		add("Same answer again", x.Label, x.Consistency, "")
	}
	for _, m := range r.Metrics {
		add("Kendall's tau-b with votes", m.Metric, m.Tau, "")
	}
	for _, j := range r.Judges {
		add("Kappa of a model with people", j.Name, j.Kappa, fmt.Sprintf("%d of %d verdicts were the same in both orders", j.Agreed, j.Judged))
	}
	table(w, []string{"MEASURE", "OF", ">VALUE", ">95 % INTERVAL", ">N", "READING"}, rows)
	fmt.Fprintf(w, "\n%s\n", r.Sentence)
}

func measured(s stylesprint.Score) string {
	if s.Missing != "" {
		return "-"
	}
	return strconv.FormatFloat(s.Value, 'f', 3, 64)
}

// between is a score's interval.
func between(s stylesprint.Score) string {
	if s.Missing != "" || s.Level == 0 {
		return "-"
	}
	return strconv.FormatFloat(s.Low, 'f', 3, 64) + " to " + strconv.FormatFloat(s.High, 'f', 3, 64)
}
