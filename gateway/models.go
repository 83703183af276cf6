package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"stylesprint"
)

// models finds what serves a name. It does not change.
type models struct {
	list      []Model
	byName    map[string]*Model
	generates *Model // for requests that name none; nil if no model generates
	embeds    *Model
}

func newModels(o Settings) *models {
	m := &models{list: slices.Clone(o.Models), byName: map[string]*Model{}}
	for i := range m.list {
		one := &m.list[i]
		m.byName[one.Name] = one
		if m.generates == nil && one.Generate != nil {
			m.generates = one
		}
		if m.embeds == nil && one.Embed != nil {
			m.embeds = one
		}
	}
	if d := m.byName[o.DefaultModel]; d != nil {
		m.generates = d
	}
	if d := m.byName[o.DefaultEmbedding]; d != nil {
		m.embeds = d
	}
	return m
}

// find looks a name up, or the default where there is none, and notes it in x.
func (m *models) find(name string, x *exchange, fallback *Model) (*Model, error) {
	found := fallback
	if name != "" {
		found = m.byName[name]
	}
	if found == nil {
		x.model = unknown
		return nil, &stylesprint.Error{
			Code: stylesprint.CodeNotFound, Field: "model", Message: fmt.Sprintf("The model %q does not exist", clip(name)),
			Hint: "served here: " + m.names(x.caller),
		}
	}
	x.model = found.Name
	return found, nil
}

// generator finds a model that writes.
func (m *models) generator(name string, x *exchange) (*Model, error) {
	found, err := m.find(name, x, m.generates)
	if err == nil && found.Generate == nil {
		return nil, unsupported("model", fmt.Sprintf("The model %q makes vectors, not text", found.Name), "use it with /v1/embeddings")
	}
	return found, err
}

// embedder finds a model that makes vectors.
func (m *models) embedder(name string, x *exchange) (*Model, error) {
	found, err := m.find(name, x, m.embeds)
	if err == nil && found.Embed == nil {
		return nil, unsupported("model", fmt.Sprintf("The model %q makes text, not vectors", found.Name), "use it with /v1/chat/completions")
	}
	return found, err
}

// names lists what a caller may use.
func (m *models) names(c Caller) string {
	var names []string
	for _, one := range m.list {
		if c.mayUse(one.Name) {
			names = append(names, one.Name)
		}
	}
	return strings.Join(names, ", ")
}

type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

type modelList struct {
	Object string        `json:"object"`
	Data   []modelObject `json:"data"`
}

func (g *Gateway) describe(m *Model) modelObject {
	owner := m.Owner
	if owner == "" {
		owner = namespace
	}
	return modelObject{ID: m.Name, Object: "model", Created: g.created, OwnedBy: owner}
}

// listModels lists what the caller may use.
func (g *Gateway) listModels(w http.ResponseWriter, _ *http.Request, x *exchange) error {
	out := modelList{Object: "list", Data: []modelObject{}}
	for i := range x.live.models.list {
		if m := &x.live.models.list[i]; x.caller.mayUse(m.Name) {
			out.Data = append(out.Data, g.describe(m))
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (g *Gateway) showModel(w http.ResponseWriter, r *http.Request, x *exchange) error {
	name := r.PathValue("id")
	if !x.caller.mayUse(name) {
		name = unknown // for this caller it is not there
	}
	m, err := x.live.models.find(name, x, nil)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, g.describe(m))
	return nil
}
