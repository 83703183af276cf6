package postgres

import (
	"context"
	"testing"

	"stylesprint/access"
)

// Nobody can change what the audit trail says, not even with SQL.
func TestTrailIsOnlyAddedTo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, shared.Database(t))
	if err := d.AppendAudit(ctx, access.AuditEntry{Actor: "a", Action: "b"}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"UPDATE access_audit SET actor = 'nobody'", "DELETE FROM access_audit", "TRUNCATE access_audit"} {
		if _, err := d.sql.ExecContext(ctx, statement); err == nil {
			t.Errorf("%s: was done", statement)
		}
	}
	entries, err := d.AuditEntries(ctx, access.AuditFilter{})
	if err != nil || len(entries) != 1 || entries[0].Actor != "a" {
		t.Errorf("%+v, %v", entries, err)
	}
}
