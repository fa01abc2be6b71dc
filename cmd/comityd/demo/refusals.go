package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/cmd/comityd/service"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/storage"
)

func (s *story) beyond(ctx context.Context) error {
	asker, stranger := s.officers["investigator@AM"], s.officers["liaison@BY"]
	c, err := asker.Case(ctx, s.filed, comity.PurposeProsecution)
	if err != nil {
		return err
	}
	if err := s.withheld(asker, "reads the case for prosecution", c, comity.ArticlePurpose); err != nil {
		return err
	}
	err = s.knock(ctx, asker, s.disk.Evidence, comity.PurposeProsecution)
	if err := s.denied(asker.who, "opens "+s.disk.Name+" for prosecution", err, comity.CodeDenied, comity.ArticlePurpose); err != nil {
		return err
	}
	err = s.knock(ctx, asker, s.letter.Evidence, comity.PurposeInvestigation)
	if err := s.denied(asker.who, "opens "+s.letter.Name+", which the grant does not name", err, comity.CodeDenied, comity.ArticleLiaison); err != nil {
		return err
	}
	if err := s.unseen(ctx, stranger); err != nil {
		return err
	}
	err = s.knock(ctx, stranger, s.disk.Evidence, comity.PurposeInvestigation)
	return s.denied(stranger.who, "asks for the exhibit's key all the same", err, comity.CodeNotFound, 0)
}

// withheld tells of a read that shows a record and nothing in it, and names
// the Article why.
func (s *story) withheld(o *officer, what string, c *client.Case, article comity.Article) error {
	if c.Title != "" || c.Narrative != "" || len(c.Access.Redactions) == 0 {
		return fmt.Errorf("%s %s: the text was to be withheld, and the access is %s, the title %q", o.who, what, c.Access.Level, c.Title)
	}
	r := c.Access.Redactions[0]
	if r.Article != article {
		return fmt.Errorf("%s %s: %v was to withhold it, and %v does", o.who, what, article, r.Article)
	}
	s.refused(o.who, what, comity.Denied(r.Article, r.Reason, r.Cure))
	return nil
}

// turned plays a server that turns against its users: it has all that a server
// has, and an officer's genuine token and signed act, and asks the custodian
// for the key with a key of its own in place of the officer's, and then without
// a word in the log.
func (s *story) turned(ctx context.Context) (err error) {
	officer := s.officers["investigator@AM"]
	signed, err := s.sign(officer, s.disk.Evidence, comity.PurposeInvestigation)
	if err != nil {
		return err
	}
	_, token := officer.Session()
	s.note("the server", "keeps an act that "+officer.who+" has signed, and the token, to itself")

	parts, err := service.Open(ctx, s.o.Config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close(context.WithoutCancel(ctx))) }()
	var record storage.Evidence
	err = parts.DB.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) error {
		found, err := tx.EvidenceByID([]comity.ID{s.disk.Evidence})
		record = found[s.disk.Evidence]
		return err
	})
	if err != nil {
		return err
	}
	own, err := statement.NewKey()
	if err != nil {
		return err
	}
	order := custodian.ReleaseOrder{Asker: statement.Asker{Token: token, Act: signed.act}, Case: record.Case, Evidence: record.ID,
		Header: record.Header, WrappedKey: record.WrappedKey,
		ObjectVersion: record.ObjectVersion, Recipient: statement.PublicJWK(&own.PublicKey)}
	vault := parts.States["KZ"].Custodian
	_, err = vault.Release(ctx, order)
	if err := s.denied("the server", "has the key sealed to a key of its own", err, comity.CodeUnauthenticated, 0); err != nil {
		return err
	}
	// Each time it takes another act of the officer's: the custodian does not look
	// at one again.
	if signed, err = s.sign(officer, s.disk.Evidence, comity.PurposeInvestigation); err != nil {
		return err
	}
	order.Act, order.Recipient = signed.act, signed.recipient
	_, err = vault.Release(ctx, order)
	if err := s.denied("the server", "has the key sealed to "+officer.who+" and keeps it out of the log", err, comity.CodeDenied, comity.ArticleAccountability); err != nil {
		return err
	}
	// The control: the same order with the officer's key and its leaf in the log is
	// carried out, so that each refusal above was for what it says and nothing else.
	if signed, err = s.sign(officer, s.disk.Evidence, comity.PurposeInvestigation); err != nil {
		return err
	}
	order.Act, order.Recipient = signed.act, signed.recipient
	if order.Proof, err = s.confess(ctx, parts, order); err != nil {
		return err
	}
	s.note("the server", "must write it into the log first, where Kazakhstan reads it")
	sealed, err := vault.Release(ctx, order)
	if err != nil {
		return fmt.Errorf("the same order, with the officer's own key, was to be carried out: %w", err)
	}
	dir, err := officer.Directory(ctx)
	if err != nil {
		return err
	}
	said, err := dir.VerifySealedKey(sealed)
	if err != nil {
		return err
	}
	if _, err := statement.DecryptKey(said, own, statement.Want{ActJWS: signed.act, Evidence: record.ID, HeaderHash: signed.headerHash, Now: time.Now()}); err == nil {
		return errors.New("the server's key opens what was sealed to the officer's")
	}
	s.note("the custodian", "seals it to the officer's key alone, which the server cannot open")
	return nil
}

// confess writes an order for a key into the log, as the exchange does, and proves
// that it is there.
func (s *story) confess(ctx context.Context, parts *service.Parts, o custodian.ReleaseOrder) (verify.Proof, error) {
	id, err := parts.Verifier.Verify(ctx, o.Token)
	if err != nil {
		return verify.Proof{}, err
	}
	by := id.Officer
	c := audit.Content{Act: statement.ActEvidenceOpen, Outcome: audit.Released, Purpose: comity.PurposeInvestigation, Signed: statement.ActHash(o.Act),
		Actor:   audit.Actor{State: by.State, Agency: by.Agency, Function: by.Function, Ref: by.Ref()},
		Records: []audit.Record{{ID: string(o.Evidence), Grant: s.grant}}}
	var leaf comity.ID
	err = parts.DB.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
		c.At = tx.Now().UTC()
		leaves, err := audit.Leaves(c.At, map[comity.State]audit.Content{"KZ": c, by.State: c})
		if err != nil {
			return err
		}
		leaf = leaves[0].ID
		return tx.AppendLeaf(leaves[0])
	})
	if err != nil {
		return verify.Proof{}, err
	}
	prover := audit.NewProver(audit.ProverOptions{DB: parts.DB, Policy: func(s comity.State) (verify.Policy, error) {
		return parts.Directory.LogPolicy(s, time.Now())
	}})
	return prover.Prove(ctx, leaf, "KZ")
}

func (s *story) revoke(ctx context.Context) error {
	liaison, asker := s.officers["liaison@KZ"], s.officers["investigator@AM"]
	g, err := liaison.GrantRevoke(ctx, s.filed, s.grant, "The lead has been followed up; the rest is for mutual legal assistance.")
	if err != nil {
		return err
	}
	s.act(liaison.who, "revokes the grant: "+readable(string(g.Status)), comity.ArticleTerm.String()+"; Kazakhstan's custodian knows before the answer is given")
	c, err := asker.Case(ctx, s.filed, comity.PurposeInvestigation)
	if err != nil {
		return err
	}
	if c.Access.Level != "ENDED" || c.Category != "" {
		return fmt.Errorf("no more than the grant's end was to be seen by Armenia; it sees access %s, category %q", c.Access.Level, c.Category)
	}
	if err := s.withheld(asker, "reads the case again", c, comity.ArticleTerm); err != nil {
		return err
	}
	err = s.knock(ctx, asker, s.disk.Evidence, comity.PurposeInvestigation)
	return s.denied(asker.who, "opens "+s.disk.Name+" again", err, comity.CodeDenied, comity.ArticleTerm)
}

func (s *story) reserve(ctx context.Context) error {
	authority, liaison := s.officers["authority@KZ"], s.officers["liaison@KZ"]
	c, err := authority.Case(ctx, s.filed, "")
	if err != nil {
		return err
	}
	if c, _, err = authority.CaseReserve(ctx, c.ID, c.Version, "The trail leads to a matter of the state itself."); err != nil {
		return err
	}
	if !c.Reserved {
		return errors.New("the case was to be reserved, and is not")
	}
	s.act(authority.who, "reserves the case", comity.ArticleDomesticReservation.String())
	_, err = liaison.GrantMake(ctx, s.terms)
	return s.denied(liaison.who, "grants it to Armenia once more", err, comity.CodeDenied, comity.ArticleDomesticReservation)
}

func (s *story) close(ctx context.Context) error {
	asker := s.officers["investigator@AM"]
	r, err := asker.Request(ctx, s.request)
	if err != nil {
		return err
	}
	const feedback = "The wallet's owner was identified; two arrests in Yerevan."
	if _, err = asker.RequestClose(ctx, client.Move{ID: r.ID, ExpectedVersion: r.Version, Note: feedback}); err != nil {
		return err
	}
	s.act(asker.who, "closes the request: "+feedback)
	liaison := s.officers["liaison@KZ"]
	if r, err = liaison.Request(ctx, s.request); err != nil {
		return err
	}
	messages, err := client.All(func(first int, after string) (client.Page[client.Message], error) {
		return liaison.Messages(ctx, s.request, first, after)
	})
	if err != nil {
		return err
	}
	if n := len(messages); r.Status != comity.RequestClosed || n == 0 || messages[n-1].Text != feedback {
		return fmt.Errorf("the feedback was to be read by Kazakhstan as the last of %d messages on a closed request, which is %s", n, r.Status)
	}
	s.note(liaison.who, "reads it; the request is closed")
	return nil
}
