package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// publish publishes a manifest.
func publish(t *testing.T, o *exchangetest.Officer, jws string) error {
	t.Helper()
	return o.Try(t, &exchange.PublishManifest{Key: exchangetest.Key(), Manifest: jws})
}

// history is what a state published.
func history(t *testing.T, o *exchangetest.Officer) (all []exchange.PublishedManifest) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) (err error) { all, err = r.Manifests(); return err })
	return all
}

// told is what a state's auditor reads of publications.
func told(t *testing.T, w *exchangetest.World, s comity.State) (all []audit.Content) {
	t.Helper()
	w.As(t, "auditor@"+string(s)).Read(t, func(r *exchange.Reader) error {
		page, err := r.Log(storage.LogFilter{Act: "manifestPublish"}, 20, "")
		for _, v := range page.Items {
			all = append(all, v.Content)
		}
		return err
	})
	return all
}

func named(*statement.Manifest) {}

// articleOf is the Article that an act was denied by.
func articleOf(err error) comity.Article {
	if e, ok := errors.AsType[*comity.Error](err); ok {
		return e.Article
	}
	return 0
}

// TestManifestPublish: the authority publishes what the root signed; it binds at
// once, every state reads of it, and the own state who published what.
func TestManifestPublish(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		authority := w.As(t, "authority@KZ")
		first := w.Next(t, "KZ", func(m *statement.Manifest) { m.Name = "Renamed" })
		act := &exchange.PublishManifest{Key: exchangetest.Key(), Manifest: first}
		authority.Do(t, act)
		m, err := w.Directory.State("KZ")
		must(t, err)
		if m.Name != "Renamed" || m.Number != act.Number || w.Directory.JWS("KZ") != first {
			t.Errorf("in force is number %d, %q", m.Number, m.Name)
		}
		hash, _, err := statement.BodyHash(m)
		must(t, err)
		for _, s := range []comity.State{"KZ", "AM", "BY"} {
			leaves := told(t, w, s)
			if len(leaves) != 1 || leaves[0].Outcome != audit.Done || leaves[0].Actor.Ref != "KZ:authority-1" || leaves[0].Article != comity.ArticleNonInterference ||
				leaves[0].Records[0].ID != fmt.Sprintf("KZ/manifest/%d", m.Number) || leaves[0].Records[1].ID != hash {
				t.Errorf("%s reads %+v", s, leaves)
			}
		}
		second := w.Next(t, "KZ", named)
		must(t, publish(t, w.As(t, "second@KZ"), second))
		for _, name := range []string{"authority@KZ", "liaison@KZ", "auditor@KZ"} {
			all := history(t, w.As(t, name))
			if len(all) != 2 || all[0].Number != m.Number+1 || all[0].Officer != "KZ:second-1" || all[1].Manifest != first || all[1].Officer != "KZ:authority-1" ||
				all[1].PublishedAt.IsZero() || all[0].PublishedAt.Before(all[1].PublishedAt) {
				t.Errorf("%s reads %+v", name, all)
			}
		}
		if all := history(t, w.As(t, "authority@AM")); len(all) != 0 {
			t.Errorf("AM reads of its own %+v", all)
		}
		investigator := w.As(t, "investigator@KZ")
		err = w.Exchange.Read(t.Context(), investigator.Caller, func(r *exchange.Reader) error { _, err := r.Manifests(); return err })
		if articleOf(err) != comity.ArticleAccountability {
			t.Errorf("an investigator reads the history: %v", err)
		}

		// What lies with the server as a file alone may be published in that text.
		w.Publish(t, "KZ", func(m *statement.Manifest) { m.Name = "By hand" })
		known, _ := w.Directory.Known("KZ")
		back := func(m *statement.Manifest) { m.Number-- }
		if err := publish(t, authority, w.Next(t, "KZ", func(m *statement.Manifest) { back(m); m.Name = "Other" })); comity.CodeOf(err) != comity.CodeConflict {
			t.Errorf("another text under the number of the file: %v", err)
		}
		must(t, publish(t, authority, w.Next(t, "KZ", back)))
		if all := history(t, authority); all[0].Number != known.Number {
			t.Errorf("the newest is %d, want %d", all[0].Number, known.Number)
		}
	})
}

// TestManifestRefused: whatever is not the own state's next manifest, signed by
// its root and handed in by its authority, changes nothing.
func TestManifestRefused(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		w := newWorld(t)
		authority, foreign := w.As(t, "authority@KZ"), w.As(t, "authority@AM")
		must(t, publish(t, authority, w.Next(t, "KZ", named)))
		before, rows := w.Directory.JWS("KZ"), len(history(t, authority))
		m, _ := w.Directory.Known("KZ")
		signed := func(root comity.State, change func(*statement.Manifest)) string {
			next := m
			next.Number++
			change(&next)
			jws, err := statement.SignManifest(t.Context(), w.RootKeys[root], next)
			must(t, err)
			return jws
		}
		good := signed("KZ", named)
		now := w.Clock.Now().UTC().Truncate(time.Second)
		unsigned := func() string { // of the right state, with a fault that no root would sign
			part := strings.Split(good, ".")
			return part[0] + "." + part[1] + "." + strings.Repeat("A", len(part[2]))
		}
		stolen := w.Issuers["AM"].URL()
		for name, c := range map[string]struct {
			who  *exchangetest.Officer
			jws  string
			code comity.Code
			says string
		}{
			"a liaison":                 {w.As(t, "liaison@KZ"), good, comity.CodeDenied, "Only the authority"},
			"an investigator":           {w.As(t, "investigator@KZ"), good, comity.CodeDenied, "Only the authority"},
			"an auditor":                {w.As(t, "auditor@KZ"), good, comity.CodeDenied, ""},
			"a liaison, malformed":      {w.As(t, "liaison@KZ"), "no manifest", comity.CodeDenied, "Only the authority"},
			"another state's authority": {foreign, good, comity.CodeDenied, "its own manifest"},
			"another state's, forged":   {foreign, signed("AM", named), comity.CodeDenied, "its own manifest"},
			"of no state of the union":  {authority, w.Next(t, "KZ", func(m *statement.Manifest) {})[:20], comity.CodeInvalid, ""},
			"another state's root":      {authority, signed("AM", named), comity.CodeInvalid, "not signed by the pinned root"},
			"no signature":              {authority, unsigned(), comity.CodeInvalid, "not signed by the pinned root"},
			"malformed":                 {authority, "no manifest", comity.CodeInvalid, ""},
			"empty":                     {authority, "", comity.CodeInvalid, ""},
			"another union":             {authority, signed("KZ", func(m *statement.Manifest) { tokentest.Foreign(t, m, "another") }), comity.CodeInvalid, "for the union"},
			"expired":                   {authority, signed("KZ", func(m *statement.Manifest) { m.IssuedAt, m.Expires = now.Add(-2*time.Hour), now.Add(-time.Hour) }), comity.CodeInvalid, "expired"},
			"of the future":             {authority, signed("KZ", func(m *statement.Manifest) { m.IssuedAt = now.Add(time.Hour) }), comity.CodeInvalid, "in the future"},
			"an older number":           {authority, signed("KZ", func(m *statement.Manifest) { m.Number -= 2 }), comity.CodeConflict, "published already"},
			"the same again":            {authority, before, comity.CodeConflict, "published already"},
			"its number, other text":    {authority, signed("KZ", func(m *statement.Manifest) { m.Number--; m.Name = "Other" }), comity.CodeConflict, "published already"},
			"another state's issuer": {authority, signed("KZ", func(m *statement.Manifest) {
				is := m.Issuers[0]
				is.URL = stolen
				m.Issuers = append(slices.Clone(m.Issuers), is)
			}), comity.CodeInvalid, "/issuers/1/url: the manifest of AM names"},
		} {
			err := publish(t, c.who, c.jws)
			if comity.CodeOf(err) != c.code || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("%s: %v", name, err)
			}
			if w.Directory.JWS("KZ") != before || len(history(t, authority)) != rows {
				t.Fatalf("%s: something was published", name)
			}
		}
		// What others tried with its manifest the state reads.
		tried := 0
		for _, c := range told(t, w, "KZ") {
			if c.Outcome == audit.Refused && c.Actor.State == "AM" && c.Records[0].ID == "KZ/manifest" && c.Article == comity.ArticleNonInterference {
				tried++
			}
		}
		if tried != 2 {
			t.Errorf("KZ reads of %d tries by AM, want 2", tried)
		}
		if all := told(t, w, "BY"); len(all) != 1 {
			t.Errorf("BY reads %+v", all)
		}

		// Repeated under its key it answers as the first time, also when a newer one
		// was published since; another text under that key is refused.
		act := func() *exchange.PublishManifest {
			return &exchange.PublishManifest{Key: "5f0c9a2e-7a53-4a52-8a49-62a3c1f1d7f1", Manifest: good}
		}
		authority.Do(t, act())
		again := act()
		authority.Do(t, again)
		must(t, publish(t, authority, w.Next(t, "KZ", named)))
		authority.Do(t, act())
		if again.Number != m.Number+1 || len(history(t, authority)) != rows+2 {
			t.Errorf("repeated: number %d, %d rows", again.Number, len(history(t, authority)))
		}
		other := act()
		other.Manifest = w.Next(t, "KZ", named)
		if err := authority.Try(t, other); comity.CodeOf(err) != comity.CodeConflict {
			t.Errorf("another manifest under the same key: %v", err)
		}
	})
}

// apart makes a second server with a directory of its own over the database of a
// world, as it stands now.
func apart(t *testing.T, w *exchangetest.World, db storage.DB) (*exchange.Exchange, *statement.Directory) {
	t.Helper()
	d := statement.NewDirectory(tokentest.Name, w.Roots, w.Clock.Now)
	for _, s := range w.Directory.States() {
		must(t, d.Add(w.Directory.JWS(s)))
	}
	states := map[comity.State]exchange.State{}
	for s, c := range w.Custodians {
		states[s] = exchange.State{Custodian: c, Store: w.Stores[s]}
	}
	x, err := exchange.New(exchange.Options{DB: db, Directory: d, Policies: w.Exchange.Policies(), States: states, Prover: w.Prover, Log: w.Log})
	must(t, err)
	return x, d
}

// TestManifestElsewhere: what is published through one server binds on another
// without a restart, and on one that starts later with older files; one that has
// expired by then lets no older one speak again.
func TestManifestElsewhere(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			w, _ := newPair(t, open, failing("none"))
			x, d := apart(t, w, w.DB)
			late, behind := apart(t, w, w.DB)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); x.Effects(ctx) }()
			defer func() { stop(); <-done }()
			foreign := at(w.As(t, "investigator@AM"), x)
			ask := func() error {
				return foreign.Try(t, &exchange.SendRequest{Key: exchangetest.Key(), To: "KZ", Kind: comity.RequestInformation, Urgency: comity.UrgencyPrompt,
					Category: tokentest.Category, Purpose: comity.PurposeInvestigation, Marking: comity.DefaultMarking, Text: comity.RequestText{Title: "a", Facts: "b"}})
			}
			must(t, ask())
			must(t, publish(t, w.As(t, "authority@KZ"), w.Next(t, "KZ", func(m *statement.Manifest) {
				m.Agreements[0].Denounced = w.Clock.Now().UTC()
				m.Expires = w.Clock.Now().UTC().Add(time.Hour).Truncate(time.Second)
			})))
			want, _ := w.Directory.Known("KZ")
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
				if known, _ := d.Known("KZ"); known.Number == want.Number {
					break
				}
				if time.Now().After(end) {
					t.Fatal("the other server does not take it")
				}
			}
			if err := ask(); articleOf(err) != comity.ArticleLegalBasis {
				t.Errorf("on the other server the agreement is still in force: %v", err)
			}
			w.Clock.Advance(2 * time.Hour)
			published, err := late.TakeManifests(t.Context())
			must(t, err)
			if published["KZ"] != want.Number || len(published) != 1 {
				t.Errorf("published are %v", published)
			}
			if _, err := behind.State("KZ"); comity.CodeOf(err) != comity.CodeUnavailable {
				t.Errorf("after the published one expired an older one speaks: %v", err)
			}
		})
	}
}

// TestManifestRaces: of two manifests of one number one is published, whichever
// server has it; and of two states that claim one issuer at once one has it.
func TestManifestRaces(t *testing.T) {
	trials := 20
	if soak {
		trials = 1000
	}
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			var second storage.DB
			w, _ := newPair(t, func(t testing.TB, now func() time.Time) (a, b storage.DB) {
				a, second = open(t, now)
				return a, second
			}, failing("none"))
			x, d := apart(t, w, second)
			kz, other, am := w.As(t, "authority@KZ"), at(w.As(t, "second@KZ"), x), at(w.As(t, "authority@AM"), x)
			try := func(o *exchangetest.Officer, jws string) func() error {
				return func() error { return publish(t, o, jws) }
			}
			for i := range trials {
				errs := together(try(kz, w.Next(t, "KZ", func(m *statement.Manifest) { m.Name = "one" })), try(other, w.Next(t, "KZ", func(m *statement.Manifest) { m.Name = "two" })))
				if n := performed(t, errs...); n != 1 {
					t.Fatalf("%d of two manifests of one number were published: %v", n, errs)
				}
				claim := func(m *statement.Manifest) {
					is := m.Issuers[0]
					is.URL = fmt.Sprintf("https://id-%d.example", i)
					m.Issuers = append(m.Issuers[:1:1], is)
				}
				_, err := w.Exchange.TakeManifests(t.Context())
				must(t, err)
				_, err = x.TakeManifests(t.Context())
				must(t, err)
				errs = together(try(kz, w.Next(t, "KZ", claim)), try(am, w.Next(t, "AM", claim)))
				failed := errs[0] == nil && comity.CodeOf(errs[1]) == comity.CodeInvalid || errs[1] == nil && comity.CodeOf(errs[0]) == comity.CodeInvalid
				if !failed {
					t.Fatalf("two states claim one issuer: %v", errs)
				}
				_, err = w.Exchange.TakeManifests(t.Context())
				must(t, err)
				_, err = x.TakeManifests(t.Context())
				must(t, err)
				for _, s := range []comity.State{"KZ", "AM"} {
					if w.Directory.JWS(s) != d.JWS(s) {
						t.Fatalf("the servers go by two manifests of %s", s)
					}
				}
			}
		})
	}
}

// TestManifestWaitsForOthers: a manifest is judged beside the one that another
// server is just about to publish, of whichever state.
func TestManifestWaitsForOthers(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			w, _ := newPair(t, open, failing("none"))
			kz := w.As(t, "authority@KZ")
			claim := func(m *statement.Manifest) {
				is := m.Issuers[0]
				is.URL = "https://id.example"
				m.Issuers = append(m.Issuers[:1:1], is)
			}
			mine, other := w.Next(t, "KZ", claim), w.Next(t, "AM", claim)
			known, _ := w.Directory.Known("AM")
			answer := make(chan error, 1)
			must(t, w.DB.Write(storage.AsSystem(t.Context()), func(tx storage.Tx) error {
				if err := tx.LockManifests(); err != nil {
					return err
				}
				go func() { answer <- kz.Try(t, &exchange.PublishManifest{Key: exchangetest.Key(), Manifest: mine}) }()
				select {
				case err := <-answer:
					t.Errorf("it did not wait: %v", err)
					answer <- err
				case <-time.After(300 * time.Millisecond):
				}
				return tx.InsertManifest(storage.PublishedManifest{State: "AM", Number: known.Number + 1, Officer: "AM:authority-1", PublishedAt: tx.Now(), Manifest: other})
			}))
			if err := <-answer; comity.CodeOf(err) != comity.CodeInvalid || !strings.Contains(err.Error(), "the manifest of AM names") {
				t.Errorf("the issuer that AM claimed meanwhile: %v", err)
			}
		})
	}
}
