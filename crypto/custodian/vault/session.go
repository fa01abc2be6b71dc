package vault

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"
)

// ErrNamespace says that a namespace is configured for a Vault that ignores it.
var ErrNamespace = errors.New("vault: this Vault is a Community edition, which ignores the configured namespace; remove it or use Vault Enterprise")

// session is one login. Its token is renewed until Vault no longer extends it;
// then ended is closed and the next call logs in afresh.
type session struct {
	since   time.Time
	watcher *api.LifetimeWatcher
	ended   chan struct{}
}

func (s *session) over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

const (
	// failFast is for how long a failed login answers for those that follow,
	// so that callers do not queue up behind a Vault that is away.
	failFast = time.Second
	// loginPause is the least time between a login and another one because
	// the token was denied: it was then the policy, not the token.
	loginPause = 5 * time.Second
)

// enter gives a session, logging in when there is none but stale.
func (k *Keys) enter(ctx context.Context, stale *session) (*session, error) {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch s := k.current; {
	case k.closed:
		return nil, errors.New("vault: closed")
	case s != nil && !s.over() && (s != stale || time.Since(s.since) < loginPause):
		return s, nil
	case k.failed != nil && time.Since(k.failedAt) < failFast:
		return nil, k.failed
	}
	// The login serves more than the one that waits for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.timeout)
	defer cancel()
	s, err := k.login(ctx)
	if err != nil {
		k.failed, k.failedAt = explain(err), time.Now()
		return nil, k.failed
	}
	k.leave()
	k.current, k.failed = s, nil
	return s, nil
}

// leave stops renewing the present token.
func (k *Keys) leave() {
	if k.current != nil {
		k.current.watcher.Stop()
		k.current = nil
	}
}

func (k *Keys) login(ctx context.Context) (*session, error) {
	if _, err := k.health(ctx); err != nil {
		return nil, err
	}
	secret, err := k.auth.Login(ctx, k.door)
	if err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	if secret == nil || secret.Auth == nil || secret.Auth.ClientToken == "" {
		return nil, errors.New("log in: Vault gave no token")
	}
	k.client.SetToken(secret.Auth.ClientToken)
	watcher, err := k.client.NewLifetimeWatcher(&api.LifetimeWatcherInput{Secret: secret})
	if err != nil {
		return nil, fmt.Errorf("renew the login: %w", err)
	}
	s := &session{since: time.Now(), watcher: watcher, ended: make(chan struct{})}
	go watcher.Start()
	go func() {
		defer close(s.ended)
		for {
			select {
			case err := <-watcher.DoneCh():
				_ = err // that it ended is all that matters: the next call logs in afresh
				return
			case <-watcher.RenewCh():
			}
		}
	}()
	return s, nil
}

// health asks whether Vault serves, and whether it knows the namespace.
func (k *Keys) health(ctx context.Context) (*api.HealthResponse, error) {
	h, err := k.door.WithNamespace("").Sys().HealthWithContext(ctx) // answers in the root namespace only
	switch {
	case err != nil:
		return nil, err
	case k.namespace && !h.Enterprise:
		return nil, ErrNamespace
	case !h.Initialized:
		return nil, errors.New("it is not initialised")
	case h.Sealed:
		return nil, errors.New("it is sealed")
	}
	return h, nil
}

// certAuth logs in with the client's TLS certificate.
type certAuth struct{ mount string }

func (a certAuth) Login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	return client.Logical().WriteWithContext(ctx, "auth/"+a.mount+"/login", map[string]any{"name": Role})
}

func newAuth(c Config) (api.AuthMethod, error) {
	if c.ClientCert != "" {
		return certAuth{c.Mount}, nil
	}
	return approle.NewAppRoleAuth(c.RoleID, &approle.SecretID{FromFile: c.SecretIDFile}, approle.WithMountPath(c.Mount))
}

// call makes one request of Vault within a session. A denial may mean that the
// token is gone (revoked, or its Vault restored from a backup), so it is tried
// once more with a new one.
func (k *Keys) call(ctx context.Context, request func(context.Context) error) error {
	s, err := k.enter(ctx, nil)
	if err != nil {
		return err
	}
	if err = request(ctx); status(err) == http.StatusForbidden {
		again, err2 := k.enter(ctx, s)
		if err2 != nil {
			return err2
		}
		if again != s {
			err = request(ctx)
		}
	}
	return explain(err)
}

// status is the HTTP status that Vault answered with, 0 when it did not.
func status(err error) int {
	if e, ok := errors.AsType[*api.ResponseError](err); ok {
		return e.StatusCode
	}
	return 0
}

// explain says in an error what the operator should look at.
func explain(err error) error {
	switch status(err) {
	case 0:
		if err == nil {
			return nil
		}
		return fmt.Errorf("vault: %w", err)
	case http.StatusServiceUnavailable:
		return fmt.Errorf("vault: it is sealed or not active: %w", err)
	case http.StatusForbidden:
		return fmt.Errorf("vault: the login's policy does not allow this; set the state's mounts up anew: %w", err)
	}
	return fmt.Errorf("vault: %w", err)
}
