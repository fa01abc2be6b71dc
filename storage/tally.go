package storage

import "github.com/comity-platform/comity"

// Count is how many inner records of a kind a case holds, and how many of them
// full scope includes abroad.
type Count struct{ All, Abroad int }

// Tally counts what a case holds. Abroad opens exhibits by name only, so that of
// Evidence, the complete exhibits, only All is set.
type Tally struct{ Entries, Subjects, Observables, Evidence Count }

// TallyReader counts, for a liaison who weighs a grant.
type TallyReader interface {
	// Tally counts what a case holds that the caller has already found visible.
	Tally(c comity.ID) (Tally, error)
}
