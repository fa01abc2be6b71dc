package exchange

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/storage"
)

// incidentSeen is what the record of acts calls something in the database that
// disagrees with what was signed, sealed or decided.
const incidentSeen = "incident"

// maxIncidents bounds those that wait to be told, and those that are known to be.
const maxIncidents = 1024

// incident is one, of a record of a state, which alone is told of it: abroad it would
// tell what is hidden there.
type incident struct {
	state        comity.State
	record, what string
}

// incidents are those that were met. They are written down beside the requests that
// met them, which only read; what is lost with a server is met again.
type incidents struct {
	mu      sync.Mutex
	waiting []incident
	told    map[incident]string    // the day
	since   map[incident]time.Time // when what may still settle was met first
}

// met has an incident told once a day.
func (i *incidents) met(is incident, day string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.told[is] == day || len(i.waiting) == maxIncidents {
		return
	}
	if i.told == nil || len(i.told) == maxIncidents {
		i.told = map[incident]string{}
	}
	i.told[is] = day
	i.waiting = append(i.waiting, is)
}

// lasts reports whether an incident was met [SettleAfter] ago already: by then the
// database has followed whatever was under way.
func (i *incidents) lasts(is incident, now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	first, ok := i.since[is]
	if !ok {
		if i.since == nil || len(i.since) == maxIncidents {
			i.since = map[incident]time.Time{}
		}
		i.since[is] = now
	}
	return ok && now.Sub(first) >= SettleAfter
}

func (i *incidents) take() []incident {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.waiting
	i.waiting = nil
	return all
}

// incident tells the server's log, and the state that the record is of, of what
// disagrees.
func (x *Exchange) incident(of comity.State, record string, err error, request string) {
	what := strings.TrimPrefix(err.Error(), "exchange: ")
	x.log.Error("incident: "+what, "state", of, "record", record, "request", request)
	x.incidents.met(incident{of, record, what}, time.Now().UTC().Format(time.DateOnly))
}

// unsettled is an incident if it lasts: the register is ahead of the database while an
// act comes to its end.
func (r *Reader) unsettled(record string, of comity.State, err error) {
	what := strings.TrimPrefix(err.Error(), "exchange: ")
	if r.x.incidents.lasts(incident{of, record, what}, r.now) {
		r.incident(record, of, err)
	} else if r.once(record + err.Error()) {
		r.x.log.Warn("the register and the database disagree for now: "+what, "state", of, "record", record, "request", r.who.RequestID)
	}
}

// TellIncidents writes what was met into the record of acts, each once a day whichever
// server met it.
func (x *Exchange) TellIncidents(ctx context.Context) error {
	for _, is := range x.incidents.take() {
		if err := x.tellIncident(storage.AsSystem(ctx), is); err != nil {
			x.incidents.mu.Lock()
			x.incidents.waiting = append(x.incidents.waiting, is)
			x.incidents.mu.Unlock()
			return err
		}
	}
	return nil
}

func (x *Exchange) tellIncident(ctx context.Context, is incident) error {
	return x.db.Write(ctx, func(tx storage.Tx) error {
		now := tx.Now().UTC()
		id := comity.DerivedID(comity.KindLeaf, incidentSeen, string(is.state), is.record, is.what, now.Format(time.DateOnly))
		found, err := tx.LogByID(is.state, []comity.ID{id})
		if err != nil || len(found) > 0 {
			return err
		}
		leaves, err := audit.Leaves(now, map[comity.State]audit.Content{is.state: {Act: incidentSeen, Outcome: audit.Failed, At: now,
			Records: []audit.Record{{ID: is.record}}, Article: comity.ArticleAccountability, Reason: is.what, Policies: x.policies.Hash()}})
		if err != nil {
			return err
		}
		leaves[0].ID = id
		return tx.AppendLeaf(leaves[0])
	})
}
