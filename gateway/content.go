package gateway

// Content reads, by the rules that a stage has for models, what /answer is asked and what it answers: a question may
// lead to no model, and an answer may quote what no model wrote. *safety.Guard is one. Both methods note in
// the call what a stage would note: Flags, Policy and Kept. They are safe for concurrent use.
type Content interface {
	// Asked returns a text that was asked as it may be read further. It refuses with an
	// *stylesprint.Error of code refused, which names the call's Field.
	Asked(c *Call, text string) (string, error)
	// Answered returns the texts of one answer as they may go out, the answer itself first, or
	// refuses all of them in the same way.
	Answered(c *Call, texts ...string) ([]string, error)
}

// readQuestion has the policy read a question before anything is done with it.
func (g *Gateway) readQuestion(x *exchange, text string) (string, error) {
	if g.o.Content == nil {
		return text, nil
	}
	c := x.reading()
	read, err := g.o.Content.Asked(c, text)
	x.flags, x.policy = c.Flags, c.Policy
	if err == nil {
		g.notePrompt(x, read)
	}
	if c.Kept != "" {
		g.notePrompt(x, c.Kept)
	}
	return read, err
}

// readAnswer has the policy read every text of an answer, whoever wrote it, and marks the answer with its version.
func (g *Gateway) readAnswer(a *answering) error {
	if g.o.Content == nil {
		return nil
	}
	out, h := &a.answer, a.w.Header()
	texts := []string{out.Text}
	for _, c := range out.Citations {
		texts = append(texts, c.Text)
	}
	c := a.x.reading()
	read, err := g.o.Content.Answered(c, texts...)
	a.x.flags, a.x.policy = c.Flags, c.Policy
	if err != nil {
		h.Del(headerContentPolicy)
		h.Del(headerGeneratedBy)
		return err
	}
	h.Set(headerContentPolicy, c.Policy)
	out.Text, out.Policy = read[0], c.Policy
	for i, text := range read[1:] {
		out.Citations[i].Text = text
	}
	return nil
}

// reading is a call to no model, for the notes of a policy.
func (x *exchange) reading() *Call {
	return &Call{RequestID: x.id, Route: x.label, Caller: x.caller, Field: fieldQuestion, Flags: x.flags}
}
