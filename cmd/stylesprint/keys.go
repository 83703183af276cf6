package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/cmd/stylesprint/config"
)

func (a *app) keysCommand() *cobra.Command {
	return group("keys", "Make, list and revoke the keys of the server", a.keysCreateCommand(), a.keysListCommand(), a.keysRevokeCommand())
}

// actor is who gives the command, for the audit trail.
func (a *app) actor() string {
	if user := a.getenv("USER"); user != "" {
		return "command line (" + user + ")"
	}
	return "command line"
}

// withRing opens the database for one command.
func (a *app) withRing(ctx context.Context, act func(c config.Config, r *access.Ring) error) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	db, err := a.openStore(ctx, c)
	if err != nil {
		return err
	}
	err = act(c, access.NewRing(db, access.RingOptions{Now: a.now}))
	if closed := db.Close(); err == nil {
		err = closed
	}
	return err
}

// keyFlags are a draft as it was typed.
type keyFlags struct {
	name, budget, class, expires string
	scopes, models               []string
	requests, tokens             int
}

func (f keyFlags) draft(now time.Time) (access.Draft, error) {
	d := access.Draft{Name: f.name, Models: f.models, RequestsPerMinute: f.requests, TokensPerMinute: f.tokens, Class: f.class}
	for _, s := range f.scopes {
		d.Scopes = append(d.Scopes, access.Scope(s))
	}
	if f.budget != "" {
		if err := d.MonthlyBudget.UnmarshalJSON([]byte(f.budget)); err != nil {
			return d, usagef("--monthly-budget: want an amount such as 25 or 0.50, got %q", f.budget)
		}
	}
	var err error
	if d.Expires, err = parseExpiry(f.expires, now); err != nil {
		return d, err
	}
	if err := d.Validate(now); err != nil {
		return d, usageError{err}
	}
	return d, nil
}

// parseExpiry reads a number of days ("90d"), a duration ("12h") or the day from which a key
// is dead ("2027-01-31", UTC). Empty is never.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return now.AddDate(0, 0, n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Time{}, usagef("--expires: want days (90d), hours (12h) or a date (2027-01-31), got %q", text)
}

// madeKey is what keys create prints as JSON.
type madeKey struct {
	Secret string `json:"key"`
	access.Key
}

func (a *app) keysCreateCommand() *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use:   "create --name NAME --scope SCOPE",
		Short: "Make a key and print it, this once",
		Long: `Make a key and print it. Only its hash is kept, so this is the only time that it is shown.

Scopes: generate (ask models), evaluate (runs and comparisons), review (blind reviews), audit (audits, and the
audit trail), admin (keys, releases, settings, metrics; includes the others). A key with more than generate also
logs in to the dashboard. From the first key on, the server asks for one, also on loopback.`,
		Example: `  stylesprint keys create --name shop --scope generate
  stylesprint keys create --name shop --scope generate --model smollm2-135m-instruct --requests-per-minute 600 --tokens-per-minute 200000 --monthly-budget 25 --expires 90d
  stylesprint keys create --name "Dana, operations" --scope admin --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d, err := f.draft(a.now())
			if err != nil {
				return err
			}
			return a.withRing(cmd.Context(), func(_ config.Config, r *access.Ring) error {
				before, err := r.List(cmd.Context())
				if err != nil {
					return err
				}
				k, secret, err := r.Create(cmd.Context(), a.actor(), d)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(madeKey{secret.Reveal(), k})
				}
				if _, err := fmt.Fprintln(a.stdout, secret.Reveal()); err != nil {
					return err
				}
				if !a.quiet {
					a.tellOfKey(k, len(before) == 0)
				}
				return nil
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "what people call it")
	fl.StringSliceVar(&f.scopes, "scope", nil, "what it may do: generate, evaluate, review, audit, admin; more than once, or joined by commas")
	fl.StringSliceVar(&f.models, "model", nil, "a model that it may ask for, more than once (default: all)")
	fl.IntVar(&f.requests, "requests-per-minute", 0, "limit, 0 for none")
	fl.IntVar(&f.tokens, "tokens-per-minute", 0, "limit, 0 for none")
	fl.StringVar(&f.budget, "monthly-budget", "", "limit in currency units, of the models' prices (default: none)")
	fl.StringVar(&f.class, "class", "", "group in metrics, and in turns at a local model: "+strings.Join(access.Classes(), ", ")+" (default "+access.Classes()[0]+")")
	fl.StringVar(&f.expires, "expires", "", "when it ends: 90d, 12h or 2027-01-31 (default: never)")
	return cmd
}

// tellOfKey says on stderr what the printed key is.
func (a *app) tellOfKey(k access.Key, first bool) {
	fmt.Fprintf(a.stderr, "%s is made. The line above is shown this once; only its hash is kept.\n", k.ID)
	if first {
		fmt.Fprintln(a.stderr, "It is the first key: from now on the server asks for one, within a second where it runs.")
	}
	if first && !access.Allows(k.Scopes, access.Admin) {
		fmt.Fprintln(a.stderr, "To log in to the dashboard's page of keys, make one with --scope admin, too.")
	}
}

// keyLine is a key with its use, as keys list prints it.
type keyLine struct {
	access.Key
	State    string            `json:"state"`
	Spent    stylesprint.Money `json:"spent_this_month"`
	LastUsed time.Time         `json:"last_used,omitzero"`
}

func (a *app) keysListCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the keys with their limits and what they have spent this month",
		Example: "  stylesprint keys list\n  stylesprint keys list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withRing(cmd.Context(), func(_ config.Config, r *access.Ring) error {
				keys, err := r.List(cmd.Context())
				if err != nil {
					return err
				}
				usage, err := r.Usage(cmd.Context())
				if err != nil {
					return err
				}
				lines := []keyLine{}
				for _, k := range keys {
					lines = append(lines, keyLine{k, k.State(a.now()), usage[k.ID].Spent, usage[k.ID].LastUsed})
				}
				return a.printKeys(lines)
			})
		},
	}
}

func (a *app) printKeys(lines []keyLine) error {
	if a.json {
		return a.printJSON(lines)
	}
	if len(lines) == 0 {
		fmt.Fprintln(a.stderr, "There are no keys: on loopback the server is open. Make one with: stylesprint keys create --name shop --scope generate")
		return nil
	}
	var rows [][]string
	for _, l := range lines {
		scopes := make([]string, len(l.Scopes))
		for i, s := range l.Scopes {
			scopes[i] = string(s)
		}
		rows = append(rows, []string{l.ID, l.Name, l.State, strings.Join(scopes, ","), or(strings.Join(l.Models, ","), "all"), l.Class,
			limitWords(l.RequestsPerMinute), limitWords(l.TokensPerMinute), budgetWords(l.MonthlyBudget), l.Spent.String(), dayWords(l.LastUsed), dayWords(l.Expires)})
	}
	table(a.stdout, []string{"KEY", "NAME", "STATE", "SCOPES", "MODELS", "CLASS", ">REQUESTS/MIN", ">TOKENS/MIN", ">BUDGET/MONTH", ">SPENT", "LAST USED", "EXPIRES"}, rows)
	return nil
}

func limitWords(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

func budgetWords(m stylesprint.Money) string {
	if m == 0 {
		return "-"
	}
	return m.String()
}

func dayWords(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.DateOnly)
}

func (a *app) keysRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke KEY...",
		Short:   "End keys for good; running servers notice within a second",
		Example: "  stylesprint keys revoke key-abcdefghijkl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			for _, id := range ids {
				if strings.HasPrefix(id, access.Prefix) {
					return usagef("a key is revoked by its id (key-...), not by itself; see: stylesprint keys list")
				}
			}
			return a.withRing(cmd.Context(), func(_ config.Config, r *access.Ring) error {
				for _, id := range ids {
					k, err := r.Revoke(cmd.Context(), a.actor(), id)
					if err != nil {
						return err
					}
					if a.json {
						if err := a.printJSON(k); err != nil {
							return err
						}
					} else if !a.quiet {
						fmt.Fprintf(a.stderr, "%s (%s) is revoked since %s\n", k.ID, k.Name, k.Revoked.UTC().Format(time.RFC3339))
					}
				}
				return nil
			})
		},
	}
}
