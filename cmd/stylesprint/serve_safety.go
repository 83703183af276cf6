package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway"
	"stylesprint/gateway/safety"
)

// feedbackStore is what serve needs of a database for feedback.
type feedbackStore interface {
	gateway.FeedbackStore
	feedbackExpirer
}

type feedbackExpirer interface {
	ExpireFeedback(ctx context.Context, before time.Time) (int, error)
}

// contentPolicy is the policy that is configured; nil if it is off.
func contentPolicy(c config.Config) (*safety.Policy, error) {
	switch c.Safety.Policy {
	case "":
		return safety.Default()
	case config.PolicyOff:
		return nil, nil
	}
	return safety.Load(c.Safety.Policy)
}

// joinSafety has texts checked, has them say who wrote them, and keeps feedback.
func (s *server) joinSafety(context.Context) error {
	guard, err := s.addSafety(&s.gateway, s.db, s.metrics)
	if err != nil {
		return err
	}
	s.tasks = append(s.tasks, func(ctx context.Context) { s.expireFeedback(ctx, s.db) })
	s.reloads = append(s.reloads, func(_ context.Context, next config.Config) error {
		policy, err := contentPolicy(next)
		switch {
		case err != nil:
			return fmt.Errorf("the content policy stays as it was: %w", err)
		case (policy == nil) != (guard == nil):
			return errors.New("safety.policy has been turned on or off, which takes effect when the server is started again")
		case policy != nil:
			guard.Replace(policy)
		}
		return nil
	})
	return nil
}

// addSafety adds content safety, disclosure and feedback to a gateway's options. The guard, nil where
// the policy is off, can be given another policy while it serves.
func (s *server) addSafety(o *gateway.Options, db feedbackStore, registry prometheus.Registerer) (*safety.Guard, error) {
	policy, err := contentPolicy(s.config)
	if err != nil {
		return nil, err
	}
	var guard *safety.Guard
	if policy != nil {
		if guard, err = safety.New(policy, registry); err != nil {
			return nil, err
		}
		o.Stages, o.Content, o.Clean = append(o.Stages, guard.Stage()), guard, guard.Clean
		s.log.Info("content policy", "version", policy.Version(), "rules", len(policy.Rules()))
	}
	o.Disclosure.Statement = s.config.Safety.Statement
	if s.config.Feedback.Off {
		return guard, nil
	}
	key, err := s.app.feedbackKey(s.config)
	if err != nil {
		return nil, err
	}
	o.Feedback = &gateway.Feedback{Store: db, Key: key, PerMinute: s.config.Feedback.PerMinute, Now: s.app.now}
	if guard != nil {
		o.Feedback.Clean = guard.Clean
	}
	return guard, nil
}

// feedbackKeyName is the environment variable, and with _FILE the file, of the key under which
// subjects of feedback are hashed.
const feedbackKeyName = "STYLESPRINT_FEEDBACK_KEY"

// feedbackKey reads the key from the environment, or else from a file in the data folder, which is made
// at the first start.
func (a *app) feedbackKey(c config.Config) (stylesprint.Secret, error) {
	fault := func(message string, err error) (stylesprint.Secret, error) {
		return stylesprint.Secret{}, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: message,
			Hint: "put 64 hexadecimal digits into " + feedbackKeyName + "; with another key than before, earlier feedback can no longer be erased by subject", Err: err}
	}
	key, err := config.Secret(a.getenv, feedbackKeyName)
	if err != nil {
		return fault("the key for feedback cannot be read", err)
	}
	path := filepath.Join(c.DataDir, "feedback.key")
	if key.Empty() {
		if err := makeKey(path); err != nil {
			return fault("the key for feedback cannot be made", err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return fault("the key for feedback cannot be read", err)
		}
		key = stylesprint.NewSecret(strings.TrimSpace(string(b)))
	}
	if b, err := hex.DecodeString(key.Reveal()); err != nil || len(b) < 32 {
		return fault("the key for feedback is not 64 hexadecimal digits", nil)
	}
	return key, nil
}

// makeKey writes a new key, readable by its owner alone, unless there is one. Several processes may
// do so at once: one of them wins.
func makeKey(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".feedback.key-") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	_, err = fmt.Fprintln(f, hex.EncodeToString(key))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// expireEvery is how often old feedback is looked for.
const expireEvery = 6 * time.Hour

// expireFeedback deletes feedback without consent when it is old enough, now and then, until ctx ends.
func (s *server) expireFeedback(ctx context.Context, db feedbackExpirer) {
	days := s.config.Feedback.KeepDays
	if days == 0 {
		days = config.DefaultKeepDays
	}
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		n, err := db.ExpireFeedback(ctx, s.app.now().AddDate(0, 0, -days))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Error("feedback: old entries were not deleted", "error", err.Error())
		case n > 0:
			s.log.Info("feedback: old entries without consent deleted", "entries", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
