package gateway

import (
	"bytes"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"stylesprint"
)

// merged is a provider's own answer with all its fields, known to us or not, and those of
// ours that it lacks. Where the provider's answer is none that a client of this route could
// read, ours stands alone.
func (s shape) merged(c call, reply stylesprint.Reply, by *generatedBy) ([]byte, error) {
	raw := []byte(reply.Raw)
	if !s.readable(raw) {
		o := s.whole(c, reply)
		o.GeneratedBy = by
		return encode(o)
	}
	fill := s.frame(c.x.id, s.object, answeredBy(reply, c.model), time.Now().Unix())
	fill.names = append(fill.names, "usage", memberGeneratedBy)
	ofFrame := fill.value
	fill.value = func(name string) string {
		switch name {
		case "usage":
			return usageOf(reply.Usage).json()
		case memberGeneratedBy:
			return by.json()
		}
		return ofFrame(name)
	}
	if bytes.Contains(raw, []byte(memberGeneratedBy)) { // of a gateway behind this one
		raw = rewrite(raw, filling{}, memberGeneratedBy)
	}
	return rewrite(raw, fill, ""), nil
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
func (s shape) frame(id, object, model string, created int64) filling {
	return filling{names: append(make([]string, 0, 6), "id", "object", "created", "model"), value: func(name string) string {
		switch name {
		case "id":
			return quoted(s.prefix + id)
		case "object":
			return quoted(object)
		case "created":
			return strconv.FormatInt(created, 10)
		}
		return quoted(model)
	}}
}
