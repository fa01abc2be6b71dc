package custodian

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
)

// ProofAge is how old the cosignatures of a proof may be, by the custodian's
// clock: whoever shows a custodian a log that goes on beside the one that the
// witnesses see can do so no longer than this.
const ProofAge = 60 * time.Second

// released is the outcome of a leaf that says that a key was asked for.
const released = "RELEASED"

// opened is what the leaf of a request for a key says to the originator (package
// audit), as far as it is judged.
type opened struct {
	Act     string `json:"act"`
	Outcome string `json:"outcome"`
	Actor   struct {
		State    comity.State      `json:"state"`
		Agency   comity.AgencyID   `json:"agency"`
		Function string            `json:"function"`
		Ref      comity.OfficerRef `json:"ref"`
	} `json:"actor"`
	Records []openedRecord `json:"records"`
	Purpose comity.Purpose `json:"purpose"`
	Signed  string         `json:"signed"`
}

type openedRecord struct {
	ID    string    `json:"id"`
	Grant comity.ID `json:"grant"`
}

// logged checks that this very request is in the log that the witnesses see, and
// what its leaf says to this state: who asked, for which exhibit, under which
// grant and for what (Article 14).
func (l *Local) logged(ctx context.Context, who asked, o ReleaseOrder) error {
	now := l.now()
	policy, err := l.directory.LogPolicy(l.state, now)
	if err != nil {
		return l.away(err)
	}
	policy.MaxAge = ProofAge
	for other, keys := range policy.Others {
		if len(keys) == 0 {
			continue // nothing of it counts
		}
		switch err := l.newest(ctx, comity.State(other)); {
		case errors.Is(err, errOlder): // it may name keys that its state took out of use
			policy.Others[other] = nil
		case err != nil:
			return err
		}
	}
	if len(o.Proof.Checkpoint) == 0 {
		return unlogged(errors.New("there is no proof"))
	}
	if _, err := o.Proof.Check(policy, now); err != nil {
		if missing, ok := errors.AsType[*verify.Unsigned](err); ok {
			return &comity.Error{Code: comity.CodeUnavailable, Cure: "wait until the witnesses answer, and open it again",
				Message: fmt.Sprintf("the custodian of %s releases no key before witnesses saw the request in the log: %s", l.state, missing.Reason)}
		}
		return unlogged(err)
	}
	var says opened
	if err := verify.ReadContent(o.Proof.Opening.Content, &says); err != nil {
		return unlogged(fmt.Errorf("what its leaf says cannot be read: %w", err))
	}
	by := who.Officer
	switch {
	case o.Proof.Opening.State != string(l.state):
		err = fmt.Errorf("the leaf is opened for %.10q", o.Proof.Opening.State)
	case says.Signed != statement.ActHash(o.Act):
		err = errors.New("the leaf is that of another act")
	case says.Act != statement.ActEvidenceOpen || says.Outcome != released:
		err = fmt.Errorf("the leaf says %.40q, %.40q", says.Act, says.Outcome)
	case says.Actor.State != by.State || says.Actor.Agency != by.Agency || says.Actor.Function != by.Function || says.Actor.Ref != by.Ref():
		err = errors.New("the leaf names another officer")
	case says.Purpose != who.act.Purpose:
		err = errors.New("the leaf says another purpose")
	case !slices.Contains(says.Records, openedRecord{string(o.Evidence), who.act.Grant}):
		err = errors.New("the leaf names another exhibit or grant")
	}
	if err != nil {
		return unlogged(err)
	}
	return nil
}

func unlogged(why error) error {
	return comity.Denied(comity.ArticleAccountability, "the exchange does not prove that the log has this request: "+why.Error(),
		"open it again; if it is refused again, the exchange's operator looks into the log").Because(why)
}
