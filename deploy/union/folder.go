package union

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/internal/durable"
)

// Folder is where the sample union's roots and manifests lie:
//
//	roots/XX.pem      a state's root key, PKCS #8, for its owner's eyes only
//	roots.json        the public roots, for clients and custodians to pin
//	manifests/XX.jws  the manifests
type Folder struct {
	dir   string
	keys  map[comity.State]statement.Signer
	roots statement.Roots
}

// Open opens the folder in dir, and makes what is missing: a root key for each
// member, and the file of the public ones.
func Open(dir string) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("union: %w", err)
	}
	f := &Folder{dir: dir, keys: map[comity.State]statement.Signer{}, roots: statement.Roots{}}
	for _, d := range []string{filepath.Join(dir, "roots"), f.Manifests()} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("union: %w", err)
		}
	}
	for _, s := range States() {
		key, err := rootKey(filepath.Join(dir, "roots", string(s)+".pem"))
		if err != nil {
			return nil, fmt.Errorf("union: the root of %s: %w", s, err)
		}
		if f.keys[s], err = statement.NewSoftSigner(key, ""); err != nil {
			return nil, fmt.Errorf("union: the root of %s: %w", s, err)
		}
		f.roots[s] = f.keys[s].Public()
	}
	raw, err := f.roots.Marshal()
	if err == nil {
		err = durable.WriteFile(f.Roots(), raw, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("union: %w", err)
	}
	return f, nil
}

// Roots is the file of the public roots.
func (f *Folder) Roots() string { return filepath.Join(f.dir, "roots.json") }

// Manifests is the directory of the manifests.
func (f *Folder) Manifests() string { return filepath.Join(f.dir, "manifests") }

// Public are the public roots.
func (f *Folder) Public() statement.Roots { return f.roots }

// Place says where a state's parts are; its manifest says so to everybody.
type Place struct {
	Issuer        string            // URL of its issuer
	Store         string            // public base URL of its object store
	StatementKeys []json.RawMessage // of its custodian, see [statement.RawJWK]
	Log           statement.LogTrust
}

// term is how long a manifest is valid; within renew of its end it is signed anew.
const (
	term  = 365 * 24 * time.Hour
	renew = 30 * 24 * time.Hour
)

// Publish signs the manifests of the members and writes them. One that says
// what it said before stays as it is; a changed one gets the next number.
// policies is the hash of the policy set that the states accept.
func (f *Folder) Publish(ctx context.Context, places map[comity.State]Place, policies string, now time.Time) error {
	for _, m := range Members() {
		place, ok := places[m.Code]
		if !ok {
			return fmt.Errorf("union: nobody says where the parts of %s are", m.Code)
		}
		if err := f.publish(ctx, manifest(m, place, policies), now); err != nil {
			return fmt.Errorf("union: the manifest of %s: %w", m.Code, err)
		}
	}
	return nil
}

func (f *Folder) publish(ctx context.Context, m statement.Manifest, now time.Time) error {
	path := filepath.Join(f.Manifests(), string(m.State)+".jws")
	m.Number = 1
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		before, err := statement.VerifyManifest(string(old), f.roots[m.State], now)
		if err != nil && before.Number == 0 {
			return fmt.Errorf("%s: %w", path, err)
		}
		same, err := says(m, before)
		if err != nil {
			return err
		}
		if same && before.Expires.Sub(now) > renew {
			return nil
		}
		m.Number = before.Number + 1
	}
	m.IssuedAt = now.UTC().Truncate(time.Second)
	m.Expires = m.IssuedAt.Add(term)
	jws, err := statement.SignManifest(ctx, f.keys[m.State], m)
	if err != nil {
		return err
	}
	return durable.WriteFile(path, []byte(jws), 0o644)
}

// says reports whether two manifests say the same, number and dates aside.
func says(a, b statement.Manifest) (bool, error) {
	b.Number, b.IssuedAt, b.Expires = a.Number, a.IssuedAt, a.Expires
	x, err := statement.Canonical(a)
	if err != nil {
		return false, err
	}
	y, err := statement.Canonical(b)
	return string(x) == string(y), err
}

func manifest(m Member, p Place, policies string) statement.Manifest {
	cyber, ct := comity.AgencyID(m.Code+"/cyber"), comity.AgencyID(m.Code+"/ct")
	return statement.Manifest{
		Union: Name, State: m.Code, Name: m.Name,
		Agencies: []statement.Agency{
			{ID: cyber, Name: m.Cyber, Competences: []comity.Competence{comity.Cybercrime}},
			{ID: ct, Name: m.CT, Competences: []comity.Competence{comity.CounterTerrorism}},
		},
		ContactPoint: cyber, Contact: "duty@" + strings.ToLower(string(m.Code)) + ".example, at any hour",
		Issuers: []statement.Issuer{{URL: p.Issuer, Algorithms: []string{string(jose.ES256)}, Agencies: []statement.IssuerScope{
			{Agency: cyber, Roles: []comity.Role{comity.RoleInvestigator, comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor}},
			{Agency: ct, Roles: []comity.Role{comity.RoleInvestigator}},
		}}},
		StatementKeys: p.StatementKeys,
		Custodian:     statement.Embedded,
		Store:         p.Store,
		Agreements:    Agreements(),
		Policies:      policies,
		Log:           p.Log,
	}
}

// rootKey reads a root key, or makes it.
func rootKey(path string) (crypto.Signer, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := statement.NewKey()
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		return key, durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key in PEM", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign", key)
	}
	return signer, nil
}
