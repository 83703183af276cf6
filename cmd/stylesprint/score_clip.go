package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/catalogue/demo"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/engine"
	"stylesprint/engine/picture"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
)

// clipFlags are the flags of `score clip`.
type clipFlags struct {
	model      string
	images     string
	captions   string
	references string
	precision  string
	prefix     string
	padding    bool
	padColour  string
	windows    bool
}

func (a *app) scoreCLIPCommand() *cobra.Command {
	var f clipFlags
	cmd := &cobra.Command{
		Use:   "clip --model NAME|FOLDER --images DIR --captions FILE",
		Short: "How well captions fit their pictures: CLIPScore in its usual forms",
		Long: `Scores captions against their pictures with a CLIP model: one line a picture, then a summary.

FILE has lines of an image's file name in DIR, a tab, and its caption. --references names such a file of
captions by people, of which a picture may have several (repeat its line).

clip is 100 times the cosine, as torchmetrics gives it; clip_s is Hessel's 2.5 max(cosine, 0) with the
prefix "A photo depicts ", ref_clip_s his RefCLIPScore. delta is the reference's clip less the caption's:
negative means that the caption beats the reference. tokens counts a whole caption, truncated what the model
did not read of it (it reads 77 with its marks); --windows scores long copy sentence by sentence. The summary
has 95 % intervals by a bootstrap over the pictures, and a control: the same captions on pictures exchanged at random.`,
		Example: "  stylesprint score clip --model fashion-clip --images images --captions generated.tsv --references human.tsv --json\n  stylesprint score clip --model ./my-clip --images images --captions generated.tsv --padding --windows",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.scoreCLIP(cmd.Context(), f)
		},
	}
	s := cmd.Flags()
	s.StringVar(&f.model, "model", "", "a model of the registry (stylesprint models list), a folder in the manner of Hugging Face, or demo, which knows drawn garments only")
	s.StringVar(&f.images, "images", "", "folder of JPEG, PNG or WebP pictures")
	s.StringVar(&f.captions, "captions", "", "file of lines: image file name, tab, caption")
	s.StringVar(&f.references, "references", "", "file of the same form with captions by people")
	s.StringVar(&f.precision, "precision", string(stylesprint.Exact), "exact or fast")
	s.StringVar(&f.prefix, "prefix", "", "text before every caption and reference for clip, delta and windows, such as \"a photo of \"")
	s.BoolVar(&f.padding, "padding", false, "pad pictures to squares, so that all of them is seen, instead of cutting the middle out")
	s.StringVar(&f.padColour, "padding-colour", "ffffff", "colour of the padding, red, green and blue in hexadecimal")
	s.BoolVar(&f.windows, "windows", false, "score the sentences of every caption, too")
	for _, name := range []string{"model", "images", "captions"} {
		_ = cmd.MarkFlagRequired(name)
	}
	return cmd
}

func (f clipFlags) fit() (picture.Fit, error) {
	rgb, err := hex.DecodeString(strings.TrimPrefix(f.padColour, "#"))
	if err != nil || len(rgb) != 3 {
		return picture.Fit{}, usagef("--padding-colour: want six hexadecimal digits such as ffffff, got %q", f.padColour)
	}
	if !f.padding {
		return picture.Fit{}, nil
	}
	return picture.Fit{Pad: true, Colour: [3]uint8(rgb)}, nil
}

func (a *app) scoreCLIP(ctx context.Context, f clipFlags) error {
	fit, err := f.fit()
	if err != nil {
		return err
	}
	if f.precision != string(stylesprint.Exact) && f.precision != string(stylesprint.Fast) {
		return usagef("--precision: want exact or fast, got %q", f.precision)
	}
	if info, err := os.Stat(f.images); err != nil || !info.IsDir() {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("--images: %s is not a folder", f.images), Hint: "name the folder that holds the pictures", Err: err}
	}
	folder := os.DirFS(f.images)
	table, err := readCaptions(f.captions, f.references, folder)
	if err != nil {
		return err
	}
	model, err := a.openCLIP(ctx, f.model, f.precision)
	if err != nil {
		return err
	}
	defer model.Close()
	p := a.progress("pictures", "")
	items, summary, err := metric.ReportCLIP(ctx, model, folder, table.inputs, metric.CLIPReportOptions{
		CLIPOptions: metric.CLIPOptions{Prefix: f.prefix, Fit: fit}, Windows: f.windows,
		Progress: func(done, total int) { p.update(int64(done), int64(total)) },
	})
	p.end()
	for _, line := range table.blank {
		fmt.Fprintf(a.stderr, "Warning: %s, line %d has an empty text; it scores 0\n", line.file, line.number)
	}
	if err != nil {
		return table.locate(err)
	}
	return a.printCLIP(items, summary)
}

// openCLIP opens an image-text model of the registry or of a folder, or the demo's.
func (a *app) openCLIP(ctx context.Context, name, precision string) (*engine.CLIP, error) {
	c, err := a.config()
	if err != nil {
		return nil, err
	}
	if name == demoCLIP {
		folder, err := demo.CLIP()
		if err != nil {
			return nil, err
		}
		return engine.OpenCLIPFS(ctx, folder, "stylesprint-demo-clip", engineOptions(c, config.Model{}, precision))
	}
	local, err := a.ensure(ctx, c, name)
	if err != nil {
		return nil, err
	}
	m, err := engine.OpenCLIP(ctx, local.Path, engineOptions(c, config.Model{}, precision))
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("%s is not a CLIP model that can be used", name),
			Hint: "name a model with the task image-text: stylesprint models list", Err: err}
	}
	return m, nil
}

func (a *app) printCLIP(items []metric.CLIPItem, s metric.CLIPSummary) error {
	out := bufio.NewWriter(a.stdout)
	if a.json {
		for i := range items {
			if err := printJSONTo(out, items[i]); err != nil {
				return err
			}
		}
		if err := printJSONTo(out, s); err != nil {
			return err
		}
		return out.Flush()
	}
	header := []string{"IMAGE", ">CLIP", ">CLIP-S", ">TOKENS", ">CUT"}
	if s.Delta != nil {
		header = append(header, ">REFERENCE", ">DELTA", ">REFCLIP-S")
	}
	if s.Windows != nil {
		header = append(header, ">WINDOWS", ">MEAN", ">MIN", "WEAKEST SENTENCE")
	}
	number := func(v float64) string { return fmt.Sprintf("%.3f", v) }
	rows := make([][]string, len(items))
	for i := range items {
		x := &items[i]
		rows[i] = []string{x.Image, number(x.CLIP), fmt.Sprintf("%.4f", x.CLIPS), fmt.Sprint(x.Tokens), fmt.Sprint(x.Truncated)}
		if s.Delta != nil {
			rows[i] = append(rows[i], number(*x.ReferenceCLIP), number(*x.Delta), fmt.Sprintf("%.4f", *x.RefCLIPS))
		}
		if s.Windows != nil {
			rows[i] = append(rows[i], fmt.Sprint(x.Windows.Count), number(x.Windows.Mean), number(x.Windows.Min), x.Windows.Weakest)
		}
	}
	table(out, header, rows)
	fmt.Fprintln(out)
	mean := func(name string, m *metric.CLIPMean) {
		if m == nil {
			return
		}
		interval := ""
		if m.Level > 0 {
			interval = fmt.Sprintf("  (%g %% interval %.4f to %.4f)", 100*m.Level, m.Low, m.High)
		}
		fmt.Fprintf(out, "%-15s %.4f%s\n", name, m.Mean, interval)
	}
	mean("clip", &s.CLIP)
	mean("clip_s", &s.CLIPS)
	mean("ref_clip_s", s.RefCLIPS)
	mean("reference clip", s.Reference)
	mean("delta", s.Delta)
	mean("windows", s.Windows)
	fmt.Fprintf(out, "truncated       %.1f %% of captions", 100*s.Truncated.Captions)
	if s.Truncated.References != nil {
		fmt.Fprintf(out, ", %.1f %% of references", 100**s.Truncated.References)
	}
	fmt.Fprintln(out)
	if c := s.Control; c != nil {
		fmt.Fprintf(out, "control         %.4f on exchanged pictures; the right one scores higher in %.1f %% of %d\n", c.ShuffledMean, 100*c.RightBeatsShuffled, s.Items)
	}
	fmt.Fprintln(out, s.Signatures["clip"])
	return out.Flush()
}

// captionTable is the captions of pictures, in the order of their file.
type captionTable struct {
	inputs []metric.CLIPInput
	places map[string]captionLine // of each picture in the file of captions
	blank  []captionLine
}

// captionLine is a place in a file.
type captionLine struct {
	file   string
	number int
}

func (l captionLine) fault(hint, format string, a ...any) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("%s, line %d: ", l.file, l.number) + fmt.Sprintf(format, a...), Hint: hint}
}

// locate adds the line of a picture that cannot be read.
func (t *captionTable) locate(err error) error {
	var p *picture.Error
	if !errors.As(err, &p) {
		return err
	}
	line, ok := t.places[p.Name]
	if !ok {
		return err
	}
	return line.fault(p.Hint(), "%s", p.Error())
}

const captionForm = "write lines of an image's file name, a tab, and its caption"

// readCaptions reads both files; references may be "". All pictures must be in the folder.
func readCaptions(captions, references string, folder fs.FS) (*captionTable, error) {
	t := &captionTable{places: map[string]captionLine{}}
	at := map[string]int{}
	err := eachCaption(captions, func(line captionLine, image, text string) error {
		if first, ok := t.places[image]; ok {
			return line.fault("keep one line for each picture; references go to --references", "%s has a caption already, in line %d", image, first.number)
		}
		if info, err := fs.Stat(folder, image); err != nil || info.IsDir() {
			return line.fault("check --images and the spelling; names are relative to that folder and have forward slashes", "there is no picture %s", image)
		}
		t.note(line, text)
		t.places[image], at[image] = line, len(t.inputs)
		t.inputs = append(t.inputs, metric.CLIPInput{Image: image, Caption: text})
		return nil
	})
	if err != nil || references == "" {
		return t, err
	}
	err = eachCaption(references, func(line captionLine, image, text string) error {
		i, ok := at[image]
		if !ok {
			return line.fault("give every picture of --references a line in "+captions, "%s has no caption in %s", image, captions)
		}
		t.note(line, text)
		t.inputs[i].References = append(t.inputs[i].References, text)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, in := range t.inputs {
		if len(in.References) == 0 {
			return nil, t.places[in.Image].fault("add a line for it, or leave --references out", "%s has no reference in %s", in.Image, references)
		}
	}
	return t, nil
}

func (t *captionTable) note(line captionLine, text string) {
	if metric.IsBlank(text) {
		t.blank = append(t.blank, line)
	}
}

// eachCaption reads the lines of a file.
func eachCaption(name string, yield func(line captionLine, image, text string) error) error {
	f, err := os.Open(name)
	if err != nil {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "a file of captions cannot be read", Hint: "check the path; " + captionForm, Err: err}
	}
	defer f.Close()
	number := 0
	for text, err := range dataset.Lines(f, name, 0) {
		if err != nil {
			return err
		}
		number++
		line := captionLine{name, number}
		image, caption, ok := strings.Cut(text, "\t")
		if !ok || image == "" {
			return line.fault(captionForm, "there is no tab after an image's name")
		}
		if err := yield(line, image, caption); err != nil {
			return err
		}
	}
	if number == 0 {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: name + " is empty", Hint: captionForm}
	}
	return nil
}
