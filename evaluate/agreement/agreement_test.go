package agreement

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"stylesprint"
)

var nan = math.NaN()

// The published values of Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", section C.
func TestAlphaOfTheLiterature(t *testing.T) {
	t.Parallel()
	raters := [][]float64{
		{1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan}, {1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3},
		{nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan}, {1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan},
	}
	units := make([][]float64, 12)
	for u := range units {
		for _, r := range raters {
			units[u] = append(units[u], r[u])
		}
	}
	for scale, want := range map[Scale]float64{Nominal: .743, Ordinal: .815, Interval: .849} {
		got, err := Alpha(units, scale)
		if err != nil || math.Abs(got-want) > .0005 {
			t.Errorf("%s: %.4f, %v, want %.3f", scale, got, err, want)
		}
	}
	s, err := AlphaScore(context.Background(), Ratings{Values: units}, Nominal, Options{})
	if err != nil || s.N != 11 || s.Level != .95 || !(s.Low < s.Value && s.Value < s.High) || s.High > 1 {
		t.Errorf("score %+v, %v", s, err)
	}
}

func reason(t *testing.T, what string, s stylesprint.Score, want string) {
	t.Helper()
	if !strings.HasPrefix(s.Missing, "not measured: ") || !strings.Contains(s.Missing, want) || s.Value != 0 || s.Level != 0 {
		t.Errorf("%s: %+v, want a reason with %q", what, s, want)
	}
}

// What cannot be told is never a number.
func TestDegenerateCasesSayWhy(t *testing.T) {
	t.Parallel()
	ctx, o := context.Background(), Options{Samples: 50}
	alpha := func(values ...[]float64) stylesprint.Score {
		s, err := AlphaScore(ctx, Ratings{Values: values}, Nominal, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	reason(t, "no units", alpha(), "no item has ratings of two")
	reason(t, "one rater", alpha([]float64{1}, []float64{2}), "no item has ratings of two")
	reason(t, "no overlap", alpha([]float64{1, nan}, []float64{nan, 2}), "no item has ratings of two")
	reason(t, "all ties", alpha([]float64{3, 3}, []float64{3, 3}), "same answer to everything")
	reason(t, "percent agreement", PercentAgreement(Ratings{Values: [][]float64{{1, nan}}}, o), "ratings of two")

	kappa := func(a, b []float64) stylesprint.Score {
		s, err := KappaScore(ctx, Pairs{A: a, B: b}, Unweighted, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	reason(t, "nothing in common", kappa([]float64{1, nan}, []float64{nan, 1}), "no item in common")
	reason(t, "one label", kappa([]float64{1, 1}, []float64{1, 1}), "one and the same answer")
	reason(t, "nothing to count", ProportionScore(nil, nil, o), "nothing to count")

	strength := func(n int, list ...Comparison) stylesprint.Score {
		s, err := BradleyTerryScores(ctx, n, list, o)
		if err != nil {
			t.Fatal(err)
		}
		return s[0].Log
	}
	reason(t, "no votes", strength(2), "never compared")
	reason(t, "one candidate", strength(1), "one candidate")
	reason(t, "one wins all", strength(2, Comparison{0, 1, 1, 0, 0}, Comparison{1, 0, 0, 0, 1}), "won every comparison")
	reason(t, "an island", strength(3, Comparison{0, 1, .5, 0, 0}), "never compared")
	reason(t, "a one-way road", strength(3, Comparison{0, 1, .5, 0, 0}, Comparison{0, 2, 1, 0, 0}), "won every comparison")

	controlled := func(list ...Comparison) stylesprint.Score {
		s, effect, err := ControlledScores(ctx, 2, list, o)
		if err != nil {
			t.Fatal(err)
		}
		if effect.Missing == "" || s[0].Log.Missing == "" {
			t.Errorf("effect %+v of strengths %+v", effect, s)
		}
		return effect
	}
	reason(t, "equal lengths", controlled(Comparison{0, 1, .5, 0, 0}), "never differ")
	reason(t, "length explains all", controlled(Comparison{0, 1, 1, .5, 0}, Comparison{0, 1, 0, -.5, 1}, Comparison{0, 1, 1, .4, 2}, Comparison{0, 1, 0, -.2, 2}), "explain every vote")

	for want, lists := range map[string][2][]float64{
		"fewer than 3":          {{1, 2}, {2, 1}},
		"metric gives every":    {{1, 1, 1}, {1, 2, 3}},
		"people gave every":     {{1, 2, 3}, {1, 1, 1}},
		"not a number":          {{1, nan, 3}, {1, 2, 3}},
		"cannot be paired":      {{1, 2, 3}, {1, 2}},
		"fewer than 3 items ha": {nil, nil},
	} {
		tau, rho, err := CorrelationScores(ctx, lists[0], lists[1], nil, o)
		if err != nil {
			t.Fatal(err)
		}
		reason(t, want, tau, want)
		reason(t, want, rho, want)
	}
}

// Where every sample is alike there is a value and no interval, rather than one of width 0.
func TestPerfectAgreementHasNoInterval(t *testing.T) {
	t.Parallel()
	s, err := AlphaScore(context.Background(), Ratings{Values: [][]float64{{1, 1}, {2, 2}, {1, 1}, {2, 2}, {1, 1}, {2, 2}, {1, 1}, {2, 2}}}, Nominal, Options{})
	if err != nil || s.Value != 1 || s.Level != 0 || s.Low != 1 || s.High != 1 || s.Missing != "" {
		t.Errorf("%+v, %v", s, err)
	}
	p := PercentAgreement(Ratings{Values: [][]float64{{1, 1}, {2, 2}}}, Options{})
	if p.Value != 1 || p.High != 1 || p.Low > .35 || p.Low < .25 {
		t.Errorf("two of two: %+v, want about 0.27 to 1", p)
	}
}

func TestAgrestiCoull(t *testing.T) {
	t.Parallel()
	// Worked by hand with z = 1.959964: p~ = (x + z^2/2) / (n + z^2) and the variance with n + z^2 - 1 below.
	for _, c := range []struct {
		won, lost int
		low, high float64
	}{{3, 0, .3548, 1}, {0, 20, 0, .1922}, {6, 4, .3016, .8428}, {81, 182, .2551, .3664}} {
		values := make([]float64, c.won+c.lost)
		for i := range c.won {
			values[i] = 1
		}
		s := ProportionScore(values, nil, Options{})
		if math.Abs(s.Low-c.low) > 6e-5 || math.Abs(s.High-c.high) > 6e-5 {
			t.Errorf("%d of %d: %.4f to %.4f, want %.4f to %.4f", c.won, c.won+c.lost, s.Low, s.High, c.low, c.high)
		}
	}
}

// Intervals hold what they promise: with votes on one item alike, with ties, and for
// few items. Taking the votes as independent does not.
func TestIntervalsCover(t *testing.T) {
	t.Parallel()
	const trials = 2000
	rng := rand.New(rand.NewPCG(1, 2))
	cases := []struct {
		items, raters int
		win, alike    float64 // chances of a win, and that a vote repeats the first
		ties          float64
	}{{40, 3, .6, .6, 0}, {20, 3, .5, .6, .4}, {10, 3, .6, 0, 0}, {10, 1, .9, 0, .4}, {40, 1, .6, 0, .4}, {20, 3, .9, .6, 0}}
	for _, c := range cases {
		truth := c.win*(1-c.ties) + c.ties/2
		held, naive := 0, 0
		for range trials {
			var values []float64
			var clusters []int
			for i := range c.items {
				first := rng.Float64() < c.win
				for range c.raters {
					v := 0.0
					if same := rng.Float64() < c.alike; same && first || !same && rng.Float64() < c.win {
						v = 1
					}
					if rng.Float64() < c.ties {
						v = .5
					}
					values, clusters = append(values, v), append(clusters, i)
				}
			}
			if s := ProportionScore(values, clusters, Options{}); s.Low <= truth && truth <= s.High {
				held++
			}
			if s := ProportionScore(values, nil, Options{}); s.Low <= truth && truth <= s.High {
				naive++
			}
		}
		if held < .94*trials {
			t.Errorf("%+v: of %d intervals %d hold the truth", c, trials, held)
		}
		if c.alike > 0 && c.ties == 0 && naive > .92*trials {
			t.Errorf("%+v: of %d intervals without clusters %d hold the truth", c, trials, naive)
		}
	}
}

func TestScoresAreRepeatable(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(3, 4))
	var list []Comparison
	for i := range 90 {
		a, b := rng.IntN(3), rng.IntN(2)
		if b >= a {
			b++
		}
		list = append(list, Comparison{a, b, float64(rng.IntN(3)) / 2, rng.NormFloat64(), i / 3})
	}
	first, err := BradleyTerryScores(ctx, 3, list, Options{Samples: 200})
	if err != nil {
		t.Fatal(err)
	}
	again, _ := BradleyTerryScores(ctx, 3, list, Options{Samples: 200})
	if !reflect.DeepEqual(first, again) {
		t.Error("the same votes give other intervals")
	}
	sum := 0.0
	for _, s := range first {
		sum += s.Log.Value
		if !(s.Log.Low < s.Log.Value && s.Log.Value < s.Log.High && 0 <= s.Wins.Low && s.Wins.High <= 1) {
			t.Errorf("%+v", s)
		}
	}
	if math.Abs(sum) > 1e-9 {
		t.Errorf("strengths sum to %v", sum)
	}
	logs, effect, err := ControlledScores(ctx, 3, list, Options{Samples: 200})
	if err != nil || effect.Level != .95 || logs[0].Log.Level != .95 {
		t.Errorf("%+v, %+v, %v", logs, effect, err)
	}
}

// With two candidates the model's chance to win is the share of wins.
func TestTwoCandidatesAreTheShareOfWins(t *testing.T) {
	t.Parallel()
	list := []Comparison{{0, 1, 1, 0, 0}, {1, 0, 0, 0, 1}, {0, 1, .5, 0, 2}, {0, 1, 0, 0, 3}}
	s, err := BradleyTerryScores(context.Background(), 2, list, Options{})
	if err != nil || math.Abs(s[0].Wins.Value-2.5/4) > 1e-12 || s[0].Log.N != 4 {
		t.Errorf("%+v, %v", s, err)
	}
	if s[0].Wins.High > 1 || s[0].Wins.Low < 0 || s[0].Wins.Low >= s[0].Wins.High {
		t.Errorf("interval %+v", s[0].Wins)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := AlphaScore(ctx, Ratings{Values: [][]float64{{1, 2}, {1, 1}}}, Nominal, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, _, err := CorrelationScores(ctx, []float64{1, 2, 3}, []float64{1, 2, 2}, nil, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzTauB(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6})
	f.Add([]byte{1, 1, 2, 2, 1, 1, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		var x, y []float64
		for i := 0; i+1 < min(len(b), 200); i += 2 {
			x, y = append(x, float64(b[i]%7)), append(y, float64(b[i+1]%7))
		}
		got, err := TauB(x, y)
		if err != nil {
			return
		}
		concordant, onlyX, onlyY := 0.0, 0.0, 0.0
		for i := range x {
			for j := range i {
				dx, dy := x[i]-x[j], y[i]-y[j]
				switch {
				case dx == 0 && dy == 0:
				case dx == 0:
					onlyX++
				case dy == 0:
					onlyY++
				case dx*dy > 0:
					concordant++
				default:
					concordant--
				}
			}
		}
		strict := 0.0
		for i := range x {
			for j := range i {
				if x[i] != x[j] && y[i] != y[j] {
					strict++
				}
			}
		}
		want := concordant / math.Sqrt((strict+onlyX)*(strict+onlyY))
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
