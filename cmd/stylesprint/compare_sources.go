package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/catalogue/demo"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
)

// options turns the flags into a comparison's options, but for the dataset.
func (f *compareFlags) options() (compare.Options, error) {
	o := compare.Options{Baseline: f.baseline, Primary: f.primary, Metrics: f.metrics, Judged: f.judged, Rule: compare.Rule(f.rule), Against: compare.Against(f.against), SliceMinimum: f.sliceMinimum}
	if f.incumbent != "" {
		if f.baseline != "" && f.baseline != f.incumbent {
			return o, usagef("--baseline %s and --incumbent %s name two candidates; they are one flag with two names", f.baseline, f.incumbent)
		}
		o.Baseline = f.incumbent
	}
	if o.Against == "incumbent" {
		o.Against = compare.AgainstBaseline
	}
	for name, text := range f.margins {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= 0) {
			return o, usagef("--margin %s=%s: want a number of 0 or more, in the metric's unit", name, text)
		}
		if o.Margins == nil {
			o.Margins = map[string]float64{}
		}
		o.Margins[name] = v
	}
	for _, path := range f.reported {
		r, err := readReported(path)
		if err != nil {
			return o, err
		}
		o.Reported = append(o.Reported, r)
	}
	return o, nil
}

func readReported(path string) (compare.Reported, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return compare.Reported{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no file %q of reported figures", path), Hint: "name a .json, .yaml or .csv file; see docs/formats/reported.md"}
	}
	if err != nil {
		return compare.Reported{}, fmt.Errorf("read reported figures: %w", err)
	}
	defer f.Close()
	return compare.ReadReported(f, path)
}

// sources turns the arguments of a comparison into runs: ids and candidates' names are
// looked up, files of recorded outputs are stored as runs and scored.
func (a *app) sources(ctx context.Context, c config.Config, db *database, args []string, f *compareFlags) ([]string, error) {
	var names, files []string
	for _, arg := range args {
		if _, ok := evaluate.RecordFormatOf(arg); ok || strings.HasPrefix(arg, demoRecordings) {
			files = append(files, arg)
		} else {
			names = append(names, arg)
		}
	}
	if len(files) == 0 && len(names) < 2 {
		return nil, usagef("requires at least 2 runs, or a file of recorded outputs of several candidates")
	}
	known, err := runIDs(ctx, db, names)
	if err != nil || len(files) == 0 {
		return known, err
	}
	d, split, err := recordedDataset(ctx, c, db, known, files, f)
	if err != nil {
		return nil, err
	}
	stored, err := a.storeRecorded(ctx, evalParts{config: c, db: db, dataset: d}, files, split, f)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, arg := range args {
		if of, ok := stored[arg]; ok {
			ids = append(ids, of...)
			continue
		}
		ids, known = append(ids, known[0]), known[1:]
	}
	if len(ids) < 2 {
		return nil, usagef("requires at least 2 candidates: %s holds outputs of one alone", files[0])
	}
	return ids, nil
}

// recordedDataset is the dataset that recorded outputs belong to: that of the runs
// beside them, or the one that --dataset names.
func recordedDataset(ctx context.Context, c config.Config, db *database, runs, files []string, f *compareFlags) (dataset.Dataset, string, error) {
	demoOnly := !slices.ContainsFunc(files, func(name string) bool { return !strings.HasPrefix(name, demoRecordings) })
	if len(runs) == 0 {
		name := f.dataset
		if name == "" && demoOnly {
			name = demoName
		}
		if name == "" {
			return dataset.Dataset{}, "", usagef("files of recorded outputs need --dataset, which names their items: demo, or a .jsonl, .csv or .tsv file")
		}
		d, err := loadDataset(name, f.split, 0)
		return d, f.split, err
	}
	run, err := db.Run(ctx, runs[0])
	if err != nil {
		return dataset.Dataset{}, "", err
	}
	d, err := datasets{dir: c.DataDir}.of(run)
	if err != nil || f.dataset == "" {
		return d, run.Split, err
	}
	named, err := loadDataset(f.dataset, f.split, 0)
	if err == nil && named.Hash != d.Hash {
		err = &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("run %s was made with another version of the items than %s holds (%.12s and %.12s)", run.ID, f.dataset, run.DatasetHash, named.Hash), Hint: "leave --dataset out: the run's own items are kept"}
	}
	return d, run.Split, err
}

// storeRecorded makes a run of each candidate in the files, by file. A run that is
// there already is used as it is.
func (a *app) storeRecorded(ctx context.Context, parts evalParts, files []string, split string, f *compareFlags) (map[string][]string, error) {
	all := map[string][]evaluate.Recorded{}
	for _, file := range files { // every fault is told before anything is stored
		list, err := openRecorded(file, parts.dataset.Items)
		if err != nil {
			return nil, err
		}
		all[file] = list
	}
	prices, err := f.priceList()
	if err != nil {
		return nil, err
	}
	priced := map[string]bool{}
	names := f.metrics
	if len(names) == 0 {
		names = defaultMetrics()
	}
	if slices.ContainsFunc(names, metric.NeedsEmbedding) {
		if parts.encoder, err = a.openEmbedder(ctx, parts.config, encoder(parts.config), string(stylesprint.Exact)); err != nil {
			return nil, err
		}
		defer parts.encoder.Close()
	}
	if needsPictures(names) {
		model, err := a.openPictures(ctx, &parts, f.pictures, or(f.dataset, parts.dataset.Name))
		if err != nil {
			return nil, err
		}
		defer model.Close()
	}
	metrics, err := metricsOf(ctx, names, parts)
	if err != nil {
		return nil, err
	}
	if err := keepDataset(parts.config.DataDir, parts.dataset); err != nil {
		return nil, err
	}
	out := map[string][]string{}
	runner := evaluate.Runner{Store: parts.db, Metrics: metrics, Now: a.now}
	for _, file := range files {
		if out[file] != nil {
			continue // named twice: the comparison says so
		}
		for _, r := range all[file] {
			plan := evaluate.Plan{Dataset: parts.dataset, Split: split, Repeat: r.Recording.Repeat(), Recorded: r.Recording,
				Candidate: evaluate.Candidate{Name: r.Candidate, Model: stylesprint.ModelRef{Provider: "recorded", Name: or(r.Model, r.Candidate)}}}
			if price, asked := prices[r.Candidate]; asked {
				known, found, err := runner.Find(ctx, plan)
				if err != nil {
					return nil, err
				}
				plan.Candidate.Price, plan.New = price, found && known.Candidate.Price != price // what was replayed was priced
				priced[r.Candidate] = true
			}
			run, err := runner.Run(ctx, plan)
			if err != nil {
				return nil, fmt.Errorf("store what %s records of %s: %w", file, r.Candidate, err)
			}
			out[file] = append(out[file], run.ID)
		}
	}
	for name := range prices {
		if !priced[name] {
			return nil, usagef("--price %s: no file records outputs of %q", name, name)
		}
	}
	return out, nil
}

// openRecorded reads a file of recorded outputs, or one that is compiled in.
func openRecorded(name string, items []dataset.Item) ([]evaluate.Recorded, error) {
	if !strings.HasPrefix(name, demoRecordings) {
		return evaluate.OpenRecorded(name, items)
	}
	short := strings.TrimPrefix(name, demoRecordings)
	b, err := demo.Recording(short)
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: err.Error(), Hint: "name one of them after demo:, or give a file"}
	}
	return evaluate.ReadRecorded(bytes.NewReader(b), short+".jsonl", evaluate.RecordJSONL, items)
}

// priceList reads --price: "2.5/10", or "2.5/10 EUR", a million tokens in and out.
func (f *compareFlags) priceList() (map[string]stylesprint.Price, error) {
	out := map[string]stylesprint.Price{}
	for name, text := range f.prices {
		amounts, currency, _ := strings.Cut(strings.TrimSpace(text), " ")
		in, after, ok := strings.Cut(amounts, "/")
		x, errIn := strconv.ParseFloat(in, 64)
		y, errOut := strconv.ParseFloat(after, 64)
		if !ok || errIn != nil || errOut != nil || !(x >= 0 && x < 1e9 && y >= 0 && y < 1e9) {
			return nil, usagef("--price %s=%s: want INPUT/OUTPUT for a million tokens each, such as 2.5/10", name, text)
		}
		out[name] = stylesprint.Price{InputPerMillion: x, OutputPerMillion: y, Currency: or(strings.TrimSpace(currency), "USD")}
	}
	return out, nil
}

// reportCommand is the command that writes a report again.
func reportCommand(args []string, f *compareFlags) string {
	words := append([]string{"stylesprint eval report"}, args...)
	for _, x := range []struct{ flag, value string }{{"--dataset", f.dataset}, {"--split", f.split}, {"--rule", f.rule}} {
		if x.value != "" && !(x.flag == "--rule" && x.value == string(compare.RuleBetter)) {
			words = append(words, x.flag, x.value)
		}
	}
	return strings.Join(words, " ")
}
