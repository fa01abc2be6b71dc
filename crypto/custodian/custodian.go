// Package custodian holds one state's keys and its register of grants, and
// judges for itself who may have what: nothing is sealed, signed or released
// because the exchange says so, but only over an officer's own token and signed
// act, both verified here anew, and by the state's own register.
//
// [Local] is the judge. Beneath it lies the port [Keys] with two adapters that
// pass one suite: vault (HashiCorp Vault's transit and KV engines, the state's
// own) and keyring (files, for the embedded default and development).
package custodian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
	"github.com/comity-platform/comity/crypto/statement"
)

// Custodian is one state's custodian as the exchange calls it: in the server's
// process ([Local]) or, unchanged, beyond a network. Every order carries all
// that the custodian needs to judge it.
//
// Errors are of the root package: comity.Denied with the Article that forbids,
// comity.Unauthenticated for a faulty token or act, comity.Invalid for an order
// that contradicts itself, comity.NotFound where the state holds no such key,
// a CodeLimit for a quota passed, and comity.Unavailable naming the state
// while its keys cannot be reached, or while the directory holds an older
// manifest than one that was judged by before. They carry no secret.
type Custodian interface {
	// State is whose custodian this is.
	State() comity.State
	// NewRecordKey makes the key of a new case or request and, under it, the
	// wrapped 32-byte key that seals the record's text at rest. Repeating it
	// gives another record key under the same key.
	NewRecordKey(ctx context.Context, record comity.ID) (wrapped string, key RecordKey, err error)
	// RecordKey unwraps a record key.
	RecordKey(ctx context.Context, record comity.ID, wrapped string) (RecordKey, error)
	// Begin makes an exhibit's header and data key over an own officer's act
	// evidenceBegin, and enters the exhibit in the register: an id is begun once,
	// with one header, and CONFLICT ever after.
	Begin(ctx context.Context, o BeginOrder) (Begun, error)
	// Release seals an exhibit's data key to the key that the officer's act
	// evidenceOpen names, and answers the JWS of a [statement.SealedKey].
	// What the exhibit is, and whether it is complete, the register says. An
	// officer of the own state may have the key at any time, and so resumes an
	// upload; an officer abroad only of a completed exhibit and under a grant
	// that is live in the register. Nobody has it before the log has the request
	// (Article 14): the order proves so, by a checkpoint that the state's policy
	// takes, its cosignatures no older than [ProofAge]. While a witness is silent
	// that is UNAVAILABLE, and DENIED when the proof is of anything else.
	Release(ctx context.Context, o ReleaseOrder) (string, error)
	// Sign makes a statement of the state over the officer's act and answers
	// its JWS. A narrowing, revocation, reservation or lifting, a hold or what ends
	// it, and the cancellation of a withdrawal are in the register before they are
	// answered, so that what an officer is shown as ended has ended. A narrowing or
	// revocation needs nothing but the act, which names grant and case, and is final
	// for that grant whatever was or will be applied; a reservation likewise ends
	// every grant that was signed before it, lifted or not. A receipt is in the
	// register likewise: one exhibit has one content, and a receipt for another
	// is a CONFLICT; for the same it is signed again. A grant opens nothing, and
	// the acceptance of an undertaking is no legal basis, until [Custodian.Apply];
	// what is declined is none from its signing.
	Sign(ctx context.Context, o SignOrder) (string, error)
	// GrantUnder signs the grant that a standing grant of the state makes of one of
	// its contributions to one grantee: no officer asks for it, since it follows from
	// what two did. It may be repeated, and gives the same grant. It opens nothing
	// until [Custodian.Apply], and ends with the standing grant and with the contribution.
	GrantUnder(ctx context.Context, u statement.Under, to comity.Grantee) (string, error)
	// Apply takes one of the state's own grants, or acceptances of an undertaking,
	// into the register, at most [GrantAge] after it was signed: one that was withheld for longer is DENIED.
	// What is in the register by its signing is there already, and is put there
	// anew should it be missing. It may be repeated and come in any order: a
	// grant that comes after its end is answered nil and opens nothing (or only
	// what the narrowing left).
	Apply(ctx context.Context, jws string) error
	// Standing tells what a grant that reaches an officer of the state still
	// opens of its case by the register, without opening anything, or gives the
	// errors of Release. The exchange asks it before it shows the case's words,
	// and shows no more than it says.
	// Whether the grant has begun is not told here: until then words are kept back
	// by the exchange's clock, and a custodian whose own is behind must not call
	// the grant ended.
	Standing(ctx context.Context, record, grant comity.ID, grantee comity.State) (Limits, error)
	// Withdraw destroys the key of a case by the state's own withdrawal, which
	// carries the acts of two officers of its authority: no sooner than
	// [statement.WithdrawalAge] after it was signed, by the custodian's own clock,
	// and DENIED before and while a hold lies on the case; a CONFLICT once it was
	// cancelled, and when it comes more than [statement.WithdrawalLife] late or is
	// not the one that the register knows of, which cancels it. From then on no grant of the case opens anything, and its key is
	// never made again. It may be repeated, and is when it was interrupted.
	Withdraw(ctx context.Context, jws string) error
	// EnteredCategory is [Custodian.Entered] for a category of the state.
	EnteredCategory(ctx context.Context, c comity.Category) (Entry, error)
	// Entered tells what the register says of one of the state's own cases,
	// grants, contributions or standing grants by itself, for an exchange that does not know whether an end that it
	// asked for was signed.
	Entered(ctx context.Context, record comity.ID) (Entry, error)
	// Keys are the public statement keys, for the state's manifest.
	Keys(ctx context.Context) ([]jose.JSONWebKey, error)
	// Check tells what stands in the way of serving: readiness.
	Check(ctx context.Context) error
}

// Limits are what the register leaves open of a grant.
type Limits struct {
	Scope    comity.Scope
	Exhibits []comity.ID
	Subjects []comity.ID
	Marking  comity.Marking // of the caveats
	NotAfter int64          // Unix seconds, excluded
}

// Entry is the register's word on a case or a grant; the zero value where it
// has none.
type Entry struct {
	Ended  bool    // the grant, the contribution or the standing grant was ended; the case or the category is reserved
	Made   bool    // the contribution or the standing grant is in the register
	Limits *Limits // the most that a grant may open; nil where nothing limits it yet

	Lifted    bool        // the case or the category was reserved, and is no more
	Withdrawn bool        // the case is
	Cancelled []comity.ID // withdrawals of the case
	Held      []comity.ID // holds that lie on the case
	Released  []comity.ID // holds that were released
}

// RecordKey seals a record's text at rest (AES-256). It prints as
// "[record key]" and marshals to nothing.
type RecordKey [32]byte

// Format prints a fixed text for every verb.
func (RecordKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[record key]")) }

// MarshalText refuses, so that no encoder writes or silently loses a key.
func (RecordKey) MarshalText() ([]byte, error) {
	return nil, errors.New("custodian: a record key is not to be marshalled")
}

// BeginOrder asks for a new exhibit's header and key. The act is evidenceBegin
// on the case, over Body, and names Recipient.
type BeginOrder struct {
	statement.Asker
	Case, Evidence comity.ID
	Body           statement.BeginBody
	Recipient      jose.JSONWebKey // P-256; its thumbprint is the act's recipient_jkt
}

// Begun is the answer to a [BeginOrder].
type Begun struct {
	WrappedKey string // the exhibit's data key, wrapped; to be kept with the record
	Header     []byte // envelope header in its canonical bytes, with the commitment
	SealedKey  string // JWS of a [statement.SealedKey], for the officer
}

// ReleaseOrder asks for an exhibit's key. The act is evidenceOpen on the
// exhibit, over [statement.OpenBody], with the header's hash, the purpose,
// the grant (abroad) and the recipient's thumbprint. The object's version is
// passed on as a hint: what its bytes must be, the register says. The proof is
// of the leaf of this very request, opened for the custodian's state.
type ReleaseOrder struct {
	statement.Asker
	Case, Evidence comity.ID
	Header         []byte
	WrappedKey     string
	ObjectVersion  string
	Recipient      jose.JSONWebKey
	Proof          verify.Proof
}

// SignOrder asks for a statement. What each kind takes:
//
//	grant        ID a new grant,   Record its case,    act grantMake on the case, by a liaison
//	narrowing    ID the grant,     Record its case,    act grantNarrow on the grant, by a liaison
//	revocation   ID the grant,     Record its case,    act grantRevoke on the grant, by a liaison
//	confirmation ID the grant,     Record its case,    act grantConfirm on the grant, by another liaison than made it
//	reservation  ID the case,      Record the case,    act caseReserve on the case, by the authority
//	assessment   ID a new one,     Record its case,    act caseAssess on the case
//	objection    ID a new one,     Record the grant,   act grantObject on the grant of another state, by a liaison
//	refusal      ID a new refusal, Record the request, act requestRefuse on the request, by a liaison
//	receipt      ID the exhibit,   Record its case,    act evidenceComplete on the exhibit, by who handles evidence; Header
//	lifting      ID the case,      Record the case,    act caseReserveLift on the case, by two of the authority
//	hold         ID a new hold,    Record its case,    act holdPlace on the case, by the authority, or by a liaison for a request
//	holdRelease  ID the hold,      Record its case,    act holdRelease on the hold, by the authority
//	withdrawal   ID a new one,     Record its case,    act caseWithdraw on the case, by two of the authority
//	cancellation ID the withdrawal, Record its case,   act caseWithdrawCancel on the withdrawal, by the authority
//	annotation   ID a new one,     Record the case of another state, act annotationAdd on the case, by an investigator or a liaison
//	referral     ID and Record the referral,           act referralOffer on it, by a liaison
//	notice       ID a new one,     Record its case,    act noticeSend on the case, by a liaison
//	compelled    ID a new one,     Record the case of another state, act disclosureNotify on the case, by a liaison or the authority
//	annotationAnswer, referralAnswer, noticeAnswer, compelledAnswer
//	             ID and Record the dispatch of another state, acts annotationAnswer, referralAnswer, noticeAnswer and
//	             disclosureObject on it, by who may make such a dispatch
//	shift        ID and Record the shift,              act dutySet on it, by the authority
//	erasure      ID and Record the erasure,            act logErase on it, by two of the authority
//	undertaking, undertakingAnswer
//	             ID and Record the undertaking,        acts undertakingGive on an own and undertakingAnswer on another state's, by the authority
//	categoryReservation, categoryLifting
//	             ID and Record the reservation,        acts categoryReserve and categoryReserveLift on it, by the authority, the latter by two
//
// All officers are the state's own. A statement that takes two of them is
// ordered twice, over the same body: as a proposal of its kind by the first,
// and by the second with what was signed then, within [statement.ProposalAge].
type SignOrder struct {
	statement.Asker
	Kind     statement.Kind
	Of       statement.Kind // of a proposal: the kind that it proposes
	Proposal string         // JWS of the proposal that the officer approves, "" where one officer does the act
	Answered string         // JWS of the other state's undertaking that is answered, "" where nothing else is
	ID       comity.ID
	Record   comity.ID
	Body     json.RawMessage // canonical JSON of the act's body, which names the grant and its case too
	Header   []byte          // of the exhibit that is received
}

// The errors of [Keys]; every other error means that the keys cannot be
// reached just now and that the call may be repeated.
var (
	// ErrAbsent: there is no such key or register entry.
	ErrAbsent = errors.New("custodian: absent")
	// ErrCAS: the register entry is not at the version given.
	ErrCAS = errors.New("custodian: the register entry changed meanwhile")
	// ErrWrapped: the wrapped key does not open under this key and context.
	ErrWrapped = errors.New("custodian: this wrapped key does not open here")
)

// Keys is the port to what holds a state's keys and register. All methods may
// be called from several goroutines and processes at once.
type Keys interface {
	// Signer signs with the state's statement key.
	Signer(ctx context.Context) (statement.Signer, error)
	// CreateKey makes the key of that name unless it exists.
	CreateKey(ctx context.Context, name string) error
	// DestroyKey destroys the key of that name and everything that was ever
	// wrapped under it; nil when there is none. Once it answers nil the key is gone
	// for good.
	DestroyKey(ctx context.Context, name string) error
	// DataKey makes a new random key of 32 bytes and wraps it under the named
	// key and the context. It never makes the named key: [ErrAbsent].
	DataKey(ctx context.Context, name string, context [32]byte) (plain []byte, wrapped string, err error)
	// Unwrap opens what DataKey wrapped under the same name and context:
	// [ErrAbsent], [ErrWrapped].
	Unwrap(ctx context.Context, name string, context [32]byte, wrapped string) ([]byte, error)
	// RegisterGet reads an entry and its version, past every cache: [ErrAbsent].
	RegisterGet(ctx context.Context, key string) (value []byte, version int64, err error)
	// RegisterPut writes an entry, UTF-8 text, if it is at the version given;
	// 0 stands for an entry that does not exist yet: [ErrCAS]. When it answers
	// nil the entry is durable and every reader sees it.
	RegisterPut(ctx context.Context, key string, value []byte, version int64) error
	// Check tells what stands in the way of serving.
	Check(ctx context.Context) error
}
