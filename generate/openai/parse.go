package openai

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

var errShape = errors.New("not what the protocol says")

// membersIn calls read for each member of an object until it returns an error; null has none.
func membersIn(v gjson.Result, read func(name string, v gjson.Result) error) error {
	if v.Type == gjson.Null {
		return nil
	}
	if !v.IsObject() {
		return errShape
	}
	var err error
	v.ForEach(func(k, v gjson.Result) bool {
		err = read(k.Str, v)
		return err == nil
	})
	return err
}

// parse reads an answer or a chunk as json.Unmarshal would, in a fifth of the time: what
// is not read is not decoded.
func parse(b []byte) (reply, error) {
	var r reply
	if !utf8.Valid(b) || !gjson.ValidBytes(b) {
		err := json.Unmarshal(b, &r)
		return r, err
	}
	err := membersIn(gjson.ParseBytes(b), func(name string, v gjson.Result) (err error) {
		switch name {
		case "model":
			r.Model, err = textIn(v)
		case "choices":
			r.Choices, err = choicesIn(v)
		case "usage":
			r.Usage, err = usageIn(v)
		}
		return err
	})
	return r, err
}

// textIn is a string, or "" for null.
func textIn(v gjson.Result) (string, error) {
	if v.Type != gjson.String && v.Type != gjson.Null {
		return "", errShape
	}
	if strings.Contains(v.Raw, `\u`) { // halves of surrogate pairs
		var s string
		err := json.Unmarshal([]byte(v.Raw), &s)
		return s, err
	}
	return v.Str, nil
}

func choicesIn(v gjson.Result) ([]choice, error) {
	if v.Type == gjson.Null {
		return nil, nil
	}
	if !v.IsArray() {
		return nil, errShape
	}
	var out []choice
	var err error
	v.ForEach(func(_, v gjson.Result) bool {
		var c choice
		if c, err = choiceIn(v); err == nil {
			out = append(out, c)
		}
		return err == nil
	})
	return out, err
}

func choiceIn(v gjson.Result) (choice, error) {
	var c choice
	err := membersIn(v, func(name string, v gjson.Result) (err error) {
		switch name {
		case "index":
			c.Index, err = wholeIn(v)
		case "text":
			c.Text, err = textIn(v)
		case "message":
			c.Message, err = contentIn(v)
		case "delta":
			c.Delta, err = contentIn(v)
		case "finish_reason":
			c.FinishReason, err = textIn(v)
		}
		return err
	})
	return c, err
}

// contentIn reads a message or a delta.
func contentIn(v gjson.Result) (content, error) {
	var c content
	err := membersIn(v, func(name string, v gjson.Result) error {
		var s string
		var err error
		switch {
		case name == "refusal":
			c.Refusal, err = textIn(v)
		case name == "content" && v.IsArray():
			err = c.Content.UnmarshalJSON([]byte(v.Raw))
		case name == "content":
			s, err = textIn(v)
			c.Content = text(s)
		}
		return err
	})
	return c, err
}

func usageIn(v gjson.Result) (*usage, error) {
	if v.Type == gjson.Null {
		return nil, nil
	}
	var u usage
	err := membersIn(v, func(name string, v gjson.Result) (err error) {
		switch name {
		case "prompt_tokens":
			u.Prompt, err = wholeIn(v)
		case "completion_tokens":
			u.Completion, err = wholeIn(v)
		case "prompt_tokens_details":
			if !v.IsObject() { // some servers have something else there
				return nil
			}
			err = membersIn(v, func(name string, v gjson.Result) (err error) {
				if name == "cached_tokens" {
					u.Details.Cached, err = wholeIn(v)
				}
				return err
			})
		}
		return err
	})
	return &u, err
}

// wholeIn is a whole number, or 0 for null.
func wholeIn(v gjson.Result) (int, error) {
	if v.Type == gjson.Null {
		return 0, nil
	}
	n := int(v.Num)
	if v.Type != gjson.Number || float64(n) != v.Num {
		return 0, errShape
	}
	return n, nil
}
