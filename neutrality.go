package comity

import (
	"slices"
	"time"
)

// Character is what a matter is predominantly of, judged by act, motive and
// context, not by target (Article 5; cf. INTERPOL's Constitution, article 3).
type Character string

// The characters. Only what is predominantly ordinary is shareable.
const (
	CharacterOrdinary  Character = "ORDINARY"
	CharacterPolitical Character = "POLITICAL"
	CharacterMilitary  Character = "MILITARY"
	CharacterReligious Character = "RELIGIOUS"
	CharacterRacial    Character = "RACIAL"
)

// Characters lists them.
var Characters = []Character{CharacterOrdinary, CharacterPolitical, CharacterMilitary, CharacterReligious, CharacterRacial}

// Valid reports whether c is one of them.
func (c Character) Valid() bool { return slices.Contains(Characters, c) }

// Assessed is the latest assessment of a case, as its row keeps it; the zero
// value where nobody assessed it.
type Assessed struct {
	Category  Category   `json:"category"` // that the case had then
	Character Character  `json:"character"`
	By        OfficerRef `json:"by"`
}

// Shareable reports whether the assessment carries the sharing of a case that
// is in a prone category: it found the matter ordinary as what the case is now.
func (a Assessed) Shareable(now Category) bool {
	return a.Character == CharacterOrdinary && a.Category == now
}

// Adverse reports whether it found the matter not to be shareable, whatever the
// case is called since.
func (a Assessed) Adverse() bool { return a.Character != "" && a.Character != CharacterOrdinary }

// Assessment is an officer's recorded judgement of a case's predominant
// character, by another officer than filed it.
type Assessment struct {
	ID        ID
	Case      ID
	State     State
	Officer   OfficerRef
	Function  string
	Category  Category
	Character Character
	CreatedAt time.Time
}

// AssessmentText is the sealed part of an assessment: the state's statement of
// it (JWS), which carries the reasons.
type AssessmentText struct {
	Statement string `json:"statement"`
}

// Objection is what the recipient of a grant holds against it, on record: that
// the matter is predominantly of a character which is not shareable.
type Objection struct {
	ID        ID
	Grant     ID
	Case      ID
	State     State // that objects, the grantee's
	To        State // the originator
	Officer   OfficerRef
	Function  string
	Ground    Character
	CreatedAt time.Time
	Statement string // of the objecting state (JWS)
}
