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
	filling []member // what every chunk has
	held    [][]byte // provider's chunks before the first content
	opened  bool     // the first chunk of our own, which names the role, was sent
	passed  bool     // a provider's chunk was passed on
	ended   bool     // a chunk with a finish reason was sent
	counted bool     // a chunk with the usage was sent
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
	if drop, content, ok := c.read(d); ok {
		return c.pass(d.Raw, drop, content)
	}
	if d.Text == "" {
		return nil
	}
	return c.own(c.shape.delta(d.Text, nil, !c.opened), nil)
}

// read takes a provider's chunk apart: whether a client of this route can read
// it, and whether it holds anything that is worth a begun stream.
func (c *chunks) read(d generate.Delta) (drop string, content, ok bool) {
	if len(d.Raw) == 0 {
		return "", false, false
	}
	o, err := membersOf(d.Raw)
	if err != nil || o == nil {
		return "", false, false
	}
	choices, ok := elements(o["choices"])
	if !ok {
		return "", false, false
	}
	content = d.Text != ""
	for _, raw := range choices {
		choice, err := membersOf(raw)
		piece, has := choice[c.shape.piece]
		has = has && err == nil
		if !has {
			return "", false, false
		}
		if reason := strings.TrimSpace(string(choice["finish_reason"])); reason != "" && reason != "null" {
			c.ended, content = true, true
		}
		content = content || worthSending(piece)
	}
	if len(choices) == 0 { // OpenAI's last chunk holds the usage alone, Azure's first one verdicts
		_, counted := o["usage"]
		c.counted = c.counted || counted
		return "", counted, c.includeUsage || !counted
	}
	if !c.includeUsage {
		drop = "usage"
	}
	return drop, content, true
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
func (c *chunks) pass(raw []byte, drop string, content bool) error {
	if c.filling == nil {
		c.filling = c.shape.frame(completionObject{ID: c.shape.prefix + c.x.id, Created: c.created, Model: c.model.Name}, c.shape.chunk)
	}
	c.passed = true
	chunk := rewrite(raw, c.filling, drop)
	if len(c.held) == 0 && (content || c.begun()) {
		return c.s.sendRaw("", oneLine(chunk))
	}
	c.held = append(c.held, oneLine(chunk))
	if !content && len(c.held) < maxHeld && !c.begun() {
		return nil
	}
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
