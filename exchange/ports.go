package exchange

import (
	"maps"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// The types of the ports that stand in the gate's own signatures, under names
// of the gate's, so that who uses it need not know the ports.
type (
	CaseFilter     = storage.CaseFilter
	RequestFilter  = storage.RequestFilter
	DispatchFilter = storage.DispatchFilter
	GrantFilter    = storage.GrantFilter
	Count          = storage.Count
	HoldFilter     = storage.HoldFilter
	LogFilter      = storage.LogFilter
	ProposalFilter = storage.ProposalFilter
	ObjectPart     = object.Part
	SignedURL      = object.Signed

	Event = storage.ToldEvent

	PublishedManifest = storage.PublishedManifest
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
	maps.DeleteFunc(found, func(_ comity.ID, m storage.Message) bool { return requests[m.Request] == nil })
	keys, err := r.messageKeys(slices.Collect(maps.Values(found)), wrapped)
	if err != nil {
		return nil, err
	}
	out := map[comity.ID]MessageView{}
	for id, m := range found {
		if out[id], err = r.openMessage(m, wrapped, keys); err != nil {
			return nil, err
		}
	}
	return out, nil
}
