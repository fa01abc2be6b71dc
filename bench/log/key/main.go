// Command key measures how long an officer waits for the key of an exhibit, which
// is released only when the log has the request and witnesses have cosigned it:
// the round trips of evidenceOpen with a comityd on a real Vault, MinIO and
// PostgreSQL, by one officer after another and by many at once. What the same
// server takes for an act that waits for nothing, a case filed, stands beside it.
//
// The last line is "RATIO name value goal ok|short", in milliseconds; a figure that
// falls short does not fail.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

const (
	goal = 250 // ms
	one  = 60  // keys, one after another
	many = 16  // officers at once
	each = 6   // keys of each of them
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "key:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := stacktest.Dir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	components, err := stack.Start(ctx, dir, stack.Options{Durable: true, Progress: os.Stderr})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, components.Stop(context.WithoutCancel(ctx))) }()
	address, err := stack.FreeAddress()
	if err != nil {
		return err
	}
	cfg, err := setup.Real(ctx, dir, components, address, nil)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "comityd.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	srv, err := service.New(ctx, cfg, service.Options{Log: log})
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	return measure(ctx, cfg, dir)
}

func measure(ctx context.Context, cfg service.Config, dir string) error {
	first, err := login(ctx, cfg)
	if err != nil {
		return err
	}
	evidence, err := prepare(ctx, first, dir)
	if err != nil {
		return err
	}
	for range one {
		if err := first.open(ctx, evidence, dir); err != nil {
			return err
		}
	}
	alone := first.took("EvidenceOpen")
	officers, exhibits := make([]*officer, many), make([]comity.ID, many)
	for i := range officers {
		if officers[i], err = login(ctx, cfg); err != nil {
			return err
		}
		if exhibits[i], err = prepare(ctx, officers[i], dir); err != nil {
			return err
		}
	}
	var group errgroup.Group
	began := time.Now()
	for i, o := range officers {
		group.Go(func() error {
			for range each {
				if err := o.open(ctx, exhibits[i], dir); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	all := time.Since(began)
	var crowded []float64
	for _, o := range officers {
		crowded = append(crowded, o.took("EvidenceOpen")...)
	}
	for range one {
		if _, err := first.CaseFile(ctx, newCase); err != nil {
			return err
		}
	}
	plain := first.took("CaseFile")
	fmt.Printf("a key, one after another    median %4.0f ms, the slowest tenth from %4.0f ms (%d)\n", ratio.Median(alone), tenth(alone), len(alone))
	fmt.Printf("a key, %2d officers at once  median %4.0f ms, the slowest tenth from %4.0f ms (%d, %.0f a second)\n", many, ratio.Median(crowded), tenth(crowded),
		len(crowded), float64(len(crowded))/all.Seconds())
	fmt.Printf("a case filed, for comparison median %4.0f ms\n", ratio.Median(plain))
	ratio.AtMost(os.Stdout, "key_wait_ms", ratio.Median(alone), goal)
	return nil
}

var newCase = client.NewCase{Category: "RANSOMWARE", Title: "Keys to wait for", Reference: "BENCH-2",
	Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: "KZ"}}}

// prepare files a case with a small exhibit.
func prepare(ctx context.Context, o *officer, dir string) (evidence comity.ID, err error) {
	c, err := o.CaseFile(ctx, newCase)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "exhibit")
	if err := os.WriteFile(file, bytes.Repeat([]byte("exhibit"+c.ID), 100), 0o600); err != nil {
		return "", err
	}
	put, err := o.PutEvidence(ctx, client.PutOptions{Case: c.ID, Path: file, MediaType: "text/plain"})
	if err != nil {
		return "", err
	}
	return put.Evidence, nil
}

// officer is logged in, and notes what each operation took.
type officer struct {
	*client.Client
	mu    sync.Mutex
	times map[string][]float64 // ms
}

func login(ctx context.Context, cfg service.Config) (*officer, error) {
	raw, err := os.ReadFile(cfg.Roots)
	if err != nil {
		return nil, err
	}
	roots, err := statement.ReadRoots(raw)
	if err != nil {
		return nil, err
	}
	o := &officer{times: map[string][]float64{}}
	o.Client, err = client.Login(ctx, client.Config{Server: cfg.ExternalURL, Union: cfg.Union, Roots: roots, HTTP: &http.Client{Transport: o}}, "investigator@KZ")
	return o, err
}

// open fetches an exhibit, and forgets it.
func (o *officer) open(ctx context.Context, evidence comity.ID, dir string) error {
	to, err := os.MkdirTemp(dir, "got")
	if err != nil {
		return err
	}
	defer os.RemoveAll(to)
	_, err = o.GetEvidence(ctx, client.GetOptions{Evidence: evidence, Purpose: comity.PurposeInvestigation, Dest: to})
	return err
}

// RoundTrip implements [http.RoundTripper].
func (o *officer) RoundTrip(r *http.Request) (*http.Response, error) {
	name := ""
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		for _, known := range []string{"EvidenceOpen", "CaseFile"} {
			if bytes.Contains(raw, []byte(`"operationName":"`+known+`"`)) {
				name = known
			}
		}
	}
	began := time.Now()
	answer, err := http.DefaultTransport.RoundTrip(r)
	if name != "" && err == nil { // with the whole answer
		raw, readErr := io.ReadAll(answer.Body)
		answer.Body.Close()
		answer.Body, err = io.NopCloser(bytes.NewReader(raw)), readErr
		o.mu.Lock()
		o.times[name] = append(o.times[name], float64(time.Since(began).Microseconds())/1000)
		o.mu.Unlock()
	}
	return answer, err
}

// took gives and forgets what an operation took.
func (o *officer) took(name string) []float64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.times[name]
	o.times[name] = nil
	return all
}

// tenth is where the slowest tenth begins.
func tenth(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return v[len(v)*9/10]
}
