package release

import (
	"fmt"
	"strconv"
	"strings"
)

// Change is a field in which two releases differ. Texts are empty where there is nothing.
type Change struct {
	Field string `json:"field"` // its JSON name: "params.temperature"
	From  string `json:"from"`
	To    string `json:"to"`
}

// Diff lists the fields in which two releases differ, in the order of Release. A prompt is
// named by name and version; its words are for whoever shows them.
func Diff(from, to Release) []Change {
	var out []Change
	add := func(field, a, b string) {
		if a != b {
			out = append(out, Change{field, a, b})
		}
	}
	add("name", from.Name, to.Name)
	add("targets", strings.Join(from.Targets, ", "), strings.Join(to.Targets, ", "))
	add("model", from.Model.String(), to.Model.String())
	add("model.revision", from.Model.Revision, to.Model.Revision)
	add("model.sha256", from.Model.SHA256, to.Model.SHA256)
	add("adapter", from.Adapter, to.Adapter)
	add("prompt", from.Prompt.Version(), to.Prompt.Version())
	out = append(out, paramChanges(from.Params, to.Params)...)
	add("policy.version", from.Policy.Version, to.Policy.Version)
	add("policy.disclosure", from.Policy.Disclosure, to.Policy.Disclosure)
	add("evidence.evaluation", from.Evidence.Evaluation, to.Evidence.Evaluation)
	add("evidence.audit", from.Evidence.Audit, to.Evidence.Audit)
	add("evidence.review", from.Evidence.Review, to.Evidence.Review)
	add("notes", from.Notes, to.Notes)
	add("approver", from.Approver, to.Approver)
	return out
}

// Version is "brand-voice@3f2a91c04d11", or "" for no prompt.
func (p Prompt) Version() string {
	if p.Name == "" {
		return ""
	}
	return p.Name + "@" + p.Hash[:min(len(p.Hash), 12)]
}

func paramChanges(from, to Params) []Change {
	a, b := from.fields(), to.fields()
	var out []Change
	for i := range a {
		if a[i].To != b[i].To {
			out = append(out, Change{"params." + a[i].Field, a[i].To, b[i].To})
		}
	}
	return out
}

// Set lists the parameters that are set, with their values in To.
func (p Params) Set() []Change {
	var out []Change
	for _, f := range p.fields() {
		if f.To != "" {
			out = append(out, f)
		}
	}
	return out
}

// fields are all parameters as text, in order.
func (p Params) fields() []Change {
	float := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	}
	whole := func(v *int) string {
		if v == nil {
			return ""
		}
		return strconv.Itoa(*v)
	}
	seed, stop := "", ""
	if p.Seed != nil {
		seed = strconv.FormatUint(*p.Seed, 10)
	}
	if len(p.Stop) > 0 {
		stop = fmt.Sprintf("%q", p.Stop)
	}
	return []Change{
		{Field: "temperature", To: float(p.Temperature)}, {Field: "top_p", To: float(p.TopP)}, {Field: "top_k", To: whole(p.TopK)},
		{Field: "min_p", To: float(p.MinP)}, {Field: "repetition_penalty", To: float(p.RepetitionPenalty)},
		{Field: "seed", To: seed}, {Field: "max_tokens", To: whole(p.MaxTokens)}, {Field: "stop", To: stop},
	}
}
