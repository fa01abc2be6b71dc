package sqldb_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/sqldb"
	"github.com/comity-platform/comity/storage/sqlite"
	"github.com/comity-platform/comity/storage/sqlite/sqlitetest"
	"github.com/comity-platform/comity/storage/storagetest"
)

const (
	taken = "COMITY_TEST_WITHOUT_PREDICATE"
	told  = "COMITY_TEST_STATEMENTS" // the file in which to tell what each test runs
)

// TestWithout is the shared suite without the predicate that the environment
// names, and is meant to fail then: see TestEveryPredicateIsMissed. Where it names
// none, all stand and it passes.
func TestWithout(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv(taken))
	if err != nil {
		n = -1
	}
	var mu sync.Mutex
	ran := map[string][]string{}
	storagetest.Run(t, func(t *testing.T) storage.DB {
		db := sqlitetest.Open(t, sqlite.Options{})
		sqldb.Statements(db, func(text string) {
			mu.Lock()
			defer mu.Unlock()
			_, test, _ := strings.Cut(t.Name(), "/")
			ran[test] = append(ran[test], text)
		})
		if n >= 0 {
			sqldb.Without(db, sqldb.Predicates[n])
		}
		return db
	})
	if path := os.Getenv(told); path != "" {
		all, err := json.Marshal(ran)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, all, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// watchful are the tests of the shared suite that look for what viewers see.
var watchful = []string{"Cases", "Assignments", "CasesGranted", "CasesEnded", "CaseLists", "RandomWorlds", "ChildrenAbroad", "EvidenceNamed", "Custody",
	"RequestVisibility", "Requests", "RequestLists", "GrantVisibility", "GrantLists", "GrantedToState", "Proposals", "Mandates", "Officers", "Reservations", "Holds",
	"Withdrawals", "Log", "LogFilters", "Roster", "StandingGrants", "Contributions", "Parents", "Tally", "Neutrality", "DispatchVisibility", "AnnotationsShown",
	"DispatchLists", "NoticesDelivered", "Erasures", "HeldRecords"}

// suite runs tests of TestWithout in a process of its own.
func suite(t *testing.T, tests []string, environment ...string) (string, error) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, os.Args[0], "-test.failfast", "-test.run", "^TestWithout$/^("+strings.Join(tests, "|")+")$")
	c.Env = append(os.Environ(), environment...)
	out, err := c.CombinedOutput()
	return string(out), err
}

// TestEveryPredicateIsMissed takes away each predicate of visibility in turn, on
// the engine that has no wall behind them: the shared suite must notice. Asked are
// the tests that run a statement with the predicate, which a run with all of them
// told: for the others nothing has changed.
func TestEveryPredicateIsMissed(t *testing.T) {
	path := filepath.Join(stacktest.TempDir(t), "statements.json")
	if out, err := suite(t, watchful, told+"="+path); err != nil {
		t.Fatalf("with every predicate: %v\n%s", err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var ran map[string][]string
	if err := json.Unmarshal(content, &ran); err != nil {
		t.Fatal(err)
	}
	for _, test := range watchful {
		if len(ran[test]) == 0 {
			t.Fatalf("%s ran no statement", test)
		}
	}
	missed := func(n int, p sqldb.Predicate) {
		var tests []string
		for _, test := range watchful {
			if slices.ContainsFunc(ran[test], p.In) {
				tests = append(tests, test)
			}
		}
		if len(tests) == 0 {
			t.Errorf("nothing runs %q", p.Name)
			return
		}
		out, err := suite(t, tests, taken+"="+strconv.Itoa(n))
		switch {
		case err == nil:
			t.Errorf("nothing misses %q", p.Name)
		case !strings.Contains(out, "--- FAIL"):
			t.Errorf("without %q the suite does not run: %v\n%s", p.Name, err, out)
		case strings.Contains(out, "SQL logic error"):
			t.Errorf("without %q the statements are none:\n%s", p.Name, out)
		}
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for n, p := range sqldb.Predicates {
		slots <- struct{}{}
		wg.Go(func() { missed(n, p); <-slots })
	}
	wg.Wait()
}

// TestWallBehindThePredicates takes away, on PostgreSQL, each predicate that is
// repeated: read past the walls a hidden case is found, and for the officer none.
func TestWallBehindThePredicates(t *testing.T) {
	onPostgres(t, func(t *testing.T, _ string, db opened) {
		who := func(s comity.State, pseudonym string, r comity.Role) comity.Officer {
			return comity.Officer{Issuer: "https://id", Subject: pseudonym, State: s, Agency: comity.AgencyID(s + "/cyber"), Role: r, Pseudonym: pseudonym}
		}
		owner, colleague, auditor := who("KZ", "in-1", comity.RoleInvestigator), who("KZ", "in-2", comity.RoleInvestigator), who("AM", "ad-1", comity.RoleAuditor)
		now := time.Now().UTC().Truncate(time.Microsecond)
		c := storage.Case{Case: comity.Case{ID: comity.NewID(comity.KindCase), State: "KZ", Agency: owner.Agency, Owner: owner.Ref(), Category: "RANSOMWARE", Status: comity.CaseOpen,
			Marking: comity.DefaultMarking, Version: 1, CreatedAt: now, UpdatedAt: now, UpdatedAbroad: now, ListedAbroad: now}, Sealed: []byte("x")}
		g := comity.Grant{ID: comity.NewID(comity.KindGrant), Case: c.ID, State: "KZ", Liaison: owner.Ref(), Grantee: comity.Grantee{State: "AM"}, Scope: comity.ScopeFull,
			Purpose: comity.PurposeInvestigation, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), Status: comity.GrantActive, Version: 1, CreatedAt: now}
		err := db.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			return errors.Join(tx.InsertCase(c, "wrapped"), tx.Assign(c.ID, string(owner.Ref()), owner.Ref()), tx.InsertGrant(g))
		})
		if err != nil {
			t.Fatal(err)
		}
		found := func(ctx context.Context, o comity.Officer) (n int) {
			t.Helper()
			err := db.Read(ctx, func(tx storage.ReadTx) (err error) {
				n, err = sqldb.Found(tx, storage.Viewer{Officer: o, At: tx.Now()}, c.ID)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		hidden := []comity.Officer{colleague, colleague, auditor}
		for i, p := range sqldb.Repeated {
			o := hidden[i]
			if n := found(storage.AsSystem(t.Context()), o); n != 0 {
				t.Errorf("with %q the predicate finds what is hidden", p.Name)
			}
			restore := sqldb.Without(db.DB, p)
			if n := found(storage.AsSystem(t.Context()), o); n != 1 {
				t.Errorf("without %q nothing more is found: it is not what hides the case", p.Name)
			}
			if n := found(storage.As(t.Context(), o), o); n != 0 {
				t.Errorf("without %q row-level security leaves %s the case", p.Name, o.Ref())
			}
			if n := found(storage.As(t.Context(), owner), owner); n != 1 {
				t.Errorf("without %q the owner finds nothing", p.Name)
			}
			restore()
		}
	})
}
