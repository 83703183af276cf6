package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"stylesprint/catalogue/demo"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/engine"
	"stylesprint/engine/nn/kernel"
)

func benchmarks() []benchmark {
	return []benchmark{
		{"kernel", "Matrix products: GFLOP/s in float32 and bfloat16", "  stylesprint bench kernel", benchKernel},
		{"decode", "The language model: load, prefill, first token with and without a known prefix, one and eight streams, memory", "  stylesprint bench decode", benchDecode},
		{"embed", "The encoder: texts a second in fast and exact; of a file, if one is named", "  stylesprint bench embed\n  stylesprint bench embed texts.txt", benchEmbed},
		{"clip", "CLIP of ViT-B/32's shape: pictures and texts a second in fast and exact; needs no download", "  stylesprint bench clip", benchCLIP},
		{"score", "BLEU: segments a second", "  stylesprint bench score", benchScore},
		{"gateway", "The server beside a bare reverse proxy: latency, requests a second, streams, memory", "  stylesprint bench gateway\n  stylesprint bench gateway --runs 7", benchGateway},
	}
}

func benchKernel(ctx context.Context, r *benchRun) error {
	c, err := r.app.config()
	if err != nil {
		return err
	}
	level := kernel.Detect()
	if c.CPU != "" {
		if level, err = kernel.ParseLevel(c.CPU); err != nil {
			return err
		}
	}
	m, err := kernel.NewMachine(kernel.Options{Level: level, Threads: c.Threads})
	if err != nil {
		return err
	}
	defer m.Close()
	for _, s := range [][3]int{{2048, 2048, 2048}, {1020, 576, 1536}, {1020, 1536, 576}, {1020, 576, 49152}} {
		for _, precision := range []string{"float32", "bfloat16"} {
			f := figure{Name: fmt.Sprintf("gemm %d x %d x %d", s[0], s[1], s[2]), Unit: "GFLOP/s", Precision: precision, CPU: m.Level().String()}
			if err := r.measure(ctx, f, gemm(m, s, precision)); err != nil {
				return err
			}
		}
	}
	return nil
}

// gemm returns one timed product of x[m,k] with packed weights[n,k], repeated for about a fifth of a second.
func gemm(m *kernel.Machine, s [3]int, precision string) func() (float64, error) {
	rows, k, n := s[0], s[1], s[2]
	w := make([]float32, n*k)
	x := make([]float32, rows*k)
	for i := range w {
		w[i] = float32(i%7)*.1 - .3
	}
	for i := range x {
		x[i] = float32(i%13)*.1 - .5
	}
	packed := m.PackF32(n, k, w)
	if precision == "bfloat16" {
		packed = m.PackBF16(n, k, w)
	}
	y := make([]float32, rows*n)
	var scratch kernel.Scratch
	flop := 2 * float64(rows) * float64(k) * float64(n)
	return func() (float64, error) {
		times := 0
		start := time.Now()
		for time.Since(start) < 200*time.Millisecond {
			m.Linear(y, x, rows, packed, &scratch, kernel.Epilogue{})
			times++
		}
		return flop * float64(times) / time.Since(start).Seconds() / 1e9, nil
	}
}

func benchDecode(ctx context.Context, r *benchRun) error {
	c, err := r.app.config()
	if err != nil {
		return err
	}
	conf := languageModel(c, "", "")
	local, err := r.app.ensure(ctx, c, conf.Model)
	if err != nil {
		return err
	}
	o := engineOptions(c, conf, conf.Precision)
	o.PrefixTokens = -1 // the same prompts are read again and again
	open := func() (*engine.LanguageModel, error) { return engine.OpenLanguageModel(ctx, local.Path, o) }
	f := figure{Model: conf.Model, Precision: conf.Precision}
	f.Name, f.Unit = "load", "s"
	if err := r.measure(ctx, f, func() (float64, error) {
		start := time.Now()
		m, err := open()
		if err != nil {
			return 0, err
		}
		took := time.Since(start).Seconds()
		return took, m.Close()
	}); err != nil {
		return err
	}
	m, err := open()
	if err != nil {
		return err
	}
	f.CPU = m.Info().CPU
	err = benchStreams(ctx, r, f, m)
	if cerr := m.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return benchPrefix(ctx, r, f, o, local.Path)
}

// benchPrefix times the first token of requests that share a system prompt of 400 tokens,
// without kept prompts and with them.
func benchPrefix(ctx context.Context, r *benchRun, f figure, o engine.Options, path string) error {
	for _, kept := range []struct {
		name   string
		tokens int
	}{{"read anew", -1}, {"known", 0}} {
		o.PrefixTokens = kept.tokens
		m, err := engine.OpenLanguageModel(ctx, path, o)
		if err != nil {
			return err
		}
		system, n := promptOf(m, 400), 0
		f.Name, f.Unit, f.Note = "first token, 400-token system prompt "+kept.name, "ms", "and a different question of some ten tokens each time"
		err = r.measure(ctx, f, func() (float64, error) {
			n++
			res, err := m.Generate(ctx, engine.Request{MaxTokens: 1, Messages: []engine.ChatMessage{
				{Role: "system", Content: system}, {Role: "user", Content: fmt.Sprintf("Describe dress number %d in a sentence.", n)},
			}}, nil)
			return res.FirstToken.Seconds() * 1e3, err
		})
		if cerr := m.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func benchStreams(ctx context.Context, r *benchRun, f figure, m *engine.LanguageModel) error {
	prompt := promptOf(m, 512)
	f.Name, f.Unit, f.Note = "prefill 512", "tokens/s", "time to the first token of a 512-token prompt"
	if err := r.measure(ctx, f, func() (float64, error) {
		res, err := m.Generate(ctx, engine.Request{Prompt: prompt, MaxTokens: 1}, nil)
		return float64(res.PromptTokens) / res.Prefill.Seconds(), err
	}); err != nil {
		return err
	}
	short := promptOf(m, 60)
	f.Name, f.Unit, f.Note = "first token, 60-token prompt", "ms", ""
	if err := r.measure(ctx, f, func() (float64, error) {
		start, first := time.Now(), time.Duration(0)
		_, err := m.Generate(ctx, engine.Request{Prompt: short, MaxTokens: 4}, func(engine.Token) error {
			if first == 0 {
				first = time.Since(start)
			}
			return nil
		})
		return first.Seconds() * 1e3, err
	}); err != nil {
		return err
	}
	for _, streams := range []int{1, 8} {
		f.Name, f.Unit, f.Note = fmt.Sprintf("decode, %d streams", streams), "tokens/s", "128 tokens a stream after a 60-token prompt, all streams together"
		if err := r.measure(ctx, f, func() (float64, error) { return decodeRate(ctx, m, promptsOf(m, 60, streams), 128) }); err != nil {
			return err
		}
	}
	if _, err := decodeRate(ctx, m, promptsOf(m, 60, 8), 512); err != nil {
		return err
	}
	f.Name, f.Unit, f.Note = "resident memory after eight 512-token streams", "MB", "this process"
	return r.print(f, []float64{resident() / 1e6})
}

// decodeRate runs a stream for each prompt side by side and returns tokens per
// second from the first token of the last stream to start until the first stream
// ends. It is greedy, so that the texts, and with them the work, are the same each time.
func decodeRate(ctx context.Context, m *engine.LanguageModel, prompts []string, tokens int) (float64, error) {
	type span struct {
		first, last time.Time
		times       []time.Time
		err         error
	}
	spans := make([]span, len(prompts))
	var wg sync.WaitGroup
	for i := range spans {
		wg.Go(func() {
			s := &spans[i]
			s.times = make([]time.Time, 0, tokens+1)
			_, s.err = m.Generate(ctx, engine.Request{Prompt: prompts[i], MaxTokens: tokens}, func(engine.Token) error {
				s.times = append(s.times, time.Now())
				return nil
			})
		})
	}
	wg.Wait()
	var from, until time.Time
	for i := range spans {
		s := &spans[i]
		if s.err != nil {
			return 0, s.err
		}
		if len(s.times) < 2 {
			return 0, fmt.Errorf("stream %d ended after %d tokens", i, len(s.times))
		}
		s.first, s.last = s.times[0], s.times[len(s.times)-1]
		if s.first.After(from) {
			from = s.first
		}
		if until.IsZero() || s.last.Before(until) {
			until = s.last
		}
	}
	n := 0
	for i := range spans {
		for _, t := range spans[i].times {
			if t.After(from) && !t.After(until) {
				n++
			}
		}
	}
	return float64(n) / until.Sub(from).Seconds(), nil
}

// promptsOf are count different prompts of about n tokens.
func promptsOf(m *engine.LanguageModel, n, count int) []string {
	starts := []string{"Summer", "Winter", "Spring", "Autumn", "Linen", "Wool", "Cotton", "Silk"}
	out := make([]string, count)
	for i := range out {
		out[i] = starts[i%len(starts)] + " notes. " + promptOf(m, n-3)
	}
	return out
}

// promptOf is plain text of exactly n tokens, or a little fewer where words do not divide so.
func promptOf(m *engine.LanguageModel, n int) string {
	words := strings.Fields(strings.Repeat("The linen dress keeps its shape after many washes and looks better with every summer . ", n/8+1))
	low, high := 1, len(words)
	for low < high {
		mid := (low + high + 1) / 2
		if m.CountTokens(strings.Join(words[:mid], " ")) <= n {
			low = mid
		} else {
			high = mid - 1
		}
	}
	return strings.Join(words[:low], " ")
}

// textSet is a list of texts that the encoder is measured on.
type textSet struct {
	name  string
	texts []string
}

// benchEmbed measures the demo catalogue's descriptions and their single
// sentences, or the lines of a file where one is named.
func benchEmbed(ctx context.Context, r *benchRun) error {
	c, err := r.app.config()
	if err != nil {
		return err
	}
	local, err := r.app.ensure(ctx, c, config.DefaultEncoder)
	if err != nil {
		return err
	}
	sets, err := demoTexts()
	if len(r.args) > 0 && r.base.Bench == "embed" {
		sets, err = fileTexts(r.args[0])
	}
	if err != nil {
		return err
	}
	for _, precision := range []string{"fast", "exact"} {
		e, err := engine.OpenEncoder(ctx, local.Path, engineOptions(c, config.Model{}, precision))
		if err != nil {
			return err
		}
		for _, set := range sets {
			f := figure{Name: "product " + set.name, Unit: "texts/s", Model: config.DefaultEncoder, Precision: precision, CPU: e.Info().CPU,
				Note: fmt.Sprintf("%d texts in one call", len(set.texts))}
			if err = r.measure(ctx, f, rate(float64(len(set.texts)), func() error {
				_, err := e.Embed(ctx, set.texts)
				return err
			})); err != nil {
				break
			}
		}
		if cerr := e.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func demoTexts() ([]textSet, error) {
	products, err := demo.Products()
	if err != nil {
		return nil, err
	}
	descriptions, sentences := textSet{name: "descriptions"}, textSet{name: "sentences"}
	for _, p := range products {
		for _, d := range p.Descriptions {
			descriptions.texts = append(descriptions.texts, d)
			for s := range strings.SplitSeq(d, ". ") {
				sentences.texts = append(sentences.texts, strings.TrimSuffix(s, ".")+".")
			}
		}
	}
	return []textSet{sentences, descriptions}, nil
}

func fileTexts(path string) ([]textSet, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	var texts []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			texts = append(texts, line)
		}
	}
	if len(texts) == 0 {
		return nil, usagef("%s holds no text", path)
	}
	return []textSet{{"texts of " + filepath.Base(path), texts}}, nil
}
