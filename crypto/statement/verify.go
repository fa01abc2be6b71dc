package statement

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/internal/jws"
)

// kind is what a kind of statement is made of: the act that it rests on, the
// role whose act it is ("" any), the kinds of its ID and Record, and which of
// the two the act is about.
type kind struct {
	act        string
	role       comity.Role
	id, record comity.Kind
	actOn      func(Statement) comity.ID
	body       func() any
}

var kinds = map[Kind]kind{
	KindGrant: {ActGrantMake, comity.RoleLiaison, comity.KindGrant, comity.KindCase,
		Statement.onRecord, func() any { return &GrantBody{} }},
	KindNarrowing: {ActGrantNarrow, comity.RoleLiaison, comity.KindGrant, comity.KindCase,
		Statement.onID, func() any { return &NarrowBody{} }},
	KindRevocation: {ActGrantRevoke, comity.RoleLiaison, comity.KindGrant, comity.KindCase,
		Statement.onID, func() any { return &RevokeBody{} }},
	KindConfirmation: {ActGrantConfirm, comity.RoleLiaison, comity.KindGrant, comity.KindCase,
		Statement.onID, func() any { return &ConfirmBody{} }},
	KindAssessment: {ActCaseAssess, "", comity.KindAssessment, comity.KindCase,
		Statement.onRecord, func() any { return &AssessBody{} }},
	KindObjection: {ActGrantObject, comity.RoleLiaison, comity.KindObjection, comity.KindGrant,
		Statement.onRecord, func() any { return &ObjectBody{} }},
	KindReservation: {ActCaseReserve, comity.RoleAuthority, comity.KindCase, comity.KindCase,
		Statement.onRecord, func() any { return &ReserveBody{} }},
	KindRefusal: {ActRequestRefuse, comity.RoleLiaison, comity.KindRefusal, comity.KindRequest,
		Statement.onRecord, func() any { return &RefuseBody{} }},
	KindReceipt: {ActEvidenceComplete, "", comity.KindEvidence, comity.KindCase,
		Statement.onID, func() any { return &CompleteBody{} }},

	KindLifting: {ActCaseReserveLift, comity.RoleAuthority, comity.KindCase, comity.KindCase,
		Statement.onRecord, func() any { return &LiftBody{} }},
	KindCategoryReservation: {ActCategoryReserve, comity.RoleAuthority, comity.KindReservation, comity.KindReservation,
		Statement.onRecord, func() any { return &CategoryBody{} }},
	KindCategoryLifting: {ActCategoryReserveLift, comity.RoleAuthority, comity.KindReservation, comity.KindReservation,
		Statement.onRecord, func() any { return &CategoryBody{} }},
	KindHold: {ActHoldPlace, "", comity.KindHold, comity.KindCase,
		Statement.onRecord, func() any { return &HoldBody{} }},
	KindHoldRelease: {ActHoldRelease, comity.RoleAuthority, comity.KindHold, comity.KindCase,
		Statement.onID, func() any { return &HoldReleaseBody{} }},
	KindWithdrawal: {ActCaseWithdraw, comity.RoleAuthority, comity.KindWithdrawal, comity.KindCase,
		Statement.onRecord, func() any { return &WithdrawBody{} }},
	KindCancellation: {ActCaseWithdrawCancel, comity.RoleAuthority, comity.KindWithdrawal, comity.KindCase,
		Statement.onID, func() any { return &WithdrawCancelBody{} }},

	KindAnnotation: {ActAnnotationAdd, "", comity.KindAnnotation, comity.KindCase,
		Statement.onRecord, func() any { return &AnnotationBody{} }},
	KindAnnotationAnswer: {ActAnnotationAnswer, "", comity.KindAnnotation, comity.KindAnnotation,
		Statement.onID, func() any { return &AnswerBody{} }},
	KindReferral: {ActReferralOffer, comity.RoleLiaison, comity.KindReferral, comity.KindReferral,
		Statement.onID, func() any { return &ReferralBody{} }},
	KindReferralAnswer: {ActReferralAnswer, comity.RoleLiaison, comity.KindReferral, comity.KindReferral,
		Statement.onID, func() any { return &AnswerBody{} }},
	KindNotice: {ActNoticeSend, comity.RoleLiaison, comity.KindNotice, comity.KindCase,
		Statement.onRecord, func() any { return &NoticeBody{} }},
	KindNoticeAnswer: {ActNoticeAnswer, comity.RoleLiaison, comity.KindNotice, comity.KindNotice,
		Statement.onID, func() any { return &AnswerBody{} }},
	KindCompelled: {ActDisclosureNotify, "", comity.KindCompelled, comity.KindCase,
		Statement.onRecord, func() any { return &CompelledBody{} }},
	KindCompelledAnswer: {ActDisclosureObject, "", comity.KindCompelled, comity.KindCompelled,
		Statement.onID, func() any { return &AnswerBody{} }},

	KindShift: {ActDutySet, comity.RoleAuthority, comity.KindShift, comity.KindShift,
		Statement.onID, func() any { return &DutyBody{} }},
	KindUndertaking: {ActUndertakingGive, comity.RoleAuthority, comity.KindUndertaking, comity.KindUndertaking,
		Statement.onID, func() any { return &UndertakingBody{} }},
	KindUndertakingAnswer: {ActUndertakingAnswer, comity.RoleAuthority, comity.KindUndertaking, comity.KindUndertaking,
		Statement.onID, func() any { return &AnswerBody{} }},

	KindContribution: {ActCaseContribute, "", comity.KindRelease, comity.KindCase,
		Statement.onRecord, func() any { return &ContributionBody{} }},
	KindContributionEnd: {ActContributionWithdraw, "", comity.KindRelease, comity.KindCase,
		Statement.onID, func() any { return &ContributionEndBody{} }},
	KindStanding: {ActStandingMake, comity.RoleLiaison, comity.KindStanding, comity.KindStanding,
		Statement.onID, func() any { return &StandingBody{} }},
	KindStandingEnd: {ActStandingEnd, comity.RoleLiaison, comity.KindStanding, comity.KindStanding,
		Statement.onID, func() any { return &StandingEndBody{} }},

	KindErasure: {ActLogErase, comity.RoleAuthority, comity.KindErasure, comity.KindErasure,
		Statement.onID, func() any { return &EraseBody{} }},
}

// once are the kinds whose ID and Record are one.
var once = map[Kind]bool{KindReservation: true, KindLifting: true, KindCategoryReservation: true, KindCategoryLifting: true,
	KindAnnotationAnswer: true, KindReferral: true, KindReferralAnswer: true, KindNoticeAnswer: true, KindCompelledAnswer: true,
	KindShift: true, KindUndertaking: true, KindUndertakingAnswer: true, KindStanding: true, KindStandingEnd: true,
	KindErasure: true}

// paired are the kinds that are nothing without a second officer.
var paired = map[Kind]bool{KindLifting: true, KindCategoryLifting: true, KindWithdrawal: true, KindErasure: true}

func (s Statement) onID() comity.ID     { return s.ID }
func (s Statement) onRecord() comity.ID { return s.Record }

// parse reads one of our own JWS that names its key by kid.
func parse(compact, typ string, limit int) (*jws.Message, error) {
	return jws.Parse(compact, jws.Rule{Limit: limit, Types: []string{typ}, Algorithms: algorithms,
		Headers: []string{"alg", "typ", "kid"}})
}

// verified reads what a state's statement key signed into to, after the
// signature. The state that the payload claims only picks the manifest.
func (d *Directory) verified(compact, typ string, to any) error {
	message, err := parse(compact, typ, maxOther)
	if err != nil {
		return err
	}
	var claim struct {
		State comity.State `json:"state"`
	}
	if err := message.Peek(&claim); err != nil {
		return err
	}
	m, err := d.State(claim.State)
	if err != nil {
		return err
	}
	key, err := m.StatementKey(message.KeyID)
	if err != nil {
		return err
	}
	payload, err := message.Verify(key)
	if err != nil {
		return err
	}
	return jws.Decode(payload, to)
}

// VerifyStatement verifies a state's statement by the statement key of its
// manifest, with everything that it rests on: the officer's embedded act, that
// the act is of the statement's kind, union, record and body, and by the
// officer named. That the officer held the session key then is the state's word.
func (d *Directory) VerifyStatement(compact string) (Statement, error) {
	var s Statement
	if err := d.verified(compact, TypStatement, &s); err != nil {
		return Statement{}, fmt.Errorf("statement: not a valid statement of a state: %w", err)
	}
	err := d.checkUnder(s)
	if s.Under == nil {
		err = s.check(d.union)
	}
	if err != nil {
		return Statement{}, fmt.Errorf("statement: the statement of %s is not valid: %w", s.State, err)
	}
	return s, nil
}

func (s Statement) check(union string) error {
	says := s.Kind
	if s.Kind == KindProposal {
		says = s.Of
	}
	k, ok := kinds[says]
	switch {
	case !ok:
		return fmt.Errorf("%.40q is no kind of statement", says)
	case s.Kind != KindProposal && s.Of != "":
		return errors.New("only a proposal says of what it is one")
	case s.Kind == KindProposal && s.Second != nil:
		return errors.New("a proposal has no second officer yet")
	}
	if _, err := comity.ParseID(string(s.ID), k.id); err != nil {
		return fmt.Errorf("its id: %w", err)
	}
	if _, err := comity.ParseID(string(s.Record), k.record); err != nil {
		return fmt.Errorf("its record: %w", err)
	}
	made, err := s.acted(s.Officer, s.Act, union, k)
	if err != nil {
		return err
	}
	last := made // whose freshness dates the statement
	if s.Second != nil {
		if last, err = s.acted(s.Second.Officer, s.Second.Act, union, k); err != nil {
			return fmt.Errorf("the second officer: %w", err)
		}
		switch {
		case s.Second.Officer.Ref == s.Officer.Ref || s.Second.Officer.JKT == s.Officer.JKT:
			return errors.New("both its officers are the same")
		case made.IssuedAt < last.IssuedAt-int64(ProposalAge.Seconds())-clockSlack:
			return errors.New("the second officer came after the proposal had lapsed")
		}
	}
	switch {
	case s.Union != union:
		return fmt.Errorf("it is not of the union %q", union)
	case once[says] && s.ID != s.Record:
		return fmt.Errorf("a %s names one record", says)
	case paired[s.Kind] && s.Second == nil:
		return fmt.Errorf("a %s takes two officers", s.Kind)
	case s.IssuedAt < last.IssuedAt-clockSlack || s.IssuedAt > last.IssuedAt+clockSlack:
		return errors.New("it was not made when the officer's act was fresh")
	case s.Agreement != nil && (s.Agreement.ID == "" || !isHash(s.Agreement.Hash)):
		return errors.New("its agreement is named without id or hash")
	}
	body := k.body()
	if err := s.Decode(body); err != nil {
		return err
	}
	named := s.Record
	switch b := body.(type) {
	case *GrantBody:
		return s.checkGrant(b)
	case *NarrowBody:
		named = b.Case
	case *RevokeBody:
		named = b.Case
	case *HoldReleaseBody:
		named = b.Case
	case *WithdrawCancelBody:
		named = b.Case
	case *AssessBody:
		return s.under(b.ID)
	case *ObjectBody:
		return s.under(b.ID)
	case *HoldBody:
		return s.under(b.ID)
	case *WithdrawBody:
		return s.under(b.ID)
	case *AnnotationBody:
		return s.under(b.ID)
	case *NoticeBody:
		return s.under(b.ID)
	case *CompelledBody:
		return s.under(b.ID)
	case *DutyBody:
		return s.under(b.ID)
	case *EraseBody:
		return s.under(b.ID)
	case *ConfirmBody:
		named = b.Case
	case *AnswerBody:
		return s.checkAnswer(b)
	case *ContributionBody:
		return s.under(b.ID)
	case *ContributionEndBody:
		named = b.Case
	}
	if named != s.Record {
		return errors.New("the officer signed it of another case")
	}
	return nil
}

// checkAnswer: what accepts an undertaking names the case that it is for, and
// nothing else does.
func (s Statement) checkAnswer(b *AnswerBody) error {
	if (b.Case != "") != (s.Kind == KindUndertakingAnswer && b.Answer == comity.DispatchAccepted) {
		return fmt.Errorf("a %s that is %.20q names a case, or none, against its kind", s.Kind, b.Answer)
	}
	if b.Case == "" {
		return nil
	}
	if _, err := comity.ParseID(string(b.Case), comity.KindCase); err != nil {
		return fmt.Errorf("its case: %w", err)
	}
	return nil
}

// clockSlack is how far statement and act may be apart, in seconds: one more
// than an act stays fresh, for the fractions that iat drops.
const clockSlack = int64(Freshness/time.Second) + 1

// acted verifies the act of one of the statement's officers.
func (s Statement) acted(o SignedBy, act, union string, k kind) (Act, error) {
	a, jkt, err := ReadActAnytime(act)
	if err != nil {
		return a, fmt.Errorf("its act: %w", err)
	}
	switch {
	case a.Union != union:
		return a, fmt.Errorf("it is not of the union %q", union)
	case a.Act != k.act:
		return a, fmt.Errorf("a %s rests on the act %s, not on %s", s.Kind, k.act, a.Act)
	case a.Record != k.actOn(s):
		return a, errors.New("the officer's act is about another record")
	case jkt != o.JKT:
		return a, errors.New("the act is signed with another key than the officer's")
	case o.Ref.State() != s.State || !o.Ref.Valid():
		return a, errors.New("the officer is not one of the state")
	case o.Agency.State() != s.State || !o.Agency.Valid():
		return a, errors.New("the officer's agency is not one of the state")
	case !o.Role.Valid() || k.role != "" && o.Role != k.role:
		return a, fmt.Errorf("a %s is not the act of a %.20s", s.Kind, o.Role)
	case a.Seconded != (a.Act == ActGrantMake && (s.Kind == KindProposal || s.Second != nil)):
		return a, errors.New("the officer signed it as one of two, or alone, and it says otherwise")
	case hash(s.Body) != a.BodyHash:
		return a, errors.New("its body is not the one that the officer signed")
	}
	return a, nil
}

// under checks the id that the officer's client chose.
func (s Statement) under(signed comity.ID) error {
	if signed != s.ID {
		return fmt.Errorf("the officer signed the %s under another id", s.Kind)
	}
	return nil
}

func (s Statement) checkGrant(g *GrantBody) error {
	if s.Agreement == nil || s.Agreement.ID != g.Agreement {
		return errors.New("a grant names its agreement by id and hash")
	}
	if g.ID != s.ID {
		return errors.New("the liaison made it under another id")
	}
	if g.NotAfter <= g.NotBefore {
		return errors.New("the grant ends before it begins")
	}
	if err := g.Grantee.Check(); err != nil {
		return fmt.Errorf("its grantee: %w", err)
	}
	return nil
}

// Decode reads the statement's body strictly into to, a pointer to the body of
// the statement's kind. A body that is not canonical JSON is refused: its hash
// would not be over what was read.
func (s Statement) Decode(to any) error {
	if canonical, err := Canonical(s.Body); err != nil || !bytes.Equal(canonical, s.Body) {
		return errors.New("its body is not canonical JSON")
	}
	if err := jws.Decode(s.Body, to); err != nil {
		return fmt.Errorf("its body: %w", err)
	}
	return nil
}
