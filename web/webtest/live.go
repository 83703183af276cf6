package webtest

import (
	"context"
	"time"

	"stylesprint"
	"stylesprint/web"
)

// Live is a made-up state of a server with a route over two providers and a local model.
func Live(context.Context) (web.LiveState, error) {
	return web.LiveState{
		At: Now(), Window: time.Minute,
		Targets: []web.LiveTarget{
			{Route: "descriptions", Target: "hosted-primary", Requests: 0, Breaker: "open", InFlight: 0},
			{Route: "descriptions", Target: "hosted-second", Requests: 214, Errors: 3, Median: 820 * time.Millisecond, P95: 2400 * time.Millisecond, FirstToken: 310 * time.Millisecond, Breaker: "closed", InFlight: 4, TokensPerSecond: 61},
			{Route: "smollm2-135m-instruct", Requests: 38, Median: 1300 * time.Millisecond, P95: 4100 * time.Millisecond, FirstToken: 90 * time.Millisecond, InFlight: -1, TokensPerSecond: 44},
		},
		Queues: []web.LiveQueue{{Model: "smollm2-135m-instruct", Running: 16, Waiting: 5, Keys: 2, Wait: 640 * time.Millisecond, Refused: 2, TokensPerSecond: 412, UsedTokens: 5120, AllTokens: 8192, KeptTokens: 1024}},
		Totals: web.LiveTotals{Since: Now().Truncate(24 * time.Hour), Requests: 18_204, PromptTokens: 5_120_331, CompletionTokens: 1_204_118, Cost: stylesprint.MoneyOf(1.49),
			CacheHits: 3021, CacheAsked: 17_000, PrefixTokensSaved: 210_400, PrefixTokens: 401_200},
		Retries:  &web.LiveRetries{Left: 12, CostLeft: .0125},
		Retiring: []web.LiveRetiring{{Target: "hosted-primary", At: Now().Add(20 * 24 * time.Hour)}},
	}, nil
}
