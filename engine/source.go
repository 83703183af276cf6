package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"stylesprint/engine/hub"
	"stylesprint/engine/nn"
)

// weightFile is an open GGUF or safetensors model.
type weightFile interface {
	Tensor(name string) (hub.Tensor, bool)
	Tensors() []hub.Tensor
	Close() error
}

// source lets the layers read a weight file.
type source struct {
	ctx  context.Context
	file weightFile
}

var _ nn.Source = source{}

func (s source) Tensor(name string) (nn.Tensor, bool) {
	t, ok := s.file.Tensor(name)
	if !ok {
		return nn.Tensor{}, false
	}
	convert := func(dst []float32, from, to int) ([]float32, error) {
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		return t.Slice(from, to).Float32(dst)
	}
	return nn.Tensor{Shape: t.Shape, Type: t.Type.String(), Data: t.Data, Float32: convert}, true
}

func (s source) Names() []string {
	tensors := s.file.Tensors()
	names := make([]string, len(tensors))
	for i, t := range tensors {
		names[i] = t.Name
	}
	return names
}

// location is where a model's parts lie: a GGUF file, or a folder in the
// manner of Hugging Face.
type location struct {
	gguf   string
	folder string
}

// locate tells what kind of model a path is.
func locate(path string) (location, error) {
	info, err := os.Stat(path)
	if err != nil {
		return location{}, err
	}
	if !info.IsDir() {
		if !strings.EqualFold(filepath.Ext(path), ".gguf") {
			return location{}, errors.New("not a .gguf file; give a folder for a model in safetensors")
		}
		return location{gguf: path}, nil
	}
	if fileExists(filepath.Join(path, "config.json")) {
		return location{folder: path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return location{}, err
	}
	var found []string
	for _, e := range entries {
		if strings.EqualFold(filepath.Ext(e.Name()), ".gguf") {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 1:
		return location{gguf: filepath.Join(path, found[0])}, nil
	case 0:
		return location{}, errors.New("the folder has neither a config.json nor a .gguf file")
	}
	return location{}, fmt.Errorf("the folder has several .gguf files (%s); name one of them", strings.Join(found, ", "))
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// openWeights opens the safetensors of a folder.
func (l location) openWeights() (*hub.Safetensors, error) {
	entries, err := os.ReadDir(l.folder)
	if err != nil {
		return nil, err
	}
	pickle, safe := "", false
	for _, e := range entries {
		name := e.Name()
		safe = safe || filepath.Ext(name) == ".safetensors"
		if strings.HasPrefix(name, "pytorch_model") && filepath.Ext(name) == ".bin" {
			pickle = name
		}
	}
	if pickle != "" && !safe {
		return nil, fmt.Errorf("the weights are in %s, a pickle, which can run code and is not read; "+
			"load the model with transformers and save_pretrained it again, which writes model.safetensors", pickle)
	}
	return hub.OpenSafetensors(l.folder)
}

// hash is the SHA-256 of the weights: of the one file, or of the files' own
// hashes in order of name.
func (l location) hash(ctx context.Context) (string, error) {
	if l.gguf != "" {
		return hashFile(ctx, l.gguf)
	}
	if single := filepath.Join(l.folder, "model.safetensors"); fileExists(single) {
		return hashFile(ctx, single)
	}
	entries, err := os.ReadDir(l.folder)
	if err != nil {
		return "", err
	}
	var sums []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".safetensors" {
			continue
		}
		sum, err := hashFile(ctx, filepath.Join(l.folder, e.Name()))
		if err != nil {
			return "", err
		}
		sums = append(sums, e.Name()+"\x00"+sum)
	}
	sort.Strings(sums)
	h := sha256.New()
	for _, s := range sums {
		io.WriteString(h, s[strings.IndexByte(s, 0)+1:])
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(ctx context.Context, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		n, err := f.Read(buf)
		h.Write(buf[:n])
		if err == io.EOF {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", fmt.Errorf("hash %s: %w", path, err)
		}
	}
}

// later runs f on a goroutine; the function it returns waits for the result
// and must be called.
func later[T any](f func() (T, error)) func() (T, error) {
	type result struct {
		value T
		err   error
	}
	c := make(chan result, 1)
	go func() {
		v, err := f()
		c <- result{v, err}
	}()
	return func() (T, error) {
		r := <-c
		return r.value, r.err
	}
}

// readSmall reads a file of a model that is never large; a missing one is empty.
func (l location) readSmall(name string) ([]byte, error) { return readSmall(os.DirFS(l.folder), name) }

func readSmall(folder fs.FS, name string) ([]byte, error) {
	const most = 64 << 20
	f, err := folder.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(b) > most {
		err = fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return b, err
}
