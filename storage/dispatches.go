package storage

import (
	"time"

	"github.com/comity-platform/comity"
)

// Dispatch and Delivery are stored records with their sealed text. The words of
// each state are sealed under its own key of the dispatch.
type (
	Dispatch struct {
		comity.Dispatch
		Sealed   []byte // comity.DispatchText of State; of the newest version
		Answered []byte // comity.AnswerText of To; empty while it is not answered
	}
	Delivery struct {
		comity.Delivery
		Answered []byte // comity.AnswerText of To
	}
)

// DispatchView is a dispatch as one viewer may find it.
type DispatchView struct {
	Dispatch
	// Assigned: it is of a case of the viewer's own state that the viewer finds.
	Assigned bool
	// Reader: the viewer read an affected version of a notice's record.
	Reader bool
	// Shown: an annotation that was accepted, of a case that the viewer finds abroad at full scope.
	Shown bool
	// Delivery is the notice's own at the viewer's state; nil of all else.
	Delivery *Delivery
}

// DispatchFilter narrows a list of dispatches of one kind; zero fields do not narrow.
type DispatchFilter struct {
	Kind     comity.DispatchKind // never zero
	Case     comity.ID           // that it is about; of a referral the own case
	Record   comity.ID
	Made     bool         // by the viewer's state
	Received bool         // by the viewer's state
	State    comity.State // the other side
	// Open: waits for an answer at the viewer's instant; of a notice that of the viewer's state.
	Open    bool
	Overdue bool // waits for it longer than its clock
	// Shown: also annotations that were accepted, of a case that is open to the
	// viewer abroad at full scope. The caller knows that it is.
	Shown bool
}

// DispatchReader finds what states hand each other about records. Annotations:
// at the author's state its author, liaisons and authority, at the originator's
// who finds the case, and once accepted whoever finds it at full scope. Referrals
// and undertakings: at the state that makes them who did, liaisons and authority,
// at the other liaisons and authority. Notices: at the originator's who finds the
// case, at a reader's state who read, liaisons and authority. Compelled disclosures:
// at the grantee's who notified, liaisons and authority, at the originator's who
// finds the case, liaisons and authority.
type DispatchReader interface {
	Dispatches(v Viewer, ids []comity.ID) (map[comity.ID]DispatchView, error)
	ListDispatches(v Viewer, f DispatchFilter, p Page) ([]DispatchView, error) // newest first
	CountDispatches(v Viewer, f DispatchFilter, max int) (int, error)          // capped at max
	// Deliveries of notices that the viewer's state sent, by state; of all others none.
	Deliveries(v Viewer, notices []comity.ID) (map[comity.ID][]Delivery, error)
	// Disclosed lists which officers of a state read which version of records
	// that notices are about, earliest first.
	Disclosed(s comity.State, notices []comity.ID) (map[comity.ID][]comity.DisclosureRecord, error)
}

// DispatchWriter writes them.
type DispatchWriter interface {
	InsertDispatch(d Dispatch, wrappedKey string) error // ErrExists
	// LockDispatch locks a dispatch whoever may see it; ErrNotFound.
	LockDispatch(id comity.ID) (Dispatch, error)
	// ChangeReferral writes what a changed offer says; ErrConflict unless it is
	// open and of the version before.
	ChangeReferral(Dispatch) error
	// AnswerDispatch writes status, who answered and the answer; ErrConflict when
	// it is not open.
	AnswerDispatch(Dispatch) error

	// Deliver hands a notice to every state that was shown an affected version,
	// and gives those states.
	Deliver(notice comity.ID, at, due time.Time) ([]comity.State, error)
	// AnswerDelivery is [DispatchWriter.AnswerDispatch] for the notice of one state.
	AnswerDelivery(Delivery) error

	// Disclose keeps what an officer of another state is shown, each version
	// once, and hands the notices there are of it to the officer's state.
	Disclose([]comity.DisclosureRecord) error
}
