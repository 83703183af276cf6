package stylesprint

import "time"

// Feedback is what somebody said of one answer. It names nobody: Subject is a keyed hash.
type Feedback struct {
	ID         string    `json:"feedback_id"`
	RequestID  string    `json:"request_id"` // of the answer; the request log may not have it (any more)
	Time       time.Time `json:"time"`       // when it was given, UTC
	KeyID      string    `json:"key_id,omitempty"`
	Rating     int       `json:"rating"`                // -1 bad, 0, 1 good
	EditedText string    `json:"edited_text,omitempty"` // what the answer should have been
	// Consent says that it may be kept, and learnt from. Without it, it is deleted after some days.
	Consent bool   `json:"consent"`
	Subject string `json:"subject,omitempty"` // hexadecimal HMAC-SHA256 of who gave it, to erase by
}

// FeedbackExample is feedback with what the request log has of the answer: empty where the
// request is not there, and without texts where it keeps none.
type FeedbackExample struct {
	Feedback
	Model    string `json:"model,omitempty"`
	Release  string `json:"release,omitempty"`
	Prompt   string `json:"prompt,omitempty"`
	Response string `json:"response,omitempty"`
}
