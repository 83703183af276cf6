package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint/cmd/stylesprint/config"
	"stylesprint/engine/hub"
)

func (a *app) modelsCommand() *cobra.Command {
	return group("models", "Fetch, check and remove the models on this machine",
		a.modelsListCommand(), a.modelsPullCommand(), a.modelsVerifyCommand(), a.modelsRemoveCommand())
}

// cache opens the model cache; fetches show their progress on stderr.
func (a *app) cache(c config.Config, p *progress) (*hub.Cache, error) {
	return hub.Open(hub.Options{
		Dir:      c.CacheDir,
		Endpoint: c.Hub.Endpoint,
		Token:    c.Hub.Token.Reveal(),
		Offline:  c.Hub.Offline,
		Progress: p.hub,
		Log:      slog.New(slog.DiscardHandler),
	})
}

func (a *app) modelsListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the models that can be fetched and those that are here",
		Example: "  stylesprint models list\n  stylesprint models list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			cache, err := a.cache(c, a.progress("", "B"))
			if err != nil {
				return err
			}
			entries, err := cache.List(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(entries)
			}
			var rows [][]string
			for _, e := range entries {
				state := "not here"
				if e.Path != "" {
					state = e.Path
				}
				rows = append(rows, []string{e.Model.Name, e.Model.Task, size(e.Model.Bytes), e.Model.License, state})
			}
			table(a.stdout, []string{"MODEL", "TASK", ">SIZE", "LICENCE", "WHERE"}, rows)
			return nil
		},
	}
}

func (a *app) modelsPullCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "pull [MODEL...]",
		Short:   "Fetch models into the cache; without a name, the two embedded ones",
		Example: "  stylesprint models pull\n  stylesprint models pull smollm2-360m-instruct",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{config.DefaultLanguageModel, config.DefaultEncoder}
			}
			c, err := a.config()
			if err != nil {
				return err
			}
			for _, name := range args {
				local, err := a.ensure(cmd.Context(), c, name)
				if err != nil {
					return err
				}
				if a.json {
					if err := a.printJSON(local); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(a.stdout, "%s  %s\n", name, local.Path)
			}
			return nil
		},
	}
}

// ensure makes a model available on this machine, fetching it if need be.
func (a *app) ensure(ctx context.Context, c config.Config, name string) (hub.Local, error) {
	p := a.progress(name, "B")
	defer p.end()
	cache, err := a.cache(c, p)
	if err != nil {
		return hub.Local{}, err
	}
	return cache.Ensure(ctx, name)
}

func (a *app) modelsVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "verify [MODEL...]",
		Short:   "Check the files of models against their hashes; without a name, all that are here",
		Example: "  stylesprint models verify",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			cache, err := a.cache(c, a.progress("", "B"))
			if err != nil {
				return err
			}
			if len(args) == 0 {
				if args, err = present(cmd.Context(), cache); err != nil {
					return err
				}
			}
			var broken []string
			for _, name := range args {
				report, err := cache.Verify(cmd.Context(), name)
				if err != nil {
					return err
				}
				if err := a.printVerified(name, report); err != nil {
					return err
				}
				if !report.OK() {
					broken = append(broken, name)
				}
			}
			if len(broken) > 0 {
				return gateError{[]string{"files differ from their hashes: " + strings.Join(broken, ", ") + "; run: stylesprint models rm NAME, then models pull NAME"}}
			}
			return nil
		},
	}
}

// printVerified shows one model's report.
func (a *app) printVerified(name string, r hub.Report) error {
	if a.json {
		return a.printJSON(r)
	}
	for _, f := range r.Files {
		state := "ok"
		if f.Problem != "" {
			state = f.Problem
		}
		if _, err := fmt.Fprintf(a.stdout, "%s  %s  %s\n", name, f.Path, state); err != nil {
			return err
		}
	}
	return nil
}

func present(ctx context.Context, cache *hub.Cache) ([]string, error) {
	entries, err := cache.List(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Path != "" {
			names = append(names, e.Model.Name)
		}
	}
	return names, nil
}

func (a *app) modelsRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "rm MODEL...",
		Short:   "Remove models from the cache",
		Example: "  stylesprint models rm smollm2-360m-instruct",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			cache, err := a.cache(c, a.progress("", "B"))
			if err != nil {
				return err
			}
			for _, name := range args {
				if err := cache.Remove(cmd.Context(), name); err != nil {
					return err
				}
				if !a.quiet {
					fmt.Fprintln(a.stderr, "removed", name)
				}
			}
			return nil
		},
	}
}

func size(bytes int64) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
}
