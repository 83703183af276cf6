package report

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pair is two colours that stand on one another somewhere in the pages.
type colours struct {
	front, back string
	min         float64 // WCAG 2.2: 4.5 for text (1.4.3), 3 for marks and edges of controls (1.4.11)
}

func used() []colours {
	var out []colours
	for _, back := range []string{"paper", "sheet", "wash"} {
		for _, front := range []string{"ink", "quiet", "accent", "harm", "met"} {
			out = append(out, colours{front, back, 4.5})
		}
	}
	for _, back := range []string{"paper", "sheet"} {
		out = append(out, colours{"strong", back, 3})
	}
	for i := 1; i <= 7; i++ {
		out = append(out, colours{fmt.Sprintf("c%d", i), "paper", 3})
	}
	return append(out, colours{"on-accent", "accent", 4.5}, colours{"accent", "line", 3}) // the button; the bar on its track
}

func TestContrast(t *testing.T) {
	t.Parallel()
	light, dark, paper := variables(t, Style())
	for scheme, vars := range map[string]map[string]string{"light": light, "dark": dark, "print": paper} {
		for _, p := range used() {
			if scheme == "print" && (p.front == "on-accent" || p.back == "line") {
				continue // no controls on paper
			}
			ratio := contrast(t, vars[p.front], vars[p.back])
			if ratio < p.min {
				t.Errorf("%s: --%s %s on --%s %s is %.2f:1, want %.1f:1", scheme, p.front, vars[p.front], p.back, vars[p.back], ratio, p.min)
			}
		}
	}
}

// Series must differ from one another by more than a shade, so that colour
// helps where it can; shape and labels carry the meaning.
func TestSeriesDiffer(t *testing.T) {
	t.Parallel()
	light, dark, _ := variables(t, Style())
	for scheme, vars := range map[string]map[string]string{"light": light, "dark": dark} {
		for i := 1; i <= 4; i++ {
			for j := i + 1; j <= 4; j++ {
				a, b := rgb(t, vars[fmt.Sprintf("c%d", i)]), rgb(t, vars[fmt.Sprintf("c%d", j)])
				var d float64
				for k := range a {
					d += (a[k] - b[k]) * (a[k] - b[k])
				}
				if math.Sqrt(d) < .2 {
					t.Errorf("%s: c%d and c%d are close", scheme, i, j)
				}
			}
		}
	}
}

// The sheet keeps to four sizes, two weights and its variables.
func TestScaleOfType(t *testing.T) {
	t.Parallel()
	frame, err := os.ReadFile("../assets/frame.css")
	if err != nil {
		t.Fatal(err)
	}
	css := desk + string(frame)
	for _, m := range regexp.MustCompile(`font(?:-weight)?:\s*(\d{3})\b`).FindAllStringSubmatch(css, -1) {
		if m[1] != "400" && m[1] != "600" {
			t.Errorf("weight %s is neither 400 nor 600", m[1])
		}
	}
	body := css[strings.Index(css, "* {"):]
	for _, m := range regexp.MustCompile(`font-size:\s*([^;}]+)`).FindAllStringSubmatch(body, -1) {
		if size := strings.TrimSpace(m[1]); !strings.HasPrefix(size, "var(--") && size != "1rem" && size != "10.5pt" {
			t.Errorf("size %s is none of the four", size)
		}
	}
	for _, m := range regexp.MustCompile(`(?:color|background|fill|stroke|border[a-z-]*):[^;}]*(#[0-9a-fA-F]{3,8})`).FindAllStringSubmatch(strings.ReplaceAll(body, "@media print", "\x00"), -1) {
		if !strings.Contains(m[0], "--") {
			t.Errorf("colour outside the variables: %s", m[0])
		}
	}
}

// variables reads the custom properties of light, dark and print, as a browser
// would: a later rule wins, and what a medium does not set it takes from light.
func variables(t *testing.T, css string) (light, dark, paper map[string]string) {
	t.Helper()
	light, dark, paper = map[string]string{}, map[string]string{}, map[string]string{}
	block := regexp.MustCompile(`(?s)(@media ([^{]+)\{\s*)?:root \{([^}]*)\}`)
	property := regexp.MustCompile(`--([a-z0-9-]+):\s*(#[0-9a-fA-F]{3,6})`)
	for _, m := range block.FindAllStringSubmatch(css, -1) {
		into := []map[string]string{light, dark, paper}
		switch {
		case strings.Contains(m[2], "dark"):
			into = []map[string]string{dark}
		case strings.Contains(m[2], "print"):
			into = []map[string]string{paper}
		}
		for _, p := range property.FindAllStringSubmatch(m[3], -1) {
			for _, vars := range into {
				vars[p[1]] = p[2]
			}
		}
	}
	if len(light) < 15 || len(dark) < 15 {
		t.Fatalf("found %d light and %d dark variables", len(light), len(dark))
	}
	return light, dark, paper
}

// contrast is the ratio of WCAG 2.2, "contrast ratio".
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(rgb(t, a)), luminance(rgb(t, b))
	return (max(x, y) + .05) / (min(x, y) + .05)
}

func luminance(c [3]float64) float64 {
	for i, v := range c {
		if v <= .04045 {
			c[i] = v / 12.92
		} else {
			c[i] = math.Pow((v+.055)/1.055, 2.4)
		}
	}
	return .2126*c[0] + .7152*c[1] + .0722*c[2]
}

func rgb(t *testing.T, s string) (c [3]float64) {
	t.Helper()
	h := strings.TrimPrefix(s, "#")
	if len(h) == 3 {
		h = string([]byte{h[0], h[0], h[1], h[1], h[2], h[2]})
	}
	if len(h) != 6 {
		t.Fatalf("colour %q", s)
	}
	for i := range c {
		v, err := strconv.ParseUint(h[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c[i] = float64(v) / 255
	}
	return c
}

func TestContrastIsComputedRight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want float64
	}{{"#000000", "#ffffff", 21}, {"#777777", "#ffffff", 4.48}, {"#fff", "#fff", 1}} {
		if got := contrast(t, c.a, c.b); math.Abs(got-c.want) > .01 {
			t.Errorf("contrast of %s and %s is %.3f, want %.2f", c.a, c.b, got, c.want)
		}
	}
}
