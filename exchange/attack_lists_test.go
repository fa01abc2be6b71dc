package exchange_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/custodian/keyring"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/deploy/stack/stacktest"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// Attacks by lists: what one state does to others' lists, and what lists tell.

var red = comity.Marking{TLP: comity.TLPRed, PAP: comity.PAPAmber, Handling: comity.H0}

// listed reads a list of cases for an officer.
func listed(t *testing.T, o *exchangetest.Officer, f storage.CaseFilter) (items []*exchange.CaseView) {
	t.Helper()
	o.Read(t, func(r *exchange.Reader) error {
		page, err := r.ListCases(f, comity.PurposeInvestigation, 10, "")
		items = page.Items
		return err
	})
	return items
}

func mark(t *testing.T, o *exchangetest.Officer, c comity.ID, m comity.Marking) {
	t.Helper()
	o.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: caseOf(t, o, c, "").Version, Marking: &m})
}

// TestOneStateBreaksNoLists: whatever becomes of Kazakhstan's manifest, keys
// and rows, Armenia's officers list their cases; only Kazakhstan's is dark.
func TestOneStateBreaksNoLists(t *testing.T) {
	for name, try := range map[string]struct {
		spoil  func(*testing.T, *granted, func(string, ...any)) *exchange.Exchange
		reason string
	}{
		"its manifest expires": {func(t *testing.T, g *granted, _ func(string, ...any)) *exchange.Exchange {
			g.Publish(t, "KZ", func(m *statement.Manifest) { m.Expires = g.Clock.Now().Add(time.Hour).UTC().Truncate(time.Second) })
			g.Clock.Advance(2 * time.Hour)
			return g.Exchange
		}, "the manifest of KZ cannot be verified just now"},
		"its statement key leaves the manifest": {func(t *testing.T, g *granted, _ func(string, ...any)) *exchange.Exchange {
			g.Publish(t, "KZ", func(m *statement.Manifest) {
				signer, err := exchangetest.Keyring(t, "KZ").Signer(t.Context())
				must(t, err)
				raw, err := statement.RawJWK(signer)
				must(t, err)
				m.StatementKeys = []json.RawMessage{raw}
			})
			return secondServer(t, g.World, turned{})
		}, "the grant does not agree with what KZ signed"},
		"a grant's row is changed": {func(_ *testing.T, g *granted, exec func(string, ...any)) *exchange.Exchange {
			exec(`UPDATE grants SET scope = 'SUMMARY' WHERE id = ?`, g.grant.Body.ID)
			return g.Exchange
		}, "the grant does not agree with what KZ signed"},
		"its custodian gives another key": {func(t *testing.T, g *granted, exec func(string, ...any)) *exchange.Exchange {
			keys, err := keyring.Open(stacktest.TempDir(t))
			must(t, err)
			other := custodian.New(custodian.Options{State: "KZ", Directory: g.Directory, Verifier: g.Verifier, Now: g.Clock.Now}, keys)
			_, key, err := other.NewRecordKey(t.Context(), g.c)
			must(t, err)
			return secondServer(t, g.World, turned{key: &key})
		}, "the record does not open with its clear fields"},
	} {
		t.Run(name, func(t *testing.T) {
			g, raw := operated(t)
			g.foreign.FileCase(t, "Armenia's own", "KZ")
			x := try.spoil(t, g, func(text string, args ...any) { exec(t, raw, text, args...) })
			reader := at(g.As(t, "investigator@AM"), x)
			var own, dark int
			for _, v := range listed(t, reader, storage.CaseFilter{}) {
				switch {
				case v.Own && v.Text != nil:
					own++
				case !v.Own && v.Text == nil && v.Access.Level == sovereignty.AccessNone && v.Access.Redactions[0].Reason == try.reason && v.Status == "":
					dark++
				default:
					t.Errorf("listed: %+v", v)
				}
			}
			if own != 1 || dark != 1 {
				t.Errorf("%d own cases and %d dark ones are listed, wanted one of each", own, dark)
			}
		})
	}
}

// TestFiltersTellNothingClosed: of a case that is closed to the reader neither
// a filter, nor a count, nor its place in a list moves with what is withheld.
func TestFiltersTellNothingClosed(t *testing.T) {
	for name, shut := range map[string]func(*testing.T, *granted){
		"marked TLP:RED":      func(t *testing.T, g *granted) { mark(t, g.owner, g.c, red) },
		"agreement denounced": func(t *testing.T, g *granted) { g.Publish(t, "AM", func(m *statement.Manifest) { m.Agreements = nil }) },
		"agreement written anew": func(t *testing.T, g *granted) {
			for _, s := range []comity.State{"KZ", "AM"} {
				g.Publish(t, s, func(m *statement.Manifest) {
					m.Agreements = slices.Clone(m.Agreements)
					m.Agreements[0].Title = "Another text"
				})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGranted(t)
			if len(listed(t, g.foreign, storage.CaseFilter{Status: comity.CaseOpen})) != 1 {
				t.Fatal("an open case is not found by its status")
			}
			shut(t, g)
			told := func() (all []int) {
				for _, f := range []storage.CaseFilter{{Status: comity.CaseOpen}, {Status: comity.CaseClosed}, {Category: "RANSOMWARE"}, {Agency: "KZ/cyber"}, {}} {
					g.foreign.Read(t, func(r *exchange.Reader) error {
						page, err := r.ListCases(f, comity.PurposeInvestigation, 10, "")
						if err != nil {
							return err
						}
						n, err := page.Count()
						all = append(all, len(page.Items), n)
						return err
					})
				}
				return all
			}
			before := told()
			if want := []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1}; !slices.Equal(before, want) {
				t.Errorf("pages and counts of a closed case: %v, wanted %v", before, want)
			}
			g.owner.Do(t, &exchange.SetCaseStatus{Key: exchangetest.Key(), ID: g.c, ExpectedVersion: caseOf(t, g.owner, g.c, "").Version, Status: comity.CaseClosed})
			if after := told(); !slices.Equal(before, after) {
				t.Errorf("the status is withheld, and told: %v, then %v", before, after)
			}
		})
	}
}

// TestRedDoesNotMove: while a case is TLP:RED its place abroad stays.
func TestRedDoesNotMove(t *testing.T) {
	g := newGranted(t)
	first := g.c
	mark(t, g.owner, first, red)
	second := grantOf(t, g.World, "KZ")
	order := func() (ids []comity.ID) {
		for _, v := range listed(t, g.foreign, storage.CaseFilter{}) {
			ids = append(ids, v.ID)
		}
		return ids
	}
	for _, status := range []comity.CaseStatus{comity.CaseClosed, comity.CaseOpen} {
		g.owner.Do(t, &exchange.SetCaseStatus{Key: exchangetest.Key(), ID: first, ExpectedVersion: caseOf(t, g.owner, first, "").Version, Status: status})
	}
	if got := order(); !slices.Equal(got, []comity.ID{second, first}) {
		t.Errorf("a case that is closed abroad moved: %v", got)
	}
	mark(t, g.owner, first, comity.DefaultMarking)
	if got := order(); !slices.Equal(got, []comity.ID{first, second}) {
		t.Errorf("a case that is open again stays where it was: %v", got)
	}
}

// TestNarrowScopesCountNothingInside: what a scope does not see moves neither
// version, nor time, nor place; what it sees does.
func TestNarrowScopesCountNothingInside(t *testing.T) {
	for _, scope := range []comity.Scope{comity.ScopeSummary, comity.ScopeExhibits, comity.ScopeFull} {
		t.Run(string(scope), func(t *testing.T) {
			w := newWorld(t)
			w.Mandate(t, "KZ")
			owner, liaison, foreign := w.As(t, "investigator@KZ"), w.As(t, "liaison@KZ"), w.As(t, "investigator@AM")
			give := func(title string) comity.ID {
				c := owner.FileCase(t, title, "AM")
				e := owner.Upload(t, c, "exhibit", []byte("x"))
				body := liaison.GrantBody("AM", owner.Release(t, c, "AM", e), e)
				body.Scope = scope
				liaison.Do(t, liaison.MakeGrant(t, c, body))
				return c
			}
			c := give("A case")
			other := give("Another")
			before := caseOf(t, foreign, c, comity.PurposeInvestigation)
			narrative := "more"
			addEntry(t, owner, c, comity.DefaultMarking)
			owner.Do(t, &exchange.UpdateCase{Key: exchangetest.Key(), ID: c, ExpectedVersion: 2, Narrative: &narrative})
			after := caseOf(t, foreign, c, comity.PurposeInvestigation)
			moved := before.Version != after.Version || !before.UpdatedAt.Equal(after.UpdatedAt)
			if moved != (scope == comity.ScopeFull) {
				t.Errorf("entries and a narrative were added: version %d, then %d; %v, then %v", before.Version, after.Version, before.UpdatedAt, after.UpdatedAt)
			}
			if all := listed(t, foreign, storage.CaseFilter{}); all[0].ID != other {
				t.Error("what lies inside moved the case in the list")
			}
			mark(t, owner, c, comity.Marking{TLP: comity.TLPGreen, PAP: comity.PAPAmber, Handling: comity.H0})
			if v := caseOf(t, foreign, c, comity.PurposeInvestigation); !v.UpdatedAt.After(after.UpdatedAt) {
				t.Errorf("the marking changed, and the case is still of %v", v.UpdatedAt)
			}
			if all := listed(t, foreign, storage.CaseFilter{}); all[0].ID != c {
				t.Error("what every scope sees did not move the case in the list")
			}
		})
	}
}
