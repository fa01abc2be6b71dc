package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
)

// checkCustody verifies an exhibit's chain of custody as it is shown: each
// link, each signed act by the key that it carries, and the sealing by the
// state's receipt.
func (c *Client) checkCustody(ctx context.Context, e *Evidence) {
	events := make([]verify.CustodyEvent, len(e.Custody))
	bad := make([]error, len(e.Custody))
	for i, ev := range e.Custody {
		events[i], bad[i] = linkOf(e.ID, ev)
	}
	for i, fault := range verify.Custody(string(e.State), events) {
		err := bad[i]
		if err == nil {
			err = fault
		}
		if err == nil {
			err = c.checkCustodyAct(ctx, e, e.Custody[i])
		}
		if err == nil {
			err = errNone
		}
		e.Custody[i].Check = Check{err}
	}
}

// CustodyFault names every event of the chain of custody that does not hold,
// and what is missing from it; nil when it holds as far as it goes.
func (e *Evidence) CustodyFault() error {
	var bad []string
	kinds := map[comity.CustodyKind]bool{}
	for _, ev := range e.Custody {
		if err := ev.Check.Err(); err != nil {
			bad = append(bad, fmt.Sprintf("%s (%s by %s): %v", ev.ID, ev.Kind, ev.Actor, err))
		}
		kinds[ev.Kind] = kinds[ev.Kind] || ev.State == e.State
	}
	if !kinds[comity.CustodyBegun] {
		bad = append(bad, fmt.Sprintf("the event of its beginning (%s) is missing", comity.CustodyBegun))
	}
	if e.Status == comity.EvidenceSealed && !kinds[comity.CustodySealed] {
		bad = append(bad, fmt.Sprintf("the event of its sealing (%s) is missing", comity.CustodySealed))
	}
	if len(bad) == 0 {
		return nil
	}
	return unverified("the chain of custody of "+string(e.ID), errors.New(strings.Join(bad, "; ")))
}

func linkOf(evidence comity.ID, ev CustodyEvent) (verify.CustodyEvent, error) {
	v := verify.CustodyEvent{ID: string(ev.ID), Evidence: string(evidence), Kind: string(ev.Kind), Actor: string(ev.Actor), Function: ev.Function,
		State: string(ev.State), Purpose: string(ev.Purpose), Grant: string(ev.Grant), Act: ev.Act, At: ev.At.UnixMicro()}
	chain, err := hex.DecodeString(ev.Chain)
	if err != nil || len(chain) != 32 {
		return v, errors.New("its chain value is no hash")
	}
	v.Chain = [32]byte(chain)
	if ev.Hash != "" {
		hash, err := hex.DecodeString(ev.Hash)
		if err != nil || len(hash) != 32 {
			return v, errors.New("what it gives as the plaintext's hash is none")
		}
		v.Hash = [32]byte(hash)
	}
	return v, nil
}

// custodyActs are the acts that events rest on; one that tells of a key which
// was not released rests on none.
var custodyActs = map[comity.CustodyKind]string{comity.CustodyBegun: statement.ActEvidenceBegin,
	comity.CustodySealed: statement.ActEvidenceComplete, comity.CustodyDisclosed: statement.ActEvidenceOpen}

func (c *Client) checkCustodyAct(ctx context.Context, e *Evidence, ev CustodyEvent) error {
	kind, signed := custodyActs[ev.Kind]
	if !signed && ev.Act == "" {
		return nil
	}
	if ev.Actor.State() != ev.State {
		return fmt.Errorf("its actor %s is not of %s", ev.Actor, ev.State)
	}
	act, jkt, err := statement.ReadActAnytime(ev.Act)
	if err != nil {
		return err
	}
	about := e.ID
	if ev.Kind == comity.CustodyBegun {
		about = e.Case
	}
	dir, err := c.Directory(ctx)
	if err != nil {
		return err
	}
	errOther := errors.New("its signed act is not for this event")
	if act.Act != kind || act.Record != about || act.Union != dir.Union() {
		return errOther
	}
	if ev.Kind == comity.CustodyDisclosed {
		h, err := readHeader(e.Header, e.ID, e.Case)
		if err != nil {
			return err
		}
		if hash := h.Hash(); act.Purpose != ev.Purpose || act.Grant != ev.Grant || act.HeaderHash != hex.EncodeToString(hash[:]) {
			return errOther
		}
	}
	if ev.Kind != comity.CustodySealed || e.Receipt == "" {
		return nil
	}
	s, err := c.statementOf(ctx, e.Receipt, []statement.Kind{statement.KindReceipt}, e.State, e.ID, e.Case)
	if err != nil {
		return fmt.Errorf("the state's receipt: %w", err)
	}
	if s.Act != ev.Act || s.Officer.JKT != jkt || s.Officer.Ref != ev.Actor || s.Officer.Function != ev.Function {
		return errors.New("it is not the sealing that the state's receipt is for")
	}
	return nil
}

// CustodyInLog compares an exhibit's chain of custody with the leaves of the
// record of acts that the officer's state opens: every event that the state was
// told of is in a leaf with its chain value, and no leaf about this exhibit has
// an event that is not shown. Only authorities, auditors and liaisons read the
// record; for others looked is false. Of a grantee these are its own events.
func (c *Client) CustodyInLog(ctx context.Context, e *Evidence) (looked bool, err error) {
	who, err := c.Viewer(ctx)
	if err != nil {
		return false, err
	}
	switch who.Role {
	case comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor:
	default:
		return false, nil
	}
	what := "the chain of custody of " + string(e.ID)
	unseen := map[string]string{} // events to find, with their chain values
	for _, ev := range e.Custody {
		if who.State == e.State || ev.State == who.State {
			unseen[string(ev.ID)] = ev.Chain
		}
	}
	found := map[string]bool{}
	for after := ""; ; {
		page, err := c.Log(ctx, LogFilter{}, MaxPage, after)
		if err != nil {
			return true, err
		}
		for _, entry := range page.Nodes {
			if err := entry.Check.Err(); err != nil {
				return true, unverified("the record of acts", fmt.Errorf("leaf %s: %w", entry.ID, err))
			}
			if entry.At.Before(e.CreatedAt) { // nothing of the exhibit is older: the list is in the order of time
				page.Info.HasNext = false
				break
			}
			for _, r := range custodyIn(entry, e.ID) {
				chain, shown := unseen[r.ID]
				if !shown {
					return true, unverifiedf(what, "the record of acts has the event %s of %s, which is not shown", r.ID, entry.At.Format("2006-01-02T15:04:05Z"))
				}
				if r.Chain != chain {
					return true, unverifiedf(what, "the record of acts has another chain value for the event %s", r.ID)
				}
				found[r.ID] = true
			}
		}
		if !page.Info.HasNext || page.Info.End == "" || page.Info.End == after {
			break
		}
		after = page.Info.End
	}
	for _, ev := range e.Custody {
		if _, wanted := unseen[string(ev.ID)]; wanted && !found[string(ev.ID)] {
			return true, unverifiedf(what, "the event %s (%s by %s) is in no leaf of the record of acts that %s is shown", ev.ID, ev.Kind, ev.Actor, who.State)
		}
	}
	return true, nil
}

// custodyIn gives the custody events of an exhibit that a leaf binds. Where it
// is about several exhibits, which event is whose is not said: then each event
// is taken that follows the exhibit's place among them.
func custodyIn(entry LogEntry, evidence comity.ID) []LogRecord {
	var exhibits []string
	var events []LogRecord
	for _, r := range entry.Records {
		switch comity.ID(r.ID).Kind() {
		case comity.KindEvidence:
			exhibits = append(exhibits, r.ID)
		case comity.KindCustody:
			events = append(events, r)
		}
	}
	if len(exhibits) != len(events) { // a read, say, which binds none
		return nil
	}
	var of []LogRecord
	for i, id := range exhibits {
		if id == string(evidence) {
			of = append(of, events[i])
		}
	}
	return of
}
