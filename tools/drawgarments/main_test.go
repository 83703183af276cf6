package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

const demo = "../../catalogue/demo"

// The pictures of the demo catalogue are what the tool draws today, and no others lie beside them.
func TestPicturesAreCurrent(t *testing.T) {
	t.Parallel()
	f, err := os.Open(filepath.Join(demo, "products.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var p product
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		want, err := render(p)
		if err != nil {
			t.Errorf("%s: %v", p.SKU, err)
			continue
		}
		got, err := os.ReadFile(filepath.Join(demo, "images", p.SKU+".png"))
		if err != nil {
			t.Error(err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("%s.png is not what the tool draws; run go run ./tools/drawgarments", p.SKU)
		}
	}
	files, err := filepath.Glob(filepath.Join(demo, "images", "*"))
	if err != nil || len(files) != n {
		t.Errorf("%d pictures for %d products, %v", len(files), n, err)
	}
}

func TestUnknownGarmentIsNamed(t *testing.T) {
	t.Parallel()
	for _, p := range []product{{Name: "Zed Spacesuit", Colour: "white"}, {Name: "Zed Wrap Dress", Colour: "ultraviolet"}} {
		if _, err := render(p); err == nil {
			t.Errorf("%+v was drawn", p)
		}
	}
}
