package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// A grant's row in the database opens nothing by itself. It is held against the
// statements that the state signed, and the custodian's register is asked
// whether it stands: who writes to the database past the gate, or restores an
// old one, revives and widens no grant.

// terms verifies a grant against the statement that the originator signed for
// it, and returns its legal basis. of is the state of its case: what another
// state signs over it is no grant of it (Article 1). While the state's manifest is
// not valid the error is UNAVAILABLE: nothing can be said of the grant then.
func (x *Exchange) terms(g comity.Grant, of comity.State) (basis, error) {
	if g.State != of {
		return basis{}, forged(g, fmt.Errorf("%s grants a case of %s", g.State, of))
	}
	if _, err := x.dir.State(g.State); err != nil {
		return basis{}, comity.Unavailable("the manifest of "+string(g.State), err)
	}
	made, err := x.statements.get(x.dir, g.Statement)
	if err != nil {
		return basis{}, forged(g, err)
	}
	var b statement.GrantBody
	if err := made.Decode(&b); err != nil {
		return basis{}, forged(g, err)
	}
	scope, exhibits, subjects, until, caveats := b.Scope, b.Exhibits, b.Subjects, b.NotAfter, b.Caveats
	if g.Narrowing != "" {
		narrowed, err := x.statements.get(x.dir, g.Narrowing)
		if err != nil {
			return basis{}, forged(g, err)
		}
		var n statement.NarrowBody
		if err := narrowed.Decode(&n); err != nil {
			return basis{}, forged(g, err)
		}
		if narrowed.Kind != statement.KindNarrowing || narrowed.ID != g.ID || narrowed.State != g.State {
			return basis{}, forged(g, errors.New("its narrowing is another grant's"))
		}
		scope, exhibits, subjects, until, caveats = n.Scope, n.Exhibits, n.Subjects, n.NotAfter, n.Caveats
	}
	if b.Emergency != "" {
		end, err := x.confirmedUntil(g, made)
		if err != nil {
			return basis{}, err
		}
		until = min(until, end)
	}
	switch {
	case made.Kind != statement.KindGrant || made.ID != g.ID || made.Record != g.Case || made.State != g.State || made.Agreement == nil:
		return basis{}, forged(g, errors.New("its statement is another grant's"))
	case !under(g, made):
		return basis{}, forged(g, errors.New("its row names another standing grant than its statement"))
	case made.Officer.Ref != g.Liaison || made.Officer.Function != g.Function || second(made) != g.Second || (b.Emergency != "") != g.Emergency,
		g.AgreementHash != "" && g.AgreementHash != kept(*made.Agreement, b.Category),
		b.Grantee != g.Grantee || b.Purpose != g.Purpose || b.Agreement != g.Agreement || b.NotBefore != g.NotBefore.Unix(),
		b.Grade != g.Grade || b.Assistance != g.Assistance || b.Release != g.Release || b.Request != g.Request,
		scope != g.Scope || until != g.NotAfter.Unix() || caveats != g.Caveats || !slices.Equal(exhibits, g.Exhibits) || !slices.Equal(subjects, g.Subjects):
		return basis{}, forged(g, errors.New("its row says other terms than its statement"))
	}
	return basis{*made.Agreement, b.Category}, nil
}

// granted verifies that the state whose case it is signed a grant to another, which a
// row says: what that state's officers are shown for having been granted it hangs
// by more than rows. Terms that were narrowed since are no matter here. While the
// state's manifest is not valid the error is UNAVAILABLE.
func (x *Exchange) granted(g storage.Granted) error {
	if _, err := x.dir.State(g.State); err != nil {
		return comity.Unavailable("the manifest of "+string(g.State), err)
	}
	made, err := x.statements.get(x.dir, g.Statement)
	if err != nil {
		return fmt.Errorf("%w: grant %s: %w", errForged, g.ID, err)
	}
	var b statement.GrantBody
	if err := made.Decode(&b); err != nil {
		return fmt.Errorf("%w: grant %s: %w", errForged, g.ID, err)
	}
	if made.Kind != statement.KindGrant || made.ID != g.ID || made.Record != g.Case || made.State != g.State || b.Grantee.State != g.To {
		return fmt.Errorf("%w: grant %s: its statement is another grant's", errForged, g.ID)
	}
	return nil
}

// under reports whether a grant's row names the standing grant that its statement
// rests on: a grant's id follows from that, as was verified.
func under(g comity.Grant, made statement.Statement) bool {
	if made.Under == nil || g.Standing == "" {
		return made.Under == nil && g.Standing == ""
	}
	return g.ID == statement.GrantIDUnder(g.Standing, g.Release, g.Grantee)
}

// basis is what a grant rests on, and the category that was signed under it.
type basis struct {
	statement.AgreementRef
	category comity.Category
}

// kept is how a grant's row names its basis: the text of an agreement by its
// hash, with its ratification where a denunciation ends grants; of an undertaking, which is for one case, that it is one and for which
// category.
func kept(a statement.AgreementRef, c comity.Category) string {
	if comity.ID(a.ID).Kind() == comity.KindUndertaking {
		return undertaken(c)
	}
	if a.Ratified == 0 {
		return a.Hash
	}
	return fmt.Sprintf("%s %d", a.Hash, a.Ratified)
}

func undertaken(c comity.Category) string { return string(comity.KindUndertaking) + " " + string(c) }

// second is the liaison who approved a grant, "" where one made it.
func second(made statement.Statement) comity.OfficerRef {
	if made.Second == nil {
		return ""
	}
	return made.Second.Officer.Ref
}

// confirmedUntil is when a grant that was made in danger to life ends by what
// was signed: when it lapses, or at the end that another liaison confirmed.
func (x *Exchange) confirmedUntil(g comity.Grant, made statement.Statement) (int64, error) {
	if g.Confirmation == "" {
		return made.IssuedAt + int64(comity.EmergencyAge/time.Second), nil
	}
	s, err := x.statements.get(x.dir, g.Confirmation)
	if err != nil {
		return 0, forged(g, err)
	}
	var b statement.ConfirmBody
	if err := s.Decode(&b); err != nil {
		return 0, forged(g, err)
	}
	if s.Kind != statement.KindConfirmation || s.ID != g.ID || s.State != g.State || s.Officer.Ref == made.Officer.Ref || s.Officer.JKT == made.Officer.JKT {
		return 0, forged(g, errors.New("its confirmation is another grant's, or by who made it"))
	}
	return b.NotAfter, nil
}

// errForged is met when a grant's row and its statements differ: somebody
// wrote to the database past the gate.
var errForged = errors.New("exchange: a grant does not agree with its statement")

func forged(g comity.Grant, err error) error {
	return fmt.Errorf("%w: grant %s: %w", errForged, g.ID, err)
}

// inForce reports whether the agreement that a grant rests on still binds both
// states for the category, with the text that it had when the grant was made; when a
// denunciation takes effect, what the text says becomes of the grant (Article 7). An
// undertaking ends no sooner than the grants that rest on it. A case that is in
// another category than was signed for is open by none: no case is relabelled while
// it is granted, and the reservation of a category ends grants by what was signed.
func (x *Exchange) inForce(g comity.Grant, basis basis, c comity.Category, at time.Time) bool {
	if basis.category != c {
		return false
	}
	if comity.ID(basis.ID).Kind() == comity.KindUndertaking {
		return true
	}
	a, err := x.dir.Standing(g.State, g.Grantee.State, basis.ID, c, at)
	return err == nil && a.Ref() == basis.AgreementRef
}

// bases are the agreements under which states may have granted to the grantee
// what is open now, as [inForce] judges it, for the filters of lists.
func (x *Exchange) bases(grantee comity.State, at time.Time) (all []string) {
	for _, s := range x.dir.States() {
		m, err := x.dir.State(s)
		if err != nil || s == grantee {
			continue
		}
		for _, c := range sovereignty.Categories() {
			all = append(all, storage.Basis(s, undertaken(c.Code), c.Code))
		}
		for _, a := range m.Agreements {
			if in, err := x.dir.Standing(s, grantee, a.ID, a.Categories[0], at); err == nil {
				for _, c := range in.Categories {
					all = append(all, storage.Basis(s, kept(in.Ref(), c), c))
				}
			}
		}
	}
	return all
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
	until   time.Time
	edition uint64 // of the manifests that it was verified by: a key that left its state's verifies nothing any more
}

func (s *statements) get(d *statement.Directory, jws string) (statement.Statement, error) {
	s.mu.Lock()
	known, ok := s.cache[jws]
	s.mu.Unlock()
	now, edition := time.Now(), d.Edition() // before it is verified: one that is taken meanwhile counts the next time
	if ok && now.Before(known.until) && known.edition == edition {
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
	s.cache[jws] = keptStatement{verified, now.Add(keyAge), edition}
	return verified, nil
}

// registers remembers for keyAge, like record keys, what the states' registers
// said of grants. The server through which a grant is narrowed or ended forgets
// at once; at others the database ends it, and where that was lost, their memory
// for so long does not know.
type registers struct {
	mu     sync.Mutex
	grants map[comity.ID]keptLimits
}

type keptLimits struct {
	custodian.Limits
	until time.Time
}

// forget asks all registers anew.
func (r *registers) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.grants = nil
}

func (x *Exchange) rememberedLimits(grant comity.ID) (custodian.Limits, bool) {
	x.registers.mu.Lock()
	defer x.registers.mu.Unlock()
	kept, ok := x.registers.grants[grant]
	if !ok || !x.keys.now().Before(kept.until) {
		return custodian.Limits{}, false
	}
	return kept.Limits, true
}

// askRegister asks the originator's custodian what a grant leaves open.
func (x *Exchange) askRegister(ctx context.Context, g comity.Grant) (custodian.Limits, error) {
	now := x.keys.now()
	c, err := x.custodian(g.State)
	if err != nil {
		return custodian.Limits{}, err
	}
	open, err := c.Standing(ctx, g.Case, g.ID, g.Grantee.State)
	if err != nil {
		return custodian.Limits{}, err
	}
	x.registers.mu.Lock()
	defer x.registers.mu.Unlock()
	if x.registers.grants == nil || len(x.registers.grants) >= maxKeys {
		x.registers.grants = map[comity.ID]keptLimits{}
	}
	x.registers.grants[g.ID] = keptLimits{open, now.Add(keyAge)}
	return open, nil
}

// limits is the register's word on a grant, false while it is to be asked.
func (r *Reader) limits(g comity.Grant) (answer[custodian.Limits], bool) {
	return find(r.answers, r.answers.limits, g.ID, g.State, r.x.rememberedLimits,
		func(ctx context.Context, _ comity.ID) (custodian.Limits, error) { return r.x.askRegister(ctx, g) })
}

// lessened reports whether a register left less of a grant than there was.
func lessened(g, met comity.Grant) bool {
	return met.Scope != g.Scope || len(met.Exhibits) != len(g.Exhibits) || len(met.Subjects) != len(g.Subjects) ||
		met.NotAfter.Before(g.NotAfter) || met.Caveats != g.Caveats
}

// meet leaves of a grant what the register leaves open too.
func meet(g comity.Grant, open custodian.Limits) comity.Grant {
	if !covers(open.Scope, g.Scope) {
		g.Scope = open.Scope
	}
	g.Exhibits, g.Subjects = both(g.Exhibits, open.Exhibits), both(g.Subjects, open.Subjects)
	if until := time.Unix(open.NotAfter, 0).UTC(); until.Before(g.NotAfter) {
		g.NotAfter = until
	}
	g.Caveats.Marking = g.Caveats.Marking.Meet(open.Marking)
	return g
}

// both are the ids that two lists name, in the order of the first.
func both(a, b []comity.ID) []comity.ID {
	return slices.DeleteFunc(slices.Clone(a), func(id comity.ID) bool { return !slices.Contains(b, id) })
}
