package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"stylesprint/cmd/stylesprint/loadtest"
)

// benchGateway measures the server from outside, beside a bare httputil.ReverseProxy: mock
// upstream, proxy, server and load are processes of their own.
func benchGateway(ctx context.Context, r *benchRun) error {
	if len(r.args) > 0 {
		return r.serveBenchPart(ctx)
	}
	parts, err := startBenchParts(ctx, r.app)
	if err != nil {
		return err
	}
	defer parts.stop()
	b := gatewayBench{r, parts}
	for _, step := range []func(context.Context) error{b.added, b.throughput, b.memory, b.frontier, b.streams} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// serveBenchPart is the mock upstream or the bare proxy, in a process that benchGateway starts.
func (r *benchRun) serveBenchPart(ctx context.Context) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(r.app.stdout, l.Addr()); err != nil {
		return err
	}
	switch {
	case r.args[0] == "mock" && len(r.args) == 1:
		return loadtest.ServeMock(ctx, l, loadtest.MockOptions{})
	case r.args[0] == "paced-mock" && len(r.args) == 1:
		return loadtest.ServeMock(ctx, l, loadtest.MockOptions{Pause: 20 * time.Millisecond})
	case r.args[0] == "proxy" && len(r.args) == 2:
		return loadtest.ServeProxy(ctx, l, r.args[1])
	}
	l.Close()
	return usagef("bench gateway: want no argument, or mock, paced-mock or proxy HOST:PORT, got %q", r.args)
}

type gatewayBench struct {
	*benchRun
	*benchParts
}

// chat is a load of whole answers.
func (b gatewayBench) chat(addr string) loadtest.Load {
	return loadtest.Load{Addr: addr, Request: loadtest.ChatRequest(addr, b.key, false)}
}

// whole runs one load and refuses one that failed.
func whole(what string, r loadtest.Result) (loadtest.Result, error) {
	if r.Failed > 0 || r.Err != nil || r.Answers == 0 {
		return r, fmt.Errorf("%s: %d answers, %d failed (status %d): %v", what, r.Answers, r.Failed, r.Status, r.Err)
	}
	return r, nil
}

// roundTime is how long one side is measured in one round.
const roundTime = 2 * time.Second

// rounds measures each side in turn, r.runs times after one round that is not counted.
func (b gatewayBench) rounds(ctx context.Context, connections int, value func(loadtest.Result) float64, sides ...string) (map[string][]float64, error) {
	out := map[string][]float64{}
	for n := -1; n < b.runs; n++ {
		for _, side := range sides {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			r, err := whole(side, b.chat(b.addrs[side]).Closed(ctx, connections, roundTime))
			if err != nil {
				return nil, err
			}
			if n >= 0 {
				out[side] = append(out[side], value(r))
			}
		}
	}
	return out, nil
}

// added is what proxy and gateway add to the median latency at one client.
func (b gatewayBench) added(ctx context.Context) error {
	us, err := b.rounds(ctx, 1, func(r loadtest.Result) float64 { return float64(r.Quantile(0.5)) / 1e3 }, "direct", "proxy", "gateway", byDefault)
	if err != nil {
		return err
	}
	added := map[string][]float64{}
	ratio := map[string][]float64{}
	for i := range b.runs {
		for _, side := range []string{"proxy", "gateway", byDefault} {
			added[side] = append(added[side], us[side][i]-us["direct"][i])
			ratio[side] = append(ratio[side], added[side][i]/added["proxy"][i])
		}
	}
	const note = "one client, interleaved rounds of 2 s"
	for _, f := range []struct {
		name, unit string
		values     []float64
	}{
		{"direct p50", "us", us["direct"]}, {"proxy added p50", "us", added["proxy"]}, {"gateway added p50", "us", added["gateway"]}, {"added p50, gateway over proxy", "ratio", ratio["gateway"]},
		{byDefault + ", added p50", "us", added[byDefault]}, {"added p50, " + byDefault + " over proxy", "ratio", ratio[byDefault]},
	} {
		if err := b.print(figure{Name: f.name, Unit: f.unit, Note: note}, f.values); err != nil {
			return err
		}
	}
	return nil
}

// throughput is requests a second at sixteen clients.
func (b gatewayBench) throughput(ctx context.Context) error {
	got, err := b.rounds(ctx, 16, loadtest.Result.Rate, "direct", "proxy", "gateway", byDefault)
	if err != nil {
		return err
	}
	const note = "16 clients, interleaved rounds of 2 s"
	for _, side := range []string{"direct", "proxy", "gateway", byDefault} {
		if err := b.print(figure{Name: side + " at 16 clients", Unit: "requests/s", Note: note}, got[side]); err != nil {
			return err
		}
	}
	for _, side := range []string{"gateway", byDefault} {
		ratio := make([]float64, b.runs)
		for i := range ratio {
			ratio[i] = got[side][i] / got["proxy"][i]
		}
		if err := b.print(figure{Name: "requests/s, " + side + " over proxy", Unit: "ratio", Note: note}, ratio); err != nil {
			return err
		}
	}
	return nil
}

// frontier is the highest rate at which the 99th percentile stays within a bound and
// nothing fails, with requests that come at a constant rate.
func (b gatewayBench) frontier(ctx context.Context) error {
	for _, side := range []string{"proxy", "gateway"} {
		for _, limit := range []time.Duration{time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 50 * time.Millisecond} {
			rate, err := b.highest(ctx, b.chat(b.addrs[side]), limit)
			if err != nil {
				return err
			}
			f := figure{Name: fmt.Sprintf("%s, p99 <= %s", side, limit), Unit: "requests/s", Note: "open loop, highest rate of 3 s without a failure, within 5 %"}
			if err := b.print(f, []float64{rate}); err != nil {
				return err
			}
		}
	}
	return nil
}

// highest searches the rate by halving; each rate has two tries.
func (b gatewayBench) highest(ctx context.Context, l loadtest.Load, limit time.Duration) (float64, error) {
	holds := func(rate float64) bool {
		for range 2 {
			r := l.Open(ctx, rate, 3*time.Second)
			if ctx.Err() == nil && r.Failed == 0 && r.Err == nil && r.Quantile(0.99) <= limit && r.Elapsed < 4*time.Second {
				return true
			}
		}
		return false
	}
	low, high := 0.0, 250.0
	for high < 32_000 && holds(high) {
		low, high = high, high*2
	}
	for high-low > 0.05*high && high > 50 && ctx.Err() == nil {
		if mid := (low + high) / 2; holds(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return low, ctx.Err()
}

// streams opens a thousand streams at once.
func (b gatewayBench) streams(ctx context.Context) error {
	const streams = 1000
	for _, side := range []string{"paced direct", "paced gateway", "gateway"} {
		at := b.addrs[side]
		l := loadtest.Load{Addr: at, Request: loadtest.ChatRequest(at, b.key, true)}
		if side == "paced gateway" {
			l.Request = loadtest.PacedRequest(at, b.key)
		}
		var seconds, first []float64
		for range b.runs {
			r := l.Streams(ctx, streams)
			if err := ctx.Err(); err != nil {
				return err
			}
			if r.Whole != streams {
				return fmt.Errorf("%s: %d of %d streams were whole: %w", side, r.Whole, streams, r.Err)
			}
			seconds, first = append(seconds, r.Elapsed.Seconds()), append(first, float64(r.Quantile(0.5))/1e6)
		}
		note := fmt.Sprintf("%d streams at once, %d pieces each, none lost or out of order", streams, loadtest.Deltas)
		if side != "gateway" {
			note += "; a piece every 20 ms"
		}
		if err := b.print(figure{Name: side + ", streams", Unit: "s", Note: note}, seconds); err != nil {
			return err
		}
		if err := b.print(figure{Name: side + ", first piece p50", Unit: "ms", Note: note}, first); err != nil {
			return err
		}
	}
	return nil
}

// memory is the server's before, under and after load.
func (b gatewayBench) memory(ctx context.Context) error {
	before := b.resident()
	l := b.chat(b.addrs["gateway"])
	during := make(chan float64, 1)
	go func() {
		time.Sleep(8 * time.Second)
		during <- b.resident()
	}()
	if _, err := whole("gateway", l.Closed(ctx, 16, 10*time.Second)); err != nil {
		return err
	}
	under := <-during
	select {
	case <-time.After(30 * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"memory before load", b.idle}, {"memory before 10 s at 16 clients", before}, {"memory under load", under}, {"memory 30 s after load", b.resident()}} {
		if err := b.print(figure{Name: f.name, Unit: "MB", Note: "resident, the server's process"}, []float64{f.value / 1e6}); err != nil {
			return err
		}
	}
	return nil
}
