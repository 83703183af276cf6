package fake

import (
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"stylesprint/generate"
)

// Babble writes 16 to 47 words of a made-up product description. They depend on the
// request's text and, where the temperature is not 0, on its seed (0 if there is none).
func Babble(req generate.Request) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(Text(req)))
	var seed uint64
	p := req.Params
	if p.Seed != nil && (p.Temperature == nil || *p.Temperature > 0) {
		seed = *p.Seed
	}
	r := rand.New(rand.NewPCG(h.Sum64(), seed))
	words := make([]string, 16+r.IntN(32))
	vocabulary := strings.Fields(vocabulary)
	for i := range words {
		words[i] = vocabulary[r.IntN(len(vocabulary))]
	}
	return strings.Join(words, " ")
}

const vocabulary = `linen wool cotton silk denim jersey tailored relaxed cropped pleated ribbed woven soft crisp light warm
	shirt dress skirt coat trousers cardigan scarf sleeve collar pocket button hem waist shoulder lining stitch
	navy sage ivory rust charcoal cream wears washes folds layers moves keeps falls sits café tricoté 絹 👗 über naïve
	for with over under every spring autumn morning evening weekend city garden`
