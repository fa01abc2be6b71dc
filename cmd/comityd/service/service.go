package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client/operations"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/pace"
	"github.com/comity-platform/comity/graph"
	"github.com/comity-platform/comity/graph/subscribe"
	"github.com/comity-platform/comity/internal/certfile"
	"github.com/comity-platform/comity/sovereignty"
)

// beat is how often the log takes in what was done: how long an act waits at most
// for its place.
const beat = 200 * time.Millisecond

// headroom is memory that is reserved and never touched, so that it takes none. The
// garbage collector goes by how much is in use: with it, it waits until as much
// again was allocated, where little is in use and a page of records takes half a megabyte.
const headroom = 128 << 20

// Options are what a service takes from the process around it.
type Options struct {
	Log io.Writer // os.Stderr when nil
	// Listener is used instead of opening Config.Listen, by those who must know
	// the port before there is a configuration.
	Listener net.Listener
}

// Service is one server of the exchange.
type Service struct {
	cfg      Config
	log      *slog.Logger
	parts    *Parts
	exchange *exchange.Exchange
	record   *audit.Publisher
	watched  *witnesses
	metrics  *metrics
	health   *health
	listener net.Listener
	scrape   net.Listener // nil without a metrics address
	api      *http.Server
	streams  *graph.API // what the API tells as it happens
	scraper  *http.Server
	cert     certfile.Certificate
	complain complaints
	inForce  map[comity.State]int64 // manifests' numbers, as of the last look
	untold   bool                   // the record of acts does not know of them yet
}

// New checks the configuration, opens everything and listens. A configuration
// with faults is refused with a [FaultsError], except for those of single
// states' manifests, which are logged.
func New(ctx context.Context, cfg Config, o Options) (_ *Service, err error) {
	var grave FaultsError
	var states []Fault
	for _, f := range Check(ctx, cfg) {
		if f.State == "" {
			grave = append(grave, f)
		} else {
			states = append(states, f)
		}
	}
	if len(grave) > 0 {
		return nil, append(grave, states...)
	}
	cfg = cfg.filled()
	s := &Service{cfg: cfg, log: newLog(cfg, o.Log), listener: o.Listener}
	defer func() {
		if err != nil {
			s.abandon(context.WithoutCancel(ctx))
		}
	}()
	if s.listener == nil {
		if s.listener, err = listen(cfg.Listen, "--listen"); err != nil {
			return nil, err
		}
	}
	if cfg.MetricsListen != "" {
		if s.scrape, err = listen(cfg.MetricsListen, "--metrics-listen"); err != nil {
			return nil, err
		}
	}
	if s.parts, err = Open(ctx, cfg); err != nil {
		return nil, err
	}
	if err := s.assemble(); err != nil {
		return nil, err
	}
	if _, err := s.exchange.TakeManifests(ctx); err != nil {
		return nil, fmt.Errorf("the manifests that states published: %w", err)
	}
	s.inForce = s.numbers()
	for _, f := range states {
		if f.Warning {
			s.log.Warn("a state's manifest is in force, and should say otherwise", "state", f.State, "where", f.Where, "warning", f.Message)
			continue
		}
		what := "a state's manifest has a fault; its officers cannot log in"
		if n := s.inForce[f.State]; n > 0 {
			what = fmt.Sprintf("a state's manifest has a fault; its number %d is in force", n)
		}
		s.log.Error(what, "state", f.State, "where", f.Where, "fault", f.Message)
	}
	if err := s.remember(); err != nil {
		return s, err
	}
	return s, s.tellConfiguration(ctx)
}

// assemble puts the exchange over the parts, and the API over the exchange.
func (s *Service) assemble() error {
	policies, err := sovereignty.Load()
	if err != nil {
		return err
	}
	key, err := s.cfg.cursorKey()
	if err != nil {
		return fmt.Errorf("the key of cursors: %w", err)
	}
	s.metrics = newMetrics(s.parts.Directory)
	s.watched = newWitnesses(s.cfg, s.parts.Directory, s.log)
	s.record = &audit.Publisher{DB: s.parts.DB, Signer: s.parts.Log, Witnesses: s.watched.now, Every: beat, Log: s.log}
	prover := audit.NewProver(audit.ProverOptions{DB: s.parts.DB, Stored: s.record.Stored,
		Policy: func(of comity.State) (verify.Policy, error) { return s.parts.Directory.LogPolicy(of, time.Now()) }})
	s.exchange, err = exchange.New(exchange.Options{DB: s.parts.DB, Directory: s.parts.Directory, Policies: policies,
		States: s.parts.States, Prover: timed{prover, s.metrics.proof}, CursorKey: key, Log: s.log, Observe: s.metrics.observe})
	if err != nil {
		return err
	}
	s.health = newHealth(s.exchange, s.record.Fault, sortedKeys(s.cfg.States), s.log)
	s.metrics.watch(s.health, s.record)
	limits := graph.DefaultLimits
	limits.Deadline = time.Duration(s.cfg.RequestTimeout)
	streams := subscribe.DefaultLimits
	streams.Server, streams.State, streams.Agency, streams.Officer = s.cfg.MaxStreams, s.cfg.MaxStateStreams, s.cfg.MaxAgencyStreams, s.cfg.MaxOfficerStreams
	rates, err := pace.New(pace.Options{DB: s.parts.DB, Agency: float64(s.cfg.AgencyRate), Address: float64(s.cfg.AddressRate), Log: s.log})
	if err != nil {
		return err
	}
	api, err := graph.New(graph.Options{Exchange: s.exchange, Verifier: s.parts.Verifier, ExternalURL: s.cfg.ExternalURL + apiPath,
		Development: s.cfg.Profile == Development, Limits: limits, Streams: streams,
		Trusted: operations.All(), TrustedOnly: s.cfg.TrustedOnly, Pace: rates, Log: s.log})
	if err != nil {
		return err
	}
	s.streams = api
	handler, err := s.routes(api, rates)
	if err != nil {
		return err
	}
	s.api = s.server(handler)
	s.scraper = s.server(s.own())
	if s.cfg.TLSCert == "" {
		return nil
	}
	s.cert.Chain, s.cert.Key = s.cfg.TLSCert, s.cfg.TLSKey
	return s.cert.Load()
}

// listen opens an address and says in a sentence why it cannot.
func listen(address, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program; stop it or choose another address with %s", address, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s; choose a port above 1023 with %s", address, flag)
	case err != nil:
		return nil, fmt.Errorf("listen on %s (%s): %w", address, flag, err)
	}
	return l, nil
}

// MetricsAddr is the address of the metrics, nil without one.
func (s *Service) MetricsAddr() net.Addr {
	if s.scrape == nil {
		return nil
	}
	return s.scrape.Addr()
}

// Run serves until ctx ends and then shuts down in good order: it is no longer
// ready, takes no new connections, lets requests in flight finish for as long
// as Config.Drain says, gives the last acts their place in the record, and
// closes everything. Requests cut off by the deadline are an error.
func (s *Service) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx)) // outlives ctx until requests are done
	defer stop()
	unused := make([]byte, headroom)
	defer runtime.KeepAlive(unused)
	var background errgroup.Group
	background.Go(func() error { s.record.Run(work); return nil })
	background.Go(func() error { s.exchange.Effects(work); return nil })
	background.Go(func() error { s.reload(work); return nil })
	background.Go(func() error { s.streams.Run(work); return nil })

	failed := make(chan error, 2)
	go func() { failed <- serve(s.api, s.listener) }()
	if s.scrape != nil {
		go func() { failed <- serve(s.scraper, s.scrape) }()
	}
	s.log.Info("serving", "address", s.listener.Addr().String(), "url", s.cfg.ExternalURL, "profile", s.cfg.Profile,
		"union", s.cfg.Union, "states", s.parts.Directory.States())
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, s.drain())
	stop()
	err = errors.Join(err, background.Wait())
	s.last()
	s.watched.Close()
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = errors.Join(err, s.parts.Close(closing))
	s.log.Info("stopped", "error", err)
	return err
}

func serve(h *http.Server, l net.Listener) error {
	var err error
	if h.TLSConfig != nil {
		err = h.ServeTLS(l, "", "")
	} else {
		err = h.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// drain lets requests in flight finish.
func (s *Service) drain() error {
	s.health.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(s.cfg.Drain))
	defer cancel()
	s.log.Info("shutting down", "drain", time.Duration(s.cfg.Drain).String())
	s.streams.EndStreams() // each is gone on with at another server
	err := errors.Join(s.api.Shutdown(ctx), s.scraper.Shutdown(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("requests were cut off: they took longer than the %s of --drain", time.Duration(s.cfg.Drain))
	}
	return errors.Join(err, s.api.Close(), s.scraper.Close())
}

// last gives the acts of the last moments their place and shows them to the
// witnesses. What cannot be done is no error: another server, or the next start,
// does it.
func (s *Service) last() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.record.Publish(ctx); err != nil {
		s.log.Warn("the last acts will be published by another server or the next start", "error", err)
	}
}

// abandon gives back what a start that failed had taken.
func (s *Service) abandon(ctx context.Context) {
	if s.parts != nil {
		_ = s.parts.Close(ctx) // the start's own error is what matters
	}
	for _, l := range []net.Listener{s.listener, s.scrape} {
		if l != nil {
			_ = l.Close()
		}
	}
}

// newLog makes the structured log. The record of acts never goes through it,
// and no secret is ever given to it.
func newLog(cfg Config, w io.Writer) *slog.Logger {
	if w == nil {
		w = os.Stderr
	}
	var level slog.Level
	_ = level.UnmarshalText([]byte(cfg.LogLevel)) // checked before
	o := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
