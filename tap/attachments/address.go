package attachments

import (
	"net/netip"
	"net/url"
)

// reach says where an address leads: the further down the list, the less may lead there.
type reach uint8

const (
	public  reach = iota // the internet
	inside               // a private network
	local                // this machine
	nowhere              // an address that no host has
)

// special are the blocks of IANA's registries of special-purpose addresses that are not public;
// the smallest block that holds an address counts. Blocks that embed an IPv4 address are in embeds.
var special = map[netip.Prefix]reach{}

func init() {
	for r, blocks := range map[reach][]string{
		inside: {
			"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // RFC 1918
			"100.64.0.0/10",         // shared between a provider and its customers, RFC 6598
			"198.18.0.0/15",         // benchmarks, RFC 2544
			"fc00::/7", "fec0::/10", // unique local, RFC 4193, and its predecessor
			"64:ff9b:1::/48", "2001:2::/48", "5f00::/16", // local translation, benchmarks, segments
		},
		local: {"127.0.0.0/8", "::1/128"},
		nowhere: {
			"0.0.0.0/8", "169.254.0.0/16", // this network; link-local, with cloud metadata
			"192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", // examples
			"192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4", // relays, multicast, reserved
			"::/8", "100::/64", "100:0:0:1::/64", // unspecified and embedded, discarded
			"2001::/23", "2001:db8::/32", "3fff::/20", // protocols, examples
			"fe80::/10", "ff00::/8", // link-local, multicast
		},
		public: {
			"192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:3::/32",
			"2001:4:112::/48", "2001:20::/28", "2001:30::/28",
		},
	} {
		for _, block := range blocks {
			special[netip.MustParsePrefix(block)] = r
		}
	}
}

// embeds are blocks whose addresses lead to an IPv4 address, and where in them it is.
var embeds = map[netip.Prefix]int{
	netip.MustParsePrefix("::/96"):        12, // compatible, deprecated
	netip.MustParsePrefix("64:ff9b::/96"): 12, // NAT64, RFC 6052
	netip.MustParsePrefix("2002::/16"):    2,  // 6to4, RFC 3056
}

// reachOf returns where an address leads.
func reachOf(ip netip.Addr) reach {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		if ip == netip.IPv6Loopback() {
			return local
		}
		for block, at := range embeds {
			if raw := ip.As16(); block.Contains(ip) {
				return reachOf(netip.AddrFrom4([4]byte(raw[at : at+4])))
			}
		}
	}
	found, bits := public, -1
	for block, r := range special {
		if block.Contains(ip) && block.Bits() > bits {
			found, bits = r, block.Bits()
		}
	}
	return found
}

// mayFetch reports whether a link, or a redirect from another address, may be followed: to https,
// or to http on this machine if the API is there, too, but never from https to http.
func (f *fetcher) mayFetch(u, from *url.URL) bool {
	if u.Scheme == "https" && u.Hostname() != "" {
		return true
	}
	if u.Scheme != "http" || !f.local || from != nil && from.Scheme == "https" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}
