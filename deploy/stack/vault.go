package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"syscall"

	"github.com/comity-platform/comity/internal/durable"
)

// Vault is a real (not "-dev") HashiCorp Vault server with storage in files,
// initialised with one unseal key and with an audit device. A Vault made by
// [ConnectVault] has only Addr and RootToken, and cannot be stopped or sealed.
type Vault struct {
	*component
	Addr      string // http://127.0.0.1:port
	RootToken string
	UnsealKey string
	AuditFile string // JSON lines written by Vault's file audit device
}

type vaultSecret struct {
	Port      int    `json:"port"`
	RootToken string `json:"root_token"`
	UnsealKey string `json:"unseal_key"`
}

// StartVault starts a Vault in dir, initialises it if it is new, and answers
// once it is unsealed and active.
func StartVault(ctx context.Context, dir string, o Options) (*Vault, error) {
	binary, err := Binary(ctx, "vault", o.Progress)
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	v := &Vault{AuditFile: filepath.Join(dir, "audit.log")}
	v.component = &component{name: "vault", dir: dir, opts: o, stopSig: syscall.SIGTERM, deathSig: syscall.SIGKILL}
	v.command = func() (Command, error) {
		path, err := v.config()
		return Command{Path: binary, Args: []string{"server", "-config=" + path}}, err
	}
	v.ready = func(ctx context.Context) error { return v.call(ctx, http.MethodGet, "sys/seal-status", nil, nil) }
	var secret vaultSecret
	fresh, running, err := v.open(&secret)
	if err != nil {
		return nil, err
	}
	if fresh {
		return v, v.begin(ctx)
	}
	v.port, v.RootToken, v.UnsealKey = secret.Port, secret.RootToken, secret.UnsealKey
	v.Addr = "http://" + v.address()
	if !running {
		if err := v.Start(ctx); err != nil {
			return nil, err
		}
	}
	return v, v.Unseal(ctx)
}

// ConnectVault is a Vault that somebody else runs.
func ConnectVault(addr, rootToken string) *Vault {
	return &Vault{component: connected("vault"), Addr: addr, RootToken: rootToken}
}

// config is the path of the configuration, written anew for the present port.
func (v *Vault) config() (path string, err error) {
	v.Addr = "http://" + v.address()
	path = filepath.Join(v.dir, "vault.json")
	raw, err := json.Marshal(map[string]any{
		"storage": map[string]any{"file": map[string]any{"path": filepath.Join(v.dir, "data")}},
		"listener": []any{map[string]any{"tcp": map[string]any{
			"address": v.address(), "tls_disable": true, // loopback only
		}}},
		"api_addr":      v.Addr,
		"disable_mlock": true, // needs a capability that a plain user lacks
		"ui":            false,
	})
	if err == nil {
		err = durable.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("write vault's configuration: %w", err)
	}
	return path, nil
}

// begin starts and initialises a new Vault.
func (v *Vault) begin(ctx context.Context) error {
	if err := v.runFirst(ctx); err != nil {
		return err
	}
	var made struct {
		Keys      []string `json:"keys_base64"`
		RootToken string   `json:"root_token"`
	}
	err := v.call(ctx, http.MethodPut, "sys/init", map[string]int{"secret_shares": 1, "secret_threshold": 1}, &made)
	if err == nil && len(made.Keys) != 1 {
		err = fmt.Errorf("got %d unseal keys instead of 1", len(made.Keys))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("initialise vault: %w", err), v.Kill())
	}
	v.RootToken, v.UnsealKey = made.RootToken, made.Keys[0]
	if err := v.save(vaultSecret{v.port, v.RootToken, v.UnsealKey}); err != nil {
		return err
	}
	return v.Unseal(ctx)
}

// Start runs a stopped Vault again, on the same address and data. As every
// Vault that starts, it is sealed: call Unseal.
func (v *Vault) Start(ctx context.Context) error { return v.run(ctx) }

// Restart stops and starts Vault and unseals it.
func (v *Vault) Restart(ctx context.Context) error {
	if err := v.Stop(ctx); err != nil {
		return err
	}
	if err := v.Start(ctx); err != nil {
		return err
	}
	return v.Unseal(ctx)
}

// Seal makes Vault forget its keys: until Unseal it answers nothing but 503.
func (v *Vault) Seal(ctx context.Context) error {
	if err := v.owned(); err != nil {
		return err
	}
	if err := v.call(ctx, http.MethodPut, "sys/seal", nil, nil); err != nil {
		return fmt.Errorf("seal vault: %w", err)
	}
	return nil
}

// Unseal opens a sealed Vault and waits until it is active. On one that is
// open already it only waits. It enables the audit device if there is none.
func (v *Vault) Unseal(ctx context.Context) error {
	if err := v.owned(); err != nil {
		return err
	}
	if err := v.call(ctx, http.MethodPut, "sys/unseal", map[string]string{"key": v.UnsealKey}, nil); err != nil {
		return fmt.Errorf("unseal vault: %w", err)
	}
	// Unsealing answers before Vault has become active.
	id, err := readIdentity(filepath.Join(v.dir, pidFileName))
	if err != nil {
		return err
	}
	healthy := func(ctx context.Context) error { return v.call(ctx, http.MethodGet, "sys/health", nil, nil) }
	if err := awaitReady(ctx, Command{Name: v.name, Log: v.LogFile()}, id, healthy); err != nil {
		return err
	}
	var audit struct {
		Data map[string]any `json:"data"`
	}
	err = v.call(ctx, http.MethodGet, "sys/audit", nil, &audit)
	if err == nil && len(audit.Data) == 0 {
		err = v.call(ctx, http.MethodPut, "sys/audit/file", map[string]any{
			"type": "file", "options": map[string]string{"file_path": v.AuditFile},
		}, nil)
	}
	if err != nil {
		return fmt.Errorf("enable vault's audit device: %w", err)
	}
	return nil
}

// call is one request to Vault's API with the root token. Plain HTTP instead
// of Vault's client, because that takes tokens, namespaces and addresses from
// the environment of whoever runs the tests.
func (v *Vault) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, v.Addr+"/v1/"+path, body)
	if err != nil {
		return err
	}
	if v.RootToken != "" {
		req.Header.Set("X-Vault-Token", v.RootToken)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("vault answers %s to %s %s: %s", resp.Status, method, path, bytes.TrimSpace(raw))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}
