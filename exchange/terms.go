package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// A grant's row in the database opens nothing by itself. It is held against the
// statements that the state signed, and the custodian's register is asked
// whether it stands: who writes to the database past the gate, or restores an
// old one, revives and widens no grant.

// terms verifies a grant against the statement that the originator signed for
// it, and returns the agreement that it rests on.
func (x *Exchange) terms(g comity.Grant) (statement.AgreementRef, error) {
	made, err := x.statements.get(x.dir, g.Statement)
	if err != nil {
		return statement.AgreementRef{}, forged(g, err)
	}
	var b statement.GrantBody
	if err := made.Decode(&b); err != nil {
		return statement.AgreementRef{}, forged(g, err)
	}
	scope, exhibits, until := b.Scope, b.Exhibits, b.NotAfter
	if g.Narrowing != "" {
		narrowed, err := x.statements.get(x.dir, g.Narrowing)
		if err != nil {
			return statement.AgreementRef{}, forged(g, err)
		}
		var n statement.NarrowBody
		if err := narrowed.Decode(&n); err != nil {
			return statement.AgreementRef{}, forged(g, err)
		}
		if narrowed.Kind != statement.KindNarrowing || narrowed.ID != g.ID || narrowed.State != g.State {
			return statement.AgreementRef{}, forged(g, errors.New("its narrowing is another grant's"))
		}
		scope, exhibits, until = n.Scope, n.Exhibits, n.NotAfter
	}
	switch {
	case made.Kind != statement.KindGrant || made.ID != g.ID || made.Record != g.Case || made.State != g.State || made.Agreement == nil:
		return statement.AgreementRef{}, forged(g, errors.New("its statement is another grant's"))
	case b.Grantee != g.Grantee || b.Purpose != g.Purpose || b.Agreement != g.Agreement || b.NotBefore != g.NotBefore.Unix() ||
		scope != g.Scope || until != g.NotAfter.Unix() || !slices.Equal(exhibits, g.Exhibits):
		return statement.AgreementRef{}, forged(g, errors.New("its row says other terms than its statement"))
	}
	return *made.Agreement, nil
}

// errForged is met when a grant's row and its statements differ: somebody
// wrote to the database past the gate.
var errForged = errors.New("exchange: a grant does not agree with its statement")

func forged(g comity.Grant, err error) error {
	return fmt.Errorf("%w: grant %s: %w", errForged, g.ID, err)
}

// inForce reports whether the agreement that a grant rests on still binds both
// states for the category, with the text that it had when the grant was made; a
// denounced one ends the grant's effect at once (Article 7).
func (x *Exchange) inForce(g comity.Grant, basis statement.AgreementRef, c comity.Category, at time.Time) bool {
	a, err := x.dir.Agreement(g.State, g.Grantee.State, basis.ID, c, "", at)
	return err == nil && a.Hash() == basis.Hash
}

// maxStatements bounds the cache of verified statements.
const maxStatements = 4096

// statements keeps what was verified, by the statement's own bytes.
type statements struct {
	mu    sync.Mutex
	cache map[string]keptStatement
}

type keptStatement struct {
	statement.Statement
	until time.Time // a key that left its state's manifest verifies nothing any more
}

func (s *statements) get(d *statement.Directory, jws string) (statement.Statement, error) {
	s.mu.Lock()
	known, ok := s.cache[jws]
	s.mu.Unlock()
	now := time.Now()
	if ok && now.Before(known.until) {
		return known.Statement, nil
	}
	verified, err := d.VerifyStatement(jws)
	if err != nil {
		return verified, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil || len(s.cache) >= maxStatements {
		s.cache = map[string]keptStatement{}
	}
	s.cache[jws] = keptStatement{verified, now.Add(keyAge)}
	return verified, nil
}

// standings remembers for keyAge, like record keys, that the register said a
// grant stands. An end is in the database before it is in the register, so that
// the memory never keeps an ended grant open by itself.
type standings struct {
	mu    sync.Mutex
	until map[comity.ID]time.Time
}

// stands asks the originator's custodian whether a grant still stands.
func (x *Exchange) stands(ctx context.Context, g comity.Grant) error {
	now := x.keys.now()
	x.standing.mu.Lock()
	until, ok := x.standing.until[g.ID]
	x.standing.mu.Unlock()
	if ok && now.Before(until) {
		return nil
	}
	c, err := x.custodian(g.State)
	if err != nil {
		return err
	}
	if err := c.Standing(ctx, g.Case, g.ID, g.Grantee.State); err != nil {
		return err
	}
	x.standing.mu.Lock()
	defer x.standing.mu.Unlock()
	if x.standing.until == nil || len(x.standing.until) >= maxKeys {
		x.standing.until = map[comity.ID]time.Time{}
	}
	x.standing.until[g.ID] = now.Add(keyAge)
	return nil
}
