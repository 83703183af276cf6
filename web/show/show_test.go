package show

import (
	"testing"
	"time"

	"stylesprint"
)

func TestScore(t *testing.T) {
	t.Parallel()
	cases := []struct {
		in   stylesprint.Score
		want Figure
	}{
		{stylesprint.Score{Value: .7134, Low: .652, High: .771, Level: .95, N: 24, Unit: "0-1"}, Figure{Value: "0.713", Unit: "0–1", Interval: "0.652 to 0.771", N: "24"}},
		{stylesprint.Score{Value: 24.06, Low: 24.06, High: 24.06, N: 1200, Unit: "0-100"}, Figure{Value: "24.1", Unit: "0–100", N: "1,200"}},
		{stylesprint.Score{Value: 1.234, Low: 1, High: 2, Unit: "s"}, Figure{Value: "1.23", Unit: "s"}},
		{stylesprint.Score{Value: .0123, Unit: "s"}, Figure{Value: "0.012", Unit: "s"}},
		{stylesprint.Score{Value: .0564, Unit: "USD"}, Figure{Value: "0.0564", Unit: "USD"}},
		{stylesprint.Score{Missing: "not measured: no images", Value: 3}, Figure{Value: "not measured: no images", Missing: true}},
	}
	for _, c := range cases {
		if got := Score(c.in); got != c.want {
			t.Errorf("Score(%+v) = %+v, want %+v", c.in, got, c.want)
		}
	}
}

func TestGroupOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"bleu": "text", "bleu-mean": "text", "chrf++": "text", "rouge-lsum": "text", "ter": "text", "similarity": "meaning", "bertscore": "meaning", "clip-delta": "picture",
		"faithfulness-recall": "faithfulness", "hard-violations": "faithfulness", "distinct-2": "sameness", "self-bleu": "sameness", "length-characters": "length",
		"flesch-kincaid": "length", "sentence-length": "length", "terms": "other", "": "other", "similarity-truncated": "meaning",
	} {
		if got := GroupOf(name).ID; got != want {
			t.Errorf("GroupOf(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	rate := ScaleOf("contradictions", "0-1")
	in := stylesprint.Score{Value: .35, Low: .225, High: .5, Level: .95, N: 40, Unit: "0-1"}
	if got, want := rate.Score(in), (Figure{Value: "35.0 %", Unit: "of texts", Interval: "22.5 to 50.0 %", N: "14 of 40"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := rate.Signed(-.125); got != "−12.5 %" {
		t.Errorf("got %q", got)
	}
	plain := ScaleOf("similarity", "0-1")
	if got, want := plain.Score(in), Score(in); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := plain.Signed(.0123); got != "+0.012" {
		t.Errorf("got %q", got)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", 400 * time.Microsecond: "0.40 ms", 840 * time.Millisecond: "840 ms", 1240 * time.Millisecond: "1.24 s", 24 * time.Second: "24.0 s",
		200 * time.Second: "3 min 20 s", 125 * time.Minute: "2 h 5 min", -2 * time.Second: "−2.00 s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "1 s", 28400 * time.Millisecond: "28 s", 90 * time.Second: "2 min", 5 * time.Hour: "5 h"} {
		if got := Left(d); got != want {
			t.Errorf("Left(%v) = %q, want %q", d, got, want)
		}
	}
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		10 * time.Second: "just now", 50 * time.Second: "1 minute ago", 70 * time.Minute: "70 minutes ago", 2 * time.Hour: "2 hours ago",
		25 * time.Hour: "25 hours ago", 72 * time.Hour: "3 days ago", 400 * 24 * time.Hour: "7 Feb 2025", -time.Hour: "14 Mar 2026, 13:00 UTC",
	} {
		if got := Ago(now.Add(-d), now); got != want {
			t.Errorf("Ago(%v) = %q, want %q", d, got, want)
		}
	}
	if got := Ago(time.Time{}, now); got != "never" {
		t.Errorf("Ago of no time is %q", got)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		Bytes(0): "0 bytes", Bytes(1): "1 byte", Bytes(98_000_000): "98.0 MB", Bytes(1_500): "1.50 kB", Bytes(1 << 60): "1,152,922 TB", Bytes(-1): "unknown", Bytes(999_700): "1.00 MB",
		Parameters(134_515_008): "135 million", Parameters(1_710_000_000): "1.71 billion", Parameters(0): "unknown", Parameters(22_700_000): "22.7 million",
		Money(0, ""): "0 USD", Money(stylesprint.MoneyOf(.0564), "EUR"): "0.0564 EUR", Money(stylesprint.MoneyOf(12.5), ""): "12.50 USD",
		List(nil): "", List([]string{"a"}): "a", List([]string{"a", "b"}): "a and b", List([]string{"a", "b", "c"}): "a, b and c",
		Of(1, "item"): "1 item", Of(2400, "item"): "2,400 items", Share(1, 3): "33 %", Share(1, 0): "0 %", Share(3, 3): "100 %",
		Sentence("éclair"): "Éclair", Sentence(""): "", Metric("bleu"): "BLEU", Metric("no-such"): "No such", Metric("similarity"): "Semantic similarity", Metric("length"): "Length",
		Hash("0123456789abcdef"): "0123456789ab", Hash("ab"): "ab",
	}
	for got, want := range cases {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
