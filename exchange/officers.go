package exchange

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// seenAge is how often an officer who stays the same is kept anew.
const seenAge = 24 * time.Hour

// maxSeen bounds the officers remembered as kept, who are then kept anew.
const maxSeen = 4096

// maxOfficers bounds the officers that are listed at once.
const maxOfficers = 1000

// sightings remembers who was kept lately, so that a request costs no write.
type sightings struct {
	mu   sync.Mutex
	kept map[comity.OfficerRef]storage.SeenOfficer
}

// Seen keeps that an officer was here, as the verified token says: at the first
// time, when the token says otherwise than before, and once a day. Own officers
// are assigned and mandated by references that were seen. A database that is
// away is logged and holds nobody up.
func (x *Exchange) Seen(ctx context.Context, who Caller) {
	o := who.Officer
	is := storage.SeenOfficer{Ref: o.Ref(), State: o.State, Agency: o.Agency, Role: o.Role, Function: o.Function, SeenAt: x.keys.now().UTC()}
	x.sightings.mu.Lock()
	was, ok := x.sightings.kept[is.Ref]
	x.sightings.mu.Unlock()
	if age := is.SeenAt.Sub(was.SeenAt); ok && was.Agency == is.Agency && was.Role == is.Role && was.Function == is.Function && age < seenAge {
		return
	}
	err := x.db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
		is.SeenAt = tx.Now().UTC()
		return tx.SeeOfficer(is)
	})
	if err != nil {
		x.log.Warn("an officer was seen and cannot be kept just now", "officer", is.Ref, "request", who.RequestID, "error", err)
		return
	}
	x.sightings.mu.Lock()
	defer x.sightings.mu.Unlock()
	if x.sightings.kept == nil || len(x.sightings.kept) >= maxSeen {
		x.sightings.kept = map[comity.OfficerRef]storage.SeenOfficer{}
	}
	is.SeenAt = x.keys.now().UTC()
	x.sightings.kept[is.Ref] = is
}

// ownOfficer takes a reference to an officer of the own state who was seen here,
// in one of the roles given.
func ownOfficer(tx storage.ReadTx, field string, ref comity.OfficerRef, roles ...comity.Role) error {
	found, err := tx.OfficersSeen([]comity.OfficerRef{ref})
	if err != nil {
		return err
	}
	o, ok := found[ref]
	switch {
	case !ok:
		return comity.Invalid(field, fmt.Sprintf("no officer %s of the own state was seen here; an officer is known from the first login on", ref)).
			CuredBy("check the reference, or have the officer log in once")
	case !slices.Contains(roles, o.Role):
		return comity.Invalid(field, fmt.Sprintf("%s is of the role %s, which this is not for", ref, o.Role)).
			CuredBy("name an officer of the role " + string(roles[0]))
	}
	return nil
}

// member takes a state of the union, the own one too.
func (x *Exchange) member(field string, s comity.State) error {
	if !slices.Contains(x.dir.States(), s) {
		return comity.Invalid(field, fmt.Sprintf("%.20q is not a state of the union", s))
	}
	return nil
}

// grantee takes a state of the union, an agency of its manifest, and, of an
// officer, the form and the state: only that state resolves its officers, so
// that whether there is one is not to be told here.
func (x *Exchange) grantee(g comity.Grantee) error {
	if err := g.Check(); err != nil {
		return err
	}
	if err := x.member("state", g.State); err != nil {
		return err
	}
	m, err := x.dir.State(g.State)
	if err != nil {
		return err
	}
	known := func(a comity.AgencyID) bool {
		return slices.ContainsFunc(m.Agencies, func(b statement.Agency) bool { return b.ID == a })
	}
	if g.Agency != "" && !known(g.Agency) {
		return comity.Invalid("agency", fmt.Sprintf("the manifest of %s names no agency %s", g.State, g.Agency)).
			CuredBy("name one of its agencies; see the query `states`")
	}
	return nil
}

// Officers lists officers of the reader's own state who were seen here, by
// reference, at most 1,000: to whom a case can be assigned or a mandate given.
// Auditors, who do neither, are denied.
func (r *Reader) Officers() ([]comity.Officer, error) {
	if err := r.office(sovereignty.OfficerRead, "officers", ""); err != nil {
		return nil, err
	}
	r.lists = true
	seen, err := r.tx.Officers(r.who.Officer.State, maxOfficers)
	if err != nil {
		return nil, err
	}
	all := make([]comity.Officer, len(seen))
	for i, o := range seen {
		all[i] = comity.Officer{State: o.State, Agency: o.Agency, Role: o.Role, Function: o.Function, Pseudonym: o.Ref.Pseudonym()}
	}
	return all, nil
}
