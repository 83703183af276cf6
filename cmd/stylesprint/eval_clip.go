package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/catalogue/demo"
	"stylesprint/evaluate/metric"
)

// pictureFlags are what metrics that look at pictures need beside the dataset.
type pictureFlags struct {
	clip   string // model or folder
	images string // folder; "": beside the dataset's file, or the demo's own
}

func (p *pictureFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.clip, "clip", "", "the image-text model of the clip metrics: a name of `models list`, a folder, or demo, which knows drawn garments only (default for the demo's data)")
	cmd.Flags().StringVar(&p.images, "images", "", "folder that the items' pictures are paths in (default: that of the dataset's file)")
}

// needsPictures tells whether one of the metrics looks at pictures.
func needsPictures(metrics []string) bool {
	return slices.ContainsFunc(metrics, func(name string) bool { info, _ := metric.Describe(name); return info.NeedsImages })
}

// demoCLIP is the name of the small model that is compiled in.
const demoCLIP = "demo"

// folder is where the pictures of a dataset lie.
func (p pictureFlags) folder(dataset string) fs.FS {
	switch {
	case p.images != "":
		return os.DirFS(p.images)
	case isDemo(dataset):
		return demo.Folder()
	}
	return os.DirFS(filepath.Dir(dataset))
}

// openPictures completes parts for metrics that look at pictures; the caller closes what it returns.
func (a *app) openPictures(ctx context.Context, parts *evalParts, p pictureFlags, dataset string) (io.Closer, error) {
	if p.clip == "" && isDemo(dataset) {
		p.clip = demoCLIP
	}
	if p.clip == "" {
		return nil, usageError{&stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "clip",
			Message: "metrics that compare texts with pictures need --clip, an image-text model", Hint: "stylesprint models list"}}
	}
	model, err := a.openCLIP(ctx, p.clip, string(stylesprint.Exact))
	if err != nil {
		return nil, err
	}
	parts.clip, parts.images = metric.NewCLIPCache(model), p.folder(dataset)
	return model, nil
}
