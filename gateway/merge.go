package gateway

import (
	"bytes"
	"encoding/json"

	"github.com/tidwall/gjson"

	"stylesprint"
)

// merged is a provider's own answer with all its fields, known to us or not, and those of
// ours that it lacks. Where the provider's answer is none that a client of this route could
// read, ours stands alone.
func (s shape) merged(c call, reply stylesprint.Reply, by *generatedBy) ([]byte, error) {
	raw := []byte(reply.Raw)
	o := s.whole(c, reply)
	o.GeneratedBy = by
	if !s.readable(raw) {
		return encode(o)
	}
	usage, err := encode(o.Usage)
	if err != nil {
		return nil, err
	}
	fill := append(s.frame(o, s.object), member{"usage", usage})
	if by == nil || bytes.Contains(raw, []byte(memberGeneratedBy)) {
		return disclosed(rewrite(raw, fill, ""), by)
	}
	said, err := encode(by)
	if err != nil {
		return nil, err
	}
	return rewrite(raw, append(fill, member{memberGeneratedBy, said}), ""), nil
}

// readable says whether every choice of a provider's answer, of which there is one at
// least, has the member that clients of this route look for. The driver has read it: it is
// valid JSON.
func (s shape) readable(raw []byte) bool {
	choices := gjson.GetBytes(raw, "choices")
	n, all := 0, choices.IsArray()
	choices.ForEach(func(_, c gjson.Result) bool {
		n++
		all = all && c.IsObject() && c.Get(s.member).Exists()
		return all
	})
	return all && n > 0
}

// frame is what every answer and every chunk has beside its choices.
func (s shape) frame(o completionObject, object string) []member {
	created, err := json.Marshal(o.Created)
	if err != nil { // cannot be: it is a number
		created = []byte("0")
	}
	return []member{{"id", quoted(o.ID)}, {"object", quoted(object)}, {"created", created}, {"model", quoted(o.Model)}}
}
