package service

import (
	"context"
	"maps"
	"time"

	"github.com/comity-platform/comity"
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
		s.reloadManifests(ctx)
		if s.cfg.TLSCert == "" {
			continue
		}
		if err := s.cert.Load(); err != nil && s.complain.first("certificate", err.Error()) {
			s.log.Error("the new certificate cannot be used; the old one stays", "error", err)
		}
	}
}

// reloadManifests takes what is new, from the folder and from what states
// published. A manifest that is not accepted, one that goes back to an older
// number foremost, leaves the state's last one in force.
func (s *Service) reloadManifests(ctx context.Context) {
	published, err := s.exchange.TakeManifests(ctx)
	if err != nil {
		s.log.Warn("what states published cannot be read just now", "error", err)
	}
	files, err := readManifests(s.cfg.Manifests)
	if err != nil {
		if s.complain.first("manifests", err.Error()) {
			s.log.Error("the manifests cannot be read; those known stay in force", "error", err)
		}
		return
	}
	for _, f := range files {
		m, err := s.parts.Directory.Verify(f.jws)
		if err == nil && m.Number < published[m.State] { // nobody's fault: the state published its next one itself
			if s.complain.first(f.path, "older") {
				s.log.Info("a manifest in the folder is older than the one that its state published", "file", f.path, "number", m.Number, "published", published[m.State])
			}
			continue
		}
		if err := s.parts.Directory.Add(f.jws); err != nil {
			s.metrics.refused.Inc()
			if s.complain.first(f.path, err.Error()) {
				s.log.Error("a manifest is refused; the state's last one stays in force", "file", f.path, "error", err)
			}
		}
	}
	before := s.inForce
	s.inForce = s.numbers()
	s.untold = s.untold || !maps.Equal(before, s.inForce)
	if s.untold {
		if err := s.tellConfiguration(ctx); err != nil {
			s.log.Warn("the record of acts is told of the configuration later", "error", err)
		} else {
			s.untold = false
		}
	}
	for state, number := range s.inForce {
		if number == before[state] {
			continue
		}
		s.log.Info("a new manifest is in force", "state", state, "number", number)
		m, _ := s.parts.Directory.Known(state)
		if accepted := s.exchange.Policies().Hash(); m.Policies != accepted {
			s.log.Error("the state does not accept the policy set that this server decides by", "state", state, "accepts", m.Policies, "decides", accepted)
		}
	}
	if err := s.remember(); err != nil && s.complain.first("seen", err.Error()) {
		s.log.Error("the manifests in force cannot be written down; after a restart, older ones could be taken", "error", err)
	}
}

// numbers are those of the manifests in force.
func (s *Service) numbers() map[comity.State]int64 {
	all := map[comity.State]int64{}
	for _, state := range s.parts.Directory.States() {
		if m, err := s.parts.Directory.State(state); err == nil {
			all[state] = m.Number
		}
	}
	return all
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
