// Package loopback tells addresses of this machine from others.
package loopback

import "net/netip"

// Is reports whether a host is this machine, by its name or address. It resolves no other name.
func Is(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
