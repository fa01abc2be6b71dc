// Package certfile keeps a server's TLS certificate as it stands in files, so that
// a renewed one is served without a restart.
package certfile

import (
	"crypto/tls"
	"sync/atomic"
)

// Certificate is a certificate chain and its key in two files of PEM.
type Certificate struct {
	Chain, Key string // files

	inForce atomic.Pointer[tls.Certificate]
}

// Load reads the files. When they cannot be used, the certificate that was read
// before stays in force.
func (c *Certificate) Load() error {
	cert, err := tls.LoadX509KeyPair(c.Chain, c.Key)
	if err != nil {
		return err
	}
	c.inForce.Store(&cert)
	return nil
}

// Config serves the certificate that is in force at each handshake.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.inForce.Load(), nil }}
}
