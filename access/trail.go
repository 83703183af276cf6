package access

import (
	"context"
	"strings"
	"time"
	"unicode"

	"stylesprint"
)

// AuditEntry is one act of an administrator.
type AuditEntry struct {
	ID      int64     `json:"id"` // set by the store; grows
	Time    time.Time `json:"time"`
	Actor   string    `json:"actor"`            // "key-3f... (Ops)", "a@example.com", "command line"
	Action  string    `json:"action"`           // "key.created"; the Action constants and others of their form
	Subject string    `json:"subject"`          // what was acted on: a key's or release's id
	Detail  string    `json:"detail,omitempty"` // never holds a secret or a prompt
}

// AuditFilter chooses entries.
type AuditFilter struct {
	Limit  int   // at most so many; 0 means 100
	Before int64 // only entries with a smaller id; 0 means all
	Action string
}

// TrailStore keeps entries; none is ever changed or removed.
type TrailStore interface {
	// AppendAudit adds an entry and gives it an id.
	AppendAudit(ctx context.Context, e AuditEntry) error
	// AuditEntries lists entries, newest first.
	AuditEntries(ctx context.Context, f AuditFilter) ([]AuditEntry, error)
}

// Trail is the record of what administrators did.
type Trail struct {
	store TrailStore
	now   func() time.Time
}

// NewTrail writes to a store. A nil clock means time.Now.
func NewTrail(store TrailStore, now func() time.Time) *Trail {
	if now == nil {
		now = time.Now
	}
	return &Trail{store, now}
}

// Append adds an entry. A zero Time is now. Texts are cut to 500 characters, and control
// characters become spaces, so that an entry is one line. Actor and Action are needed.
func (t *Trail) Append(ctx context.Context, e AuditEntry) error {
	if e.Actor == "" || e.Action == "" {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "an entry of the audit trail needs an actor and an action"}
	}
	if e.Time.IsZero() {
		e.Time = t.now()
	}
	e.Actor, e.Action, e.Subject, e.Detail = line(e.Actor), line(e.Action), line(e.Subject), line(e.Detail)
	return t.store.AppendAudit(ctx, e)
}

// List returns entries, newest first.
func (t *Trail) List(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	return t.store.AuditEntries(ctx, f)
}

const maxLine = 500 // characters

func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if runes := []rune(s); len(runes) > maxLine {
		s = string(runes[:maxLine-1]) + "…"
	}
	return s
}
