// Package worlds_test generates worlds: states with their officers, cases,
// grants, reservations and agreements, in which random acts are performed
// through the exchange while the clock moves. After them, for every officer and
// every case, four say how much the officer finds: the policies (what a Reader
// shows), the predicates of the queries alone, PostgreSQL's row-level security
// alone, and an oracle written from the product's text. They must agree.
package worlds_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/postgres"
	"github.com/comity-platform/comity/storage/postgres/postgrestest"
)

var (
	seed      = flag.Uint64("seed", 0, "seed of the generated worlds; 0 picks one")
	decisions = flag.Int("decisions", howMany(), "how many decisions are compared")
)

// howMany decisions are compared unless told: more in a soak.
func howMany() int {
	if os.Getenv("COMITY_SOAK") != "" {
		return 100_000
	}
	return 5_000
}

const (
	maxCases = 24
	moments  = 6  // at which a world is looked at
	between  = 16 // acts from one moment to the next
	// step is what the clock moves by. Terms begin and end in the middle of one,
	// so that the seconds which a world takes move nothing across an edge.
	step = 10 * time.Minute
)

// world is one world, and what the oracle knows of it.
type world struct {
	*exchangetest.World
	t        *testing.T
	r        *rand.Rand
	began    time.Time
	officers map[string]*exchangetest.Officer
	sessions map[string]time.Time
	wall     *pgx.Conn // as the application role, without a predicate; nil on SQLite
	trail    []string
	named    int // decisions by which a victim was shown abroad

	union        union
	records      []*record
	reservations map[string]comity.ID // of categories
	mandates     map[comity.State]comity.ID
	mandated     map[comity.State]bool
	naming       map[comity.ID]bool // release decisions that name the victim
	shifts       map[comity.State][]*shift

	contributions []*contribution
	standings     []*standing

	keys     map[comity.State]*turning
	promises []*promise
	motions  []*motion
	tally    tally
}

// TestThreeWallsAgree compares at least so many decisions as were told.
func TestThreeWallsAgree(t *testing.T) {
	_, s := seeded(t)
	levels := map[level]int{}
	compared, named, pairs, followed, happened := 0, 0, 0, 0, tally{}
	lacking := func() bool {
		return compared < 2**decisions && (pairs == 0 || followed == 0 || named == 0 || len(happened.lacks()) > 0)
	}
	for n := uint64(0); compared < *decisions || lacking(); n++ {
		engine, open := "PostgreSQL", openPostgres
		if n%4 == 3 { // which has two walls of the three
			engine, open = "SQLite", openSQLite
		}
		ok := t.Run(fmt.Sprintf("%s/%d", engine, n), func(t *testing.T) {
			w := newWorld(t, rand.New(rand.NewPCG(s, n)), open, happened)
			defer func() {
				for _, r := range w.records {
					for _, g := range r.grants {
						if g.under != "" {
							followed++
						}
						if g.pair {
							pairs++
						}
					}
				}
			}()
			look := func() {
				before := w.named
				compared += w.compare(levels)
				w.compareMotions()
				named += w.named - before
				if t.Failed() {
					t.Fatalf("-seed=%d, what happened:\n%s", s, strings.Join(w.trail, "\n"))
				}
			}
			if n%2 == 0 {
				w.scene(look)
			}
			for range moments {
				for range between {
					did, err := pick(w.r, acts...)(w)
					w.trail = append(w.trail, fmt.Sprintf("%s: %v", did, err))
				}
				look()
			}
		})
		if !ok {
			return
		}
	}
	if pairs == 0 || followed == 0 {
		t.Errorf("%d grants were made by two liaisons and %d under standing grants: the worlds are too poor to try them", pairs, followed)
	}
	if lacks := happened.lacks(); len(lacks) > 0 {
		t.Errorf("too seldom to try it: %s", strings.Join(lacks, "; "))
	}
	t.Logf("%d grants by two liaisons, %d under standing grants", pairs, followed)
	t.Logf("done and refused: %v", happened)
	t.Logf("%d decisions: %v, a victim was shown abroad by %d", compared, levels, named)
	if named == 0 {
		t.Error("nobody abroad was shown a victim: the worlds are too poor to try it")
	}
	for _, l := range []level{absent, ended, closed, summary, full, own} {
		if levels[l] == 0 {
			t.Errorf("nobody found a case %s: the worlds are too poor to try it", l)
		}
	}
}

// seeded is randomness by the seed that was told, or one that is told here.
func seeded(t *testing.T) (*rand.Rand, uint64) {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("-seed=%d", s)
	return rand.New(rand.NewPCG(s, 0)), s
}

func openSQLite(t *testing.T, now func() time.Time) (storage.DB, *pgx.Conn) {
	return exchangetest.SQLite(t, now), nil
}

func openPostgres(t *testing.T, now func() time.Time) (storage.DB, *pgx.Conn) {
	db, d := postgrestest.Open(t, postgres.Options{Now: now})
	conn, err := pgx.Connect(t.Context(), d.AppDSN)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close(context.WithoutCancel(t.Context()))) })
	return db, conn
}

func newWorld(t *testing.T, r *rand.Rand, open func(*testing.T, func() time.Time) (storage.DB, *pgx.Conn), happened tally) *world {
	w := &world{t: t, r: r, officers: map[string]*exchangetest.Officer{}, sessions: map[string]time.Time{}, reservations: map[string]comity.ID{},
		mandates: map[comity.State]comity.ID{}, mandated: map[comity.State]bool{}, naming: map[comity.ID]bool{}, shifts: map[comity.State][]*shift{},
		keys: map[comity.State]*turning{}, tally: happened,
		union: union{listed: map[comity.State]map[int]bool{}, reserved: map[comity.State]map[comity.Category]bool{}}}
	w.World = exchangetest.NewWith(t, exchangetest.Options{
		DB: func(_ testing.TB, now func() time.Time) (db storage.DB) {
			db, w.wall = open(t, now)
			return db
		},
		Keys: func(t testing.TB, s comity.State) custodian.Keys {
			w.keys[s] = turn(t, exchangetest.Keyring(t, s))
			return w.keys[s]
		},
	})
	w.began = w.Clock.Now().Truncate(time.Second)
	w.agree()
	for _, s := range w.Directory.States() {
		w.union.reserved[s] = map[comity.Category]bool{}
		for _, name := range names {
			w.at(s, name)
		}
	}
	for _, s := range w.Directory.States() {
		must(t, w.give(s))
	}
	for len(w.records) < maxCases/2 {
		did, err := fileCase(w)
		w.trail = append(w.trail, fmt.Sprintf("%s: %v", did, err))
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func (w *world) chance(oneIn int) bool { return w.r.IntN(oneIn) == 0 }

func (w *world) other(s comity.State) comity.State {
	states := slices.DeleteFunc(slices.Clone(w.Directory.States()), func(o comity.State) bool { return o == s })
	return pick(w.r, states...)
}

// at is an officer of a state by name, with a session that is not too old.
func (w *world) at(s comity.State, name string) *exchangetest.Officer {
	full := name + "@" + string(s)
	if began, ok := w.sessions[full]; !ok || w.Clock.Now().Sub(began) > time.Minute {
		w.officers[full], w.sessions[full] = w.As(w.t, full), w.Clock.Now()
	}
	return w.officers[full]
}

func (w *world) anyone(named ...string) *exchangetest.Officer {
	return w.at(pick(w.r, w.Directory.States()...), pick(w.r, named...))
}

func (w *world) officer(ref comity.OfficerRef) *exchangetest.Officer {
	return w.at(ref.State(), strings.TrimSuffix(ref.Pseudonym(), "-1"))
}

func (w *world) record() *record {
	if len(w.records) == 0 {
		return nil
	}
	return pick(w.r, w.records...)
}

func (w *world) name(r *record) string {
	return fmt.Sprintf("case %d of %s", slices.Index(w.records, r), r.state)
}

// edge is an instant so many steps from now, in the middle of one.
func (w *world) edge(steps int) int64 {
	passed := w.Clock.Now().Sub(w.began) / step
	return w.began.Add((passed+time.Duration(steps))*step + step/2).Unix()
}

func (w *world) version(o *exchangetest.Officer, r *record) (version int) {
	o.Read(w.t, func(reader *exchange.Reader) error {
		found, err := reader.Cases([]comity.ID{r.id}, "")
		if v := found[r.id]; v != nil {
			version = v.Version
		}
		return err
	})
	return version
}

// compare asks all for every officer and every case, and gives how often.
func (w *world) compare(levels map[level]int) (compared int) {
	w.t.Helper()
	ids := make([]comity.ID, len(w.records))
	for i, r := range w.records {
		ids[i] = r.id
	}
	for _, full := range slices.Sorted(maps.Keys(w.officers)) {
		who := w.officers[full]
		o, now := who.Caller.Officer, w.Clock.Now()
		p := pick(w.r, append(purposes, comity.PurposeDangerToLife)...)
		policies := w.policies(who, ids, p)
		persons := w.persons(who, p)
		found, list := w.predicates(o, ids)
		wall, inner, victims := w.walls(o)
		for _, r := range w.records {
			want := w.union.sees(o, r, p, now)
			levels[want]++
			compared++
			w.look(o, r, p, now, want)
			differ := func(what string, got, want any) {
				w.t.Errorf("%s for %s, %s: %s: %v, the oracle: %v", o.Ref(), p, w.name(r), what, got, want)
			}
			if policies[r.id] != want {
				differ("the policies", policies[r.id], want)
			}
			victim := w.union.victim(o, r, p, now)
			if victim && want != own {
				w.named++
			}
			if persons[r.victim] != victim {
				differ("the policies, on a victim", persons[r.victim], victim)
			}
			view, ok := found[r.id]
			if ok != (want != absent) || ok && (view.Own != (want == own) || (view.Ended != nil) != (want == ended)) {
				differ("the predicate", fmt.Sprintf("found %v, own %v, ended %v", ok, view.Own, view.Ended != nil), want)
			}
			if list[r.id] != want.listed() {
				differ("the list's predicate", list[r.id], want)
			}
			if w.wall == nil {
				continue
			}
			if wall[r.id] != want.listed() {
				differ("row-level security", wall[r.id], want)
			}
			if in := w.union.inner(o, r, now); inner[r.id] != in {
				differ("row-level security of what is within", inner[r.id], in)
			}
			if in := w.union.victimInner(o, r, now); victims[r.victim] != in {
				differ("row-level security of a victim", victims[r.victim], in)
			}
		}
	}
	return compared
}

// policies are what a Reader shows.
func (w *world) policies(who *exchangetest.Officer, ids []comity.ID, p comity.Purpose) map[comity.ID]level {
	all := map[comity.ID]level{}
	for _, id := range ids {
		all[id] = absent
	}
	who.Read(w.t, func(r *exchange.Reader) error {
		views, err := r.Cases(ids, p)
		for id, v := range views {
			switch v.Access.Level {
			case sovereignty.AccessOwn:
				all[id] = own
			case sovereignty.AccessFull:
				all[id] = full
			case sovereignty.AccessSummary:
				all[id] = summary
			case sovereignty.AccessEnded:
				all[id] = ended
			case sovereignty.AccessNone:
				all[id] = closed
			default:
				all[id] = level(v.Access.Level)
			}
			if (v.Text != nil) != (all[id] == own || all[id] == full || all[id] == summary) {
				w.t.Errorf("%s: a case is %s, and its words are there: %v", who.Caller.Officer.Ref(), all[id], v.Text != nil)
			}
		}
		return err
	})
	return all
}

// persons are the victims whom a Reader shows by their ids.
func (w *world) persons(who *exchangetest.Officer, p comity.Purpose) map[comity.ID]bool {
	var ids []comity.ID
	for _, r := range w.records {
		ids = append(ids, r.victim)
	}
	shown := map[comity.ID]bool{}
	who.Read(w.t, func(r *exchange.Reader) error {
		found, err := r.Nodes(ids, p)
		for id, n := range found {
			shown[id] = n.Subject != nil
		}
		return err
	})
	return shown
}

// predicates are what the queries find by themselves: read as the system, whom
// no wall stops, for the officer as viewer.
func (w *world) predicates(o comity.Officer, ids []comity.ID) (map[comity.ID]storage.CaseView, map[comity.ID]bool) {
	var found map[comity.ID]storage.CaseView
	list := map[comity.ID]bool{}
	must(w.t, w.DB.Read(storage.AsSystem(w.t.Context()), func(tx storage.ReadTx) (err error) {
		v := storage.Viewer{Officer: o, At: tx.Now()}
		if found, err = tx.Cases(v, ids); err != nil {
			return err
		}
		listed, err := tx.ListCases(v, storage.CaseFilter{}, storage.Page{Limit: 2 * maxCases})
		if err != nil {
			return err
		}
		for _, c := range listed {
			list[c.ID] = true
		}
		n, err := tx.CountCases(v, storage.CaseFilter{}, 2*maxCases)
		if n != len(listed) || n != len(list) {
			w.t.Errorf("%s: %d cases are counted and %d listed, %d of them once", o.Ref(), n, len(listed), len(list))
		}
		return err
	}))
	return found, list
}

// walls are the cases that the database leaves an officer where the query says
// nothing, those whose log lines it leaves, and the persons.
func (w *world) walls(o comity.Officer) (cases, inner, persons map[comity.ID]bool) {
	if w.wall == nil {
		return nil, nil, nil
	}
	w.behind(o, func(tx pgx.Tx) {
		cases, inner, persons = w.ids(tx, `SELECT id FROM cases`), w.ids(tx, `SELECT case_id FROM entries`), w.ids(tx, `SELECT id FROM subjects`)
	})
	return cases, inner, persons
}

// behind is a transaction in an officer's name behind the walls, and nothing but these.
func (w *world) behind(o comity.Officer, f func(pgx.Tx)) {
	tx, err := w.wall.Begin(w.t.Context())
	must(w.t, err)
	defer func() { must(w.t, tx.Rollback(w.t.Context())) }()
	_, err = tx.Exec(w.t.Context(), `SELECT set_config('comity.acting', 'officer', true), set_config('comity.state', $1, true), set_config('comity.agency', $2, true),
		set_config('comity.officer', $3, true), set_config('comity.role', $4, true), set_config('comity.viewers', ($5::text[])::text, true),
		set_config('comity.now', $6, true)`, string(o.State), string(o.Agency), string(o.Ref()), string(o.Role), storage.ViewerKeys(o), fmt.Sprint(w.Clock.Now().UnixMicro()))
	must(w.t, err)
	f(tx)
}

// ids are those that a statement gives.
func (w *world) ids(tx pgx.Tx, text string, args ...any) map[comity.ID]bool {
	rows, err := tx.Query(w.t.Context(), text, args...)
	must(w.t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(w.t, err)
	all := map[comity.ID]bool{}
	for _, id := range found {
		all[comity.ID(id)] = true
	}
	return all
}
