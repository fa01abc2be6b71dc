package statement

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
)

// Roots are the states' root keys as a custodian, a client or a verifier pins
// them, got outside the exchange. Nothing else vouches for anybody.
type Roots map[comity.State]jose.JSONWebKey

// ReadRoots reads the JSON of [Roots.Marshal]: an object of public JWKs by state.
// A root without kid gets its thumbprint as one.
func ReadRoots(b []byte) (Roots, error) {
	if len(b) > maxManifest {
		return nil, fmt.Errorf("statement: the roots are longer than %d bytes", maxManifest)
	}
	var raw map[comity.State]json.RawMessage
	if err := jws.Decode(b, &raw); err != nil {
		return nil, fmt.Errorf("statement: the roots: %w", err)
	}
	if len(raw) == 0 {
		return nil, errors.New("statement: the roots name no state")
	}
	roots := Roots{}
	for state, v := range raw {
		if !state.Valid() {
			return nil, fmt.Errorf("statement: the roots: %.20q is not an ISO 3166-1 alpha-2 code", state)
		}
		key, err := ParsePublicKey(v)
		if err != nil {
			return nil, fmt.Errorf("statement: the root of %s: %w", state, err)
		}
		if key.KeyID == "" {
			if key.KeyID, err = Thumbprint(key); err != nil {
				return nil, err
			}
		}
		roots[state] = key
	}
	return roots, nil
}

// Marshal gives the roots as indented JSON.
func (r Roots) Marshal() ([]byte, error) {
	for state, key := range r {
		if !key.IsPublic() {
			return nil, fmt.Errorf("statement: the root of %s is not a public key", state)
		}
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("statement: roots: %w", err)
	}
	return append(b, '\n'), nil
}
