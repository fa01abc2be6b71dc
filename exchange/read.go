package exchange

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// readAct is the name of a read in the record of acts.
const readAct sovereignty.Action = "read"

// Reader reads for one officer on one snapshot. Every method takes all it is
// asked for at once; what is absent and what is hidden is left out of its
// answer alike (Article 12). A Reader belongs to one goroutine.
type Reader struct {
	ctx context.Context
	x   *Exchange
	who Caller
	tx  storage.ReadTx
	now time.Time

	answers   *answers // of custodians, kept over the runs of this read
	asked     map[look]*seen
	order     []*seen
	lists     bool                      // a list was read, which is in the leaf even when it is empty
	denied    *sovereignty.Decision     // of what belongs to the own state as such, as of the log
	exhibits  map[comity.ID]bool        // shown to this reader
	disclosed []comity.DisclosureRecord // of other states
	question  sovereignty.Question      // the last one; in a list the next is mostly of its class
	decision  sovereignty.Decision      // on it
}

// look is what a record was asked for under: each has an entry in the leaf.
type look struct {
	id      string
	purpose comity.Purpose
	grant   comity.ID
}

// seen is what a record's leaf entry says.
type seen struct {
	record audit.Record
	state  comity.State // the originator when it was seen, "" when absent or hidden
}

// Read runs f on one snapshot of the primary. It runs f anew, on a later
// snapshot, when custodians had to be asked meanwhile: what f learnt in an
// earlier run is void. It may be shown only when Read returns nil: by then the
// one leaf of this request is in the record of acts, whatever was visible,
// hidden or absent. A read that office denied is in it too, though Read returns
// the denial. No leaf is left by what asks about no record and lists none, as
// the record of acts being read by who may.
func (x *Exchange) Read(ctx context.Context, who Caller, f func(*Reader) error) (err error) {
	began := time.Now()
	ctx = storage.As(ctx, who.Officer)
	defer func() { x.observe(string(readAct), outcomeOf(err), time.Since(began)) }()
	r, err := x.read(ctx, who, f)
	if err != nil && r.denied == nil {
		return err
	}
	if len(r.asked) == 0 && !r.lists {
		return err // no record was asked about, no list read, and nothing denied
	}
	logged := x.db.WriteAt(ctx, r.now, func(tx storage.Tx) error {
		if err := tx.Disclose(r.disclosed); err != nil {
			return err
		}
		return appendLeaves(tx, r.now, r.contents())
	})
	if logged != nil {
		return logged
	}
	return err
}

// read runs f until it lacks no answer of a custodian.
func (x *Exchange) read(ctx context.Context, who Caller, f func(*Reader) error) (r *Reader, err error) {
	a := newAnswers()
	for run := 1; ; run++ {
		a.last = run == maxRuns
		r = &Reader{ctx: ctx, x: x, who: who, answers: a, asked: map[look]*seen{}, exhibits: map[comity.ID]bool{}}
		err = x.db.Read(ctx, func(tx storage.ReadTx) error {
			r.tx, r.now = tx, tx.Now().UTC()
			return f(r)
		})
		r.tx = nil
		if len(a.wanted) == 0 || err != nil && !errors.Is(err, errAsk) {
			return r, err
		}
		x.ask(ctx, a)
		if err := ctx.Err(); err != nil {
			return r, err
		}
	}
}

// contents tells the reader's own state everything that was asked about, and each
// originator what of its own was seen.
func (r *Reader) contents() map[comity.State]audit.Content {
	content := audit.Content{Act: string(readAct), Outcome: audit.Read, At: r.now, Actor: actorOf(r.who.Officer),
		Policies: r.x.policies.Hash(), RequestID: r.who.RequestID}
	own := content
	own.Records = make([]audit.Record, 0, len(r.order))
	abroad := map[comity.State]audit.Content{}
	visible, denied := 0, 0
	for _, s := range r.order {
		own.Records = append(own.Records, s.record)
		if s.state == "" {
			continue
		}
		visible++
		if s.record.Denied != 0 {
			denied++
			if own.Article == 0 {
				own.Article = s.record.Denied
			}
		}
		if s.state == r.who.Officer.State {
			continue
		}
		c, ok := abroad[s.state]
		if !ok {
			c = content
			c.Outcome, c.Article = audit.Refused, s.record.Denied // until one of its records was disclosed
		}
		if s.record.Denied == 0 {
			c.Outcome, c.Article = audit.Read, 0
		}
		c.Records = append(c.Records, s.record)
		abroad[s.state] = c
	}
	switch {
	case visible > 0 && denied == visible:
		own.Outcome = audit.Refused
		if r.denied != nil && r.denied.Article == own.Article {
			own.Reason = r.denied.Reason
		}
	case len(r.order) > 0 && visible == 0:
		own.Outcome, own.Article = audit.NotFound, comity.ArticleNoOracle
	default:
		own.Article = 0
	}
	abroad[r.who.Officer.State] = own
	return abroad
}

// note remembers that a record was asked about, and what was seen of it. Of two
// looks under one purpose and grant the one that saw more counts: no denial
// takes the place of a disclosure. A record that was not seen has no state.
func (r *Reader) note(record audit.Record, state comity.State) {
	key := look{record.ID, record.Purpose, record.Grant}
	s, ok := r.asked[key]
	if !ok {
		s = &seen{record, state}
		r.asked[key] = s
		r.order = append(r.order, s)
	}
	if depth(record) > depth(s.record) {
		*s = seen{record, state}
	}
}

// depth orders looks at a record by how much was seen.
func depth(r audit.Record) int {
	return slices.Index([]string{"", string(sovereignty.AccessNone), string(sovereignty.AccessEnded), string(sovereignty.AccessExhibits),
		string(sovereignty.AccessSummary), string(sovereignty.AccessFull), string(sovereignty.AccessOwn)}, r.Level)
}

// office decides a read of what belongs to the officer's own state as such. A
// denial has its own entry in the leaf, under the name of what was asked for.
func (r *Reader) office(a sovereignty.Action, name string, k comity.Kind) error {
	own := r.who.Officer.State
	d := r.decide(officeQuestion(a, own, k))
	if !d.Permit {
		r.denied = &d
		r.note(audit.Record{ID: name, Denied: d.Article}, own)
	}
	return d.Err()
}

// officeQuestion is whether an officer may read what is the own state's as such.
func officeQuestion(a sovereignty.Action, own comity.State, k comity.Kind) sovereignty.Question {
	return sovereignty.Question{Action: a, Record: sovereignty.Record{State: own, Kind: k}}
}

func (r *Reader) viewer() storage.Viewer { return storage.Viewer{Officer: r.who.Officer, At: r.now} }

// Officer is who reads.
func (r *Reader) Officer() comity.Officer { return r.who.Officer }

// Now is the one instant that this read judges terms against.
func (r *Reader) Now() time.Time { return r.now }

// decide asks the policies once for each class of question.
func (r *Reader) decide(q sovereignty.Question) sovereignty.Decision {
	q.Officer = r.who.Officer
	if q != r.question {
		r.question, r.decision = q, r.x.decisions.on(q, r.x.policies)
	}
	return r.decision
}

// maxPage bounds the length of a page.
const maxPage = 100

// maxCount is where counting stops.
const maxCount = 1000

// Page is one page of a list.
type Page[T any] struct {
	Items   []T
	Cursors Cursors // of the items, each usable as `after`
	HasNext bool
	// Count is how many the whole list holds, capped at 1,000; nil where it is not counted.
	Count func() (int, error)
}

// Pointers are those to the items.
func (p Page[T]) Pointers() []*T {
	all := make([]*T, len(p.Items))
	for i := range p.Items {
		all[i] = &p.Items[i]
	}
	return all
}

// page opens a page's bounds for a list and filter.
func (r *Reader) page(list string, filter any, first int, after string) (storage.Page, *bindings, error) {
	if first < 1 || first > maxPage {
		return storage.Page{}, nil, comity.Invalid("first", "a page holds between 1 and 100 items")
	}
	binding := cursorFor(r.who.Officer, list, filter)
	key, err := r.x.cursors.open(binding, after)
	return storage.Page{After: key, Limit: first + 1}, binding, err
}

// cut makes a page of what was found, one more than fits when there is a next.
func cut[S, T any](r *Reader, found []S, limit int, binding *bindings, key func(S) storage.Key, show func(S) T) Page[T] {
	p := Page[T]{Cursors: Cursors{of: r.x.cursors, binding: binding, made: new([]string)}}
	if p.HasNext = len(found) >= limit; p.HasNext {
		found = found[:limit-1]
	}
	p.Items, p.Cursors.keys = make([]T, 0, len(found)), make([]storage.Key, 0, len(found))
	for _, s := range found {
		p.Items = append(p.Items, show(s))
		p.Cursors.keys = append(p.Cursors.keys, key(s))
	}
	return p
}
