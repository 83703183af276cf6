package generatetest

import (
	"encoding/json"
	"errors"
	"testing"

	"stylesprint"
)

// wantCode checks that an error is a *stylesprint.Error with a code and a message.
func wantCode(t *testing.T, err error, code stylesprint.Code) {
	t.Helper()
	var coded *stylesprint.Error
	if !errors.As(err, &coded) || coded.Code != code || coded.Message == "" {
		t.Errorf("error %v with code %q; want code %q", err, stylesprint.CodeOf(err), code)
	}
}

func rawExtra(name, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{name: json.RawMessage(value)}
}
