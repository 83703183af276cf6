package safety

import (
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/generate"
)

// streamed judges an answer piece by piece. Each text of the answer (that of the first
// choice, and in a provider's own chunks those of further choices, of reasoning and of calls)
// has a window of its own. Pieces wait in a queue until all of their text is decided.
type streamed struct {
	*verdicts
	emit    func(generate.Delta) error
	main    *track
	tracks  map[string]*track
	order   []*track // as they came
	queue   []held
	sent    strings.Builder // of the main text
	changed bool
}

// track is one text of an answer.
type track struct {
	window
	choice string
	size   int  // bytes so far
	open   bool // not final
}

// held is a piece that waits.
type held struct {
	generate.Delta
	start int // of Text in the main text
	doc   *document
	parts []part
}

// part is a text of a provider's chunk, and where it stands in its track.
type part struct {
	*slot
	track *track
	start int
}

// mainKey is the track of the first choice's text.
const (
	mainKey    = ""
	mainChoice = "0"
)

func newStreamed(v *verdicts, emit func(generate.Delta) error) *streamed {
	s := &streamed{verdicts: v, emit: emit, tracks: map[string]*track{}}
	s.main = s.track(mainKey, mainChoice)
	return s
}

// track finds or makes the track of a text.
func (s *streamed) track(key, choice string) *track {
	t := s.tracks[key]
	if t == nil {
		of := s.side
		if key != mainKey { // lengths are for the answer's text
			of = &side{name: s.side.name, rules: s.side.rules}
		}
		t = &track{window: window{side: of}, choice: choice}
		s.tracks[key], s.order = t, append(s.order, t)
	}
	return t
}

// delta takes a piece from the model.
func (s *streamed) delta(d generate.Delta) error {
	h := held{Delta: d, start: s.main.size}
	used := map[*track]bool{}
	if d.Text != "" {
		used[s.main] = true
		s.add(s.main, d.Text)
	}
	if ok, ended := simple(d.Raw, d.Text); ok {
		if d.Text != "" || ended {
			s.close(func(t *track) bool { return switched(t, used) || ended && t.choice == mainChoice })
		}
	} else if doc, ok := parse(d.Raw); ok {
		h.doc = doc
		for _, of := range doc.slots {
			p := part{slot: of, track: s.main, start: h.start}
			if of.choice != mainChoice || of.text != d.Text || !slices.Contains([]string{"delta.content", "text"}, of.channel) {
				p.track = s.track(of.choice+" "+of.channel, of.choice)
				p.start = p.track.size
				s.add(p.track, of.text)
			}
			used[p.track] = true
			h.parts = append(h.parts, p)
		}
		s.close(func(t *track) bool { return switched(t, used) || slices.Contains(doc.ended, t.choice) })
	}
	s.queue = append(s.queue, h)
	if s.blocked != nil {
		return refusedOutput(s.blocked)
	}
	return s.release()
}

func (s *streamed) add(t *track, text string) {
	t.size += len(text)
	t.open = true
	s.note(t.write(text, false))
}

// switched is true for a text that another text of the same choice has followed: it is
// taken for whole, so that the other does not wait for it.
func switched(t *track, used map[*track]bool) bool {
	if used[t] {
		return false
	}
	for u := range used {
		if u.choice == t.choice {
			return true
		}
	}
	return false
}

// close makes texts final.
func (s *streamed) close(which func(*track) bool) {
	for _, t := range s.order {
		if t.open && which(t) {
			t.open = false
			s.note(t.write("", true))
		}
	}
}

// release passes on what is decided.
func (s *streamed) release() error {
	for len(s.queue) > 0 {
		h := &s.queue[0]
		if !h.decided(s.main) {
			return s.partly(h)
		}
		d := generate.Delta{Text: s.main.rewrite(h.Text, h.start), Raw: h.Raw}
		switch {
		case h.doc == nil && d.Text != h.Text && h.Raw != nil:
			d.Raw = replaced(h.Raw, h.Text, d.Text)
		case h.doc != nil:
			for _, p := range h.parts {
				p.put(p.track.rewrite(p.text, p.start))
			}
			if d.Raw = h.doc.encode(h.Raw); h.doc.same && d.Text != h.Text {
				d.Raw = nil // the text stands there in another form
			}
		}
		if err := s.pass(d, h.Text); err != nil {
			return err
		}
		s.main.forget(h.start + len(h.Text))
		for _, p := range h.parts {
			p.track.forget(p.start + len(p.text))
		}
		s.queue = s.queue[1:]
	}
	return nil
}

// decided is true if all text of a piece is.
func (h *held) decided(main *track) bool {
	if main.decided() < h.start+len(h.Text) {
		return false
	}
	for _, p := range h.parts {
		if p.track.decided() < p.start+len(p.text) {
			return false
		}
	}
	return true
}

// partly passes on the decided beginning of a piece that is nothing but text.
func (s *streamed) partly(h *held) error {
	n := s.main.decided() - h.start
	if h.Raw != nil || n <= 0 {
		return nil
	}
	n = min(n, len(h.Text))
	head := h.Text[:n]
	if err := s.pass(generate.Delta{Text: s.main.rewrite(head, h.start)}, head); err != nil {
		return err
	}
	s.main.forget(h.start + n)
	h.start, h.Text = h.start+n, h.Text[n:]
	return nil
}

func (s *streamed) pass(d generate.Delta, was string) error {
	s.sent.WriteString(d.Text)
	s.changed = s.changed || d.Text != was
	if d.Text == "" && d.Raw == nil {
		return nil
	}
	return s.emit(d)
}

// end judges what is left when the model is done.
func (s *streamed) end(reply stylesprint.Reply, err error) (stylesprint.Reply, error) {
	defer s.done()
	if err == nil && s.blocked == nil {
		s.close(func(*track) bool { return true })
		s.note(s.side.short(s.main.runes))
		if s.blocked == nil {
			err = s.release()
		}
	}
	if s.blocked != nil {
		err = refusedOutput(s.blocked)
	}
	if err != nil || s.changed {
		reply.Text, reply.Raw = s.sent.String(), nil
	}
	return reply, err
}
