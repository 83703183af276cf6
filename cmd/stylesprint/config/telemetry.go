package config

import (
	"errors"

	"stylesprint"
	"stylesprint/watch/telemetry"
)

// Telemetry says where traces and metrics are sent in OpenTelemetry's protocol.
type Telemetry struct {
	// Endpoint is the base URL of an OTLP receiver over HTTP. Defaults to
	// OTEL_EXPORTER_OTLP_ENDPOINT; without either nothing is sent.
	Endpoint string `yaml:"endpoint"`
	// Service is the name that the receiver shows. Defaults to OTEL_SERVICE_NAME, or stylesprint.
	Service string `yaml:"service"`
	// Sample is the share of requests that are traced, up to 1. Defaults to 1.
	Sample float64 `yaml:"sample"`
	// Content puts prompts and answers into traces. Defaults to false.
	Content bool `yaml:"content"`

	// Headers come from OTEL_EXPORTER_OTLP_HEADERS, or the file OTEL_EXPORTER_OTLP_HEADERS_FILE.
	Headers stylesprint.Secret `yaml:"-"`
}

func telemetryFrom(getenv func(string) string) (Telemetry, error) {
	headers, err := Secret(getenv, "OTEL_EXPORTER_OTLP_HEADERS")
	return Telemetry{Endpoint: getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), Service: getenv("OTEL_SERVICE_NAME"), Sample: 1, Headers: headers}, err
}

// Options are the settings for package telemetry.
func (t Telemetry) Options() telemetry.Options {
	return telemetry.Options{Endpoint: t.Endpoint, Headers: t.Headers, Service: t.Service, Sample: t.Sample}
}

func (t Telemetry) validate(at string, add func(string, string, ...any)) {
	err := t.Options().Validate()
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		for _, fault := range all.Unwrap() {
			add(at, "%s", fault)
		}
	}
}
