package wire

import (
	"net"
	"net/http"
	"regexp"
)

// Said is what the server says of the request itself, for whoever made the request and does not
// run this program: one line without addresses and ids of accounts. It is empty where the server
// did not speak of the request: with another status than 400, 413 or 422, in a text that is no
// object of JSON (a proxy's page), or of an account. The fault's code says what it is about.
func (e *StatusError) Said() string {
	switch e.Status {
	case 0, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return e.public()
	}
	return ""
}

const gone = "(removed)"

var (
	addresses = regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://[^\s"'<>()]+` + // a URL
		`|\blocalhost(:\d+)?\b` +
		`|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b` +
		`|\[[0-9a-f:.]*:[0-9a-f:.]*(%\w+)?\](:\d+)?` +
		`|\b[a-z0-9-]+(\.[a-z0-9-]+)+:\d{2,5}\b`)
	identities = regexp.MustCompile(`(?i)\b(sk|org|proj|acct|asst|user|key|req|team)[-_][a-z0-9*_-]{6,}`)
	// accounts are words by which a text speaks of whoever pays the server, not of the request.
	accounts = regexp.MustCompile(`(?i)\b(accounts?|api[ _-]?keys?|billing|credits?|invoices?|organi[sz]ations?|payments?|quotas?|subscriptions?|projects?|deployments?)\b`)
)

// public is a server's text without what is not the affair of whoever made the request.
func (e *StatusError) public() string {
	if accounts.MatchString(e.said) {
		return ""
	}
	text := identities.ReplaceAllString(addresses.ReplaceAllString(e.said, gone), gone)
	name, _, err := net.SplitHostPort(e.host)
	if err != nil {
		name = e.host
	}
	for _, own := range []string{e.host, name} {
		if own != "" {
			text = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(own)).ReplaceAllLiteralString(text, gone)
		}
	}
	return text
}

// Summary is what the log may hold of a failure where it keeps no texts: the status and the code,
// if that is a word and no sentence.
func (e *StatusError) Summary() string {
	plain := StatusError{Status: e.Status}
	if word.MatchString(e.Code) {
		plain.Code = e.Code
	}
	return plain.Error()
}

var word = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
