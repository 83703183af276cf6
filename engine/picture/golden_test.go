package picture

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// How far a JPEG may be from libjpeg-turbo's, in units of a byte: each decoder rounds
// its inverse cosine transform in its own way, and chroma adds to that.
const (
	jpegMost = 4
	jpegMean = 0.1
)

// The goldens are written by tools/parity/clip_images.py.
type goldenFile struct {
	Width, Height int
	RGB           string
	Bytes         string // of JPEG: compressed, base64
	Pixels        string
}

type goldenSet struct {
	Files  map[string]goldenFile
	Resize []struct {
		From, To [2]int
		Seed     int
		RGB      string
	}
	Pad, Pixels []struct {
		From        [2]int
		Seed        int
		RGB, Values string
	}
}

func goldens(t testing.TB) goldenSet {
	t.Helper()
	var g goldenSet
	data, err := os.ReadFile("testdata/golden.json")
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

func bytesOf(values []float32) []byte {
	out := make([]byte, 0, 4*len(values))
	for _, v := range values {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

// drawn is the picture of the same name in the script.
func drawn(width, height, seed int) *Image {
	im := &Image{Width: width, Height: height, Pix: make([]uint8, 3*width*height)}
	im.each(func(dst []uint8, x, y int) {
		for c := range 3 {
			u := uint32((x*73856093 + y*19349663 + c*83492791 + seed*40503) * 2654435761)
			dst[c] = uint8(3*x + 2*y + 40*c)
			if (x/9+y/7)%2 == 0 {
				dst[c] = uint8(u ^ u>>13)
			}
		}
	})
	return im
}

func TestFilesLikePillow(t *testing.T) {
	t.Parallel()
	g := goldens(t)
	names, err := filepath.Glob("testdata/*.*")
	if err != nil || len(names) != len(g.Files)+1 {
		t.Fatalf("%d files for %d goldens, %v", len(names)-1, len(g.Files), err)
	}
	p := CLIP(224)
	for name, want := range g.Files {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		im, err := Decode(data, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if im.Width != want.Width || im.Height != want.Height {
			t.Errorf("%s: %d x %d, want %d x %d", name, im.Width, im.Height, want.Width, want.Height)
			continue
		}
		if strings.HasSuffix(name, ".jpg") {
			checkJPEG(t, name, im, want)
			continue
		}
		if sum(im.Pix) != want.RGB {
			t.Errorf("%s: bytes differ from Pillow's", name)
		}
		values := make([]float32, 3*224*224)
		p.Pixels(values, im, Fit{})
		if sum(bytesOf(values)) != want.Pixels {
			t.Errorf("%s: pixel values differ from CLIPImageProcessor's", name)
		}
	}
}

func checkJPEG(t *testing.T, name string, im *Image, g goldenFile) {
	packed, err := base64.StdEncoding.DecodeString(g.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(z)
	if err != nil || len(want) != len(im.Pix) {
		t.Fatalf("%s: %d bytes, want %d, %v", name, len(im.Pix), len(want), err)
	}
	most, all := 0, 0
	for i, v := range im.Pix {
		d := max(int(v)-int(want[i]), int(want[i])-int(v))
		most, all = max(most, d), all+d
	}
	mean := float64(all) / float64(len(want))
	t.Logf("%s: at most %d, %.3f on average", name, most, mean)
	if most > jpegMost || mean > jpegMean {
		t.Errorf("%s: up to %d and on average %.3f from libjpeg-turbo, want at most %d and %g", name, most, mean, jpegMost, jpegMean)
	}
}

func TestResizeLikePillow(t *testing.T) {
	t.Parallel()
	g := goldens(t)
	if len(g.Resize) < 10 || len(g.Pad) < 5 || len(g.Pixels) < 5 {
		t.Fatal("too few goldens")
	}
	for _, c := range g.Resize {
		im := drawn(c.From[0], c.From[1], c.Seed)
		whole := im.resize(c.To[0], c.To[1], rect{0, 0, c.To[0], c.To[1]})
		if sum(whole.Pix) != c.RGB {
			t.Errorf("%v to %v: bytes differ from Pillow's", c.From, c.To)
		}
		// A window is the same as the part of the whole.
		w := rect{c.To[0] / 3, c.To[1] / 4, max(1, c.To[0]/2), max(1, c.To[1]/3)}
		part := im.resize(c.To[0], c.To[1], w)
		for y := range w.height {
			from := 3 * ((w.y+y)*c.To[0] + w.x)
			if !bytes.Equal(part.Pix[3*y*w.width:][:3*w.width], whole.Pix[from:][:3*w.width]) {
				t.Errorf("%v to %v: row %d of a window differs", c.From, c.To, y)
				break
			}
		}
	}
	for _, c := range g.Pad {
		p := CLIP(64)
		if got := p.Square(drawn(c.From[0], c.From[1], c.Seed), Fit{Pad: true, Colour: [3]uint8{250, 1, 128}}); sum(got.Pix) != c.RGB {
			t.Errorf("%v padded: bytes differ from Pillow's", c.From)
		}
	}
	for _, c := range g.Pixels {
		values := make([]float32, 3*224*224)
		CLIP(224).Pixels(values, drawn(c.From[0], c.From[1], c.Seed), Fit{})
		if sum(bytesOf(values)) != c.Values {
			t.Errorf("%v: pixel values differ from CLIPImageProcessor's", c.From)
		}
	}
}
