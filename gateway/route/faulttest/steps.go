package faulttest

import (
	"strconv"
	"time"
)

// Answer answers well, with n pieces.
func Answer(piece string, n int) Step {
	return AnswerUsage(piece, n, usage(n))
}

// AnswerUsage answers well but for a usage of its own, as JSON.
func AnswerUsage(piece string, n int, usage string) Step {
	return func(c *Call) {
		if !c.Stream {
			c.Whole(repeated(piece, n), usage)
			return
		}
		c.Begin()
		c.Tokens(piece, n)
		c.Finish(usage)
		c.Done()
	}
}

// Status refuses with a status; header is in pairs.
func Status(status int, body string, header ...string) Step {
	return func(c *Call) { c.Refuse(status, body, header...) }
}

// Limited is a 429 that asks to wait.
func Limited(wait time.Duration) Step {
	return Status(429, `{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}`,
		"Retry-After-Ms", strconv.FormatInt(wait.Milliseconds(), 10))
}

// LimitedSeconds is one in whole seconds, as HTTP has it.
func LimitedSeconds(n int) Step {
	return Status(429, `{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}`, "Retry-After", strconv.Itoa(n))
}

// Reset resets the connection in place of an answer.
func Reset() Step { return func(c *Call) { c.Reset() } }

// ResetAfter resets it after n pieces, once the caller's own reader has seen them and closed seen; a whole
// answer is reset in its middle.
func ResetAfter(n int, seen <-chan struct{}) Step {
	return func(c *Call) {
		if !c.Stream {
			c.halfBody(n)
			c.Reset()
			return
		}
		c.Begin()
		c.Tokens("a ", n)
		select {
		case <-seen:
		case <-c.R.Context().Done():
		}
		c.Reset()
	}
}

// halfBody sends the first half of a whole answer and says that more will come.
func (c *Call) halfBody(n int) {
	b := c.body(repeated("a ", n), usage(n))
	c.W.Header().Set("Content-Type", "application/json")
	c.W.Header().Set("Content-Length", strconv.Itoa(len(b)))
	c.Send(half(b))
}

// Silence takes the request and says nothing until the caller leaves.
func Silence() Step { return func(c *Call) { c.Wait() } }

// Late begins a stream at once but has no token for a long time.
func Late() Step {
	return func(c *Call) {
		if c.Stream {
			c.Begin()
		}
		c.Wait()
	}
}

// CutAt cuts the connection after n pieces, or in the middle of a whole answer.
func CutAt(n int) Step {
	return func(c *Call) {
		if !c.Stream {
			c.halfBody(n)
			c.Cut()
		}
		c.Begin()
		c.Tokens("a ", n)
		c.Cut()
	}
}

// StallAt falls silent after n pieces, or in the middle of a whole answer.
func StallAt(n int) Step {
	return func(c *Call) {
		if c.Stream {
			c.Begin()
			c.Tokens("a ", n)
		} else {
			c.halfBody(n)
		}
		c.Wait()
	}
}

// Malformed sends something that is no JSON after n pieces.
func Malformed(n int) Step {
	return func(c *Call) {
		if !c.Stream {
			c.W.Header().Set("Content-Type", "application/json")
			c.Send(`{"choices":[{"message":{"content":"a a `)
			return
		}
		c.Begin()
		c.Tokens("a ", n)
		c.Event(`{"choices":[{"delta":{"content":"a `)
		c.Tokens("a ", 5)
		c.Finish(usage(n + 5))
		c.Done()
	}
}

// NoDone ends a stream of n pieces after its finish, without [DONE].
func NoDone(n int) Step {
	return func(c *Call) {
		c.Begin()
		c.Tokens("a ", n)
		c.Finish(usage(n))
	}
}

// NoFinish ends a stream of n pieces, properly for HTTP, without a finish and without [DONE].
func NoFinish(n int) Step {
	return func(c *Call) {
		c.Begin()
		c.Tokens("a ", n)
	}
}

// Drip sends n pieces with a pause before each.
func Drip(n int, pause time.Duration) Step {
	return func(c *Call) {
		if !c.Stream {
			b := c.body(repeated("a ", n), usage(n))
			c.W.Header().Set("Content-Type", "application/json")
			for i := range n {
				time.Sleep(pause)
				c.Send(b[len(b)*i/n : len(b)*(i+1)/n])
			}
			return
		}
		c.Begin()
		for range n {
			time.Sleep(pause)
			c.Token("a ")
		}
		c.Finish(usage(n))
		c.Done()
	}
}

// Oversized sends pieces for as long as the caller reads, up to 64 MiB.
func Oversized() Step {
	return func(c *Call) {
		piece := repeated("a", 1<<10)
		if !c.Stream {
			c.W.Header().Set("Content-Type", "application/json")
			c.Send(`{"choices":[{"index":0,"message":{"content":"`)
		} else {
			c.Begin()
		}
		for range 64 << 10 {
			if c.R.Context().Err() != nil {
				return
			}
			if c.Stream {
				c.Token(piece)
			} else {
				c.Send(piece)
			}
		}
	}
}

// InBand sends an error as an event after n pieces; a whole answer is the error with status 200.
func InBand(n int) Step {
	const fault = `{"error":{"message":"The server had an error","type":"server_error","code":"internal_error"}}`
	return func(c *Call) {
		if !c.Stream {
			c.Refuse(200, fault)
			return
		}
		c.Begin()
		c.Tokens("a ", n)
		c.Event(fault)
	}
}

// Empty is a 200 without a body.
func Empty() Step {
	return func(c *Call) {
		if c.Stream {
			c.W.Header().Set("Content-Type", "text/event-stream")
		}
		c.W.WriteHeader(200)
	}
}

// Page is a 200 with a page for people, as a proxy in between answers.
func Page() Step {
	return func(c *Call) {
		c.W.Header().Set("Content-Type", "text/html")
		c.Send("<!doctype html>\n<title>Sign in</title>\n<p>Please sign in to the network.\n")
	}
}

// Garbage is no HTTP at all.
func Garbage() Step { return func(c *Call) { c.Raw("\x16\x03\x01 SSH-2.0-nothing\r\n\r\n") } }

// Rotate plays the steps in turn, for ever.
func Rotate(steps ...Step) Step {
	return func(c *Call) { steps[(c.Number-1)%len(steps)](c) }
}
