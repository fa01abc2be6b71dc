package exchange_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// worked is a snapshot that writes down what is asked of it, and how much came.
type worked struct {
	storage.ReadTx
	calls *[]string
}

func did[V any](w worked, name string, asked int, found map[comity.ID]V, err error) (map[comity.ID]V, error) {
	*w.calls = append(*w.calls, fmt.Sprintf("%s: %d of %d", name, len(found), asked))
	return found, err
}

func (w worked) Parents(v storage.Viewer, ids []comity.ID) (map[comity.ID]comity.ID, error) {
	found, err := w.ReadTx.Parents(v, ids)
	return did(w, "parents", len(ids), found, err)
}

func (w worked) Cases(v storage.Viewer, ids []comity.ID) (map[comity.ID]storage.CaseView, error) {
	found, err := w.ReadTx.Cases(v, ids)
	return did(w, "cases", len(ids), found, err)
}

func (w worked) EntriesByID(ids []comity.ID) (map[comity.ID]storage.Entry, error) {
	found, err := w.ReadTx.EntriesByID(ids)
	return did(w, "entries", len(ids), found, err)
}

func (w worked) SubjectsByID(ids []comity.ID) (map[comity.ID]storage.Subject, error) {
	found, err := w.ReadTx.SubjectsByID(ids)
	return did(w, "subjects", len(ids), found, err)
}

func (w worked) ObservablesByID(ids []comity.ID) (map[comity.ID]storage.Observable, error) {
	found, err := w.ReadTx.ObservablesByID(ids)
	return did(w, "observables", len(ids), found, err)
}

func (w worked) EvidenceByID(ids []comity.ID) (map[comity.ID]storage.Evidence, error) {
	found, err := w.ReadTx.EvidenceByID(ids)
	return did(w, "exhibits", len(ids), found, err)
}

func (w worked) RecordKeys(ids []comity.ID) (map[comity.ID]map[comity.State]string, error) {
	found, err := w.ReadTx.RecordKeys(ids)
	return did(w, "keys", len(ids), found, err)
}

type workedDB struct {
	storage.DB
	calls *[]string
}

func (d workedDB) Read(ctx context.Context, f func(storage.ReadTx) error) error {
	*d.calls = append(*d.calls, "snapshot")
	return d.DB.Read(ctx, func(tx storage.ReadTx) error { return f(worked{tx, d.calls}) })
}

// TestHiddenIsTheWorkOfAbsent: for inner records that are hidden the same is
// asked of the database, and as little comes, as for records that never were;
// no custodian is asked. Of what a grant's scope withholds no key is asked either.
func TestHiddenIsTheWorkOfAbsent(t *testing.T) {
	w := exchangetest.New(t)
	w.Mandate(t, "KZ")
	owner := w.As(t, "investigator@KZ")
	hidden, granted := owner.FileCase(t, "hidden", "AM"), owner.FileCase(t, "granted", "AM")
	liaison := w.As(t, "liaison@KZ")
	body := liaison.GrantBody("AM", owner.Release(t, granted, "AM"))
	body.Scope = comity.ScopeSummary
	liaison.Do(t, liaison.MakeGrant(t, granted, body))
	records := func(c comity.ID) (ids []comity.ID) {
		add := func(a *exchange.AddRecords) {
			a.Key, a.Case = exchangetest.Key(), c
			owner.Do(t, a)
			ids = append(ids, a.IDs...)
		}
		add(&exchange.AddRecords{Entries: slices.Repeat([]exchange.NewEntry{{Text: comity.EntryText{Text: "words"}}}, 20)})
		add(&exchange.AddRecords{Subjects: []exchange.NewSubject{{Kind: comity.SubjectAccount, Role: comity.SubjectContact, Text: comity.SubjectText{Identifier: "x"}}}})
		add(&exchange.AddRecords{Observables: []exchange.NewObservable{{Text: comity.ObservableText{Type: "url", Value: "http://x.example/"}}}})
		return append(ids, owner.Upload(t, c, "exhibit", []byte("x")))
	}
	var calls []string
	states := map[comity.State]exchange.State{}
	for s, c := range w.Custodians {
		states[s] = exchange.State{Store: w.Stores[s], Custodian: hookedCustodian{c, func(ctx context.Context, call string, perform func(context.Context) error) error {
			calls = append(calls, call)
			return perform(ctx)
		}}}
	}
	x, err := exchange.New(exchange.Options{DB: workedDB{w.DB, &calls}, Directory: w.Directory, Policies: w.Exchange.Policies(), States: states, Prover: w.Prover, Log: w.Log})
	must(t, err)
	ask := func(who string, ids []comity.ID) []string {
		calls = nil
		at(w.As(t, who), x).Read(t, func(r *exchange.Reader) error {
			found, err := r.Nodes(ids, comity.PurposeInvestigation)
			if len(found) > 0 {
				t.Errorf("%s finds %d records", who, len(found))
			}
			return err
		})
		return calls
	}
	there, withheld := records(hidden), records(granted)
	var nowhere []comity.ID
	for _, id := range there {
		nowhere = append(nowhere, comity.NewID(id.Kind()))
	}
	absent := ask("investigator@AM", nowhere)
	for _, who := range []string{"investigator@AM", "investigator@BY", "liaison@KZ", "colleague@KZ"} {
		if got := ask(who, there); !slices.Equal(got, absent) {
			t.Errorf("%s asks for hidden records:\n%s\nfor absent ones:\n%s", who, strings.Join(got, "\n"), strings.Join(absent, "\n"))
		}
	}
	got := ask("investigator@AM", withheld)
	if len(got) != len(absent) || slices.ContainsFunc(got, func(call string) bool { return strings.HasPrefix(call, "custodian") }) {
		t.Errorf("for records that the scope withholds:\n%s", strings.Join(got, "\n"))
	}
}
