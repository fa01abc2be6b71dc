package statement

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/comity-platform/comity"
)

// Directory is the verified manifests of a union's states. Readers see whole
// snapshots; it is safe for concurrent use. What it gives is shared and must
// not be changed.
type Directory struct {
	union string
	roots Roots
	now   func() time.Time
	mu    sync.Mutex // one is taken at a time
	snap  atomic.Pointer[snapshot]
}

// snapshot is never changed once stored.
type snapshot struct {
	edition uint64
	states  map[comity.State]published
	issuers map[string][]comity.State // who claims each issuer
}

type published struct {
	manifest  Manifest
	compact   string
	canonical []byte
}

// NewDirectory makes an empty directory over pinned roots. now is the clock.
func NewDirectory(union string, roots Roots, now func() time.Time) *Directory {
	d := &Directory{union: union, roots: maps.Clone(roots), now: now}
	d.snap.Store(&snapshot{})
	return d
}

// Union names the union of states.
func (d *Directory) Union() string { return d.union }

// Add takes a manifest that its state's pinned root signed and that is within its
// dates. A number older than one already taken is refused, and so is the same
// number with other content; the same manifest again is no error.
func (d *Directory) Add(compact string) error {
	m, err := d.Verify(compact)
	if err != nil {
		return err
	}
	return d.take(m, compact)
}

// Recall is [Directory.Add] for a manifest that was taken before. It is taken
// when it has expired since, too: it then speaks for nobody, and no older one
// does again.
func (d *Directory) Recall(compact string) error {
	m, err := d.verify(compact)
	if err != nil {
		return err
	}
	return d.take(m, compact)
}

// Verify verifies a manifest as [Directory.Add] does, and does not take it. It
// does not know earlier numbers: see [Directory.Known].
func (d *Directory) Verify(compact string) (Manifest, error) {
	m, err := d.verify(compact)
	if err != nil {
		return Manifest{}, err
	}
	return m, m.current(d.now())
}

// verify is Verify whatever the dates.
func (d *Directory) verify(compact string) (Manifest, error) {
	state, err := ClaimedState(compact)
	if err != nil {
		return Manifest{}, err
	}
	root, ok := d.roots[state]
	if !ok {
		return Manifest{}, fmt.Errorf("statement: no root is pinned for %.20q, whose manifest this claims to be", state)
	}
	m, err := readManifest(compact, root)
	if err != nil {
		return Manifest{}, err
	}
	if m.Union != d.union {
		return Manifest{}, fmt.Errorf("statement: the manifest of %s is for the union %.80q, not %q", m.State, m.Union, d.union)
	}
	return m, nil
}

// ClaimedState is the state whose manifest a text claims to be; nothing of it is
// verified.
func ClaimedState(compact string) (comity.State, error) {
	message, err := parse(compact, TypManifest, maxManifest)
	if err != nil {
		return "", fmt.Errorf("statement: the manifest: %w", err)
	}
	var claim struct {
		State comity.State `json:"state"`
	}
	if err := message.Peek(&claim); err != nil {
		return "", fmt.Errorf("statement: the manifest: %w", err)
	}
	return claim.State, nil
}

// take makes a verified manifest the state's own, unless it goes back.
func (d *Directory) take(m Manifest, compact string) error {
	canonical, err := Canonical(m)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.snap.Load()
	if p, ok := old.states[m.State]; ok {
		switch {
		case m.Number < p.manifest.Number:
			return fmt.Errorf("statement: the manifest of %s goes back from number %d to %d", m.State, p.manifest.Number, m.Number)
		case m.Number == p.manifest.Number && !bytes.Equal(canonical, p.canonical):
			return fmt.Errorf("statement: two manifests of %s carry the number %d with different content", m.State, m.Number)
		case m.Number == p.manifest.Number:
			return nil
		}
	}
	next := &snapshot{edition: old.edition + 1, states: maps.Clone(old.states), issuers: map[string][]comity.State{}}
	if next.states == nil {
		next.states = map[comity.State]published{}
	}
	next.states[m.State] = published{m, compact, canonical}
	for state, p := range next.states {
		for _, is := range p.manifest.Issuers {
			next.issuers[is.URL] = append(next.issuers[is.URL], state)
		}
	}
	d.snap.Store(next)
	return nil
}

// Edition is another number with each manifest that is taken: what was verified in
// an earlier one is to be verified anew.
func (d *Directory) Edition() uint64 { return d.snap.Load().edition }

// Known gives the newest manifest that was taken of a state, also when it has
// expired since; false when there is none.
func (d *Directory) Known(s comity.State) (Manifest, bool) {
	p, ok := d.snap.Load().states[s]
	return p.manifest, ok
}

// Claims lists the states whose manifests name an issuer, expired ones too.
func (d *Directory) Claims(issuer string) []comity.State {
	return slices.Clone(d.snap.Load().issuers[issuer])
}

// State gives a state's manifest. A state without one is INVALID input; an
// expired manifest is UNAVAILABLE and named.
func (d *Directory) State(s comity.State) (Manifest, error) {
	return d.in(d.snap.Load(), s, d.now())
}

// in gives the manifest that a state has in a snapshot, in force at an instant.
func (d *Directory) in(snap *snapshot, s comity.State, at time.Time) (Manifest, error) {
	p, ok := snap.states[s]
	if !ok {
		return Manifest{}, comity.Invalid("state", fmt.Sprintf("%.20q is not a state of the union %s", s, d.union))
	}
	if err := p.manifest.current(at); err != nil {
		return Manifest{}, err
	}
	return p.manifest, nil
}

// States lists the states with a manifest, expired ones too, in order.
func (d *Directory) States() []comity.State {
	return slices.Sorted(maps.Keys(d.snap.Load().states))
}

// JWS gives a state's manifest as published, "" when there is none.
func (d *Directory) JWS(s comity.State) string { return d.snap.Load().states[s].compact }

// IssuerOf gives the one state that an issuer speaks for. An issuer that two
// states claim speaks for neither.
func (d *Directory) IssuerOf(url string) (comity.State, Issuer, error) {
	claimed := d.snap.Load().issuers[url]
	switch len(claimed) {
	case 0:
		return "", Issuer{}, fmt.Errorf("statement: no state's manifest names the issuer %.200q", url)
	case 1:
	default:
		return "", Issuer{}, fmt.Errorf("statement: %v both claim the issuer %q, so it speaks for neither", slices.Sorted(slices.Values(claimed)), url)
	}
	m, err := d.State(claimed[0])
	if err != nil {
		return "", Issuer{}, err
	}
	i := slices.IndexFunc(m.Issuers, func(is Issuer) bool { return is.URL == url })
	if i < 0 { // a newer manifest came between the two looks and no longer names it
		return "", Issuer{}, fmt.Errorf("statement: no state's manifest names the issuer %.200q", url)
	}
	return m.State, m.Issuers[i], nil
}

// Agreement gives the legal basis between two states for what is new at an
// instant: an agreement that both manifests carry with the same hash, that is in
// force for both, and that covers the category and, unless k is "", the kind of
// request. An id picks it; "" takes the first of a's that covers. Its Ratified is
// that of who ratified it last. Without one the error is DENIED by Article 7.
func (d *Directory) Agreement(a, b comity.State, id string, c comity.Category, k comity.RequestKind, at time.Time) (Agreement, error) {
	all, err := d.agreements(a, b, id, c, k, at, false)
	if err != nil {
		return Agreement{}, err
	}
	return all[0], nil
}

// Bound reports whether any agreement at all is in force between two states.
func (d *Directory) Bound(a, b comity.State, at time.Time) bool {
	m, err := d.State(a)
	return err == nil && slices.ContainsFunc(m.Agreements, func(x Agreement) bool {
		return slices.ContainsFunc(x.Categories, func(c comity.Category) bool {
			_, err := d.Agreement(a, b, x.ID, c, "", at)
			return err == nil
		})
	})
}

// Standing is [Directory.Agreement] for a grant that was made under the
// agreement: where the text has it so, the grant runs to its term after the
// agreement was denounced.
func (d *Directory) Standing(a, b comity.State, id string, c comity.Category, at time.Time) (Agreement, error) {
	all, err := d.agreements(a, b, id, c, "", at, true)
	if err != nil {
		return Agreement{}, err
	}
	return all[0], nil
}

// RequestBasis gives the legal basis of a request that one state puts to another:
// of those that cover it the first that demands nothing which the asking state
// does not offer, else the first, with what the state lacks (Article 15).
func (d *Directory) RequestBasis(from, to comity.State, c comity.Category, k comity.RequestKind, u comity.Urgency, at time.Time) (Agreement, []Measure, error) {
	all, err := d.agreements(from, to, "", c, k, at, false)
	if err != nil {
		return Agreement{}, nil, err
	}
	m, err := d.State(from)
	if err != nil {
		return Agreement{}, nil, err
	}
	for _, a := range all {
		if len(a.Lacking(m, k, u)) == 0 {
			return a, nil, nil
		}
	}
	return all[0], all[0].Lacking(m, k, u), nil
}

// agreements are those of a's in force with b that cover, at least one.
func (d *Directory) agreements(a, b comity.State, id string, c comity.Category, k comity.RequestKind, at time.Time, running bool) ([]Agreement, error) {
	ma, err := d.State(a)
	if err != nil {
		return nil, err
	}
	mb, err := d.State(b)
	if err != nil {
		return nil, err
	}
	reason := fmt.Sprintf("no agreement in force between %s and %s covers %s", a, b, c)
	if k != "" {
		reason += fmt.Sprintf(" and requests for %s", k)
	}
	if id != "" {
		reason = fmt.Sprintf("the agreement %.80q: %s", id, reason)
	}
	var all []Agreement
	for _, x := range ma.Agreements {
		if a == b || id != "" && x.ID != id || !x.covers(a, b, c, k) {
			continue
		}
		i := slices.IndexFunc(mb.Agreements, func(y Agreement) bool { return y.ID == x.ID })
		switch h := x.Hash(); {
		case i < 0 || h == "" || mb.Agreements[i].Hash() != h:
			reason = fmt.Sprintf("the manifests of %s and %s do not carry the agreement %q alike", a, b, x.ID)
		case x.binds(at, running) && mb.Agreements[i].binds(at, running):
			if y := mb.Agreements[i].Ratified; y.After(x.Ratified) {
				x.Ratified = y
			}
			all = append(all, x)
		}
	}
	if len(all) == 0 {
		return nil, comity.Denied(comity.ArticleLegalBasis, reason,
			"both states ratify an agreement that covers it, with the same text in both manifests")
	}
	return all, nil
}
