package statement

import "github.com/comity-platform/comity"

// The bodies of acts. The act's body_hash is over the canonical JSON of one of
// these, and a state's statement repeats the body, byte for byte.
type (
	// BeginBody opens an exhibit's upload; the act's record is the case.
	BeginBody struct {
		MediaType string `json:"mediaType"`
		Original  bool   `json:"original"`
		Size      int64  `json:"size"`
		Name      string `json:"name"`
		ClaimMD5  string `json:"claimMd5,omitempty"`
		ClaimSHA1 string `json:"claimSha1,omitempty"`
	}
	// CompleteBody declares what was uploaded; the act's record is the exhibit.
	// [Completed] makes it.
	CompleteBody struct {
		BeginHash   string `json:"beginHash"`  // hex, the body_hash of the act that began it: its name, media type and claims
		HeaderHash  string `json:"headerHash"` // hex, of the container's header
		Root        string `json:"root"`       // hex, see envelope.Root
		Nonces      string `json:"nonces"`     // hex, see envelope.Nonces
		PlainSHA256 string `json:"plainSha256"`
		Size        int64  `json:"size"` // bytes of plaintext
		Parts       int    `json:"parts"`
	}
	// OpenBody asks for an exhibit's key; the act's record is the exhibit and
	// its header_hash, purpose, grant (abroad) and recipient_jkt are set.
	OpenBody struct{}
	// GrantBody is the terms of a grant; the act's record is the case. The
	// liaison's client chooses the id, so that one act makes one grant, and the
	// liaison can end it whatever the server answers or keeps to itself.
	GrantBody struct {
		ID         comity.ID       `json:"id"`
		Category   comity.Category `json:"category"` // of the case: what the agreement must cover
		Grantee    comity.Grantee  `json:"grantee"`
		Scope      comity.Scope    `json:"scope"`
		Exhibits   []comity.ID     `json:"exhibits,omitempty"`
		Subjects   []comity.ID     `json:"subjects,omitempty"` // victims, witnesses and minors who are named
		Grade      comity.Grade    `json:"grade"`
		Assistance string          `json:"assistance,omitempty"`
		Caveats    comity.Caveats  `json:"caveats"`
		Purpose    comity.Purpose  `json:"purpose"`
		Agreement  string          `json:"agreement"`
		Release    comity.ID       `json:"release"` // "" in an emergency
		// Emergency: life is in danger, and one liaison grants alone. It opens
		// nothing any more [comity.EmergencyAge] after it was signed unless another
		// liaison confirms it (Article 8).
		Emergency string    `json:"emergency,omitempty"` // what the danger is, "" in no emergency
		Request   comity.ID `json:"request,omitempty"`
		NotBefore int64     `json:"notBefore"` // Unix seconds
		NotAfter  int64     `json:"notAfter"`
	}
	// NarrowBody is the terms that remain; the act's record is the grant.
	NarrowBody struct {
		Case     comity.ID      `json:"case"` // of the grant
		Scope    comity.Scope   `json:"scope"`
		Exhibits []comity.ID    `json:"exhibits,omitempty"`
		Subjects []comity.ID    `json:"subjects,omitempty"`
		Caveats  comity.Caveats `json:"caveats"`
		NotAfter int64          `json:"notAfter"`
	}
	// RevokeBody ends a grant; the act's record is the grant.
	RevokeBody struct {
		Case   comity.ID `json:"case"` // of the grant
		Reason string    `json:"reason,omitempty"`
	}
	// ConfirmBody confirms what one liaison granted in danger to life; the act's
	// record is the grant. It runs then until NotAfter, at most its own end.
	ConfirmBody struct {
		Case     comity.ID `json:"case"`    // of the grant
		Release  comity.ID `json:"release"` // the release decision that carries it by now
		NotAfter int64     `json:"notAfter"`
	}
	// AssessBody is an assessment of a case's predominant character, by act,
	// motive and context; the act's record is the case. The officer's client
	// chooses the id.
	AssessBody struct {
		ID        comity.ID        `json:"id"`
		Category  comity.Category  `json:"category"` // of the case as it was read
		Character comity.Character `json:"character"`
		Conduct   string           `json:"conduct"` // what was done
		Motive    string           `json:"motive"`
		Context   string           `json:"context"`
	}
	// ObjectBody objects to a grant as its recipient; the act's record is the grant.
	ObjectBody struct {
		ID     comity.ID        `json:"id"`
		Case   comity.ID        `json:"case"` // of the grant
		Ground comity.Character `json:"ground"`
	}
	// ReserveBody reserves a case; the act's record is the case.
	ReserveBody struct {
		Reason string `json:"reason"`
	}
	// LiftBody lifts the reservation of a case; the act's record is the case.
	LiftBody struct {
		Reason string `json:"reason"`
	}
	// CategoryBody reserves a category of the state, or lifts its reservation;
	// the act's record is the reservation, whose id the client of the officer
	// who reserves chooses.
	CategoryBody struct {
		Category comity.Category `json:"category"`
		Reason   string          `json:"reason"`
	}
	// HoldBody places a hold; the act's record is the case. The officer's client
	// chooses the id. A hold that names a request is a preservation: it ends by
	// itself, within [PreservationAge].
	HoldBody struct {
		ID       comity.ID `json:"id"`
		Reason   string    `json:"reason"`
		Request  comity.ID `json:"request,omitempty"`
		NotAfter int64     `json:"notAfter,omitempty"` // Unix seconds, excluded; 0: until it is released
	}
	// HoldReleaseBody releases a hold; the act's record is the hold.
	HoldReleaseBody struct {
		Case   comity.ID `json:"case"` // of the hold
		Reason string    `json:"reason"`
	}
	// WithdrawBody withdraws a case; the act's record is the case. The client of
	// the officer who proposes it chooses the id.
	WithdrawBody struct {
		ID     comity.ID `json:"id"`
		Reason string    `json:"reason"`
	}
	// WithdrawCancelBody cancels a withdrawal; the act's record is the withdrawal.
	WithdrawCancelBody struct {
		Case   comity.ID `json:"case"` // of the withdrawal
		Reason string    `json:"reason"`
	}
	// RefuseBody refuses a request; the act's record is the request.
	RefuseBody struct {
		Ground comity.Ground `json:"ground"`
		Note   string        `json:"note,omitempty"`
	}
	// DutyBody sets a shift on the state's duty roster; the act's record is the
	// shift, whose id the officer's client chooses.
	DutyBody struct {
		ID      comity.ID         `json:"id"`
		Officer comity.OfficerRef `json:"officer"`
		From    int64             `json:"from"`              // Unix seconds, included
		Until   int64             `json:"until"`             // excluded
		Contact string            `json:"contact,omitempty"` // "": the standing one of the manifest
	}
	// EraseBody erases the state's own openings of the record of acts; the act's
	// record is the erasure, whose id the client of the officer who proposes it chooses.
	EraseBody struct {
		ID     comity.ID `json:"id"`
		Before int64     `json:"before"` // Unix seconds, excluded: of leaves from before it
		Reason string    `json:"reason"`
	}
)
