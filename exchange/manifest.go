package exchange

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// PublishManifest publishes the own state's next manifest, which the state's root
// signed off line: who speaks for the state, and by which agreements it is bound.
// It is in force here at once and on every other server at its next look; each
// custodian verifies it by itself.
type PublishManifest struct {
	Key      string `json:"-"`
	Manifest string `json:"manifest"` // JWS

	Number int64 `json:"-"` // of the manifest, also when it was published before

	said statement.Manifest
}

func (p *PublishManifest) about() (sovereignty.Action, string, any) {
	return sovereignty.ManifestPublish, p.Key, p
}

func (p *PublishManifest) judge(tx storage.ReadTx, a *attempt) error {
	q := a.ownState()
	// Decided by whose it claims to be, so that a forged one is denied as such.
	if claimed, err := statement.ClaimedState(p.Manifest); err == nil && claimed.Valid() {
		q.Record.State = claimed
		a.on(string(claimed) + "/manifest")
		if _, member := a.x.dir.Known(claimed); member {
			a.origin = claimed // told of what others try with its manifest
		}
	}
	if err := a.decide(q); err != nil {
		return err
	}
	var err error
	if p.said, err = a.x.dir.Verify(p.Manifest); err != nil {
		return comity.Invalid("manifest", strings.TrimPrefix(err.Error(), "statement: "))
	}
	p.Number = p.said.Number
	if w, ok := tx.(storage.Tx); ok {
		if err := w.LockManifests(); err != nil {
			return err
		}
	}
	published, err := a.x.takeManifests(tx)
	if err != nil {
		return err
	}
	if err := a.next(p.said, published[p.said.State]); err != nil {
		return err
	}
	if last, known := a.x.dir.Known(p.said.State); known && last.Number < p.Number {
		if faults := p.said.Follows(last, a.now); len(faults) > 0 {
			return comity.Invalid("manifest", strings.ReplaceAll(errors.Join(faults...).Error(), "\n", "; ")).CuredBy("the state's root signs a manifest that denounces what it leaves, or ratifies anew what it takes up")
		}
	}
	return a.unclaimed(p.said)
}

// next wants a manifest to follow the state's last one. One that lies with the
// server as a file alone may still be published, in the same text.
func (a *attempt) next(m statement.Manifest, published int64) error {
	known, _ := a.x.dir.Known(m.State)
	last := max(known.Number, published)
	if m.Number == last && published < last {
		is, _, err := statement.BodyHash(known)
		if err != nil {
			return err
		}
		if said, _, err := statement.BodyHash(m); err != nil || said == is {
			return err
		}
	}
	if m.Number <= last {
		return comity.Conflict(fmt.Sprintf("number %d of %s was published already; the state's root signs the next one with a higher number", last, m.State))
	}
	return nil
}

// unclaimed wants no issuer that another state names: it would speak for neither.
func (a *attempt) unclaimed(m statement.Manifest) error {
	for i, is := range m.Issuers {
		for _, s := range a.x.dir.Claims(is.URL) {
			if s != m.State {
				return comity.Invalid("manifest", fmt.Sprintf("/issuers/%d/url: the manifest of %s names the issuer %s, which would speak for neither state", i, s, is.URL))
			}
		}
	}
	return nil
}

func (p *PublishManifest) prepare(context.Context, *attempt) error { return nil }

func (p *PublishManifest) commit(tx storage.Tx, a *attempt) error {
	hash, _, err := statement.BodyHash(p.said)
	if err != nil {
		return err
	}
	a.records = nil
	a.on(fmt.Sprintf("%s/manifest/%d", p.said.State, p.Number), a.x.dir.States()...)
	a.on(hash)
	err = tx.InsertManifest(storage.PublishedManifest{State: p.said.State, Number: p.Number, Officer: a.who.Officer.Ref(), PublishedAt: a.now, Manifest: p.Manifest})
	if errors.Is(err, storage.ErrExists) {
		return comity.Conflict("a manifest of this number was published already")
	}
	return err
}

func (p *PublishManifest) finish(_ context.Context, a *attempt) error {
	a.x.recall(p.said.State, p.Manifest)
	return nil
}

func (p *PublishManifest) repeat(context.Context, *attempt, []comity.ID) error { return nil }

// TakeManifests has the directory know what states published through other
// servers, and before this one started. It gives the highest number of each
// state that published any.
func (x *Exchange) TakeManifests(ctx context.Context) (published map[comity.State]int64, err error) {
	err = x.db.Read(storage.AsSystem(ctx), func(tx storage.ReadTx) (err error) {
		published, err = x.takeManifests(tx)
		return err
	})
	return published, err
}

func (x *Exchange) takeManifests(tx storage.ReadTx) (map[comity.State]int64, error) {
	published, err := tx.ManifestNumbers()
	if err != nil {
		return nil, err
	}
	for state, number := range published {
		if known, ok := x.dir.Known(state); ok && known.Number >= number {
			continue
		}
		newest, err := tx.ManifestsOf(state, 1)
		if err != nil {
			return nil, err
		}
		for _, m := range newest {
			x.recall(state, m.Manifest)
		}
	}
	return published, nil
}

// recall takes a manifest that was published, expired or not. What does not hold
// here, as when another root is pinned, is named in the log once.
func (x *Exchange) recall(s comity.State, jws string) {
	err := x.dir.Recall(jws)
	if err == nil {
		x.unheld.Delete(s)
		return
	}
	if before, _ := x.unheld.Swap(s, err.Error()); before != err.Error() {
		x.log.Error("a published manifest is not taken; the state's last one stays in force", "state", s, "error", err)
	}
}

// maxManifests is how far back the history of manifests is read.
const maxManifests = 100

// Manifests lists what the officer's own state published, the newest first.
func (r *Reader) Manifests() ([]PublishedManifest, error) {
	if err := r.office(sovereignty.ManifestRead, "manifests", comity.KindMandate); err != nil {
		return nil, err
	}
	r.lists = true
	return r.tx.ManifestsOf(r.who.Officer.State, maxManifests)
}
