package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"stylesprint"
	"stylesprint/access"
)

// FeedbackStore keeps what people say of answers.
type FeedbackStore interface {
	// AddFeedback stores one; an id that is there already is left as it is.
	AddFeedback(ctx context.Context, f stylesprint.Feedback) error
	// MadeRequest says whether the request log has a request of a key whose answer bore this id.
	MadeRequest(ctx context.Context, key, id string) (bool, error)
	// EraseFeedback deletes what a subject, by its hash, has given, and says how much it was.
	EraseFeedback(ctx context.Context, subject string) (int, error)
}

// Feedback configures POST and DELETE /feedback.
type Feedback struct {
	Store FeedbackStore
	// Key makes the hashes of subjects: at least 32 random bytes, the same in every replica
	// and for as long as feedback is kept, or a subject's cannot be erased.
	Key stylesprint.Secret
	// Clean takes what may not be kept out of a text; nil keeps it as it is.
	Clean func(string) string
	// PerMinute bounds how much each key may send; more is answered 429. Defaults to 120.
	PerMinute int
	// Patience is how long a request that the log does not know is looked for again: records reach the
	// log a moment after their answers. Defaults to 1 s.
	Patience time.Duration
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Bounds of feedback, in bytes.
const (
	maxEdited   = 32 << 10
	maxSubject  = 256
	maxFeedback = 4096 // callers whose rate is known at a time
)

func (f *Feedback) validate(fault func(format string, a ...any)) {
	if f == nil {
		return
	}
	if f.Store == nil {
		fault("feedback.store: missing")
	}
	if len(f.Key.Reveal()) < 32 {
		fault("feedback.key: want at least 32 bytes")
	}
	if f.PerMinute < 0 {
		fault("feedback.per_minute: want 0 or more, got %d", f.PerMinute)
	}
	if f.Patience < 0 {
		fault("feedback.patience: want 0 or more, got %v", f.Patience)
	}
}

// SubjectHash is how a subject is stored: a keyed hash, from which nobody without the key can tell who it is.
func (f *Feedback) SubjectHash(subject string) string {
	return SubjectHash(f.Key, subject)
}

// SubjectHash is the hash of a subject, without the space around it, under a key: 64 hexadecimal digits, or "" of
// no subject.
func SubjectHash(key stylesprint.Secret, subject string) string {
	subject = strings.TrimSpace(subject)
	if subject == "" {
		return ""
	}
	h := hmac.New(sha256.New, []byte(key.Reveal()))
	h.Write([]byte(subject))
	return hex.EncodeToString(h.Sum(nil))
}

// feedbackRates bounds what each caller sends.
type feedbackRates struct {
	mu      sync.Mutex
	callers map[string]*rate.Limiter
}

func (r *feedbackRates) allow(caller string, perMinute int, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.callers[caller]
	if l == nil {
		if len(r.callers) >= maxFeedback || r.callers == nil {
			r.callers = map[string]*rate.Limiter{} // all begin anew: nobody is kept out by others
		}
		l = rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)
		r.callers[caller] = l
	}
	return l.AllowN(now, 1)
}

// feedbackGiven is the answer to POST /feedback.
type feedbackGiven struct {
	ID        string `json:"feedback_id"`
	RequestID string `json:"request_id"`
	Consent   bool   `json:"consent"`
}

// feedbackErased is the answer to DELETE /feedback.
type feedbackErased struct {
	Erased int `json:"erased"`
}

// giveFeedback answers POST /feedback.
func (g *Gateway) giveFeedback(w http.ResponseWriter, r *http.Request, x *exchange) error {
	o := g.o.Feedback
	if o == nil {
		return unknownPath(w, r, x)
	}
	now := o.now()
	if !g.feedback.allow(x.caller.KeyID, o.perMinute(), now) {
		return &stylesprint.Error{Code: stylesprint.CodeRateLimited, RetryAfter: time.Second, Message: "Too much feedback at once", Hint: "send it more slowly"}
	}
	f, err := decode(r)
	if err != nil {
		return err
	}
	out := stylesprint.Feedback{
		ID: "fb_" + strings.ToLower(rand.Text()), Time: now.UTC(), KeyID: x.caller.KeyID,
		RequestID: f.text("request_id"), EditedText: f.text("edited_text"), Consent: f.flag("consent"),
	}
	rating, subject := f.integer("rating"), f.text("subject")
	if err := f.only("request_id", "rating", "edited_text", "consent", "subject"); err != nil {
		return err
	}
	switch {
	case !validID(out.RequestID):
		return invalid("request_id", "request_id is required: the X-Request-ID of the answer, 1 to 128 letters, digits, '.', '-', '_' or '~'")
	case rating == nil || *rating < -1 || *rating > 1:
		return invalid("rating", "rating is required: -1 (bad), 0 or 1 (good)")
	case len(out.EditedText) > maxEdited:
		return invalid("edited_text", fmt.Sprintf("edited_text has %d bytes; send at most %d", len(out.EditedText), maxEdited))
	case len(subject) > maxSubject:
		return invalid("subject", fmt.Sprintf("subject has %d bytes; send at most %d", len(subject), maxSubject))
	}
	out.Rating, out.Subject = *rating, o.SubjectHash(subject)
	if o.Clean != nil {
		out.EditedText = o.Clean(out.EditedText)
	}
	out.EditedText = storable(out.EditedText)
	if err := o.mayRate(r.Context(), x.caller, out.RequestID); err != nil {
		return err
	}
	if err := o.Store.AddFeedback(r.Context(), out); err != nil {
		return fromStore(err, feedbackAway)
	}
	writeJSON(w, http.StatusCreated, feedbackGiven{out.ID, out.RequestID, out.Consent})
	return nil
}

const feedbackAway = "Feedback cannot be taken at the moment"

// mayRate refuses feedback of a key on requests that it has not made. Whoever may do everything,
// as everybody may on a server that asks for no keys, may rate what the log does not know. Others learn
// nothing of requests of other keys: those are as unknown as any, and as long in being looked for.
func (f *Feedback) mayRate(ctx context.Context, c Caller, id string) error {
	if c.may(access.Admin) {
		return nil
	}
	patience := f.Patience
	if patience == 0 {
		patience = time.Second
	}
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		made, err := f.Store.MadeRequest(ctx, c.KeyID, id)
		switch {
		case err != nil:
			return fromStore(err, feedbackAway)
		case made:
			return nil
		case patience <= 0:
			return &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "request_id", Message: "This key has made no request with this id",
				Hint: "send the X-Request-ID of an answer to this key; one of the last seconds may not be in the log yet, so try again"}
		}
		pause = min(pause, patience)
		patience -= pause
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// Pauses between looks for a request.
const (
	firstLook = 25 * time.Millisecond // doubles
	lastLook  = 200 * time.Millisecond
)

// eraseFeedback answers DELETE /feedback?subject=.
func (g *Gateway) eraseFeedback(w http.ResponseWriter, r *http.Request, x *exchange) error {
	o := g.o.Feedback
	if o == nil {
		return unknownPath(w, r, x)
	}
	query := r.URL.Query()
	subject := query.Get("subject")
	if strings.TrimSpace(subject) == "" || len(subject) > maxSubject || len(query) > 1 || !utf8.ValidString(subject) {
		return invalid("subject", fmt.Sprintf("subject is required in the query, and nothing else: 1 to %d bytes", maxSubject))
	}
	n, err := o.Store.EraseFeedback(r.Context(), o.SubjectHash(subject))
	if err != nil {
		return fromStore(err, "Feedback cannot be erased at the moment")
	}
	writeJSON(w, http.StatusOK, feedbackErased{n})
	return nil
}

func (f *Feedback) now() time.Time {
	if f.Now == nil {
		return time.Now()
	}
	return f.Now()
}

func (f *Feedback) perMinute() int {
	if f.PerMinute == 0 {
		return 120
	}
	return f.PerMinute
}

// validID is true for what can be the id of a request.
func validID(s string) bool {
	if s == "" || len(s) > 128 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r >= utf8.RuneSelf || !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(".-_~", r))
	})
}
