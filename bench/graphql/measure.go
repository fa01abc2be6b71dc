package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/comity-platform/comity/bench/graphql/rows"
	"github.com/comity-platform/comity/bench/ratio"
	"github.com/comity-platform/comity/deploy/node"
	"github.com/comity-platform/comity/deploy/stack"
	"github.com/comity-platform/comity/sovereignty"
)

const (
	mercurius    = "mercurius"
	postGraphile = "postgraphile"
)

var allPeers = []string{roleHandwritten, roleGraphQLGo, roleGqlgen, mercurius, postGraphile}

// poolSize is how many connections to PostgreSQL each server has for reads, as
// storage/postgres gives Comity.
const poolSize = 20

// measuring is the whole of a run.
type measuring struct {
	options
	world    *world
	dir      string
	loader   loader
	targets  []*target // Comity first
	children []*child
	copies   []func()                    // that are removed at the end
	results  map[string]map[string][]ran // by cell and target
}

func (m *measuring) close() error {
	var err error
	for _, c := range m.children {
		err = errors.Join(err, c.stop())
	}
	for _, remove := range m.copies {
		remove()
	}
	return err
}

func (m *measuring) all(ctx context.Context) error {
	if err := m.start(ctx); err != nil {
		return err
	}
	for _, cell := range m.cells {
		if err := m.compare(ctx, cell); err != nil {
			return err
		}
	}
	if m.profile != "" {
		if _, err := io.WriteString(m.world.server.stdin, profiling); err != nil {
			return err
		}
	}
	m.results = map[string]map[string][]ran{}
	for _, cell := range m.cells {
		if err := m.saturation(ctx, cell); err != nil {
			return err
		}
	}
	if err := m.table(); err != nil {
		return err
	}
	if !slices.Contains(m.cells, cellList) {
		return nil
	}
	return m.constant(ctx)
}

// start starts the peers.
func (m *measuring) start(ctx context.Context) error {
	w := m.world
	key, token := w.owner.Session()
	m.targets = []*target{{name: "comity", url: w.cfg.ExternalURL + "/graphql", pid: w.server.cmd.Process.Pid, session: &session{key, token},
		bodies: bodies(queries, w.shown, w.hidden, false)}}
	policies, err := sovereignty.Load()
	if err != nil {
		return err
	}
	shared := filepath.Join(m.root, "peers")
	for _, name := range m.peers {
		address, err := stack.FreeAddress()
		if err != nil {
			return err
		}
		t := &target{name: name, url: "http://" + address + "/graphql", bodies: bodies(queries, w.shown, w.hidden, false),
			headers: map[string]string{rows.Header: w.viewer.String()}}
		var c *child
		switch name {
		case mercurius, postGraphile:
			if name == postGraphile {
				t.bodies = bodies(ofPostGraphile, w.shown, w.hidden, true)
			}
			c, err = m.startNode(ctx, name, address, w.dsn, fmt.Sprint(poolSize), shared)
		default:
			config := peerConfig{Address: address, DSN: w.dsn, Shared: shared, Connections: poolSize}
			if name == roleHandwritten {
				config.Handwritten = &handwrittenConfig{Service: w.cfg, Officer: w.officer, Policies: policies.Hash()}
			}
			c, err = startSelf(ctx, m.dir, name, config)
		}
		if err != nil {
			return err
		}
		m.children = append(m.children, c)
		t.pid = c.cmd.Process.Pid
		m.targets = append(m.targets, t)
	}
	return nil
}

// startNode starts a peer of Node.js, installed once in the user's cache.
func (m *measuring) startNode(ctx context.Context, name string, args ...string) (*child, error) {
	folder := filepath.Join(m.root, "peers", name)
	var files [2][]byte
	for i, file := range []string{"package.json", "package-lock.json"} {
		var err error
		if files[i], err = os.ReadFile(filepath.Join(folder, file)); err != nil {
			return nil, err
		}
	}
	packages, err := node.Install(ctx, files[0], files[1])
	if err != nil {
		return nil, err
	}
	cmd, done, err := node.CommandIn(context.WithoutCancel(ctx), packages, folder, "server.mjs", args...) // ended by its standard input
	if err != nil {
		return nil, err
	}
	m.copies = append(m.copies, done)
	cmd.Env = append(os.Environ(), "NODE_ENV=production")
	return start(ctx, m.dir, name, cmd, nil)
}

// answers reports whether a target answers a cell.
func (t *target) answers(cell string) bool {
	return t.name != roleHandwritten || cell != cellNest && cell != cellAdd
}

// compare holds every answer against Comity's: equal JSON, whatever the order of keys.
func (m *measuring) compare(ctx context.Context, cell string) error {
	var want any
	for i, t := range m.targets {
		if !t.answers(cell) {
			continue
		}
		raw, err := t.ask(ctx, cell)
		if err != nil {
			return err
		}
		var got any
		if err := json.Unmarshal(raw, &got); err != nil {
			return fmt.Errorf("%s: %s: %w\n%.500s", cell, t.name, err, raw)
		}
		if i == 0 {
			want = got
			if got, ok := got.(map[string]any); !ok || got["errors"] != nil {
				return fmt.Errorf("%s: %.1000s", cell, raw)
			}
			fmt.Printf("%-9s %6d bytes: %.150s…\n", cell, len(raw), raw)
			continue
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Errorf("%s: %s answers\n%.1500s\nand Comity\n%.1500v", cell, t.name, raw, want)
		}
	}
	return nil
}

// warming is how long the first run is at least, in which every connection has
// its statements planned.
const warming = 4 * time.Second

// mostRate bounds what proofs are made for before it is known how many are needed.
const mostRate = 6000

// saturation has each target answer as much as it can, in turns.
func (m *measuring) saturation(ctx context.Context, cell string) error {
	m.results[cell] = map[string][]ran{}
	most := map[string]float64{}
	for round := -1; round < m.rounds; round++ { // the first one warms
		turn := slices.Clone(m.targets)
		if round%2 != 0 {
			slices.Reverse(turn)
		}
		for _, t := range turn {
			if !t.answers(cell) {
				continue
			}
			d := m.seconds
			if round < 0 {
				d, most[t.name] = max(warming, d), mostRate
			}
			r, err := m.loader.saturate(ctx, t, cell, m.connections, d, most[t.name])
			if err != nil {
				return fmt.Errorf("%s: %w", cell, err)
			}
			most[t.name] = max(500, 2*r.rate)
			if round >= 0 {
				m.results[cell][t.name] = append(m.results[cell][t.name], r)
			}
		}
	}
	return nil
}

func median(all []ran, of func(ran) float64) float64 {
	var values []float64
	for _, r := range all {
		values = append(values, of(r))
	}
	return ratio.Median(values)
}

func rate(r ran) float64     { return r.rate }
func cpu(r ran) float64      { return ms(r.cpu) }
func database(r ran) float64 { return ms(r.database) }
func p50(r ran) float64      { return ms(r.p50) }
func p99(r ran) float64      { return ms(r.p99) }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

// table prints the medians of all cells.
func (m *measuring) table() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\ncell\tserver\trequests/s\tserver CPU, ms\tPostgreSQL CPU, ms\tp50, ms\tp99, ms\t\n")
	for _, cell := range m.cells {
		for _, t := range m.targets {
			all := m.results[cell][t.name]
			if len(all) == 0 {
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%.0f\t%.2f\t%.2f\t%.1f\t%.1f\t\n", cell, t.name, median(all, rate), median(all, cpu), median(all, database), median(all, p50), median(all, p99))
		}
	}
	return w.Flush()
}

// constant asks of Comity at half of what it answers at most, and of Comity and
// Mercurius at the same rate, half of what the slower one does, and says the ratios.
func (m *measuring) constant(ctx context.Context) error {
	list := m.results[cellList]
	comity := m.targets[0]
	half := int(median(list[comity.name], rate) / 2)
	type run struct {
		t    *target
		rate int
	}
	runs := []run{{comity, half}}
	if i := slices.IndexFunc(m.targets, func(t *target) bool { return t.name == mercurius }); i > 0 {
		of := int(min(median(list[mercurius], rate), median(list[comity.name], rate)) / 2)
		runs = append(runs, run{comity, of}, run{m.targets[i], of})
	}
	found := make([][]ran, len(runs))
	for range m.rounds {
		for i, r := range runs {
			got, err := m.loader.steady(ctx, r.t, cellList, max(1, r.rate), m.seconds)
			if err != nil {
				return err
			}
			found[i] = append(found[i], got)
		}
	}
	fmt.Println("\nlist50 at a constant rate: requests a second, p50 and p99 in ms, medians")
	for i, r := range runs {
		fmt.Printf("  %-10s %5d  %7.2f  %7.2f\n", r.t.name, r.rate, median(found[i], p50), median(found[i], p99))
	}
	fmt.Println()
	of := func(name string, f func(ran) float64) float64 { return median(list[name], f) }
	out := os.Stdout
	for _, g := range []struct {
		name, peer string
		goal       float64
	}{{"list50_vs_mercurius", mercurius, 2}, {"list50_vs_gqlgen", roleGqlgen, 2}, {"list50_vs_postgraphile", postGraphile, 4},
		{"list50_vs_graphql_go", roleGraphQLGo, 6}, {"list50_vs_handwritten", roleHandwritten, 0.7}} {
		if len(list[g.peer]) > 0 {
			ratio.AtLeast(out, g.name, of(comity.name, rate)/of(g.peer, rate), g.goal)
		}
	}
	if len(runs) > 1 {
		ratio.Within(out, "cpu50_vs_mercurius", of(comity.name, cpu)/of(mercurius, cpu), 0.4)
		ratio.Within(out, "p99_vs_mercurius", median(found[1], p99)/median(found[2], p99), 1)
	}
	ratio.Within(out, "p99_over_p50", median(found[0], p99)/median(found[0], p50), 5)
	return nil
}
