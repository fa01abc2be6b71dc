package service

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/internal/loopback"
	"github.com/comity-platform/comity/storage/postgres"
)

// Fault is one thing wrong with a configuration, and where it stands: a flag
// ("--listen"), an environment variable, a place in a file ("FILE:/pointer",
// RFC 6901), a file, or the bare name of a setting that was not given.
type Fault struct {
	Where   string `json:"where"`
	Message string `json:"message"`
	// State is set for a fault of one state's manifest. It is that state's to
	// cure and keeps nobody else out: a server starts, and the state's officers
	// cannot log in.
	State comity.State `json:"state,omitempty"`
	// Warning is a fault that a server starts with, and all of whose states log in.
	Warning bool `json:"warning,omitempty"`
}

func (f Fault) Error() string {
	if f.Warning {
		return f.Where + ": warning: " + f.Message
	}
	return f.Where + ": " + f.Message
}

// FaultsError is a configuration that a server refuses to start with.
type FaultsError []Fault

func (f FaultsError) Error() string {
	lines := make([]string, len(f))
	for i, x := range f {
		lines[i] = "  " + x.Error()
	}
	return fmt.Sprintf("the configuration has %d fault(s):\n%s", len(f), strings.Join(lines, "\n"))
}

// checker gathers faults.
type checker struct {
	cfg    Config
	faults []Fault
	// published are the states whose manifest in force is not the folder's: they
	// published it themselves.
	published map[comity.State]bool
}

// where is the place of a setting; rest is a pointer within it.
func (c *checker) where(name, rest string) string {
	source := c.cfg.sources[name]
	switch {
	case source == "":
		return name + rest
	case rest != "" && !strings.Contains(source, ":/"): // within the JSON of a flag or variable
		return source + ":" + rest
	}
	return source + rest
}

func (c *checker) add(where, format string, args ...any) {
	c.faults = append(c.faults, Fault{Where: where, Message: fmt.Sprintf(format, args...)})
}

// ofState notes a fault of a state's manifest.
func (c *checker) ofState(s comity.State, where, format string, args ...any) {
	c.faults = append(c.faults, Fault{Where: where, Message: fmt.Sprintf(format, args...), State: s})
}

// ofManifest notes that what a manifest says does not suit the server. Of one that
// the operator put into the folder it is a fault of the configuration; one that
// the state published itself keeps nobody else out.
func (c *checker) ofManifest(s comity.State, where, format string, args ...any) {
	if c.published[s] {
		c.ofState(s, where, format, args...)
	} else {
		c.add(where, format, args...)
	}
}

// want notes a fault of a setting unless ok.
func (c *checker) want(ok bool, name, format string, args ...any) {
	if !ok {
		c.add(c.where(name, ""), format, args...)
	}
}

func (c *checker) production() bool { return c.cfg.Profile == Production }

// safe notes what a production profile must not have.
func (c *checker) safe(ok bool, where, format string, args ...any) {
	if !ok && c.production() {
		c.add(where, format+" (refused in production)", args...)
	}
}

// Check names every fault of a configuration at once, those of its file
// included; of a file that cannot be read, nothing but that. It reads the files
// that the configuration names, and asks three things of the network: what the
// role may that it connects to PostgreSQL as; where a Vault namespace is
// configured, whether that Vault knows namespaces; and the public half of the
// log's key. What only weakens a state's view of the log is a warning.
//
// A production profile is refused with: development issuers, a keyring for a
// custodian, a file for the key of the log, SQLite, a directory for a store, a
// witness of the log in its own process or without https, plain HTTP to a Vault or store on another machine, PostgreSQL on another machine without verified TLS, a
// namespace on a Vault that ignores it, no TLS but on loopback, metrics that
// other machines reach, a secret that every user of the machine can read, roots
// or manifests that every user can write, no memory of the manifests that were
// in force, and no key for cursors.
func Check(ctx context.Context, cfg Config) []Fault {
	if cfg.unread {
		return cfg.faults // what it would have said is not missing
	}
	c := &checker{cfg: cfg.filled(), faults: slices.Clone(cfg.faults), published: map[comity.State]bool{}}
	c.want(c.cfg.Profile == Production || c.cfg.Profile == Development, "profile", "%q is neither \"production\" nor \"development\"", c.cfg.Profile)
	c.checkHTTP()
	c.checkDatabase(ctx)
	c.checkCursorKey()
	c.checkLimits()
	c.checkIssuers()
	roots, known := c.checkManifests()
	c.checkStates(ctx, roots, known)
	c.checkRecord(ctx, known)
	for _, state := range sortedKeys(known) {
		if few := known[state].Log.Minority(len(roots)); few != "" {
			c.faults = append(c.faults, Fault{c.cfg.manifestPath(state) + ":/log/others", fmt.Sprintf("the manifest of %s %s", state, few), state, true})
		}
	}
	return c.faults
}

func (c *checker) checkHTTP() {
	for name, address := range map[string]string{"listen": c.cfg.Listen, "metricsListen": c.cfg.MetricsListen} {
		if address == "" && name == "metricsListen" {
			continue
		}
		c.want(addressForm(address), name, "%q is not an address such as 127.0.0.1:8443", address)
	}
	cfg := c.cfg
	switch {
	case (cfg.TLSCert == "") != (cfg.TLSKey == ""):
		missing := map[bool]string{true: "tlsCert", false: "tlsKey"}[cfg.TLSCert == ""]
		c.add(c.where(missing, ""), "TLS takes both a certificate and its key")
	case cfg.TLSCert != "":
		c.checkCertificate()
		c.secret(c.where("tlsKey", ""), cfg.TLSKey)
	default:
		c.safe(loopbackAddress(cfg.Listen) || !addressForm(cfg.Listen), c.where("listen", ""), "%s can be reached from other machines, and there is no TLS", cfg.Listen)
	}
	c.safe(cfg.MetricsListen == "" || loopbackAddress(cfg.MetricsListen) || !addressForm(cfg.MetricsListen), c.where("metricsListen", ""),
		"%s can be reached from other machines, and metrics ask for no login; put a proxy that does in front", cfg.MetricsListen)
	u, err := url.Parse(cfg.ExternalURL)
	switch {
	case cfg.ExternalURL == "":
		c.add(c.where("externalUrl", ""), "is missing: officers' proofs of possession are made for it")
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		c.add(c.where("externalUrl", ""), "%q is not a URL such as https://exchange.example", cfg.ExternalURL)
	default:
		c.safe(u.Scheme == "https" || loopback.Host(u.Hostname()), c.where("externalUrl", ""), "%q is not https", cfg.ExternalURL)
	}
}

// checkCertificate says what would keep every client from connecting.
func (c *checker) checkCertificate() {
	where := c.where("tlsCert", "")
	cert, err := tls.LoadX509KeyPair(c.cfg.TLSCert, c.cfg.TLSKey)
	if err != nil {
		c.add(where, "the certificate and key cannot be used: %v", err)
		return
	}
	switch now := time.Now(); {
	case now.After(cert.Leaf.NotAfter):
		c.add(where, "the certificate in %s expired on %s", c.cfg.TLSCert, cert.Leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(cert.Leaf.NotBefore):
		c.add(where, "the certificate in %s is valid from %s only", c.cfg.TLSCert, cert.Leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	if u, err := url.Parse(c.cfg.ExternalURL); err == nil && u.Hostname() != "" {
		if err := cert.Leaf.VerifyHostname(u.Hostname()); err != nil {
			c.add(where, "the certificate in %s is not made for %s of externalUrl: %v", c.cfg.TLSCert, u.Hostname(), err)
		}
	}
}

func (c *checker) checkDatabase(ctx context.Context) {
	cfg := c.cfg
	switch {
	case cfg.SQLite == "" && cfg.PostgresDSNFile == "":
		c.add(c.where("postgresDsnFile", ""), "there is no database: give the file of a PostgreSQL address, or in development a SQLite file")
	case cfg.SQLite != "" && cfg.PostgresDSNFile != "":
		c.add(c.where("sqlite", ""), "there are two databases; give one")
	case cfg.SQLite != "":
		c.safe(false, c.where("sqlite", ""), "SQLite serves one process on one machine only; take PostgreSQL")
		dir, err := os.Stat(filepath.Dir(cfg.SQLite))
		c.want(err == nil && dir.IsDir(), "sqlite", "there is no directory %s", filepath.Dir(cfg.SQLite))
	default:
		where := c.where("postgresDsnFile", "")
		raw := c.secret(where, cfg.PostgresDSNFile)
		if raw == nil {
			return
		}
		p, err := pgx.ParseConfig(strings.TrimSpace(string(raw)))
		if err != nil { // err could hold the password
			c.add(where, "%s holds no PostgreSQL address, such as postgres://USER:PASSWORD@HOST/DATABASE?sslmode=verify-full", cfg.PostgresDSNFile)
			return
		}
		// The address may name several hosts, and each both with and without TLS.
		c.checkPostgresHost(where, p.Host, p.TLSConfig)
		for _, f := range p.Fallbacks {
			c.checkPostgresHost(where, f.Host, f.TLSConfig)
		}
		ctx, cancel := context.WithTimeout(ctx, partAnswers)
		defer cancel()
		// One that is away is no fault of the configuration; a start says so.
		if err := postgres.CheckRole(ctx, strings.TrimSpace(string(raw))); errors.Is(err, postgres.ErrRole) {
			c.add(where, "%v", err)
		}
	}
}

func (c *checker) checkPostgresHost(where, host string, t *tls.Config) {
	local := strings.HasPrefix(host, "/") || loopback.Host(host)
	c.safe(local || t != nil && !t.InsecureSkipVerify, where,
		"the connection to PostgreSQL on %s is not, or not only, by verified TLS; add sslmode=verify-full", host)
}

func (c *checker) checkCursorKey() {
	where := c.where("cursorKeyFile", "")
	if c.cfg.CursorKeyFile == "" {
		c.safe(false, where, "is missing: without it, cursors of lists end with this process and are of no use to another")
		return
	}
	if raw := c.secret(where, c.cfg.CursorKeyFile); raw != nil {
		if _, err := parseCursorKey(raw); err != nil {
			c.add(where, "%s: %v", c.cfg.CursorKeyFile, err)
		}
	}
}

func parseCursorKey(raw []byte) (key [32]byte, err error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil || len(b) != len(key) {
		return key, errors.New("this is not 32 bytes in base64 (openssl rand -base64 32)")
	}
	return [32]byte(b), nil
}

func (c *checker) checkLimits() {
	for name, n := range map[string]int{"maxRequests": c.cfg.MaxRequests, "agencyRate": c.cfg.AgencyRate, "addressRate": c.cfg.AddressRate,
		"maxStreams": c.cfg.MaxStreams, "maxStateStreams": c.cfg.MaxStateStreams, "maxAgencyStreams": c.cfg.MaxAgencyStreams, "maxOfficerStreams": c.cfg.MaxOfficerStreams} {
		c.want(n > 0, name, "is less than one")
	}
	_, err := c.cfg.proxies()
	c.want(err == nil, "proxies", "%v", err)
	for name, d := range map[string]Duration{"manifestReload": c.cfg.ManifestReload, "requestTimeout": c.cfg.RequestTimeout, "drain": c.cfg.Drain} {
		c.want(d > 0, name, "is not a period such as 30s")
	}
	c.want(c.cfg.RequestTimeout < Duration(exchange.SettleAfter), "requestTimeout", "is not below %s, after which what a request began is ended for it", exchange.SettleAfter)
	var level slog.Level
	c.want(level.UnmarshalText([]byte(c.cfg.LogLevel)) == nil, "logLevel", "%q is not debug, info, warn or error", c.cfg.LogLevel)
	c.want(c.cfg.LogFormat == "json" || c.cfg.LogFormat == "text", "logFormat", "%q is neither \"json\" nor \"text\"", c.cfg.LogFormat)
}

func (c *checker) checkIssuers() {
	if !c.cfg.DevelopmentIssuers {
		return
	}
	where := c.where("developmentIssuers", "")
	c.safe(false, where, "development issuers give any officer's token to whoever asks")
	if !c.production() && !loopbackAddress(c.cfg.Listen) {
		c.add(where, "development issuers give any officer's token to whoever asks, and %s can be reached from other machines", c.cfg.Listen)
	}
}

// secret reads a file that nobody but the server should, and gives nil when
// there is a fault with it.
func (c *checker) secret(where, path string) []byte {
	raw, err := readLimited(path, maxConfigFile)
	if err != nil {
		c.add(where, "%v", err)
		return nil
	}
	c.private(where, path)
	return raw
}

// private notes a file or directory that every user of the machine can enter.
func (c *checker) private(where, path string) {
	if info, err := os.Stat(path); err == nil {
		c.safe(info.Mode().Perm()&0o007 == 0, where, "%s is a secret that every user of this machine can read; chmod o-rwx it", path)
	}
}

func addressForm(address string) bool {
	_, _, err := net.SplitHostPort(address)
	return err == nil
}

func loopbackAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopback.Host(host)
}

// unwritable notes a file or directory that every user of the machine can write.
func (c *checker) unwritable(where, path string) {
	if info, err := os.Stat(path); err == nil {
		c.safe(info.Mode().Perm()&0o002 == 0, where, "every user of this machine can write %s; chmod o-w it", path)
	}
}
