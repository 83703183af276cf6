package httpserver

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// IsLoopback says whether a listen address can be reached from this machine
// only. An address without a host ("" or ":8000") listens everywhere.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		host = addr
	}
	return isLoopbackHost(host)
}

// isLoopbackHost knows names that never leave the machine: "localhost", names
// under it (RFC 6761) and addresses of the loopback network.
func isLoopbackHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// hostOf strips the port from a Host header or an Origin's authority.
func hostOf(authority string) string {
	if h, _, err := net.SplitHostPort(authority); err == nil {
		return h
	}
	return strings.Trim(authority, "[]")
}

// FromThisMachine says whether a request was sent by a program on this machine to a local
// name. One that a proxy passes on, which adds a header that says so, was not.
func FromThisMachine(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return isLoopbackHost(hostOf(r.RemoteAddr)) && isLoopbackHost(hostOf(r.Host))
}
