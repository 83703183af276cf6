package config

import (
	"fmt"
	"strings"
)

// expand puts the environment into a text: ${NAME} is a variable that must be there,
// ${NAME:-default} one that need not, $$ is a dollar. A variable that is not set is read
// from the file that NAME_FILE names, where there is one. referred says whether the text
// holds a reference.
func expand(text string, getenv func(string) string) (out string, referred bool, err error) {
	if !strings.Contains(text, "$") {
		return text, false, nil
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			return b.String(), referred, nil
		}
		switch {
		case strings.HasPrefix(after, "$"):
			b.WriteByte('$')
			text = after[1:]
		case strings.HasPrefix(after, "{"):
			inside, rest, closed := strings.Cut(after[1:], "}")
			if !closed {
				return "", referred, fmt.Errorf("${ is not closed; write $$ for a dollar")
			}
			value, err := lookUp(inside, getenv)
			if err != nil {
				return "", referred, err
			}
			b.WriteString(value)
			text, referred = rest, true
		default:
			b.WriteByte('$')
			text = after
		}
	}
}

func lookUp(inside string, getenv func(string) string) (string, error) {
	name, fallback, optional := strings.Cut(inside, ":-")
	if !isVariable(name) {
		return "", fmt.Errorf("want ${NAME} or ${NAME:-default} with a name of letters, digits and _; write $$ for a dollar")
	}
	s, err := Secret(getenv, name)
	if err != nil {
		return "", err
	}
	switch {
	case !s.Empty():
		return s.Reveal(), nil
	case optional:
		return fallback, nil
	}
	return "", fmt.Errorf("the environment variable %s is not set; write ${%[1]s:-} where it may be empty", name)
}

func isVariable(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
