package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/cmd/comityd/setup"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack"
)

// owner's state holds the evidence.
const (
	state = comity.State("KZ")
	owner = "investigator@" + string(state)
)

// world is one way of standing: on real components or embedded.
type world struct {
	title  string
	suffix string // of its figures' names
	// open sets up what the server stands on, for a server at address, and what
	// curl's bytes go to.
	open func(ctx context.Context, dir, address string) (service.Config, peer, func(context.Context) error, error)
}

func openReal(ctx context.Context, dir, address string) (service.Config, peer, func(context.Context) error, error) {
	components, err := stack.Start(ctx, dir, stack.Options{Durable: true, Progress: os.Stderr}) // as "comityd up" has it
	if err != nil {
		return service.Config{}, nil, nil, err
	}
	cfg, err := setup.Real(ctx, dir, components, address, nil)
	var p peer
	if err == nil {
		p, err = newBucket(ctx, components.MinIO)
	}
	if err != nil {
		return service.Config{}, nil, nil, errors.Join(err, components.Stop(context.WithoutCancel(ctx)))
	}
	return cfg, p, components.Stop, nil
}

func openEmbedded(ctx context.Context, dir, address string) (service.Config, peer, func(context.Context) error, error) {
	cfg, err := setup.Embedded(ctx, dir, address)
	if err != nil {
		return service.Config{}, nil, nil, err
	}
	p, err := openDirectory(cfg)
	if err != nil {
		return service.Config{}, nil, nil, err
	}
	return cfg, p, func(context.Context) error { return p.store.Close() }, nil
}

// round is one round's transfers.
type round struct{ put, curlPut, get, curlGet cost }

// result is what a world's rounds came to.
type result struct {
	title, suffix string
	size          int64
	rounds        []round
	clientPeak    float64 // MiB, the highest of all the client's processes
	serverPeak    float64 // MiB
}

// measure starts a world, has every transfer done in turns, and ends it.
func (w world) measure(ctx context.Context, dir string, o options, src *source, plain *peerTool) (r result, err error) {
	r = result{title: w.title, suffix: w.suffix, size: o.size}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return r, err
	}
	address, err := stack.FreeAddress()
	if err != nil {
		return r, err
	}
	cfg, p, closeWorld, err := w.open(ctx, dir, address)
	if err != nil {
		return r, err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, closeWorld(ending))
	}()
	server, err := startServer(ctx, dir, cfg)
	if err != nil {
		return r, err
	}
	defer func() {
		var stopErr error
		r.serverPeak, stopErr = server.stop()
		err = errors.Join(err, stopErr)
	}()
	filed, err := file(ctx, cfg)
	if err != nil {
		return r, err
	}
	t := &turns{job: job{Server: cfg.ExternalURL, Union: cfg.Union, Roots: cfg.Roots, Case: filed}, src: src, peer: p, plain: plain, dir: dir, result: &r}
	for n := range o.rounds {
		if o.profile != "" {
			t.job.Profile = filepath.Join(o.profile, fmt.Sprintf("round%d%s", n+1, w.suffix))
		}
		if err := t.round(ctx, n); err != nil {
			return r, fmt.Errorf("round %d: %w", n+1, err)
		}
		fmt.Fprintf(os.Stderr, "%s: round %d of %d is done\n", w.title, n+1, o.rounds)
	}
	return r, nil
}

// file files the case that the exhibits belong to.
func file(ctx context.Context, cfg service.Config) (comity.ID, error) {
	raw, err := os.ReadFile(cfg.Roots)
	if err != nil {
		return "", err
	}
	roots, err := statement.ReadRoots(raw)
	if err != nil {
		return "", err
	}
	c, err := client.Login(ctx, client.Config{Server: cfg.ExternalURL, Union: cfg.Union, Roots: roots}, owner)
	if err != nil {
		return "", err
	}
	filed, err := c.CaseFile(ctx, client.NewCase{Category: "RANSOMWARE", Title: "Transfers to measure", Reference: "BENCH-1",
		Nexus: []comity.Nexus{{Basis: comity.NexusTerritory, State: state}}})
	if err != nil {
		return "", err
	}
	return filed.ID, nil
}

// turns takes the transfers in turns.
type turns struct {
	job   job
	src   *source
	peer  peer
	plain *peerTool
	dir   string
	*result
}

// round has every transfer done once. Who goes first changes from round to round.
func (t *turns) round(ctx context.Context, n int) error {
	var r round
	pairs := [][2]func(context.Context, *round) error{{t.put, t.curlPut}, {t.get, t.curlGet}}
	for _, pair := range pairs {
		if n%2 == 1 {
			pair[0], pair[1] = pair[1], pair[0]
		}
		for _, transfer := range pair {
			syscall.Sync()
			if err := transfer(ctx, &r); err != nil {
				return err
			}
		}
	}
	t.rounds = append(t.rounds, r)
	return nil
}

func (t *turns) put(ctx context.Context, r *round) error {
	j := t.job
	j.Put = t.src.path
	done, err := t.client(ctx, j)
	if err != nil {
		return fmt.Errorf("PutEvidence: %w", err)
	}
	r.put, t.job.Evidence = done.Cost, done.Evidence
	return nil
}

func (t *turns) get(ctx context.Context, r *round) error {
	j := t.job
	j.Get = filepath.Join(t.dir, "fetched")
	done, err := t.client(ctx, j)
	if err != nil {
		return fmt.Errorf("GetEvidence: %w", err)
	}
	r.get = done.Cost
	return t.src.fetched(j.Get)
}

func (t *turns) client(ctx context.Context, j job) (done, error) {
	d, err := runClient(ctx, j)
	t.clientPeak = max(t.clientPeak, d.Peak)
	return d, err
}

func (t *turns) curlPut(ctx context.Context, r *round) error {
	requests, err := t.peer.puts(ctx, t.src)
	if err == nil {
		r.curlPut, err = t.plain.run(ctx, requests)
	}
	if err == nil {
		err = t.peer.completed(ctx)
	}
	if err != nil {
		return fmt.Errorf("plain PUT: %w", err)
	}
	return nil
}

func (t *turns) curlGet(ctx context.Context, r *round) error {
	to := filepath.Join(t.dir, "fetched-plain")
	fetch, err := t.peer.get(ctx, to)
	if err == nil {
		r.curlGet, err = t.plain.run(ctx, []request{fetch})
	}
	if err != nil {
		return fmt.Errorf("plain GET: %w", err)
	}
	return t.src.fetched(to)
}

func (r *result) putRatios() (all []float64) {
	for _, x := range r.rounds {
		all = append(all, x.curlPut.Took.Seconds()/x.put.Took.Seconds())
	}
	return all
}

func (r *result) getRatios() (all []float64) {
	for _, x := range r.rounds {
		all = append(all, x.curlGet.Took.Seconds()/x.get.Took.Seconds())
	}
	return all
}

// table prints the rounds in MiB/s, their medians, and what weighs less on a
// busy machine: the processor time.
func (r *result) table(out io.Writer) error {
	fmt.Fprintf(out, "\n%s (MiB/s)\n", r.title)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "round\tput\tcurl PUT\tratio\tget\tcurl GET\tratio\t")
	var columns [6][]float64
	line := func(name string, values [6]float64) {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.2f\t\n", name, values[0], values[1], values[2], values[3], values[4], values[5])
	}
	rate := func(c cost) float64 { return float64(r.size) / (1 << 20) / c.Took.Seconds() }
	var cpu [4][]float64
	puts, gets := r.putRatios(), r.getRatios()
	for i, x := range r.rounds {
		values := [6]float64{rate(x.put), rate(x.curlPut), puts[i], rate(x.get), rate(x.curlGet), gets[i]}
		for c, v := range values {
			columns[c] = append(columns[c], v)
		}
		for c, of := range [4]cost{x.put, x.curlPut, x.get, x.curlGet} {
			cpu[c] = append(cpu[c], of.CPU.Seconds())
		}
		line(fmt.Sprint(i+1), values)
	}
	var medians [6]float64
	for c := range columns {
		medians[c] = ratio.Median(columns[c])
	}
	line("median", medians)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "processor seconds, medians: put %.2f, curl PUT %.2f, get %.2f, curl GET %.2f\n",
		ratio.Median(cpu[0]), ratio.Median(cpu[1]), ratio.Median(cpu[2]), ratio.Median(cpu[3]))
	_, err := fmt.Fprintf(out, "peak memory: client %.0f MiB, comityd %.0f MiB\n", r.clientPeak, r.serverPeak)
	return err
}
