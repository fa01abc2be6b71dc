package storage

import "github.com/comity-platform/comity"

// Granted is what a state as such knows of a grant that it received, whoever in it
// the grant is to.
type Granted struct {
	ID      comity.ID
	Case    comity.ID
	State   comity.State // that granted
	To      comity.State
	Marking comity.Marking // by which what it opens is handled
	// Statement is the originator's over its making, held against what the row says.
	Statement string
}

// GrantedReader finds what the viewer's state was granted, also what has ended, and
// never what was not active.
type GrantedReader interface {
	// Granted finds it by id, for liaisons and the authority of the state.
	Granted(v Viewer, ids []comity.ID) (map[comity.ID]Granted, error)
	// GrantedBehind gives the grants under which officers of the state read what
	// notices are about, by which the notices reached it: of an officer who is
	// neither liaison nor of the authority, those under which that one read.
	GrantedBehind(v Viewer, notices []comity.ID) (map[comity.ID][]Granted, error)
}
