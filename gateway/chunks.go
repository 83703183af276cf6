package gateway

import (
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
	held    []map[string]json.RawMessage // provider's chunks before the first content
	opened  bool                         // the first chunk of our own, which names the role, was sent
	passed  bool                         // a provider's chunk was passed on
	ended   bool                         // a chunk with a finish reason was sent
	counted bool                         // a chunk with the usage was sent
}

func (g *Gateway) streamCompletion(w http.ResponseWriter, r *http.Request, c call, o completionOptions) error {
	s := g.openStream(w, c.x)
	defer s.end()
	out := &chunks{call: c, completionOptions: o, s: s, created: time.Now().Unix()}
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
	if theirs, content, ok := c.read(d); ok {
		return c.pass(theirs, content)
	}
	if d.Text == "" {
		return nil
	}
	return c.own(c.shape.delta(d.Text, nil, !c.opened), nil)
}

// read takes a provider's chunk apart: whether a client of this route can read
// it, and whether it holds anything that is worth a begun stream.
func (c *chunks) read(d generate.Delta) (o map[string]json.RawMessage, content, ok bool) {
	if len(d.Raw) == 0 || json.Unmarshal(d.Raw, &o) != nil || o == nil {
		return nil, false, false
	}
	var choices []map[string]json.RawMessage
	if json.Unmarshal(o["choices"], &choices) != nil {
		return nil, false, false
	}
	content = d.Text != ""
	for _, choice := range choices {
		piece, has := choice[c.shape.piece]
		if !has {
			return nil, false, false
		}
		if reason := strings.TrimSpace(string(choice["finish_reason"])); reason != "" && reason != "null" {
			c.ended, content = true, true
		}
		content = content || worthSending(piece)
	}
	if len(choices) == 0 { // OpenAI's last chunk holds the usage alone, Azure's first one verdicts
		_, counted := o["usage"]
		c.counted = c.counted || counted
		return o, counted, c.includeUsage || !counted
	}
	if !c.includeUsage {
		delete(o, "usage")
	}
	return o, content, true
}

// worthSending is true for a delta that says more than who speaks.
func worthSending(piece json.RawMessage) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(piece, &members) != nil {
		return false // the text of /v1/completions, which Delta.Text holds
	}
	for name, v := range members {
		if s := strings.TrimSpace(string(v)); name != "role" && s != "null" && s != `""` && s != "[]" {
			return true
		}
	}
	return false
}

// pass sends a provider's chunk with what it lacks filled in. Chunks before
// the first content wait for it.
func (c *chunks) pass(o map[string]json.RawMessage, content bool) error {
	frame, err := c.frame()
	if err != nil {
		return err
	}
	fill(o, frame)
	c.passed = true
	c.held = append(c.held, o)
	if !content && len(c.held) < maxHeld && !c.begun() {
		return nil
	}
	return c.release()
}

func (c *chunks) begun() bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.begun
}

func (c *chunks) release() error {
	for _, o := range c.held {
		if err := c.s.send(o); err != nil {
			return err
		}
	}
	c.held = nil
	return nil
}

// frame is what every chunk has.
func (c *chunks) frame() (map[string]json.RawMessage, error) {
	b, err := encode(completionObject{ID: c.shape.prefix + c.x.id, Object: c.shape.chunk, Created: c.created, Model: c.model.Name})
	if err != nil {
		return nil, err
	}
	var frame map[string]json.RawMessage
	if err := json.Unmarshal(b, &frame); err != nil {
		return nil, err
	}
	delete(frame, "choices")
	return frame, nil
}

// own sends a chunk of our own with one choice, or with usage and none.
func (c *chunks) own(choice any, usage *wireUsage) error {
	c.opened = true
	choices := []any{}
	if choice != nil {
		choices = append(choices, choice)
	}
	return c.s.send(completionObject{
		ID: c.shape.prefix + c.x.id, Object: c.shape.chunk, Created: c.created, Model: c.model.Name,
		Choices: choices, Usage: usage,
	})
}

// finish sends what the answer still lacks: the reason of its end, its usage
// if that was asked for, and the mark of a whole stream.
func (c *chunks) finish(reply stylesprint.Reply) error {
	if err := c.release(); err != nil {
		return err
	}
	if !c.ended {
		reason := finishOf(reply)
		if err := c.own(c.shape.delta("", &reason, !c.opened && !c.passed), nil); err != nil {
			return err
		}
	}
	if c.includeUsage && !c.counted {
		usage := usageOf(reply.Usage)
		if err := c.own(nil, &usage); err != nil {
			return err
		}
	}
	return c.s.sendLast([]byte("[DONE]"))
}
