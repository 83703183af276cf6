package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"stylesprint/gateway/route"
	"stylesprint/gateway/route/faulttest"
	"stylesprint/generate/openai"
)

// limit is the patience of the scenarios with silence: it stands for 10 s, so that "20 s" of
// silence are two of it.
const limit = time.Second

// Tokens of the two upstreams: what a client sees tells who answered.
const first, second = "a ", "b "

// form is how a scenario asks.
type form struct {
	name   string
	stream bool
	v1     bool
}

func forms() []form {
	return []form{{"whole", false, false}, {"stream", true, false}, {"whole", false, true}, {"stream", true, true}}
}

// scenario is a fault of the first upstream and what becomes of it; the second is well unless said otherwise.
type scenario struct {
	name   string
	fault  string // in words, for the table
	first  faulttest.Step
	second faulttest.Step // nil answers
	policy route.Policy
	// remote changes the first upstream: its address and the client that asks it.
	remote func(t *testing.T, o *openai.Options)
	whole  want
	stream want // an empty one: the scenario exists whole only
}

// want is the outcome of one form.
type want struct {
	client string // what the client sees
	calls  [2]int // to the upstreams
	target string // the first target's state afterwards
	record string
}

// Outcomes that many scenarios share.
const (
	fromSecond   = `200 "b b b b b"`
	closedFault  = "closed, 1 fault"
	closedClean  = "closed, no fault"
	recordMoved  = "200, 2 attempts, second, billed 0.0002"
	recordSecond = "200, 1 attempt, second, billed 0.0002"
)

// moved is a request that the second target answered instead of the first; calls is how many reached the first.
func moved(calls int) want {
	return want{fromSecond, [2]int{calls, 1}, closedFault, recordMoved}
}

// broken is a stream that ended with an error event after n pieces of text.
func broken(n int, code string, status int, billed string) want {
	return want{fmt.Sprintf("200, %d pieces, error event %s, cut", n, code), [2]int{1, 0}, closedFault, fmt.Sprintf("%d %s, 1 attempt, first, billed %s", status, code, billed)}
}

func scenarios(seen func() <-chan struct{}) []scenario {
	silent := route.Policy{FirstToken: limit, Idle: limit, Whole: limit}
	well := want{`200 "a a a a a"`, [2]int{1, 0}, closedClean, "200, 1 attempt, first, billed 0.00002"}
	refused := func(status int, code string) want {
		return want{fmt.Sprintf("%d %s", status, code), [2]int{1, 0}, closedClean, fmt.Sprintf("%d %s, 1 attempt, first, billed 0", status, code)}
	}
	rested := moved(1)
	rested.target = "closed, no fault, resting"
	limitedAll := want{"429 rate_limited, Retry-After 30", [2]int{1, 1}, "closed, no fault, resting", "429 rate_limited, 2 attempts, second, billed 0"}
	patient := want{`200 "a a a a a"`, [2]int{1, 0}, closedClean, "200, 1 attempt, first, billed 0.00002"}
	message := func(s string) string { return `{"error":{"message":"no","code":"` + s + `"}}` }
	return []scenario{
		{name: "none", fault: "none: the first target answers", first: faulttest.Answer(first, 5), whole: well, stream: well},
		{name: "429, long wait", fault: "429, `Retry-After: 30`", first: faulttest.LimitedSeconds(30), whole: rested, stream: rested},
		{name: "429, short wait", fault: "429, wait 20 ms, then well", first: faulttest.Rotate(faulttest.Limited(20*time.Millisecond), faulttest.Answer(first, 5)),
			whole:  want{`200 "a a a a a"`, [2]int{2, 0}, closedClean, "200, 2 attempts, first, billed 0.00002"},
			stream: want{`200 "a a a a a"`, [2]int{2, 0}, closedClean, "200, 2 attempts, first, billed 0.00002"}},
		{name: "429 everywhere", fault: "429, `Retry-After: 30`, of both targets", first: faulttest.LimitedSeconds(30), second: faulttest.LimitedSeconds(30), whole: limitedAll, stream: limitedAll},
		{name: "connection reset", fault: "connection reset in place of an answer", first: faulttest.Reset(), whole: moved(1), stream: moved(1)},
		{name: "reset in the middle", fault: "connection reset after 5 tokens", first: faulttest.ResetAfter(5, seen()), whole: moved(1), stream: broken(5, "upstream_error", 502, "0.000012")},
		{name: "silence", fault: "takes the request and says nothing", first: faulttest.Silence(), policy: silent, whole: moved(1), stream: moved(1)},
		{name: "20 s to the first token", fault: "headers and role at once, no token within the limit (10 s, here 1 s)", first: faulttest.Late(), policy: silent, whole: moved(1), stream: moved(1)},
		{name: "cut at token 40", fault: "connection closed after 40 tokens", first: faulttest.CutAt(40), whole: moved(1), stream: broken(40, "upstream_error", 502, "0.000046")},
		{name: "stall", fault: "silent after 10 tokens (limit 15 s, here 1 s)", first: faulttest.StallAt(10), policy: silent, whole: moved(1), stream: broken(10, "timeout", 504, "0.000016")},
		{name: "malformed first chunk", fault: "the first chunk with text is no JSON", first: faulttest.Malformed(0), whole: moved(1), stream: moved(1)},
		{name: "malformed chunk", fault: "a chunk after 5 tokens is no JSON", first: faulttest.Malformed(5), whole: moved(1), stream: broken(5, "upstream_error", 502, "0.000012")},
		{name: "missing [DONE]", fault: "finish and usage, but no `[DONE]`", first: faulttest.NoDone(5), stream: well},
		{name: "missing finish", fault: "a clean end after 5 tokens, without finish and `[DONE]`", first: faulttest.NoFinish(5), stream: broken(5, "upstream_error", 502, "0.000012")},
		{name: "400", fault: "400", first: faulttest.Status(400, message("invalid_value")), whole: refused(400, "invalid_request"), stream: refused(400, "invalid_request")},
		{name: "400, context", fault: "400, context too long", first: faulttest.Status(400, message("context_length_exceeded")), whole: refused(422, "context_too_long"), stream: refused(422, "context_too_long")},
		{name: "400, refused", fault: "400, declined by the safety system", first: faulttest.Status(400, message("content_filter")), whole: refused(422, "refused"), stream: refused(422, "refused")},
		{name: "401", fault: "401: our key is not accepted", first: faulttest.Status(401, message("invalid_api_key")), whole: moved(1), stream: moved(1)},
		{name: "500", fault: "500", first: faulttest.Status(500, `oops`), whole: moved(1), stream: moved(1)},
		{name: "wrong usage", fault: "a usage of a billion tokens", first: faulttest.AnswerUsage(first, 5, `{"prompt_tokens":1000000000,"completion_tokens":1000000000}`),
			whole: want{well.client, well.calls, closedClean, "200, 1 attempt, first, billed 0.000012"}, stream: want{well.client, well.calls, closedClean, "200, 1 attempt, first, billed 0.000012"}},
		{name: "slow drip", fault: "a token each 20 ms", first: faulttest.Drip(5, 20*time.Millisecond), whole: patient, stream: patient},
		{name: "oversized answer", fault: "more than the 64 KiB allowed here", first: faulttest.Oversized(), whole: moved(1), stream: broken(56, "upstream_error", 502, "0.028678")},
		{name: "TLS failure", fault: "a certificate that is not trusted", remote: untrusted, whole: moved(0), stream: moved(0)},
		{name: "DNS failure", fault: "the name does not exist", remote: unknownHost, whole: moved(0), stream: moved(0)},
		{name: "connection refused", fault: "nothing listens", remote: nobody, whole: moved(0), stream: moved(0)},
		{name: "error in the stream", fault: "an error as an event after 5 tokens (whole: in place of an answer)", first: faulttest.InBand(5), whole: moved(1), stream: broken(5, "upstream_error", 502, "0.000012")},
		{name: "error at once in the stream", fault: "an error as the first event", first: faulttest.InBand(0), whole: moved(1), stream: moved(1)},
		{name: "empty 200", fault: "200 without a body", first: faulttest.Empty(), whole: moved(1), stream: moved(1)},
		{name: "a page", fault: "200 with a page of a proxy", first: faulttest.Page(), whole: moved(1), stream: moved(1)},
		{name: "no HTTP", fault: "something that is no HTTP", first: faulttest.Garbage(), whole: moved(1), stream: moved(1)},
		{name: "redirect", fault: "302, which is not followed", first: faulttest.Status(302, "", "Location", "/v1/elsewhere"), whole: moved(1), stream: moved(1)},
		{name: "all down", fault: "503 of both targets, twice each", first: faulttest.Status(503, `{}`), second: faulttest.Status(503, `{}`), policy: route.Policy{Attempts: 4},
			whole:  want{"503 unavailable, Retry-After 1", [2]int{2, 2}, "closed, 2 faults", "503 unavailable, 4 attempts, second, billed 0"},
			stream: want{"503 unavailable, Retry-After 1", [2]int{2, 2}, "closed, 2 faults", "503 unavailable, 4 attempts, second, billed 0"}},
		{name: "deadline", fault: "500; then the second is silent until the deadline of all attempts (2 min, here 2 s)", first: faulttest.Status(500, `{}`), second: faulttest.Silence(), policy: route.Policy{FirstToken: time.Minute, Whole: time.Minute, Deadline: 2 * limit},
			whole:  want{"504 timeout", [2]int{1, 1}, closedFault, "504 timeout, 2 attempts, second, billed 0"},
			stream: want{"504 timeout", [2]int{1, 1}, closedFault, "504 timeout, 2 attempts, second, billed 0"}},
	}
}

func untrusted(t *testing.T, o *openai.Options) {
	o.BaseURL = faulttest.NewTLS(t, faulttest.Answer(first, 5)).BaseURL()
}

func unknownHost(t *testing.T, o *openai.Options) {
	o.BaseURL, o.HTTPClient = "http://model.example.invalid/v1", faulttest.NoSuchHost(t)
}

// nobody is a port at which nothing listens: tcpmux's. One that was free a moment ago may be
// another scenario's by now.
func nobody(_ *testing.T, o *openai.Options) { o.BaseURL = "http://127.0.0.1:1/v1" }
