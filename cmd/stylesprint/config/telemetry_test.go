package config

import (
	"strings"
	"testing"
)

func TestTelemetry(t *testing.T) {
	t.Parallel()
	c, err := Load("", env())
	if err != nil || c.Telemetry.Endpoint != "" || c.Telemetry.Sample != 1 {
		t.Errorf("%+v, %v", c.Telemetry, err)
	}
	c, err = Load("", env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_HEADERS", "api-key=hidden", "OTEL_SERVICE_NAME", "shop"))
	if err != nil {
		t.Fatal(err)
	}
	o := c.Telemetry.Options()
	if err := c.Validate(); err != nil || o.Endpoint != "http://127.0.0.1:4318" || o.Service != "shop" || o.Headers.Reveal() != "api-key=hidden" {
		t.Errorf("%+v, %v", o, err)
	}
	c.Telemetry.Endpoint, c.Telemetry.Sample = "nowhere", 3
	err = c.Validate()
	if err == nil || !strings.Contains(err.Error(), "telemetry: endpoint") || !strings.Contains(err.Error(), "telemetry: sample") {
		t.Errorf("faults: %v", err)
	}
}
