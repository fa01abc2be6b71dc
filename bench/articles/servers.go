package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
)

// pair is an exchange of two servers behind one address, over one PostgreSQL,
// Vault and MinIO: nothing is shared between them but those.
type pair struct {
	components *stack.Stack
	roots      statement.Roots
	cfg        service.Config
	addresses  [2]string
	running    *errgroup.Group
	stop       context.CancelFunc
}

func startPair(ctx context.Context, dir string) (_ *pair, err error) {
	p := &pair{}
	if p.components, err = stack.Start(ctx, dir, stack.Options{Progress: os.Stderr}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	for i := range p.addresses {
		if p.addresses[i], err = stack.FreeAddress(); err != nil {
			return nil, err
		}
	}
	if p.cfg, err = setup.Real(ctx, dir, p.components, p.addresses[0], nil); err != nil {
		return nil, err
	}
	p.cfg.AgencyRate = 1_000_000 // what is measured is what comes after it
	raw, err := os.ReadFile(p.cfg.Roots)
	if err != nil {
		return nil, err
	}
	if p.roots, err = statement.ReadRoots(raw); err != nil {
		return nil, err
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop, p.running = stop, &errgroup.Group{}
	for i, address := range p.addresses {
		log, err := os.Create(filepath.Join(dir, fmt.Sprintf("comityd-%d.log", i)))
		if err != nil {
			return nil, err
		}
		cfg := p.cfg
		cfg.Listen, cfg.LogLevel = address, "warn"
		if i > 0 { // officers log in at the first one
			cfg.DevelopmentIssuers = false
			cfg.ManifestsSeen += "-second"
		}
		s, err := service.New(ctx, cfg, service.Options{Log: log})
		if err != nil {
			return nil, err
		}
		p.running.Go(func() error { return errors.Join(s.Run(work), log.Close()) })
	}
	return p, nil
}

// Close ends the servers and what they stand on.
func (p *pair) Close() error {
	var err error
	if p.stop != nil {
		p.stop()
		err = p.running.Wait()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(err, p.components.Stop(ctx))
}

// login logs an officer in, and gives the officer's client of either server.
func (p *pair) login(ctx context.Context, who string) (both [2]*client.Client, err error) {
	cfg := client.Config{Server: p.cfg.ExternalURL, Union: p.cfg.Union, Roots: p.roots}
	first, err := client.Login(ctx, cfg, who)
	if err != nil {
		return both, err
	}
	cfg.SessionKey, cfg.Token = first.Session()
	for i, address := range p.addresses {
		c := cfg
		c.HTTP = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, address) // whatever the name stands for
		}}}
		if both[i], err = client.New(c); err != nil {
			return both, err
		}
	}
	return both, nil
}
