package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	vegeta "github.com/tsenart/vegeta/v12/lib"
	"golang.org/x/sync/errgroup"

	"github.com/comity-platform/comity/crypto/token"
)

// target is a server that can be asked.
type target struct {
	name    string
	url     string
	pid     int
	headers map[string]string
	session *session // of an officer, where requests need one
	bodies  map[string][]byte
}

// session is what an officer's requests are proved with.
type session struct {
	key   *ecdsa.PrivateKey
	token string
}

// proofs makes n of them, each good for one request within the next two minutes.
func (s *session) proofs(url string, n int) ([]string, error) {
	all := make([]string, n)
	if s == nil {
		return all, nil
	}
	var g errgroup.Group
	now := time.Now()
	const part = 256
	for from := 0; from < n; from += part {
		g.Go(func() error {
			for i := from; i < min(from+part, n); i++ {
				var err error
				if all[i], err = token.Proof(s.key, http.MethodPost, url, s.token, now); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all, g.Wait()
}

// header is what all requests to a target carry.
func (t *target) header() http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for k, v := range t.headers {
		h.Set(k, v)
	}
	if t.session != nil {
		h.Set("Authorization", "DPoP "+t.session.token)
	}
	return h
}

// anew is what stands in a body for a key that is another one each time.
const anew = "%KEY%"

// ask makes one request and gives the answer.
func (t *target) ask(ctx context.Context, cell string) ([]byte, error) {
	body := bytes.ReplaceAll(t.bodies[cell], []byte(anew), []byte(uuid.NewString()))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = t.header()
	proofs, err := t.session.proofs(t.url, 1)
	if err != nil {
		return nil, err
	}
	if proofs[0] != "" {
		r.Header.Set("DPoP", proofs[0])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(a.Body)
	if err == nil && a.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%.500s", t.name, a.Status, raw)
	}
	return raw, err
}

// ran is what a run of load came to.
type ran struct {
	rate     float64       // requests a second that were answered
	cpu      time.Duration // of the server, for a request
	database time.Duration // of PostgreSQL, for a request
	p50, p99 time.Duration
}

// saturate has as many connections ask one after the other, for some time.
func (l *loader) saturate(ctx context.Context, t *target, cell string, connections int, d time.Duration, most float64) (r ran, err error) {
	made := int(most*d.Seconds()) + 4*connections
	proofs, err := t.session.proofs(t.url, made)
	if err != nil {
		return r, err
	}
	file, body := filepath.Join(l.dir, "requests"), filepath.Join(l.dir, "body")
	var lines bytes.Buffer
	w := bufio.NewWriter(&lines)
	for _, p := range proofs {
		fmt.Fprintf(w, "%s\t%s\n", p, uuid.NewString())
	}
	_ = w.Flush() // to memory
	for path, content := range map[string][]byte{file: lines.Bytes(), body: t.bodies[cell]} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return r, err
		}
	}
	args := []string{"-t1", fmt.Sprintf("-c%d", connections), fmt.Sprintf("-d%ds", int(d.Seconds())), "--timeout", "10s", "-s", l.script}
	for k, v := range t.header() {
		args = append(args, "-H", k+": "+v[0])
	}
	cmd := exec.CommandContext(ctx, l.wrk, append(args, t.url, "--", file, body)...)
	return l.run(t, func() (r ran, n int, err error) {
		out, err := cmd.CombinedOutput()
		if err != nil {
			return r, 0, fmt.Errorf("wrk: %w\n%s", err, out)
		}
		_, after, ok := strings.Cut(string(out), "RESULT ")
		if !ok {
			return r, 0, fmt.Errorf("wrk says no result:\n%s", out)
		}
		var micros, bytes, faults int64
		var p50, p99 float64
		if _, err := fmt.Sscan(after, &n, &micros, &bytes, &faults, &p50, &p99); err != nil {
			return r, 0, fmt.Errorf("wrk: %w\n%s", err, out)
		}
		if faults > 0 {
			return r, 0, fmt.Errorf("%s: %d of %d requests failed; %d could be made\n%s", t.name, faults, n, made, out)
		}
		return ran{rate: float64(n) / (float64(micros) / 1e6), p50: time.Duration(p50 * 1e3), p99: time.Duration(p99 * 1e3)}, n, nil
	})
}

// steadying is how long a rate is kept before it is measured, with each server: caches
// are warm then, also those that were left alone while others were measured.
const steadying = 2 * time.Second

// steady asks at a constant rate, however long answers take.
func (l *loader) steady(ctx context.Context, t *target, cell string, rate int, d time.Duration) (r ran, err error) {
	n := int(float64(rate)*(d+steadying).Seconds()) + 2
	proofs, err := t.session.proofs(t.url, n)
	if err != nil {
		return r, err
	}
	var at atomic.Int64
	head := t.header()
	next := func(v *vegeta.Target) error {
		i := at.Add(1) - 1
		h := head.Clone()
		if p := proofs[min(int(i), n-1)]; p != "" {
			h.Set("DPoP", p)
		}
		v.Method, v.URL, v.Header = http.MethodPost, t.url, h
		v.Body = bytes.ReplaceAll(t.bodies[cell], []byte(anew), []byte(uuid.NewString()))
		return nil
	}
	attack := func(d time.Duration) <-chan *vegeta.Result { // an attacker attacks once
		attacker := vegeta.NewAttacker(vegeta.Connections(64), vegeta.KeepAlive(true), vegeta.Timeout(10*time.Second))
		return attacker.Attack(next, vegeta.Rate{Freq: rate, Per: time.Second}, d, t.name)
	}
	for range attack(steadying) { // what fails fails below too
	}
	return l.run(t, func() (ran, int, error) {
		var m vegeta.Metrics
		for result := range attack(d) {
			m.Add(result)
		}
		m.Close()
		if err := ctx.Err(); err != nil {
			return ran{}, 0, err
		}
		if m.Success < 1 {
			return ran{}, 0, fmt.Errorf("%s: at %d a second %.1f%% failed: %v %v", t.name, rate, 100*(1-m.Success), m.StatusCodes, m.Errors)
		}
		return ran{rate: m.Rate, p50: m.Latencies.P50, p99: m.Latencies.P99}, int(m.Requests), nil
	})
}

// loader makes load.
type loader struct {
	dir      string // for its files
	wrk      string
	script   string
	database int // PostgreSQL's process
}

// run adds to what load came to what the server and PostgreSQL took for it.
func (l *loader) run(t *target, load func() (ran, int, error)) (ran, error) {
	pids := [2]int{t.pid, l.database}
	var before, after [2]time.Duration
	for i, pid := range pids {
		var err error
		if before[i], err = cpuOf(pid); err != nil {
			return ran{}, err
		}
	}
	r, n, err := load()
	if err != nil {
		return r, err
	}
	if n == 0 {
		return r, fmt.Errorf("%s answered no request", t.name)
	}
	for i, pid := range pids {
		if after[i], err = cpuOf(pid); err != nil {
			return r, err
		}
	}
	r.cpu, r.database = (after[0]-before[0])/time.Duration(n), (after[1]-before[1])/time.Duration(n)
	return r, nil
}
