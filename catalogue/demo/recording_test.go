package demo

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"stylesprint/catalogue"
)

type recorded struct {
	ItemID string `json:"item_id"`
	Text   string `json:"text"`
	Finish string `json:"finish_reason"`
	Source string `json:"source"`
	Usage  struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
	} `json:"usage"`
}

func recording(t *testing.T, name string) []recorded {
	t.Helper()
	b, err := Recording(name)
	if err != nil {
		t.Fatal(err)
	}
	var out []recorded
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		var r recorded
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, r)
	}
	return out
}

// Each recording has one answer to each test product of its language, with usage and its source.
func TestRecordingsCoverTheirItems(t *testing.T) {
	t.Parallel()
	files, err := files.ReadDir("recorded")
	if err != nil || len(files) != len(Recordings()) {
		t.Errorf("%d files, %d recordings, %v", len(files), len(Recordings()), err)
	}
	for _, name := range Recordings() {
		language := English
		if strings.HasPrefix(name, "zh-") {
			language = TraditionalChinese
		}
		ps, err := ProductsIn(language)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]bool{}
		for _, p := range ps {
			if p.Split == catalogue.SplitTest {
				want[p.SKU] = true
			}
		}
		for _, r := range recording(t, name) {
			if !want[r.ItemID] {
				t.Errorf("%s: %s is no test product, or twice", name, r.ItemID)
			}
			delete(want, r.ItemID)
			if strings.TrimSpace(r.Text) == "" || r.Usage.Prompt <= 0 || r.Usage.Completion <= 0 || !strings.HasPrefix(r.Source, "demo data") || (r.Finish != "stop" && r.Finish != "length") {
				t.Errorf("%s: %+v", name, r)
			}
		}
		for sku := range want {
			t.Errorf("%s: no answer to %s", name, sku)
		}
	}
	if _, err := Recording("gpt"); err == nil {
		t.Error("a recording that is not there was found")
	}
}

// The careless candidate claims what no record supports and repeats itself; the careful one does neither.
func TestCarelessClaims(t *testing.T) {
	t.Parallel()
	claims := map[string]int{}
	for _, name := range []string{"zh-careful", "zh-careless"} {
		for _, r := range recording(t, name) {
			for _, claim := range []string{"100% 純棉", "防水", "頂級面料精心打造"} {
				if strings.Contains(r.Text, claim) {
					claims[name+" "+claim]++
				}
			}
		}
	}
	if len(claims) != 3 || claims["zh-careless 100% 純棉"] < 3 || claims["zh-careless 防水"] < 2 || claims["zh-careless 頂級面料精心打造"] < 15 {
		t.Errorf("%v", claims)
	}
}
