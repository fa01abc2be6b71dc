// Package service assembles comityd, the exchange's server: configuration,
// parts, HTTP, health, metrics and shutdown. It holds no rule of the exchange.
//
// The configuration says where things lie and how much is allowed, and vouches
// for nobody: who speaks for a state is the word of the states' signed
// manifests alone, verified by pinned roots.
package service

import (
	"fmt"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/graph/subscribe"
)

// The profiles. What a production profile must not have is listed at [Check].
const (
	Production  = "production"
	Development = "development"
)

// Config is everything that can be configured: each field is a flag, an
// environment variable and a setting of the configuration file (JSON), in this
// order of precedence. A zero field takes its default. Secrets are never
// settings, only the names of the files that hold them.
type Config struct {
	File    string `json:"-" name:"config" env:"COMITYD_CONFIG" placeholder:"FILE" help:"Configuration file (JSON); its settings are named as the flags are, in camelCase."`
	Profile string `json:"profile,omitzero" env:"COMITYD_PROFILE" placeholder:"NAME" help:"\"production\" (the default), which refuses to start with anything unsafe, or \"development\"."`

	Listen        string `json:"listen,omitzero" env:"COMITYD_LISTEN" placeholder:"ADDRESS" help:"Address to serve the API on (127.0.0.1:8443)."`
	TLSCert       string `json:"tlsCert,omitzero" name:"tls-cert" env:"COMITYD_TLS_CERT" placeholder:"FILE" help:"Certificate chain (PEM)."`
	TLSKey        string `json:"tlsKey,omitzero" name:"tls-key" env:"COMITYD_TLS_KEY" placeholder:"FILE" help:"Key of the certificate (PEM)."`
	ExternalURL   string `json:"externalUrl,omitzero" name:"external-url" env:"COMITYD_EXTERNAL_URL" placeholder:"URL" help:"Where agencies reach this server; what their proofs of possession are made for."`
	MetricsListen string `json:"metricsListen,omitzero" env:"COMITYD_METRICS_LISTEN" placeholder:"ADDRESS" help:"Address to serve Prometheus metrics on; none by default."`

	Union          string   `json:"union,omitzero" env:"COMITYD_UNION" placeholder:"NAME" help:"Name of the union of states, as in its manifests."`
	Roots          string   `json:"roots,omitzero" env:"COMITYD_ROOTS" placeholder:"FILE" help:"The states' pinned public roots (JSON)."`
	Manifests      string   `json:"manifests,omitzero" env:"COMITYD_MANIFESTS" placeholder:"DIR" help:"Directory of the states' signed manifests (*.jws), read anew while the server runs."`
	ManifestReload Duration `json:"manifestReload,omitzero" env:"COMITYD_MANIFEST_RELOAD" placeholder:"TIME" help:"How often (10s)."`
	ManifestsSeen  string   `json:"manifestsSeen,omitzero" env:"COMITYD_MANIFESTS_SEEN" placeholder:"FILE" help:"Where this server remembers the manifests that were in force, so that an older one is refused after a restart, too."`

	SQLite          string `json:"sqlite,omitzero" name:"sqlite" env:"COMITYD_SQLITE" placeholder:"FILE" help:"Database in a SQLite file; development only."`
	PostgresDSNFile string `json:"postgresDsnFile,omitzero" name:"postgres-dsn-file" env:"COMITYD_POSTGRES_DSN_FILE" placeholder:"FILE" help:"File with the address of a PostgreSQL database, as the application role (postgres://…)."`
	CursorKeyFile   string `json:"cursorKeyFile,omitzero" env:"COMITYD_CURSOR_KEY_FILE" placeholder:"FILE" help:"Key that seals the cursors of lists: 32 random bytes in base64, the same on every server."`

	Record             RecordConfig `json:"record,omitzero" env:"COMITYD_RECORD" placeholder:"JSON" help:"The key that signs the log of the record of acts: {\"vault\": …}, or in development {\"key\": FILE}."`
	States             States       `json:"states,omitzero" env:"COMITYD_STATES" placeholder:"JSON" help:"The states' custodians and object stores, an object by state code."`
	DevelopmentIssuers bool         `json:"developmentIssuers,omitzero" env:"COMITYD_DEVELOPMENT_ISSUERS" help:"Serve the sample union's issuers under /issuer/CODE/: whoever asks is given any officer's token. Development only."`

	MaxRequests       int      `json:"maxRequests,omitzero" env:"COMITYD_MAX_REQUESTS" placeholder:"N" help:"API requests served at once (256); more are told to come again."`
	AgencyRate        int      `json:"agencyRate,omitzero" env:"COMITYD_AGENCY_RATE" placeholder:"N" help:"API requests a second of all officers of an agency, over all servers (500); four seconds' worth at once. The same on every server."`
	AddressRate       int      `json:"addressRate,omitzero" env:"COMITYD_ADDRESS_RATE" placeholder:"N" help:"API requests a second of one network address without a valid token, on each server (50); four seconds' worth at once."`
	Proxies           []string `json:"proxies,omitzero" env:"COMITYD_PROXIES" placeholder:"NETWORK" help:"Networks of the proxies in front, as in 10.0.0.0/8, whose X-Forwarded-For says where a request comes from."`
	TrustedOnly       bool     `json:"trustedOnly,omitzero" env:"COMITYD_TRUSTED_ONLY" help:"Answer the queries of this project's own clients alone, known by their ids; ad-hoc texts are refused."`
	MaxStreams        int      `json:"maxStreams,omitzero" env:"COMITYD_MAX_STREAMS" placeholder:"N" help:"Subscriptions open at once (12000); more are told to come again."`
	MaxStateStreams   int      `json:"maxStateStreams,omitzero" env:"COMITYD_MAX_STATE_STREAMS" placeholder:"N" help:"Of them for the officers of one state (4000)."`
	MaxAgencyStreams  int      `json:"maxAgencyStreams,omitzero" env:"COMITYD_MAX_AGENCY_STREAMS" placeholder:"N" help:"Of them for the officers of one agency (2000)."`
	MaxOfficerStreams int      `json:"maxOfficerStreams,omitzero" env:"COMITYD_MAX_OFFICER_STREAMS" placeholder:"N" help:"Of them for one officer (20)."`
	RequestTimeout    Duration `json:"requestTimeout,omitzero" env:"COMITYD_REQUEST_TIMEOUT" placeholder:"TIME" help:"Longest that an API request may take, below 90s (60s)."`
	Drain             Duration `json:"drain,omitzero" env:"COMITYD_DRAIN" placeholder:"TIME" help:"How long a shutdown waits for requests in flight (30s)."`
	LogLevel          string   `json:"logLevel,omitzero" env:"COMITYD_LOG_LEVEL" placeholder:"LEVEL" help:"debug, info (the default), warn or error."`
	LogFormat         string   `json:"logFormat,omitzero" env:"COMITYD_LOG_FORMAT" placeholder:"FORMAT" help:"json (the default) or text."`

	sources map[string]string // where each setting that was given stands, by its name in the file
	faults  []Fault           // of the file
	unread  bool              // the file is none, or not JSON
}

// States are the parts of each state that this server reaches.
type States map[comity.State]StateConfig

// StateConfig says where a state's custodian and object store are.
type StateConfig struct {
	Custodian CustodianConfig `json:"custodian,omitzero"`
	Store     StoreConfig     `json:"store,omitzero"`
	// Witness is the folder of the state's witness of the log where it runs in this
	// process, as its manifest must say; development only.
	Witness string `json:"witness,omitzero"`
	// WitnessCACert are certificates (PEM) that that of a witness elsewhere must
	// chain to; the system's otherwise.
	WitnessCACert string `json:"witnessCaCert,omitzero"`
}

// CustodianConfig is either a keyring or a Vault.
type CustodianConfig struct {
	Keyring string       `json:"keyring,omitzero"` // directory; development only
	Vault   *VaultConfig `json:"vault,omitzero"`
	// Quota of keys for the officers of each state abroad: a second, and at
	// once; 10 and 200 when zero.
	KeysPerSecond float64 `json:"keysPerSecond,omitzero"`
	KeysAtOnce    int     `json:"keysAtOnce,omitzero"`
}

// VaultConfig is that of a state's own HashiCorp Vault, see package vault.
type VaultConfig struct {
	Address      string   `json:"address,omitzero"`
	Namespace    string   `json:"namespace,omitzero"`
	CACert       string   `json:"caCert,omitzero"`
	Mount        string   `json:"mount,omitzero"`
	RoleID       string   `json:"roleId,omitzero"`
	SecretIDFile string   `json:"secretIdFile,omitzero"`
	ClientCert   string   `json:"clientCert,omitzero"`
	ClientKey    string   `json:"clientKey,omitzero"`
	Timeout      Duration `json:"timeout,omitzero"`
}

// StoreConfig is either a directory, served by this server under
// /store/CODE/, or an S3 service.
type StoreConfig struct {
	Directory string    `json:"directory,omitzero"` // development only
	S3        *S3Config `json:"s3,omitzero"`
}

// S3Config is that of a state's own bucket, see package s3.
type S3Config struct {
	Endpoint        string `json:"endpoint,omitzero"`
	PublicEndpoint  string `json:"publicEndpoint,omitzero"`
	Region          string `json:"region,omitzero"`
	Bucket          string `json:"bucket,omitzero"`
	CredentialsFile string `json:"credentialsFile,omitzero"` // JSON: {"accessKey": …, "secretKey": …}
	CACert          string `json:"caCert,omitzero"`
}

// Duration is a period as in "30s" or "5m".
type Duration time.Duration

// UnmarshalText reads a period.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v <= 0 {
		return fmt.Errorf("%q is not a period such as 30s or 5m", b)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes a period.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// The defaults.
const (
	defaultListen         = "127.0.0.1:8443"
	defaultManifestReload = 10 * time.Second
	defaultMaxRequests    = 256
	defaultAgencyRate     = 500
	defaultAddressRate    = 50
	defaultRequestTimeout = time.Minute
	defaultDrain          = 30 * time.Second
)

// filled is the configuration with its defaults in place.
func (c Config) filled() Config {
	set(&c.Profile, Production)
	set(&c.Listen, defaultListen)
	set(&c.ManifestReload, Duration(defaultManifestReload))
	set(&c.MaxRequests, defaultMaxRequests)
	set(&c.AgencyRate, defaultAgencyRate)
	set(&c.AddressRate, defaultAddressRate)
	set(&c.MaxStreams, subscribe.DefaultLimits.Server)
	set(&c.MaxStateStreams, subscribe.DefaultLimits.State)
	set(&c.MaxAgencyStreams, subscribe.DefaultLimits.Agency)
	set(&c.MaxOfficerStreams, subscribe.DefaultLimits.Officer)
	set(&c.RequestTimeout, Duration(defaultRequestTimeout))
	set(&c.Drain, Duration(defaultDrain))
	set(&c.LogLevel, "info")
	set(&c.LogFormat, "json")
	if c.ExternalURL == "" && c.Profile == Development {
		scheme := "http"
		if c.TLSCert != "" {
			scheme = "https"
		}
		c.ExternalURL = scheme + "://" + c.Listen
	}
	c.ExternalURL = strings.TrimSuffix(c.ExternalURL, "/")
	return c
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// IssuerURL is where a development issuer is served.
func IssuerURL(externalURL string, s comity.State) string {
	return strings.TrimSuffix(externalURL, "/") + "/issuer/" + string(s)
}

// StoreURL is where a directory store is served.
func StoreURL(externalURL string, s comity.State) string {
	return strings.TrimSuffix(externalURL, "/") + "/store/" + string(s)
}
