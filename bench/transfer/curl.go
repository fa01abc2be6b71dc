package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// request is one plain transfer: a file put to a URL, or a URL got into a file.
type request struct {
	put    bool
	url    string
	header map[string]string
	file   string
}

// peerTool does plain transfers, by curl where it is installed.
type peerTool struct {
	what string
	curl string // "" stands for net/http
}

func newPeerTool(ctx context.Context) (*peerTool, error) {
	path, err := exec.LookPath("curl")
	if errors.Is(err, exec.ErrNotFound) {
		return &peerTool{what: "curl is NOT INSTALLED: a plain net/http client stands for it"}, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, path, "-q", "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("curl: %w", err)
	}
	fields := strings.Fields(string(out))
	return &peerTool{what: strings.Join(fields[:min(2, len(fields))], " "), curl: path}, nil
}

// run does the requests one after the other and tells what they took.
func (t *peerTool) run(ctx context.Context, requests []request) (cost, error) {
	if t.curl != "" {
		return t.byCurl(ctx, requests)
	}
	began, err := start()
	if err != nil {
		return cost{}, err
	}
	for _, r := range requests {
		if err := r.byHTTP(ctx); err != nil {
			return cost{}, err
		}
	}
	return began.until()
}

// byCurl gives one curl all requests, by its standard input: arguments, and so
// the signatures, could be read by every user of the machine.
func (t *peerTool) byCurl(ctx context.Context, requests []request) (cost, error) {
	var config, said, complaint bytes.Buffer
	for i, r := range requests {
		if i > 0 {
			config.WriteString("next\n")
		}
		config.WriteString("silent\nshow-error\nfail\ngloboff\nnoproxy = \"*\"\nwrite-out = \"%{time_total}\\n\"\n")
		fmt.Fprintf(&config, "url = %q\n", r.url)
		for name, value := range r.sent() {
			fmt.Fprintf(&config, "header = %q\n", name+": "+value)
		}
		if r.put {
			fmt.Fprintf(&config, "upload-file = %q\noutput = %q\n", r.file, os.DevNull)
		} else {
			fmt.Fprintf(&config, "output = %q\n", r.file)
		}
	}
	cmd := exec.CommandContext(ctx, t.curl, "-q", "-K", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &config, &said, &complaint
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("curl: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	var total float64
	lines := strings.Fields(said.String())
	for _, line := range lines {
		seconds, err := strconv.ParseFloat(line, 64)
		if err != nil {
			return cost{}, fmt.Errorf("curl says %q where its time was asked", line)
		}
		total += seconds
	}
	if len(lines) != len(requests) || total <= 0 {
		return cost{}, fmt.Errorf("curl tells the times of %d requests, of %d", len(lines), len(requests))
	}
	return cost{Took: time.Duration(total * float64(time.Second)), CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}

// sent is the header without what an HTTP library sets itself.
func (r request) sent() map[string]string {
	sent := map[string]string{}
	for name, value := range r.header {
		if !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "Host") {
			sent[name] = value
		}
	}
	return sent
}

func (r request) byHTTP(ctx context.Context) (err error) {
	method, open := http.MethodGet, os.Create
	if r.put {
		method, open = http.MethodPut, os.Open
	}
	f, err := open(r.file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	req, err := http.NewRequestWithContext(ctx, method, r.url, nil)
	if err != nil {
		return err
	}
	for name, value := range r.sent() {
		req.Header.Set(name, value)
	}
	if r.put {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		req.Body, req.ContentLength = io.NopCloser(f), info.Size()
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the store answers %s", answer.Status)
	}
	to := io.Discard
	if !r.put {
		to = f
	}
	_, err = io.Copy(to, answer.Body)
	return err
}
