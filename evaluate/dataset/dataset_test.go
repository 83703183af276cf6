package dataset

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"stylesprint"
)

func TestReadJSONL(t *testing.T) {
	t.Parallel()
	text := "\ufeff" + `{"id":"d-1","family":"d","split":"test","fields":{"name":"Linen <dress>","price":79.95,"new":true},"slices":{"category":"dress"},"references":["One.","Two."]}` + "\r\n\r\n" +
		`{"id":2,"reference":"Only one.","fields":{}}`
	d, err := ReadJSONL(strings.NewReader(text), Options{File: "dir/items.jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{
		{ID: "d-1", Family: "d", Split: "test", Fields: map[string]string{"name": "Linen <dress>", "price": "79.95", "new": "true"}, Slices: map[string]string{"category": "dress"}, References: []string{"One.", "Two."}},
		{ID: "2", Fields: map[string]string{}, References: []string{"Only one."}},
	}
	if d.Name != "items" || !reflect.DeepEqual(d.Items, want) {
		t.Errorf("%q %+v", d.Name, d.Items)
	}
	var back strings.Builder
	if err := d.WriteJSONL(&back); err != nil {
		t.Fatal(err)
	}
	again, err := ReadJSONL(strings.NewReader(back.String()), Options{File: "again.jsonl"})
	if err != nil || again.Hash != d.Hash || len(d.Hash) != 64 {
		t.Errorf("hash %s after a round trip, %s before: %v", again.Hash, d.Hash, err)
	}
	if got := d.Only("test"); len(got) != 1 || got[0].ID != "d-1" {
		t.Errorf("test split: %+v", got)
	}
	if len(d.Only("")) != 2 || d.Only("train") != nil {
		t.Error("Only")
	}
}

// TestHashIsStable pins the canonical form: a change would orphan every stored run.
func TestHashIsStable(t *testing.T) {
	t.Parallel()
	items := []Item{
		{ID: "a", Fields: map[string]string{"z": "<&>\u2028", "b": "é"}, References: []string{"r"}},
		{ID: "b", Family: "f", Split: "train", Slices: map[string]string{"colour": "red"}},
	}
	got, err := Hash(items)
	const want = "bd658a22781f26733f0e3a70a22ca0cee344e8d5ea3ee29f987f34b6089767a9"
	if err != nil || got != want {
		t.Errorf("hash %s, want %s (%v)", got, want, err)
	}
	swapped, _ := Hash([]Item{items[1], items[0]})
	if swapped == got {
		t.Error("the order of items must count")
	}
	items[1].Fields, items[1].References = map[string]string{}, []string{}
	if same, _ := Hash(items); same != got {
		t.Error("nil and empty must hash alike")
	}
}

func TestReadCSV(t *testing.T) {
	t.Parallel()
	text := "\ufeffsku,split,reference,reference_2,category,notes\r\n" +
		"A-1,test,\"First, \"\"quoted\"\"\r\nsecond line\",,dress,\r\n" +
		" A-2 ,,Ref,Other,coat,“x”\r\n"
	d, err := ReadCSV(strings.NewReader(text), Options{File: "items.csv", Columns: Columns{ID: "sku", Slices: []string{"category"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{
		{ID: "A-1", Split: "test", Fields: map[string]string{"category": "dress", "notes": ""}, Slices: map[string]string{"category": "dress"}, References: []string{"First, \"quoted\"\nsecond line"}},
		{ID: "A-2", Fields: map[string]string{"category": "coat", "notes": "“x”"}, Slices: map[string]string{"category": "coat"}, References: []string{"Ref", "Other"}},
	}
	if !reflect.DeepEqual(d.Items, want) {
		t.Errorf("%+v", d.Items)
	}
}

func TestReadTSV(t *testing.T) {
	t.Parallel()
	text := "id\tfamily\ttext\tgold\n1\tf\tsay \"hi\"\tone\n\n2\tf\tx\t\n"
	d, err := ReadTSV(strings.NewReader(text), Options{File: "x.tsv", Columns: Columns{References: []string{"gold"}, Fields: []string{"text"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{
		{ID: "1", Family: "f", Fields: map[string]string{"text": `say "hi"`}, References: []string{"one"}},
		{ID: "2", Family: "f", Fields: map[string]string{"text": "x"}, References: []string{}},
	}
	if !reflect.DeepEqual(d.Items, want) {
		t.Errorf("%+v", d.Items)
	}
}

func TestReadParallel(t *testing.T) {
	t.Parallel()
	read := func(refs ...string) (Dataset, error) {
		o := ParallelOptions{Name: "p", Sources: Text{"src.txt", strings.NewReader("one\ntwo")}}
		for i, r := range refs {
			o.References = append(o.References, Text{"ref" + string(rune('0'+i)) + ".txt", strings.NewReader(r)})
		}
		return ReadParallel(o)
	}
	d, err := read("eins\n\n", "uno\ndos\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Item{
		{ID: "000001", Fields: map[string]string{"source": "one"}, References: []string{"eins", "uno"}},
		{ID: "000002", Fields: map[string]string{"source": "two"}, References: []string{"dos"}},
	}
	if !reflect.DeepEqual(d.Items, want) {
		t.Errorf("%+v", d.Items)
	}
	if _, err := read("eins\n"); err == nil || !strings.Contains(err.Error(), "src.txt: has 2 lines and ref0.txt has 1") {
		t.Errorf("unequal lengths: %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	jsonl := func(s string) error {
		_, err := ReadJSONL(strings.NewReader(s), Options{File: "f.jsonl", MaxLine: 200})
		return err
	}
	csv := func(s string) error {
		_, err := ReadCSV(strings.NewReader(s), Options{File: "f.csv", MaxLine: 200})
		return err
	}
	tsv := func(s string) error {
		_, err := ReadTSV(strings.NewReader(s), Options{File: "f.tsv", MaxLine: 200, Columns: Columns{Slices: []string{"colour"}}})
		return err
	}
	for _, c := range []struct {
		read func(string) error
		text string
		want string
	}{
		{jsonl, "", "f.jsonl: holds no items"},
		{jsonl, "\n{", "f.jsonl, line 2: is not JSON: unexpected end of JSON input, at byte 1"},
		{jsonl, `["a"]`, "f.jsonl, line 1: want a JSON object, got an array"},
		{jsonl, `{"id":"a"} x`, "f.jsonl, line 1: is not JSON: invalid character 'x' after top-level value, at byte 12"},
		{jsonl, `{"fields":{}}`, "f.jsonl, line 1, field id: is missing"},
		{jsonl, `{"id":" a"}`, `field id: " a": want at most 256 bytes without space around them`},
		{jsonl, "{\"id\":\"a\"}\n\n{\"id\":\"a\"}", `f.jsonl, line 3, field id: "a" is already used on line 1`},
		{jsonl, `{"id":"a","refrences":["x"]}`, "field refrences: is unknown"},
		{jsonl, `{"id":"a","split":"tset"}`, `field split: "tset": want train, validation, test or nothing`},
		{jsonl, `{"id":"a","references":"x"}`, "field references: want a list of texts, got text"},
		{jsonl, `{"id":"a","references":["x",3]}`, "field references[1]: want text, got a number"},
		{jsonl, `{"id":"a","references":["x"," "]}`, "field references[1]: is empty; leave it out instead"},
		{jsonl, `{"id":"a","fields":{"x":{"y":1}}}`, "field fields.x: want text, got an object"},
		{jsonl, `{"id":null}`, "field id: want text, got null"},
		{jsonl, "{\"id\":\"\xff\"}", "f.jsonl, line 1: is not UTF-8 text; convert the file"},
		{jsonl, `{"id":"` + strings.Repeat("a", 300) + `"}`, "f.jsonl, line 1: has more than 200 bytes"},
		{csv, "", "f.csv: holds no items"},
		{csv, "id,a\n", "f.csv: holds no items"},
		{csv, "sku,a\n1,2\n", "f.csv, line 1, field id: there is no such column; the header has sku, a"},
		{csv, "id,a,a\n1,2,3\n", "f.csv, line 1, field a: columns 2 and 3 have the same name"},
		{csv, "id,a\n1,\"x\ny\"\n2\n", "f.csv, line 4: has 1 cells and the header has 2"},
		{csv, "id,a\n1,\"x\"y\n", "f.csv, line 2: line 2, column 5: extraneous or missing \" in quoted-field"},
		{csv, "id,a\n1,\xff\n", "f.csv, line 2, field a: is not UTF-8 text"},
		{csv, "id,a\n1,\"" + strings.Repeat("x\n", 200<<10), "f.csv: has a record of more than 200 bytes; is a quotation mark missing?"},
		{csv, "id,a\n1,x\n1,y\n", `f.csv, line 3, field id: "1" is already used on line 2`},
		{tsv, "id\tcolour\n1\tred\t\n", "f.tsv, line 2: has 3 cells and the header has 2"},
		{tsv, "id\tcolor\n1\tred\n", "f.tsv, line 1, field colour: there is no such column; the header has id, color"},
	} {
		err := c.read(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%.60q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestFaultsAreCollected(t *testing.T) {
	t.Parallel()
	_, err := ReadJSONL(strings.NewReader(strings.Repeat("{\"x\":1}\n", 50)), Options{File: "f.jsonl"})
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != maxFaults || !strings.Contains(err.Error(), "50 faults, the first 20 of them") {
		t.Errorf("%d faults: %.200v", len(faults), err)
	}
	if stylesprint.HintOf(err) == "" {
		t.Error("no hint")
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	if _, err := New("catalogue", []Item{{ID: "a"}, {ID: "a"}}); err == nil || !strings.Contains(err.Error(), `catalogue, line 2, field id: "a" is already used on line 1`) {
		t.Errorf("%v", err)
	}
	if d, err := New("catalogue", []Item{{ID: "a"}}); err != nil || d.Hash == "" {
		t.Errorf("%v %v", d, err)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var hashes []string
	for name, text := range map[string]string{
		"a.jsonl": `{"id":"1","fields":{"x":"y"},"reference":"r"}`,
		"b.csv":   "id,x,reference\n1,y,r\n",
		"c.TSV":   "id\tx\treference\n1\ty\tr\n",
	} {
		d, err := Open(write(name, text), Options{})
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, d.Hash)
	}
	if hashes[0] != hashes[1] || hashes[1] != hashes[2] {
		t.Errorf("the same items hash to %v", hashes)
	}
	if _, err := Open(write("d.xlsx", ""), Options{}); err == nil || !strings.Contains(err.Error(), `unknown dataset format "xlsx"`) {
		t.Errorf("%v", err)
	}
	if _, err := Open(filepath.Join(dir, "none.csv"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 70<<10) // longer than the buffer
	var got []string
	for line, err := range Lines(strings.NewReader("\ufeffa\r\n\r\n b\rc \u2028\n"+long+"\nend"), "f", 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if want := []string{"a", "", " b\rc \u2028", long, "end"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%.80q", got)
	}
	for _, err := range Lines(strings.NewReader("a\n"+long), "f.txt", 1000) {
		if err != nil && !strings.Contains(err.Error(), "f.txt, line 2: has more than 1000 bytes") {
			t.Error(err)
		}
	}
	boom := errors.New("boom")
	for _, err := range Lines(io.MultiReader(strings.NewReader("a"), errReader{boom}), "f.txt", 0) {
		if !errors.Is(err, boom) {
			t.Error(err)
		}
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestImages(t *testing.T) {
	t.Parallel()
	d, err := ReadJSONL(strings.NewReader(`{"id":"a","fields":{},"references":["x"],"images":["images/a.png","b.png"]}`), Options{File: "f"})
	if err != nil || !slices.Equal(d.Items[0].Images, []string{"images/a.png", "b.png"}) {
		t.Fatalf("%v, %v", d.Items, err)
	}
	if d, err = ReadCSV(strings.NewReader("id,colour,image,reference\na,red,p/a.png,x\nb,blue,,y\n"), Options{File: "f"}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Items[0].Images, []string{"p/a.png"}) || d.Items[1].Images != nil || d.Items[0].Fields["image"] != "" {
		t.Errorf("%+v", d.Items)
	}
	for _, path := range []string{"../a.png", "/etc/a.png", "", "."} {
		if _, err := ReadJSONL(strings.NewReader(`{"id":"a","fields":{},"references":[],"images":["`+path+`"]}`), Options{File: "f"}); err == nil {
			t.Errorf("path %q was taken", path)
		}
	}
}

// Each sees what Open sees: the same items, hash and faults, in every format.
func TestEachIsOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.jsonl":  `{"id":"a","family":"f","fields":{"x":"1"},"references":["r"]}` + "\n\n" + `{"id":"b","slices":{"c":"<&>"}}` + "\n",
		"twice.jsonl": `{"id":"a"}` + "\n" + `{"id":"b"}` + "\n" + `{"id":"a","split":"dev"}` + "\n",
		"none.jsonl":  "\n",
		"torn.jsonl":  `{"id":"a"}` + "\n" + `{"id":` + "\n",
		"good.csv":    "id,x,reference\na,1,r\nb,\"2\n3\",s\n",
		"torn.csv":    "id,x\na,1\nb,\"2\n",
		"short.csv":   "id,x\na\n",
		"good.tsv":    "id\tx\na\t1\nb\t2\n",
		"bad.tsv":     "x\n1\n",
		"bytes.tsv":   "id\na\n\xff\n",
		"what.txt":    "a\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		want, wantErr := Open(path, Options{})
		var items []Item
		got, err := Each(path, Options{}, func(i Item) error { items = append(items, i); return nil })
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: error %v, Open's is %v", name, err, wantErr)
		}
		if err != nil {
			continue
		}
		if got.Hash != want.Hash || got.Name != want.Name || got.Items != len(want.Items) || !reflect.DeepEqual(items, want.Items) {
			t.Errorf("%s: %+v, %+v", name, got, items)
		}
		stop := errors.New("enough")
		if _, err := Each(path, Options{}, func(Item) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("%s: %v after yield returned an error", name, err)
		}
	}
}
