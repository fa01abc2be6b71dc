package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian/vault"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/loopback"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage/object/s3"
)

// partAnswers is how long a check waits for a Vault, or for PostgreSQL.
const partAnswers = 5 * time.Second

// checkManifests reads roots and manifests as the server will, and gives the
// pinned roots, nil when they cannot be read, and what the states say.
func (c *checker) checkManifests() (statement.Roots, map[comity.State]statement.Manifest) {
	c.want(c.cfg.Union != "", "union", "is missing: the name of the union, as in its manifests")
	known := map[comity.State]statement.Manifest{}
	var roots statement.Roots
	if c.cfg.Roots == "" {
		c.add(c.where("roots", ""), "is missing: the file of the states' pinned roots")
	} else if raw, err := readLimited(c.cfg.Roots, maxConfigFile); err != nil {
		c.add(c.where("roots", ""), "%v", err)
	} else if roots, err = statement.ReadRoots(raw); err != nil {
		c.add(c.cfg.Roots, "%v", err)
	}
	if c.cfg.Manifests == "" {
		c.add(c.where("manifests", ""), "is missing: the directory of the states' manifests")
	}
	if c.cfg.Manifests == "" || roots == nil || c.cfg.Union == "" {
		return roots, known
	}
	for name, path := range map[string]string{"roots": c.cfg.Roots, "manifests": c.cfg.Manifests} {
		c.unwritable(c.where(name, ""), path)
		c.unwritable(c.where(name, ""), filepath.Dir(path))
	}
	seen := c.checkSeen()
	directory, refused, err := c.cfg.newDirectory(roots, seen)
	if err != nil {
		c.add(c.where("manifests", ""), "%v", err)
		return roots, known
	}
	named := map[comity.State]bool{}
	for _, r := range refused {
		named[r.state] = true
		c.refusedManifest(r)
	}
	policies, err := sovereignty.Load()
	if err != nil {
		c.add("policies", "%v", err)
		return roots, known
	}
	for _, state := range sortedKeys(roots) {
		m, err := directory.State(state)
		if err != nil {
			if !named[state] {
				c.ofState(state, c.cfg.manifestPath(state), "there is no manifest of %s, whose root is pinned", state)
			}
			continue
		}
		known[state] = m
		raw, err := readLimited(c.cfg.manifestPath(state), maxManifestFile)
		c.published[state] = err != nil || strings.TrimSpace(string(raw)) != directory.JWS(state)
		if m.Policies != policies.Hash() {
			c.ofManifest(state, c.cfg.manifestPath(state)+":/policies", "%s accepts the policy set %s, and this server decides by %s", state, m.Policies, policies.Hash())
		}
		for i, is := range m.Issuers {
			if u, err := url.Parse(is.URL); c.production() && (err != nil || u.Scheme != "https") {
				c.ofManifest(state, fmt.Sprintf("%s:/issuers/%d/url", c.cfg.manifestPath(state), i),
					"the manifest of %s names a development issuer, %s (refused in production)", state, is.URL)
			}
		}
	}
	return roots, known
}

// refusedManifest names each fault within a manifest by its place there.
func (c *checker) refusedManifest(r refusedManifest) {
	var whole interface{ Unwrap() []error }
	if errors.As(r.err, &whole) {
		for _, err := range whole.Unwrap() {
			if f, ok := errors.AsType[statement.Fault](err); ok {
				c.ofState(r.state, r.path+":"+f.Pointer, "%s", f.Message)
			} else {
				c.ofState(r.state, r.path, "%v", err)
			}
		}
		return
	}
	c.ofState(r.state, r.path, "%v", r.err)
}

// checkSeen reads the memory of manifests, which production must have.
func (c *checker) checkSeen() seenManifests {
	where := c.where("manifestsSeen", "")
	if c.cfg.ManifestsSeen == "" {
		c.safe(false, where, "is missing: after a restart, an older manifest would be taken for a state's newest")
		return nil
	}
	c.parent(where, c.cfg.ManifestsSeen)
	seen, err := readSeen(c.cfg.ManifestsSeen)
	if err != nil {
		c.add(where, "%v", err)
	}
	return seen
}

func (c *checker) checkStates(ctx context.Context, roots statement.Roots, known map[comity.State]statement.Manifest) {
	c.want(len(c.cfg.States) > 0, "states", "there is none: say where each state's custodian and store are")
	for _, name := range sortedKeys(roots) {
		if _, placed := c.cfg.States[name]; !placed && len(c.cfg.States) > 0 {
			c.add(c.where("states", "/"+string(name)), "the root of %s is pinned, and nothing says where its custodian and store are", name)
		}
	}
	c.checkShared()
	for _, name := range sortedKeys(c.cfg.States) {
		at := "/" + string(name)
		if _, pinned := roots[name]; roots != nil && !pinned {
			c.add(c.where("states", at), "no root is pinned for %q", name)
		}
		state := c.cfg.States[name]
		c.checkCustodian(ctx, at+"/custodian", state.Custodian)
		c.checkStore(at+"/store", state.Store, name, known[name])
		c.checkWitness(at, state, name, known[name])
	}
}

func (c *checker) checkCustodian(ctx context.Context, at string, cu CustodianConfig) {
	where := func(rest string) string { return c.where("states", at+rest) }
	if cu.KeysPerSecond < 0 || cu.KeysAtOnce < 0 || (cu.KeysPerSecond == 0) != (cu.KeysAtOnce == 0) {
		c.add(where(""), "a quota takes both keysPerSecond and keysAtOnce, above zero")
	}
	switch {
	case cu.Keyring == "" && cu.Vault == nil:
		c.add(where(""), "there is none: give a vault, or in development a keyring")
	case cu.Keyring != "" && cu.Vault != nil:
		c.add(where(""), "there are two; give either a vault or a keyring")
	case cu.Keyring != "":
		c.safe(false, where("/keyring"), "a keyring protects the state's keys from nobody who can read its files; take a vault")
		c.parent(where("/keyring"), cu.Keyring)
	default:
		c.checkVault(ctx, where, *cu.Vault)
	}
}

func (c *checker) checkVault(ctx context.Context, where func(string) string, v VaultConfig) {
	cfg := v.config()
	for _, err := range split(cfg.Check()) {
		c.add(where("/vault"), "%s", strings.TrimPrefix(err.Error(), "vault: "))
	}
	for name, file := range map[string]string{"/vault/secretIdFile": v.SecretIDFile, "/vault/clientKey": v.ClientKey} {
		if file != "" {
			c.private(where(name), file)
		}
	}
	if v.Namespace == "" {
		return
	}
	client, err := cfg.Client()
	if err != nil {
		return // a fault above
	}
	ctx, cancel := context.WithTimeout(ctx, partAnswers)
	defer cancel()
	// One that is away is no fault of the configuration; the server asks again.
	health, err := client.WithNamespace("").Sys().HealthWithContext(ctx)
	if err == nil && !health.Enterprise {
		c.add(where("/vault/namespace"), "%s", strings.TrimPrefix(vault.ErrNamespace.Error(), "vault: "))
	}
}

func (c *checker) checkStore(at string, st StoreConfig, state comity.State, m statement.Manifest) {
	where := func(rest string) string { return c.where("states", at+rest) }
	var public string
	switch {
	case st.Directory == "" && st.S3 == nil:
		c.add(where(""), "there is none: give an s3 bucket, or in development a directory")
		return
	case st.Directory != "" && st.S3 != nil:
		c.add(where(""), "there are two; give either s3 or a directory")
		return
	case st.Directory != "":
		c.safe(false, where("/directory"), "a directory has no object lock; take an S3 service")
		c.parent(where("/directory"), st.Directory)
		public = StoreURL(c.cfg.ExternalURL, state)
	default:
		public = c.checkS3(where, *st.S3)
	}
	// Article 13: evidence lies where the state's own manifest says.
	if m.Store != "" && public != "" && strings.TrimSuffix(m.Store, "/") != strings.TrimSuffix(public, "/") {
		c.ofManifest(state, where(""), "the manifest of %s says that its store is %s, and here it is %s", state, m.Store, public)
	}
}

func (c *checker) checkS3(where func(string) string, cfg S3Config) (public string) {
	for _, e := range []struct{ name, url string }{{"endpoint", cfg.Endpoint}, {"publicEndpoint", cfg.PublicEndpoint}} {
		u, err := url.Parse(e.url)
		if err == nil && u.Scheme == "http" {
			c.safe(loopback.Host(u.Hostname()), where("/s3/"+e.name), "plain http to %s would show signed URLs to the network", u.Hostname())
		}
	}
	raw := c.secret(where("/s3/credentialsFile"), cfg.CredentialsFile)
	if raw == nil {
		return ""
	}
	conf, err := cfg.config()
	if err == nil {
		_, err = s3.New(conf)
	}
	if err != nil {
		c.add(where("/s3"), "%v", err)
		return ""
	}
	return cfg.publicURL()
}

// parent notes a path that could not be made.
func (c *checker) parent(where, path string) {
	info, err := os.Stat(filepath.Dir(path))
	switch {
	case err != nil:
		c.add(where, "%v", err)
	case !info.IsDir():
		c.add(where, "%s is not a directory", filepath.Dir(path))
	default:
		c.private(where, path)
	}
}

// split gives the errors that errors.Join joined.
func split(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// Credentials are those of a user of an S3 service, as their file holds them.
type Credentials struct {
	AccessKey string `json:"accessKey"`
	SecretKey string `json:"secretKey"`
}

// ReadCredentials reads such a file.
func ReadCredentials(path string) (Credentials, error) {
	var cred Credentials
	raw, err := readLimited(path, maxConfigFile)
	if err != nil {
		return cred, err
	}
	// The decoder's error could repeat what stands in the file.
	if json.Unmarshal(raw, &cred) != nil || cred.AccessKey == "" || cred.SecretKey == "" {
		return cred, errors.New(path + ` is not of the form {"accessKey": "…", "secretKey": "…"}`)
	}
	return cred, nil
}
