package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"

	"stylesprint"
	"stylesprint/embedding"
)

// maxInputs is the most texts that one request may hold, as at OpenAI.
const maxInputs = 2048

type embeddingList struct {
	Object string            `json:"object"`
	Data   []embeddingObject `json:"data"`
	Model  string            `json:"model"`
	Usage  embeddingUsage    `json:"usage"`
}

type embeddingObject struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // []float32, or base64 of their little-endian bytes
}

type embeddingUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

// embed answers POST /v1/embeddings.
func (g *Gateway) embed(w http.ResponseWriter, r *http.Request, x *exchange) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	raw := f.rest["input"]
	texts := f.inputs("input")
	name, format, dimensions := f.text("model"), f.text("encoding_format"), f.integer("dimensions")
	f.text("user") // identifies an end user, and changes nothing
	if format != "" && format != "float" && format != "base64" {
		f.fault("encoding_format", "float or base64")
	}
	if err := f.only("input", "model", "encoding_format", "dimensions", "user"); err != nil {
		return err
	}
	m, err := x.live.models.embedder(name, x)
	if err != nil {
		return err
	}
	g.notePrompt(x, string(raw))
	if err := permit(x.caller, m.Name); err != nil {
		return err
	}
	settle, err := g.reserve(r.Context(), x, estimate(texts...))
	if err != nil {
		return err
	}
	var result embedding.Result
	defer func() { settle(result.Usage, result.Cost) }() // also on a panic
	result, err = m.Embed.Embed(r.Context(), texts)
	if err != nil {
		return fromModel(err)
	}
	x.reply(stylesprint.Reply{Usage: result.Usage, Cost: result.Cost})
	out := embeddingList{Object: "list", Data: make([]embeddingObject, len(result.Vectors)), Model: m.Name,
		Usage: embeddingUsage{result.Usage.PromptTokens, result.Usage.PromptTokens}}
	for i, v := range result.Vectors {
		if dimensions != nil && *dimensions != len(v.Values) {
			return unsupported("dimensions", fmt.Sprintf("dimensions is %d; the vectors of %s have %d", *dimensions, m.Name, len(v.Values)), "leave dimensions out")
		}
		out.Data[i] = embeddingObject{Object: "embedding", Index: i, Embedding: v.Values}
		if format == "base64" {
			out.Data[i].Embedding = base64Of(v.Values)
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// inputs takes a text or a list of texts.
func (f *fields) inputs(name string) []string {
	raw := f.rest[name]
	if tokens(raw) {
		f.refuse(name, name+" holds token numbers; send text (in LangChain: check_embedding_ctx_length=False)")
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) == nil && len(items) > maxInputs {
		if f.err == nil {
			f.err = invalid(name, fmt.Sprintf("%s holds %d texts; send at most %d at a time", name, len(items), maxInputs))
		}
		return nil
	}
	texts := f.texts(name)
	if f.err == nil && len(texts) == 0 {
		f.err = invalid(name, name+" is required: a text or a list of texts")
	}
	return texts
}

func base64Of(v []float32) string {
	b := make([]byte, 0, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}
