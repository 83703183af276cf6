// Package openai asks any server with an OpenAI-compatible /embeddings for vectors.
//
// Key words: input, index, base64.
//
// The usual path is
//
//	d, err := openai.New(openai.Options{APIKey: key, Model: "text-embedding-3-small"})
//	c := embedding.New(d, embedding.Options{Price: price})
//
// A server counts the tokens of a whole call; each vector gets a share of them by its
// text's length, and the shares add up to the count. Errors are
// *stylesprint.Error values whose cause is a *wire.StatusError where the server
// said something. Nothing is retried. A Driver is safe for concurrent use.
package openai

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"sync"
	"time"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/generate/openai/wire"
)

// Options say which server to ask.
type Options struct {
	BaseURL      string             // with /v1. Defaults to OpenAI's own server.
	APIKey       stylesprint.Secret // none is sent where it is empty
	Model        string             // required
	Organization string             // optional
	Project      string             // optional
	// Dimensions asks for shorter vectors, from models that can. 0 does not ask.
	Dimensions int
	// Format is how numbers travel: "float", which every server knows, or "base64", a quarter
	// of the bytes. Whatever the server sends is read. Defaults to "float".
	Format string
	// MaxTokens is how long a text the model reads, for Info. 0 is unknown.
	MaxTokens int
	// Extra fields go into every request unchanged, such as "input_type".
	Extra         map[string]json.RawMessage
	HTTPClient    *http.Client  // Defaults to one of our own.
	MaxReplyBytes int64         // Defaults to 64 MiB.
	StallTimeout  time.Duration // longest silence of the server; negative is none. Defaults to 2m.
	Now           func() time.Time
}

// Driver is an embedding.Driver over a remote server.
type Driver struct {
	wire    *wire.Client
	options Options

	mu         sync.Mutex
	dimensions int // 0 until a vector was seen
}

var _ embedding.Driver = (*Driver)(nil)

// New checks the options; it does not call the server.
func New(o Options) (*Driver, error) {
	fault := func(field, message string) error {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: field, Message: message}
	}
	switch {
	case o.Model == "":
		return nil, fault("model", "no model is named")
	case o.Format == "":
		o.Format = "float"
	case o.Format != "float" && o.Format != "base64":
		return nil, fault("format", fmt.Sprintf("format is %q; want float or base64", o.Format))
	}
	if o.Dimensions < 0 {
		return nil, fault("dimensions", fmt.Sprintf("dimensions is %d; want 0 or more", o.Dimensions))
	}
	if o.MaxReplyBytes <= 0 {
		o.MaxReplyBytes = 64 << 20
	}
	w, err := wire.New(wire.Options{
		BaseURL: o.BaseURL, APIKey: o.APIKey, Organization: o.Organization, Project: o.Project,
		HTTPClient: o.HTTPClient, MaxReplyBytes: o.MaxReplyBytes, StallTimeout: o.StallTimeout, Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	return &Driver{wire: w, options: o, dimensions: o.Dimensions}, nil
}

// Embed implements embedding.Driver.
func (d *Driver) Embed(ctx context.Context, texts []string) ([]embedding.Vector, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	body, err := d.encode(texts)
	if err != nil {
		return nil, err
	}
	b, err := d.wire.Post(ctx, "/embeddings", body)
	if err != nil {
		return nil, err
	}
	if err := d.wire.EventError(wire.Event{Data: b}); err != nil {
		return nil, err
	}
	vectors, err := d.decode(b, texts)
	if err != nil {
		return nil, wire.Unusable(d.wire.Host()+" answered with embeddings that cannot be read", err)
	}
	d.mu.Lock()
	d.dimensions = len(vectors[0].Values)
	d.mu.Unlock()
	return vectors, nil
}

func (d *Driver) encode(texts []string) ([]byte, error) {
	fields := map[string]any{}
	for name, value := range maps.All(d.options.Extra) {
		fields[name] = value
	}
	fields["model"] = d.options.Model
	fields["input"] = texts
	fields["encoding_format"] = d.options.Format
	if d.options.Dimensions > 0 {
		fields["dimensions"] = d.options.Dimensions
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the request cannot be written as JSON", Err: err}
	}
	return body, nil
}

func (d *Driver) decode(b []byte, texts []string) ([]embedding.Vector, error) {
	var reply struct {
		Data []struct {
			Index     *int   `json:"index"`
			Embedding vector `json:"embedding"`
		} `json:"data"`
		Usage struct {
			Prompt int `json:"prompt_tokens"`
			Total  int `json:"total_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal(b, &reply); err != nil {
		return nil, err
	}
	if len(reply.Data) != len(texts) {
		return nil, fmt.Errorf("%d vectors for %d texts", len(reply.Data), len(texts))
	}
	vectors := make([]embedding.Vector, len(texts))
	for i, entry := range reply.Data {
		if entry.Index != nil {
			i = *entry.Index
		}
		if i < 0 || i >= len(vectors) || vectors[i].Values != nil {
			return nil, fmt.Errorf("index %d is out of range or comes twice", i)
		}
		if len(entry.Embedding) == 0 {
			return nil, fmt.Errorf("vector %d is empty", i)
		}
		vectors[i].Values = entry.Embedding
	}
	share(vectors, texts, max(reply.Usage.Prompt, reply.Usage.Total, 0))
	return vectors, nil
}

// share splits a count of tokens by the texts' lengths, so that the parts add up.
func share(vectors []embedding.Vector, texts []string, tokens int) {
	var all int
	for _, t := range texts {
		all += len(t)
	}
	if all == 0 {
		return
	}
	seen, given := 0, 0
	for i, t := range texts {
		seen += len(t)
		until := int(math.Round(float64(tokens) * float64(seen) / float64(all)))
		vectors[i].Tokens = until - given
		given = until
	}
}

// vector is a list of numbers or base64 of little-endian float32.
type vector []float32

// UnmarshalJSON implements json.Unmarshaler.
func (v *vector) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '"' {
		return json.Unmarshal(b, (*[]float32)(v))
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	if len(raw)%4 != 0 {
		return fmt.Errorf("%d bytes are no whole float32 numbers", len(raw))
	}
	*v = make(vector, len(raw)/4)
	for i := range *v {
		(*v)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

// Info implements embedding.Driver. Where no vector was seen yet it asks for one, of one word.
func (d *Driver) Info(ctx context.Context) (embedding.Info, error) {
	d.mu.Lock()
	dimensions := d.dimensions
	d.mu.Unlock()
	if dimensions == 0 {
		vectors, err := d.Embed(ctx, []string{"dress"})
		if err != nil {
			return embedding.Info{}, err
		}
		dimensions = len(vectors[0].Values)
	}
	return embedding.Info{
		Ref:        stylesprint.ModelRef{Provider: "openai", Name: d.options.Model},
		Dimensions: dimensions,
		MaxTokens:  d.options.MaxTokens,
	}, nil
}

// Close implements embedding.Driver. It waits for running requests and may be called twice.
func (d *Driver) Close() error {
	d.wire.Close()
	return nil
}
