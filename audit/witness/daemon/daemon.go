// Package daemon serves a state's witness of the log until it is told to end.
package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/audit/witness"
	"github.com/comity-platform/comity/internal/certfile"
	"github.com/comity-platform/comity/internal/loopback"
)

// Config is what a witness is served by.
type Config struct {
	Dir     string   // of the witness, see [witness.Make]
	Origin  string   // of the log that it watches
	LogKeys []string // public keys (vkey) of the log
	Listen  string   // address
	TLSCert string   // files in PEM, read again while it serves; without them, an address of this machine only
	TLSKey  string
	Reload  time.Duration // how often they are read; 0: every ten seconds
	Metrics string        // address of Prometheus metrics, of this machine only; none when empty
	Log     io.Writer     // JSON, a line each
	// Ready is called with the address once it answers; nil: nobody asks.
	Ready func(net.Addr)
}

const (
	answerWithin = 10 * time.Second
	drain        = 10 * time.Second
	reloadEvery  = 10 * time.Second
)

// Open opens the witness of a configuration.
func (c Config) Open(log *slog.Logger) (*witness.Witness, error) {
	var keys []note.Verifier
	for _, vkey := range c.LogKeys {
		key, err := notekey.Log(vkey)
		if err == nil && key.Name() != c.Origin {
			err = fmt.Errorf("is a key of %.300q", key.Name())
		}
		if err != nil {
			return nil, fmt.Errorf("the log's key %.300q: %w; the log watched is %q", vkey, err, c.Origin)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("the log has no key: nothing would be cosigned")
	}
	skey, err := notekey.Read(witness.KeyFile(c.Dir))
	if err != nil {
		return nil, fmt.Errorf("the witness's key: %w", err)
	}
	key, err := notekey.NewCosigner(skey, time.Now)
	if err != nil {
		return nil, err
	}
	return witness.Open(witness.Config{Dir: c.Dir, Origin: c.Origin, Key: key, Logger: log, Log: func() []note.Verifier { return keys }})
}

// Serve serves until ctx ends; requests in flight are finished then. Beside the
// protocol it answers GET /healthz and GET /readyz: whether the witness knows what
// it cosigned last.
func Serve(ctx context.Context, c Config) (err error) {
	here, err := ownAddress(c.Listen)
	switch {
	case err != nil:
		return err
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("TLS takes both a certificate and its key")
	case c.TLSCert == "" && !here:
		return fmt.Errorf("%s can be reached from other machines, and there is no TLS", c.Listen)
	}
	if c.Metrics != "" {
		here, err := ownAddress(c.Metrics)
		switch {
		case err != nil:
			return fmt.Errorf("the metrics: %w", err)
		case !here:
			return fmt.Errorf("the metrics at %s could be read from other machines without TLS or password; give an address of this machine only", c.Metrics)
		}
	}
	log := slog.New(slog.NewJSONHandler(c.Log, nil))
	w, err := c.Open(log)
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "comity_witness_answers_total", Help: "Answers to add-checkpoint, by status."}, []string{"status"})
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "comity_witness_size", Help: "Leaves of the checkpoint cosigned last; -1 while that is not known."}, func() float64 {
		c, err := w.Last()
		if err != nil {
			return -1
		}
		return float64(c.Size)
	})
	registry.MustRegister(answers, size)

	mux := http.NewServeMux()
	mux.Handle("POST /add-checkpoint", w.Handler(func(status int) { answers.WithLabelValues(strconv.Itoa(status)).Inc() }))
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "ok\n") })
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		if _, err := w.Last(); err != nil {
			log.Error("the witness is not ready", "error", err)
			http.Error(rw, "the witness does not know what it cosigned last; its log says more", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(rw, "ready\n")
	})
	servers := []*http.Server{server(mux, log)}
	cert := certfile.Certificate{Chain: c.TLSCert, Key: c.TLSKey}
	if c.TLSCert != "" {
		if err := cert.Load(); err != nil {
			return err
		}
		servers[0].TLSConfig = cert.Config()
	}
	addresses := []string{c.Listen}
	if c.Metrics != "" {
		servers = append(servers, server(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), log))
		addresses = append(addresses, c.Metrics)
	}
	var listeners []net.Listener
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}
			return fmt.Errorf("listen on %s: %w", a, err)
		}
		listeners = append(listeners, l)
	}
	last, err := w.Last()
	if err != nil {
		return err
	}
	log.Info("the witness answers", "address", listeners[0].Addr().String(), "name", w.Name(), "log", c.Origin, "size", last.Size)
	if c.Ready != nil {
		c.Ready(listeners[0].Addr())
	}

	group, serving := errgroup.WithContext(ctx)
	for i, s := range servers {
		group.Go(func() error {
			var err error
			if s.TLSConfig != nil {
				err = s.ServeTLS(listeners[i], "", "")
			} else {
				err = s.Serve(listeners[i])
			}
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		})
	}
	if c.TLSCert != "" {
		group.Go(func() error {
			reload(serving, &cert, cmp.Or(c.Reload, reloadEvery), log)
			return nil
		})
	}
	group.Go(func() error {
		<-serving.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		var errs []error
		for _, s := range servers {
			errs = append(errs, s.Shutdown(ending))
		}
		return errors.Join(errs...)
	})
	err = group.Wait()
	log.Info("the witness ended", "error", err)
	return err
}

// ownAddress reports whether only this machine itself reaches an address to listen on.
func ownAddress(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, fmt.Errorf("%q is not an address such as 127.0.0.1:7380: %w", address, err)
	}
	return loopback.Host(host), nil
}

// reload reads the certificate anew from time to time. One that cannot be used is
// logged once, and not at every look.
func reload(ctx context.Context, cert *certfile.Certificate, every time.Duration, log *slog.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for said := ""; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := cert.Load()
		if err == nil {
			said = ""
		} else if said != err.Error() {
			said = err.Error()
			log.Error("the new certificate cannot be used; the old one stays", "error", err)
		}
	}
}

func server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadTimeout: answerWithin, ReadHeaderTimeout: answerWithin, WriteTimeout: 2 * answerWithin, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
}
