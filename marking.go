package comity

import "slices"

// TLP is a Traffic Light Protocol 2.0 label (FIRST): with whom it may be shared.
type TLP string

// The labels, least restricted first.
const (
	TLPClear       TLP = "CLEAR"
	TLPGreen       TLP = "GREEN"
	TLPAmber       TLP = "AMBER"
	TLPAmberStrict TLP = "AMBER_STRICT"
	TLPRed         TLP = "RED"
)

// Rank orders labels by restriction, -1 when t is none.
func (t TLP) Rank() int {
	for i, l := range []TLP{TLPClear, TLPGreen, TLPAmber, TLPAmberStrict, TLPRed} {
		if t == l {
			return i
		}
	}
	return -1
}

// PAP is a Permissible Actions Protocol label: what may be done with it.
type PAP string

// The labels, least restricted first.
const (
	PAPClear PAP = "CLEAR"
	PAPGreen PAP = "GREEN"
	PAPAmber PAP = "AMBER"
	PAPRed   PAP = "RED"
)

// Rank orders labels by restriction, -1 when p is none.
func (p PAP) Rank() int {
	for i, l := range []PAP{PAPClear, PAPGreen, PAPAmber, PAPRed} {
		if p == l {
			return i
		}
	}
	return -1
}

// Handling is a handling code in the manner of Europol's: H0 none stated, H1
// not for use in court without leave, H2 no onward disclosure without leave,
// H3 restrictions as the caveat's text says.
type Handling string

// The handling codes.
const (
	H0 Handling = "H0"
	H1 Handling = "H1"
	H2 Handling = "H2"
	H3 Handling = "H3"
)

// Valid reports whether h is a handling code.
func (h Handling) Valid() bool { return h == H0 || h == H1 || h == H2 || h == H3 }

// Marking is what the originator says of a record's handling. It stays clear
// beside the sealed text and is bound to it, so that a flipped label is noticed.
type Marking struct {
	TLP      TLP      `json:"tlp"`
	PAP      PAP      `json:"pap"`
	Handling Handling `json:"handling"`
}

// DefaultMarking is the marking of a record whose originator stated none:
// the need-to-know of the own organisation, passive use, no handling code.
var DefaultMarking = Marking{TLP: TLPAmber, PAP: PAPAmber, Handling: H0}

// Check says which part of the marking is not a label.
func (m Marking) Check() error {
	switch {
	case m.TLP.Rank() < 0:
		return Invalid("tlp", "this is not a TLP 2.0 label")
	case m.PAP.Rank() < 0:
		return Invalid("pap", "this is not a PAP label")
	case !m.Handling.Valid():
		return Invalid("handling", "this is not a handling code")
	}
	return nil
}

// AsStrict reports whether m allows nothing that other does not. Handling codes
// have no order: one may be set, and then stays.
func (m Marking) AsStrict(other Marking) bool {
	return m.TLP.Rank() >= other.TLP.Rank() && m.PAP.Rank() >= other.PAP.Rank() && (m.Handling == other.Handling || other.Handling == H0)
}

// Meet gives what both markings allow. Of two handling codes m's stays.
func (m Marking) Meet(other Marking) Marking {
	if other.TLP.Rank() > m.TLP.Rank() {
		m.TLP = other.TLP
	}
	if other.PAP.Rank() > m.PAP.Rank() {
		m.PAP = other.PAP
	}
	if m.Handling == H0 {
		m.Handling = other.Handling
	}
	return m
}

// Classification is the level of state secrecy that an originator declares of a
// record's words. Above the union's ceiling it is refused at the door (Article 9);
// below it stands with the words, and is sealed as they are. "" declares none, and
// counts as unclassified.
type Classification string

// The levels, the lowest first.
const (
	Unclassified Classification = "UNCLASSIFIED"
	Restricted   Classification = "RESTRICTED"
	Confidential Classification = "CONFIDENTIAL"
	Secret       Classification = "SECRET"
	TopSecret    Classification = "TOP_SECRET"
)

// Classifications are the levels, the lowest first.
var Classifications = []Classification{Unclassified, Restricted, Confidential, Secret, TopSecret}

// Highest is the highest level that is declared of any of several records. One
// that is no level is above all, so that nothing passes by a name that nobody knows.
func Highest(declared ...Classification) Classification {
	highest := Unclassified
	for _, c := range declared {
		switch rank := slices.Index(Classifications, c); {
		case rank < 0 && c != "":
			return c
		case rank > slices.Index(Classifications, highest):
			highest = c
		}
	}
	return highest
}
