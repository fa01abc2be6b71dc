package exchange_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// A receipt that got lost on its way is nowhere to be had.
func TestAttackReceiptLost(t *testing.T) {
	w := exchangetest.New(t)
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case")
	begun, key := owner.Begin(t, c, "exhibit", 7)
	complete := owner.Put(t, begun, key, []byte("exhibit"))
	owner.Do(t, complete)
	again := *complete
	again.Receipts = nil
	owner.Do(t, &again)
	if len(again.Receipts) != 1 || again.Receipts[0] == "" || again.Receipts[0] != complete.Receipts[0] {
		t.Errorf("a repeat answers the receipts %q", again.Receipts)
	}
	owner.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{begun.ID}, "")
		if err != nil {
			return err
		}
		if found[begun.ID].Evidence.Receipt == "" {
			t.Error("the exhibit carries no receipt")
		}
		return err
	})
}

// A repeat is answered without the gate when the input fails before it.
func TestAttackRepeatAroundTheGate(t *testing.T) {
	w := exchangetest.New(t)
	owner, colleague := w.As(t, "investigator@KZ"), w.As(t, "colleague@KZ")
	c := owner.FileCase(t, "A case")
	owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Officer: colleague.Caller.Officer.Ref()})
	recipient, err := statement.NewKey()
	must(t, err)
	jkt, err := statement.Thumbprint(&recipient.PublicKey)
	must(t, err)
	body := statement.BeginBody{MediaType: "text/plain", Size: 1, Name: "x"}
	begin := func(key string, on comity.ID) *exchange.BeginEvidence {
		return &exchange.BeginEvidence{Key: key, Case: c, Items: []exchange.BeginExhibit{{Body: body, Recipient: statement.PublicJWK(&recipient.PublicKey),
			Act: colleague.Sign(t, statement.Act{Act: statement.ActEvidenceBegin, Record: on, RecipientJKT: jkt}, body)}}}
	}
	first := begin(exchangetest.Key(), c)
	colleague.Do(t, first)
	owner.Do(t, &exchange.AssignCase{Key: exchangetest.Key(), ID: c, Officer: colleague.Caller.Officer.Ref(), Remove: true})
	w.Sequence(t)
	again := begin(first.Key, comity.NewID(comity.KindCase)) // an act about another record: INVALID before the case is looked up
	if err := colleague.Try(t, again); err == nil {
		t.Errorf("an officer whom the case no longer reaches is answered %d exhibits, with %d leaves", len(again.Begun), w.Sequence(t))
	}
}

// A repeat makes effects (URLs signed anew) that no leaf tells of.
func TestAttackRepeatUnlogged(t *testing.T) {
	w := exchangetest.New(t)
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case")
	begun, _ := owner.Begin(t, c, "exhibit", 7)
	h, err := envelope.ParseHeader(begun.Header)
	must(t, err)
	sign := &exchange.SignParts{Key: exchangetest.Key(), Evidence: begun.ID, Parts: []object.Part{{Number: 1, Size: h.CipherSize(0), SHA256: [32]byte{1}}}}
	owner.Do(t, sign)
	w.Sequence(t)
	sign.Signed = nil
	owner.Do(t, sign)
	if n := w.Sequence(t); n == 0 && len(sign.Signed) == 1 {
		t.Error("a repeat signed an upload URL and left no leaf")
	}
}

// lossy is a database whose answer to a commit is lost on its way.
type lossy struct {
	storage.DB
	lose atomic.Bool
}

func (d *lossy) Write(ctx context.Context, f func(storage.Tx) error) error {
	err := d.DB.Write(ctx, f)
	if err == nil && d.lose.Swap(false) {
		return comity.Unavailable("the database", errors.New("the connection was lost while committing"))
	}
	return err
}

// A commit whose answer was lost has happened: what it names must not be abandoned.
func TestAttackAbandonAfterCommit(t *testing.T) {
	var db *lossy
	w := exchangetest.NewWith(t, exchangetest.Options{DB: func(t testing.TB, now func() time.Time) storage.DB {
		db = &lossy{DB: exchangetest.SQLite(t, now)}
		return db
	}})
	owner := w.As(t, "investigator@KZ")
	c := owner.FileCase(t, "A case")
	recipient, err := statement.NewKey()
	must(t, err)
	jkt, err := statement.Thumbprint(&recipient.PublicKey)
	must(t, err)
	body := statement.BeginBody{MediaType: "text/plain", Size: 1, Name: "x"}
	begin := func(key string) *exchange.BeginEvidence {
		return &exchange.BeginEvidence{Key: key, Case: c, Items: []exchange.BeginExhibit{{Body: body, Recipient: statement.PublicJWK(&recipient.PublicKey),
			Act: owner.Sign(t, statement.Act{Act: statement.ActEvidenceBegin, Record: c, RecipientJKT: jkt}, body)}}}
	}
	first := begin(uuid.NewString())
	db.lose.Store(true)
	if err := owner.Try(t, first); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Fatal(err)
	}
	again := begin(first.Key)
	owner.Do(t, again)
	h, err := envelope.ParseHeader(again.Begun[0].Header)
	must(t, err)
	sign := &exchange.SignParts{Key: exchangetest.Key(), Evidence: again.Begun[0].ID, Parts: []object.Part{{Number: 1, Size: h.CipherSize(0), SHA256: [32]byte{1}}}}
	if err := owner.Try(t, sign); err != nil {
		t.Errorf("the exhibit was begun and can never be uploaded: %v", err)
	}
}

// One effect that can never succeed holds up every later one of its record:
// here a revocation never reaches the register.
func TestAttackPoisonedEffect(t *testing.T) {
	g := newGranted(t)
	// As after a statement key left the manifest while a narrowing waited.
	must(t, g.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		return tx.AddEffect(storage.Effect{ID: g.grant.Body.ID, Kind: "apply", State: "KZ", Payload: []byte("no longer verifies"), NotBefore: tx.Now()})
	}))
	_ = g.liaison.Try(t, g.liaison.Revoke(t, g.c, g.grant.Body.ID))
	open, _ := g.foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
	var e comity.Evidence
	g.owner.Read(t, func(r *exchange.Reader) error {
		found, err := r.Nodes([]comity.ID{g.exhibit}, "")
		if err != nil {
			return err
		}
		e = found[g.exhibit].Evidence.Evidence
		return err
	})
	// A server turned against the state asks its custodian past the gate.
	_, err := g.Custodians["KZ"].Release(t.Context(), custodian.ReleaseOrder{Asker: statement.Asker{Token: g.foreign.Caller.Token, Act: open.Act}, Case: g.c,
		Evidence: g.exhibit, Header: e.Header, WrappedKey: e.WrappedKey, ObjectVersion: e.ObjectVersion, Recipient: open.Recipient})
	if e, ok := errors.AsType[*comity.Error](err); !ok || e.Article != comity.ArticleTerm {
		t.Errorf("a revocation waits for ever behind an effect that cannot succeed, and the register keeps the grant alive: %v", err)
	}
}

// Two servers that carry out one effect at once do no harm.
func TestAttackEffectDoneTwice(t *testing.T) {
	g := newGranted(t)
	act := g.liaison.Revoke(t, g.c, g.grant.Body.ID)
	var once atomic.Bool
	x := secondServer(t, g.World, turned{apply: func(ctx context.Context, jws string) error {
		err := g.Custodians["KZ"].Apply(ctx, jws)
		if err == nil && !once.Swap(true) { // another server, or this one's ticker, was as fast
			other := g.liaison.Revoke(t, g.c, g.grant.Body.ID)
			other.Key = act.Key
			return g.Exchange.Do(ctx, g.liaison.Caller, other)
		}
		return err
	}})
	if err := x.Do(t.Context(), g.liaison.Caller, act); err != nil {
		t.Errorf("the revocation is in the register, and its officer is told: %v", err)
	}
}

// A repeated refusal answers what the first one answered.
func TestAttackRefusalLost(t *testing.T) {
	w := exchangetest.New(t)
	liaison := w.As(t, "liaison@KZ")
	send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts"}}
	w.As(t, "investigator@AM").Do(t, send)
	liaison.Do(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: send.ID, ExpectedVersion: 1, Move: sovereignty.RequestReceive})
	refuse := func(key string) *exchange.MoveRequest {
		return &exchange.MoveRequest{Key: key, ID: send.ID, ExpectedVersion: 2, Move: sovereignty.RequestRefuse, Ground: comity.GroundPolitical,
			Act: liaison.Sign(t, statement.Act{Act: statement.ActRequestRefuse, Record: send.ID}, statement.RefuseBody{Ground: comity.GroundPolitical})}
	}
	first := refuse(exchangetest.Key())
	liaison.Do(t, first)
	again := refuse(first.Key)
	liaison.Do(t, again)
	if again.Refusal != first.Refusal || again.Statement != first.Statement {
		t.Errorf("a repeat answers the refusal %q", again.Refusal)
	}
}

// A custodian that hangs must not hold up the effects of other states.
func TestAttackHangingCustodian(t *testing.T) {
	g := newGranted(t)
	hang := make(chan struct{})
	over := sync.OnceFunc(func() { close(hang) })
	t.Cleanup(over)
	x := secondServer(t, g.World, turned{apply: func(context.Context, string) error {
		<-hang // whatever time it is given
		return comity.Unavailable("the custodian of KZ", nil)
	}})
	am := comity.NewID(comity.KindCase)
	must(t, g.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		for _, e := range []storage.Effect{{ID: comity.NewID(comity.KindCase), State: "KZ"}, {ID: am, State: "AM"}} {
			e.Kind, e.Payload, e.NotBefore = "apply", []byte("x"), tx.Now()
			if err := tx.AddEffect(e); err != nil {
				return err
			}
		}
		return nil
	}))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); x.Effects(ctx) }()
	tries := 0
	for end := time.Now().Add(30 * time.Second); tries < 2 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		must(t, g.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			found, err := tx.EffectsOf(am)
			if len(found) == 1 {
				tries = found[0].Attempts
			}
			return err
		}))
	}
	stop()
	over()
	<-done
	if tries < 2 {
		t.Errorf("while Kazakhstan's custodian hangs, Armenia's effect was tried %d times", tries)
	}
}
