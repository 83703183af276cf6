package catalogue

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// shingleWords is the length of the runs of words that Alike compares.
const shingleWords = 3

// Alike is the share of runs of three words that two texts have in common (the
// Jaccard index of their shingles, Broder 1997): 1 for the same words, 0 for
// none in common. Case and punctuation do not count. A shorter text is one run.
func Alike(a, b string) float64 {
	x, y := shingles(a), shingles(b)
	both := 0
	for s := range x {
		if y[s] {
			both++
		}
	}
	return jaccard(both, len(x), len(y))
}

func jaccard(both, a, b int) float64 {
	if both == 0 {
		return 0
	}
	return float64(both) / float64(a+b-both)
}

func shingles(text string) map[string]bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
	out := map[string]bool{}
	if n := len(words); n > 0 && n < shingleWords {
		out[strings.Join(words, " ")] = true
	}
	for i := 0; i+shingleWords <= len(words); i++ {
		out[strings.Join(words[i:i+shingleWords], " ")] = true
	}
	return out
}

// Place is one description of a product.
type Place struct {
	SKU         string
	Description int // its index in Product.Descriptions
}

// Pair is two descriptions and how alike they are.
type Pair struct {
	A, B  Place
	Alike float64
}

// NearDuplicates returns the pairs of descriptions, of all products together,
// that are alike to at least a bound greater than 0, the most alike first.
func NearDuplicates(products []Product, bound float64) []Pair {
	var places []Place
	var sizes []int
	with := map[string][]int{} // descriptions that hold a shingle, in order
	for _, p := range products {
		for i, d := range p.Descriptions {
			s := shingles(d)
			for shingle := range s {
				with[shingle] = append(with[shingle], len(places))
			}
			places = append(places, Place{p.SKU, i})
			sizes = append(sizes, len(s))
		}
	}
	// Only descriptions that share a shingle are counted: few, in a healthy catalogue.
	both := map[[2]int]int{}
	for _, list := range with {
		for i, b := range list {
			for _, a := range list[:i] {
				both[[2]int{a, b}]++
			}
		}
	}
	var pairs []Pair
	for at, n := range both {
		if alike := jaccard(n, sizes[at[0]], sizes[at[1]]); alike >= bound {
			pairs = append(pairs, Pair{places[at[0]], places[at[1]], alike})
		}
	}
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(b.Alike, a.Alike), comparePlaces(a.A, b.A), comparePlaces(a.B, b.B))
	})
	return pairs
}

func comparePlaces(a, b Place) int {
	return cmp.Or(strings.Compare(a.SKU, b.SKU), cmp.Compare(a.Description, b.Description))
}
