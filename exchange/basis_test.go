package exchange_test

import (
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// agree changes the agreement of KZ and AM in both manifests alike.
func (b *bench) agree(t *testing.T, change func(*statement.Agreement)) {
	t.Helper()
	for _, s := range []comity.State{"KZ", "AM"} {
		b.Publish(t, s, func(m *statement.Manifest) { change(&m.Agreements[0]) })
	}
}

// TestDenunciationInForce: a denunciation leaves everything as it is until its
// notice is over; then no grant is made, and what runs ends or runs out as the
// text has it, in the exchange and at the custodian.
func TestDenunciationInForce(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		for _, effect := range []statement.Denunciation{statement.DenunciationEnds, statement.DenunciationRunOut} {
			b := newBench(t)
			b.agree(t, func(a *statement.Agreement) { a.NoticeDays, a.OnDenunciation = 1, effect })
			exhibit := func(c comity.ID) comity.ID { return b.owner.Upload(t, c, "a", []byte("image")) }
			c := b.owner.FileCase(t, "A case", "AM")
			e := exhibit(c)
			act := b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", b.owner.Release(t, c, "AM", e), e))
			b.liaison.Do(t, act)
			late := b.owner.FileCase(t, "Another", "AM")
			release := b.owner.Release(t, late, "AM")
			b.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements[0].Denounced = b.Clock.Now().UTC() })
			must(t, b.liaison.Try(t, b.liaison.MakeGrant(t, late, b.liaison.GrantBody("AM", release))))
			open := func() bool {
				v := caseOf(t, b.foreign, c, comity.PurposeInvestigation)
				listed := listFiltered(t, b.foreign)
				if v == nil || (v.Text != nil) != listed {
					t.Fatalf("read %v, found by a filter %v", v, listed)
				}
				return v.Text != nil
			}
			if !open() {
				t.Fatal("closed before the notice was over")
			}
			b.Clock.Advance(25 * time.Hour)
			b.owner, b.liaison, b.foreign = b.As(t, "investigator@KZ"), b.As(t, "liaison@KZ"), b.As(t, "investigator@AM")
			last := b.owner.FileCase(t, "A third", "AM")
			want(t, b.liaison.Try(t, b.liaison.MakeGrant(t, last, b.liaison.GrantBody("AM", b.owner.Release(t, last, "AM")))), comity.CodeDenied, comity.ArticleLegalBasis)
			if running := effect == statement.DenunciationRunOut; open() != running {
				t.Errorf("%s: open %v", effect, !running)
			}
			// Past the gate: the custodian knows by itself.
			body := b.liaison.GrantBody("AM", release)
			_, canonical, err := statement.BodyHash(body)
			must(t, err)
			_, err = b.Custodians["KZ"].Sign(t.Context(), custodian.SignOrder{Kind: statement.KindGrant, ID: body.ID, Record: last, Body: canonical,
				Asker: statement.Asker{Token: b.liaison.Caller.Token, Act: b.liaison.Sign(t, statement.Act{Act: statement.ActGrantMake, Record: last}, body)}})
			want(t, err, comity.CodeDenied, comity.ArticleLegalBasis)
		}
	})
}

// TestDenunciationIsFinal: what a denunciation ended opens under no later
// ratification; and no manifest is published by which a state would leave without
// notice, or take back what has taken effect.
func TestDenunciationIsFinal(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		b := newBench(t)
		b.agree(t, func(a *statement.Agreement) { a.NoticeDays, a.OnDenunciation = 1, statement.DenunciationEnds })
		b.Publish(t, "KZ", func(m *statement.Manifest) { m.Agreements[0].Ratified = b.Clock.Now().Add(-time.Hour).UTC() })
		c := b.owner.FileCase(t, "A case", "AM")
		b.liaison.Do(t, b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", b.owner.Release(t, c, "AM"))))
		open := func(want bool, what string) {
			t.Helper()
			v := caseOf(t, b.foreign, c, investigation)
			if v == nil || (v.Text != nil) != want || listFiltered(t, b.foreign) != want {
				t.Errorf("%s: wanted open %v, read %+v, listed %v", what, want, v, !want)
			}
		}
		publish := func(what, fault string, change func(*statement.Manifest)) {
			t.Helper()
			authority := b.As(t, "authority@AM")
			err := authority.Try(t, &exchange.PublishManifest{Key: exchangetest.Key(), Manifest: b.Next(t, "AM", change)})
			if fault == "" {
				must(t, err)
			} else if comity.CodeOf(err) != comity.CodeInvalid || !strings.Contains(err.Error(), fault) {
				t.Errorf("%s: %v", what, err)
			}
		}
		open(true, "granted")
		publish("left without notice", "left out", func(m *statement.Manifest) { m.Agreements = nil })
		publish("left by another text", "another text", func(m *statement.Manifest) { m.Agreements[0].Title += ", revised" })
		publish("denounced a month ago", "more than a day ago", func(m *statement.Manifest) { m.Agreements[0].Denounced = b.Clock.Now().UTC().AddDate(0, 0, -31) })
		open(true, "what was refused changes nothing")
		publish("denounced", "", func(m *statement.Manifest) { m.Agreements[0].Denounced = b.Clock.Now().UTC() })
		open(true, "during the notice")
		b.Clock.Advance(25 * time.Hour)
		b.owner, b.liaison, b.foreign = b.As(t, "investigator@KZ"), b.As(t, "liaison@KZ"), b.As(t, "investigator@AM")
		open(false, "denounced")
		publish("taken back", "took effect", func(m *statement.Manifest) { m.Agreements[0].Denounced = time.Time{} })
		publish("ratified anew", "", func(m *statement.Manifest) {
			m.Agreements[0].Denounced, m.Agreements[0].Ratified = time.Time{}, b.Clock.Now().UTC()
		})
		open(false, "ratified anew")
		b.Clock.Advance(time.Minute)
		b.liaison.Do(t, b.liaison.MakeGrant(t, c, b.liaison.GrantBody("AM", b.owner.Release(t, c, "AM"))))
		open(true, "granted anew")
	})
}

// listFiltered reports whether a state's officer finds a case by its category.
func listFiltered(t *testing.T, o *exchangetest.Officer) (found bool) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		page, err := r.ListCases(storage.CaseFilter{Category: tokentest.Category}, comity.PurposeInvestigation, 10, "")
		for _, v := range page.Items {
			found = found || v.Text != nil && v.Text.Title == "A case"
		}
		return err
	})
	return found
}
