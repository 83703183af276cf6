package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"stylesprint"
	"stylesprint/catalogue/demo"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/faithfulness"
	"stylesprint/evaluate/shard"
)

// The datasets of the compiled-in demo catalogue: the English one and the
// Traditional Chinese slice.
const (
	demoName   = "demo"
	demoZhName = "demo-zh"
)

func isDemo(name string) bool { return name == demoName || name == demoZhName }

// datasetNote stands with everything made from a dataset.
func datasetNote(name string) string {
	if isDemo(name) {
		return "Demo data: an invented catalogue with references written for this project."
	}
	return ""
}

// loadDataset reads "demo", "demo-zh" or a file, cut to the items of split and to limit where asked.
func loadDataset(name, split string, limit int) (dataset.Dataset, error) {
	var d dataset.Dataset
	var err error
	if isDemo(name) {
		d, err = demoDataset(name)
	} else if d, err = dataset.Open(name, dataset.Options{}); errors.Is(err, fs.ErrNotExist) {
		err = &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no dataset file %q", name), Hint: "name a .jsonl, .csv or .tsv file, or --dataset demo or demo-zh"}
	}
	if err != nil || limit <= 0 {
		return d, err
	}
	items := d.Only(split)
	return dataset.New(d.Name, items[:min(limit, len(items))])
}

// demoDataset turns the demo catalogue, or its Chinese slice, into items: its
// facts are the fields, its descriptions the references.
func demoDataset(name string) (dataset.Dataset, error) {
	language := demo.English
	if name == demoZhName {
		language = demo.TraditionalChinese
	}
	products, err := demo.ProductsIn(language)
	if err != nil {
		return dataset.Dataset{}, err
	}
	items := make([]dataset.Item, 0, len(products))
	for _, p := range products {
		items = append(items, dataset.Item{ID: p.SKU, Family: p.Family, Split: p.Split, Fields: p.Fields(), Slices: p.Slices(), References: p.Descriptions, Images: p.Images})
	}
	return dataset.New(name, items)
}

// demoRecordings marks the recorded outputs of the demo catalogue: "demo:NAME".
const demoRecordings = "demo:"

// demoRecording reads recorded outputs that are compiled in.
func demoRecording(name string) (*evaluate.Recording, error) {
	b, err := demo.Recording(strings.TrimPrefix(name, demoRecordings))
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: err.Error(), Hint: "name one of them after demo:, or give a file"}
	}
	return evaluate.ReadRecording(bytes.NewReader(b), name, 0)
}

// datasetPath is where the items of runs are kept, by hash, so that pages and
// reports can show references whatever has become of the file.
func datasetPath(dir, hash string) string { return filepath.Join(dir, "datasets", hash+".jsonl") }

// keepDataset stores a dataset's items beside the database, whole or not at all.
func keepDataset(dir string, d dataset.Dataset) error {
	path := datasetPath(dir, d.Hash)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return writeFile(path, func(f *os.File) error { return d.WriteJSONL(f) })
}

// writeFile creates a file under a temporary name and renames it once it is whole.
func writeFile(path string, write func(*os.File) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // gone already once renamed
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// pictures is the folder that the pictures of a run's items are paths in; nil: it is not known.
func pictures(run evaluate.Run) fs.FS {
	if isDemo(run.Dataset) {
		return demo.Folder()
	}
	return nil
}

// checker holds texts against records by the embedded rules; nil where they
// cannot be read, which a test of the rules rules out.
func checker() *faithfulness.Checker {
	rules, err := faithfulness.Embedded()
	if err != nil {
		return nil
	}
	return rules.Compile()
}

// datasets finds the items of runs again.
type datasets struct {
	dir  string
	kept *keptDatasets // nil: each is read anew
}

// keptDatasets holds the datasets that were read last, for a server that shows the
// same runs again and again. A dataset's hash is its key, so none is ever stale.
type keptDatasets struct {
	mu   sync.Mutex
	list []dataset.Dataset // newest last
}

// maxKept is how many datasets a server holds.
const maxKept = 4

func (k *keptDatasets) find(run evaluate.Run) (dataset.Dataset, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, d := range k.list {
		if d.Hash == run.DatasetHash && d.Name == run.Dataset {
			return d, true
		}
	}
	return dataset.Dataset{}, false
}

func (k *keptDatasets) add(d dataset.Dataset) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.list = append(k.list, d)
	k.list = k.list[max(0, len(k.list)-maxKept):]
}

// of returns the items of a run, which are not to be changed.
func (d datasets) of(run evaluate.Run) (dataset.Dataset, error) {
	if d.kept == nil {
		return d.read(run)
	}
	if out, ok := d.kept.find(run); ok {
		return out, nil
	}
	out, err := d.read(run)
	if err == nil {
		d.kept.add(out)
	}
	return out, err
}

func (d datasets) read(run evaluate.Run) (dataset.Dataset, error) {
	if isDemo(run.Dataset) {
		if all, err := demoDataset(run.Dataset); err == nil && all.Hash == run.DatasetHash {
			return all, nil
		}
	}
	if run.Parent != "" {
		return shard.Find(filepath.Join(d.dir, "datasets"), run.DatasetHash)
	}
	out, err := dataset.Open(datasetPath(d.dir, run.DatasetHash), dataset.Options{Name: run.Dataset})
	if err != nil {
		return out, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("the items of run %s are not on this machine", run.ID), Hint: "give the eval run command again with the same file", Err: err}
	}
	if out.Hash != run.DatasetHash {
		return out, &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("the kept items of run %s have been changed", run.ID), Hint: "remove " + datasetPath(d.dir, run.DatasetHash) + " and give the eval run command again"}
	}
	return out, nil
}

// items returns those of a run's items that ids names, for pages.
func (d datasets) items(_ context.Context, run evaluate.Run, ids []string) ([]dataset.Item, error) {
	all, err := d.of(run)
	if err != nil {
		return nil, err
	}
	want := make(map[string]bool, len(ids))
	for _, id := range ids {
		want[id] = true
	}
	var out []dataset.Item
	for _, it := range all.Items {
		if want[it.ID] {
			out = append(out, it)
		}
	}
	return out, nil
}
