package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
)

// maxPicture bounds a picture that is sent.
const maxPicture = 20 << 20

// pictureTypes are the kinds of pictures that are sent, by ending.
func pictureTypes() map[string]string {
	return map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".gif": "image/gif"}
}

// errNoPicture is what every address that names no picture gets.
func errNoPicture() error {
	return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "There is no picture of this item"}
}

// sendPicture sends a file of a folder of pictures. The name comes from a dataset,
// never from an address; a path that leaves the folder, or another kind of file, is refused.
func sendPicture(w http.ResponseWriter, folder fs.FS, name, keep string) error {
	mime := pictureTypes()[strings.ToLower(path.Ext(name))]
	if folder == nil || mime == "" || !fs.ValidPath(name) {
		return errNoPicture()
	}
	file, err := folder.Open(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return errNoPicture()
	}
	if err != nil {
		return fmt.Errorf("open a picture: %w", err)
	}
	defer file.Close()
	var b bytes.Buffer
	if n, err := io.Copy(&b, io.LimitReader(file, maxPicture+1)); err != nil || n > maxPicture {
		return errNoPicture()
	}
	w.Header().Set("Content-Type", mime)
	w.Header().Set("Cache-Control", keep)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// image sends the picture of an item of a run's dataset.
func (s *site) image(w http.ResponseWriter, r *http.Request) error {
	if s.o.Images == nil || s.o.Items == nil {
		return errNoPicture()
	}
	run, err := s.o.Runs.Run(r.Context(), r.PathValue("run"))
	if err != nil {
		return err
	}
	items, err := s.o.Items(r.Context(), run, []string{r.URL.Query().Get("item")})
	if err != nil {
		return err
	}
	if len(items) != 1 || len(items[0].Images) == 0 {
		return errNoPicture()
	}
	return sendPicture(w, s.o.Images(run), items[0].Images[0], "private, max-age=3600")
}

// imagePath is the address of the picture of an item.
func imagePath(run evaluate.Run, item string) template.URL {
	return template.URL("/images/" + url.PathEscape(run.ID) + "?" + url.Values{"item": {item}}.Encode()) // encoded here
}

// hasImages says that there are pictures of a run's items.
func (s *site) hasImages(run evaluate.Run) bool {
	return s.o.Images != nil && s.o.Items != nil && s.o.Images(run) != nil
}

// pictureOf returns the address of a row's picture; nil where there are none.
func (s *site) pictureOf(c compare.Comparison) func(compare.Row) template.URL {
	if len(c.Candidates) == 0 || !s.hasImages(c.Candidates[0].Run) {
		return nil
	}
	return func(r compare.Row) template.URL {
		if len(r.Images) == 0 {
			return ""
		}
		return imagePath(c.Candidates[0].Run, r.ItemID)
	}
}
