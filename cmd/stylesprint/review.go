package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/catalogue/demo"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/review"
	"stylesprint/web"
)

func (a *app) reviewCommand() *cobra.Command {
	return group("review", "Have people judge texts blind, side by side",
		a.reviewCreateCommand(), a.reviewServeCommand(), a.reviewListCommand(), a.reviewInviteCommand(), a.reviewJudgeCommand(), a.reviewCloseCommand(), a.reviewExportCommand())
}

// desk is where reviews are made and judged.
func (a *app) desk(db *database) *review.Desk {
	return &review.Desk{Store: db, Runs: db, Now: a.now}
}

// reviewPages is what the dashboard needs for reviews.
func (a *app) reviewPages(db *database, data datasets) *web.Review {
	return &web.Review{Desk: a.desk(db), Images: reviewImages, Data: func(_ context.Context, r evaluate.Run) (dataset.Dataset, error) { return data.of(r) }}
}

// reviewImages is where the pictures of a review's items are.
func reviewImages(t review.Task) fs.FS {
	switch {
	case t.Images != "":
		return os.DirFS(t.Images)
	case isDemo(t.Dataset):
		return demo.Folder()
	}
	return nil
}

// reviewFlags are the flags of review create.
type reviewFlags struct {
	items, raters, invites, pairs int
	repeats                       float64
	seed                          uint64
	name, images, addr            string
	reuse                         bool
}

func (a *app) reviewCreateCommand() *cobra.Command {
	var f reviewFlags
	cmd := &cobra.Command{
		Use:   "create RUN RUN...",
		Short: "Make a blind side-by-side review of finished runs",
		Long: `Copy the texts of two or more finished runs over the same items into a review, and print a link for each rater. A RUN is an id, or a
candidate's name, which means its newest run. Sides and orders are drawn with the seed, for each rater anew, and the key is sealed until
the review is closed. A pair gets no more votes than --raters, whoever asks. Links are printed this once: only their hashes are kept.`,
		Example: "  stylesprint review create plain brand-voice --items 20 --raters 2\n  stylesprint review create plain brand-voice --raters 3 --invites 6 --repeats 0.1 --seed 7 --name \"Spring texts\" --json",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				return a.reviewCreate(cmd.Context(), c, db, args, f)
			})
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.items, "items", 0, "items to judge, drawn with the seed; 0 is all")
	fl.IntVar(&f.raters, "raters", 2, "votes that each pair of texts gets")
	fl.IntVar(&f.invites, "invites", 0, "raters to invite (default: as many as --raters)")
	fl.IntVar(&f.pairs, "pairs", 0, "with three runs or more: pairs for each item; 0 is all")
	fl.Float64Var(&f.repeats, "repeats", 0.1, "share of a rater's pairs that come again with the sides swapped, 0 to 0.5")
	fl.Uint64Var(&f.seed, "seed", 0, "of the draw of items, orders and sides")
	fl.StringVar(&f.name, "name", "", "what raters see as its name; it must not name a candidate")
	fl.StringVar(&f.images, "images", "", "folder that the items' pictures are paths in (default: the demo's own for the demo catalogue)")
	fl.StringVar(&f.addr, "addr", "", "host:port that the links begin with (default: the server's address)")
	fl.BoolVar(&f.reuse, "reuse", false, "take over the votes that earlier, closed reviews hold on the same texts")
	return cmd
}

// reviewCreated is what review create prints as JSON.
type reviewCreated struct {
	review.Created
	Links []string `json:"links"`
}

func (a *app) reviewCreate(ctx context.Context, c config.Config, db *database, names []string, f reviewFlags) error {
	ids, err := runIDs(ctx, db, names)
	if err != nil {
		return err
	}
	if f.addr != "" {
		c.Addr = f.addr
		if err := c.Validate(); err != nil {
			return usageError{err}
		}
	}
	p := review.Plan{RunIDs: ids, Name: f.name, Items: f.items, Raters: f.raters, Invites: f.invites, PairsPerItem: f.pairs, Repeats: f.repeats, Seed: f.seed, Reuse: f.reuse}
	if p.Images, err = imageFolder(f.images); err != nil {
		return err
	}
	created, err := a.makeReview(ctx, c, db, p)
	if err != nil {
		return err
	}
	out := reviewCreated{created, raterLinks(c.Addr, created.Invites)}
	if a.json {
		return a.printJSON(out)
	}
	t := created.Task
	fmt.Fprintf(a.stdout, "%s  %s: %d pairs, %d votes for each\n", t.ID, t.Name, t.Pairs, t.Raters)
	if t.Same > 0 {
		fmt.Fprintf(a.stdout, "%d pairs have equal texts on both sides: they count as ties and are not shown\n", t.Same)
	}
	switch {
	case created.Reused > 0:
		fmt.Fprintf(a.stdout, "%d votes of earlier reviews on the same texts are taken over\n", created.Reused)
	case created.Offered > 0:
		fmt.Fprintf(a.stdout, "earlier reviews hold votes on %d of the pairs; --reuse takes them over\n", created.Offered)
	}
	for i, link := range out.Links {
		fmt.Fprintf(a.stdout, "rater %d  %s\n", created.Invites[i].Number, link)
	}
	fmt.Fprintf(a.stderr, "Links are shown this once. Serve them with: stylesprint review serve\n")
	return nil
}

// imageFolder checks a folder of pictures and makes its path absolute.
func imageFolder(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", path)
	}
	if err != nil {
		return "", &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "images", Message: "the folder of pictures cannot be used", Hint: "name the folder that the items' image paths begin in", Err: err}
	}
	return filepath.Abs(path)
}

// makeReview finds the items of the runs and makes the task.
func (a *app) makeReview(ctx context.Context, c config.Config, db *database, p review.Plan) (review.Created, error) {
	run, err := db.Run(ctx, p.RunIDs[0])
	if err != nil {
		return review.Created{}, err
	}
	if p.Data, err = (datasets{dir: c.DataDir}).of(run); err != nil {
		return review.Created{}, err
	}
	return a.desk(db).Create(ctx, p)
}

func raterLinks(addr string, invites []review.Invite) []string {
	var out []string
	for _, i := range invites {
		out = append(out, "http://"+addr+"/review/rate/"+i.Code)
	}
	return out
}

// demoReview makes a blind review of runs unless there is one already, and
// returns the path of its page. Links are only known, and only returned, where it was made now.
func (a *app) demoReview(ctx context.Context, c config.Config, db *database, runIDs []string) (path string, links []string, err error) {
	task, found, err := a.desk(db).Find(ctx, runIDs)
	if err != nil {
		return "", nil, err
	}
	if !found {
		created, err := a.makeReview(ctx, c, db, review.Plan{RunIDs: runIDs, Name: "Demo review", Items: 12, Raters: 2, Repeats: .1, Seed: 7})
		if err != nil {
			return "", nil, err
		}
		task, links = created.Task, raterLinks(c.Addr, created.Invites)
	}
	return "/review/tasks/" + task.ID, links, nil
}

func (a *app) reviewListCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "list", Short: "List reviews, newest first", Example: "  stylesprint review list", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd.Context(), func(_ config.Config, db *database) error {
				d := a.desk(db)
				tasks, err := d.Tasks(cmd.Context(), review.Filter{Limit: limit})
				if err != nil {
					return err
				}
				list := []review.Progress{}
				for _, t := range tasks {
					p, err := d.Progress(cmd.Context(), t.ID)
					if err != nil {
						return err
					}
					list = append(list, p)
				}
				return a.printReviews(list)
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "at most this many")
	return cmd
}

func (a *app) printReviews(list []review.Progress) error {
	if a.json {
		return a.printJSON(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.stderr, "There are no reviews yet. Try: stylesprint review create RUN RUN")
		return nil
	}
	var rows [][]string
	for _, p := range list {
		state := "open"
		if !p.Task.Open() {
			state = "closed"
		}
		rows = append(rows, []string{p.Task.ID, p.Task.Name, state, fmt.Sprintf("%d/%d", p.Votes, p.Wanted), strconv.Itoa(p.Task.Pairs), p.Task.Dataset, p.Task.Created.Local().Format("2006-01-02 15:04")})
	}
	table(a.stdout, []string{"REVIEW", "NAME", "STATE", ">VOTES", ">PAIRS", "DATASET", "MADE"}, rows)
	return nil
}

func (a *app) reviewInviteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "invite REVIEW", Short: "Print a link for one more rater", Example: "  stylesprint review invite rev-0123456789abcdef", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(c config.Config, db *database) error {
				invite, err := a.desk(db).Invite(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				link := raterLinks(c.Addr, []review.Invite{invite})[0]
				if a.json {
					return a.printJSON(map[string]any{"number": invite.Number, "code": invite.Code, "link": link})
				}
				_, err = fmt.Fprintf(a.stdout, "rater %d  %s\n", invite.Number, link)
				return err
			})
		},
	}
}

func (a *app) reviewCloseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "close REVIEW",
		Short: "Close a review, open its key, and print what people said",
		Long: `Close a review: no more votes are taken, the key is opened, and the result is printed: who won, with intervals, how far raters agree, and
which metrics go with them. Given again, the command prints the result again.`,
		Example: "  stylesprint review close rev-0123456789abcdef\n  stylesprint review close rev-0123456789abcdef --json", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withStore(cmd.Context(), func(_ config.Config, db *database) error {
				d := a.desk(db)
				if _, err := d.Close(cmd.Context(), args[0]); err != nil {
					return err
				}
				r, err := d.Result(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(r)
				}
				printReview(a.stdout, r)
				return nil
			})
		},
	}
}

func (a *app) reviewExportCommand() *cobra.Command {
	var format, output string
	cmd := &cobra.Command{
		Use:   "export REVIEW",
		Short: "Write the votes of a closed review as CSV or JSON lines",
		Example: "  stylesprint review export rev-0123456789abcdef --output votes.csv\n" +
			"  stylesprint review export rev-0123456789abcdef --format jsonl",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format == "" && filepath.Ext(output) == ".jsonl" {
				format = "jsonl"
			}
			if format = or(format, "csv"); format != "csv" && format != "jsonl" {
				return usagef("--format: want csv or jsonl, got %q", format)
			}
			return a.withStore(cmd.Context(), func(_ config.Config, db *database) error {
				d := a.desk(db)
				write := func(w io.Writer) error {
					if format == "csv" {
						return d.WriteCSV(cmd.Context(), w, args[0])
					}
					return d.WriteJSONL(cmd.Context(), w, args[0])
				}
				if output == "-" {
					return write(a.stdout)
				}
				return writeFile(output, func(f *os.File) error { return write(f) })
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "csv or jsonl (default: by the file's name, else csv)")
	cmd.Flags().StringVar(&output, "output", "-", "file to write; - is standard output")
	return cmd
}
