package exchange

import (
	"errors"
	"maps"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// RequestView is a request as one side may see it.
type RequestView struct {
	comity.Request
	// Text is nil while the asking state's keys cannot be reached, and where another
	// state's does not open.
	Text *comity.RequestText
	// ToReference is the asked side's own file number, seen only there.
	ToReference string
}

// MessageView is a message with its words; nil Text while its author's state's
// keys cannot be reached, and where another state's does not open.
type MessageView struct {
	comity.Message
	Text *comity.MessageText
}

// Requests reads requests that the officer's state put or was asked.
func (r *Reader) Requests(ids []comity.ID) (map[comity.ID]*RequestView, error) {
	found, err := r.tx.Requests(r.viewer(), ids)
	if err != nil {
		return nil, err
	}
	var rows []storage.Request
	for _, id := range ids {
		if row, ok := found[id]; ok {
			rows = append(rows, row)
		} else {
			r.note(audit.Record{ID: string(id)}, "")
		}
	}
	views, err := r.showRequests(rows)
	if err != nil {
		return nil, err
	}
	out := map[comity.ID]*RequestView{}
	for _, v := range views {
		out[v.ID] = v
	}
	return out, nil
}

// ListRequests lists requests, newest change first, or by what is due soonest.
func (r *Reader) ListRequests(f storage.RequestFilter, first int, after string) (Page[*RequestView], error) {
	if err := r.checkRequests(f); err != nil {
		return Page[*RequestView]{}, err
	}
	p, binding, err := r.page("requests", f, first, after)
	if err != nil {
		return Page[*RequestView]{}, err
	}
	r.lists = true
	found, err := r.tx.ListRequests(r.viewer(), f, p)
	if err != nil {
		return Page[*RequestView]{}, err
	}
	views, err := r.showRequests(found[:min(len(found), first)])
	if err != nil {
		return Page[*RequestView]{}, err
	}
	shown := map[comity.ID]*RequestView{}
	for _, v := range views {
		shown[v.ID] = v
	}
	all := cut(r, found, p.Limit, binding, func(q storage.Request) storage.Key {
		if f.ByDue {
			return place(q.DueAt, q.ID)
		}
		return place(q.UpdatedAt, q.ID)
	}, func(q storage.Request) comity.ID { return q.ID })
	page := Page[*RequestView]{HasNext: all.HasNext, Count: func() (int, error) { return r.tx.CountRequests(r.viewer(), f, maxCount) }}
	for i, id := range all.Items {
		v := shown[id]
		if v == nil { // the SQL lists what the policies do not show: one of the two is wrong
			r.incident(string(id), found[i].State, errors.New("the list and the policies disagree"))
			continue
		}
		page.Items, page.Cursors = append(page.Items, v), page.Cursors.and(all.Cursors, i)
	}
	return page, nil
}

func (r *Reader) showRequests(rows []storage.Request) ([]*RequestView, error) {
	ids := make([]comity.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	wrapped, err := r.tx.RecordKeys(ids)
	if err != nil {
		return nil, err
	}
	var views []*RequestView
	var refs []keyRef
	for _, row := range rows {
		if d := r.decide(withAction(requestQuestion(row, true, r.who.Officer), sovereignty.RequestRead)); !d.Permit {
			r.note(audit.Record{ID: string(row.ID)}, "")
			continue
		}
		v := &RequestView{Request: row.Request}
		if r.who.Officer.State != row.To {
			v.RoutedTo = "" // where the asked state sent it is its own matter
		}
		// It belongs to both sides: how often either reads it is its own matter.
		r.note(audit.Record{ID: string(row.ID), Level: string(sovereignty.AccessOwn), Purpose: row.Purpose}, r.who.Officer.State)
		views = append(views, v)
		refs = append(refs, keyRef{row.ID, row.State, wrapped[row.ID][row.State]})
		if row.SealedTo != nil && r.who.Officer.State == row.To {
			refs = append(refs, keyRef{row.ID, row.To, wrapped[row.ID][row.To]})
		}
	}
	keys, err := r.reachable(refs)
	if err != nil {
		return nil, err
	}
	byID := map[comity.ID]storage.Request{}
	for _, row := range rows {
		byID[row.ID] = row
	}
	for _, v := range views {
		row := byID[v.ID]
		if err := r.openRequest(v, row, wrapped[v.ID], keys); err != nil {
			return nil, err
		}
	}
	return views, nil
}

func (r *Reader) openRequest(v *RequestView, row storage.Request, wrapped map[comity.State]string, keys map[keyRef]wordKey) (err error) {
	if key, ok := keys[keyRef{row.ID, row.State, wrapped[row.State]}]; ok {
		if v.Text, err = wordsOf[comity.RequestText](r, &key, row.ID, row.State, bindRequest(row.Request), row.Sealed); err != nil {
			return err
		}
		if v.Text != nil && r.who.Officer.State != row.State {
			v.Text.FromReference = ""
		}
	}
	if key, ok := keys[keyRef{row.ID, row.To, wrapped[row.To]}]; ok && row.SealedTo != nil {
		reference, err := wordsOf[string](r, &key, row.ID, row.To, bindReference(row), row.SealedTo)
		if err != nil {
			return err
		}
		if reference != nil {
			v.ToReference = *reference
		}
	}
	return nil
}

func withAction(q sovereignty.Question, a sovereignty.Action) sovereignty.Question {
	q.Action = a
	return q
}

// reachable gives the keys of refs that open; the words of the others stay closed.
func (r *Reader) reachable(refs []keyRef) (map[keyRef]wordKey, error) {
	keys, faults, err := r.keys(refs)
	for ref, err := range faults {
		r.warn("a custodian does not answer", ref.state, err)
	}
	return keys, err
}

// messageKeys opens the keys of the authors' states.
func (r *Reader) messageKeys(messages []storage.Message, wrapped map[comity.ID]map[comity.State]string) (map[keyRef]wordKey, error) {
	var refs []keyRef
	for _, m := range messages {
		refs = append(refs, keyRef{m.Request, m.State, wrapped[m.Request][m.State]})
	}
	return r.reachable(refs)
}

// openMessage opens a message's words where its author's state's key is at hand.
func (r *Reader) openMessage(m storage.Message, wrapped map[comity.ID]map[comity.State]string, keys map[keyRef]wordKey) (MessageView, error) {
	v := MessageView{Message: m.Message}
	key, ok := keys[keyRef{m.Request, m.State, wrapped[m.Request][m.State]}]
	if !ok {
		return v, nil
	}
	var err error
	v.Text, err = wordsOf[comity.MessageText](r, &key, m.ID, m.State, bindMessage(m.Message), m.Sealed)
	return v, err
}

// Messages reads the correspondence on requests, oldest first.
func (r *Reader) Messages(requests []*RequestView, first int, after string) (map[comity.ID]Page[MessageView], error) {
	ids := make([]comity.ID, len(requests))
	for i, q := range requests {
		ids[i] = q.ID
	}
	var filter any
	if len(ids) == 1 {
		filter = ids[0]
	} else if after != "" {
		return nil, comity.Invalid("after", "a cursor of messages is for one request at a time")
	}
	p, binding, err := r.page("messages", filter, first, after)
	if err != nil {
		return nil, err
	}
	found, err := r.tx.Messages(ids, p)
	if err != nil {
		return nil, err
	}
	wrapped, err := r.tx.RecordKeys(ids)
	if err != nil {
		return nil, err
	}
	keys, err := r.messageKeys(slices.Concat(slices.Collect(maps.Values(found))...), wrapped)
	if err != nil {
		return nil, err
	}
	out := map[comity.ID]Page[MessageView]{}
	for _, id := range ids {
		binding := binding
		if len(ids) > 1 {
			binding = cursorFor(r.who.Officer, "messages", id)
		}
		var fault error
		out[id] = cut(r, found[id], p.Limit, binding, func(m storage.Message) storage.Key { return place(m.CreatedAt, m.ID) },
			func(m storage.Message) MessageView {
				v, err := r.openMessage(m, wrapped, keys)
				if err != nil {
					fault = err
				}
				return v
			})
		if fault != nil {
			return nil, fault
		}
	}
	return out, nil
}

// Refusals reads the refusals of requests, by refusal id.
func (r *Reader) Refusals(requests []*RequestView) (map[comity.ID]comity.Refusal, error) {
	var ids []comity.ID
	for _, q := range requests {
		if q.Refusal != "" {
			ids = append(ids, q.Refusal)
		}
	}
	return r.tx.Refusals(ids)
}
