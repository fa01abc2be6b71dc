package custodian

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// rule is what a kind of statement takes (see [SignOrder]).
type rule struct {
	act      string
	role     comity.Role // "" any
	article  comity.Article
	id       comity.Kind
	record   comity.Kind
	actsOnID bool // the act's record is the statement's ID, not its Record
	eyes     eyes
}

// ofOwnCase are the statements that mean something only of a case of the own
// state: they give it away, close it, weigh it or destroy it. What merely lessens a
// grant, or ends what this register has, is never refused for want of a key.
var ofOwnCase = []statement.Kind{statement.KindGrant, statement.KindConfirmation, statement.KindReservation, statement.KindLifting,
	statement.KindAssessment, statement.KindHold, statement.KindWithdrawal, statement.KindNotice, statement.KindContribution}

// eyes is how many officers do an act.
type eyes int

const (
	oneOfficer  eyes = iota
	oneOrTwo         // by the Articles either may do; the register says which it was
	twoOfficers      // never in force by one alone
)

var rules = map[statement.Kind]rule{
	statement.KindGrant:        {statement.ActGrantMake, comity.RoleLiaison, comity.ArticleLiaison, comity.KindGrant, comity.KindCase, false, oneOrTwo},
	statement.KindNarrowing:    {statement.ActGrantNarrow, comity.RoleLiaison, comity.ArticleLiaison, comity.KindGrant, comity.KindCase, true, oneOfficer},
	statement.KindRevocation:   {statement.ActGrantRevoke, comity.RoleLiaison, comity.ArticleLiaison, comity.KindGrant, comity.KindCase, true, oneOfficer},
	statement.KindConfirmation: {statement.ActGrantConfirm, comity.RoleLiaison, comity.ArticleLiaison, comity.KindGrant, comity.KindCase, true, oneOfficer},
	statement.KindReservation:  {statement.ActCaseReserve, comity.RoleAuthority, comity.ArticleDomesticReservation, comity.KindCase, comity.KindCase, true, oneOfficer},
	statement.KindRefusal:      {statement.ActRequestRefuse, comity.RoleLiaison, comity.ArticleLiaison, comity.KindRefusal, comity.KindRequest, false, oneOfficer},
	statement.KindReceipt:      {statement.ActEvidenceComplete, "", 0, comity.KindEvidence, comity.KindCase, true, oneOfficer},

	statement.KindAssessment: {statement.ActCaseAssess, "", comity.ArticleNeutrality, comity.KindAssessment, comity.KindCase, false, oneOfficer},
	statement.KindObjection:  {statement.ActGrantObject, comity.RoleLiaison, comity.ArticleNeutrality, comity.KindObjection, comity.KindGrant, false, oneOfficer},

	statement.KindLifting:             {statement.ActCaseReserveLift, comity.RoleAuthority, comity.ArticleDomesticReservation, comity.KindCase, comity.KindCase, true, twoOfficers},
	statement.KindCategoryReservation: {statement.ActCategoryReserve, comity.RoleAuthority, comity.ArticleDomesticReservation, comity.KindReservation, comity.KindReservation, true, oneOfficer},
	statement.KindCategoryLifting:     {statement.ActCategoryReserveLift, comity.RoleAuthority, comity.ArticleDomesticReservation, comity.KindReservation, comity.KindReservation, true, twoOfficers},
	statement.KindHold:                {statement.ActHoldPlace, "", comity.ArticleTerm, comity.KindHold, comity.KindCase, false, oneOfficer},
	statement.KindHoldRelease:         {statement.ActHoldRelease, comity.RoleAuthority, comity.ArticleTerm, comity.KindHold, comity.KindCase, true, oneOfficer},
	statement.KindWithdrawal:          {statement.ActCaseWithdraw, comity.RoleAuthority, comity.ArticleTerm, comity.KindWithdrawal, comity.KindCase, false, twoOfficers},
	statement.KindCancellation:        {statement.ActCaseWithdrawCancel, comity.RoleAuthority, comity.ArticleTerm, comity.KindWithdrawal, comity.KindCase, true, oneOfficer},

	statement.KindAnnotation:       {statement.ActAnnotationAdd, "", comity.ArticleNonInterference, comity.KindAnnotation, comity.KindCase, false, oneOfficer},
	statement.KindAnnotationAnswer: {statement.ActAnnotationAnswer, "", comity.ArticleNonInterference, comity.KindAnnotation, comity.KindAnnotation, true, oneOfficer},
	statement.KindReferral:         {statement.ActReferralOffer, comity.RoleLiaison, comity.ArticleTerritory, comity.KindReferral, comity.KindReferral, true, oneOfficer},
	statement.KindReferralAnswer:   {statement.ActReferralAnswer, comity.RoleLiaison, comity.ArticleTerritory, comity.KindReferral, comity.KindReferral, true, oneOfficer},
	statement.KindNotice:           {statement.ActNoticeSend, comity.RoleLiaison, comity.ArticleOriginatorControl, comity.KindNotice, comity.KindCase, false, oneOfficer},
	statement.KindNoticeAnswer:     {statement.ActNoticeAnswer, comity.RoleLiaison, comity.ArticleOriginatorControl, comity.KindNotice, comity.KindNotice, true, oneOfficer},
	statement.KindCompelled:        {statement.ActDisclosureNotify, "", comity.ArticleOriginatorControl, comity.KindCompelled, comity.KindCase, false, oneOfficer},
	statement.KindCompelledAnswer:  {statement.ActDisclosureObject, "", comity.ArticleOriginatorControl, comity.KindCompelled, comity.KindCompelled, true, oneOfficer},

	statement.KindShift:             {statement.ActDutySet, comity.RoleAuthority, comity.ArticleLiaison, comity.KindShift, comity.KindShift, true, oneOfficer},
	statement.KindUndertaking:       {statement.ActUndertakingGive, comity.RoleAuthority, comity.ArticleLegalBasis, comity.KindUndertaking, comity.KindUndertaking, true, oneOfficer},
	statement.KindUndertakingAnswer: {statement.ActUndertakingAnswer, comity.RoleAuthority, comity.ArticleLegalBasis, comity.KindUndertaking, comity.KindUndertaking, true, oneOfficer},

	statement.KindContribution:    {statement.ActCaseContribute, "", comity.ArticleLiaison, comity.KindRelease, comity.KindCase, false, oneOfficer},
	statement.KindContributionEnd: {statement.ActContributionWithdraw, "", comity.ArticleLiaison, comity.KindRelease, comity.KindCase, true, oneOfficer},
	statement.KindStanding:        {statement.ActStandingMake, comity.RoleLiaison, comity.ArticleLiaison, comity.KindStanding, comity.KindStanding, true, oneOfficer},
	statement.KindStandingEnd:     {statement.ActStandingEnd, comity.RoleLiaison, comity.ArticleLiaison, comity.KindStanding, comity.KindStanding, true, oneOfficer},

	statement.KindErasure: {statement.ActLogErase, comity.RoleAuthority, comity.ArticleAccountability, comity.KindErasure, comity.KindErasure, true, twoOfficers},
}

// Sign implements [Custodian].
func (l *Local) Sign(ctx context.Context, o SignOrder) (compact string, err error) {
	means := o // what is signed, or proposed
	if o.Kind == statement.KindProposal {
		means.Kind = o.Of
	}
	r, ok := rules[means.Kind]
	switch {
	case !ok:
		return "", comity.Invalid("kind", "there is no such kind of statement")
	case o.Kind != statement.KindProposal && o.Of != "", o.Kind == statement.KindProposal && o.Proposal != "":
		return "", comity.Invalid("kind", "a proposal says what it proposes, and is no approval of another")
	case r.eyes == oneOfficer && (o.Kind == statement.KindProposal || o.Proposal != ""):
		return "", comity.Invalid("kind", fmt.Sprintf("%s is the act of one officer", means.Kind.Indefinite()))
	case r.eyes == twoOfficers && o.Kind != statement.KindProposal && o.Proposal == "":
		return "", comity.Denied(r.article, fmt.Sprintf("%s takes two officers of %s", o.Kind.Indefinite(), l.state), "a second officer approves the proposal of the first")
	}
	if _, err := comity.ParseID(string(o.ID), r.id); err != nil {
		return "", err
	}
	if _, err := comity.ParseID(string(o.Record), r.record); err != nil {
		return "", err
	}
	on := o.Record
	if r.actsOnID {
		on = o.ID
	}
	paired := r.eyes == oneOrTwo && (o.Kind == statement.KindProposal || o.Proposal != "")
	who, err := l.hear(ctx, o.Asker, want{r.act, on, o.Body, paired})
	if err != nil {
		return "", err
	}
	defer func() { l.forgive(who, err) }()
	if err := l.ownOfficer(who); err != nil {
		return "", err
	}
	if o.Kind == statement.KindReceipt {
		if err := handlesEvidence(who); err != nil {
			return "", err
		}
	}
	if r.role != "" && who.Officer.Role != r.role {
		return "", comity.Denied(r.article, fmt.Sprintf("%s is the act of an officer in the role %s", means.Kind.Indefinite(), r.role),
			fmt.Sprintf("an officer of %s in that role does it", l.state))
	}
	s := statement.Statement{Kind: o.Kind, Of: o.Of, Union: l.directory.Union(), State: l.state, ID: o.ID, Record: o.Record,
		Officer: signedBy(who), Act: o.Act, Body: json.RawMessage(o.Body), IssuedAt: l.now().Unix()}
	var in *statement.Turns // when it was proposed
	if o.Proposal != "" {
		if in, err = l.approve(o, r, who, &s); err != nil {
			return "", err
		}
	}
	signer, err := l.signer(ctx)
	if err != nil {
		return "", err
	}
	for range tries {
		again := false
		if compact, again, err = l.conclude(ctx, signer, means, who, s, in); !again {
			return compact, err
		}
	}
	return "", l.fault(ErrCAS)
}

// conclude judges, signs and enters. It asks to be called again when others
// lifted meanwhile what a reservation had found in force. What was proposed in
// an earlier turn than it is approved in has been overtaken, by a reservation or by
// the cancelling of a withdrawal, that the first officer knew nothing of: one officer
// alone would decide on it.
func (l *Local) conclude(ctx context.Context, signer statement.Signer, means SignOrder, who asked, s statement.Statement, proposedIn *statement.Turns) (string, bool, error) {
	if err := l.judge(ctx, means, who, &s); err != nil {
		return "", false, err
	}
	if slices.Contains(ofOwnCase, means.Kind) {
		if err := l.ownCase(ctx, means.Record); err != nil {
			return "", false, err
		}
	}
	if s.Second != nil && turnsOf(s.Turns) != turnsOf(proposedIn) {
		return "", false, comity.Denied(rules[s.Kind].article, "it was proposed before the state decided otherwise, and does not reach beyond that",
			"an officer of the state proposes it anew")
	}
	compact, err := statement.Sign(ctx, signer, statement.TypStatement, s)
	if err != nil {
		return "", false, err
	}
	// Nothing leaves here that others could not verify.
	if s, err = l.directory.VerifyStatement(compact); err != nil {
		return "", false, fmt.Errorf("custodian: what was signed does not verify: %w", err)
	}
	// What is in force by its signing is so before anybody is told: a statement
	// that its bearer kept back would be worth nothing. And what an exhibit is, is
	// settled before anybody has it in writing. A grant and its confirmation wait for their leaf.
	switch s.Kind {
	case statement.KindReceipt:
		err = l.receive(ctx, s, compact)
	case statement.KindWithdrawal:
		err = l.enterWithdrawal(ctx, s, compact)
	case statement.KindObjection, statement.KindShift, statement.KindErasure: // no register has it
	case statement.KindGrant, statement.KindConfirmation, statement.KindRefusal, statement.KindProposal:
	case statement.KindAnnotation, statement.KindAnnotationAnswer, statement.KindReferral, statement.KindReferralAnswer,
		statement.KindNotice, statement.KindNoticeAnswer, statement.KindCompelled, statement.KindCompelledAnswer,
		statement.KindUndertaking: // open nothing
	case statement.KindUndertakingAnswer:
		err = l.answerUndertaking(ctx, s, compact, means.Answered)
	default:
		err = l.enter(ctx, s, compact)
	}
	if err != nil {
		return "", false, err
	}
	again, err := l.overtaken(ctx, s)
	if err != nil {
		return "", false, err
	}
	return compact, again, nil
}

func signedBy(who asked) statement.SignedBy {
	return statement.SignedBy{Function: who.Officer.Function, Ref: who.Officer.Ref(), Agency: who.Officer.Agency,
		Role: who.Officer.Role, JKT: who.JKT}
}

// approve makes the statement that of two officers: the first is whom the own
// state's proposal names, the second who asks now. What the exchange says of
// either counts for nothing.
// It gives the turns that the proposal was signed in.
func (l *Local) approve(o SignOrder, r rule, who asked, s *statement.Statement) (*statement.Turns, error) {
	p, err := l.own(o.Proposal)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Kind != statement.KindProposal || p.Of != o.Kind || p.ID != o.ID || p.Record != o.Record || !bytes.Equal(p.Body, o.Body):
		return nil, comity.Invalid("proposal", "what the officer signed is not what was proposed")
	case l.now().Sub(time.Unix(p.IssuedAt, 0)) > statement.ProposalAge:
		return nil, comity.Denied(r.article, "the proposal has lapsed", "an officer proposes it anew")
	case p.Officer.Ref == who.Officer.Ref() || p.Officer.JKT == who.JKT:
		return nil, comity.Denied(r.article, "the second pair of eyes is another officer's than the first", "another officer of the state approves it")
	}
	s.Officer, s.Act = p.Officer, p.Act
	s.Second = &statement.Second{Officer: signedBy(who), Act: o.Act}
	return p.Turns, nil
}

func turnsOf(t *statement.Turns) statement.Turns {
	if t == nil {
		return statement.Turns{}
	}
	return *t
}

// judge looks into the body.
func (l *Local) judge(ctx context.Context, o SignOrder, who asked, s *statement.Statement) error {
	switch o.Kind {
	case statement.KindGrant:
		var b statement.GrantBody
		if err := decode(s, &b); err != nil {
			return err
		}
		return l.judgeGrant(ctx, o, b, s)
	case statement.KindNarrowing:
		var b statement.NarrowBody
		if err := decode(s, &b); err != nil {
			return err
		}
		return l.judgeNarrowing(ctx, o, b)
	case statement.KindRevocation:
		var b statement.RevokeBody
		if err := decode(s, &b); err != nil {
			return err
		}
		_, err := l.grantOf(ctx, o, b.Case)
		return err
	case statement.KindReservation, statement.KindLifting, statement.KindCategoryReservation, statement.KindCategoryLifting:
		return l.judgeReservation(ctx, o, s)
	case statement.KindHold:
		return l.judgeHold(ctx, o, who, s)
	case statement.KindHoldRelease:
		return l.judgeHoldRelease(ctx, o, s)
	case statement.KindWithdrawal:
		return l.judgeWithdrawal(ctx, o, s)
	case statement.KindCancellation:
		return l.judgeCancellation(ctx, o, s)
	case statement.KindAnnotation, statement.KindAnnotationAnswer, statement.KindReferral, statement.KindReferralAnswer,
		statement.KindNotice, statement.KindNoticeAnswer, statement.KindCompelled, statement.KindCompelledAnswer:
		return judgeDispatch(o, who, s)
	case statement.KindUndertaking:
		return judgeUndertaking(s)
	case statement.KindErasure:
		return judgeErasure(s)
	case statement.KindUndertakingAnswer:
		return l.judgeAcceptance(ctx, o, s)
	case statement.KindConfirmation:
		var b statement.ConfirmBody
		if err := decode(s, &b); err != nil {
			return err
		}
		return l.judgeConfirmation(ctx, o, b, s.Officer)
	case statement.KindAssessment:
		return l.judgeAssessment(ctx, o, who, s)
	case statement.KindObjection:
		var b statement.ObjectBody
		if err := decode(s, &b); err != nil {
			return err
		}
		if b.ID != o.ID || !b.Ground.Valid() || b.Ground == comity.CharacterOrdinary {
			return comity.Invalid("ground", "this is not an objection under this id")
		}
		return nil
	case statement.KindContribution:
		return l.judgeContribution(ctx, o, s)
	case statement.KindStanding:
		return l.judgeStanding(ctx, s)
	case statement.KindContributionEnd:
		var b statement.ContributionEndBody
		if err := decode(s, &b); err != nil {
			return err
		}
		if b.Case != o.Record {
			return comity.Invalid("case", "the officer signed it of another case")
		}
		return nil
	case statement.KindStandingEnd:
		return decode(s, &statement.StandingEndBody{})
	case statement.KindShift:
		return judgeShift(o, l.state, s)
	case statement.KindRefusal:
		var b statement.RefuseBody
		if err := decode(s, &b); err != nil {
			return err
		}
		if !slices.Contains(comity.Grounds, b.Ground) {
			return comity.Invalid("ground", "this is not a ground of refusal")
		}
		return nil
	}
	return l.judgeReceipt(ctx, o, *s)
}

// decode reads a body strictly; it must be canonical, since its hash is what
// the officer signed.
func decode(s *statement.Statement, to any) error {
	if err := s.Decode(to); err != nil {
		return comity.Invalid("body", "the body is not that of the act").Because(err)
	}
	return nil
}
