package service

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/comity-platform/comity"
)

// checkShared notes what two states would share. The keys and the evidence of
// each lie in its own Vault and store (Article 13), and what one reserves
// (Article 4) would be in the other's hands.
func (c *checker) checkShared() {
	taken := map[string]comity.State{} // by what it is
	for _, name := range sortedKeys(c.cfg.States) {
		own := func(rest, what string, parts ...string) {
			key := what + "\n" + strings.Join(parts, "\n")
			if other, ok := taken[key]; ok && other != name {
				c.add(c.where("states", "/"+string(name)+rest), "%s shares %s with %s; each state has its own (Articles 4 and 13)", name, what, other)
				return
			}
			taken[key] = name
		}
		custodian, store := c.cfg.States[name].Custodian, c.cfg.States[name].Store
		if v := custodian.Vault; v != nil && v.Mount != "" {
			own("/custodian/vault", "a Vault and mount", origin(v.Address), strings.Trim(v.Namespace, "/"), strings.Trim(v.Mount, "/"))
		}
		if custodian.Keyring != "" {
			own("/custodian/keyring", "a keyring", filepath.Clean(custodian.Keyring))
		}
		if s := store.S3; s != nil && s.Bucket != "" {
			own("/store/s3", "an endpoint and bucket", origin(s.Endpoint), s.Bucket)
			if s.PublicEndpoint != "" && origin(s.PublicEndpoint) != origin(s.Endpoint) {
				own("/store/s3/publicEndpoint", "an endpoint and bucket", origin(s.PublicEndpoint), s.Bucket)
			}
		}
		if store.Directory != "" {
			own("/store/directory", "a directory", filepath.Clean(store.Directory))
		}
		if w := c.cfg.States[name].Witness; w != "" {
			own("/witness", "a witness's folder", filepath.Clean(w))
		}
	}
}

// origin is an address in the one form that all its spellings share.
func origin(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" {
		return address
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return strings.ToLower(u.Scheme+"://"+u.Hostname()) + ":" + port + strings.TrimRight(u.Path, "/")
}
