package main

import (
	"testing"

	"stylesprint/catalogue"
	"stylesprint/catalogue/demo"
	"stylesprint/engine"
	"stylesprint/engine/picture"
	"stylesprint/evaluate/metric"
)

// The demo's own CLIP tells the held-out products apart: a caption fits its own
// picture better than another product's. Labels name garment and colour; the written
// copy speaks of much that cannot be seen.
func TestDemoCLIPTellsPicturesApart(t *testing.T) {
	t.Parallel()
	folder, err := demo.CLIP()
	if err != nil {
		t.Fatal(err)
	}
	model, err := engine.OpenCLIPFS(t.Context(), folder, "stylesprint-demo-clip", engine.Options{Precision: engine.Exact})
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	products, err := demo.Split("test")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		caption func(catalogue.Product) string
		least   float64 // share of (caption, other picture) in which the right picture wins
	}{
		{"label", func(p catalogue.Product) string { return p.Name + " in " + p.Colour }, 0.95},
		{"first description", func(p catalogue.Product) string { return p.Descriptions[0] }, 0.90},
	} {
		var inputs []metric.CLIPInput
		for _, p := range products {
			inputs = append(inputs, metric.CLIPInput{Image: p.Images[0], Caption: c.caption(p)})
		}
		right, all := rivals(t, model, inputs)
		if share := float64(right) / float64(all); share < c.least {
			t.Errorf("%s: the right picture wins in %d of %d cases (%.3f), want %.2f", c.name, right, all, share, c.least)
		}
		_, sum, err := metric.ReportCLIP(t.Context(), model, demo.Folder(), inputs, metric.CLIPReportOptions{})
		if err != nil || sum.Control == nil || sum.Control.RightBeatsShuffled < 0.9 {
			t.Errorf("%s: control %+v, %v", c.name, sum.Control, err)
		}
	}
}

// rivals counts the pairs of a caption and another item's picture in which the
// caption's own picture has the higher cosine.
func rivals(t *testing.T, model *engine.CLIP, inputs []metric.CLIPInput) (right, all int) {
	t.Helper()
	var texts, names []string
	for _, in := range inputs {
		texts, names = append(texts, in.Caption), append(names, in.Image)
	}
	words, err := model.EncodeTexts(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	pictures, err := model.EncodeImages(t.Context(), demo.Folder(), names, picture.Fit{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range words {
		own := dot(words[i].Vector, pictures[i])
		for j := range pictures {
			if j != i {
				all++
				if own > dot(words[i].Vector, pictures[j]) {
					right++
				}
			}
		}
	}
	return right, all
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
