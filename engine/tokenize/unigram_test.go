package tokenize_test

import (
	"testing"

	"stylesprint/engine/tokenize"
)

// The goldens are written by tools/parity/unigram_goldens.py.

func TestUnigramLikeReference(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, golden, texts string
		step                int
	}{
		{"xlmr", "xlmr", "unitexts", 1}, {"uniform", "uniform", "unitexts", 1}, {"bytefall", "bytefall", "unitexts", 1}, {"xlmr", "xlmrall", "texts", 3},
	} {
		t.Run(c.golden, func(t *testing.T) {
			t.Parallel()
			tok := load(t, c.name)
			texts := eachLine[text](t, c.texts+".jsonl.gz")
			cases := eachLine[encodeCase](t, c.golden+".encode.jsonl.gz")
			if len(cases) != (len(texts)+c.step-1)/c.step || len(cases) < 1500 {
				t.Fatalf("%d cases for %d texts", len(cases), len(texts))
			}
			wrong := 0
			for i, want := range cases {
				in := string(texts[i*c.step])
				got := tok.Encode(in, tokenize.Options{AddSpecial: true, ParseSpecial: true})
				if why := differs(tok, got, want.IDs, want.spans()); why != "" {
					if wrong++; wrong <= 8 {
						t.Errorf("text %d %.200q: %s", i*c.step, in, why)
					}
				}
			}
			if wrong > 0 {
				t.Errorf("%d of %d texts differ", wrong, len(cases))
			}
		})
	}
}
