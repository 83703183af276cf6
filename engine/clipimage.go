package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"stylesprint/engine/picture"
)

// maxImageFile is the largest picture file that is read, in bytes.
const maxImageFile = 256 << 20

// EncodeImages turns the named pictures of a folder (JPEG, PNG, WebP) into vectors of
// unit length, in order. A picture that is missing or cannot be read is a
// *picture.Error that names it. No more than a batch of them is in memory at a time.
// When ctx ends, so does the call, within a batch.
func (c *CLIP) EncodeImages(ctx context.Context, folder fs.FS, names []string, fit picture.Fit) ([][]float32, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.calls.Done()
	size, most := c.model.PixelValues(), c.state.Options().Images
	pixels := make([]float32, min(most, len(names))*size)
	out := make([][]float32, 0, len(names))
	for from := 0; from < len(names); from += most {
		batch := names[from:min(from+most, len(names))]
		if err := c.preprocess(ctx, pixels, folder, batch, fit); err != nil {
			return nil, err
		}
		vectors, err := c.encodePixels(ctx, pixels[:len(batch)*size])
		if err != nil {
			return nil, err
		}
		out = append(out, vectors...)
	}
	return out, nil
}

// preprocess reads a batch of pictures, as many side by side as there are cores in
// use, and returns the first error in their order.
func (c *CLIP) preprocess(ctx context.Context, pixels []float32, folder fs.FS, names []string, fit picture.Fit) error {
	size := c.model.PixelValues()
	errs := make([]error, len(names))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(c.machine.Threads(), len(names)) {
		wg.Go(func() {
			for i := range next {
				errs[i] = c.readPixels(pixels[i*size:(i+1)*size], folder, names[i], fit)
			}
		})
	}
	for i := range names {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (c *CLIP) readPixels(dst []float32, folder fs.FS, name string, fit picture.Fit) error {
	data, err := readImage(folder, name)
	if err != nil {
		return err
	}
	im, err := picture.Decode(data, name)
	if err != nil {
		return err
	}
	c.processor.Pixels(dst, im, fit)
	return nil
}

func readImage(folder fs.FS, name string) ([]byte, error) {
	f, err := folder.Open(name)
	if err != nil {
		reason := "it cannot be opened"
		switch {
		case errors.Is(err, fs.ErrNotExist):
			reason = "there is no such file"
		case errors.Is(err, fs.ErrInvalid):
			reason = "the name is not a path inside the folder of pictures"
		}
		return nil, &picture.Error{Name: name, Reason: reason, Advice: "give the folder that the names are relative to, and names with forward slashes", Err: err}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxImageFile+1))
	if err == nil && len(data) > maxImageFile {
		err = fmt.Errorf("it has more than %d MB", maxImageFile>>20)
	}
	if err != nil {
		return nil, &picture.Error{Name: name, Reason: err.Error(), Advice: "check the file", Err: err}
	}
	return data, nil
}
