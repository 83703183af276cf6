package release

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"stylesprint"
)

// Assignment says who serves a route from a moment on. Assignments are only ever added.
type Assignment struct {
	Route  string  `json:"route"`
	Number int     `json:"number"` // of the route, from 1 without gaps
	Shares []Share `json:"shares"` // add up to 100
	Kind   Kind    `json:"kind"`
	// Release is the one that was promoted, or that left at a rollback.
	Release string `json:"release"`
	// Restores is the number of the assignment whose shares a rollback brought back; 0 is the
	// configuration file's.
	Restores int       `json:"restores,omitempty"`
	Forced   bool      `json:"forced,omitempty"` // promoted without a gate that was met
	At       time.Time `json:"at"`
	By       string    `json:"by"`
	Reason   string    `json:"reason,omitempty"`
}

// Kind is what made an assignment.
type Kind string

// The kinds.
const (
	Promoted   Kind = "promote"
	RolledBack Kind = "rollback"
)

// Share is a part of a route's traffic. An empty Release is what the configuration file says.
type Share struct {
	Release string `json:"release"`
	Percent int    `json:"percent"`
}

// Words says who serves: "90 % r11, 10 % r12".
func Words(shares []Share) string {
	parts := make([]string, len(shares))
	for i, s := range shares {
		name := or(s.Release, "what the configuration file says")
		parts[i] = fmt.Sprintf("%d %% %s", s.Percent, name)
		switch {
		case s.Percent == 100 && s.Release == "":
			parts[i] = name
		case s.Percent == 100:
			parts[i] = "all " + name
		}
	}
	return strings.Join(parts, ", ")
}

// fromFile is the shares of a route without assignment.
func fromFile() []Share { return []Share{{Percent: 100}} }

// Current is the shares that a route's history, oldest first, ends with.
func Current(history []Assignment) []Share {
	if len(history) == 0 {
		return fromFile()
	}
	return history[len(history)-1].Shares
}

// Shift gives a release a percentage, and the others what is left, each as much of it as it had of
// their sum. Percentages are whole: the largest remainders get what rounding leaves.
func Shift(shares []Share, id string, percent int) ([]Share, error) {
	if percent < 1 || percent > 100 {
		return nil, invalid("percent", fmt.Sprintf("want a share of 1 to 100 percent, got %d", percent), "give a whole number from 1 to 100, such as 10")
	}
	others, sum := []Share{}, 0
	for _, s := range shares {
		if s.Release != id && s.Percent > 0 {
			others = append(others, s)
			sum += s.Percent
		}
	}
	left := 100 - percent
	if left > 0 && sum == 0 {
		return nil, &stylesprint.Error{Code: stylesprint.CodeConflict, Field: "percent", Message: fmt.Sprintf("%s serves the whole route, so there is nothing for the other %d %% to go to", id, left),
			Hint: "promote another release to a part of the route, or roll back"}
	}
	out := []Share{{Release: id, Percent: percent}}
	given := 0
	remainders := make([]int, len(others))
	for i, s := range others {
		others[i].Percent, remainders[i] = left*s.Percent/sum, left*s.Percent%sum
		given += others[i].Percent
	}
	for ; given < left; given++ {
		most := 0
		for i := range remainders {
			if remainders[i] > remainders[most] {
				most = i
			}
		}
		others[most].Percent++
		remainders[most] = -1
	}
	for _, s := range others {
		if s.Percent > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// before finds what a rollback brings back: the newest assignment without the release that
// was promoted last, of those that the history has not rolled back. number is 0 where only
// the configuration file is left.
func before(history []Assignment) (leaves string, number int, shares []Share, err error) {
	at := effective(history, len(history))
	if at == 0 {
		return "", 0, nil, &stylesprint.Error{Code: stylesprint.CodeConflict, Field: "route", Message: "there is nothing to roll back: the route serves what the configuration file says",
			Hint: "see who served when: stylesprint release list --history"}
	}
	leaves = history[at-1].Release
	for n := effective(history, at-1); n > 0; n = effective(history, n-1) {
		if !slices.ContainsFunc(history[n-1].Shares, func(s Share) bool { return s.Release == leaves }) {
			return leaves, n, history[n-1].Shares, nil
		}
	}
	return leaves, 0, fromFile(), nil
}

// effective is the number of the promotion that held after so many assignments; 0 for none.
func effective(history []Assignment, number int) int {
	for number > 0 && history[number-1].Kind == RolledBack {
		number = min(history[number-1].Restores, number-1)
	}
	return number
}
