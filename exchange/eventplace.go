package exchange

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// How events are kept and looked for.
const (
	// EventAge is how long an event is kept, and so from how long ago a stream goes on.
	EventAge = 7 * 24 * time.Hour

	eventsAtOnce = 500
	// forgottenRounds bounds how many of these are deleted in a minute.
	forgottenRounds = 20
	// sweptEvery is how often it is written down until when clocks were looked at, and
	// sweptAgain how much of the time before is looked at again, since a row can be
	// committed after the instant that it names.
	sweptEvery = time.Minute
	sweptAgain = 10 * time.Minute
)

// PlaceEvents gives waiting events their places, among them those of clocks that ran
// out, and reports whether there were any. Any server may do it; the database lets
// one at a time.
func (x *Exchange) PlaceEvents(ctx context.Context) (bool, error) {
	ctx = storage.AsSystem(ctx)
	var waiting bool
	var head storage.EventHead
	var now time.Time
	err := x.db.Read(ctx, func(tx storage.ReadTx) (err error) {
		now = tx.Now()
		if head, err = tx.EventHead(); err != nil {
			return err
		}
		if waiting, err = tx.EventsWait(); err != nil || waiting || head.Swept.IsZero() || !x.clockTick() {
			return err
		}
		out, err := tx.ClocksRunOut(head.Swept.Add(-sweptAgain), now, 1)
		waiting = len(out) > 0
		return err
	})
	if err != nil || !waiting && now.Sub(head.Swept) < sweptEvery {
		return false, err
	}
	placed := 0
	err = x.db.Write(ctx, func(tx storage.Tx) error {
		placed = 0
		if alone, err := tx.LockEvents(); err != nil || !alone {
			return err
		}
		if head, err = tx.EventHead(); err != nil {
			return err
		}
		if !head.Swept.IsZero() { // else what ran out before there were events is no news
			out, err := tx.ClocksRunOut(head.Swept.Add(-sweptAgain), tx.Now(), eventsAtOnce)
			if err != nil {
				return err
			}
			if err := tx.AppendEvents(out); err != nil {
				return err
			}
		}
		if tx.Now().Sub(head.Swept) >= sweptEvery {
			for range forgottenRounds {
				n, err := tx.ForgetEvents(tx.Now().Add(-EventAge), eventsAtOnce)
				if err != nil {
					return err
				}
				if n < eventsAtOnce {
					break
				}
			}
			if err := tx.SweptEvents(tx.Now()); err != nil {
				return err
			}
		}
		placed, err = tx.PlaceEvents(eventsAtOnce)
		return err
	})
	return placed > 0, err
}

// clockTick has clocks looked at once a second, however often events are.
func (x *Exchange) clockTick() bool {
	now, last := time.Now().Unix(), x.ticked.Load()
	return now != last && x.ticked.CompareAndSwap(last, now)
}

// ListenEvents calls woken whenever another server gave events their places, as far as
// the database tells it, until ctx ends.
func (x *Exchange) ListenEvents(ctx context.Context, woken func()) error {
	return x.db.ListenEvents(ctx, woken)
}

// Acted is told, without a word, after each act through this server.
func (x *Exchange) Acted() <-chan struct{} { return x.acted }

func (x *Exchange) poke() {
	select {
	case x.acted <- struct{}{}:
	default: // it is still to be looked at
	}
}

// EventsAfter lists what happened after a place, in order, for every state: what an
// officer is told of it goes through [Exchange.Tell].
func (x *Exchange) EventsAfter(ctx context.Context, place int64) (all []Event, err error) {
	err = x.db.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) error {
		all, err = tx.EventsAfter(place, eventsAtOnce)
		return err
	})
	return all, err
}

// LastEvent is the place of the last event that has one.
func (x *Exchange) LastEvent(ctx context.Context) (int64, error) {
	head, err := x.eventHead(ctx)
	return head.Seq, err
}

func (x *Exchange) eventHead(ctx context.Context) (head storage.EventHead, err error) {
	err = x.db.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) error {
		head, err = tx.EventHead()
		return err
	})
	return head, err
}

// EventViewers are the keys by which an officer can be among the viewers of an
// [Event]: those of cases, and the state, by which an auditor is told of grants.
func EventViewers(o comity.Officer) []string {
	keys := storage.ViewerKeys(o)
	if all := string(o.State); !slices.Contains(keys, all) {
		keys = append(keys, all)
	}
	return keys
}

// eventList is what events' ids are bound to, beside their viewer.
const eventList = "events"

// EventID seals a place for a viewer. All are of one length, and none tells how many
// events there were between two of them.
func (x *Exchange) EventID(o comity.Officer, place int64) string {
	return x.cursors.make(cursorFor(o, eventList, nil), storage.Key{At: time.UnixMicro(1), ID: comity.ID(fmt.Sprintf("%020d", place))})
}

// EventPlace opens an id that the viewer was told. Events from too long ago are no
// longer there to go on from.
func (x *Exchange) EventPlace(ctx context.Context, o comity.Officer, id string) (int64, error) {
	key, err := x.cursors.open(cursorFor(o, eventList, nil), id)
	place, bad := strconv.ParseInt(string(key.ID), 10, 64)
	if err != nil || bad != nil {
		return 0, comity.Invalid("after", "this is the id of no event that this officer was told of")
	}
	head, err := x.eventHead(ctx)
	if err == nil && place < head.Forgotten {
		err = comity.Invalid("after", fmt.Sprintf("events are kept for %d days, and some after this one are gone", int(EventAge.Hours()/24))).
			CuredBy("read the lists anew, and subscribe without after")
	}
	return place, err
}
