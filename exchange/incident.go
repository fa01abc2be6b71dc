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
