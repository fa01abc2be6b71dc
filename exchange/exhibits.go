package exchange

import (
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// exhibits finds exhibits of cases that the officer may find. Of what is hidden
// no row is loaded, as of what is absent (Article 12).
func (a *attempt) exhibits(tx storage.ReadTx, ids []comity.ID) (map[comity.ID]storage.Evidence, error) {
	cases, err := tx.Parents(a.viewer(), ids)
	if err != nil {
		return nil, err
	}
	return tx.EvidenceByID(slices.DeleteFunc(slices.Clone(ids), func(id comity.ID) bool { return cases[id] == "" }))
}
