// Package storagetest is the suite that every adapter of the storage port
// passes, on the real engine.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// Run tests the adapter whose databases open makes, each fresh and empty, with
// the engine's own clock.
func Run(t *testing.T, open func(t *testing.T) storage.DB) {
	for _, c := range []struct {
		name string
		test func(*testing.T, storage.DB)
	}{
		{"Transactions", transactions}, {"Snapshot", snapshot}, {"Check", check},
		{"Cases", caseRows}, {"Assignments", assignments}, {"CasesGranted", casesGranted}, {"CasesEnded", casesEnded},
		{"CaseLists", caseLists}, {"CasePaging", casePaging}, {"RandomWorlds", randomWorlds},
		{"Children", children}, {"ChildrenAbroad", childrenAbroad}, {"ChildrenMany", childrenMany},
		{"Parents", parents}, {"Tally", tally},
		{"Evidence", evidence}, {"EvidenceNamed", evidenceNamed}, {"Custody", custody}, {"RecordKeys", recordKeys},
		{"Requests", requestRows}, {"RequestVisibility", requestVisibility}, {"RequestLists", requestLists}, {"Messages", messages},
		{"Grants", grantRows}, {"GrantVisibility", grantVisibility}, {"GrantLists", grantLists}, {"GrantStanding", grantStanding}, {"EndGrants", endGrants},
		{"Proposals", proposals}, {"GrantedToState", grantedToState}, {"GrantsRun", grantsRun}, {"GrantNaming", grantNaming}, {"Mandates", mandates}, {"Officers", officersSeen}, {"Releases", releases},
		{"OfAnotherState", ofAnotherState}, {"Neutrality", neutrality}, {"Roster", roster}, {"StandingGrants", standingGrants}, {"Contributions", contributions}, {"Manifests", manifests}, {"ManifestsConcurrent", manifestsConcurrent}, {"Reservations", reservations}, {"Holds", holds}, {"Withdrawals", withdrawals},
		{"DispatchVisibility", dispatchVisibility}, {"AnnotationsShown", annotationsShown}, {"DispatchLists", dispatchLists},
		{"DispatchWrites", dispatchWrites}, {"NoticesDelivered", noticesDelivered},
		{"Log", logOfStates}, {"LeafTwice", leafTwice}, {"LogFilters", logFilters}, {"Sequence", sequence}, {"SequenceConcurrent", sequenceConcurrent},
		{"Checkpoints", checkpoints}, {"CheckpointsConcurrent", checkpointsConcurrent},
		{"Erasures", erasures}, {"EraseOpenings", eraseOpenings}, {"HeldRecords", heldRecords},
		{"LogTree", logTree}, {"LogTileBounds", logTileBounds}, {"LogPadding", logPadding}, {"LogFails", logFails}, {"LogForAll", logForAll},
		{"Events", eventRows}, {"EventsConcurrent", eventsConcurrent}, {"EventViewers", eventViewers}, {"EventClocks", eventClocks},
		{"Nonces", nonces}, {"Idempotency", idempotency}, {"IdempotencyForgotten", idempotencyForgotten}, {"Effects", effects}, {"EffectsConcurrent", effectsConcurrent},
		{"Allowances", allowances}, {"AllowancesConcurrent", allowancesConcurrent},
		{"LockCase", lockCase}, {"LockState", lockState}, {"LockGrantAndCase", lockGrantAndCase},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			c.test(t, db)
		})
	}
}

// noon is the instant around which the suite's records lie.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

func hours(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

func write(t *testing.T, db storage.DB, f func(storage.Tx) error) {
	t.Helper()
	if err := db.Write(storage.AsSystem(t.Context()), f); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, db storage.DB, f func(storage.ReadTx) error) {
	t.Helper()
	if err := db.Read(storage.AsSystem(t.Context()), f); err != nil {
		t.Fatal(err)
	}
}

// get reads one answer.
func get[T any](t *testing.T, db storage.DB, f func(storage.ReadTx) (T, error)) T {
	t.Helper()
	var v T
	read(t, db, func(r storage.ReadTx) (err error) { v, err = f(r); return err })
	return v
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func officer(s comity.State, agency, pseudonym string, r comity.Role) comity.Officer {
	return comity.Officer{Issuer: "https://id." + string(s), Subject: pseudonym, State: s,
		Agency: comity.AgencyID(string(s) + "/" + agency), Role: r, Function: "Officer", Pseudonym: pseudonym}
}

var (
	kzOwner     = officer("KZ", "cyber", "in-1", comity.RoleInvestigator)
	kzOther     = officer("KZ", "cyber", "in-2", comity.RoleInvestigator)
	kzLiaison   = officer("KZ", "police", "li-1", comity.RoleLiaison)
	kzAuthority = officer("KZ", "police", "au-1", comity.RoleAuthority)
	kzAuditor   = officer("KZ", "police", "ad-1", comity.RoleAuditor)
	amInv       = officer("AM", "cyber", "in-1", comity.RoleInvestigator)
	amOther     = officer("AM", "police", "in-2", comity.RoleInvestigator)
	amLiaison   = officer("AM", "police", "li-1", comity.RoleLiaison)
	amAuthority = officer("AM", "police", "au-1", comity.RoleAuthority)
	amAuditor   = officer("AM", "police", "ad-1", comity.RoleAuditor)
	byInv       = officer("BY", "cyber", "in-1", comity.RoleInvestigator)
	byLiaison   = officer("BY", "police", "li-1", comity.RoleLiaison)
)

func viewer(o comity.Officer, at time.Time) storage.Viewer { return storage.Viewer{Officer: o, At: at} }

func newCase(o comity.Officer, at time.Time) storage.Case {
	id := comity.NewID(comity.KindCase)
	return storage.Case{
		Case: comity.Case{
			ID: id, State: o.State, Agency: o.Agency, Owner: o.Ref(), Category: "ransomware", Status: comity.CaseOpen,
			Marking: comity.Marking{TLP: comity.TLPGreen, PAP: comity.PAPRed, Handling: comity.H2},
			Nexus:   []comity.Nexus{{Basis: comity.NexusTerritory, State: o.State}, {Basis: comity.NexusEffects, State: "BY"}},
			Version: 1, VersionAbroad: 1, CreatedAt: at, UpdatedAt: at, UpdatedAbroad: at, ListedAbroad: at,
		},
		Sealed: []byte("sealed \x00 " + id),
	}
}

// fileCase makes a case assigned to its owner.
func fileCase(t *testing.T, db storage.DB, o comity.Officer, at time.Time, change ...func(*storage.Case)) storage.Case {
	t.Helper()
	c := newCase(o, at)
	for _, f := range change {
		f(&c)
	}
	write(t, db, func(tx storage.Tx) error {
		if err := tx.InsertCase(c, wrappedKey(c)); err != nil {
			return err
		}
		return tx.Assign(c.ID, string(o.Ref()), o.Ref())
	})
	return c
}

func newGrant(c storage.Case, to comity.Grantee, at time.Time) comity.Grant {
	return comity.Grant{
		ID: comity.NewID(comity.KindGrant), Case: c.ID, State: c.State, Liaison: kzLiaison.Ref(), Function: "Liaison officer",
		Grantee: to, Scope: comity.ScopeExhibits, Exhibits: []comity.ID{"evidence1_a", "evidence1_b"}, Subjects: []comity.ID{"subject1_a", "subject1_b"}, Grade: comity.GradeEvidence,
		Assistance: "MLA 12/2026", Caveats: comity.Caveats{Marking: comity.Marking{TLP: comity.TLPAmber, PAP: comity.PAPGreen,
			Handling: comity.H1}, Text: "not in court"}, Purpose: comity.PurposeInvestigation, Agreement: "cis-2018",
		Release: comity.NewID(comity.KindRelease), Request: comity.NewID(comity.KindRequest), NotBefore: at, NotAfter: at.Add(7 * 24 * time.Hour),
		Status: comity.GrantActive, Version: 1, CreatedAt: at, Statement: "eyJ.statement", AgreementHash: "text-1",
	}
}

// grant makes a grant on c.
func grant(t *testing.T, db storage.DB, c storage.Case, to comity.Grantee, at time.Time, change ...func(*comity.Grant)) comity.Grant {
	t.Helper()
	g := newGrant(c, to, at)
	for _, f := range change {
		f(&g)
	}
	write(t, db, func(tx storage.Tx) error { return tx.InsertGrant(g) })
	return g
}

// see gives the case as an officer finds it at an instant; ok is false when it is not to be found.
func see(t *testing.T, db storage.DB, o comity.Officer, at time.Time, id comity.ID) (storage.CaseView, bool) {
	t.Helper()
	m := get(t, db, func(r storage.ReadTx) (map[comity.ID]storage.CaseView, error) {
		return r.Cases(viewer(o, at), []comity.ID{id})
	})
	view, ok := m[id]
	if len(m) > 1 || len(m) == 1 && !ok {
		t.Errorf("asked for one case, got %d", len(m))
	}
	return view, ok
}

func list(t *testing.T, db storage.DB, o comity.Officer, at time.Time, f storage.CaseFilter, p storage.Page) []comity.ID {
	t.Helper()
	var ids []comity.ID
	for _, c := range get(t, db, func(r storage.ReadTx) ([]storage.CaseView, error) { return r.ListCases(viewer(o, at), f, p) }) {
		ids = append(ids, c.ID)
	}
	return ids
}

var errPlanned = errors.New("planned")

func transactions(t *testing.T, db storage.DB) {
	c := newCase(kzOwner, noon)
	err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
		if err := tx.InsertCase(c, "w"); err != nil {
			return err
		}
		return fmt.Errorf("an act: %w", errPlanned)
	})
	wantErr(t, "error of f", err, errPlanned)
	lock := func(tx storage.Tx) error { _, err := tx.LockCase(c.ID); return err }
	wantErr(t, "case after a rollback", db.Write(storage.AsSystem(t.Context()), lock), storage.ErrNotFound)

	func() {
		defer func() {
			if recover() == nil {
				t.Error("a panic was swallowed")
			}
		}()
		_ = db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			if err := tx.InsertCase(c, "w"); err != nil {
				t.Error(err)
			}
			panic("planned")
		})
	}()
	wantErr(t, "case after a panic", db.Write(storage.AsSystem(t.Context()), lock), storage.ErrNotFound)

	// What exists is an answer, after which the transaction goes on.
	write(t, db, func(tx storage.Tx) error { return tx.InsertCase(c, "w") })
	other := newCase(kzOwner, noon)
	write(t, db, func(tx storage.Tx) error {
		wantErr(t, "second insert", tx.InsertCase(c, "w"), storage.ErrExists)
		return tx.InsertCase(other, "w")
	})
	write(t, db, func(tx storage.Tx) error { _, err := tx.LockCase(other.ID); return err })

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantErr(t, "write when cancelled", db.Write(storage.AsSystem(ctx), func(storage.Tx) error { return nil }), context.Canceled)
	wantErr(t, "write for nobody", db.Write(t.Context(), func(storage.Tx) error { return nil }), storage.ErrNobody)
	wantErr(t, "read for nobody", db.Read(t.Context(), func(storage.ReadTx) error { return nil }), storage.ErrNobody)
	wantErr(t, "read when cancelled", db.Read(storage.AsSystem(ctx), func(storage.ReadTx) error { return nil }), context.Canceled)
}

func snapshot(t *testing.T, db storage.DB) {
	c := fileCase(t, db, kzOwner, noon)
	read(t, db, func(r storage.ReadTx) error {
		if _, ok := r.(storage.Tx); ok {
			t.Error("a snapshot offers to write")
		}
		now := r.Now()
		if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 || time.Since(now).Abs() > time.Minute {
			t.Errorf("the clock says %v, it is %v", now, time.Now())
		}
		versions := func() int {
			m, err := r.Cases(viewer(kzOwner, noon), []comity.ID{c.ID})
			if err != nil {
				t.Fatal(err)
			}
			return m[c.ID].Version
		}
		if v := versions(); v != 1 {
			t.Errorf("version %d, want 1", v)
		}
		moved := c
		moved.Version++
		write(t, db, func(tx storage.Tx) error { return tx.UpdateCase(moved, 1) })
		if v := versions(); v != 1 {
			t.Errorf("within a snapshot the version became %d", v)
		}
		if !r.Now().Equal(now) {
			t.Error("the clock moved within a snapshot")
		}
		return nil
	})
	if view, _ := see(t, db, kzOwner, noon, c.ID); view.Version != 2 {
		t.Errorf("after the snapshot the version is %d, want 2", view.Version)
	}
}

func check(t *testing.T, db storage.DB) {
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Check(ctx); err == nil {
		t.Error("a check that was cancelled succeeds")
	}
}

// wrappedKey is the record key that cases of this suite are filed with.
func wrappedKey(c storage.Case) string { return "wrapped " + string(c.ID) }
