package exchange_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
)

// TestHungCustodianHoldsNobody: while far more officers than there are
// connections wait for one state's custodian, which answers nothing, other
// states read and act.
func TestHungCustodianHoldsNobody(t *testing.T) { onEngines(t, hungCustodian) }

func hungCustodian(t *testing.T) {
	const readers = 100
	w := newWorld(t)
	w.Mandate(t, "KZ")
	c := grantOf(t, w, "KZ")
	foreign, other := w.As(t, "investigator@AM"), w.As(t, "investigator@BY")
	own := other.FileCase(t, "of Belarus")
	release := make(chan struct{})
	var waiting atomic.Int32
	all := make(chan struct{})
	x := serverWith(t, w, func(ctx context.Context, call string, perform func(context.Context) error) error {
		if !strings.HasPrefix(call, "custodian KZ ") {
			return perform(ctx)
		}
		if strings.HasSuffix(call, " Standing") && waiting.Add(1) == readers {
			close(all)
		}
		<-release // whatever the caller's patience
		return comity.Unavailable("the custodian of KZ", nil)
	})
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			err := x.Read(t.Context(), foreign.Caller, func(r *exchange.Reader) error {
				_, err := r.Cases([]comity.ID{c}, comity.PurposeInvestigation)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	defer wg.Wait()
	defer close(release)
	select {
	case <-all:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%d of %d readers got as far as the custodian: the others wait for connections", waiting.Load(), readers)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := x.Read(ctx, other.Caller, func(r *exchange.Reader) error {
		found, err := r.Cases([]comity.ID{own}, "")
		if err == nil && found[own].Text == nil {
			t.Error("another state's case is closed")
		}
		return err
	})
	if err != nil {
		t.Errorf("another state's officer cannot read: %v", err)
	}
	if err := x.Do(ctx, other.Caller, &exchange.FileCase{Key: exchangetest.Key(), Category: "RANSOMWARE", Marking: comity.DefaultMarking,
		Nexus: []comity.Nexus{{Basis: comity.NexusEffects, State: "BY"}}, Text: comity.CaseText{Title: "another"}}); err != nil {
		t.Errorf("another state's officer cannot act: %v", err)
	}
}

// TestHungCustodianIsRemembered: after one read waited in vain, the next are
// dark at once, without asking.
func TestHungCustodianIsRemembered(t *testing.T) {
	exchange.SetCustodianWait(t, 5*time.Second) // it is waited for to the end
	w := newWorld(t)
	w.Mandate(t, "KZ")
	c := grantOf(t, w, "KZ")
	reader := w.As(t, "investigator@AM")
	own := reader.FileCase(t, "of Armenia")
	var calls atomic.Int32
	x := serverWith(t, w, func(ctx context.Context, call string, perform func(context.Context) error) error {
		if !strings.HasPrefix(call, "custodian KZ ") {
			return perform(ctx)
		}
		calls.Add(1)
		<-ctx.Done()
		return comity.Unavailable("the custodian of KZ", ctx.Err())
	})
	look := func() {
		t.Helper()
		open := 0
		at(reader, x).Read(t, func(r *exchange.Reader) error {
			page, err := r.ListCases(storage.CaseFilter{}, comity.PurposeInvestigation, 10, "")
			for _, v := range page.Items {
				if v.ID == own && v.Text != nil {
					open++
				}
				if v.ID == c && !shut(v) {
					t.Errorf("a case whose custodian hangs is shown as %+v", v.Access)
				}
			}
			return err
		})
		if open != 1 {
			t.Error("the own case is not listed open")
		}
	}
	look()
	asked := calls.Load()
	if asked == 0 {
		t.Fatal("the custodian was not asked")
	}
	look()
	if n := calls.Load() - asked; n != 0 {
		t.Errorf("a custodian that did not answer a moment ago was asked %d times more", n)
	}
}
