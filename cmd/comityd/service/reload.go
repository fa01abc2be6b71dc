package service

import (
	"context"
	"crypto/tls"
	"time"
)

// reload reads the manifests anew from time to time, and the certificate, so
// that neither a new key nor a renewed certificate takes a restart.
func (s *Service) reload(ctx context.Context) {
	tick := time.NewTicker(time.Duration(s.cfg.ManifestReload))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.reloadManifests()
		if err := s.loadCertificate(); err != nil && s.complain.first("certificate", err.Error()) {
			s.log.Error("the new certificate cannot be used; the old one stays", "error", err)
		}
	}
}

// reloadManifests takes what is new. A manifest that is not accepted, one that
// goes back to an older number foremost, leaves the state's last one in force.
func (s *Service) reloadManifests() {
	files, err := readManifests(s.cfg.Manifests)
	if err != nil {
		if s.complain.first("manifests", err.Error()) {
			s.log.Error("the manifests cannot be read; those known stay in force", "error", err)
		}
		return
	}
	before := map[string]int64{}
	for _, state := range s.parts.Directory.States() {
		if m, err := s.parts.Directory.State(state); err == nil {
			before[string(state)] = m.Number
		}
	}
	for _, f := range files {
		if err := s.parts.Directory.Add(f.jws); err != nil {
			s.metrics.refused.Inc()
			if s.complain.first(f.path, err.Error()) {
				s.log.Error("a manifest is refused; the state's last one stays in force", "file", f.path, "error", err)
			}
		}
	}
	for _, state := range s.parts.Directory.States() {
		m, err := s.parts.Directory.State(state)
		if err != nil || m.Number == before[string(state)] {
			continue
		}
		s.log.Info("a new manifest is in force", "state", state, "number", m.Number)
		if accepted := s.exchange.Policies().Hash(); m.Policies != accepted {
			s.log.Error("the state does not accept the policy set that this server decides by", "state", state, "accepts", m.Policies, "decides", accepted)
		}
	}
	if err := s.remember(); err != nil && s.complain.first("seen", err.Error()) {
		s.log.Error("the manifests in force cannot be written down; after a restart, older ones could be taken", "error", err)
	}
}

// complaints remember what was said last about a thing, so that a fault that
// lasts is logged once and not at every look.
type complaints struct{ said map[string]string }

func (c *complaints) first(about, message string) bool {
	if c.said == nil {
		c.said = map[string]string{}
	}
	if c.said[about] == message {
		return false
	}
	c.said[about] = message
	return true
}

// loadCertificate reads the certificate and its key, if TLS is configured.
func (s *Service) loadCertificate() error {
	if s.cfg.TLSCert == "" {
		return nil
	}
	cert, err := tls.LoadX509KeyPair(s.cfg.TLSCert, s.cfg.TLSKey)
	if err != nil {
		return err
	}
	s.cert.Store(&cert)
	return nil
}
