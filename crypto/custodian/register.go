package custodian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
	"github.com/comity-platform/comity/crypto/statement"
)

// The register has an entry per case, one per grant, one per category that was
// ever reserved, one per contribution to a joint team and per standing grant (see
// [teamEntry]), one per undertaking that was answered (see [undertakingEntry]), one
// per exhibit (see [evidenceEntry]) and one per state (see [manifestEntry]). Of the first three, terms are met with terms, marks stay, and
// of turns the greatest counts. So statements may be applied in any order and any
// number of times. The one exception is the confirmation of a grant made in danger
// to life, which comes after the grant and within its time or not at all.

// caseEntry is the register's word on a case.
type caseEntry struct {
	reservations
	Holds     map[comity.ID]hold    `json:"holds,omitempty"`
	Pending   map[comity.ID]pending `json:"pending,omitempty"`   // withdrawals
	Cancelled map[comity.ID]*mark   `json:"cancelled,omitempty"` // withdrawals
	Withdrawn *mark                 `json:"withdrawn,omitempty"`
	Assessed  *assessed             `json:"assessed,omitempty"` // by the last assessment
	Danger    []danger              `json:"danger,omitempty"`   // granted in danger to life, and not confirmed
}

// mark says by which statement, and when, something ended.
type mark struct {
	Statement string `json:"statement"` // hex SHA-256 of the JWS
	At        int64  `json:"at"`        // Unix seconds, when applied
}

// grantEntry is the register's word on a grant. Limits and Ended may come
// before Grant.
type grantEntry struct {
	Case   comity.ID   `json:"case"`
	Grant  *grantTerms `json:"grant,omitempty"`
	Limits *limits     `json:"limits,omitempty"`
	Ended  *mark       `json:"ended,omitempty"`
	// Confirmed lets a grant made in danger to life run on.
	Confirmed *confirmed `json:"confirmed,omitempty"`
}

type confirmed struct {
	mark
	NotAfter int64 `json:"notAfter"`
}

type grantTerms struct {
	mark
	Grantee   comity.Grantee         `json:"grantee"`
	Purpose   comity.Purpose         `json:"purpose"`
	Agreement statement.AgreementRef `json:"agreement"`
	Category  comity.Category        `json:"category"`
	NotBefore int64                  `json:"notBefore"`
	Turns     statement.Turns        `json:"turns,omitzero"` // when it was signed
	By        signer                 `json:"by"`             // who made it
	// Lapses is when a grant made in danger to life ends unless it is confirmed,
	// Unix seconds; 0 for any other.
	Lapses int64 `json:"lapses,omitempty"`
	// Under are the standing grant and the contribution with which it ends.
	Under []comity.ID `json:"under,omitempty"`
	// Seconded: a second liaison signed it, as what takes two demands.
	Seconded bool `json:"seconded,omitempty"`
	limits
}

// signer is an officer by name and by session key.
type signer struct {
	Ref comity.OfficerRef `json:"ref"`
	JKT string            `json:"jkt"`
}

// limits are the terms that a narrowing narrows.
type limits struct {
	Scope    comity.Scope   `json:"scope"`
	Exhibits []comity.ID    `json:"exhibits,omitempty"`
	Subjects []comity.ID    `json:"subjects,omitempty"`
	Marking  comity.Marking `json:"marking"`
	NotAfter int64          `json:"notAfter"`
}

func granted(b statement.GrantBody) limits {
	return limits{b.Scope, b.Exhibits, b.Subjects, b.Caveats.Marking, b.NotAfter}
}

func narrowed(b statement.NarrowBody) limits {
	return limits{b.Scope, b.Exhibits, b.Subjects, b.Caveats.Marking, b.NotAfter}
}

// meet gives what both limits leave open.
func (a limits) meet(b limits) limits {
	m := limits{Scope: a.Scope, Marking: a.Marking.Meet(b.Marking), NotAfter: min(a.NotAfter, b.NotAfter)}
	if b.Scope.Rank() < a.Scope.Rank() {
		m.Scope = b.Scope
	}
	m.Exhibits, m.Subjects = both(a.Exhibits, b.Exhibits), both(a.Subjects, b.Subjects)
	return m
}

// both are the ids that two lists name, in the order of the first.
func both(a, b []comity.ID) (all []comity.ID) {
	for _, id := range a {
		if slices.Contains(b, id) {
			all = append(all, id)
		}
	}
	return all
}

// within reports whether a opens nothing that b does not.
func (a limits) within(b limits) bool {
	return len(both(a.Exhibits, b.Exhibits)) == len(a.Exhibits) && len(both(a.Subjects, b.Subjects)) == len(a.Subjects) &&
		a.Scope.Rank() <= b.Scope.Rank() && a.NotAfter <= b.NotAfter && a.Marking.AsStrict(b.Marking)
}

// terms are what the grant still opens, false before it is in the register.
func (e grantEntry) terms() (limits, bool) {
	if e.Grant == nil {
		return limits{}, false
	}
	return *e.standing(), true
}

// standing is the most that the register lets the grant open, now or once it
// is there; nil when nothing limits it yet.
func (e grantEntry) standing() *limits {
	if e.Grant == nil {
		return e.Limits
	}
	open := e.Grant.limits
	switch {
	case e.Confirmed != nil:
		open.NotAfter = min(open.NotAfter, e.Confirmed.NotAfter)
	case e.Grant.Lapses != 0:
		open.NotAfter = min(open.NotAfter, e.Grant.Lapses)
	}
	if e.Limits != nil {
		open = open.meet(*e.Limits)
	}
	return &open
}

// told is what others are told of limits.
func (a limits) told() Limits {
	return Limits(a)
}

func caseKey(id comity.ID) string  { return "case/" + string(id) }
func grantKey(id comity.ID) string { return "grant/" + string(id) }

// read decodes an entry; an absent one leaves it at its zero value. An entry
// that does not decode is an error: taken for absent it would open what ended.
func read[T any](ctx context.Context, l *Local, key string) (entry T, version int64, err error) {
	raw, version, err := l.keys.RegisterGet(ctx, key)
	if errors.Is(err, ErrAbsent) {
		return entry, 0, nil
	}
	if err != nil {
		return entry, 0, l.fault(err)
	}
	if err := jws.Decode(raw, &entry); err != nil {
		return entry, 0, l.away(fmt.Errorf("register entry %s is damaged: %w", key, err))
	}
	return entry, version, nil
}

// tries is how often a change is tried against others of the same entry.
const tries = 20

// change reads an entry, lets apply change it, and writes it back unless apply
// says that nothing changed; it begins anew when somebody else was faster.
func change[T any](ctx context.Context, l *Local, key string, apply func(*T) (bool, error)) error {
	for i := range tries {
		entry, version, err := read[T](ctx, l, key)
		if err != nil {
			return err
		}
		if changed, err := apply(&entry); err != nil || !changed {
			return err
		}
		raw, err := json.Marshal(entry)
		if err != nil {
			return fmt.Errorf("custodian: register entry %s: %w", key, err)
		}
		if err = l.keys.RegisterPut(ctx, key, raw, version); !errors.Is(err, ErrCAS) {
			return l.fault(err)
		}
		select {
		case <-ctx.Done():
			return l.away(ctx.Err())
		case <-time.After(time.Duration(i) * 5 * time.Millisecond):
		}
	}
	return l.fault(ErrCAS)
}

// Apply implements [Custodian].
func (l *Local) Apply(ctx context.Context, compact string) error {
	s, err := l.own(compact)
	if err != nil {
		return err
	}
	if err := l.newest(ctx, l.state); err != nil {
		return err
	}
	return l.enter(ctx, s, compact)
}

// enter takes a verified statement of the own state into the register.
func (l *Local) enter(ctx context.Context, s statement.Statement, compact string) error {
	m := mark{Statement: statement.ActHash(compact), At: l.now().Unix()}
	switch s.Kind {
	case statement.KindGrant:
		return l.applyGrant(ctx, s, m)
	case statement.KindNarrowing:
		var b statement.NarrowBody
		if err := s.Decode(&b); err != nil {
			return comity.Invalid("statement", err.Error())
		}
		return l.changeGrant(ctx, s, func(e *grantEntry) bool {
			next := narrowed(b)
			if e.Limits != nil {
				if e.Limits.within(next) {
					return false
				}
				next = e.Limits.meet(next)
			}
			e.Limits = &next
			return true
		})
	case statement.KindRevocation:
		return l.changeGrant(ctx, s, func(e *grantEntry) bool {
			was := e.Ended
			if was == nil {
				e.Ended = &m
			}
			return was == nil
		})
	case statement.KindReservation, statement.KindLifting, statement.KindCategoryReservation, statement.KindCategoryLifting:
		return l.enterReservation(ctx, s, m)
	case statement.KindHold, statement.KindHoldRelease, statement.KindCancellation:
		return l.enterHold(ctx, s, m)
	case statement.KindAssessment:
		return l.enterAssessment(ctx, s, m)
	case statement.KindConfirmation:
		return l.applyConfirmation(ctx, s, m)
	case statement.KindUndertakingAnswer:
		return l.applyAcceptance(ctx, s, m)
	case statement.KindContribution, statement.KindContributionEnd, statement.KindStanding, statement.KindStandingEnd:
		return l.enterTeam(ctx, s, m)
	}
	return comity.Invalid("statement", fmt.Sprintf("%s does not belong in the register", s.Kind.Indefinite()))
}

// own verifies a statement by the own state's statement key.
func (l *Local) own(compact string) (statement.Statement, error) {
	s, err := l.directory.VerifyStatement(compact)
	if err != nil {
		if comity.CodeOf(err) == comity.CodeUnavailable { // an expired manifest
			return s, err
		}
		return s, comity.Invalid("statement", "this is not a statement of a state of the union").Because(err)
	}
	if s.State != l.state {
		return s, comity.Invalid("statement", fmt.Sprintf("this is a statement of %s, not of %s", s.State, l.state))
	}
	return s, nil
}

// changeGrant changes a grant's entry, which may be there before the grant is.
func (l *Local) changeGrant(ctx context.Context, s statement.Statement, apply func(*grantEntry) bool) error {
	return change(ctx, l, grantKey(s.ID), func(e *grantEntry) (bool, error) {
		if err := e.of(s); err != nil {
			return false, err
		}
		return apply(e), nil
	})
}

// of sets or compares the grant's case.
func (e *grantEntry) of(s statement.Statement) error {
	if e.Case != "" && e.Case != s.Record {
		return comity.Invalid("statement", "the grant is of another case")
	}
	e.Case = s.Record
	return nil
}

// GrantAge is how long after its signing a grant may enter the register. Who
// keeps one back to put it there when everybody has forgotten it comes too late.
const GrantAge = 24 * time.Hour

func (l *Local) applyGrant(ctx context.Context, s statement.Statement, m mark) error {
	var b statement.GrantBody
	if err := s.Decode(&b); err != nil {
		return comity.Invalid("statement", err.Error())
	}
	c, of, err := l.turns(ctx, s.Record, b.Category)
	if err != nil {
		return err
	}
	terms := grantTerms{mark: m, Grantee: b.Grantee, Purpose: b.Purpose, Agreement: *s.Agreement,
		Category: b.Category, NotBefore: b.NotBefore, By: signer{s.Officer.Ref, s.Officer.JKT}, Seconded: s.Second != nil, limits: granted(b)}
	if b.Emergency != "" {
		terms.Lapses = s.IssuedAt + int64(comity.EmergencyAge/time.Second)
	}
	if terms.Under, err = l.under(s, b); err != nil {
		return err
	}
	gone, err := l.over(ctx, grantEntry{Grant: &terms})
	if err != nil {
		return err
	}
	if s.Turns != nil {
		terms.Turns = *s.Turns
	}
	late := terms.over(c, of)
	tooOld := func() error {
		if l.now().Sub(time.Unix(s.IssuedAt, 0)) > GrantAge {
			return comity.Denied(comity.ArticleTerm, "the grant was signed more than a day ago and was never in force", "the liaison grants anew")
		}
		return nil
	}
	if terms.Lapses != 0 { // first: what is in force without its trace could be renewed
		e, _, err := read[grantEntry](ctx, l, grantKey(s.ID))
		if err == nil && e.Grant == nil {
			if err = tooOld(); err == nil {
				err = l.trace(ctx, s.Record, danger{s.ID, b.Grantee.State, terms.By, terms.Lapses})
			}
		}
		if err != nil {
			return err
		}
	}
	return change(ctx, l, grantKey(s.ID), func(e *grantEntry) (bool, error) {
		if err := e.of(s); err != nil {
			return false, err
		}
		if e.Grant != nil {
			// What follows from the same two statements is the same grant, whenever it was signed.
			if e.Grant.Statement != m.Statement && (terms.Under == nil || !slices.Equal(e.Grant.Under, terms.Under)) {
				return false, comity.Conflict("the register has another grant under this id")
			}
			return false, nil
		}
		if err := tooOld(); err != nil {
			return false, err
		}
		if gone { // what it rests on ended before it was ever in force
			return false, ended()
		}
		// Terms are kept even of a grant that has ended, so that its grantee is
		// told so in whichever order things came.
		e.Grant = &terms
		if late && e.Ended == nil {
			e.Ended = &m // it must not come to life when the reservation is lifted
		}
		return true, nil
	})
}

func ended() error {
	return comity.Denied(comity.ArticleTerm, "the grant has ended", "the originator's liaison grants anew")
}
