// Package vault is the production adapter of [custodian.Keys]: a state's own
// HashiCorp Vault, reached with a credential that may do nothing but what this
// package does (see deploy/vault, which makes it). Case keys and the statement
// key never leave Vault; data keys pass through this process.
package vault

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/hashicorp/go-cleanhttp"
	"github.com/hashicorp/vault/api"

	"github.com/comity-platform/comity/internal/loopback"
)

// Config says where a state's Vault is and how to log in to it: with an AppRole
// (RoleID and SecretIDFile) or with a TLS certificate (ClientCert and ClientKey).
type Config struct {
	// Address is the URL of the Vault server; plain http on loopback only.
	Address string
	// Namespace of Vault Enterprise. Community would ignore it in silence and
	// mix the keys of states, so that [Open] refuses it there.
	Namespace string
	// CACert is a file of certificates (PEM) that Vault's must chain to;
	// without it, the system's.
	CACert string
	// Mount is what the state's mounts are called by: MOUNT/cases,
	// MOUNT/statements, MOUNT/register and auth/MOUNT.
	Mount string

	RoleID       string // AppRole
	SecretIDFile string // read anew at every login, so that it can be replaced

	ClientCert string // files, PEM, for the certificate role "comityd"
	ClientKey  string

	// Timeout bounds every call of Vault; 10 seconds when zero.
	Timeout time.Duration
}

// The parts of a state's mounts below [Config.Mount]. The setup in
// deploy/vault makes them by these names.
const (
	CasesMount      = "cases"      // transit: the case keys
	StatementsMount = "statements" // transit: the statement key
	RegisterMount   = "register"   // KV version 2
	StatementKey    = "statements" // the statement key's name
	Role            = "comityd"    // the role's name in auth/MOUNT
)

const defaultTimeout = 10 * time.Second

var mountForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Check names every fault of the configuration that can be found without Vault.
func (c Config) Check() error {
	var faults []error
	if err := checkAddress(c.Address); err != nil {
		faults = append(faults, err)
	}
	if err := CheckMount(c.Mount); err != nil {
		faults = append(faults, err)
	}
	appRole, cert := c.RoleID != "" || c.SecretIDFile != "", c.ClientCert != "" || c.ClientKey != ""
	switch {
	case appRole == cert:
		faults = append(faults, errors.New("vault: give either an AppRole (role id and file of the secret id) or a client certificate with its key"))
	case appRole && (c.RoleID == "" || c.SecretIDFile == ""):
		faults = append(faults, errors.New("vault: an AppRole takes both a role id and the file of a secret id"))
	case cert && (c.ClientCert == "" || c.ClientKey == ""):
		faults = append(faults, errors.New("vault: a client certificate takes both its file and that of its key"))
	}
	for _, file := range []string{c.CACert, c.SecretIDFile, c.ClientCert, c.ClientKey} {
		if file == "" {
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			faults = append(faults, fmt.Errorf("vault: %w", err))
			continue
		}
		_ = f.Close()
	}
	if c.Timeout < 0 {
		faults = append(faults, errors.New("vault: the timeout is negative"))
	}
	return errors.Join(faults...)
}

// CheckMount says whether mounts can be called by this name: lower-case
// letters, digits and hyphens.
func CheckMount(mount string) error {
	if !mountForm.MatchString(mount) {
		return fmt.Errorf("vault: %q cannot name mounts", mount)
	}
	return nil
}

func checkAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("vault: the address is not a URL") // the error repeats it, perhaps with a password
	case u.Host == "" || u.User != nil || (u.Scheme != "http" && u.Scheme != "https"):
		return fmt.Errorf("vault: %q is not an http or https address without user", u.Redacted())
	case u.Scheme == "http" && !loopback.Host(u.Hostname()):
		return fmt.Errorf("vault: plain http to %s would show keys to the network; use https", u.Hostname())
	}
	return nil
}

// Client makes a client of Vault's API with the configuration's address,
// namespace and TLS, and without a token. It takes nothing from the
// environment: a VAULT_TOKEN or VAULT_NAMESPACE left there would decide as
// whom, and where, the state's keys are used.
func (c Config) Client() (*api.Client, error) {
	if err := checkAddress(c.Address); err != nil {
		return nil, err
	}
	transport := cleanhttp.DefaultPooledTransport()
	transport.MaxIdleConnsPerHost = 64
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12} // ConfigureTLS ignores CACert without one
	conf := &api.Config{
		Address: c.Address,
		HttpClient: &http.Client{
			Transport: transport,
			// Vault's client follows redirects itself.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Timeout: c.Timeout,
		// A redirect could lead the token from loopback to the network.
		DisableRedirects: c.Address[:5] == "http:",
	}
	if conf.Timeout == 0 {
		conf.Timeout = defaultTimeout
	}
	if c.CACert != "" || c.ClientCert != "" {
		err := conf.ConfigureTLS(&api.TLSConfig{CACert: c.CACert, ClientCert: c.ClientCert, ClientKey: c.ClientKey})
		if err != nil {
			return nil, fmt.Errorf("vault: %w", err)
		}
	}
	client, err := api.NewClient(conf)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	client.ClearToken()
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	if c.Namespace != "" {
		client.SetNamespace(c.Namespace)
	}
	return client, nil
}
