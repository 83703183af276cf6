package stylesprint

import "time"

// RequestRecord is one served request as the request log keeps it: metadata
// always, bodies only when the operator asked for them.
type RequestRecord struct {
	ID         string        `json:"request_id"`
	Time       time.Time     `json:"time"`  // when the request arrived, UTC
	Route      string        `json:"route"` // "/generate/", "/v1/chat/completions"
	Model      string        `json:"model"` // the model that answered, or that was asked for; empty where none was asked
	KeyID      string        `json:"key_id,omitempty"`
	Status     int           `json:"status"` // HTTP status
	Code       Code          `json:"code,omitempty"`
	Stream     bool          `json:"stream"`
	Usage      Usage         `json:"usage"`
	Cost       Money         `json:"cost"`
	Latency    time.Duration `json:"latency_ns"`
	FirstToken time.Duration `json:"first_token_ns,omitempty"`
	// Billed is what the upstream bills for the request: Cost, and failed attempts.
	Billed   Money  `json:"billed"`
	Release  string `json:"release,omitempty"`  // that served it
	Target   string `json:"target,omitempty"`   // that answered
	Attempts int    `json:"attempts,omitempty"` // targets asked; 0 where no route chose
	Cache    string `json:"cache,omitempty"`    // "hit" or "miss" where the cache was asked
	Flags    string `json:"flags,omitempty"`    // rules of content safety that matched, joined by commas
	Prompt   string `json:"prompt,omitempty"`   // only with bodies on
	Response string `json:"response,omitempty"` // only with bodies on
}
