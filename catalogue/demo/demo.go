// Package demo holds the demo catalogue: products of an invented retailer, with
// written descriptions and drawn pictures, a slice of it in Traditional Chinese,
// and recorded outputs of invented candidates. All of it is demo data;
// DATASHEET.md says how it was made and what it must not be used for.
//
// Key words: demo data, datasheet, recorded outputs.
//
// The usual path is Products, or ProductsIn for one language. The data are
// compiled in; functions return fresh values and are safe for concurrent use.
package demo

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"stylesprint/catalogue"
)

// The languages of the demo catalogue.
const (
	English            = "en"
	TraditionalChinese = "zh-Hant" // as written in Taiwan
)

//go:embed products.jsonl products.zh-Hant.jsonl care-guide.jsonl labelled.jsonl DATASHEET.md images/*.png recorded/*.jsonl clip
var files embed.FS

// Products returns all products in English, in the order of the file.
func Products() ([]catalogue.Product, error) { return ProductsIn(English) }

// ProductsIn returns the products in a language: all in English, twenty of the
// test products in TraditionalChinese, with "-ZH" after the SKU of the English
// record. Pictures, sizes and prices are those of the English record.
func ProductsIn(language string) ([]catalogue.Product, error) {
	var name string
	switch language {
	case English:
		name = "products.jsonl"
	case TraditionalChinese:
		name = "products.zh-Hant.jsonl"
	default:
		return nil, fmt.Errorf("demo catalogue: no products in %q; there are %s and %s", language, English, TraditionalChinese)
	}
	b, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read demo catalogue: %w", err)
	}
	products, err := catalogue.Import(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read demo catalogue: %w", err)
	}
	return products, nil
}

// Split returns the English products of one split: "train", "validation" or "test".
func Split(name string) ([]catalogue.Product, error) {
	all, err := Products()
	if err != nil {
		return nil, err
	}
	var out []catalogue.Product
	for _, p := range all {
		if p.Split == name {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("demo catalogue: no split %q; there are train, validation and test", name)
	}
	return out, nil
}

// Recording returns the recorded outputs of an invented candidate, in the format
// of docs/formats/dataset.md: "hosted-large" and "hosted-small" describe the test
// products in English, "zh-careful" and "zh-careless" those in TraditionalChinese.
// They were written for this project and are no model's output.
func Recording(name string) ([]byte, error) {
	b, err := files.ReadFile(path.Join("recorded", name+".jsonl"))
	if err != nil {
		return nil, fmt.Errorf("demo data: no recorded outputs %q; there are %s", name, strings.Join(Recordings(), ", "))
	}
	return b, nil
}

// Recordings lists the names that Recording takes.
func Recordings() []string {
	return []string{"hosted-large", "hosted-small", "zh-careful", "zh-careless"}
}

// CLIP is the folder of the demo's own small image-text model, in Hugging Face's
// format. It knows drawn garments only: clip/README.md says how it was trained.
func CLIP() (fs.FS, error) { return fs.Sub(files, "clip") }

// Folder is what Product.Images are paths in.
func Folder() fs.FS { return files }

// Images is the folder of pictures, SKU.png each, 384 by 512 pixels.
func Images() (fs.FS, error) { return fs.Sub(files, "images") }

// CareGuide is the invented house's care guide: advice for a dozen fibres.
func CareGuide() ([]catalogue.CareAdvice, error) {
	b, err := files.ReadFile("care-guide.jsonl")
	if err != nil {
		return nil, fmt.Errorf("read demo care guide: %w", err)
	}
	return catalogue.ImportCareGuide(bytes.NewReader(b))
}

// LabelledQuestions are questions that no field answers, all different, in the order of the file: most have no answer, some
// are answered by a review or by the care guide.
func LabelledQuestions() ([]catalogue.Labelled, error) {
	b, err := files.ReadFile("labelled.jsonl")
	if err != nil {
		return nil, fmt.Errorf("read demo questions: %w", err)
	}
	var out []catalogue.Labelled
	dec := json.NewDecoder(bytes.NewReader(b))
	for dec.More() {
		var u catalogue.Labelled
		if err := dec.Decode(&u); err != nil {
			return nil, fmt.Errorf("read demo questions: question %d: %w", len(out)+1, err)
		}
		out = append(out, u)
	}
	return out, nil
}
