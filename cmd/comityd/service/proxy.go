package service

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the networks of the proxies in front of the server.
func (c Config) proxies() ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range c.Proxies {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%.80q is not a network such as 10.0.0.0/8", text)
		}
		all = append(all, p)
	}
	return all, nil
}

// behind has a request come from where the proxies in front of the server say:
// from the last address of X-Forwarded-For that is not a proxy's own. What
// stands before that one is the client's word. Of other peers the header counts
// for nothing.
func behind(proxies []netip.Prefix, h http.Handler) http.Handler {
	if len(proxies) == 0 {
		return h
	}
	ours := func(a netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err == nil && ours(peer.Addr()) {
			said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			for _, text := range slices.Backward(said) {
				a, err := netip.ParseAddr(strings.TrimSpace(text))
				if err != nil {
					break
				}
				if r.RemoteAddr = netip.AddrPortFrom(a, 0).String(); !ours(a) {
					break
				}
			}
		}
		h.ServeHTTP(w, r)
	})
}
