package review

import "testing"

func TestVerdict(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Answer{
		`{"verdict": "A"}`: AnswerA, `{"verdict":"B"}`: AnswerB, `{"verdict":"tie"}`: AnswerTie, `{"verdict":"both bad"}`: AnswerBad,
		"```json\n{\"verdict\": \"A\"}\n```": AnswerA, `Here it is: {"verdict": "B", "why": "warmer"}`: AnswerB,
		`A`: "", `{"verdict": "a"}`: "", `{"verdict": "A or B"}`: "", `{"answer": "A"}`: "", `{"verdict": 1}`: "", `{"verdict": null}`: "", `["A"]`: "", ``: "", `{"verdict": "A"`: "",
	} {
		got, err := verdict(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzVerdict(f *testing.F) {
	for _, s := range []string{`{"verdict": "A"}`, "```\n{\"verdict\": \"tie\"}\n```", `{"verdict": {"verdict": "A"}}`, `{"verdict":"both bad"} {"verdict":"A"}`, "["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := verdict(text)
		switch got {
		case AnswerA, AnswerB, AnswerTie, AnswerBad:
			if err != nil {
				t.Errorf("%q beside %v", got, err)
			}
		case "":
			if err == nil {
				t.Error("no verdict, and no error")
			}
		default:
			t.Errorf("verdict %q", got)
		}
	})
}

// Every rater sees the candidate of the lower place left in half of the pairs, and
// not on the same sides as another rater.
func TestSidesAreBalanced(t *testing.T) {
	t.Parallel()
	for _, pairs := range []int{1, 2, 7, 40, 101} {
		task := Task{Seed: 9, Pairs: pairs}
		same := 0
		for _, rater := range []string{"a", "b", "c"} {
			left := 0
			for n := 1; n <= pairs; n++ {
				if lowLeft(task, rater, n) {
					left++
				}
				if lowLeft(task, rater, n) == lowLeft(task, "z", n) {
					same++
				}
			}
			if left != pairs/2 && left != (pairs+1)/2 {
				t.Errorf("%d of %d on the left for rater %s", left, pairs, rater)
			}
		}
		if pairs > 20 && (same < pairs || same > 2*pairs) {
			t.Errorf("of %d pairs, three raters share %d sides with a fourth", pairs, same)
		}
	}
}
