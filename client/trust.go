package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/durable"
)

// manifestAge is how long fetched manifests are taken for the newest, and
// justNow how long even when something does not verify by them.
const (
	manifestAge = 5 * time.Minute
	justNow     = 10 * time.Second
)

// trust is whom the client believes: the manifests that the pinned roots signed.
type trust struct {
	roots statement.Roots
	file  string
	now   func() time.Time

	mu      sync.Mutex
	union   string
	dir     *statement.Directory
	known   map[comity.State]remembered
	faults  map[comity.State]error // manifests that could not be taken, and why
	fetched time.Time
}

// remembered is what the state file keeps of a state's newest manifest.
type remembered struct {
	Number int64  `json:"number"`
	Hash   string `json:"hash"` // hex SHA-256 of its canonical JSON
	JWS    string `json:"jws"`
}

type stateFile struct {
	Union     string                      `json:"union"`
	Manifests map[comity.State]remembered `json:"manifests"`
}

func newTrust(union string, roots statement.Roots, file string, now func() time.Time) (*trust, error) {
	t := &trust{roots: roots, file: file, now: now, union: union, known: map[comity.State]remembered{}, faults: map[comity.State]error{}}
	if err := t.recall(); err != nil {
		return nil, err
	}
	if t.union != "" {
		t.dir = statement.NewDirectory(t.union, roots, now)
		for s, k := range t.known {
			if err := t.dir.Add(k.JWS); err != nil { // expired meanwhile, say: the server's newer one may do
				t.faults[s] = err
			}
		}
	}
	return t, nil
}

// recall takes in what the state file remembers, which another process may
// have added to: of two numbers the higher one counts.
func (t *trust) recall() error {
	if t.file == "" {
		return nil
	}
	b, err := os.ReadFile(t.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("client: the remembered manifests: %w", err)
	}
	var kept stateFile
	// To go on without what was remembered would be to forget a rollback.
	if err := json.Unmarshal(b, &kept); err != nil || kept.Manifests == nil {
		return fmt.Errorf("client: %s, which remembers the newest manifests, cannot be read (%v); if it is damaged, delete it and log in anew", t.file, err)
	}
	if t.union != "" && kept.Union != t.union {
		return unverifiedf(t.file, "it remembers manifests of the union %q, not of %q", kept.Union, t.union)
	}
	t.union = kept.Union
	for s, k := range kept.Manifests {
		if k.Number > t.known[s].Number {
			t.known[s] = k
		}
	}
	return nil
}

// directory gives what is known already, without the network.
func (t *trust) directory() (*statement.Directory, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dir == nil {
		return nil, errors.New("client: no manifests were fetched yet")
	}
	return t.dir, nil
}

// take verifies manifests as the server handed them out. One that is expired
// leaves its state dark; any other fault is an error, since somebody tampered.
func (t *trust) take(union string, manifests map[comity.State]string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.file != "" { // one process at a time, each on what the others remember
		unlock, err := lockFile(t.file + ".lock")
		if err != nil {
			return fmt.Errorf("client: the newest manifests cannot be remembered: %w", err)
		}
		defer unlock()
		if err := t.recall(); err != nil {
			return err
		}
	}
	switch {
	case t.union == "":
		t.union = union
	case t.union != union:
		return unverifiedf("the server's name for the union", "it is %q, not %q", union, t.union)
	}
	if t.dir == nil {
		t.dir = statement.NewDirectory(t.union, t.roots, t.now)
	}
	var bad []error
	changed := false
	for s := range t.roots {
		jws, ok := manifests[s]
		if !ok {
			t.faults[s] = fmt.Errorf("the server gives no manifest of %s", s)
			continue
		}
		if t.known[s].JWS == jws && t.dir.JWS(s) == jws && t.faults[s] == nil {
			continue
		}
		kept, err := t.takeOne(s, jws)
		t.faults[s] = err
		switch {
		case err == nil:
			t.known[s], changed = kept, true
		case comity.CodeOf(err) != comity.CodeUnavailable:
			bad = append(bad, unverified("the manifest of "+string(s), err))
		}
	}
	if len(bad) > 0 {
		return join(bad)
	}
	t.fetched = t.now()
	if changed {
		return t.save()
	}
	return nil
}

func (t *trust) takeOne(s comity.State, jws string) (remembered, error) {
	m, err := statement.VerifyManifest(jws, t.roots[s], t.now())
	if err != nil && comity.CodeOf(err) != comity.CodeUnavailable {
		return remembered{}, err
	}
	hash, _, herr := statement.BodyHash(m)
	if herr != nil {
		return remembered{}, herr
	}
	k := t.known[s]
	switch {
	case m.State != s:
		return remembered{}, fmt.Errorf("it is that of %s", m.State)
	case m.Number < k.Number:
		return remembered{}, fmt.Errorf("%w from number %d, which was seen before, to %d", errOlder, k.Number, m.Number)
	case m.Number == k.Number && hash != k.Hash:
		return remembered{}, fmt.Errorf("another manifest with the number %d was seen before", m.Number)
	case err != nil:
		return remembered{}, err // expired
	}
	return remembered{Number: m.Number, Hash: hash, JWS: jws}, t.dir.Add(jws)
}

// save writes the state file so that it is whole at any time.
func (t *trust) save() error {
	if t.file == "" {
		return nil
	}
	b, err := json.MarshalIndent(stateFile{t.union, t.known}, "", "  ")
	if err != nil {
		return err
	}
	if err := durable.WriteFile(t.file, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("client: the newest manifests cannot be remembered: %w", err)
	}
	return nil
}

// fresh reports whether the manifests were fetched less than age ago.
func (t *trust) fresh(age time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dir != nil && !t.fetched.IsZero() && t.now().Sub(t.fetched) < age
}

// stale has the manifests fetched anew at the next use.
func (t *trust) stale() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fetched = time.Time{}
}

// fault says why a state's manifest is not among those taken.
func (t *trust) fault(s comity.State) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, pinned := t.roots[s]; !pinned {
		return fmt.Errorf("no root is pinned for %s", s)
	}
	return t.faults[s]
}

// Directory gives the states' verified manifests, fetched when what is known is
// more than five minutes old.
func (c *Client) Directory(ctx context.Context) (*statement.Directory, error) {
	if !c.trust.fresh(manifestAge) {
		if _, err := c.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return c.trust.directory()
}

// Union is what the exchange says of the union as a whole.
type Union struct {
	Name       string     `json:"name"`
	Policies   string     `json:"policies"` // hex SHA-256 of the policy set that decides
	Categories []Category `json:"categories"`
	States     []State    `json:"states"`
}

// State is a member state as its verified manifest has it.
type State struct {
	Code     comity.State        `json:"code"`
	Manifest *statement.Manifest `json:"manifest,omitempty"` // nil when there is a fault
	Fault    string              `json:"fault,omitempty"`
}

// errOlder is a manifest older than one seen before.
var errOlder = errors.New("the server goes back")

// Refresh fetches the directory anew and verifies every manifest against the
// pinned roots and against what was seen before. A forged or older manifest is
// a [*VerificationError]; an older one is asked for again before, since another
// server of the exchange takes a second to know what was published through one.
// It needs no token.
func (c *Client) Refresh(ctx context.Context) (*Union, error) {
	for n := 3; ; n++ {
		u, err := c.refresh(ctx)
		if n > 4 || !errors.Is(err, errOlder) || c.wait(ctx, n, 0) != nil {
			return u, err
		}
	}
}

func (c *Client) refresh(ctx context.Context) (*Union, error) {
	var data struct {
		Union      Union      `json:"union"`
		Categories []Category `json:"categories"`
		States     []struct {
			Code     comity.State `json:"code"`
			Manifest string       `json:"manifest"`
		} `json:"states"`
	}
	if err := c.query(ctx, "Directory", nil, &data); err != nil {
		return nil, err
	}
	u := data.Union
	u.Categories = data.Categories
	manifests := map[comity.State]string{}
	for _, s := range data.States {
		manifests[s.Code] = s.Manifest
	}
	if err := c.trust.take(u.Name, manifests); err != nil {
		return nil, err
	}
	dir, err := c.trust.directory()
	if err != nil {
		return nil, err
	}
	for _, s := range data.States {
		shown := State{Code: s.Code}
		if m, err := dir.State(s.Code); err == nil {
			shown.Manifest = &m
		} else if fault := c.trust.fault(s.Code); fault != nil {
			shown.Fault = fault.Error()
		} else {
			shown.Fault = err.Error()
		}
		u.States = append(u.States, shown)
	}
	return &u, nil
}

// verify runs a check against the directory; when it fails, once more against
// a freshly fetched one, since a state may have changed its keys just now.
func (c *Client) verify(ctx context.Context, check func(*statement.Directory) error) error {
	dir, err := c.Directory(ctx)
	if err != nil {
		return err
	}
	if err = check(dir); err == nil || c.trust.fresh(justNow) {
		return err
	}
	if _, stale := c.Refresh(ctx); stale != nil {
		return stale
	}
	return check(dir)
}
