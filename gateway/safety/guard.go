package safety

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// Guard holds calls against a policy.
type Guard struct {
	now     atomic.Pointer[compiled]
	matches *prometheus.CounterVec // rule, side, action
	calls   *prometheus.CounterVec // side, outcome
}

// compiled is a policy, ready to search.
type compiled struct {
	policy  *Policy
	in, out *side
	stored  *side // the rules for what belongs to persons, all of which redact
}

// New makes a guard and registers its metrics.
func New(p *Policy, r prometheus.Registerer) (*Guard, error) {
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "stylesprint", Subsystem: "safety", Name: name, Help: help}, labels)
	}
	g := &Guard{
		matches: vec("matches_total", "Matches of the content policy's rules.", "rule", "side", "action"),
		calls:   vec("calls_total", "Requests (input) and answers (output) by the gravest that the policy did; a question to /answer and the model's prompt around it are two.", "side", "outcome"),
	}
	for _, c := range []prometheus.Collector{g.matches, g.calls} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register safety metrics: %w", err)
		}
	}
	g.Replace(p)
	return g, nil
}

// Replace puts another policy in force. Calls that run keep theirs.
func (g *Guard) Replace(p *Policy) {
	c := &compiled{policy: p, in: &side{name: "input"}, out: &side{name: "output"}, stored: &side{name: "stored"}}
	for _, of := range p.rules {
		for _, s := range []*side{c.in, c.out} {
			if of.On != s.name && of.On != "both" {
				continue
			}
			r := &rule{Rule: of, level: of.depth(), count: g.matches.WithLabelValues(of.Name, s.name, string(of.Action))}
			if of.Kind == KindLength {
				s.lengths = append(s.lengths, r)
				continue
			}
			r.matcher = p.matcher(of)
			s.rules = append(s.rules, r)
			if personal(of.Kind) && of.Action != Allow {
				kept := *r
				kept.Action = Redact
				c.stored.rules = append(c.stored.rules, &kept)
			}
		}
	}
	g.now.Store(c)
}

// Policy is the one in force.
func (g *Guard) Policy() *Policy { return g.now.Load().policy }

// personal is true for kinds that find what belongs to a person.
func personal(kind string) bool {
	return slices.Contains([]string{KindEmail, KindPhone, KindCard, KindIBAN}, kind)
}

func (p *Policy) matcher(r Rule) matcher {
	switch r.Kind {
	case KindEmail:
		return email{}
	case KindPhone:
		return phone{}
	case KindCard:
		return card{}
	case KindIBAN:
		return iban{}
	}
	w := &words{}
	for _, phrase := range p.words[r.Name] {
		w.add(phrase, r.depth())
	}
	if r.Kind == KindClaims {
		w.unless = map[string]bool{}
		for _, d := range p.deny {
			if !strings.ContainsAny(d, " -") {
				w.unless[look(d, folded, true).s] = true
			}
		}
	}
	return w
}

// Clean is a text that is to be kept, with a mark in the place of everything that the policy's rules for
// persons' addresses and numbers find, whatever else they do.
func (g *Guard) Clean(s string) string {
	w := window{side: g.now.Load().stored}
	w.write(s, true)
	return w.rewrite(s, 0)
}

// Stage is the guard as a stage of the gateway.
func (g *Guard) Stage() gateway.Stage {
	return func(next gateway.Ask) gateway.Ask {
		return func(ctx context.Context, c *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
			now := g.now.Load()
			c.Policy = now.policy.Version()
			if err := g.input(now, c); err != nil {
				return stylesprint.Reply{}, err
			}
			if !now.out.active() {
				return next(ctx, c, emit)
			}
			v := &verdicts{guard: g, side: now.out, call: c}
			if emit == nil {
				reply, err := next(ctx, c, nil)
				return v.whole(reply, err)
			}
			s := newStreamed(v, emit)
			reply, err := next(ctx, c, s.delta)
			return s.end(reply, err)
		}
	}
}

var _ gateway.Content = (*Guard)(nil)

// Asked implements gateway.Content: the text is judged as the only one of a request.
func (g *Guard) Asked(c *gateway.Call, text string) (string, error) {
	now := g.now.Load()
	c.Policy = now.policy.Version()
	c.Request.Messages = []stylesprint.Message{{Role: stylesprint.RoleUser, Content: text}}
	if err := g.input(now, c); err != nil {
		return "", err
	}
	return c.Request.Messages[0].Content, nil
}

// Answered implements gateway.Content. Lengths are those of the first text.
func (g *Guard) Answered(c *gateway.Call, texts ...string) ([]string, error) {
	now := g.now.Load()
	c.Policy = now.policy.Version()
	if !now.out.active() || len(texts) == 0 {
		return texts, nil
	}
	v := &verdicts{guard: g, side: now.out, call: c}
	defer v.done()
	out := make([]string, len(texts))
	for i, s := range texts {
		out[i] = v.read(s)
	}
	v.length(utf8.RuneCountInString(texts[0]))
	if v.blocked != nil {
		return nil, refusedOutput(v.blocked)
	}
	return out, nil
}

// verdicts collects what was found in one direction of one call.
type verdicts struct {
	guard   *Guard
	side    *side
	call    *gateway.Call
	blocked *rule
	worst   Action
}

// note counts matches and remembers what follows from them.
func (v *verdicts) note(spans []span) {
	for _, f := range spans {
		f.rule.count.Inc()
		if f.rule.Action == Allow {
			continue
		}
		if !slices.Contains(v.call.Flags, f.rule.Name) {
			v.call.Flags = append(v.call.Flags, f.rule.Name)
		}
		if f.rule.Action == Block && v.blocked == nil {
			v.blocked = f.rule
		}
		if grave(f.rule.Action) > grave(v.worst) {
			v.worst = f.rule.Action
		}
	}
}

func grave(a Action) int { return slices.Index([]Action{Allow, Flag, Redact, Block}, a) }

// read judges a whole text by every rule but the lengths, and redacts it.
func (v *verdicts) read(s string) string {
	w := window{side: &side{name: v.side.name, rules: v.side.rules}}
	v.note(w.write(s, true))
	return w.rewrite(s, 0)
}

// length judges how many characters there are.
func (v *verdicts) length(runes int) {
	all := window{side: v.side, runes: runes}
	v.note(append(all.lengths(), v.side.short(runes)...))
}

// done counts the call.
func (v *verdicts) done() {
	outcome := map[Action]string{Flag: "flagged", Redact: "redacted", Block: "blocked"}[v.worst]
	if outcome == "" {
		outcome = "passed"
	}
	v.guard.calls.WithLabelValues(v.side.name, outcome).Inc()
}

// input judges a request, and redacts it.
func (g *Guard) input(now *compiled, c *gateway.Call) error {
	if !now.in.active() {
		return nil
	}
	v := &verdicts{guard: g, side: now.in, call: c}
	runes, changed := 0, false
	read := func(s string) string {
		runes += utf8.RuneCountInString(s)
		out := v.read(s)
		changed = changed || out != s
		return out
	}
	r := &c.Request
	r.Prompt = read(r.Prompt)
	r.Messages = slices.Clone(r.Messages)
	for i := range r.Messages {
		r.Messages[i].Content = read(r.Messages[i].Content)
	}
	if len(r.Extra) > 0 {
		extra := make(map[string]json.RawMessage, len(r.Extra))
		for name, raw := range r.Extra {
			extra[name] = mapStrings(raw, read)
		}
		r.Extra = extra
	}
	v.length(runes)
	v.done()
	if changed || v.blocked != nil {
		c.Kept = g.kept(c.Request)
	}
	if v.blocked != nil {
		return refusedInput(c, v.blocked)
	}
	return nil
}

// kept is what the request log may keep of a request in which something was found.
func (g *Guard) kept(r generate.Request) string {
	var texts []string
	if r.Prompt != "" {
		texts = append(texts, r.Prompt)
	}
	for _, m := range r.Messages {
		texts = append(texts, m.Content)
	}
	if raw, ok := r.Extra[generate.ExtraMessages]; ok {
		texts = append(texts, string(raw))
	}
	return g.Clean(strings.Join(texts, "\n"))
}

func refusedInput(c *gateway.Call, r *rule) error {
	hint := "take out " + r.describe()
	if r.Kind == KindLength {
		hint = fmt.Sprintf("send between %d and %d characters", r.Min, r.Max)
		if r.Max == 0 {
			hint = fmt.Sprintf("send at least %d characters", r.Min)
		}
	}
	return &stylesprint.Error{Code: stylesprint.CodeRefused, Field: c.Field,
		Message: fmt.Sprintf("The request was refused by rule %q of the content policy", r.Name), Hint: hint}
}

func refusedOutput(r *rule) error {
	return &stylesprint.Error{Code: stylesprint.CodeRefused,
		Message: fmt.Sprintf("The answer was withheld by rule %q of the content policy", r.Name), Hint: "ask in another way"}
}

// describe says what a rule finds, for whoever must take it out.
func (r *rule) describe() string {
	switch r.Kind {
	case KindEmail:
		return "the e-mail address"
	case KindPhone:
		return "the telephone number"
	case KindCard:
		return "what looks like the number of a payment card"
	case KindIBAN:
		return "the account number (IBAN)"
	}
	return "the words that this rule forbids"
}

// whole judges an unstreamed answer.
func (v *verdicts) whole(reply stylesprint.Reply, err error) (stylesprint.Reply, error) {
	defer v.done()
	text := reply.Text
	reply.Text = v.read(text)
	if ok, _ := simple(reply.Raw, text); ok {
		if reply.Text != text {
			reply.Raw = replaced(reply.Raw, text, reply.Text)
		}
	} else if doc, ok := parse(reply.Raw); ok {
		for _, slot := range doc.slots {
			if slot.text == text {
				slot.put(reply.Text)
			} else {
				slot.put(v.read(slot.text))
			}
		}
		was := reply.Raw
		if reply.Raw = doc.encode(was); doc.same && reply.Text != text {
			reply.Raw = nil // the text stands there in another form
		}
	} else if reply.Text != text {
		reply.Raw = nil
	}
	if err == nil {
		v.length(utf8.RuneCountInString(text))
	}
	if v.blocked != nil {
		reply.Text, reply.Raw = "", nil
		return reply, refusedOutput(v.blocked)
	}
	return reply, err
}
