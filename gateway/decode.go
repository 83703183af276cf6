package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"stylesprint"
	"stylesprint/internal/httpserver"
)

// readBody reads a whole body of JSON.
func readBody(r *http.Request) ([]byte, error) {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, refusal(http.StatusUnsupportedMediaType, "Compressed bodies are not accepted", "send the JSON as it is, without Content-Encoding")
	}
	var read bytes.Buffer
	read.Grow(int(max(0, min(r.ContentLength, 64<<10))) + bytes.MinRead)
	_, err := read.ReadFrom(r.Body)
	b := read.Bytes()
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, httpserver.BodyTooLarge(large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, refusal(http.StatusRequestTimeout, "The request body did not arrive in time", "send it at once, in one piece")
	case err != nil:
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The request body broke off", Hint: "send all of it; Content-Length must be its length in bytes", Err: err}
	case len(bytes.TrimSpace(b)) == 0:
		return nil, badBody(r, "The request body is empty; send a JSON object")
	case !utf8.Valid(b):
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("The request body is not valid UTF-8 at byte %d", invalidAt(b)), Hint: "encode the JSON as UTF-8"}
	case deeper(b, maxDepth):
		return nil, badBody(r, fmt.Sprintf("The request body is nested more than %d deep", maxDepth))
	}
	return b, nil
}

// invalidAt is the offset of the first byte that is no UTF-8, counted from 1.
func invalidAt(b []byte) int {
	at := 0
	for at < len(b) {
		c, n := utf8.DecodeRune(b[at:])
		if c == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at + 1
}

// badBody is the fault of a body that is no object of JSON; its hint shows one.
func badBody(r *http.Request, message string) error {
	e := invalid("", message)
	if example := exampleOf(exchangeOf(r).label); example != "" {
		e.Hint = "send one such as " + example
	}
	return e
}

// exampleOf is a small body that a route takes.
func exampleOf(label string) string {
	switch label {
	case "/generate/":
		return `{"prompt": "Describe a linen shirt."}`
	case "/answer":
		return `{"sku": "SS-DR-101", "question": "Does it have pockets?"}`
	case "/v1/chat/completions":
		return `{"messages": [{"role": "user", "content": "Describe a linen shirt."}]}`
	case "/v1/completions":
		return `{"prompt": "A linen shirt is"}`
	case "/v1/embeddings":
		return `{"input": "a linen shirt"}`
	case "/feedback":
		return `{"request_id": "req_...", "rating": 1}`
	}
	return ""
}

// maxDepth is how deep lists and objects of a body may stand in one another: readers of JSON
// take stack for each level.
const maxDepth = 256

// deeper is true where more than so many brackets are open at once, outside of strings.
func deeper(b []byte, most int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > most {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

// fields are the members of one JSON object. Each is taken once, by name and
// type; null counts as absent. The first fault is kept in err, and what nobody
// took is left in rest.
type fields struct {
	path string // where the object stands, with a trailing dot: "messages[0]."
	rest map[string]json.RawMessage
	err  error
}

// decode reads a request's body as one object.
func decode(r *http.Request) (*fields, error) {
	b, err := readBody(r)
	if err != nil {
		return nil, err
	}
	rest, err := members(b)
	if err != nil {
		return nil, malformed(r, err)
	}
	if rest == nil { // the body is null
		return nil, malformed(r, errNoObject)
	}
	return &fields{rest: rest}, nil
}

// malformed says where JSON goes wrong, without quoting it.
func malformed(r *http.Request, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return badBody(r, fmt.Sprintf("The request body is not valid JSON: unexpected character or end at byte %d", syntax.Offset))
	}
	return badBody(r, "The request body must be a JSON object")
}

// object reads a nested object.
func object(path string, raw json.RawMessage) *fields {
	rest, err := membersOf(raw)
	f := &fields{path: path + ".", rest: rest}
	if err != nil || rest == nil {
		f.err = invalid(path, path+" must be an object")
	}
	return f
}

// take removes a member and returns it, or nil where it is absent or null.
func (f *fields) take(name string) json.RawMessage {
	raw, ok := f.rest[name]
	if !ok {
		return nil
	}
	delete(f.rest, name)
	if string(raw) == "null" {
		return nil
	}
	return raw
}

func (f *fields) fault(name, want string) {
	if f.err == nil {
		f.err = invalid(f.path+name, f.path+name+" must be "+want)
	}
}

// text takes a string; "" where it is absent.
func (f *fields) text(name string) string {
	raw := f.take(name)
	if raw == nil {
		return ""
	}
	s, ok := textOf(raw)
	if !ok {
		f.fault(name, "a string")
	}
	return s
}

func (f *fields) number(name string) *float64 {
	raw := f.take(name)
	if raw == nil {
		return nil
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if c := raw[0]; err != nil || c != '-' && (c < '0' || c > '9') { // of valid JSON, only a number begins so
		f.fault(name, "a number")
		return nil
	}
	return &v
}

// integer takes a whole number, also one written as 1e2 or 100.0.
func (f *fields) integer(name string) *int {
	v := f.number(name)
	if v == nil {
		return nil
	}
	if *v != math.Trunc(*v) || math.Abs(*v) > math.MaxInt32 {
		f.fault(name, fmt.Sprintf("a whole number of at most %d", math.MaxInt32))
		return nil
	}
	n := int(*v)
	return &n
}

func (f *fields) seed(name string) *uint64 {
	raw := f.take(name)
	if raw == nil {
		return nil
	}
	n, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil {
		f.fault(name, "a whole number from 0 to 18446744073709551615")
		return nil
	}
	return &n
}

func (f *fields) flag(name string) bool {
	raw := f.take(name)
	if raw == nil {
		return false
	}
	switch string(raw) {
	case "true":
		return true
	case "false":
	default:
		f.fault(name, "true or false")
	}
	return false
}

// list takes an array; ok is false where the member is absent or no array.
func (f *fields) list(name string) (items []json.RawMessage, ok bool) {
	raw := f.take(name)
	if raw == nil {
		return nil, false
	}
	if items, ok = elements(raw); !ok {
		f.fault(name, "a list")
	}
	return items, ok
}

// texts takes a string or a list of strings.
func (f *fields) texts(name string) []string {
	raw := f.take(name)
	if raw == nil {
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}
	}
	var many []*string
	if json.Unmarshal(raw, &many) != nil || slices.Contains(many, nil) {
		f.fault(name, "a string or a list of strings")
		return nil
	}
	out := make([]string, len(many))
	for i, s := range many {
		out[i] = *s
	}
	return out
}

// only refuses members that nobody has taken.
func (f *fields) only(known ...string) error {
	if f.err != nil || len(f.rest) == 0 {
		return f.err
	}
	name := slices.Min(slices.Collect(maps.Keys(f.rest)))
	return &stylesprint.Error{
		Code: stylesprint.CodeInvalid, Field: clip(name), Message: fmt.Sprintf("Unknown field %q", clip(name)),
		Hint: "known fields are " + strings.Join(known, ", "),
	}
}

// clip shortens a name that the client made up.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
