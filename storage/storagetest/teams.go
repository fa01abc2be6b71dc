package storagetest

import (
	"slices"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

func newStanding(s comity.State, team string, at int) comity.StandingGrant {
	return comity.StandingGrant{ID: comity.NewID(comity.KindStanding), State: s, Team: team, Liaison: comity.OfficerRef(s + ":li"), Function: "Liaison officer",
		Grantees: []comity.Grantee{{State: "AM"}, {State: "BY", Agency: "BY/cyber"}}, Scope: comity.ScopeFull, Grade: comity.GradeEvidence, Assistance: "MLA 7",
		Caveats: comity.Caveats{Marking: comity.DefaultMarking, Text: "ask first"}, Purpose: comity.PurposeInvestigation, NotAfter: hours(at + 8),
		CreatedAt: hours(at), Statement: "eyJ.standing"}
}

// standingGrants: a state's standing grants and no other's, live ones and all.
func standingGrants(t *testing.T, db storage.DB) {
	first, next, other, gone, theirs := newStanding("KZ", "team", 0), newStanding("KZ", "team", 1), newStanding("KZ", "another", 2), newStanding("KZ", "team", 3), newStanding("AM", "team", 0)
	write(t, db, func(tx storage.Tx) error {
		for _, s := range []comity.StandingGrant{next, first, gone, theirs, other} {
			if err := tx.InsertStanding(s); err != nil {
				return err
			}
		}
		wantErr(t, "the same again", tx.InsertStanding(first), storage.ErrExists)
		return tx.EndStanding(gone.ID, "KZ:li2", hours(4))
	})
	gone.EndedBy, gone.EndedAt = "KZ:li2", hours(4)
	for what, id := range map[string]comity.ID{"ended again": gone.ID, "an absent one ended": "standing1_x"} {
		wantErr(t, what, db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error { return tx.EndStanding(id, "KZ:li", hours(5)) }), storage.ErrNotFound)
	}
	page := func(s comity.State, at int, all bool, p storage.Page) []comity.StandingGrant {
		return get(t, db, func(r storage.ReadTx) ([]comity.StandingGrant, error) { return r.Standings(s, hours(at), all, p) })
	}
	nine := storage.Page{Limit: 9}
	equal(t, "all of KZ", page("KZ", 4, true, nine), []comity.StandingGrant{gone, other, next, first})
	equal(t, "live ones of KZ", page("KZ", 4, false, nine), []comity.StandingGrant{other, next, first})
	equal(t, "when the first is over", page("KZ", 8, false, nine), []comity.StandingGrant{other, next})
	equal(t, "those of AM", page("AM", 4, true, nine), []comity.StandingGrant{theirs})
	equal(t, "after the second", page("KZ", 4, true, storage.Page{Limit: 1, After: storage.Key{At: other.CreatedAt, ID: other.ID}}), []comity.StandingGrant{next})
	for all, want := range map[bool]int{true: 4, false: 3} {
		if n := get(t, db, func(r storage.ReadTx) (int, error) { return r.CountStandings("KZ", hours(4), all, 9) }); n != want {
			t.Errorf("counted %d, want %d", n, want)
		}
	}
	if n := get(t, db, func(r storage.ReadTx) (int, error) { return r.CountStandings("KZ", hours(4), true, 2) }); n != 2 {
		t.Errorf("counted %d of at most 2", n)
	}
	to := get(t, db, func(r storage.ReadTx) ([]comity.StandingGrant, error) { return r.StandingsTo("KZ", "team", hours(4)) })
	equal(t, "to the team", to, []comity.StandingGrant{first, next})
	read(t, db, func(r storage.ReadTx) error {
		found, err := r.StandingByID("KZ", gone.ID)
		equal(t, "an ended one", found, gone)
		_, absent := r.StandingByID("KZ", theirs.ID)
		wantErr(t, "another state's", absent, storage.ErrNotFound)
		return err
	})
}

// contributions: what is contributed to a team, and what ends with it.
func contributions(t *testing.T, db storage.DB) {
	contribution := func(c storage.Case, team string) comity.Release {
		return comity.Release{ID: comity.NewID(comity.KindRelease), Case: c.ID, State: c.State, Officer: "KZ:inv", Decider: comity.DeciderOwner, Scope: comity.ScopeFull,
			Purpose: comity.PurposeInvestigation, NotAfter: hours(8), CreatedAt: noon, Team: team, Statement: "eyJ.contribution"}
	}
	c, other := fileCase(t, db, kzOwner, noon), fileCase(t, db, kzOwner, hours(1))
	all := []comity.Release{contribution(c, "team"), contribution(other, "team"), contribution(c, "another"), contribution(c, "")}
	all[3].Grantee, all[3].Statement = "AM", ""
	write(t, db, func(tx storage.Tx) error {
		for _, r := range all {
			if err := tx.InsertRelease(r); err != nil {
				return err
			}
		}
		return nil
	})
	team := slices.Clone(all[:2])
	slices.SortFunc(team, func(a, b comity.Release) int { return newestFirst(storage.Key{ID: b.ID}, storage.Key{ID: a.ID}) })
	contributed := func(s comity.State, at int, after comity.ID, limit int) []comity.Release {
		return get(t, db, func(r storage.ReadTx) ([]comity.Release, error) {
			return r.Contributions(s, "team", hours(at), after, limit)
		})
	}
	equal(t, "contributed", contributed("KZ", 0, "", 9), team)
	equal(t, "one of them", contributed("KZ", 0, "", 1), team[:1])
	equal(t, "after it", contributed("KZ", 0, team[0].ID, 9), team[1:])
	equal(t, "when they are over", contributed("KZ", 8, "", 9), []comity.Release{})
	equal(t, "by another state", contributed("AM", 0, "", 9), []comity.Release{})
	read(t, db, func(r storage.ReadTx) error {
		found, err := r.ContributionOf("KZ", all[0].ID)
		equal(t, "one contribution", found, all[0])
		for what, id := range map[string]comity.ID{"an ordinary release": all[3].ID, "an absent one": comity.NewID(comity.KindRelease)} {
			_, absent := r.ContributionOf("KZ", id)
			wantErr(t, what, absent, storage.ErrNotFound)
		}
		seen, err2 := r.Contribution(viewer(kzOwner, noon), all[0].ID)
		equal(t, "as its owner finds it", seen, all[0])
		if err == nil {
			err = err2
		}
		_, unseen := r.Contribution(viewer(amInv, noon), all[0].ID)
		wantErr(t, "as another state's officer does", unseen, storage.ErrNotFound)
		colleague := kzOwner
		colleague.Pseudonym = "colleague"
		_, unseen = r.Contribution(viewer(colleague, noon), all[0].ID)
		wantErr(t, "as who is not assigned does", unseen, storage.ErrNotFound)
		_, absent := r.ContributionOf("AM", all[0].ID)
		wantErr(t, "another state's", absent, storage.ErrNotFound)
		return err
	})

	under := func(c storage.Case, standing comity.ID, release comity.ID) comity.Grant {
		return grant(t, db, c, comity.Grantee{State: "AM"}, noon, func(g *comity.Grant) { g.Standing, g.Release = standing, release })
	}
	one, two := comity.NewID(comity.KindStanding), comity.NewID(comity.KindStanding)
	first, second, third, plain := under(c, one, all[0].ID), under(other, one, all[1].ID), under(c, two, all[0].ID), under(c, "", all[0].ID)
	equal(t, "a grant under a standing grant", lockedGrant(t, db, first.ID), first)
	read(t, db, func(r storage.ReadTx) error {
		row, err := r.GrantRow(first.ID)
		equal(t, "its row", row, first)
		_, absent := r.GrantRow(comity.NewID(comity.KindGrant))
		wantErr(t, "the row of none", absent, storage.ErrNotFound)
		return err
	})
	end := func(id comity.ID) (ended []comity.ID) {
		write(t, db, func(tx storage.Tx) error {
			gone, err := tx.EndGrantsUnder(id, hours(1))
			for _, g := range gone {
				if g.Status != comity.GrantActive {
					t.Errorf("given as %s, not as it was", g.Status)
				}
				ended = append(ended, g.ID)
			}
			slices.Sort(ended)
			return err
		})
		return ended
	}
	both := []comity.ID{first.ID, second.ID}
	slices.Sort(both)
	equal(t, "ended with the standing grant", end(one), both)
	equal(t, "ended again", end(one), []comity.ID(nil))
	equal(t, "ended with the contribution", end(all[0].ID), []comity.ID{third.ID})
	for _, g := range []comity.Grant{first, second, third} {
		if got := lockedGrant(t, db, g.ID); got.Status != comity.GrantRevoked || !got.EndedAt.Equal(hours(1)) || got.Version != g.Version+1 {
			t.Errorf("%s is %s", g.ID, got.Status)
		}
	}
	equal(t, "a grant by itself", lockedGrant(t, db, plain.ID), plain)
	if slices.Contains(list(t, db, amInv, hours(2), storage.CaseFilter{}, storage.Page{Limit: 99}), other.ID) {
		t.Error("what ended is still listed")
	}
}
