package main

import (
	"fmt"
	"strings"

	"stylesprint"
)

// role is which part of the server a process runs.
type role string

// The roles. A process of a role opens nothing that another role alone needs.
const (
	roleAll     role = "all"     // API, pages and jobs
	roleGateway role = "gateway" // API alone: no pages, no queue of jobs
	roleWorker  role = "worker"  // jobs, with probes and metrics: no API, no pages
)

func roles() []role { return []role{roleAll, roleGateway, roleWorker} }

// parseRole reads --role.
func parseRole(s string) (role, error) {
	var names []string
	for _, r := range roles() {
		if string(r) == s {
			return r, nil
		}
		names = append(names, string(r))
	}
	switch s {
	case "watch", "remedy":
		return "", &stylesprint.Error{Code: stylesprint.CodeUnsupported, Message: fmt.Sprintf("--role %s: this version has no part that watches or remedies; it has the roles %s", s, strings.Join(names, ", ")),
			Hint: "stylesprint serve --role gateway, and let Prometheus read its /metrics"}
	}
	return "", usagef("--role: want one of %s, got %q", strings.Join(names, ", "), s)
}

func (r role) api() bool   { return r == roleAll || r == roleGateway }
func (r role) pages() bool { return r == roleAll }
func (r role) jobs() bool  { return r == roleAll || r == roleWorker }
