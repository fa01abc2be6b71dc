package exchange

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// The types of the ports that stand in the gate's own signatures, under names
// of the gate's, so that who uses it need not know the ports.
type (
	CaseFilter    = storage.CaseFilter
	RequestFilter = storage.RequestFilter
	GrantFilter   = storage.GrantFilter
	ObjectPart    = object.Part
	SignedURL     = object.Signed
)

// MessagesOf reads single messages on requests that the reader has found.
func (r *Reader) MessagesOf(requests map[comity.ID]*RequestView, ids []comity.ID) (map[comity.ID]MessageView, error) {
	found, err := r.tx.MessagesByID(ids)
	if err != nil {
		return nil, err
	}
	var of []comity.ID
	for id := range requests {
		of = append(of, id)
	}
	wrapped, err := r.tx.RecordKeys(of)
	if err != nil {
		return nil, err
	}
	out := map[comity.ID]MessageView{}
	for id, m := range found {
		if requests[m.Request] == nil {
			continue
		}
		v := MessageView{Message: m.Message}
		if key, err := r.x.keys.get(r.ctx, keyRef{m.Request, m.State, wrapped[m.Request][m.State]}); err != nil {
			r.x.log.Warn("a custodian does not answer", "state", m.State, "request", r.who.RequestID, "error", err)
		} else if text, err := words[comity.MessageText](key, bindMessage(m.Message), m.Sealed); err != nil {
			r.incident(string(id), err)
			return nil, err
		} else {
			v.Text = &text
		}
		out[id] = v
	}
	return out, nil
}
