package route

import (
	"stylesprint"
	"stylesprint/generate"
)

// account prices what an attempt used. A provider's figures that are missing or cannot be
// right are replaced by an estimate, so that neither a stream that broke off nor a broken counter
// goes unpaid or empties a budget.
func (a *attempt) account(reply *stylesprint.Reply, err error) {
	p := a.place
	reply.Target = p.Name
	if a.firstTook > 0 {
		reply.FirstToken = a.start.Sub(a.call.start) + a.firstTook
	}
	if why := doubt(a.req, *reply, err); why != "" {
		reply.Usage = estimate(a.req, reply.Text)
		if err == nil {
			p.doubted(why)
		}
		if p.Price == (stylesprint.Price{}) {
			reply.Cost = 0 // it was that of the wrong figures
		}
	}
	if p.Price != (stylesprint.Price{}) {
		reply.Cost = p.Price.Cost(reply.Usage)
	}
	a.billed += reply.Cost
}

// doubt says why a usage cannot be that of an answer: "missing", "implausible", or "" where it can.
// The bounds are wide: tokenisers differ, and providers add prompts of their own.
func doubt(req generate.Request, reply stylesprint.Reply, err error) string {
	u := reply.Usage
	switch {
	case reply.Text == "" && err != nil:
		return ""
	case u == (stylesprint.Usage{}):
		if reply.Text == "" {
			return ""
		}
		return "missing"
	case reply.Text != "" && (u.CompletionTokens == 0 || u.PromptTokens == 0):
		return "implausible"
	case len(req.Extra) > 0: // several choices, pictures, tools
		return ""
	case u.CompletionTokens > 2*maxTokens(req)+64, u.PromptTokens > 2*promptBytes(req)+4096:
		return "implausible"
	}
	return ""
}

// estimate takes four bytes for a token.
func estimate(req generate.Request, text string) stylesprint.Usage {
	return stylesprint.Usage{PromptTokens: promptTokens(req), CompletionTokens: (len(text) + 3) / 4}
}

func promptTokens(req generate.Request) int { return (promptBytes(req) + 3) / 4 }

func promptBytes(req generate.Request) int {
	n := len(req.Prompt)
	for _, m := range req.Messages {
		n += len(m.Content)
	}
	return n + len(req.Extra[generate.ExtraMessages])
}

// maxTokens is the longest answer that a request allows.
func maxTokens(req generate.Request) int {
	if req.Params.MaxTokens != nil {
		return *req.Params.MaxTokens
	}
	return generate.DefaultMaxTokens
}
