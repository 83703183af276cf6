package gateway

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"
)

// openapiText describes the operations by method and label, and the schemas.
//
//go:embed openapi.yaml
var openapiText []byte

// openAPIDocument is the OpenAPI document of the routes: their paths, security and errors come from
// the map, everything else from openapi.yaml. A route without a description there is a fault.
func openAPIDocument(routes []route) ([]byte, error) {
	var described struct {
		Info       map[string]any            `yaml:"info"`
		Operations map[string]map[string]any `yaml:"operations"`
		Components map[string]any            `yaml:"components"`
	}
	if err := yaml.Unmarshal(openapiText, &described); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	paths := map[string]map[string]any{}
	for _, rt := range routes {
		name := rt.method + " " + rt.label
		of := described.Operations[name]
		if of == nil {
			return nil, fmt.Errorf("openapi.yaml does not describe %s", name)
		}
		operation := map[string]any{"responses": withErrors(of["responses"], rt)}
		for k, v := range of {
			if k != "responses" {
				operation[k] = v
			}
		}
		if rt.kind != open {
			operation["security"] = []any{map[string]any{"key": []any{}}, map[string]any{}}
		}
		path := openAPIPath(rt.path)
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path][strings.ToLower(rt.method)] = operation
	}
	b, err := json.Marshal(map[string]any{
		"openapi": "3.1.0", "info": described.Info, "paths": paths, "components": described.Components,
	})
	if err != nil {
		return nil, fmt.Errorf("encode openapi.json: %w", err)
	}
	return b, nil
}

// withErrors adds the error of the route's dialect to the answers that are described.
func withErrors(described any, rt route) map[string]any {
	schema := "#/components/schemas/Error"
	if rt.dialect.event == "" {
		schema = "#/components/schemas/OpenAIError"
	}
	out := map[string]any{"default": map[string]any{
		"description": "An error; its code is stable. It says what the client can do, and nothing of the servers behind this one.",
		"headers": map[string]any{"Retry-After": map[string]any{
			"description": "Seconds to wait before asking again, with 429 and 503.", "schema": map[string]any{"type": "string"},
		}},
		"content": map[string]any{"application/json": map[string]any{"schema": map[string]any{"$ref": schema}}},
	}}
	if m, ok := described.(map[string]any); ok {
		for status, v := range m {
			out[status] = v
		}
	}
	return out
}

// openAPIPath is a pattern of http.ServeMux as OpenAPI writes paths.
func openAPIPath(pattern string) string {
	return strings.ReplaceAll(strings.ReplaceAll(pattern, "{$}", ""), "...}", "}")
}

func (g *Gateway) showOpenAPI(w http.ResponseWriter, _ *http.Request, _ *exchange) error {
	writeJSON(w, http.StatusOK, json.RawMessage(g.openAPI))
	return nil
}
