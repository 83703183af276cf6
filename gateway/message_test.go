package gateway

import (
	"testing"

	"stylesprint"
)

// Only a message with one role, one text and nothing else is read the short way: whatever else
// there is must reach the model, or be refused.
func TestPlainMessage(t *testing.T) {
	t.Parallel()
	for raw, plain := range map[string]bool{
		`{"role":"user","content":"a"}`:                          true,
		`{"content":"a","role":"system"}`:                        true,
		`{"role":"assistant","content":""}`:                      true,
		`{"role":"developer","content":"a"}`:                     false,
		`{"role":"tool","content":"a"}`:                          false,
		`{"role":"user"}`:                                        false,
		`{"content":"a"}`:                                        false,
		`{"role":"user","content":null}`:                         false,
		`{"role":"user","content":[{"type":"text"}]}`:            false,
		`{"role":"user","content":"a","name":"x"}`:               false,
		`{"name":"x","role":"user","content":"a"}`:               false,
		`{"role":"user","name":"x","content":"a","content":"b"}`: false,
		`{"role":"user","role":"user","content":"a"}`:            false,
		`{"role":"user","content":"a","content":"b"}`:            false,
		`["role"]`: false,
	} {
		m, ok := plainMessage([]byte(raw))
		if ok != plain {
			t.Errorf("%s: plain %v", raw, ok)
		}
		if ok && (m.Role == "" || m.Content != "a" && m.Role != stylesprint.RoleAssistant) {
			t.Errorf("%s: %+v", raw, m)
		}
	}
}
