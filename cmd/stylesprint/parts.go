package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/embedding"
	embeddinglocal "stylesprint/embedding/local"
	embeddingopenai "stylesprint/embedding/openai"
	"stylesprint/engine"
	"stylesprint/generate"
	generatelocal "stylesprint/generate/local"
	generateopenai "stylesprint/generate/openai"
)

// closers closes what a command opened, last first.
type closers []io.Closer

func (c *closers) add(x io.Closer) { *c = append(*c, x) }

func (c *closers) Close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		errs = append(errs, (*c)[i].Close())
	}
	*c = nil
	return errors.Join(errs...)
}

// languageModel finds a configured model by name. A name that is not configured is
// taken as the name or path of a local model.
func languageModel(c config.Config, name, precision string) config.Model {
	for _, m := range c.Models {
		if m.Task == "text-generation" && (name == "" || m.Name == name) {
			if precision != "" {
				m.Precision = precision
			}
			return m
		}
	}
	if precision == "" {
		precision = string(stylesprint.Fast)
	}
	return config.Model{Name: name, Model: name, Provider: "local", Task: "text-generation", Precision: precision, ContextTokens: 4096, KVTokens: 8192}
}

// encoder is the configured embedding model, or the embedded one.
func encoder(c config.Config) config.Model {
	for _, m := range c.Models {
		if m.Task == "embedding" {
			return m
		}
	}
	return config.Model{Name: config.DefaultEncoder, Model: config.DefaultEncoder, Provider: "local", Task: "embedding"}
}

func engineOptions(c config.Config, m config.Model, precision string) engine.Options {
	return engine.Options{
		Precision:     engine.Precision(precision),
		CPU:           c.CPU,
		Threads:       c.Threads,
		ContextTokens: m.ContextTokens,
		KVTokens:      m.KVTokens,
		MaxSequences:  c.Engine.MaxSequences,
		MaxWaiting:    c.Engine.MaxWaiting,
		PrefixTokens:  c.Engine.PrefixTokens,
		SharePrefixes: c.Engine.SharePrefixes,
	}
}

// openGenerator opens a language model, local or remote.
func (a *app) openGenerator(ctx context.Context, c config.Config, m config.Model) (*generate.Client, generate.ModelInfo, error) {
	if m.Provider == "openai" {
		return a.openRemote(c, m)
	}
	local, err := a.ensure(ctx, c, m.Model)
	if err != nil {
		return nil, generate.ModelInfo{}, err
	}
	lm, err := engine.OpenLanguageModel(ctx, local.Path, engineOptions(c, m, m.Precision))
	if err != nil {
		return nil, generate.ModelInfo{}, fmt.Errorf("open model %q: %w", m.Model, err)
	}
	driver := generatelocal.New(a.engines.measure(m.Name, lm), m.Name)
	info := generate.ModelInfo{
		Ref:           stylesprint.ModelRef{Provider: "local", Name: m.Name, Revision: local.Model.Revision, SHA256: lm.Info().SHA256},
		ContextTokens: lm.Info().ContextTokens,
	}
	return generate.New(driver, generate.Options{Price: m.Price.Price()}), info, nil
}

// remoteKey is the key for a configured server.
func (a *app) remoteKey(c config.Config, m config.Model) (stylesprint.Secret, error) {
	if m.KeyEnv == "" || m.KeyEnv == "OPENAI_API_KEY" {
		return c.OpenAI.Key, nil
	}
	return config.Secret(a.getenv, m.KeyEnv)
}

func baseURL(c config.Config, m config.Model) string {
	if m.BaseURL != "" {
		return m.BaseURL
	}
	return c.OpenAI.BaseURL
}

func (a *app) openRemote(c config.Config, m config.Model) (*generate.Client, generate.ModelInfo, error) {
	key, err := a.remoteKey(c, m)
	if err != nil {
		return nil, generate.ModelInfo{}, err
	}
	driver, err := generateopenai.New(generateopenai.Options{BaseURL: baseURL(c, m), APIKey: key, Model: m.Model})
	if err != nil {
		return nil, generate.ModelInfo{}, fmt.Errorf("set up model %q: %w", m.Name, err)
	}
	info := generate.ModelInfo{Ref: stylesprint.ModelRef{Provider: "openai", Name: m.Model}}
	return generate.New(driver, generate.Options{Price: m.Price.Price()}), info, nil
}

// openEmbedder opens an encoder, local or remote; scores are computed in exact.
func (a *app) openEmbedder(ctx context.Context, c config.Config, m config.Model, precision string) (*embedding.Client, error) {
	if m.Provider == "openai" {
		key, err := a.remoteKey(c, m)
		if err != nil {
			return nil, err
		}
		driver, err := embeddingopenai.New(embeddingopenai.Options{BaseURL: baseURL(c, m), APIKey: key, Model: m.Model})
		if err != nil {
			return nil, fmt.Errorf("set up encoder %q: %w", m.Name, err)
		}
		return embedding.New(driver, embedding.Options{Price: m.Price.Price()}), nil
	}
	local, err := a.ensure(ctx, c, m.Model)
	if err != nil {
		return nil, err
	}
	o := engineOptions(c, config.Model{}, precision)
	e, err := engine.OpenEncoder(ctx, local.Path, o)
	if err != nil {
		return nil, fmt.Errorf("open encoder %q: %w", m.Model, err)
	}
	return embedding.New(embeddinglocal.New(e, m.Name), embedding.Options{Price: m.Price.Price(), MaxBatch: 512}), nil
}
