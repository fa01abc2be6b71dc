package comity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
)

// Kind says what an [ID] names. It is part of the id's text, so that an id of
// one kind given where another is wanted is refused before anything is looked up.
type Kind string

// The kinds of records.
const (
	KindCase       Kind = "case"
	KindEntry      Kind = "entry"
	KindSubject    Kind = "subject"
	KindObservable Kind = "observable"
	KindEvidence   Kind = "evidence"
	KindCustody    Kind = "custody"
	KindRequest    Kind = "request"
	KindMessage    Kind = "message"
	KindRelease    Kind = "release"
	KindGrant      Kind = "grant"
	KindRefusal    Kind = "refusal"
	KindMandate    Kind = "mandate"
	KindLeaf       Kind = "leaf"

	KindReservation Kind = "reservation" // of a category; a case's reservation is named by the case
	KindHold        Kind = "hold"
	KindWithdrawal  Kind = "withdrawal"

	KindProposal Kind = "proposal"

	KindAssessment Kind = "assessment"
	KindObjection  Kind = "objection"

	KindAnnotation Kind = "annotation"
	KindReferral   Kind = "referral"
	KindNotice     Kind = "notice"
	KindCompelled  Kind = "compelled" // a disclosure

	KindShift       Kind = "shift" // of a duty roster
	KindUndertaking Kind = "undertaking"

	KindStanding Kind = "standing" // grant, to a joint team

	KindErasure Kind = "erasure" // of openings of the record of acts
)

var kinds = map[Kind]bool{
	KindCase: true, KindEntry: true, KindSubject: true, KindObservable: true, KindEvidence: true,
	KindCustody: true, KindRequest: true, KindMessage: true, KindRelease: true, KindGrant: true,
	KindRefusal: true, KindMandate: true, KindLeaf: true,
	KindReservation: true, KindHold: true, KindWithdrawal: true,
	KindProposal: true, KindAssessment: true, KindObjection: true,
	KindAnnotation: true, KindReferral: true, KindNotice: true, KindCompelled: true,
	KindShift:       true,
	KindUndertaking: true,
	KindStanding:    true,
	KindErasure:     true,
}

// Indefinite names one of the kind in a sentence, as in "an exhibit".
func (k Kind) Indefinite() string {
	switch k {
	case KindEntry, KindObservable, KindAssessment, KindObjection, KindAnnotation, KindUndertaking, KindErasure:
		return "an " + string(k)
	case KindEvidence:
		return "an exhibit"
	case KindCustody:
		return "a custody event"
	case KindCompelled:
		return "a compelled disclosure"
	case KindStanding:
		return "a standing grant"
	}
	return "a " + string(k)
}

// idVersion is the version of the id's form, kept in every id so that another
// form can be told apart later.
const idVersion = "1"

// base32 in lower case: ids then also serve as key names in Vault and object
// names in a store, neither of which takes every character of base64url.
var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ID is the public, opaque name of one record: its kind, the version of the
// form, and a random UUIDv4 (RFC 9562) in 26 letters, as in
// "case1_mfrggzdfmztwq2lkmfrggzdfmy". Ids compare byte-exact and tell nothing.
type ID string

// NewID makes a random id.
func NewID(k Kind) ID {
	var u [16]byte
	_, _ = rand.Read(u[:]) // never fails since Go 1.24
	return idOf(k, u)
}

// DerivedID makes the one id of a kind that follows from what it is made of, so that
// what is made from the same parts a second time is found to be made already.
func DerivedID(k Kind, parts ...string) ID {
	h := sha256.New()
	for _, p := range append([]string{string(k)}, parts...) {
		_ = binary.Write(h, binary.BigEndian, uint64(len(p))) // a hash takes everything
		h.Write([]byte(p))
	}
	return idOf(k, [16]byte(h.Sum(nil)[:16]))
}

func idOf(k Kind, u [16]byte) ID {
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return ID(string(k) + idVersion + "_" + idEncoding.EncodeToString(u[:]))
}

// ParseID reads an id from outside. With want it must be of one of those kinds.
func ParseID(s string, want ...Kind) (ID, error) {
	name, rest, ok := strings.Cut(s, "_")
	kind, version := Kind(strings.TrimSuffix(name, idVersion)), strings.HasSuffix(name, idVersion)
	if !ok || !version || !kinds[kind] || len(rest) != 26 {
		return "", Invalid("id", "this is not an id of a record")
	}
	raw, err := idEncoding.DecodeString(rest)
	// Re-encoding refuses a second spelling of the same id (unused bits set).
	if err != nil || idEncoding.EncodeToString(raw) != rest || raw[6]&0xf0 != 0x40 || raw[8]&0xc0 != 0x80 {
		return "", Invalid("id", "this is not an id of a record")
	}
	for _, w := range want {
		if w == kind {
			return ID(s), nil
		}
	}
	if len(want) > 0 {
		return "", Invalid("id", fmt.Sprintf("this is the id of %s, wanted that of %s", kind.Indefinite(), want[0].Indefinite()))
	}
	return ID(s), nil
}

// Kind returns the kind that the id names, "" when it is not an id.
func (id ID) Kind() Kind {
	name, _, _ := strings.Cut(string(id), "_")
	if k := Kind(strings.TrimSuffix(name, idVersion)); kinds[k] {
		return k
	}
	return ""
}
