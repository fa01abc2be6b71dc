package comity

import "time"

// EvidenceStatus tells how far an exhibit's bytes are.
type EvidenceStatus string

// The statuses of evidence.
const (
	EvidenceUploading EvidenceStatus = "UPLOADING" // begun; parts may be missing
	EvidenceSealed    EvidenceStatus = "SEALED"    // complete and compared with what the store reports
)

// Evidence is the clear part of an exhibit: ciphertext in the originator's own
// store plus custody. Plaintext and its key never reach the exchange.
type Evidence struct {
	ID            ID
	Case          ID
	State         State
	Status        EvidenceStatus
	MediaType     string
	Original      bool  // an original rather than a working copy
	Size          int64 // plaintext bytes
	Header        []byte
	WrappedKey    string // by the originator's custodian
	ObjectKey     string
	UploadID      string
	ObjectVersion string
	Root          [32]byte // ciphertext root: SHA-256 over the parts' digests
	PlainSHA256   [32]byte // of the whole plaintext, declared at completion
	Parts         []EvidencePart
	Receipt       string // the state's signed receipt (JWS), "" before completion
	BegunBy       OfficerRef
	CreatedAt     time.Time
	CompletedAt   time.Time
}

// EvidencePart is one part as the receipt records it.
type EvidencePart struct {
	Number int      `json:"number"` // 1-based, as in S3
	Size   int64    `json:"size"`   // ciphertext bytes
	SHA256 [32]byte `json:"sha256"` // of the ciphertext
	Nonce  [12]byte `json:"nonce"`  // of the part's DARE stream, for random access
}

// EvidenceText is the sealed part of an exhibit.
type EvidenceText struct {
	Name string `json:"name"`
	Note string `json:"note,omitempty"`
	// Claims are hashes of an acquisition tool, kept only to be compared.
	ClaimMD5  string `json:"claimMd5,omitempty"`
	ClaimSHA1 string `json:"claimSha1,omitempty"`

	Classification Classification `json:"classification,omitempty"` // declared of the words
}

// CustodyKind is what happened to an exhibit (ISO/IEC 27037).
type CustodyKind string

// The kinds of custody events.
const (
	CustodyBegun     CustodyKind = "BEGUN"
	CustodySealed    CustodyKind = "SEALED"
	CustodyDisclosed CustodyKind = "DISCLOSED"
	// CustodyNotReleased follows a DISCLOSED whose key the custodian did not release after all.
	CustodyNotReleased CustodyKind = "NOT_RELEASED"
)

// CustodyEvent is one link of an exhibit's chain of custody; append-only.
type CustodyEvent struct {
	ID       ID
	Evidence ID
	Kind     CustodyKind
	Actor    OfficerRef
	Function string
	State    State // of the actor
	Purpose  Purpose
	Grant    ID
	Hash     [32]byte // plaintext hash for SEALED and DISCLOSED
	Act      string   // the officer's signed act (JWS), "" where there is none
	Chain    [32]byte // over the previous link of the same reader's chain and this event
	At       time.Time
}
