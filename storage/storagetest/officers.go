package storagetest

import (
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func seen(o comity.Officer) storage.SeenOfficer {
	return storage.SeenOfficer{Ref: o.Ref(), State: o.State, Agency: o.Agency, Role: o.Role, Function: o.Function, SeenAt: noon}
}

// officersSeen: an officer is kept as last seen, and listed by the own state.
func officersSeen(t *testing.T, db storage.DB) {
	owner, liaison, abroad := seen(kzOwner), seen(kzLiaison), seen(amInv)
	write(t, db, func(tx storage.Tx) error {
		for _, o := range []storage.SeenOfficer{liaison, owner, abroad} {
			if err := tx.SeeOfficer(o); err != nil {
				return err
			}
		}
		return nil
	})
	owner.Agency, owner.Role, owner.Function, owner.SeenAt = "KZ/police", comity.RoleLiaison, "Deputy", hours(24)
	write(t, db, func(tx storage.Tx) error { return tx.SeeOfficer(owner) })
	read(t, db, func(r storage.ReadTx) error {
		all, err := r.Officers("KZ", 9)
		if err != nil {
			return err
		}
		equal(t, "the officers of a state, as last seen", all, []storage.SeenOfficer{owner, liaison})
		if all, err = r.Officers("KZ", 1); err != nil {
			return err
		}
		equal(t, "the first of them", all, []storage.SeenOfficer{owner})
		found, err := r.OfficersSeen([]comity.OfficerRef{liaison.Ref, abroad.Ref, "KZ:nobody"})
		equal(t, "by reference", found, map[comity.OfficerRef]storage.SeenOfficer{liaison.Ref: liaison, abroad.Ref: abroad})
		return err
	})
}
