package compare

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// difference is "+3.21 (95 % interval 1.10 to 5.32, p = 0.002)".
func difference(d Difference, m Metric) string {
	return fmt.Sprintf("%s (95 %% interval %s to %s, %s)", signed(d.Delta, m.Unit), signed(d.Low, m.Unit), signed(d.High, m.Unit), pValue(d.PAdjusted))
}

func pValue(p float64) string {
	if p < 0.001 {
		return "p < 0.001"
	}
	return "p = " + strconv.FormatFloat(p, 'f', 3, 64)
}

// amount prints a value with the digits that its unit deserves.
func amount(v float64, unit string) string {
	digits := 2
	if unit == "0-1" {
		digits = 4
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	return s
}

func signed(v float64, unit string) string {
	s := amount(v, unit)
	if v > 0 && strings.Trim(s, "0.") != "" {
		return "+" + s
	}
	return s
}

// number prints three significant digits.
func number(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	return strconv.FormatFloat(v, 'f', min(digits, 6), 64)
}

func money(v float64) string {
	if math.Abs(v) >= 1 {
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return number(v)
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func are(names []string) string {
	if len(names) == 1 {
		return "is"
	}
	return "are"
}

// margins lists the margins of the judged metrics, of which the primary is one.
func (d *decider) margins() string {
	var out []string
	for _, m := range d.c.Metrics {
		if m.Judged {
			out = append(out, m.Title+" "+amount(m.Margin, m.Unit))
		}
	}
	if n := len(out); n > fewNames { // Method of pages and --json list them all
		primary := d.c.Metrics[d.primary]
		return fmt.Sprintf("%s %s, and those of the %d other metrics", primary.Title, amount(primary.Margin, primary.Unit), n-1)
	}
	return strings.Join(out, ", ")
}

func verdictWords(d Difference, m Metric) string {
	switch d.Verdict {
	case VerdictEquivalent:
		return "equivalent within " + amount(m.Margin, m.Unit)
	case VerdictUndecided:
		return fmt.Sprintf("undecided; these items show differences from %s on", amount(d.Detectable, m.Unit))
	}
	return string(d.Verdict)
}
