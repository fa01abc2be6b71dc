package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"golang.org/x/mod/sumdb/note"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/audit/notekey"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/storagetest"
)

// storm is acts of two servers upon few cases.
type storm struct {
	w         *exchangetest.World
	x         *exchange.Exchange
	cases     []comity.ID
	releases  []comity.ID
	mu        sync.Mutex
	grants    []comity.ID
	of        map[comity.ID]comity.ID // the case of each grant
	outcomes  map[string]error        // of each act, by its request id
	performed map[sovereignty.Action]int
}

// do performs an act through one of the servers and remembers how it ended.
func (s *storm) do(t *testing.T, o *exchangetest.Officer, first bool, name sovereignty.Action, act exchange.Act) {
	x := s.x
	if first {
		x = s.w.Exchange
	}
	who := o.Caller
	who.RequestID = uuid.NewString()
	err := x.Do(t.Context(), who, act)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[who.RequestID] = err
	if err == nil || comity.CodeOf(err) == comity.CodeUnavailable { // the act stands, its effect follows
		s.performed[name]++
	}
	if g, ok := act.(*exchange.MakeGrant); ok && (err == nil || comity.CodeOf(err) == comity.CodeUnavailable) {
		s.grants, s.of[g.Body.ID] = append(s.grants, g.Body.ID), g.Case
	}
}

// act does one thing at random.
func (s *storm) act(t *testing.T, random *rand.Rand, liaison, authority, owner *exchangetest.Officer) {
	i, first := random.IntN(len(s.cases)), random.IntN(2) == 0
	c := s.cases[i]
	s.mu.Lock()
	var grant, of comity.ID
	if len(s.grants) > 0 {
		grant = s.grants[len(s.grants)-1-random.IntN(min(len(s.grants), 8))]
		of = s.of[grant]
	}
	s.mu.Unlock()
	version := func(o *exchangetest.Officer) int {
		v := caseOf(t, o, c, "")
		if v == nil {
			return 1
		}
		return v.Version
	}
	switch n := random.IntN(100); {
	case n < 40 || grant == "":
		s.do(t, liaison, first, sovereignty.GrantMake, liaison.MakeGrant(t, c, liaison.GrantBody("AM", s.releases[i])))
	case n < 60:
		s.do(t, liaison, first, sovereignty.GrantRevoke, liaison.Revoke(t, of, grant))
	case n < 85:
		body := statement.NarrowBody{Case: of, Scope: comity.ScopeSummary, Caveats: comity.Caveats{Marking: comity.DefaultMarking},
			NotAfter: s.w.Clock.Now().Add(time.Hour + time.Duration(random.IntN(100*3600))*time.Second).Unix()} // no two the same
		s.do(t, liaison, first, sovereignty.GrantNarrow, &exchange.NarrowGrant{Key: exchangetest.Key(), Grant: grant, ExpectedVersion: 1 + random.IntN(4), Body: body,
			Act: liaison.Sign(t, statement.Act{Act: statement.ActGrantNarrow, Record: grant}, body)})
	case n < 97:
		title := "A case " + uuid.NewString()
		s.do(t, owner, first, sovereignty.CaseUpdate, &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: version(owner), Title: &title})
	default:
		body := statement.ReserveBody{Reason: "domestic"}
		s.do(t, authority, first, sovereignty.CaseReserve, &exchange.ReserveCase{Key: exchangetest.Key(), Case: c, ExpectedVersion: version(authority), Body: body,
			Act: authority.Sign(t, statement.Act{Act: statement.ActCaseReserve, Record: c}, body)})
	}
}

// TestStorm: two servers grant, narrow, revoke and reserve against each other
// while one's custodian fails now and then. Then everything agrees.
func TestStorm(t *testing.T) {
	rounds := 1
	if soak {
		rounds = 500
	}
	for name, open := range engines {
		for range rounds {
			seed := rand.Uint64()
			if !t.Run(fmt.Sprintf("%s/seed=%d", name, seed), func(t *testing.T) { inStorm(t, open, seed) }) {
				break
			}
		}
	}
}

func inStorm(t *testing.T, open func(testing.TB, func() time.Time) (a, b storage.DB), seed uint64) {
	const acts, atOnce = 400, 6
	var calls atomic.Int64
	w, x := newPair(t, open, func(ctx context.Context, call string, perform func(context.Context) error) error {
		if n := calls.Add(1); strings.HasSuffix(call, "Apply") && n%3 == 0 {
			if n%2 == 0 { // or its answer is lost
				_ = perform(ctx)
			}
			return comity.Unavailable("the custodian of KZ", nil)
		}
		return perform(ctx)
	})
	s := &storm{w: w, x: x, of: map[comity.ID]comity.ID{}, outcomes: map[string]error{}, performed: map[sovereignty.Action]int{}}
	w.Mandate(t, "KZ")
	owner := w.As(t, "investigator@KZ")
	for range 8 {
		c := owner.FileCase(t, "A case", "AM")
		s.cases, s.releases = append(s.cases, c), append(s.releases, owner.Release(t, c, "AM"))
	}
	ctx, stop := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	for _, server := range []*exchange.Exchange{w.Exchange, x} {
		beside.Go(func() { server.Effects(ctx) })
		beside.Go(func() {
			(&audit.Publisher{DB: w.DB, Signer: logKey(t), Witnesses: func() []audit.Cosigner { return nil }, Every: 5 * time.Millisecond, Log: w.Log}).Run(ctx)
		})
	}
	var workers sync.WaitGroup
	for worker := range atOnce {
		random := rand.New(rand.NewPCG(seed, uint64(worker)))
		workers.Go(func() {
			liaison, authority, owner := w.As(t, "liaison@KZ"), w.As(t, "authority@KZ"), w.As(t, "investigator@KZ")
			for range acts / atOnce {
				s.act(t, random, liaison, authority, owner)
			}
		})
	}
	workers.Wait()
	s.settle(t)
	stop()
	beside.Wait()
	w.Sequence(t)
	s.check(t)
}

// logKey makes a key of the log.
func logKey(t *testing.T) note.Signer {
	t.Helper()
	skey, err := notekey.New("comity/log/storm")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// settle waits until every effect is carried out.
func (s *storm) settle(t *testing.T) {
	t.Helper()
	for i := range 900 {
		left := 0
		must(t, s.w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
			left = 0
			for _, id := range append(append([]comity.ID(nil), s.cases...), s.grants...) {
				due, err := tx.EffectsOf(id)
				if err != nil {
					return err
				}
				left += len(due)
			}
			return nil
		}))
		if left == 0 {
			return
		}
		if i < 200 { // no more: sessions end
			s.w.Clock.Advance(10 * time.Second) // those put off come due
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatal("effects are not carried out")
}

// check is everything that must hold after a storm.
func (s *storm) check(t *testing.T) {
	t.Helper()
	w := s.w
	liaison, foreign := w.As(t, "liaison@KZ"), w.As(t, "investigator@AM")
	b := &bench{World: w, liaison: liaison}
	statuses, total, reserved := map[comity.GrantStatus]int{}, 0, 0
	began := map[comity.ID]int{}
	leaves := s.leaves(t)
	for _, e := range leaves {
		if e.Act == "grantBegun" {
			began[comity.ID(e.Records[1].ID)]++
		}
	}
	for _, c := range s.cases {
		v := caseOf(t, liaison, c, "")
		if v.Reserved {
			reserved++
		}
		live := false
		for _, g := range s.all(t, c) {
			total++
			statuses[g.Status]++
			if g.Status == comity.GrantPending || v.Reserved && g.Status == comity.GrantActive {
				t.Errorf("of a case with reserved %v, the grant %s is %s", v.Reserved, g.ID, g.Status)
			}
			stands := b.stands(t, c, g.ID)
			if g.Live(w.Clock.Now()) != (stands == "") {
				t.Errorf("the grant %s is %s to the database, and to the register %q", g.ID, g.Status, stands)
			}
			if g.Status == comity.GrantActive && began[g.ID] != 1 || began[g.ID] > 1 {
				t.Errorf("the grant %s is %s, and began %d times", g.ID, g.Status, began[g.ID])
			}
			live = live || g.Live(w.Clock.Now())
			s.ends(t, b, g)
		}
		abroad := caseOf(t, foreign, c, comity.PurposeInvestigation)
		if open := abroad != nil && abroad.Text != nil; open != live {
			t.Errorf("a case of live grants %v is open abroad: %v", live, open)
		}
	}
	if total != s.performed[sovereignty.GrantMake] || reserved != s.performed[sovereignty.CaseReserve] {
		t.Errorf("there are %d grants and %d reserved cases after %v", total, reserved, s.performed)
	}
	s.accounted(t, leaves)
	t.Logf("%v; grants: %v; %d of %d cases reserved; %d leaves", s.performed, statuses, reserved, len(s.cases), len(leaves))
}

// ends checks that the register and the database agree on when a grant ends.
func (s *storm) ends(t *testing.T, b *bench, g *comity.Grant) {
	t.Helper()
	if !g.Live(s.w.Clock.Now()) {
		return
	}
	var before, after comity.Code
	for inTime := false; !inTime; { // the clock goes on while the register is asked
		to := g.NotAfter.Add(-2 * time.Second).Sub(s.w.Clock.Now())
		s.w.Clock.Advance(to)
		before = b.stands(t, g.Case, g.ID)
		inTime = s.w.Clock.Now().Before(g.NotAfter)
		s.w.Clock.Advance(3 * time.Second)
		after = b.stands(t, g.Case, g.ID)
		s.w.Clock.Advance(-to - 3*time.Second)
	}
	if before != "" || after != comity.CodeDenied {
		t.Errorf("the grant %s ends at %v to the database; to the register it is %q before and %q after", g.ID, g.NotAfter, before, after)
	}
}

// accounted checks that every act has exactly the leaf that tells how it ended.
func (s *storm) accounted(t *testing.T, leaves []audit.Content) {
	t.Helper()
	of := map[string][]audit.Outcome{}
	for _, c := range leaves {
		if c.RequestID != "" {
			of[c.RequestID] = append(of[c.RequestID], c.Outcome)
		}
	}
	for request, err := range s.outcomes {
		var want []audit.Outcome
		code := comity.Code("")
		if err != nil {
			code = comity.CodeOf(err)
		}
		switch code {
		case "", comity.CodeUnavailable:
			want = []audit.Outcome{audit.Done}
		case comity.CodeDenied:
			want = []audit.Outcome{audit.Refused}
		case comity.CodeNotFound:
			want = []audit.Outcome{audit.NotFound}
		case comity.CodeConflict:
		default:
			t.Errorf("an act was answered %v", err)
		}
		if fmt.Sprint(of[request]) != fmt.Sprint(want) {
			t.Errorf("an act that was answered %v has the leaves %v", err, of[request])
		}
	}
}

// all are the grants of a case.
func (s *storm) all(t *testing.T, c comity.ID) (found []*comity.Grant) {
	t.Helper()
	officer := s.w.As(t, "liaison@KZ")
	for after, more := "", true; more; {
		officer.Read(t, func(r *exchange.Reader) error {
			page, err := r.ListGrants(storage.GrantFilter{Case: c}, 100, after)
			found = append(found, page.Items...)
			if more = page.HasNext; more {
				after = page.Cursors.At(page.Cursors.Len() - 1)
			}
			return err
		})
	}
	return found
}

// leaves are all of the record of acts, as the first state reads them that each
// concerns, after verifying that the log is they and what filled its beats up.
func (s *storm) leaves(t *testing.T) (contents []audit.Content) {
	t.Helper()
	byIndex := map[int64]storage.LogEntry{}
	for _, state := range []comity.State{"KZ", "AM", "BY"} {
		must(t, s.w.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) error {
			entries, err := tx.Log(state, storage.LogFilter{}, storage.Page{Limit: 1 << 30})
			for _, e := range entries {
				if other, known := byIndex[e.Leaf.Index]; known {
					if other.Leaf.ID != e.Leaf.ID {
						return errors.New("two leaves have one place")
					}
					continue
				}
				c, fault := audit.Open(e)
				if fault != nil {
					return fault
				}
				byIndex[e.Leaf.Index] = e
				contents = append(contents, c)
			}
			return err
		}))
	}
	var head storage.LogHead
	must(t, s.w.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) (err error) {
		head, err = tx.LogHead()
		return err
	}))
	entries := storagetest.WantTree(t, s.w.DB, head.Size)
	for i, e := range byIndex {
		if i < 0 || i >= head.Size || e.Leaf.Hash != entries[i] {
			t.Fatalf("of %d leaves one is said to have the place %d, which is another's", head.Size, i)
		}
	}
	return contents
}
