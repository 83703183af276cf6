package route

import (
	"context"
	"math"
	"slices"

	"stylesprint/gateway"
)

// whole is a hundred percent in hundredths.
const whole = 100 * 100

func hundredths(percent float64) int { return int(math.Round(percent * 100)) }

// line is a route as it is asked.
type line struct {
	Route
	policy Policy
	shares []*share
	*routeMetrics
}

// share is a Share with its targets.
type share struct {
	Share
	upTo   int // hundredths of the traffic that fall to this share and those before it
	places []place
	drawn  bool // places of one priority exist, so that each request orders them anew
}

// place is a target's place in a share.
type place struct {
	*target
	choice Choice
	*placeMetrics
}

// share finds the share that a seed falls to.
func (l *line) share(seed uint64) *share {
	at := int(seed % whole)
	for _, s := range l.shares {
		if at < s.upTo {
			return s
		}
	}
	return l.shares[len(l.shares)-1] // not reached: the shares add up to all of it
}

// order writes the order in which a request asks the places, as indices.
func (s *share) order(seed uint64, into *[maxPlaces]uint8) []uint8 {
	out := into[:len(s.places)]
	for i := range out {
		out[i] = uint8(i)
	}
	if !s.drawn {
		return out
	}
	// A draw without putting back: the least of -ln(u)/weight comes first with a
	// probability in proportion to the weight (Efraimidis and Spirakis, 2006).
	var keys [maxPlaces]float64
	for i := range s.places {
		seed = mix(seed + 0x9e3779b97f4a7c15)
		u := (float64(seed>>11) + 0.5) / (1 << 53)
		keys[i] = -math.Log(u) / float64(max(s.places[i].choice.Weight, 1))
	}
	slices.SortStableFunc(out, func(a, b uint8) int {
		if d := s.places[a].choice.Priority - s.places[b].choice.Priority; d != 0 {
			return d
		}
		if keys[a] < keys[b] {
			return -1
		}
		return 1
	})
	return out
}

// Draw says which share of a route the request of ctx falls to, as the route itself draws it, for routes
// that the Router need not hold now.
func (r *Router) Draw(ctx context.Context, of Route) Share {
	seed, _ := r.seed(ctx, of.Name, of.Sticky)
	at := int(seed % whole)
	for _, s := range of.Shares {
		if at -= hundredths(s.Percent); at < 0 {
			return s
		}
	}
	return Share{}
}

// seed is what a request draws its share and its targets by: the same for the same id, or
// with a sticky route for the same key.
func (r *Router) seed(ctx context.Context, route string, sticky bool) (forShare, forTargets uint64) {
	id, caller, ok := gateway.RequestOf(ctx)
	if !ok || id == "" {
		n := mix(math.Float64bits(r.o.Random()))
		forTargets, forShare = n, mix(n+1)
	} else {
		forTargets = hash(route, id)
		forShare = forTargets
	}
	if sticky && caller.KeyID != "" {
		forShare = hash(route, caller.KeyID)
	}
	return forShare, mix(forTargets + 2)
}

// Release says which release of a route answers a request with this id (in a sticky route: of
// a key with this id); "" where there is no such route.
func (r *Router) Release(route, id string) string {
	l := r.table.Load().lines[route]
	if l == nil {
		return ""
	}
	return l.share(hash(route, id)).Release
}

// hash is FNV-1a over both texts, mixed so that its low bits are good for a draw.
func hash(route, id string) uint64 {
	h := uint64(14695981039346656037)
	for _, s := range [...]string{route, "\x00", id} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
	}
	return mix(h)
}

// mix is the finaliser of SplitMix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
