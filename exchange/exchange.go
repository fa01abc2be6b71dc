package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// Caller is who asks: a verified identity, never the input's word.
type Caller struct {
	token.Identity
	RequestID string // of the transport; stands in the leaf and in the server's log
}

// State is one member state's side of the exchange: what it keeps by itself.
type State struct {
	Custodian custodian.Custodian
	Store     object.Store
}

// Options is what an exchange stands on.
type Options struct {
	DB        storage.DB
	Directory *statement.Directory
	Policies  *sovereignty.Policies
	States    map[comity.State]State
	// CursorKey seals the cursors of lists and the ids of events for their viewer; the same on every server.
	CursorKey [32]byte
	Log       *slog.Logger
	// Prover proves to the states' custodians that a request is in the log.
	Prover Prover
	// Observe is told of every decided act and read, for metrics; nil for none.
	Observe func(act string, outcome string, took time.Duration)
}

// Exchange is the gate over one database.
type Exchange struct {
	db         storage.DB
	dir        *statement.Directory
	policies   *sovereignty.Policies
	prover     Prover
	states     map[comity.State]State
	keys       *recordKeys
	cursors    cursors
	statements statements
	registers  registers
	silent     silences
	sightings  sightings
	decisions  decisions
	incidents  incidents
	unheld     sync.Map      // by state, why its published manifest is not taken, as logged last
	acted      chan struct{} // after each act, for who waits for events
	ticked     atomic.Int64  // second in which clocks were looked at
	log        *slog.Logger
	observe    func(string, string, time.Duration)
}

// New makes the gate. A state without a custodian and a store cannot file
// records, and records put to it cannot be answered.
func New(o Options) (*Exchange, error) {
	c, err := newCursors(o.CursorKey)
	if err != nil {
		return nil, err
	}
	if o.DB == nil || o.Directory == nil || o.Policies == nil || o.Prover == nil || o.Log == nil {
		return nil, errors.New("exchange: a database, a directory, policies, a prover and a log are needed")
	}
	x := &Exchange{db: o.DB, dir: o.Directory, policies: o.Policies, prover: o.Prover, states: o.States, cursors: c, acted: make(chan struct{}, 1), log: o.Log, observe: o.Observe}
	x.keys, x.decisions = newRecordKeys(x.custodian), newDecisions()
	if x.observe == nil {
		x.observe = func(string, string, time.Duration) {}
	}
	return x, nil
}

// Directory is the verified manifests that the exchange goes by.
func (x *Exchange) Directory() *statement.Directory { return x.dir }

// Policies is the policy set that decides.
func (x *Exchange) Policies() *sovereignty.Policies { return x.policies }

func (x *Exchange) custodian(s comity.State) (custodian.Custodian, error) {
	if st, ok := x.states[s]; ok && st.Custodian != nil {
		return st.Custodian, nil
	}
	return nil, comity.Unavailable("the custodian of "+string(s), fmt.Errorf("no custodian is configured for %s", s))
}

func (x *Exchange) store(s comity.State) (object.Store, error) {
	if st, ok := x.states[s]; ok && st.Store != nil {
		return st.Store, nil
	}
	return nil, comity.Unavailable("the object store of "+string(s), fmt.Errorf("no object store is configured for %s", s))
}

// Check names each part that does not answer, nothing when all do (readiness).
// They are asked at once, so that one that is slow does not hide another.
func (x *Exchange) Check(ctx context.Context) map[string]error {
	parts := map[string]func(context.Context) error{"database": x.db.Check}
	for s, st := range x.states {
		if st.Custodian != nil {
			parts["custodian "+string(s)] = st.Custodian.Check
		}
		if st.Store != nil {
			parts["store "+string(s)] = st.Store.Check
		}
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		faults = map[string]error{}
	)
	for name, check := range parts {
		wg.Go(func() {
			if err := check(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				faults[name] = err
			}
		})
	}
	wg.Wait()
	return faults
}
