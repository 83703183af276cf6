package shard_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/shard"
)

func TestSplitKeepsFamilies(t *testing.T) {
	t.Parallel()
	d := data(t, 300)
	d.Items[5].Split = "train"
	d, err := dataset.New("made", d.Items)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "made.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.WriteJSONL(f), f.Close()); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	o := shard.Options{Folder: folder, Size: 40, Split: "test"}
	set, err := shard.Split(t.Context(), shard.File(path, dataset.Options{}), o)
	if err != nil {
		t.Fatal(err)
	}
	where, seen := map[string]int{}, map[string]bool{}
	for n := range set.Shards {
		s, err := set.Dataset(n + 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range s.Items {
			if seen[item.ID] || item.Split != "test" {
				t.Errorf("%s is there twice, or of another split", item.ID)
			}
			seen[item.ID] = true
			if at, ok := where[item.Family]; item.Family != "" && ok && at != n {
				t.Errorf("family %q is in shards %d and %d", item.Family, at, n)
			}
			where[item.Family] = n
		}
	}
	if len(seen) != 299 || set.Items != 299 || set.Hash != d.Hash || set.Buckets != 8 || set.References != metric.VaryingReferences {
		t.Errorf("%d items; %+v", len(seen), set)
	}
	again, err := shard.Split(t.Context(), shard.Memory(d), o)
	if err != nil || again.Dir != set.Dir || again.Items != set.Items || len(again.Shards) != len(set.Shards) {
		t.Errorf("split again: %+v, %v", again, err)
	}
	if left, err := filepath.Glob(filepath.Join(folder, d.Hash, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := os.WriteFile(filepath.Join(set.Dir, set.Shards[0].File), []byte(`{"id":"x"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := set.Dataset(1); stylesprint.CodeOf(err) != stylesprint.CodeConflict {
		t.Errorf("a changed shard: %v", err)
	}
	if _, err := set.Dataset(0); err == nil {
		t.Error("shard 0 was read")
	}
}

func TestSplitFaults(t *testing.T) {
	t.Parallel()
	d := data(t, 50)
	passes := 0
	changing := func(yield func(dataset.Item) error) (dataset.Summary, error) {
		passes++
		sum, err := shard.Memory(d)(yield)
		sum.Hash += fmt.Sprint(passes)
		return sum, err
	}
	folder := t.TempDir()
	for want, split := range map[string]func() error{
		"was changed while it was read": func() error {
			_, err := shard.Split(t.Context(), changing, shard.Options{Folder: folder, Size: 10})
			return err
		},
		"no items in split": func() error {
			_, err := shard.Split(t.Context(), shard.Memory(d), shard.Options{Folder: folder, Split: "train"})
			return err
		},
		"at least 1": func() error {
			_, err := shard.Split(t.Context(), shard.Memory(d), shard.Options{Folder: folder, Size: -1})
			return err
		},
	} {
		if err := split(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	left, err := filepath.Glob(filepath.Join(folder, "*", "*"))
	hidden, err2 := filepath.Glob(filepath.Join(folder, "*", ".*"))
	if err := errors.Join(err, err2); err != nil || len(left)+len(hidden) > 0 {
		t.Errorf("left behind: %v %v, %v", left, hidden, err)
	}
	set, err := shard.Split(t.Context(), shard.Memory(d), shard.Options{Folder: folder, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"item_id":"item-0001","text":"a"}` + "\n" + `{"item_id":"stranger","text":"a"}`:  `records 1 outputs of items that dataset made does not have, such as "stranger"`,
		`{"item_id":"item-0001","text":"a"}` + "\n" + `{"item_id":"item-0001","text":"a"}`: "recorded twice",
		`{"item_id":"item-0001","text":"a"}` + "\n\n" + `{"item_id":"item-0002"}`:          "outputs.jsonl, line 3",
		"": "holds no recorded outputs",
	} {
		if _, err := shard.SplitRecord(t.Context(), record(text), shard.Memory(d), set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	rec, err := shard.SplitRecord(t.Context(), record(`{"item_id":"item-0001","text":"a"}`), shard.Memory(d), set)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := shard.OpenRecordings(set, "outputs.jsonl", rec.Sum()); err != nil || again.Sum() != rec.Sum() {
		t.Errorf("%v", err)
	}
	if _, err := shard.OpenRecordings(set, "x", strings.Repeat("0", 64)); stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		t.Errorf("%v", err)
	}
}
