package service

import (
	"strings"
	"testing"
)

// TestConfigurationHash: what all servers have in common moves it, and what is each
// one's own does not.
func TestConfigurationHash(t *testing.T) {
	hash := func(change func(*Config)) string {
		c := Config{Union: "u", Listen: "a:1", AgencyRate: 5, States: States{"KZ": {Witness: "w"}, "AM": {}}}
		change(&c)
		h, err := c.hash()
		if err != nil || len(h) != 64 || strings.Trim(h, "0123456789abcdef") != "" {
			t.Fatalf("%q, %v", h, err)
		}
		return h
	}
	is := hash(func(*Config) {})
	for what, change := range map[string]func(*Config){"listen": func(c *Config) { c.Listen = "b:2" }, "metrics": func(c *Config) { c.MetricsListen = "b:2" },
		"certificate": func(c *Config) { c.TLSCert, c.TLSKey = "x", "y" }, "log": func(c *Config) { c.LogLevel = "debug" }} {
		if hash(change) != is {
			t.Errorf("%s of one server moves the hash", what)
		}
	}
	for what, change := range map[string]func(*Config){"union": func(c *Config) { c.Union = "v" }, "rate": func(c *Config) { c.AgencyRate = 6 },
		"a state's custodian": func(c *Config) { c.States = States{"KZ": {Witness: "w", Custodian: CustodianConfig{KeysPerSecond: 99}}, "AM": {}} },
		"trusted only":        func(c *Config) { c.TrustedOnly = true }} {
		if hash(change) == is {
			t.Errorf("another %s leaves the hash as it was", what)
		}
	}
}
