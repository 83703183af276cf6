package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"stylesprint"
	"stylesprint/web/report"
)

//go:embed assets/*
var assetFiles embed.FS

// assets are the style sheet, the script and the icon, held in memory. Their
// paths carry their hash, so that a browser keeps them for ever.
type assets struct{ files map[string]file }

type file struct {
	body []byte
	mime string
	hash string
}

func newAssets() (*assets, error) {
	a := &assets{files: map[string]file{}}
	for name, mime := range map[string]string{"frame.css": "text/css; charset=utf-8", "desk.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		b, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			return nil, fmt.Errorf("read asset: %w", err)
		}
		switch name {
		case "frame.css": // pages and reports share the rest
			name, b = "style.css", append([]byte(report.Style()), b...)
			if b, err = withAsset(b, "review.css"); err == nil {
				b, err = withAsset(b, "access.css")
			}
		case "desk.js":
			if b, err = withAsset(b, "live.js"); err == nil {
				b, err = withAsset(b, "review.js")
			}
		}
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		a.files[name] = file{b, mime, hex.EncodeToString(sum[:8])}
	}
	return a, nil
}

// withAsset joins a further file.
func withAsset(b []byte, name string) ([]byte, error) {
	more, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		return nil, fmt.Errorf("read asset: %w", err)
	}
	return append(b, more...), nil
}

func (a *assets) path(name string) string { return "/assets/" + name + "?" + a.files[name].hash }

func (s *site) asset(w http.ResponseWriter, r *http.Request) error {
	return s.sendAsset(w, r, r.PathValue("name"))
}

func (s *site) icon(w http.ResponseWriter, r *http.Request) error {
	return s.sendAsset(w, r, "icon.svg")
}

func (s *site) sendAsset(w http.ResponseWriter, r *http.Request, name string) error {
	f, ok := s.assets.files[name]
	if !ok {
		return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "There is no file " + name}
	}
	h := w.Header()
	h.Set("Content-Type", f.mime)
	h.Set("ETag", `"`+f.hash+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.RawQuery == f.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), f.hash) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if _, err := w.Write(f.body); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}
