package exchange_test

import (
	"context"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// A state whose custodian is away is dark: its records stay listed, its words
// stay closed, its evidence stays locked, and nobody else's are concerned.

// switchable makes the custodians of some states fail, or hang, from a moment on.
type switchable struct {
	away, hangs map[comity.State]*atomic.Bool
	asked       atomic.Int32 // custodians, for a record key
	slow        func()       // within each asking for a record key
}

// hanging is far longer than any read waits for a custodian.
const hanging = 2 * time.Minute

func newSwitchable() *switchable {
	s := &switchable{away: map[comity.State]*atomic.Bool{}, hangs: map[comity.State]*atomic.Bool{}}
	for _, state := range []comity.State{"KZ", "AM", "BY"} {
		s.away[state], s.hangs[state] = new(atomic.Bool), new(atomic.Bool)
	}
	return s
}

func (s *switchable) around(ctx context.Context, call string, perform func(context.Context) error) error {
	part, rest, _ := strings.Cut(call, " ")
	state, name, _ := strings.Cut(rest, " ")
	if part != "custodian" {
		return perform(ctx)
	}
	if name == "RecordKey" {
		s.asked.Add(1)
		if s.slow != nil {
			s.slow()
		}
	}
	if s.hangs[comity.State(state)].Load() {
		select {
		case <-ctx.Done():
		case <-time.After(hanging):
		}
		return comity.Unavailable("the custodian of "+state, ctx.Err())
	}
	if s.away[comity.State(state)].Load() {
		return comity.Unavailable("the custodian of "+state, nil)
	}
	return perform(ctx)
}

// shut reports whether a case is listed with its words closed, because its
// state's custodian cannot be reached.
func shut(v *exchange.CaseView) bool {
	if v == nil || v.Text != nil || len(v.Access.Redactions) == 0 {
		return false
	}
	r := v.Access.Redactions[len(v.Access.Redactions)-1]
	return r.Field == "text" && r.Article == comity.ArticleResidency && strings.Contains(r.Reason, string(v.State)) && r.Cure != ""
}

// TestDarkWithinThirtySeconds: a state that seals its Vault makes its records
// dark within 30 seconds everywhere, at home as abroad, and its evidence at once.
func TestDarkWithinThirtySeconds(t *testing.T) {
	g := newGranted(t)
	s := newSwitchable()
	x := serverWith(t, g.World, s.around)
	began := time.Now()
	var later atomic.Int64
	x.SetKeyClock(func() time.Time { return began.Add(time.Duration(later.Load())) })
	owner, foreign := at(g.owner, x), at(g.foreign, x)
	open := func(d time.Duration, want bool) {
		t.Helper()
		later.Store(int64(d))
		for _, o := range []*exchangetest.Officer{owner, foreign} {
			v := caseOf(t, o, g.c, comity.PurposeInvestigation)
			if open := v != nil && v.Text != nil; open != want || open == shut(v) {
				t.Errorf("after %v %s reads %+v, wanted it open: %v", d, o.Caller.Officer.Ref(), v, want)
			}
		}
	}
	open(0, true)
	asked := s.asked.Load()
	s.away["KZ"].Store(true)
	act, _ := foreign.Opening(t, g.exhibit, g.header, comity.PurposeInvestigation, g.grant.Body.ID)
	if err := foreign.Try(t, act); comity.CodeOf(err) != comity.CodeUnavailable || act.SealedKey != "" || act.Get != nil {
		t.Errorf("with the custodian away an exhibit opens: %v", err)
	}
	open(30*time.Second-1, true)
	if n := s.asked.Load() - asked; n != 0 {
		t.Errorf("within 30 seconds the custodian was asked %d times more", n)
	}
	open(30*time.Second, false)
	entries := false
	owner.Read(t, func(r *exchange.Reader) error { // and nothing within the case opens either
		found, err := r.Cases([]comity.ID{g.c}, "")
		if err != nil {
			return err
		}
		pages, err := r.Evidence([]*exchange.CaseView{found[g.c]}, 10, "")
		entries = len(pages[g.c].Items) > 0
		return err
	})
	if entries {
		t.Error("exhibits of a dark case are named")
	}
	s.away["KZ"].Store(false)
	open(31*time.Second, true)

	// The age counts from before the custodian was asked.
	s.slow = func() { later.Add(int64(20 * time.Second)) }
	later.Store(int64(100 * time.Second))
	caseOf(t, owner, g.c, "")
	s.slow = nil
	s.away["KZ"].Store(true)
	open(100*time.Second+30*time.Second, false)
}

// TestKeysForgotten: record keys past their age leave the memory by themselves.
func TestKeysForgotten(t *testing.T) {
	g := newGranted(t)
	var rounds atomic.Int32 // that look for effects, after forgetting keys
	x := serverWith(t, g.World, func(ctx context.Context, call string, perform func(context.Context) error) error {
		if call == "database Write" {
			rounds.Add(1)
		}
		return perform(ctx)
	})
	began := time.Now()
	var later atomic.Int64
	x.SetKeyClock(func() time.Time { return began.Add(time.Duration(later.Load())) })
	caseOf(t, at(g.owner, x), g.c, "")
	if x.KeysKept() != 1 {
		t.Fatalf("%d keys are kept", x.KeysKept())
	}
	before := rounds.Load()
	effects(t, x, func() bool { return rounds.Load() > before })
	if x.KeysKept() != 1 {
		t.Error("a key within its age was forgotten")
	}
	later.Store(int64(30 * time.Second))
	before = rounds.Load()
	effects(t, x, func() bool { return rounds.Load() > before })
	if x.KeysKept() != 0 {
		t.Error("a key outlived its age in memory")
	}
}

// TestKeysInUse: a key in use is asked for anew before it ends, so that no read waits
// for it; the state is dark within 30 seconds all the same when it seals its Vault.
func TestKeysInUse(t *testing.T) {
	g := newGranted(t)
	s := newSwitchable()
	x := serverWith(t, g.World, s.around)
	began := time.Now()
	var later atomic.Int64
	x.SetKeyClock(func() time.Time { return began.Add(time.Duration(later.Load())) })
	owner := at(g.owner, x)
	open := func(d time.Duration, want bool) {
		t.Helper()
		later.Store(int64(d))
		if v := caseOf(t, owner, g.c, ""); (v.Text != nil) != want {
			t.Errorf("after %v the owner reads %+v, wanted it open: %v", d, v, want)
		}
	}
	open(0, true)
	open(time.Second, true)
	later.Store(int64(25 * time.Second))
	effects(t, x, func() bool { return x.KeysEnd().Equal(began.Add(55 * time.Second)) })
	s.away["KZ"].Store(true)
	asked := s.asked.Load()
	open(50*time.Second, true)
	if n := s.asked.Load() - asked; n != 0 {
		t.Errorf("a read asked for %d keys that were renewed", n)
	}
	effects(t, x, func() bool { return s.asked.Load() > asked }) // in vain
	open(55*time.Second-1, true)
	open(55*time.Second, false)
}

// TestKeysAskedTogether: a read that lacks many keys asks for them together, eight at
// once at most.
func TestKeysAskedTogether(t *testing.T) {
	w := newWorld(t)
	owner := w.As(t, "investigator@KZ")
	const together, all = 8, 20
	for range all {
		owner.FileCase(t, "A case", "AM")
	}
	var inside, most atomic.Int32
	full := make(chan struct{})
	s := newSwitchable()
	s.slow = func() {
		n := inside.Add(1)
		defer inside.Add(-1)
		for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
		}
		if n == together {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		select {
		case <-full:
			time.Sleep(5 * time.Millisecond)
		case <-time.After(20 * time.Second): // fewer come at once
		}
	}
	open := 0
	at(owner, serverWith(t, w, s.around)).Read(t, func(r *exchange.Reader) error {
		page, err := r.ListCases(storage.CaseFilter{}, "", 100, "")
		for _, v := range page.Items {
			if v.Text != nil {
				open++
			}
		}
		return err
	})
	if open != all || s.asked.Load() != all || most.Load() != together {
		t.Errorf("%d cases are open, %d keys were asked for, %d at once", open, s.asked.Load(), most.Load())
	}
}

// TestKeyRewrapped: a wrapped key that was swapped in the database is not
// answered with the key that was known before.
func TestKeyRewrapped(t *testing.T) {
	g, raw := operated(t)
	if caseOf(t, g.owner, g.c, "").Text == nil {
		t.Fatal("the case is closed")
	}
	other, _, err := g.Custodians["KZ"].NewRecordKey(t.Context(), g.c)
	must(t, err)
	exec(t, raw, `UPDATE cases SET wrapped_key = ? WHERE id = ?`, other, g.c)
	err = g.Exchange.Read(t.Context(), g.owner.Caller, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{g.c}, "")
		if err == nil && found[g.c].Text != nil {
			t.Error("the words open under a wrapped key that is not theirs")
		}
		return err
	})
	if err == nil {
		t.Error("a swapped key is no incident")
	}
}

// grantOf is a case of a state that it granted to Armenia.
func grantOf(t *testing.T, w *exchangetest.World, s comity.State) comity.ID {
	t.Helper()
	owner, liaison := w.As(t, "investigator@"+string(s)), w.As(t, "liaison@"+string(s))
	c := owner.FileCase(t, "A case of "+string(s), "AM")
	liaison.Do(t, liaison.MakeGrant(t, c, liaison.GrantBody("AM", owner.Release(t, c, "AM"))))
	return c
}

// TestListWithDarkState: of a list, only the dark state's cases are closed,
// whether its custodian refuses or hangs.
func TestListWithDarkState(t *testing.T) {
	w := newWorld(t)
	w.Mandate(t, "KZ")
	w.Mandate(t, "BY")
	reader := w.As(t, "investigator@AM")
	reader.FileCase(t, "Armenia's own", "KZ")
	for range 20 { // more than are asked for at once
		grantOf(t, w, "KZ")
	}
	grantOf(t, w, "BY")
	for name, fail := range map[string]func(*switchable){
		"refuses": func(s *switchable) { s.away["KZ"].Store(true) },
		"hangs":   func(s *switchable) { s.hangs["KZ"].Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSwitchable()
			fail(s)
			exchange.SetCustodianWait(t, 3*time.Second)
			began := time.Now()
			states := map[comity.State][2]int{}
			at(reader, serverWith(t, w, s.around)).Read(t, func(r *exchange.Reader) error {
				page, err := r.ListCases(storage.CaseFilter{}, comity.PurposeInvestigation, 100, "")
				for _, v := range page.Items {
					n := states[v.State]
					if n[1]++; v.Text != nil {
						n[0]++
					} else if !shut(v) {
						t.Errorf("case of %s is closed for %+v", v.State, v.Access)
					}
					states[v.State] = n
				}
				return err
			})
			if took := time.Since(began); took >= hanging {
				t.Errorf("the list took %v", took)
			}
			if states["KZ"] != [2]int{0, 20} || states["BY"] != [2]int{1, 1} || states["AM"] != [2]int{1, 1} {
				t.Errorf("open of listed, by state: %v", states)
			}
		})
	}
}

// TestRequestDarkPerSide: each side's words are dark with its own custodian,
// and with no other's.
func TestRequestDarkPerSide(t *testing.T) {
	w := newWorld(t)
	asking, asked := w.As(t, "investigator@AM"), w.As(t, "liaison@KZ")
	send := &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt, Category: tokentest.Category,
		Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "T", Facts: "facts", FromReference: "AM-1"}}
	asking.Do(t, send)
	asked.Do(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: send.ID, ExpectedVersion: 1, Move: sovereignty.RequestReceive})
	asked.Do(t, &exchange.MoveRequest{Key: exchangetest.Key(), ID: send.ID, ExpectedVersion: 2, Move: sovereignty.RequestAcknowledge, Note: "from KZ", Reference: "KZ-9"})
	asking.Do(t, &exchange.SendMessage{Key: exchangetest.Key(), Request: send.ID, Text: "from AM"})

	type seen struct {
		request    bool
		reference  string
		open, shut []comity.State // messages, by author
	}
	look := func(o *exchangetest.Officer, dark ...comity.State) seen {
		s := newSwitchable()
		for _, state := range dark {
			s.away[state].Store(true)
		}
		var got seen
		at(o, serverWith(t, w, s.around)).Read(t, func(r *exchange.Reader) error {
			found, err := r.Requests([]comity.ID{send.ID})
			if err != nil {
				return err
			}
			v := found[send.ID]
			got.request, got.reference = v.Text != nil, v.ToReference
			pages, err := r.Messages([]*exchange.RequestView{v}, 10, "")
			var ids []comity.ID
			for _, m := range pages[send.ID].Items {
				ids = append(ids, m.ID)
				if m.Text != nil {
					got.open = append(got.open, m.State)
				} else {
					got.shut = append(got.shut, m.State)
				}
			}
			if err != nil {
				return err
			}
			single, err := r.MessagesOf(found, ids)
			for _, m := range pages[send.ID].Items { // one by one, as on the list
				if (single[m.ID].Text == nil) != (m.Text == nil) {
					t.Errorf("the message of %s is open in one way of reading only", m.State)
				}
			}
			return err
		})
		return got
	}
	for name, try := range map[string]struct {
		who  *exchangetest.Officer
		dark []comity.State
		want seen
	}{
		"nobody dark, the asking side":  {asking, nil, seen{true, "", []comity.State{"KZ", "AM"}, nil}},
		"nobody dark, the asked side":   {asked, nil, seen{true, "KZ-9", []comity.State{"KZ", "AM"}, nil}},
		"the asked dark, to the asking": {asking, []comity.State{"KZ"}, seen{true, "", []comity.State{"AM"}, []comity.State{"KZ"}}},
		"the asked dark, to itself":     {asked, []comity.State{"KZ"}, seen{true, "", []comity.State{"AM"}, []comity.State{"KZ"}}},
		"the asking dark, to itself":    {asking, []comity.State{"AM"}, seen{false, "", []comity.State{"KZ"}, []comity.State{"AM"}}},
		"the asking dark, to the asked": {asked, []comity.State{"AM"}, seen{false, "KZ-9", []comity.State{"KZ"}, []comity.State{"AM"}}},
		"both dark":                     {asked, []comity.State{"AM", "KZ"}, seen{false, "", nil, []comity.State{"KZ", "AM"}}},
		"another state's dark":          {asking, []comity.State{"BY"}, seen{true, "", []comity.State{"KZ", "AM"}, nil}},
	} {
		if got := look(try.who, try.dark...); !reflect.DeepEqual(got, try.want) {
			t.Errorf("%s: got %+v, wanted %+v", name, got, try.want)
		}
	}
}
