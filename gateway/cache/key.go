package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// key is the SHA-256 of everything that an answer depends on.
type key [sha256.Size]byte

// identity is what is hashed. JSON sorts the members of maps.
type identity struct {
	Namespace string
	Model     string
	Target    string
	Release   string
	Revision  string
	Purges    int64
	Stream    bool
	Messages  []stylesprint.Message
	Prompt    string
	Params    generate.Params
	Extra     map[string]any
}

// keyOf fails where a field of the request is no JSON.
func (c *Cache) keyOf(call *gateway.Call, stream bool) (key, error) {
	id := identity{
		Model: call.Model, Target: call.Request.Model, Release: call.Release, Revision: c.o.Revision(call.Model), Purges: c.purges.Load(), Stream: stream,
		Messages: call.Request.Messages, Prompt: call.Request.Prompt, Params: call.Request.Params,
	}
	if !c.o.Shared {
		id.Namespace = "key " + call.Caller.KeyID
	}
	for name, raw := range call.Request.Extra {
		v, err := canonical(raw)
		if err != nil {
			return key{}, fmt.Errorf("read %s: %w", name, err)
		}
		if id.Extra == nil {
			id.Extra = map[string]any{}
		}
		id.Extra[name] = v
	}
	b, err := json.Marshal(id)
	if err != nil {
		return key{}, fmt.Errorf("encode request: %w", err)
	}
	return sha256.Sum256(b), nil
}

// canonical reads JSON so that spaces and the order of members no longer matter. Numbers stay
// as they were written.
func canonical(raw []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}
