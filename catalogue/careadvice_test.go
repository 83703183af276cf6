package catalogue_test

import (
	"errors"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/catalogue"
)

func TestImportCareGuide(t *testing.T) {
	t.Parallel()
	guide, err := catalogue.ImportCareGuide(strings.NewReader("{\"fibre\": \"linen\", \"text\": [\"It creases.\"]}\n\n{\"fibre\": \"wool\", \"text\": [\"It pills.\", \"Air it.\"]}\n"))
	if err != nil || len(guide) != 2 || guide[1].Text[1] != "Air it." {
		t.Fatalf("%+v, %v", guide, err)
	}
	for fibre, about := range map[string]bool{"wool": true, "merino wool": true, "wool felt": true, "cotton": false, "lambswool": false} {
		p := catalogue.Product{Materials: []catalogue.Material{{Fibre: fibre, Percent: 100}}}
		if guide[1].About(p) != about {
			t.Errorf("wool about %s: %t", fibre, !about)
		}
	}
	_, err = catalogue.ImportCareGuide(strings.NewReader("{\"fibre\": \"linen\", \"text\": []}\n{\"fibre\": \"linen\", \"text\": [\"x\"]}\n{\"wool\": 1}\n{\"fibre\": \" x\", \"text\": [\"a\\nb\"]}\n"))
	var faults catalogue.Faults
	if !errors.As(err, &faults) || stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
		t.Fatal(err)
	}
	for i, want := range []string{"line 1: text: is empty", "line 2: fibre: \"linen\" comes twice", "line 3: the line is not valid", "line 4: fibre: begins or ends", "line 4: text[0]: holds a line break"} {
		if !strings.HasPrefix(faults[i].String(), want) {
			t.Errorf("fault %d is %q, want %q", i, faults[i], want)
		}
	}
	if _, err := catalogue.ImportCareGuide(strings.NewReader(strings.Repeat("x", 2<<20))); err == nil {
		t.Error("an endless line is no fault")
	}
}

func FuzzImportCareGuide(f *testing.F) {
	f.Add("{\"fibre\": \"linen\", \"text\": [\"It creases.\"]}\n{")
	f.Fuzz(func(t *testing.T, file string) {
		guide, err := catalogue.ImportCareGuide(strings.NewReader(file))
		for _, a := range guide {
			if err == nil && (a.Fibre == "" || len(a.Text) == 0) {
				t.Errorf("%+v without a fault", a)
			}
		}
	})
}
