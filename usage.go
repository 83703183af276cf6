package stylesprint

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Usage counts the tokens of one request.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	// CachedTokens is the part of PromptTokens that the provider read from a
	// cache and may bill at a lower price.
	CachedTokens int `json:"cached_tokens,omitempty"`
}

// Total is the sum of prompt and completion tokens.
func (u Usage) Total() int { return u.PromptTokens + u.CompletionTokens }

// Add returns the sum of two usages.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		PromptTokens:     u.PromptTokens + v.PromptTokens,
		CompletionTokens: u.CompletionTokens + v.CompletionTokens,
		CachedTokens:     u.CachedTokens + v.CachedTokens,
	}
}

// Money is an amount in billionths of a currency unit: integers add up without
// rounding, and a price of 0.15 per million tokens is 150 a token.
type Money int64

// MoneyOf converts an amount in currency units, rounded to the nearest billionth.
func MoneyOf(units float64) Money { return Money(math.Round(units * 1e9)) }

// Units is the amount in currency units.
func (m Money) Units() float64 { return float64(m) / 1e9 }

// String prints the amount in currency units without trailing zeros.
func (m Money) String() string {
	sign, u := "", uint64(m)
	if m < 0 {
		sign, u = "-", uint64(-m)
	}
	whole, frac := u/1e9, u%1e9
	if frac == 0 {
		return sign + strconv.FormatUint(whole, 10)
	}
	return sign + strconv.FormatUint(whole, 10) + "." + strings.TrimRight(fmt.Sprintf("%09d", frac), "0")
}

// MarshalJSON writes the amount as a decimal number of currency units.
func (m Money) MarshalJSON() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalJSON reads a decimal number of currency units.
func (m *Money) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > 9e9 {
		return fmt.Errorf("read amount %q: want a number between -9e9 and 9e9", b)
	}
	*m = MoneyOf(f)
	return nil
}

// Price is what a provider bills for a model, in currency units per million
// tokens. The zero Price is free, as a model on one's own machine is.
type Price struct {
	InputPerMillion  float64 `json:"input_per_million"`
	OutputPerMillion float64 `json:"output_per_million"`
	// CachedPerMillion is the price of cached prompt tokens; zero means the
	// same as InputPerMillion.
	CachedPerMillion float64 `json:"cached_per_million,omitempty"`
	Currency         string  `json:"currency,omitempty"` // ISO 4217; empty means USD
}

// Cost is the price of a usage, rounded once, to the nearest billionth.
func (p Price) Cost(u Usage) Money {
	cached := p.CachedPerMillion
	if cached == 0 {
		cached = p.InputPerMillion
	}
	fresh := u.PromptTokens - u.CachedTokens
	sum := float64(fresh)*p.InputPerMillion + float64(u.CachedTokens)*cached + float64(u.CompletionTokens)*p.OutputPerMillion
	return MoneyOf(sum / 1e6)
}
