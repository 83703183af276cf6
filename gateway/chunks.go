package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/generate"
)

// maxHeld bounds the chunks without content that are held back at a stream's start.
const maxHeld = 16

// chunks writes the pieces of one answer as chunks in OpenAI's format: our
// own, or those of a provider with all their fields.
type chunks struct {
	call
	completionOptions
	s       *stream
	created int64
	by      func(stylesprint.Reply) *generatedBy
	filling filling  // what every chunk has
	held    [][]byte // provider's chunks before the first content
	last    []byte   // provider's chunk that may be the stream's last
	opened  bool     // the first chunk of our own, which names the role, was sent
	passed  bool     // a provider's chunk was passed on
	ended   bool     // a chunk with a finish reason was sent
	counted bool     // a chunk with the usage was sent
}

func (g *Gateway) streamCompletion(w http.ResponseWriter, r *http.Request, c call, o completionOptions) error {
	s := g.openStream(w, c.x)
	defer s.end()
	out := &chunks{call: c, completionOptions: o, s: s, created: time.Now().Unix(), by: func(reply stylesprint.Reply) *generatedBy { return g.generatedBy(c.x, c.model, reply) }}
	reply, err := g.ask(w, r, c, out.delta)
	if err != nil {
		return o.reword(fromModel(err))
	}
	return out.finish(reply)
}

// delta passes one piece on. It is the emit of a driver.
func (c *chunks) delta(d generate.Delta) error {
	if d.Text != "" {
		c.x.first()
	}
	if how, ok := c.read(d); ok {
		return c.pass(d.Raw, how)
	}
	if d.Text == "" {
		return nil
	}
	if err := c.before(); err != nil {
		return err
	}
	return c.own(c.shape.delta(d.Text, nil, !c.opened), nil, nil)
}

// passing is how a provider's chunk is passed on.
type passing struct {
	drop    string // a member that is left out
	content bool   // it is worth a begun stream
	last    bool   // it ends a choice, or holds the usage alone: it may be the stream's last
}

// read takes a provider's chunk apart: whether a client of this route can read
// it, and whether it holds anything that is worth a begun stream.
func (c *chunks) read(d generate.Delta) (how passing, ok bool) {
	if len(d.Raw) == 0 {
		return how, false
	}
	o, err := membersOf(d.Raw)
	if err != nil || o == nil {
		return how, false
	}
	choices, ok := elements(o["choices"])
	if !ok {
		return how, false
	}
	how.content = d.Text != ""
	for _, raw := range choices {
		choice, err := membersOf(raw)
		piece, has := choice[c.shape.piece]
		has = has && err == nil
		if !has {
			return how, false
		}
		if reason := strings.TrimSpace(string(choice["finish_reason"])); reason != "" && reason != "null" {
			c.ended, how.content, how.last = true, true, true
		}
		how.content = how.content || worthSending(piece)
	}
	if len(choices) == 0 { // OpenAI's last chunk holds the usage alone, Azure's first one verdicts
		_, counted := o["usage"]
		c.counted = c.counted || counted
		return passing{content: counted, last: counted}, c.includeUsage || !counted
	}
	if !c.includeUsage {
		how.drop = "usage"
	}
	return how, true
}

// worthSending is true for a delta that says more than who speaks.
func worthSending(piece json.RawMessage) bool {
	o, err := membersOf(piece)
	if err != nil {
		return false // the text of /v1/completions, which Delta.Text holds
	}
	for name, v := range o {
		if s := strings.TrimSpace(string(v)); name != "role" && s != "null" && s != `""` && s != "[]" {
			return true
		}
	}
	return false
}

// pass sends a provider's chunk with what it lacks filled in. Chunks before
// the first content wait for it.
func (c *chunks) pass(raw []byte, how passing) error {
	if c.filling.value == nil {
		c.filling = c.shape.frame(c.x.id, c.shape.chunk, c.model.Name, c.created)
	}
	c.passed = true
	if err := c.before(); err != nil {
		return err
	}
	chunk := rewrite(raw, c.filling, how.drop)
	if how.last {
		if bytes.Contains(chunk, []byte(memberGeneratedBy)) { // of a gateway behind this one
			chunk = rewrite(chunk, filling{}, memberGeneratedBy)
		}
		c.last = oneLine(chunk)
		return nil
	}
	if len(c.held) == 0 && (how.content || c.begun()) {
		return c.s.sendRaw("", oneLine(chunk))
	}
	c.held = append(c.held, oneLine(chunk))
	if !how.content && len(c.held) < maxHeld && !c.begun() {
		return nil
	}
	return c.release()
}

// before sends the chunk that waits, as another one follows. It waits because a stream's last
// chunk says who wrote the answer, which is known when the model is done.
func (c *chunks) before() error {
	if c.last == nil {
		return nil
	}
	c.held, c.last = append(c.held, c.last), nil
	return c.release()
}

// oneLine is JSON without the line breaks that may stand between its parts.
func oneLine(chunk []byte) []byte {
	if bytes.IndexByte(chunk, '\n') < 0 && bytes.IndexByte(chunk, '\r') < 0 {
		return chunk
	}
	var b bytes.Buffer
	if json.Compact(&b, chunk) != nil { // cannot be: it was read before
		return chunk
	}
	return b.Bytes()
}

func (c *chunks) begun() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.begun
}

func (c *chunks) release() error {
	for _, o := range c.held {
		if err := c.s.sendRaw("", o); err != nil {
			return err
		}
	}
	c.held = nil
	return nil
}

// own sends a chunk of our own with one choice, or with usage and none; by stands in the last one.
func (c *chunks) own(choice any, usage *wireUsage, by *generatedBy) error {
	c.opened = true
	choices := []any{}
	if choice != nil {
		choices = append(choices, choice)
	}
	return c.s.send(completionObject{
		ID: c.shape.prefix + c.x.id, Object: c.shape.chunk, Created: c.created, Model: c.model.Name,
		Choices: choices, Usage: usage, GeneratedBy: by,
	})
}

// finish sends what the answer still lacks: the reason of its end, its usage
// if that was asked for, and the mark of a whole stream.
func (c *chunks) finish(reply stylesprint.Reply) error {
	by := c.by(reply)
	lacksUsage := c.includeUsage && !c.counted
	if c.last != nil {
		c.held, c.last = append(c.held, c.last), nil
	}
	if n := len(c.held); n > 0 && c.ended && !lacksUsage {
		c.held[n-1], by = disclosed(c.held[n-1], by), nil
	}
	if err := c.release(); err != nil {
		return err
	}
	if !c.ended {
		reason, ofThis := finishOf(reply), by
		if lacksUsage {
			ofThis = nil
		}
		if err := c.own(c.shape.delta("", &reason, !c.opened && !c.passed), nil, ofThis); err != nil {
			return err
		}
	}
	switch {
	case lacksUsage:
		usage := usageOf(reply.Usage)
		if err := c.own(nil, &usage, by); err != nil {
			return err
		}
	case c.ended && by != nil: // all of the provider's chunks are out
		if err := c.own(nil, nil, by); err != nil {
			return err
		}
	}
	return c.s.sendLast([]byte("[DONE]"))
}
