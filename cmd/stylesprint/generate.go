package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/generate"
)

// sampling are the flags that steer a model, shared by generate and eval run.
type sampling struct {
	temperature float64
	topP        float64
	topK        int
	minP        float64
	repetition  float64
	maxTokens   int
	seed        uint64
	stop        []string
}

func (s *sampling) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Float64Var(&s.temperature, "temperature", 0.7, "0 always takes the likeliest token; up to 2")
	f.Float64Var(&s.topP, "top-p", 1, "only the likeliest tokens that together have this probability")
	f.IntVar(&s.topK, "top-k", 0, "only the k likeliest tokens; 0 is off")
	f.Float64Var(&s.minP, "min-p", 0, "only tokens with this share of the likeliest one's probability; 0 is off")
	f.Float64Var(&s.repetition, "repetition-penalty", 1, "more than 1 discourages repeated tokens")
	f.IntVar(&s.maxTokens, "max-tokens", 256, "longest answer, in tokens")
	f.Uint64Var(&s.seed, "seed", 0, "makes the draw repeatable; a random one if not given")
	f.StringArrayVar(&s.stop, "stop", nil, "end the answer before this text; repeat it for several")
}

// params keeps what differs from the defaults, so that a remote server is not
// sent fields it may not know.
func (s *sampling) params(cmd *cobra.Command) generate.Params {
	p := generate.Params{Temperature: &s.temperature, MaxTokens: &s.maxTokens, Stop: s.stop}
	changed := cmd.Flags().Changed
	if changed("top-p") {
		p.TopP = &s.topP
	}
	if changed("top-k") {
		p.TopK = &s.topK
	}
	if changed("min-p") {
		p.MinP = &s.minP
	}
	if changed("repetition-penalty") {
		p.RepetitionPenalty = &s.repetition
	}
	if changed("seed") {
		p.Seed = &s.seed
	}
	return p
}

// modelFlags choose a model on the command line.
type modelFlags struct {
	name      string
	provider  string
	baseURL   string
	precision string
	in, out   float64
}

func (m *modelFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.name, "model", "", "a configured model, a name of `models list`, or a path (default: the first configured)")
	f.StringVar(&m.provider, "provider", "", "local, or openai for any OpenAI-compatible server (key from OPENAI_API_KEY or OPENAI_API_KEY_FILE)")
	f.StringVar(&m.baseURL, "base-url", "", "address of the server with /v1 (default: OPENAI_BASE_URL, or OpenAI's own)")
	f.StringVar(&m.precision, "precision", "", "of a local model: fast or exact (default: fast)")
	f.Float64Var(&m.in, "input-price", 0, "price per million prompt tokens, for costs")
	f.Float64Var(&m.out, "output-price", 0, "price per million answer tokens")
}

// resolve turns the flags into a configured model.
func (m *modelFlags) resolve(c config.Config) (config.Model, error) {
	if m.precision != "" && m.precision != "fast" && m.precision != "exact" {
		return config.Model{}, usagef("--precision: want fast or exact, got %q", m.precision)
	}
	conf := languageModel(c, m.name, m.precision)
	switch m.provider {
	case "":
	case "local", "openai":
		conf.Provider = m.provider
		if m.provider == "openai" && m.name == "" {
			return conf, usagef("--provider openai needs --model NAME")
		}
	default:
		return conf, usagef("--provider: want local or openai, got %q", m.provider)
	}
	if m.baseURL != "" {
		conf.Provider, conf.BaseURL = "openai", m.baseURL
	}
	if m.in != 0 || m.out != 0 {
		conf.Price = config.Price{Input: m.in, Output: m.out}
	}
	return conf, nil
}

func (a *app) generateCommand() *cobra.Command {
	var m modelFlags
	var s sampling
	var system string
	var raw bool
	cmd := &cobra.Command{
		Use:   "generate PROMPT",
		Short: "Answer one prompt, streamed to the terminal",
		Long: `Answer one prompt with a local model or any OpenAI-compatible server, streamed as it is written.
The prompt - is read from standard input. An instruct model's chat template is applied unless --raw is given.`,
		Example: "  stylesprint generate \"Describe a linen shirt in one sentence.\"\n  stylesprint generate --temperature 0 --json \"Name three fabrics.\"\n  OPENAI_API_KEY=... stylesprint generate --provider openai --model gpt-4o-mini \"Hello\"",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			prompt := args[0]
			if prompt == "-" {
				b, err := io.ReadAll(io.LimitReader(a.stdin, 1<<20))
				if err != nil {
					return fmt.Errorf("read prompt: %w", err)
				}
				prompt = string(b)
			}
			if strings.TrimSpace(prompt) == "" {
				return usagef("the prompt is empty")
			}
			req := generate.Request{Params: s.params(cmd)}
			if raw {
				req.Prompt = prompt
			} else {
				if system != "" {
					req.Messages = append(req.Messages, stylesprint.Message{Role: stylesprint.RoleSystem, Content: system})
				}
				req.Messages = append(req.Messages, stylesprint.Message{Role: stylesprint.RoleUser, Content: prompt})
			}
			return a.generate(cmd.Context(), m, req)
		},
	}
	m.flags(cmd)
	s.flags(cmd)
	cmd.Flags().StringVar(&system, "system", "", "system message")
	cmd.Flags().BoolVar(&raw, "raw", false, "continue the text as it stands, without a chat template")
	return cmd
}

func (a *app) generate(ctx context.Context, m modelFlags, req generate.Request) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	conf, err := m.resolve(c)
	if err != nil {
		return err
	}
	client, info, err := a.openGenerator(ctx, c, conf)
	if err != nil {
		return err
	}
	defer client.Close()
	req.Model = info.Ref.Name
	if a.json {
		reply, err := client.Generate(ctx, req)
		if err != nil {
			return err
		}
		return a.printJSON(reply)
	}
	reply, err := client.Stream(ctx, req, func(d generate.Delta) error {
		_, err := io.WriteString(a.stdout, d.Text)
		return err
	})
	if reply.Text != "" {
		fmt.Fprintln(a.stdout)
	}
	if err != nil {
		return err
	}
	if !a.quiet {
		fmt.Fprintf(a.stderr, "%s: %d + %d tokens, first after %d ms, %.1f s in all, %s\n", reply.Model, reply.Usage.PromptTokens, reply.Usage.CompletionTokens,
			reply.FirstToken.Milliseconds(), reply.Latency.Seconds(), finish(reply.FinishReason))
	}
	return nil
}

func finish(r stylesprint.FinishReason) string {
	if r == stylesprint.FinishLength {
		return "cut at --max-tokens"
	}
	return "finished"
}
