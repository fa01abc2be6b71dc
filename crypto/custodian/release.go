package custodian

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
)

// sealedFor is how long after its making a client takes a sealed key.
const sealedFor = 5 * time.Minute

// Begin implements [Custodian].
func (l *Local) Begin(ctx context.Context, o BeginOrder) (b Begun, err error) {
	if err := checkIDs(o.Case, o.Evidence); err != nil {
		return Begun{}, err
	}
	who, err := l.hear(ctx, o.Asker, want{act: statement.ActEvidenceBegin, record: o.Case, body: o.Body})
	if err != nil {
		return Begun{}, err
	}
	defer func() { l.forgive(who, err) }()
	if err := l.ownOfficer(who); err != nil {
		return Begun{}, err
	}
	if err := handlesEvidence(who); err != nil {
		return Begun{}, err
	}
	if err := checkRecipient(who, o.Recipient); err != nil {
		return Begun{}, err
	}
	h, err := envelope.NewHeader(string(l.state), string(o.Case), string(o.Evidence), o.Body.Size, 0)
	if err != nil {
		return Begun{}, comity.Invalid("size", "an exhibit of this size cannot be kept").Because(err)
	}
	hash := h.Hash()
	dek, wrapped, err := l.keys.DataKey(ctx, KeyName(o.Case), evidenceContext(hash))
	if err != nil {
		return Begun{}, l.fault(err)
	}
	defer clear(dek)
	entry := evidenceEntry{Case: o.Case, Begin: who.act.BodyHash, Header: hex.EncodeToString(hash[:]), Original: o.Body.Original}
	if err := l.enterExhibit(ctx, o.Evidence, entry); err != nil {
		return Begun{}, err
	}
	key, err := envelope.NewKey(dek)
	if err != nil {
		return Begun{}, fmt.Errorf("custodian: %w", err)
	}
	h = key.Commit(h)
	header, err := h.MarshalBinary()
	if err != nil {
		return Begun{}, fmt.Errorf("custodian: %w", err)
	}
	sealed, err := l.seal(ctx, who, o.Act, o.Recipient, h, entry.binding(), dek)
	if err != nil {
		return Begun{}, err
	}
	return Begun{WrappedKey: wrapped, Header: header, SealedKey: sealed}, nil
}

// Release implements [Custodian].
func (l *Local) Release(ctx context.Context, o ReleaseOrder) (sealed string, err error) {
	if err := checkIDs(o.Case, o.Evidence); err != nil {
		return "", err
	}
	h, err := envelope.ParseHeader(o.Header)
	if err != nil {
		return "", comity.Invalid("header", "this is not the header of an exhibit").Because(err)
	}
	switch {
	case h.State != string(l.state):
		return "", comity.Invalid("header", fmt.Sprintf("the exhibit is not one of %s", l.state))
	case h.Case != string(o.Case) || h.Evidence != string(o.Evidence):
		return "", comity.Invalid("header", "the header is that of another exhibit")
	}
	who, err := l.hear(ctx, o.Asker, want{act: statement.ActEvidenceOpen, record: o.Evidence, body: statement.OpenBody{}})
	if err != nil {
		return "", err
	}
	defer func() { l.forgive(who, err) }()
	hash := h.Hash()
	if who.act.HeaderHash != hex.EncodeToString(hash[:]) {
		return "", comity.Unauthenticated("the officer's act is about another header", nil)
	}
	if err := checkRecipient(who, o.Recipient); err != nil {
		return "", err
	}
	if err := handlesEvidence(who); err != nil {
		return "", err
	}
	entry, err := l.exhibit(ctx, h)
	if err != nil {
		return "", err
	}
	if who.Officer.State == l.state {
		if who.act.Grant != "" {
			return "", comity.Invalid("grant", "officers of the own state need no grant")
		}
	} else if err := l.mayOpen(ctx, who, o, entry); err != nil {
		return "", err
	}
	binding := entry.binding()
	binding.ObjectVersion = o.ObjectVersion
	if err := l.gone(ctx, o.Case); err != nil {
		return "", err
	}
	// Last, so that what is refused anyway is refused for what it is.
	if err := l.logged(ctx, who, o); err != nil {
		return "", err
	}
	dek, err := l.keys.Unwrap(ctx, KeyName(o.Case), evidenceContext(hash), o.WrappedKey)
	if err != nil {
		return "", l.fault(err)
	}
	defer clear(dek)
	key, err := envelope.NewKey(dek)
	if err == nil {
		err = key.Check(h)
	}
	if err != nil {
		return "", comity.Invalid("header", "the header does not commit to the exhibit's key").Because(err)
	}
	return l.seal(ctx, who, o.Act, o.Recipient, h, binding, dek)
}

// mayOpen judges an officer abroad by the state's own register, as it is now.
// To whom the grant does not reach, everything answers as if it were absent
// (Article 12); a grantee learns that the grant ended, and not why.
func (l *Local) mayOpen(ctx context.Context, who asked, o ReleaseOrder, x evidenceEntry) error {
	if who.act.Grant == "" {
		return comity.NotFound()
	}
	e, _, err := read[grantEntry](ctx, l, grantKey(who.act.Grant))
	if err != nil {
		return err
	}
	open, registered := e.terms()
	if !registered || e.Case != o.Case || !e.Grant.Grantee.Covers(who.Officer) {
		return comity.NotFound()
	}
	c, of, err := l.turns(ctx, o.Case, e.Grant.Category)
	if err != nil {
		return err
	}
	over, err := l.over(ctx, e)
	if err != nil {
		return err
	}
	switch now := l.now().Unix(); {
	case over, e.Grant.ended(c, of), now >= open.NotAfter:
		return ended()
	case c.Assessed.adverse():
		return adverse(l.state)
	case now < e.Grant.NotBefore:
		return comity.Denied(comity.ArticleTerm, "the grant has not begun", "wait until its beginning")
	case who.act.Purpose != e.Grant.Purpose:
		return comity.Denied(comity.ArticlePurpose, "the declared purpose is not the grant's", "declare the purpose of the grant, or ask for another grant")
	case !slices.Contains(open.Exhibits, o.Evidence):
		return comity.Denied(comity.ArticleLiaison, "the grant does not open this exhibit", "the originator's liaison grants it by name")
	case x.Received == nil:
		return comity.NotFound()
	case x.Original && !e.Grant.Seconded && e.Grant.Lapses == 0:
		return byTwo("an original exhibit")
	}
	return l.legalBasis(*e.Grant, who.Officer.State)
}

// Standing implements [Custodian].
func (l *Local) Standing(ctx context.Context, record, grant comity.ID, grantee comity.State) (Limits, error) {
	e, _, err := read[grantEntry](ctx, l, grantKey(grant))
	if err != nil {
		return Limits{}, err
	}
	open, registered := e.terms()
	if !registered || e.Case != record || e.Grant.Grantee.State != grantee {
		return Limits{}, comity.NotFound()
	}
	c, of, err := l.turns(ctx, record, e.Grant.Category)
	if err != nil {
		return Limits{}, err
	}
	over, err := l.over(ctx, e)
	if err != nil {
		return Limits{}, err
	}
	if now := l.now().Unix(); over || e.Grant.ended(c, of) || now >= open.NotAfter {
		return Limits{}, ended()
	}
	if c.Assessed.adverse() {
		return Limits{}, adverse(l.state)
	}
	return open.told(), nil
}

// Entered implements [Custodian].
func (l *Local) Entered(ctx context.Context, record comity.ID) (Entry, error) {
	if record.Kind() == comity.KindCase {
		c, _, err := read[caseEntry](ctx, l, caseKey(record))
		entry := Entry{Ended: c.inForce(), Lifted: c.turn() > 0 && !c.inForce(), Withdrawn: c.Withdrawn != nil}
		for id := range c.Cancelled {
			entry.Cancelled = append(entry.Cancelled, id)
		}
		for id, h := range c.Holds {
			switch {
			case h.Released != nil:
				entry.Released = append(entry.Released, id)
			case h.lies(l.now().Unix()):
				entry.Held = append(entry.Held, id)
			}
		}
		return entry, err
	}
	if k := record.Kind(); k == comity.KindRelease || k == comity.KindStanding {
		t, _, err := read[teamEntry](ctx, l, teamKey(record))
		return Entry{Made: t.Said != "", Ended: t.Ended != nil}, err
	}
	g, _, err := read[grantEntry](ctx, l, grantKey(record))
	if err != nil {
		return Entry{}, err
	}
	over, err := l.over(ctx, g)
	entry := Entry{Ended: over}
	if open := g.standing(); open != nil {
		limits := open.told()
		entry.Limits = &limits
	}
	return entry, err
}

// legalBasis checks that the agreement of a grant still binds both states with
// the text that it had, which covers the category that the liaison signed.
func (l *Local) legalBasis(g grantTerms, grantee comity.State) error {
	if comity.ID(g.Agreement.ID).Kind() == comity.KindUndertaking { // the grant ends before it does
		return nil
	}
	a, err := l.directory.Standing(l.state, grantee, g.Agreement.ID, g.Category, l.now())
	if err == nil && a.Ref() == g.Agreement {
		return nil
	}
	if err != nil && comity.CodeOf(err) != comity.CodeDenied {
		return err
	}
	return comity.Denied(comity.ArticleLegalBasis, fmt.Sprintf("the grant's agreement no longer binds %s and %s", l.state, grantee),
		"both states ratify an agreement, and the originator's liaison grants anew")
}

// seal binds a data key to everything that it was asked and given for.
func (l *Local) seal(ctx context.Context, who asked, act string, recipient jose.JSONWebKey, h envelope.Header, b statement.Binding, dek []byte) (string, error) {
	s, err := l.signer(ctx)
	if err != nil {
		return "", err
	}
	hash := h.Hash()
	b.Union, b.State = l.directory.Union(), l.state
	b.Case, b.Evidence = comity.ID(h.Case), comity.ID(h.Evidence)
	b.HeaderHash, b.Commitment = hex.EncodeToString(hash[:]), hex.EncodeToString(h.Commitment[:])
	b.RecipientJKT, b.Nonce = who.act.RecipientJKT, who.act.Nonce
	b.Expires = l.now().Add(sealedFor).Unix()
	return statement.SealKey(ctx, s, recipient, act, b, dek)
}

func checkIDs(caseID, evidence comity.ID) error {
	if _, err := comity.ParseID(string(caseID), comity.KindCase); err != nil {
		return err
	}
	_, err := comity.ParseID(string(evidence), comity.KindEvidence)
	return err
}

// checkRecipient refuses every key but the one that the officer's act names,
// so that a server cannot swap in one of its own.
func checkRecipient(who asked, recipient jose.JSONWebKey) error {
	jkt, err := statement.Thumbprint(recipient)
	if err != nil || jkt != who.act.RecipientJKT {
		return comity.Unauthenticated("the key to seal to is not the one that the officer's act names", err)
	}
	return nil
}

func (l *Local) ownOfficer(who asked) error {
	if who.Officer.State != l.state {
		return comity.Denied(comity.ArticleNonInterference, fmt.Sprintf("only officers of %s change its records", l.state), "")
	}
	return nil
}

// handlesEvidence keeps evidence to those whose work it is: neither the rank of
// the authority nor the auditor's office opens it (Article 16).
func handlesEvidence(who asked) error {
	if r := who.Officer.Role; r != comity.RoleInvestigator && r != comity.RoleLiaison {
		return comity.Denied(comity.ArticleNoBypass, "exhibits are opened by investigators and liaisons only", "an investigator or a liaison opens it")
	}
	return nil
}
