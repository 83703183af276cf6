package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
)

// Rows streams the outputs of runs side by side, ordered by item and repeat. It
// holds one row at a time; the source is read once for each run, all of them at
// once. The stream ends at its first error.
func Rows(ctx context.Context, src Source, runIDs []string, d dataset.Dataset) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		items := make(map[string]*dataset.Item, len(d.Items))
		for i := range d.Items {
			items[d.Items[i].ID] = &d.Items[i]
		}
		heads := make([]head, len(runIDs))
		for i, id := range runIDs {
			next, stop := iter.Pull2(outputs(ctx, src, id))
			defer stop()
			heads[i].next = next
			if err := heads[i].advance(); err != nil {
				yield(Row{}, err)
				return
			}
		}
		for {
			row, ok, err := nextRow(heads)
			if err == nil && ok {
				err = row.fill(items)
			}
			switch {
			case err != nil:
				yield(Row{}, err)
				return
			case !ok || !yield(row, nil):
				return
			}
		}
	}
}

// head is the next output of one run.
type head struct {
	next func() (evaluate.Output, error, bool)
	out  evaluate.Output
	ok   bool
}

func (h *head) advance() error {
	var err error
	h.out, err, h.ok = h.next()
	return err
}

func before(a, b evaluate.Output) int {
	return cmp.Or(cmp.Compare(a.ItemID, b.ItemID), cmp.Compare(a.Repeat, b.Repeat))
}

// nextRow takes the outputs of the smallest key from all runs that have it.
func nextRow(heads []head) (Row, bool, error) {
	least := -1
	for i := range heads {
		if heads[i].ok && (least < 0 || before(heads[i].out, heads[least].out) < 0) {
			least = i
		}
	}
	if least < 0 {
		return Row{}, false, nil
	}
	row := Row{ItemID: heads[least].out.ItemID, Repeat: heads[least].out.Repeat, Cells: make([]evaluate.Output, len(heads))}
	key := heads[least].out
	for i := range heads {
		if !heads[i].ok || before(heads[i].out, key) != 0 {
			continue
		}
		row.Cells[i] = heads[i].out
		if err := heads[i].advance(); err != nil {
			return Row{}, false, err
		}
	}
	return row, true, nil
}

func (r *Row) fill(items map[string]*dataset.Item) error {
	item, ok := items[r.ItemID]
	if !ok {
		return refuse(fmt.Sprintf("the runs hold an output of item %q, which the dataset does not have", r.ItemID), "give the dataset of the runs")
	}
	r.Family, r.Fields, r.Slices, r.References, r.Images = item.Family, item.Fields, item.Slices, item.References, item.Images
	return nil
}

var errStop = errors.New("stopped")

// outputs turns a source's calls into a stream.
func outputs(ctx context.Context, src Source, runID string) iter.Seq2[evaluate.Output, error] {
	return func(yield func(evaluate.Output, error) bool) {
		stopped := false
		err := src.Outputs(ctx, runID, func(o evaluate.Output) error {
			if !yield(o, nil) {
				stopped = true
				return errStop
			}
			return nil
		})
		if err != nil && !stopped {
			yield(evaluate.Output{}, fmt.Errorf("read outputs of run %s: %w", runID, err))
		}
	}
}
