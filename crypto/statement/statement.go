// Package statement holds everything in Comity that somebody signs: officers'
// acts, the statements of a state (grants, narrowings, revocations, confirmations,
// reservations, refusals, receipts, and proposals of these), the custodian's sealed keys, and
// the manifests in which each state's offline root says who speaks for it.
//
// All are JWS (RFC 7515) in compact form with the algorithms ES256 and EdDSA
// only and a typ of their own, so that none can be taken for another. Each
// stands without the server: it is verified against the state's manifest, and
// the manifest against a pinned root.
package statement

import (
	"encoding/json"
	"time"

	"github.com/comity-platform/comity"
)

// The typ header (RFC 7515, section 4.1.9) of each signed thing.
const (
	TypAct       = "comity-act+jws"
	TypStatement = "comity-statement+jws"
	TypSealedKey = "comity-sealed-key+jws"
	TypManifest  = "comity-manifest+jws"
)

// The acts that an officer signs.
const (
	ActEvidenceBegin    = "evidenceBegin"
	ActEvidenceComplete = "evidenceComplete"
	ActEvidenceOpen     = "evidenceOpen"
	ActGrantMake        = "grantMake"
	ActGrantNarrow      = "grantNarrow"
	ActGrantRevoke      = "grantRevoke"
	ActGrantConfirm     = "grantConfirm"
	ActCaseReserve      = "caseReserve"
	ActRequestRefuse    = "requestRefuse"

	ActCaseAssess          = "caseAssess"
	ActGrantObject         = "grantObject"
	ActCaseReserveLift     = "caseReserveLift"
	ActCategoryReserve     = "categoryReserve"
	ActCategoryReserveLift = "categoryReserveLift"
	ActHoldPlace           = "holdPlace"
	ActHoldRelease         = "holdRelease"
	ActCaseWithdraw        = "caseWithdraw"
	ActCaseWithdrawCancel  = "caseWithdrawCancel"

	ActAnnotationAdd    = "annotationAdd"
	ActAnnotationAnswer = "annotationAnswer"
	ActReferralOffer    = "referralOffer" // also of a changed offer
	ActReferralAnswer   = "referralAnswer"
	ActNoticeSend       = "noticeSend"
	ActNoticeAnswer     = "noticeAnswer"
	ActDisclosureNotify = "disclosureNotify"
	ActDisclosureObject = "disclosureObject"

	ActDutySet           = "dutySet"
	ActUndertakingGive   = "undertakingGive"
	ActUndertakingAnswer = "undertakingAnswer"

	ActCaseContribute       = "caseContribute"
	ActContributionWithdraw = "contributionWithdraw"
	ActStandingMake         = "standingMake"
	ActStandingEnd          = "standingEnd"

	ActLogErase = "logErase"
)

// Freshness is how long before or after the verifier's clock an act may have
// been signed; nonces are remembered for as long.
const Freshness = 2 * time.Minute

// Act is what an officer's client signs with the session key that the token
// names, so that a server turned against its users can neither swap in a key
// of its own nor invent a grant.
type Act struct {
	Union        string         `json:"union"`
	Act          string         `json:"act"`
	Record       comity.ID      `json:"record"`                // the case, exhibit, grant or request acted on
	HeaderHash   string         `json:"header_hash,omitempty"` // hex, of an exhibit's header
	Grant        comity.ID      `json:"grant,omitempty"`
	Purpose      comity.Purpose `json:"purpose,omitempty"`
	BodyHash     string         `json:"body_hash"`               // hex SHA-256 of the body's canonical JSON (RFC 8785)
	RecipientJKT string         `json:"recipient_jkt,omitempty"` // RFC 7638 thumbprint of the key to seal to
	// Seconded: the officer signs a grant as one of two liaisons, as the first or
	// as the second, so that nobody can take it for that of one alone.
	Seconded bool   `json:"seconded,omitempty"`
	Nonce    string `json:"nonce"`
	IssuedAt int64  `json:"iat"` // Unix seconds
}

// Asker is what a custodian judges an officer by: the token and the signed act,
// both verified anew.
type Asker struct {
	Token string // the officer's token, as the exchange received it
	Act   string // JWS of an [Act]
}

// Kind is what a statement of a state says.
type Kind string

// The kinds of statements.
const (
	KindGrant        Kind = "grant"
	KindNarrowing    Kind = "narrowing"
	KindRevocation   Kind = "revocation"
	KindConfirmation Kind = "confirmation"
	KindReservation  Kind = "reservation"
	KindRefusal      Kind = "refusal"
	KindReceipt      Kind = "receipt"

	KindAssessment          Kind = "assessment"
	KindObjection           Kind = "objection" // by the grantee's state
	KindLifting             Kind = "lifting"
	KindCategoryReservation Kind = "categoryReservation"
	KindCategoryLifting     Kind = "categoryLifting"
	KindHold                Kind = "hold"
	KindHoldRelease         Kind = "holdRelease"
	KindWithdrawal          Kind = "withdrawal"
	KindCancellation        Kind = "cancellation" // of a withdrawal

	KindAnnotation       Kind = "annotation"
	KindAnnotationAnswer Kind = "annotationAnswer"
	KindReferral         Kind = "referral"
	KindReferralAnswer   Kind = "referralAnswer"
	KindNotice           Kind = "notice"
	KindNoticeAnswer     Kind = "noticeAnswer"
	KindCompelled        Kind = "compelled" // a compelled disclosure
	KindCompelledAnswer  Kind = "compelledAnswer"

	KindShift             Kind = "shift" // of a duty roster
	KindUndertaking       Kind = "undertaking"
	KindUndertakingAnswer Kind = "undertakingAnswer"

	KindContribution    Kind = "contribution" // of a case to a joint team
	KindContributionEnd Kind = "contributionEnd"
	KindStanding        Kind = "standing" // a standing grant to a joint team
	KindStandingEnd     Kind = "standingEnd"

	KindErasure Kind = "erasure" // of the state's openings of the record of acts

	// KindProposal is the first half of what takes two officers: nothing is in
	// force by it. Of says what it proposes.
	KindProposal Kind = "proposal"
)

// ProposalAge is how long the second officer has: an older proposal has lapsed.
const ProposalAge = 72 * time.Hour

const (
	// WithdrawalAge is how long a case stays, for any officer of the authority to
	// cancel it, after its withdrawal was approved.
	WithdrawalAge = 72 * time.Hour
	// WithdrawalLife is how long after that it may still be carried out. One that a
	// hold kept waiting for longer, or that somebody kept back, is signed anew.
	WithdrawalLife = 30 * 24 * time.Hour
	// PreservationAge is the most that a hold for another state's request lasts.
	PreservationAge = 60 * 24 * time.Hour
)

// Statement is what a state's statement key signs, over the signed act of the
// officer whose act it is. A grant and everything about it carries the grant's
// id as ID and the case as Record; a refusal its own id and the request; a
// receipt the exhibit and its case; a hold, a withdrawal and what ends them their
// own id and the case; a reservation and its lifting the case twice, of a category
// the reservation twice; an annotation, a notice and a compelled disclosure their own
// id and the case; a referral and every answer the dispatch twice; a shift, a standing grant and an erasure itself twice; a contribution the release decision that it is, and the case; a proposal what the statement carries that it proposes.
type Statement struct {
	Kind      Kind            `json:"kind"`
	Union     string          `json:"union"`
	State     comity.State    `json:"state"`
	ID        comity.ID       `json:"id"`
	Record    comity.ID       `json:"record"`
	Officer   SignedBy        `json:"officer"`
	Act       string          `json:"act"`  // the officer's act, JWS
	Body      json.RawMessage `json:"body"` // canonical JSON whose SHA-256 is the act's body_hash
	Agreement *AgreementRef   `json:"agreement,omitempty"`
	Of        Kind            `json:"of,omitempty"`     // of a proposal: the kind of statement that it proposes
	Second    *Second         `json:"second,omitempty"` // who approved it, where two officers did the act
	Turns     *Turns          `json:"turns,omitempty"`
	Under     *Under          `json:"under,omitempty"` // of a grant that a standing grant made
	IssuedAt  int64           `json:"iat"`
}

// Turns count how often a case and a category of the state had been reserved, in
// the custodian's register, when the statement was signed: a reservation itself
// included, of a lifting that which it lifts. A grant holds in its own turn only,
// so that it does not revive in whichever order statements come.
type Turns struct {
	Case     int `json:"case,omitempty"`
	Category int `json:"category,omitempty"`
	// Assessment counts the assessments of a case, an assessment's own included.
	Assessment int `json:"assessment,omitempty"`
	// Withdrawals counts those of the case that were cancelled when a withdrawal was signed.
	Withdrawals int `json:"withdrawals,omitempty"`
}

// Second is the second pair of eyes: another officer of the state who, by a key
// of their own, signed the same act over the same body as the first.
type Second struct {
	Officer SignedBy `json:"officer"`
	Act     string   `json:"act"` // JWS
}

// SignedBy is the officer as shown abroad, with the thumbprint of the session
// key that signed the act: the state vouches for the link between them.
type SignedBy struct {
	Function string            `json:"function"`
	Ref      comity.OfficerRef `json:"ref"`
	Agency   comity.AgencyID   `json:"agency"`
	Role     comity.Role       `json:"role"`
	JKT      string            `json:"jkt"`
}

// AgreementRef names the legal basis by id and by the hash that both states'
// manifests carry.
type AgreementRef struct {
	ID   string `json:"id"`
	Hash string `json:"hash"`
	// Ratified is by when both had ratified it, Unix seconds, where a denunciation
	// ends what rests on it: what it ended, no later ratification revives. 0 where
	// grants run out, or neither said when.
	Ratified int64 `json:"ratified,omitempty"`
}

// SealedKey is what a custodian signs when it hands out an exhibit's key: the
// key itself is in Key, a JWE (RFC 7516, ECDH-ES+A256KW, A256GCM) to the key
// that the officer's act named. The plaintext of the JWE is the JSON of
// [KeyMaterial], which repeats the binding.
type SealedKey struct {
	Binding
	Act string `json:"act"` // SHA-256 (hex) of the officer's act that asked for it
	Key string `json:"key"` // JWE
}

// Binding ties a key to one exhibit, one recipient and one request.
type Binding struct {
	Union         string       `json:"union"`
	State         comity.State `json:"state"`
	Case          comity.ID    `json:"case"`
	Evidence      comity.ID    `json:"evidence"`
	BeginHash     string       `json:"begin_hash"` // hex, see [CompleteBody]
	HeaderHash    string       `json:"header_hash"`
	Commitment    string       `json:"commitment"`
	Root          string       `json:"root,omitempty"`         // hex; like the next two empty before completion
	Nonces        string       `json:"nonces,omitempty"`       // hex
	PlainSHA256   string       `json:"plain_sha256,omitempty"` // hex
	ObjectVersion string       `json:"object_version,omitempty"`
	RecipientJKT  string       `json:"recipient_jkt"`
	Nonce         string       `json:"nonce"` // of the act
	Expires       int64        `json:"exp"`
}

// KeyMaterial is the plaintext of a sealed key's JWE.
type KeyMaterial struct {
	Binding
	DEK []byte `json:"dek"`
}

// Manifest is a state's signed, numbered, expiring statement of who speaks for
// it. The exchange's own configuration never vouches for anybody.
type Manifest struct {
	Union        string          `json:"union"`
	State        comity.State    `json:"state"`
	Name         string          `json:"name"`
	Number       int64           `json:"number"` // counts up; an older one is never accepted again
	IssuedAt     time.Time       `json:"issuedAt"`
	Expires      time.Time       `json:"expires"`
	Agencies     []Agency        `json:"agencies"`
	ContactPoint comity.AgencyID `json:"contactPoint"` // where requests to the state arrive
	// Contact is the standing line of the contact point, reached at any hour: a
	// telephone, an e-mail address or a radio call, in the state's own words. It
	// answers whenever nobody is on duty.
	Contact       string            `json:"contact,omitempty"`
	Issuers       []Issuer          `json:"issuers"`
	StatementKeys []json.RawMessage `json:"statementKeys"` // public JWKs (RFC 7517) with kid and alg
	Custodian     string            `json:"custodian"`     // address; "embedded" in the exchange's process
	Store         string            `json:"store"`         // public base URL of the state's object store
	Agreements    []Agreement       `json:"agreements"`    // ratified by this state
	// Offers are the measures that the state carries out for others: what it may
	// use itself where an agreement demands reciprocity (Article 15).
	Offers   []Measure `json:"offers,omitempty"`
	Policies string    `json:"policies"` // hex SHA-256 of the policy set that the state accepts
	Log      LogTrust  `json:"log"`      // whose word about the record of acts it takes
}

// Agency is one of the state's agencies.
type Agency struct {
	ID          comity.AgencyID     `json:"id"`
	Name        string              `json:"name"`
	Competences []comity.Competence `json:"competences"`
}

// Issuer is an OpenID Connect issuer that speaks for officers of the state,
// for the agencies named and in the roles named, and for nobody else.
type Issuer struct {
	URL        string        `json:"url"`
	Agencies   []IssuerScope `json:"agencies"`
	Algorithms []string      `json:"algorithms"` // JWS algorithms its tokens may use
}

// IssuerScope is one agency for which an issuer speaks, and the most it may say.
type IssuerScope struct {
	Agency comity.AgencyID `json:"agency"`
	Roles  []comity.Role   `json:"roles"`
}

// Agreement is a legal basis between states. It is in force between two states
// while both manifests carry it with the same hash (see Agreement.Hash), both
// have ratified it, the instant lies within its dates, and no denunciation has
// taken effect.
type Agreement struct {
	ID         string               `json:"id"`
	Title      string               `json:"title"`
	Parties    []comity.State       `json:"parties"`
	Categories []comity.Category    `json:"categories"`
	Measures   []comity.RequestKind `json:"measures"`
	InForce    time.Time            `json:"inForce"`
	Until      time.Time            `json:"until,omitzero"` // zero: no end
	// Team says that the agreement sets up a joint team of its parties until its end:
	// each contributes cases of its own, and opens them to the others by standing grants.
	Team bool `json:"team,omitempty"`
	// Clocks gives, per urgency, the hours in which a request is answered.
	Clocks map[comity.Urgency]int `json:"clocks"`
	// NoticeDays is how many days after it was declared a denunciation takes
	// effect; 0: at once.
	NoticeDays int `json:"noticeDays,omitempty"`
	// OnDenunciation says what a denunciation does to running grants when it
	// takes effect; "" is END.
	OnDenunciation Denunciation `json:"onDenunciation,omitempty"`
	// Reciprocal are the measures that a party uses only while it offers them
	// itself (Article 15).
	Reciprocal []Measure `json:"reciprocal,omitempty"`

	// What is each state's own word, and no part of the text: neither enters the
	// hash. Ratified is zero where the manifest was made before the date was
	// stated: to carry the agreement was to ratify it.
	Ratified  time.Time `json:"ratified,omitzero"`  // in force for the state from then on
	Denounced time.Time `json:"denounced,omitzero"` // declared then; zero: not
}

// Denunciation is what the denunciation of an agreement does to running grants.
type Denunciation string

// What a denunciation does when it takes effect. No grant is made any more
// under either.
const (
	DenunciationEnds   Denunciation = "END"     // running grants end
	DenunciationRunOut Denunciation = "RUN_OUT" // running grants run to their term
)

// Measure is what a state can be asked to offer in order to use it: a kind of
// request, or [MeasureUrgent].
type Measure string

// MeasureUrgent is the urgent channel: requests of the urgency URGENT.
const MeasureUrgent Measure = "URGENT_CHANNEL"
