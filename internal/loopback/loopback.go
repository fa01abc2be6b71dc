// Package loopback says what leads to this machine itself, where plain HTTP is
// nobody else's to read.
package loopback

import "net/netip"

// Host reports whether host, a name or an address without port or brackets,
// is this machine's own.
func Host(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}
