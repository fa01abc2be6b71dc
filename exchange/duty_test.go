package exchange_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
)

func rosterOf(t *testing.T, o *exchangetest.Officer, all bool) (ids []comity.ID) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		page, err := r.Roster(all, 50, "")
		for _, s := range page.Items {
			ids = append(ids, s.ID)
		}
		return err
	})
	return ids
}

func contactOf(t *testing.T, o *exchangetest.Officer, s comity.State) (v exchange.DutyView) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) (err error) { v, err = r.DutyContact(s); return err })
	return v
}

// standing is that nobody is on duty, or that it is not told.
func standing(t *testing.T, what string, v exchange.DutyView) {
	t.Helper()
	if v.Shift != nil || v.Contact != tokentest.Standing(v.State) || v.ContactPoint != comity.AgencyID(v.State+"/cyber") {
		t.Errorf("%s: %+v, want the standing contact", what, v)
	}
}

// TestDutyRoster: the authority says who is on duty; its own officers and the
// liaisons of states that an agreement binds are told who is, now.
func TestDutyRoster(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		w.Mandate(t, "KZ")
		authority, liaison, foreign := w.As(t, "authority@KZ"), w.As(t, "liaison@KZ"), w.As(t, "liaison@AM")
		now := w.Clock.Now()
		standing(t, "before there was any", contactOf(t, foreign, "KZ"))
		first := authority.Shift(t, now, now.Add(8*time.Hour), "+000 1")
		next := authority.Shift(t, now.Add(8*time.Hour), now.Add(16*time.Hour), "")
		authority.Do(t, first)
		authority.Do(t, next)
		if got := rosterOf(t, liaison, false); !cmp.Equal(got, []comity.ID{first.Body.ID, next.Body.ID}) {
			t.Errorf("the roster is %v", got)
		}
		for _, name := range []string{"liaison@AM", "authority@AM", "investigator@KZ", "liaison@KZ", "authority@KZ"} {
			v := contactOf(t, w.As(t, name), "KZ")
			if v.Shift == nil || v.Contact != "+000 1" || v.Shift.Officer != "KZ:liaison-1" || v.Shift.Function == "" ||
				!v.Shift.Until.Equal(time.Unix(first.Body.Until, 0)) || v.ContactPoint != "KZ/cyber" {
				t.Errorf("to %s: %+v", name, v)
				continue
			}
			if s, err := w.Directory.VerifyStatement(v.Shift.Statement); err != nil || s.ID != first.Body.ID || s.State != "KZ" {
				t.Errorf("what the state signed: %v", err)
			}
		}
		for _, name := range []string{"investigator@AM", "auditor@AM", "auditor@KZ"} {
			standing(t, name, contactOf(t, w.As(t, name), "KZ"))
		}
		err := foreign.Exchange.Read(t.Context(), foreign.Caller, func(r *exchange.Reader) error { _, err := r.DutyContact("FR"); return err })
		want(t, err, comity.CodeInvalid, 0)
		for _, name := range []string{"investigator@KZ"} { // abroad each reads its own
			o := w.As(t, name)
			err := o.Exchange.Read(t.Context(), o.Caller, func(r *exchange.Reader) error { _, err := r.Roster(true, 5, ""); return err })
			want(t, err, comity.CodeDenied, comity.ArticleLiaison)
		}
		if got := rosterOf(t, foreign, true); len(got) != 0 {
			t.Errorf("abroad the roster is %v", got)
		}
		if got := rosterOf(t, w.As(t, "auditor@KZ"), true); len(got) != 2 {
			t.Errorf("the auditor reads %v", got)
		}

		// The record of acts: the own state's of the setting, both of the asking.
		if got := leavesOf(t, w, "KZ", string(first.Body.ID)); got["dutySet "+string(audit.Done)+" KZ"] == 0 || got["read "+string(audit.Read)+" AM"] == 0 {
			t.Errorf("KZ's record of acts says %v", got)
		}
		if got := leavesOf(t, w, "AM", string(first.Body.ID)); got["dutySet "+string(audit.Done)+" KZ"] != 0 || got["read "+string(audit.Read)+" AM"] == 0 {
			t.Errorf("AM's record of acts says %v", got)
		}

		// The next shift names no line of its own; after it nobody is on duty.
		w.Clock.Advance(8 * time.Hour)
		foreign = w.As(t, "liaison@AM")
		if v := contactOf(t, foreign, "KZ"); v.Shift == nil || v.Shift.ID != next.Body.ID || v.Contact != tokentest.Standing("KZ") {
			t.Errorf("in the next shift: %+v", v)
		}
		authority = w.As(t, "authority@KZ")
		withdraw := &exchange.WithdrawShift{Key: exchangetest.Key(), Shift: next.Body.ID}
		authority.Do(t, withdraw)
		authority.Do(t, withdraw) // by the same key, once
		standing(t, "after it was withdrawn", contactOf(t, foreign, "KZ"))
		for id, code := range map[comity.ID]comity.Code{next.Body.ID: comity.CodeConflict, first.Body.ID: comity.CodeConflict, comity.NewID(comity.KindShift): comity.CodeNotFound} {
			want(t, authority.Try(t, &exchange.WithdrawShift{Key: exchangetest.Key(), Shift: id}), code, 0)
		}
		if got := rosterOf(t, authority, false); len(got) != 0 {
			t.Errorf("the roster is %v", got)
		}
		now = w.Clock.Now()
		authority.Do(t, authority.Shift(t, now, now.Add(time.Hour), "+000 2")) // in the place of the one withdrawn
		if got := rosterOf(t, authority, true); len(got) != 3 {
			t.Errorf("there were %v", got)
		}
		if v := contactOf(t, foreign, "KZ"); v.Contact != "+000 2" {
			t.Errorf("in its place: %+v", v)
		}

		// Where the agreement ends the roster closes.
		w.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil })
		standing(t, "without an agreement", contactOf(t, foreign, "KZ"))
		got := why(t, foreign, exchange.Why{Action: sovereignty.DutyContact, State: "KZ"})
		if got.Permit || got.Reasons[0].Article != comity.ArticleLegalBasis || !strings.Contains(got.Reasons[0].Cure, "standing contact") {
			t.Errorf("explained: %+v", got)
		}
	})
}

// leavesOf counts what a state's record of acts says of a record: act, outcome
// and acting state.
func leavesOf(t *testing.T, w *exchangetest.World, s comity.State, record string) map[string]int {
	t.Helper()
	got := map[string]int{}
	w.As(t, "auditor@"+string(s)).Read(t, func(r *exchange.Reader) error {
		page, err := r.Log(exchange.LogFilter{}, 100, "")
		for _, e := range page.Items {
			for _, is := range e.Content.Records {
				if is.ID == record {
					got[e.Content.Act+" "+string(e.Content.Outcome)+" "+string(e.Content.Actor.State)]++
				}
			}
		}
		return err
	})
	return got
}

// TestDutyRefused: wrong role and state, and what is no shift.
func TestDutyRefused(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		for _, name := range []string{"liaison@KZ", "deputy@KZ", "investigator@KZ", "liaison@AM", "authority@KZ"} {
			w.As(t, name)
		}
		authority := w.As(t, "authority@KZ")
		now := w.Clock.Now()
		body := func(change func(*statement.DutyBody)) statement.DutyBody {
			b := statement.DutyBody{ID: comity.NewID(comity.KindShift), Officer: "KZ:liaison-1", From: now.Unix(), Until: now.Add(time.Hour).Unix(), Contact: "+000 1"}
			if change != nil {
				change(&b)
			}
			return b
		}
		for name, article := range map[string]comity.Article{"liaison@KZ": comity.ArticleLiaison, "investigator@KZ": comity.ArticleLiaison, "auditor@KZ": comity.ArticleLiaison} {
			o := w.As(t, name)
			want(t, o.Try(t, o.ShiftOf(t, body(nil))), comity.CodeDenied, article)
			want(t, o.Try(t, &exchange.WithdrawShift{Key: exchangetest.Key(), Shift: comity.NewID(comity.KindShift)}), comity.CodeDenied, article)
		}
		foreign := w.As(t, "authority@AM")
		want(t, foreign.Try(t, foreign.ShiftOf(t, body(nil))), comity.CodeInvalid, 0) // KZ's liaison
		for what, change := range map[string]func(*statement.DutyBody){
			"an investigator":     func(b *statement.DutyBody) { b.Officer = "KZ:investigator-1" },
			"an unseen officer":   func(b *statement.DutyBody) { b.Officer = "KZ:nobody-1" },
			"another state's":     func(b *statement.DutyBody) { b.Officer = "AM:liaison-1" },
			"no officer":          func(b *statement.DutyBody) { b.Officer = "" },
			"a begin in the past": func(b *statement.DutyBody) { b.From = now.Add(-3 * time.Minute).Unix() },
			"over": func(b *statement.DutyBody) {
				b.From, b.Until = now.Add(-time.Minute).Unix(), now.Add(-time.Second).Unix()
			},
			"no end":               func(b *statement.DutyBody) { b.Until = 0 },
			"an end at its begin":  func(b *statement.DutyBody) { b.From = now.Add(time.Hour).Unix(); b.Until = b.From },
			"longer than a month":  func(b *statement.DutyBody) { b.Until = b.From + 32*24*3600 },
			"two years ahead":      func(b *statement.DutyBody) { b.From += 2 * 366 * 24 * 3600; b.Until += 2 * 366 * 24 * 3600 },
			"a contact of lines":   func(b *statement.DutyBody) { b.Contact = "+000\n1" },
			"a contact reversed":   func(b *statement.DutyBody) { b.Contact = "\u202e1 000+" },
			"a contact with ends":  func(b *statement.DutyBody) { b.Contact = " " },
			"a contact too long":   func(b *statement.DutyBody) { b.Contact = strings.Repeat("1", comity.MaxContact+1) },
			"a zero width contact": func(b *statement.DutyBody) { b.Contact = "+000\u200b1" },
		} {
			act := authority.ShiftOf(t, body(change))
			if err := authority.Try(t, act); comity.CodeOf(err) != comity.CodeInvalid {
				t.Errorf("%s: %v", what, err)
			}
		}
		other := authority.ShiftOf(t, body(nil))
		other.Body.Contact = "+999" // than was signed
		want(t, authority.Try(t, other), comity.CodeInvalid, 0)
		unsigned := &exchange.SetShift{Key: exchangetest.Key(), Body: body(nil)}
		want(t, authority.Try(t, unsigned), comity.CodeUnauthenticated, 0)
		if got := rosterOf(t, authority, true); len(got) != 0 {
			t.Fatalf("what was refused is on the roster: %v", got)
		}

		set := authority.ShiftOf(t, body(func(b *statement.DutyBody) { b.From += 3600; b.Until += 3 * 3600 }))
		authority.Do(t, set)
		authority.Do(t, set) // by the same key, once
		w.Clock.Advance(90 * time.Minute)
		authority = w.As(t, "authority@KZ")
		again := *set
		again.Act = authority.Sign(t, statement.Act{Act: statement.ActDutySet, Record: set.Body.ID}, set.Body)
		authority.Do(t, &again) // also when its begin has passed
		now = w.Clock.Now()
		for what, at := range map[string][2]time.Duration{"its end": {2 * time.Hour, 4 * time.Hour}, "all of it": {0, 9 * time.Hour}, "a part": {time.Hour, 90 * time.Minute}} {
			err := authority.Try(t, authority.Shift(t, now.Add(at[0]), now.Add(at[1]), "+000 3"))
			if comity.CodeOf(err) != comity.CodeConflict {
				t.Errorf("over %s: %v", what, err)
			}
		}
		same := authority.ShiftOf(t, body(func(b *statement.DutyBody) {
			b.ID, b.From, b.Until = set.Body.ID, now.Add(9*time.Hour).Unix(), now.Add(10*time.Hour).Unix()
		}))
		want(t, authority.Try(t, same), comity.CodeConflict, 0)
		w.As(t, "liaison@AM") // its states' rosters are apart
		foreign = w.As(t, "authority@AM")
		foreign.Do(t, foreign.Shift(t, now, now.Add(9*time.Hour), "+000 4"))
		want(t, foreign.Try(t, &exchange.WithdrawShift{Key: exchangetest.Key(), Shift: set.Body.ID}), comity.CodeNotFound, 0)
		if got := rosterOf(t, authority, false); !cmp.Equal(got, []comity.ID{set.Body.ID}) {
			t.Errorf("the roster is %v", got)
		}

		// A state whose manifest names no standing line says the shift's.
		w.Publish(t, "KZ", func(m *statement.Manifest) { m.Contact = "" })
		want(t, authority.Try(t, authority.Shift(t, now.Add(20*time.Hour), now.Add(21*time.Hour), "")), comity.CodeInvalid, 0)
	})
}

// TestShiftsAtOnce: of shifts that are set at once for one time, one stands.
func TestShiftsAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		w.As(t, "liaison@KZ")
		authority := w.As(t, "authority@KZ")
		for range 8 {
			now := w.Clock.Now()
			acts := []*exchange.SetShift{authority.Shift(t, now, now.Add(time.Hour), "+000 1"), authority.Shift(t, now.Add(time.Minute), now.Add(2*time.Hour), "+000 2"),
				authority.Shift(t, now, now.Add(time.Hour), "+000 3")}
			errs := make([]error, len(acts))
			var wait sync.WaitGroup
			for i, act := range acts {
				wait.Go(func() { errs[i] = authority.Try(t, act) })
			}
			wait.Wait()
			done := 0
			for _, err := range errs {
				if err == nil {
					done++
				} else {
					want(t, err, comity.CodeConflict, 0)
				}
			}
			standing := rosterOf(t, authority, false)
			if done != 1 || len(standing) != 1 {
				t.Fatalf("%d were set, and %v stand", done, standing)
			}
			authority.Do(t, &exchange.WithdrawShift{Key: exchangetest.Key(), Shift: standing[0]})
		}
	})
}

// TestDarkDuty: while a state's keys cannot be reached the standing contact answers.
func TestDarkDuty(t *testing.T) {
	w := newWorld(t)
	w.As(t, "liaison@KZ")
	authority := w.As(t, "authority@KZ")
	now := w.Clock.Now()
	authority.Do(t, authority.Shift(t, now, now.Add(time.Hour), "+000 1"))
	dark := serverWith(t, w, failing("custodian KZ RecordKey"))
	v := contactOf(t, at(w.As(t, "liaison@AM"), dark), "KZ")
	if v.Contact != tokentest.Standing("KZ") || v.Shift == nil || v.Shift.Officer != "KZ:liaison-1" || v.Shift.Statement != "" {
		t.Errorf("dark: %+v", v)
	}
}

// TestEscalation: an urgent request that nobody acknowledges goes up in the asked
// state, and the asking one is told that its clock has run out and where to call.
func TestEscalation(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		l := newLetters(t)
		authority := l.As(t, "authority@KZ")
		l.As(t, "deputy@KZ")
		began := l.Clock.Now()
		authority.Do(t, &exchange.GiveMandate{Key: exchangetest.Key(), Liaison: "KZ:liaison-1", Deputies: []comity.OfficerRef{"KZ:deputy-1"},
			NotBefore: began.Add(-time.Minute), NotAfter: began.Add(90 * 24 * time.Hour)})
		authority.Do(t, authority.Shift(t, began, began.Add(3*time.Hour), "+000 1"))
		urgent, answered := l.send(t, comity.RequestText{}, comity.UrgencyUrgent), l.send(t, comity.RequestText{}, comity.UrgencyUrgent)
		later := l.send(t, comity.RequestText{}, comity.UrgencyPrompt)
		l.moved(t, l.liaison, answered, exchange.MoveRequest{Move: sovereignty.RequestReceive})
		l.moved(t, l.liaison, answered, exchange.MoveRequest{Move: sovereignty.RequestAcknowledge})
		listed := func(o *exchangetest.Officer) (ids []comity.ID) {
			t.Helper()
			o.Read(t, func(r *exchange.Reader) error {
				page, err := r.ListRequests(exchange.RequestFilter{Escalated: true, ByDue: true}, 50, "")
				for _, q := range page.Items {
					ids = append(ids, q.ID)
				}
				return err
			})
			return ids
		}
		told := func(o *exchangetest.Officer, id comity.ID) (e *exchange.EscalationView, c *exchange.DutyView) {
			t.Helper()
			o.Read(t, func(r *exchange.Reader) error {
				found, err := r.Requests([]comity.ID{id})
				if err != nil {
					return err
				}
				up, err := r.Escalations([]*exchange.RequestView{found[id]})
				if err != nil {
					return err
				}
				to, err := r.ContactsOf([]*exchange.RequestView{found[id]})
				e, c = up[id], to[id]
				return err
			})
			return e, c
		}
		quiet := func(what string, o *exchangetest.Officer, ids ...comity.ID) {
			t.Helper()
			for _, id := range ids {
				if e, c := told(o, id); e != nil || c != nil {
					t.Errorf("%s: %+v %+v", what, e, c)
				}
			}
		}
		advance := func(to time.Duration) (asking, asked *exchangetest.Officer) {
			t.Helper()
			l.Clock.Advance(began.Add(to).Sub(l.Clock.Now()))
			l.liaison = l.As(t, "liaison@KZ")
			return l.As(t, "liaison@AM"), l.liaison
		}

		_, asked := advance(2*time.Hour - time.Minute)
		quiet("before a quarter of the clock", asked, urgent, answered, later)
		if got := listed(asked); len(got) != 0 {
			t.Errorf("listed before: %v", got)
		}
		asking, asked := advance(2*time.Hour + time.Minute)
		e, c := told(asked, urgent)
		if e == nil || c != nil || e.Level != comity.EscalatedToDuty || e.Role != comity.RoleLiaison || e.Officer != "KZ:liaison-1" || e.Function == "" ||
			!cmp.Equal(e.Deputies, []comity.OfficerRef{"KZ:deputy-1"}) || e.Next.Sub(e.Since) != 2*time.Hour {
			t.Errorf("after a quarter: %+v %+v", e, c)
		}
		if got := listed(asked); !cmp.Equal(got, []comity.ID{urgent}) {
			t.Errorf("listed after a quarter: %v", got)
		}
		quiet("what was acknowledged, and what is not urgent", asked, answered, later)
		quiet("the asking side", asking, urgent, answered, later)
		if got := listed(asking); len(got) != 0 {
			t.Errorf("to the asking side are listed %v", got)
		}
		_, asked = advance(3*time.Hour + time.Minute) // the shift is over
		if e, _ := told(asked, urgent); e == nil || e.Role != comity.RoleLiaison || e.Officer != "" || e.Deputies != nil {
			t.Errorf("with nobody on duty: %+v", e)
		}
		asking, asked = advance(4*time.Hour + time.Minute)
		for _, o := range []*exchangetest.Officer{asked, l.As(t, "authority@KZ")} {
			if e, _ := told(o, urgent); e == nil || e.Level != comity.EscalatedToAuthority || e.Role != comity.RoleAuthority || e.Officer != "" || !e.Next.IsZero() {
				t.Errorf("after half: %+v", e)
			}
		}
		quiet("the asking side after half", asking, urgent)
		asking, asked = advance(8*time.Hour + time.Minute)
		e, c = told(asking, urgent)
		if e != nil || c == nil || c.Contact != tokentest.Standing("KZ") {
			t.Errorf("the asking side after the clock: %+v %+v", e, c)
		}
		if _, c := told(asked, urgent); c != nil {
			t.Errorf("the asked side is told to call %+v", c)
		}
		authority = l.As(t, "authority@KZ")
		authority.Do(t, authority.Shift(t, l.Clock.Now(), l.Clock.Now().Add(time.Hour), "+000 9"))
		if _, c := told(asking, urgent); c == nil || c.Contact != "+000 9" || c.Shift == nil {
			t.Errorf("the liaison is told to call %+v", c)
		}
		if _, c := told(l.As(t, "investigator@AM"), urgent); c == nil || c.Contact != tokentest.Standing("KZ") || c.Shift != nil {
			t.Errorf("the investigator who asked is told to call %+v", c)
		}
		l.moved(t, asked, urgent, exchange.MoveRequest{Move: sovereignty.RequestReceive})
		if e, _ := told(asked, urgent); e == nil || e.Level != comity.EscalatedToAuthority {
			t.Errorf("received, and not acknowledged: %+v", e)
		}
		l.moved(t, asked, urgent, exchange.MoveRequest{Move: sovereignty.RequestAcknowledge})
		quiet("acknowledged", asked, urgent)
		if got := listed(asked); len(got) != 0 {
			t.Errorf("listed after it was acknowledged: %v", got)
		}
		err := asked.Exchange.Read(t.Context(), asked.Caller, func(r *exchange.Reader) error {
			_, err := r.ListRequests(exchange.RequestFilter{Escalated: true, Outgoing: true}, 5, "")
			return err
		})
		want(t, err, comity.CodeInvalid, 0)
	})
}
