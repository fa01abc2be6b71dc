package worlds_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
)

// treaty is an agreement as the oracle knows it: what its text says, and what each
// state said of it since.
type treaty struct {
	id     string
	runOut bool          // grants run to their term after a denunciation
	notice time.Duration // before a denunciation takes effect
	until  time.Time     // zero: no end
	words  map[comity.State]*word
}

// word is a state's own on a treaty.
type word struct {
	ratified  time.Time
	denounced time.Time   // when the last denunciation takes effect; zero: none, or another ratification came after
	before    []time.Time // when earlier ones took effect
}

func (o *word) left(now time.Time) bool { return !o.denounced.IsZero() && !now.Before(o.denounced) }

// binds: it is in force for both, so that something new may rest on it (Article 7).
func (y *treaty) binds(a, b comity.State, now time.Time) bool {
	return a != b && !y.over(now) && !y.words[a].left(now) && !y.words[b].left(now)
}

func (y *treaty) over(now time.Time) bool { return !y.until.IsZero() && !now.Before(y.until) }

// holds: what was granted under it between two states stands. Its end is theirs, and
// so is a denunciation that took effect since, unless the text lets them run out;
// no later ratification brings back what ended.
func (y *treaty) holds(a, b comity.State, made, now time.Time) bool {
	if y.over(now) {
		return false
	}
	if y.runOut {
		return true
	}
	for _, s := range []comity.State{a, b} {
		for _, end := range append(y.words[s].before, y.words[s].denounced) {
			if !end.IsZero() && !made.After(end) && !now.Before(end) {
				return false
			}
		}
	}
	return true
}

// bound: any agreement at all is in force between two states.
func (u union) bound(a, b comity.State, now time.Time) bool {
	return slices.ContainsFunc(u.treaties, func(y *treaty) bool { return y.binds(a, b, now) })
}

// basis draws an agreement that a grant names, mostly one in force.
func (w *world) basis(a, b comity.State) string {
	all := w.union.treaties[:len(w.union.treaties)-1]
	y := pick(w.r, all...)
	for range 3 {
		if !y.binds(a, b, w.Clock.Now()) {
			y = pick(w.r, all...)
		}
	}
	return y.id
}

// alone: no other state is of the team with it.
func (u union) alone(s comity.State, all []comity.State, now time.Time) bool {
	return !slices.ContainsFunc(all, func(o comity.State) bool { return u.team().binds(s, o, now) })
}

func (u union) team() *treaty { return u.treaties[len(u.treaties)-1] }

// speaks: a state's manifest lists all the keys by which something was signed. What
// is signed by a key that left it is nobody's word.
func (u union) speaks(s comity.State, keys ...int) bool {
	return !slices.ContainsFunc(keys, func(k int) bool { return !u.listed[s][k] })
}

// turning are a state's keys of which the one for statements is another later.
type turning struct {
	custodian.Keys
	signer statement.Signer
	all    []json.RawMessage // public, every one there was
}

func turn(t testing.TB, keys custodian.Keys) *turning {
	first, err := keys.Signer(t.Context())
	must(t, err)
	k := &turning{Keys: keys}
	k.use(t, first)
	return k
}

func (k *turning) use(t testing.TB, s statement.Signer) {
	public, err := statement.RawJWK(s)
	must(t, err)
	k.signer, k.all = s, append(k.all, public)
}

func (k *turning) Signer(context.Context) (statement.Signer, error) { return k.signer, nil }

// agree has every state carry the same agreements: one that ends grants with its
// denunciation, one by which they run out and that takes a day's notice, one that
// itself ends, and a joint team.
func (w *world) agree() {
	states := w.Directory.States()
	w.JoinTeam(w.t, states...)
	began := w.began.UTC()
	short := time.Unix(w.edge(60+w.r.IntN(300)), 0).UTC()
	for _, s := range states {
		w.Publish(w.t, s, func(m *statement.Manifest) {
			first, team := m.Agreements[0], m.Agreements[1]
			first.Categories, team.Categories = slices.Clone(categories), slices.Clone(categories)
			first.Ratified = began.Add(-time.Hour)
			lenient, brief := first, first
			lenient.ID, lenient.NoticeDays, lenient.OnDenunciation = "lenient", 1, statement.DenunciationRunOut
			brief.ID, brief.Until = "brief", short
			m.Agreements = []statement.Agreement{first, lenient, brief, team}
		})
	}
	w.union.treaties = []*treaty{{id: tokentest.Agreement}, {id: "lenient", runOut: true, notice: 24 * time.Hour}, {id: "brief", until: short},
		{id: tokentest.Team, until: began.Add(120 * 24 * time.Hour)}}
	for _, y := range w.union.treaties {
		y.words = map[comity.State]*word{}
		for _, s := range states {
			y.words[s] = &word{ratified: began.Add(-time.Hour)}
		}
	}
	for _, s := range states {
		w.union.listed[s] = map[int]bool{0: true}
	}
}

// key is the number of the key that a state signs by now.
func (w *world) key(s comity.State) int { return len(w.keys[s].all) - 1 }

// novelty is what a manifest says anew: what becomes of the model once it is
// published, and whether the Articles let it be.
type novelty struct {
	what   string
	valid  bool
	change func(*statement.Manifest)
	then   func()
}

// publish has an officer publish a state's next manifest, and holds against the
// Articles whether that was possible.
func publish(w *world) (string, error) {
	s, of := pick(w.r, w.Directory.States()...), w.r.IntN(len(w.union.treaties))
	if r, g := w.running(); g != nil && !w.chance(3) { // what a grant rests on
		s = pick(w.r, r.state, r.state, g.to.State)
		of = max(0, slices.Index(w.union.treaties, g.treaty))
	}
	w.Clock.Advance(time.Second) // what is dated in whole seconds comes after what was before
	n := w.novelty(s, of)
	if n.change == nil {
		return n.what, nil
	}
	o := w.at(s, pick(w.r, "authority", "authority", "authority", "second"))
	if w.chance(5) {
		o = w.anyone("authority", "liaison", "auditor")
	}
	return w.issue(o, s, n)
}

// issue has an officer publish what is new.
func (w *world) issue(o *exchangetest.Officer, s comity.State, n novelty) (string, error) {
	who := o.Caller.Officer
	err := o.Try(w.t, &exchange.PublishManifest{Key: exchangetest.Key(), Manifest: w.Next(w.t, s, n.change)})
	did := fmt.Sprintf("%s publishes of %s: %s", who.Ref(), s, n.what)
	if allowed := n.valid && who.State == s && who.Role == comity.RoleAuthority; (err == nil) != allowed {
		w.t.Errorf("%s: %v, the oracle: %v (Article 7)", did, err, allowed)
	}
	w.tally.count("manifests", err)
	if err == nil && n.then != nil {
		n.then()
	}
	return did, err
}

// novelty draws one of a state, mostly about the agreement of the index i.
func (w *world) novelty(s comity.State, i int) novelty {
	if w.chance(2) {
		return w.rotation(s)
	}
	var at []int // what was left is taken up again rather than more left
	for i, y := range w.union.treaties {
		if !y.words[s].denounced.IsZero() {
			at = append(at, i)
		}
	}
	if len(at) > 0 && !w.chance(3) {
		i = pick(w.r, at...)
	}
	y, now := w.union.treaties[i], w.Clock.Now().UTC()
	o := y.words[s]
	change := func(f func(*statement.Agreement)) func(*statement.Manifest) {
		return func(m *statement.Manifest) { f(&m.Agreements[i]) }
	}
	none, left := o.denounced.IsZero(), o.left(now)
	renew := w.renewed(s, i)
	back := novelty{y.id + " is denounced no more", !left, change(func(a *statement.Agreement) { a.Denounced = time.Time{} }), func() { o.denounced = time.Time{} }}
	switch {
	case y.over(now):
		return novelty{what: "the agreement has ended"}
	case w.chance(8):
		return novelty{y.id + " is left out", false, func(m *statement.Manifest) { m.Agreements = slices.Delete(m.Agreements, i, i+1) }, nil}
	case w.chance(8):
		return novelty{y.id + " has another text", false, change(func(a *statement.Agreement) { a.Title += ", revised" }), nil}
	case none && w.chance(8) && o.ratified.Before(now.Add(-25*time.Hour)):
		return novelty{y.id + " is denounced in the past", false, change(func(a *statement.Agreement) { a.Denounced = now.Add(-25 * time.Hour) }), nil}
	case none && w.chance(8):
		return renew // which it was, and is
	case none && w.chance(2):
		return novelty{what: "nothing is denounced"}
	case none:
		return w.denounced(s, i)
	case w.chance(3):
		return back
	}
	return renew
}

// denounced is the denunciation of an agreement, by now.
func (w *world) denounced(s comity.State, i int) novelty {
	y, now := w.union.treaties[i], w.Clock.Now().UTC()
	return novelty{y.id + " is denounced", true, func(m *statement.Manifest) { m.Agreements[i].Denounced = now },
		func() { y.words[s].denounced = now.Add(y.notice) }}
}

// renewed is another ratification, by now, of an agreement that the state left.
func (w *world) renewed(s comity.State, i int) novelty {
	y, now := w.union.treaties[i], w.Clock.Now().UTC()
	o := y.words[s]
	return novelty{y.id + " is ratified anew", o.left(now) && !y.over(now),
		func(m *statement.Manifest) { m.Agreements[i].Ratified, m.Agreements[i].Denounced = now, time.Time{} },
		func() { o.before, o.ratified, o.denounced = append(o.before, o.denounced), now, time.Time{} }}
}

// rotation is another key for a state's statements, with the earlier listed on or
// not; or those listed again, or a manifest of no new number.
func (w *world) rotation(s comity.State) novelty {
	keys, listed := w.keys[s], w.union.listed[s]
	switch w.r.IntN(4) {
	case 0:
		return novelty{"the same number again", false, func(m *statement.Manifest) { m.Number--; m.Name += ", again" }, nil}
	case 1:
		return w.relisted(s)
	case 2:
		if len(keys.all) > 1 {
			return novelty{"one key is listed", true, list(keys.all[len(keys.all)-1:]...), func() { w.retire(s) }}
		}
	}
	if len(keys.all) > len(listed) && w.chance(2) {
		return novelty{what: "the key stays"}
	}
	if !w.chance(3) {
		return w.replaced(s)
	}
	signer, public := w.fresh()
	return novelty{"another key comes beside it", true, func(m *statement.Manifest) { m.StatementKeys = append(m.StatementKeys, public) },
		func() { keys.use(w.t, signer); listed[w.key(s)] = true }}
}

func list(all ...json.RawMessage) func(*statement.Manifest) {
	return func(m *statement.Manifest) { m.StatementKeys = slices.Clone(all) }
}

func (w *world) fresh() (statement.Signer, json.RawMessage) {
	key, err := statement.NewKey()
	must(w.t, err)
	signer, err := statement.NewSoftSigner(key, "")
	must(w.t, err)
	public, err := statement.RawJWK(signer)
	must(w.t, err)
	return signer, public
}

// replaced has another key alone listed, by which the state signs from then on.
func (w *world) replaced(s comity.State) novelty {
	signer, public := w.fresh()
	return novelty{"another key takes its place", true, list(public), func() { w.keys[s].use(w.t, signer); w.retire(s) }}
}

// relisted has every key listed that there was.
func (w *world) relisted(s comity.State) novelty {
	return novelty{"every key is listed", true, list(w.keys[s].all...), func() {
		for k := range w.keys[s].all {
			w.union.listed[s][k] = true
		}
	}}
}

// retire has only the last key of a state listed.
func (w *world) retire(s comity.State) {
	clear(w.union.listed[s])
	w.union.listed[s][w.key(s)] = true
}
