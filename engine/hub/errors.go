package hub

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Fault is the kind of an Error.
type Fault string

// The faults.
const (
	UnknownModel Fault = "unknown_model" // not in the registry, and no such file
	NotCached    Fault = "not_cached"    // known, but not on this machine
	Offline      Fault = "offline"       // not on this machine, and fetching is switched off
	NoNetwork    Fault = "no_network"    // no source can be reached
	NoPip        Fault = "no_pip"        // no working pip on this machine
	Refused      Fault = "refused"       // a source was reached and would not give the file
	WrongHash    Fault = "wrong_hash"    // the bytes are not those that were expected
	DiskFull     Fault = "disk_full"
	Unwritable   Fault = "unwritable" // the cache's folder cannot be used
	Cancelled    Fault = "cancelled"
)

// Error says in one sentence why a model could not be had. Hint says what to type.
type Error struct {
	Fault   Fault
	Model   string
	Message string
	Advice  string
	Err     error // the cause, for errors.Is; not part of the sentence
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint is the next step: a command to type or a thing to change.
func (e *Error) Hint() string { return e.Advice }

func pull(model string) string { return "stylesprint models pull " + model }

func (c *Cache) unknown(name string) *Error {
	names := make([]string, len(c.models))
	for i, m := range c.models {
		names[i] = m.Name
	}
	return &Error{
		Fault: UnknownModel, Model: name,
		Message: fmt.Sprintf("there is no model named %s", printable(name)),
		Advice:  "the models are " + strings.Join(names, ", ") + "; a path to a .gguf file or a safetensors folder also works",
	}
}

func wrongHash(model, what, got, want string) *Error {
	return &Error{
		Fault: WrongHash, Model: model,
		Message: fmt.Sprintf("%s has the wrong hash: expected %s, got %s", what, want, got),
		Advice:  "the download was damaged or the source has changed; try again with: " + pull(model),
	}
}

func cancelled(model string, err error) *Error {
	return &Error{Fault: Cancelled, Model: model, Message: "fetching " + model + " was cancelled", Advice: "go on where it stopped with: " + pull(model), Err: err}
}

// fileFault turns a failed write in the cache's folder into an Error.
func (c *Cache) fileFault(model string, err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if isDiskFull(err) {
		need := ""
		if m, ok := c.find(model); ok {
			need = fmt.Sprintf(" (%s needs about %d MB, twice that while a wheel is unpacked)", model, (m.Bytes+999_999)/1_000_000)
		}
		return &Error{
			Fault: DiskFull, Model: model, Err: err,
			Message: "the disk is full: " + model + " does not fit in " + c.options.Dir,
			Advice:  "free some space" + need + " or set XDG_CACHE_HOME to a folder on another disk, then: " + pull(model),
		}
	}
	return &Error{
		Fault: Unwritable, Model: model, Err: err,
		Message: fmt.Sprintf("the model cache cannot be used: %v", err),
		Advice:  "make " + c.options.Dir + " writable or set XDG_CACHE_HOME to another folder, then: " + pull(model),
	}
}

func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, errDiskFull)
}

// faultOf is the fault of an error, or "".
func faultOf(err error) Fault {
	var e *Error
	if errors.As(err, &e) {
		return e.Fault
	}
	return ""
}

// combine makes one error of the failures of all sources. The hint is that of the
// failure that the user can most likely mend.
func combine(m Model, failures []error) error {
	reasons := make([]string, len(failures))
	best := &Error{Fault: NoNetwork, Advice: "check the network and then: " + pull(m.Name)}
	rank := map[Fault]int{NoNetwork: 1, Refused: 2, NoPip: 3, WrongHash: 4}
	top := 0
	for i, err := range failures {
		reasons[i] = err.Error()
		var e *Error
		if errors.As(err, &e) && rank[e.Fault] > top {
			top, best = rank[e.Fault], e
		}
	}
	return &Error{
		Fault: best.Fault, Model: m.Name, Advice: best.Advice, Err: errors.Join(failures...),
		Message: "cannot fetch " + m.Name + ": " + strings.Join(reasons, "; "),
	}
}
