package storagetest

import (
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func newProposal(record comity.ID, role comity.Role, at time.Time) storage.Proposal {
	return storage.Proposal{Proposal: comity.Proposal{ID: comity.NewID(comity.KindProposal), State: "KZ", Act: "grantMake", Kind: "grant",
		Role: role, Record: record, Target: comity.NewID(comity.KindGrant), Officer: kzLiaison.Ref(), Function: "Liaison",
		Status: comity.ProposalProposed, CreatedAt: at, LapsesAt: at.Add(72 * time.Hour)}, Sealed: []byte("sealed")}
}

// proposals: the officers of the own state in the role find them, and nobody
// else; one is decided once.
func proposals(t *testing.T, db storage.DB) {
	propose := func(role comity.Role, at time.Time) storage.Proposal {
		p := newProposal(comity.NewID(comity.KindCase), role, at)
		write(t, db, func(tx storage.Tx) error { return tx.InsertProposal(p) })
		return p
	}
	first, second, authority := propose(comity.RoleLiaison, noon), propose(comity.RoleLiaison, hours(1)), propose(comity.RoleAuthority, hours(2))
	all := []comity.ID{first.ID, second.ID, authority.ID}
	found := func(o comity.Officer) map[comity.ID]storage.Proposal {
		return get(t, db, func(r storage.ReadTx) (map[comity.ID]storage.Proposal, error) {
			return r.Proposals(storage.Viewer{Officer: o, At: noon}, all)
		})
	}
	equal(t, "for the liaisons", found(kzLiaison), map[comity.ID]storage.Proposal{first.ID: first, second.ID: second})
	equal(t, "for the authority", found(kzAuthority), map[comity.ID]storage.Proposal{authority.ID: authority})
	equal(t, "for an investigator", found(kzOwner), map[comity.ID]storage.Proposal{})
	abroad := kzLiaison
	abroad.State = "AM"
	equal(t, "abroad", found(abroad), map[comity.ID]storage.Proposal{})

	listed := func(at time.Time, f storage.ProposalFilter, p storage.Page) []storage.Proposal {
		return get(t, db, func(r storage.ReadTx) ([]storage.Proposal, error) {
			return r.ListProposals(storage.Viewer{Officer: kzLiaison, At: at}, f, p)
		})
	}
	whole := storage.Page{Limit: 9}
	equal(t, "newest first", listed(noon, storage.ProposalFilter{}, whole), []storage.Proposal{second, first})
	equal(t, "the next page", listed(noon, storage.ProposalFilter{}, storage.Page{Limit: 9, After: storage.Key{At: second.CreatedAt, ID: second.ID}}), []storage.Proposal{first})
	equal(t, "of a record", listed(noon, storage.ProposalFilter{Record: first.Record}, whole), []storage.Proposal{first})
	equal(t, "that wait", listed(hours(72), storage.ProposalFilter{Status: comity.ProposalProposed}, whole), []storage.Proposal{second})
	equal(t, "that lapsed", listed(hours(72), storage.ProposalFilter{Status: comity.ProposalLapsed}, whole), []storage.Proposal{first})
	n := get(t, db, func(r storage.ReadTx) (int, error) {
		return r.CountProposals(storage.Viewer{Officer: kzLiaison, At: noon}, storage.ProposalFilter{}, 9)
	})
	equal(t, "how many", n, 2)

	decide := func(id comity.ID, s comity.ProposalStatus) error {
		return db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			if _, err := tx.LockProposal(id); err != nil {
				return err
			}
			return tx.DecideProposal(id, s, kzOther.Ref(), hours(3), []byte("why"))
		})
	}
	if err := decide(first.ID, comity.ProposalDeclined); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "decided twice", decide(first.ID, comity.ProposalApproved), storage.ErrConflict)
	wantErr(t, "an absent one", decide("proposal1_x", comity.ProposalApproved), storage.ErrNotFound)
	first.Status, first.DecidedBy, first.DecidedAt, first.Declined = comity.ProposalDeclined, kzOther.Ref(), hours(3), []byte("why")
	equal(t, "declined", listed(hours(99), storage.ProposalFilter{Status: comity.ProposalDeclined}, whole), []storage.Proposal{first})
}
