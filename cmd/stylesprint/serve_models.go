package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/embedding"
	"stylesprint/engine/hub"
	"stylesprint/generate"
	"stylesprint/web"
)

// modelKey is everything that opening a model depends on: where two are equal, the open
// model is kept.
type modelKey struct {
	name, provider, task, model, precision string
	context, kv, threads                   int
	cpu, cache, base                       string
	key                                    [sha256.Size]byte // of the provider's key
	price                                  config.Price      // of those that are not worth keeping for it
}

// servedModel is a configured model that is open.
type servedModel struct {
	key    modelKey
	conf   config.Model
	write  *generate.Client // one of the two
	embed  *embedding.Client
	target string // what write's driver calls the model
	shown  web.Model
	lent   *openModel // where jobs may use it
}

// Close waits for running calls.
func (m *servedModel) Close() error {
	if m.write != nil {
		return m.write.Close()
	}
	return m.embed.Close()
}

func (a *app) modelKey(c config.Config, m config.Model) (modelKey, error) {
	k := modelKey{name: m.Name, provider: m.Provider, task: m.Task, model: m.Model}
	if m.Provider == "local" {
		k.precision, k.context, k.kv, k.threads, k.cpu, k.cache = m.Precision, m.ContextTokens, m.KVTokens, c.Threads, c.CPU, c.CacheDir
		if m.Task == "embedding" {
			k.price = m.Price
		}
		return k, nil
	}
	secret, err := a.remoteKey(c, m)
	if err != nil {
		return k, err
	}
	k.base, k.key, k.price = baseURL(c, m), sha256.Sum256([]byte(secret.Reveal())), m.Price
	return k, nil
}

// modelPool keeps the models open that the configuration names.
type modelPool struct {
	app  *app
	open []*servedModel // in the order of the configuration
}

// want opens what a configuration names and is not open. Nothing is closed: use says what
// is in use from now on, and gives what is not.
func (p *modelPool) want(ctx context.Context, c config.Config) (all, fresh []*servedModel, err error) {
	for _, conf := range c.Models {
		key, err := p.app.modelKey(c, conf)
		if err != nil {
			return nil, nil, errors.Join(err, closeModels(fresh))
		}
		at := slices.IndexFunc(p.open, func(m *servedModel) bool { return m.key == key })
		if at >= 0 {
			kept := *p.open[at] // prices and bounds of routes may differ
			kept.conf = conf
			kept.shown.Price = conf.Price.Price()
			all = append(all, &kept)
			continue
		}
		m, err := p.app.openServed(ctx, c, conf)
		if err != nil {
			return nil, nil, errors.Join(err, closeModels(fresh))
		}
		m.key = key
		all, fresh = append(all, m), append(fresh, m)
	}
	return all, fresh, nil
}

// use puts models in the place of those that were open, and returns those that are not among them.
func (p *modelPool) use(all []*servedModel) (gone []*servedModel) {
	for _, m := range p.open {
		if !slices.ContainsFunc(all, func(n *servedModel) bool { return n.key == m.key }) {
			gone = append(gone, m)
		}
	}
	p.open = all
	return gone
}

// Close closes what is open, last first.
func (p *modelPool) Close() error {
	all := p.open
	p.open = nil
	slices.Reverse(all)
	return closeModels(all)
}

func closeModels(models []*servedModel) error {
	var errs []error
	for _, m := range models {
		errs = append(errs, m.Close())
	}
	return errors.Join(errs...)
}

// openServed opens a configured model for the gateway, the pages and jobs.
func (a *app) openServed(ctx context.Context, c config.Config, m config.Model) (*servedModel, error) {
	out := &servedModel{conf: m, shown: web.Model{Name: m.Name, Task: m.Task, Price: m.Price.Price(), State: "ready", Ready: true, License: "known to its provider"}}
	if m.Task == "embedding" {
		client, err := a.openEmbedder(ctx, c, m, m.Precision)
		if err != nil {
			return nil, err
		}
		info, err := client.Info(ctx)
		switch {
		case err != nil && m.Provider != "local" && away(err): // the other models can be served meanwhile
			info = embedding.Info{Ref: stylesprint.ModelRef{Provider: m.Provider, Name: m.Model}}
		case err != nil:
			return nil, errors.Join(err, client.Close())
		}
		out.embed = client
		out.shown.Ref, out.shown.ContextTokens, out.shown.Precision = info.Ref, info.MaxTokens, info.Precision
	} else {
		client, info, err := a.openGenerator(ctx, c, m)
		if err != nil {
			return nil, err
		}
		out.write, out.target, out.lent = client, info.Ref.Name, &openModel{m, client, info.Ref}
		out.shown.Ref, out.shown.ContextTokens = info.Ref, info.ContextTokens
	}
	if m.Provider == "local" {
		out.shown.Precision = stylesprint.Precision(m.Precision)
		describe(&out.shown, m.Model)
	}
	return out, nil
}

// away says whether an error of a provider may pass by itself.
func away(err error) bool {
	switch stylesprint.CodeOf(err) {
	case stylesprint.CodeUnavailable, stylesprint.CodeUpstream, stylesprint.CodeTimeout, stylesprint.CodeRateLimited:
		return true
	}
	return false
}

// describe adds what the registry knows of a local model.
func describe(shown *web.Model, name string) {
	shown.License = "unknown: not in the registry"
	for _, m := range hub.Models() {
		if m.Name == name {
			shown.License, shown.Bytes, shown.Parameters = m.License, m.Bytes, m.Parameters
		}
	}
}

func modelNames(models []*servedModel) string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.conf.Name
	}
	return strings.Join(names, ", ")
}
