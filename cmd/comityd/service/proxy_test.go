package service

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestProxies: where a request comes from is the word of the operator's own
// proxies, and of nobody else.
func TestProxies(t *testing.T) {
	proxies, err := Config{Proxies: []string{"10.0.0.0/8", "fd00::/8"}}.proxies()
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		peer, said, from string
	}{
		"a stranger's word":           {"192.0.2.1:1234", "198.51.100.7", "192.0.2.1:1234"},
		"through a proxy":             {"10.0.0.1:1234", "198.51.100.7", "198.51.100.7:0"},
		"through two":                 {"10.0.0.1:1234", "198.51.100.7, 10.2.3.4", "198.51.100.7:0"},
		"with a forged beginning":     {"10.0.0.1:1234", "203.0.113.9, 198.51.100.7", "198.51.100.7:0"},
		"IPv6":                        {"[fd00::1]:1234", "2001:db8::1", "[2001:db8::1]:0"},
		"mapped":                      {"[::ffff:10.0.0.1]:1234", "198.51.100.7", "198.51.100.7:0"},
		"no header":                   {"10.0.0.1:1234", "", "10.0.0.1:1234"},
		"nonsense":                    {"10.0.0.1:1234", "nonsense", "10.0.0.1:1234"},
		"nonsense before a proxy":     {"10.0.0.1:1234", "nonsense, 10.2.3.4", "10.2.3.4:0"},
		"from within":                 {"10.0.0.1:1234", "10.9.9.9", "10.9.9.9:0"},
		"a peer that is no address":   {"@", "198.51.100.7", "@"},
		"an address with a port even": {"10.0.0.1:1234", "198.51.100.7:80", "10.0.0.1:1234"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
		r.RemoteAddr = x.peer
		if x.said != "" {
			r.Header.Set("X-Forwarded-For", x.said)
		}
		got := ""
		behind(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(nil, r)
		if got != x.from {
			t.Errorf("%s: from %s, wanted %s", name, got, x.from)
		}
	}
	if _, err := (Config{Proxies: []string{"10.0.0.1"}}).proxies(); err == nil {
		t.Error("an address is taken for a network")
	}
}
