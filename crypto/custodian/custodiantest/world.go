package custodiantest

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/keyring"
	"github.com/comity-platform/comity/crypto/envelope"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
)

// World is a union in which Kazakhstan's custodian works over given keys, and
// Armenia and Belarus have officers.
type World struct {
	Union *tokentest.Union
	Keys  custodian.Keys
	Local *custodian.Local

	log      *log
	sessions map[string]session
}

type session struct {
	officer comity.Officer
	token   string
	key     *ecdsa.PrivateKey
}

// NewWorld makes one. The statement key of the keys enters KZ's manifest.
func NewWorld(t *testing.T, k custodian.Keys) *World {
	t.Helper()
	w := &World{Union: tokentest.NewUnion(t), Keys: k, sessions: map[string]session{}}
	w.log = &log{signer: w.Union.LogSigner}
	s, err := k.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := statement.RawJWK(s)
	if err != nil {
		t.Fatal(err)
	}
	w.Union.Publish(t, "KZ", func(m *statement.Manifest) { m.StatementKeys = []json.RawMessage{raw} })
	w.Local = w.Another(custodian.Quota{})
	return w
}

// Another is another server's custodian of the same state over the same keys:
// it shares no memory with the first.
func (w *World) Another(q custodian.Quota) *custodian.Local {
	return custodian.New(custodian.Options{State: "KZ", Directory: w.Union.Directory, Verifier: w.Union.Verifier,
		Quota: q, Now: w.Union.Clock.Now}, w.Keys)
}

// aside is a custodian of the same state whose register is another: what it
// signs is not in the world's, as after a register was restored from a backup.
func (w *World) aside(t *testing.T) *custodian.Local {
	t.Helper()
	other, err := keyring.Open(stacktest.TempDir(t))
	if err != nil {
		t.Fatal(err)
	}
	return w.over(divided{w.Keys, other})
}

func (w *World) over(k custodian.Keys) *custodian.Local {
	return custodian.New(custodian.Options{State: "KZ", Directory: w.Union.Directory, Verifier: w.Union.Verifier, Now: w.Union.Clock.Now}, k)
}

// divided takes keys from one place and the register from another.
type divided struct {
	custodian.Keys
	register custodian.Keys
}

func (d divided) RegisterGet(ctx context.Context, key string) ([]byte, int64, error) {
	return d.register.RegisterGet(ctx, key)
}

func (d divided) RegisterPut(ctx context.Context, key string, value []byte, version int64) error {
	return d.register.RegisterPut(ctx, key, value, version)
}

func (w *World) session(t *testing.T, officer string) session {
	t.Helper()
	s, ok := w.sessions[officer]
	if !ok {
		id, token, key := w.Union.Login(t, officer)
		s = session{id.Officer, token, key}
		w.sessions[officer] = s
	}
	return s
}

// advance moves the union's clock; everybody logs in anew.
func (w *World) advance(d time.Duration) {
	w.Union.Clock.Advance(d)
	clear(w.sessions)
}

func (w *World) now() int64 { return w.Union.Clock.Now().Unix() }

// asker signs an act as an officer, over a body.
func (w *World) asker(t *testing.T, officer string, a statement.Act, body any) statement.Asker {
	t.Helper()
	s := w.session(t, officer)
	return statement.Asker{Token: s.token, Act: w.Union.Act(t, s.key, a, body)}
}

// Exhibit is what a state's records hold of an exhibit.
type Exhibit struct {
	Case, ID   comity.ID
	Header     []byte
	WrappedKey string
	DEK        []byte // as the client opened it
	Declared   statement.CompleteBody
}

// NewCase makes the key of a new case.
func (w *World) NewCase(t *testing.T) comity.ID {
	t.Helper()
	id := comity.NewID(comity.KindCase)
	if _, _, err := w.Local.NewRecordKey(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	return id
}

// beginOrder is an order for a new exhibit by KZ's investigator.
func (w *World) beginOrder(t *testing.T, officer string, caseID comity.ID) custodian.BeginOrder {
	t.Helper()
	body := statement.BeginBody{MediaType: "application/octet-stream", Size: 1 << 20, Name: "disk.img"}
	s := w.session(t, officer)
	return custodian.BeginOrder{Case: caseID, Evidence: comity.NewID(comity.KindEvidence), Body: body, Recipient: jwk(s.key),
		Asker: w.asker(t, officer, statement.Act{Act: statement.ActEvidenceBegin, Record: caseID, RecipientJKT: thumb(t, s.key)}, body)}
}

// NewExhibit begins an exhibit and has its receipt signed.
func (w *World) NewExhibit(t *testing.T, caseID comity.ID) Exhibit {
	t.Helper()
	e := w.begun(t, caseID)
	w.sign(t, w.receiptOrder(t, "investigator@KZ", e))
	return e
}

// begun begins an exhibit and opens its key as the client does; what it is to
// be completed with is declared, and no receipt signed.
func (w *World) begun(t *testing.T, caseID comity.ID) Exhibit {
	t.Helper()
	return w.begin(t, w.beginOrder(t, "investigator@KZ", caseID))
}

// begin has KZ's investigator begin what an order says.
func (w *World) begin(t *testing.T, o custodian.BeginOrder) Exhibit {
	t.Helper()
	b, err := w.Local.Begin(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	h, err := envelope.ParseHeader(b.Header)
	if err != nil {
		t.Fatal(err)
	}
	label, _, err := statement.BodyHash(o.Body)
	if err != nil {
		t.Fatal(err)
	}
	part := envelope.SealedPart{CipherSize: h.CipherSize(0), CipherSHA256: sha256.Sum256([]byte("part" + o.Evidence)), Nonce: [12]byte{1}}
	e := Exhibit{Case: o.Case, ID: o.Evidence, Header: b.Header, WrappedKey: b.WrappedKey,
		Declared: statement.Completed(h, label, []envelope.SealedPart{part}, sha256.Sum256([]byte("plain"+o.Evidence)))}
	e.DEK = w.openSealed(t, "investigator@KZ", b.SealedKey, o.Act, e)
	return e
}

// openSealed verifies and opens a sealed key as the officer's client does, and
// checks it against the header's commitment.
func (w *World) openSealed(t *testing.T, officer, sealed, act string, e Exhibit) []byte {
	t.Helper()
	sk, err := w.Union.Directory.VerifySealedKey(sealed)
	if err != nil {
		t.Fatal(err)
	}
	h, err := envelope.ParseHeader(e.Header)
	if err != nil {
		t.Fatal(err)
	}
	dek, err := statement.DecryptKey(sk, w.session(t, officer).key, statement.Want{ActJWS: act, Evidence: e.ID,
		HeaderHash: headerHash(t, e.Header), Now: w.Union.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	key, err := envelope.NewKey(dek)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Check(h); err != nil {
		t.Fatal(err)
	}
	return dek
}

// openAct is the act of an officer who opens an exhibit.
func (w *World) openAct(t *testing.T, officer string, e Exhibit, grant comity.ID, p comity.Purpose) statement.Act {
	t.Helper()
	return statement.Act{Act: statement.ActEvidenceOpen, Record: e.ID, HeaderHash: headerHash(t, e.Header), Grant: grant, Purpose: p,
		RecipientJKT: thumb(t, w.session(t, officer).key)}
}

// Order is an order to release a completed exhibit, which the log has.
func (w *World) Order(t *testing.T, officer string, e Exhibit, grant comity.ID, p comity.Purpose) custodian.ReleaseOrder {
	t.Helper()
	o := custodian.ReleaseOrder{Asker: w.asker(t, officer, w.openAct(t, officer, e, grant, p), statement.OpenBody{}),
		Case: e.Case, Evidence: e.ID, Header: e.Header, WrappedKey: e.WrappedKey,
		ObjectVersion: "v1", Recipient: jwk(w.session(t, officer).key)}
	o.Proof = w.prove(t, w.log.add(t, w.opening(t, "KZ", w.content(t, officer, o, grant, p))))
	return o
}

// terms is a grant to Armenia's cyber agency for a week.
func (w *World) terms(exhibits ...comity.ID) statement.GrantBody {
	return statement.GrantBody{ID: comity.NewID(comity.KindGrant), Category: tokentest.Category, Grantee: comity.Grantee{State: "AM", Agency: "AM/cyber"}, Scope: comity.ScopeFull, Exhibits: exhibits,
		Grade: comity.GradeLead, Caveats: comity.Caveats{Marking: comity.DefaultMarking}, Purpose: comity.PurposeInvestigation,
		Agreement: tokentest.Agreement, Release: comity.NewID(comity.KindRelease), NotBefore: w.now() - 1, NotAfter: w.now() + 7*24*3600}
}

// signOrder makes the order for a statement, its act by officer.
func (w *World) signOrder(t *testing.T, officer string, kind statement.Kind, act string, on, id, record comity.ID, body any) custodian.SignOrder {
	t.Helper()
	canonical, err := statement.Canonical(body)
	if err != nil {
		t.Fatal(err)
	}
	return custodian.SignOrder{Asker: w.asker(t, officer, statement.Act{Act: act, Record: on}, body), Kind: kind, ID: id, Record: record,
		Body: canonical}
}

func (w *World) grantOrder(t *testing.T, officer string, caseID comity.ID, b statement.GrantBody) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindGrant, statement.ActGrantMake, caseID, b.ID, caseID, b)
}

// pairedOrder is a grant that the officer signs as one of two.
func (w *World) pairedOrder(t *testing.T, officer string, caseID comity.ID, b statement.GrantBody) custodian.SignOrder {
	t.Helper()
	o := w.grantOrder(t, officer, caseID, b)
	o.Asker = w.asker(t, officer, statement.Act{Act: statement.ActGrantMake, Record: caseID, Seconded: true}, b)
	return o
}

func (w *World) narrowOrder(t *testing.T, officer string, grant, caseID comity.ID, b statement.NarrowBody) custodian.SignOrder {
	t.Helper()
	b.Case = caseID
	return w.signOrder(t, officer, statement.KindNarrowing, statement.ActGrantNarrow, grant, grant, caseID, b)
}

func (w *World) revokeOrder(t *testing.T, officer string, grant, caseID comity.ID) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindRevocation, statement.ActGrantRevoke, grant, grant, caseID, statement.RevokeBody{Case: caseID, Reason: "done"})
}

func (w *World) reserveOrder(t *testing.T, officer string, caseID comity.ID) custodian.SignOrder {
	t.Helper()
	return w.signOrder(t, officer, statement.KindReservation, statement.ActCaseReserve, caseID, caseID, caseID, statement.ReserveBody{Reason: "domestic"})
}

// sign has an order signed, which must succeed.
func (w *World) sign(t *testing.T, o custodian.SignOrder) string {
	t.Helper()
	return signed(t, w.Local, o)
}

func signed(t *testing.T, l *custodian.Local, o custodian.SignOrder) string {
	t.Helper()
	s, err := l.Sign(t.Context(), o)
	if err != nil {
		t.Fatalf("sign %s: %v", o.Kind, err)
	}
	return s
}

func (w *World) apply(t *testing.T, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := w.Local.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

// Granted signs and applies a grant.
func (w *World) Granted(t *testing.T, caseID comity.ID, b statement.GrantBody) (id comity.ID, jws string) {
	t.Helper()
	o := w.grantOrder(t, "liaison@KZ", caseID, b)
	jws = w.sign(t, o)
	w.apply(t, jws)
	return o.ID, jws
}

// open releases and opens an exhibit, which must succeed.
func (w *World) open(t *testing.T, officer string, e Exhibit, grant comity.ID) {
	t.Helper()
	w.openFor(t, officer, e, grant, comity.PurposeInvestigation)
}

func (w *World) openFor(t *testing.T, officer string, e Exhibit, grant comity.ID, p comity.Purpose) {
	t.Helper()
	o := w.Order(t, officer, e, grant, p)
	sealed, err := w.Local.Release(t.Context(), o)
	if err != nil {
		t.Fatalf("%s opens: %v", officer, err)
	}
	if got := w.openSealed(t, officer, sealed, o.Act, e); string(got) != string(e.DEK) {
		t.Fatal("the released key is another")
	}
}

// refusal is how something must be refused.
type refusal struct {
	code    comity.Code
	article comity.Article
}

func denied(a comity.Article) refusal { return refusal{comity.CodeDenied, a} }

var (
	absent          = refusal{code: comity.CodeNotFound}
	invalid         = refusal{code: comity.CodeInvalid}
	conflict        = refusal{code: comity.CodeConflict}
	unauthenticated = refusal{code: comity.CodeUnauthenticated}
)

func refused(t *testing.T, what string, err error, want refusal) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: not refused", what)
		return
	}
	got := refusal{code: comity.CodeOf(err)}
	if e, ok := errors.AsType[*comity.Error](err); ok {
		got.article = e.Article
	}
	if got != want {
		t.Errorf("%s: refused with %v %v (%v), want %v %v", what, got.code, got.article, err, want.code, want.article)
	}
}

// closed checks that the grant does not open the exhibit.
func (w *World) closed(t *testing.T, what, officer string, e Exhibit, grant comity.ID, want refusal) {
	t.Helper()
	w.closedFor(t, what, officer, e, grant, comity.PurposeInvestigation, want)
}

func (w *World) closedFor(t *testing.T, what, officer string, e Exhibit, grant comity.ID, p comity.Purpose, want refusal) {
	t.Helper()
	_, err := w.Local.Release(t.Context(), w.Order(t, officer, e, grant, p))
	refused(t, what, err, want)
}

func jwk(key *ecdsa.PrivateKey) jose.JSONWebKey { return statement.PublicJWK(key) }

func thumb(t *testing.T, key any) string {
	t.Helper()
	s, err := statement.Thumbprint(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func headerHash(t *testing.T, header []byte) string {
	t.Helper()
	h, err := envelope.ParseHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	sum := h.Hash()
	return hex.EncodeToString(sum[:])
}
