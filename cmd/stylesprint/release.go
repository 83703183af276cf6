package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/prompt"
	"stylesprint/release"
)

func (a *app) releaseCommand() *cobra.Command {
	return group("release", "Make, gate, promote and roll back what serves customers",
		a.releaseCreateCommand(), a.releaseListCommand(), a.releaseDiffCommand(), a.releaseGateCommand(), a.releasePromoteCommand(), a.releaseRollbackCommand())
}

// releaseBook is the life of releases in a database, told to the audit trail.
func (a *app) releaseBook(db *database) release.Book {
	return release.Book{Store: db, Ledger: db, Trail: releaseTrail{access.NewTrail(db, a.now)}, Now: a.now}
}

// byFlag names who acts.
func (a *app) byFlag(cmd *cobra.Command, by *string) {
	cmd.Flags().StringVar(by, "by", "", "who does this, for the record (default: $USER)")
}

// who is the name that is recorded.
func (a *app) who(by string) string {
	if by = or(by, a.getenv("USER")); by != "" {
		return by
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "command line"
}

// releaseFlags are the flags of release create.
type releaseFlags struct {
	name, prompt              string
	models                    []string
	sampling                  sampling
	policy, disclosure        string
	evaluation, audit, review string
	notes, by, approver       string
}

func (a *app) releaseCreateCommand() *cobra.Command {
	var f releaseFlags
	cmd := &cobra.Command{
		Use:   "create --name NAME --model MODEL",
		Short: "Make a release of models, a prompt, parameters and evidence",
		Long: `Make a release: the models that serve it in the order in which they are asked, a prompt, parameters for requests that give
none, a policy, and the ids of the evaluation, review and audit that it was tested in. It never changes afterwards, and keeps the prompt's text.

With --evaluation the model, the prompt and the parameters are those of the run, as far as flags do not say otherwise. The same content again is the same release.`,
		Example: "  stylesprint release create --name \"brand voice\" --evaluation brand-voice\n  stylesprint release create --name \"brand voice, hosted\" --model hosted --model smollm2-135m-instruct --prompt brand-voice --temperature 0.3",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				r, err := a.draftRelease(cmd, c, db, f)
				if err != nil {
					return err
				}
				made, known, err := a.releaseBook(db).Create(cmd.Context(), r)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(made)
				}
				if known {
					_, err = fmt.Fprintf(a.stdout, "%s has this content already: %s\n", made.ID, made.Name)
					return err
				}
				_, err = fmt.Fprintf(a.stdout, "%s  %s  %s\n", made.ID, made.ShortHash(), made.Name)
				return err
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.name, "name", "", "what people call it")
	fl.StringArrayVar(&f.models, "model", nil, "an entry of models in the configuration; repeat it for those that are asked when the first fails")
	fl.StringVar(&f.prompt, "prompt", "", "a template of `prompt list`, or a file; none is for clients that send whole prompts")
	fl.StringVar(&f.policy, "policy", "", "version of the content safety policy")
	fl.StringVar(&f.disclosure, "disclosure", "", "what customers are told of the text's origin")
	fl.StringVar(&f.evaluation, "evaluation", "", "the run that tested it: an id, or a candidate's name for its newest run")
	fl.StringVar(&f.audit, "audit", "", "the audit that tested it")
	fl.StringVar(&f.review, "review", "", "the blind review that tested it")
	fl.StringVar(&f.notes, "notes", "", "what else is to be known")
	fl.StringVar(&f.approver, "approver", "", "who approved it")
	a.byFlag(cmd, &f.by)
	f.sampling.flags(cmd)
	return cmd
}

// draftRelease makes a release of flags, and of the evaluation that they name.
func (a *app) draftRelease(cmd *cobra.Command, c config.Config, db *database, f releaseFlags) (release.Release, error) {
	ctx := cmd.Context()
	r := release.Release{Name: f.name, Targets: f.models, Policy: release.Policy{Version: f.policy, Disclosure: f.disclosure},
		Evidence: release.Evidence{Audit: f.audit}, Notes: f.notes, CreatedBy: a.who(f.by), Approver: f.approver}
	params := f.sampling.params(cmd)
	if !cmd.Flags().Changed("temperature") {
		params.Temperature = nil
	}
	if !cmd.Flags().Changed("max-tokens") {
		params.MaxTokens = nil
	}
	promptName := f.prompt
	if f.evaluation != "" {
		run, err := runNamed(ctx, db, f.evaluation)
		if err != nil {
			return r, err
		}
		r.Evidence.Evaluation = run.ID
		seeded := params.Seed
		params = params.Or(run.Candidate.Params)
		params.Seed = seeded // a run's seed would give every customer the same draw
		promptName = or(promptName, run.Candidate.Prompt)
		if len(r.Targets) == 0 {
			r.Targets = []string{configuredAs(c, run.Candidate.Model)}
		}
		r.Model = run.Candidate.Model // with the hash of the weights that were tested
	}
	if f.review != "" {
		if _, err := db.ReviewBook(ctx, f.review); err != nil {
			return r, err
		}
		r.Evidence.Review = f.review
	}
	r.Params = release.Params(params)
	if len(r.Targets) > 0 {
		ref, err := a.modelRef(c, r.Targets[0])
		if err != nil {
			return r, err
		}
		if ref.String() != r.Model.String() {
			r.Model = ref
		}
		if err := canServe(c, r); err != nil {
			return r, err
		}
	}
	if promptName != "" {
		t, text, err := templateText(promptName)
		if err != nil {
			return r, err
		}
		r.Prompt = release.Prompt{Name: t.Name, Hash: t.Hash, Text: text}
	}
	return r, nil
}

// configuredAs is the name of the entry of models that stands for a model of a run, or the
// model's own name.
func configuredAs(c config.Config, ref stylesprint.ModelRef) string {
	for _, m := range c.Models {
		if m.Provider == ref.Provider && (m.Name == ref.Name || m.Provider == "openai" && m.Model == ref.Name) {
			return m.Name
		}
	}
	return ref.Name
}

// modelRef names a configured model as runs do, without opening it.
func (a *app) modelRef(c config.Config, name string) (stylesprint.ModelRef, error) {
	for _, m := range c.Models {
		if m.Name != name {
			continue
		}
		if m.Provider == "openai" {
			return stylesprint.ModelRef{Provider: m.Provider, Name: m.Model}, nil
		}
		ref := stylesprint.ModelRef{Provider: m.Provider, Name: m.Name}
		cache, err := a.cache(c, a.progress("", "B"))
		if err != nil {
			return ref, err
		}
		if local, here, err := cache.Find(m.Model); err == nil && here {
			ref.Revision = local.Model.Revision
		}
		return ref, nil
	}
	return stylesprint.ModelRef{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "model", Message: fmt.Sprintf("the configuration has no model %q", name),
		Hint: "name an entry of models with --model, or add one to the configuration"}
}

// templateText finds a template with the text that it is made of.
func templateText(name string) (prompt.Template, string, error) {
	t, err := template(name)
	if err != nil {
		return t, "", err
	}
	if text, ok := prompt.BuiltinText(t.Name); ok {
		if same, err := prompt.Parse([]byte(text)); err == nil && same.Hash == t.Hash {
			return t, text, nil
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return t, "", fmt.Errorf("read prompt: %w", err)
	}
	return t, string(b), nil
}

// runNamed finds a run by its id, or a candidate's newest run.
func runNamed(ctx context.Context, db *database, name string) (evaluate.Run, error) {
	ids, err := runIDs(ctx, db, []string{name})
	if err != nil {
		return evaluate.Run{}, err
	}
	return db.Run(ctx, ids[0])
}

func (a *app) releaseListCommand() *cobra.Command {
	var history bool
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List releases with where they stand, or who served which route when",
		Example: "  stylesprint release list\n  stylesprint release list --history", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(_ config.Config, db *database) error {
				if history {
					return a.printHistory(cmd.Context(), db)
				}
				list, err := a.releaseBook(db).Standings(cmd.Context(), release.Filter{Limit: limit})
				if err != nil {
					return err
				}
				return a.printReleases(list)
			})
		},
	}
	cmd.Flags().BoolVar(&history, "history", false, "who served which route when")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many, the newest")
	return cmd
}

func (a *app) printReleases(list []release.Standing) error {
	if a.json {
		if list == nil {
			list = []release.Standing{}
		}
		return a.printJSON(list)
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.stdout, "There is no release yet. Make one: stylesprint release create --name NAME --evaluation RUN")
		return err
	}
	var rows [][]string
	for _, s := range list {
		rows = append(rows, []string{s.ID, string(s.State), servesWords(s.Serves), s.Name, strings.Join(s.Targets, ", "), s.Prompt.Version(), s.Created.UTC().Format("2006-01-02 15:04"), s.CreatedBy})
	}
	table(a.stdout, []string{"RELEASE", "STATE", "SERVES", "NAME", "MODELS", "PROMPT", "CREATED", "BY"}, rows)
	return nil
}

func servesWords(parts []release.Part) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = fmt.Sprintf("%d %% of %s", p.Percent, p.Route)
		if p.Percent == 100 {
			words[i] = "all of " + p.Route
		}
	}
	return strings.Join(words, ", ")
}

func (a *app) printHistory(ctx context.Context, db *database) error {
	all, err := db.Assignments(ctx, "")
	if err != nil {
		return err
	}
	if a.json {
		if all == nil {
			all = []release.Assignment{}
		}
		return a.printJSON(all)
	}
	var rows [][]string
	for _, h := range all {
		what := string(h.Kind)
		if h.Forced {
			what += " (forced)"
		}
		rows = append(rows, []string{h.Route, h.At.UTC().Format("2006-01-02 15:04:05"), what, h.Release, release.Words(h.Shares), h.By, h.Reason})
	}
	table(a.stdout, []string{"ROUTE", "TIME", "ACT", "RELEASE", "SERVES THEN", "BY", "REASON"}, rows)
	return nil
}

func (a *app) releasePromoteCommand() *cobra.Command {
	var p release.Promotion
	cmd := &cobra.Command{
		Use:   "promote RELEASE --route ROUTE",
		Short: "Give a release all of a route's traffic, or a share",
		Long: `Give a release all of a route's traffic, or a share; the others keep what is left, in proportion. Running servers take it up within a second,
without a restart; answers that have begun end as they began. A release that has not met its gate is refused, unless --force and a reason
are given, which are recorded.`,
		Example: "  stylesprint release promote r2 --route writer --percent 10\n  stylesprint release promote r2 --route writer",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Release, p.By = args[0], a.who(p.By)
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				if err := routeKnown(c, p.Route); err != nil {
					return err
				}
				r, err := db.Release(cmd.Context(), p.Release)
				if err != nil {
					return err
				}
				if err := canServe(c, r); err != nil {
					return err
				}
				done, err := a.releaseBook(db).Promote(cmd.Context(), p)
				return a.printAssignment(done, err)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&p.Route, "route", "", "the public name: a route of the configuration, or a model that writes")
	fl.IntVar(&p.Percent, "percent", 100, "share of the traffic, 1 to 100")
	fl.StringVar(&p.Reason, "reason", "", "why, for the record")
	fl.BoolVar(&p.Force, "force", false, "although the release has not met its gate; needs --reason")
	a.byFlag(cmd, &p.By)
	_ = cmd.MarkFlagRequired("route") // the flag is there
	return cmd
}

func (a *app) releaseRollbackCommand() *cobra.Command {
	var u release.Undo
	cmd := &cobra.Command{
		Use:   "rollback --route ROUTE",
		Short: "Take the release that was promoted last from a route; what served before serves again",
		Long: `Take the release that was promoted last from a route, whatever its share, and bring back what served before it. A second rollback goes one
release further back, in the end to what the configuration file says. Running servers take it up within a second.`,
		Example: "  stylesprint release rollback --route writer --reason \"wrong sizes\"",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			u.By = a.who(u.By)
			return a.withStore(cmd.Context(), func(_ config.Config, db *database) error {
				done, err := a.releaseBook(db).Rollback(cmd.Context(), u)
				return a.printAssignment(done, err)
			})
		},
	}
	cmd.Flags().StringVar(&u.Route, "route", "", "the public name")
	cmd.Flags().StringVar(&u.Reason, "reason", "", "why, for the record")
	a.byFlag(cmd, &u.By)
	_ = cmd.MarkFlagRequired("route") // the flag is there
	return cmd
}

func (a *app) printAssignment(done release.Assignment, err error) error {
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(done)
	}
	_, err = fmt.Fprintf(a.stdout, "%s is served by %s\n", done.Route, release.Words(done.Shares))
	return err
}
