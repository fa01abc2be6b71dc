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
	told    map[incident]string // the day
	doubts  map[doubted]doubt   // what may still settle
}

type (
	doubted struct {
		state  comity.State
		record string
	}
	doubt struct {
		what        string
		first, last time.Time // when it was met
	}
)

// doubtAge is for how long what may still settle is remembered. Met again after that
// it counts as new: it may have settled meanwhile, when nobody looked.
const doubtAge = 24 * time.Hour

// met has an incident told once a day.
func (i *incidents) met(is incident, day string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.told[is] == day || len(i.waiting) >= maxIncidents {
		return
	}
	if i.told == nil || len(i.told) == maxIncidents {
		i.told = map[incident]string{}
	}
	i.told[is] = day
	i.waiting = append(i.waiting, is)
}

// lasts reports whether an incident was met [SettleAfter] ago already, and nobody saw
// it settled since: by then the database has followed whatever was under way.
func (i *incidents) lasts(is incident, now time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	of := doubted{is.state, is.record}
	d, ok := i.doubts[of]
	if !ok || d.what != is.what || now.Sub(d.last) > doubtAge {
		d = doubt{what: is.what, first: now}
	}
	if i.doubts == nil || !ok && len(i.doubts) == maxIncidents {
		i.doubts = map[doubted]doubt{}
	}
	d.last = now
	i.doubts[of] = d
	return now.Sub(d.first) >= SettleAfter
}

// settled forgets what was met at a record.
func (i *incidents) settled(of comity.State, record string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.doubts, doubted{of, record})
}

func (i *incidents) take() []incident {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.waiting
	i.waiting = nil
	return all
}

// again has incidents told that were taken, before those that were met meanwhile.
func (i *incidents) again(all []incident) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.waiting = append(all, i.waiting...)
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
// server met it. After an error those that are not told yet wait for the next time,
// and the one that met it comes last, so that it holds up no other.
func (x *Exchange) TellIncidents(ctx context.Context) error {
	all := x.incidents.take()
	for k, is := range all {
		if err := x.tellIncident(storage.AsSystem(ctx), is); err != nil {
			x.incidents.again(append(all[k+1:], is))
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
