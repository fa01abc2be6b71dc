package storage

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
)

// Event is that something happened to a record, for one reader of it: ids and no
// content, which is read when the event is told, by whom it is told to.
type Event struct {
	// ID is that of the leaf which told of the act with a number, or names the clock
	// that ran out, so that this is told once.
	ID     string
	Seq    int64 // its place among all events, 0 before it has one
	At     time.Time
	State  comity.State // that is told; "" for those whom the case is granted to
	Kind   comity.EventKind
	Record comity.ID
	// Message on the request that is the record, "" for none.
	Message comity.ID
	// Case that the record is, or is inside of, or is a grant of; "" where none is named.
	Case comity.ID
	// Listed: what changed is shown by every scope of a grant, not by the full one alone.
	Listed bool
}

// ToldEvent is an event with whom it can concern: visibility keys as [ViewerKeys]
// gives them, which hold for everybody who may know of it and for some who may not.
type ToldEvent struct {
	Event
	Viewers []string
}

// EventHead is how far the events have come.
type EventHead struct {
	Seq       int64     // of the last one that has a place
	Forgotten int64     // of the last one that was deleted
	Swept     time.Time // until when clocks were looked at
}

// EventReader reads events, for the system alone: nothing of them is an officer's to read.
type EventReader interface {
	EventHead() (EventHead, error)
	// EventsAfter lists events from a place on, in order.
	EventsAfter(seq int64, limit int) ([]ToldEvent, error)
	// EventsWait reports whether events wait for their place.
	EventsWait() (bool, error)
	// ClocksRunOut lists the events of clocks that ran out after one instant and not
	// after another, and that are not kept yet, up to limit for each kind of clock.
	ClocksRunOut(after, until time.Time, limit int) ([]Event, error)
}

// EventWriter writes them.
type EventWriter interface {
	// AppendEvents keeps events that have no place yet; those that are kept already stay.
	AppendEvents([]Event) error
	// LockEvents reports whether this transaction alone may use the methods below.
	LockEvents() (bool, error)
	// PlaceEvents gives up to limit waiting events their places, and returns how many.
	// By their having none, and never by their time, so that none of a slow
	// transaction is lost.
	PlaceEvents(limit int) (int, error)
	// ForgetEvents deletes up to limit events from before an instant, the first ones,
	// and returns how many.
	ForgetEvents(before time.Time, limit int) (int, error)
	SweptEvents(at time.Time) error
}

// EventListener is a database that tells its clients when events have places, so that
// they need not wait until they ask again. Nothing relies on it.
type EventListener interface {
	// ListenEvents calls woken whenever events have places, until ctx ends or the
	// database cannot be reached.
	ListenEvents(ctx context.Context, woken func()) error
}
