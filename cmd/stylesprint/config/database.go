package config

import (
	"stylesprint"
	"stylesprint/store/postgres"
)

// Database is where runs, outputs, reviews, the request log and jobs are kept.
type Database struct {
	// DatabaseURL is the DSN of a Postgres database, perhaps on several hosts; or empty: SQLite files in
	// DataDir. It comes from DATABASE_URL, or the content of the file DATABASE_URL_FILE, or the
	// settings' database_url, in this order.
	DatabaseURL stylesprint.Secret `yaml:"-"`
	// URL is database_url as it was written, until it is in DatabaseURL.
	URL string `yaml:"database_url"`
}

// complete reads the environment and forgets the plain text.
func (d *Database) complete(getenv func(string) string) error {
	url, err := Secret(getenv, "DATABASE_URL")
	if err != nil {
		return err
	}
	if url.Empty() {
		url = stylesprint.NewSecret(d.URL)
	}
	d.DatabaseURL, d.URL = url, ""
	return nil
}

func (d Database) validate(add func(string, string, ...any)) {
	if d.DatabaseURL.Empty() {
		return
	}
	if err := postgres.Check(d.DatabaseURL.Reveal()); err != nil {
		add("database_url", "%v; %s", err, stylesprint.HintOf(err))
	}
}
