package client_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestRequestPreserve: the holds of a request to preserve are placed before it is
// executed, and once, wherever the line was cut in between.
func TestRequestPreserve(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	m := &middle{}
	owner, liaison, asking := w.as(t, "investigator@KZ"), w.through(t, "liaison@KZ", m), w.as(t, "liaison@AM")
	a, b := w.file(t, owner).ID, w.file(t, owner).ID
	for _, of := range []comity.ID{a, b} {
		_, err := owner.CaseAssign(ctx, client.Assignment{ID: of, Office: comity.RoleLiaison})
		must(t, err)
	}
	acknowledged := func(kind comity.RequestKind) *client.Request {
		q, err := asking.RequestSend(ctx, client.NewRequest{To: "KZ", Kind: kind, Urgency: comity.UrgencyRoutine, Category: tokentest.Category,
			Purpose: comity.PurposeInvestigation, Title: "Keep", Facts: "x"})
		must(t, err)
		q, err = liaison.RequestReceive(ctx, client.Move{ID: q.ID, ExpectedVersion: q.Version})
		must(t, err)
		q, err = liaison.RequestAcknowledge(ctx, client.Move{ID: q.ID, ExpectedVersion: q.Version})
		must(t, err)
		return q
	}
	cut := func(operation string, sent bool) { // the line, before or after an operation reaches the server
		lost := func() error {
			if m.asked[len(m.asked)-1] == operation {
				return errors.New("the line is cut")
			}
			return nil
		}
		m.set(func(m *middle) {
			m.before, m.after = nil, nil
			if operation != "" && sent {
				m.after = func(_ *http.Request, answer *http.Response) (*http.Response, error) { return answer, lost() }
			} else if operation != "" {
				m.before = func(*http.Request, []byte) (*http.Response, error) { return nil, lost() }
			}
		})
	}
	holds := func(q *client.Request) int {
		page, err := liaison.Holds(ctx, client.HoldFilter{Request: q.ID, Lying: true}, 10, "")
		must(t, err)
		return len(page.Nodes)
	}
	for name, where := range map[string]struct {
		operation string
		sent      bool
		lie       int
	}{"before any hold": {"HoldPlace", false, 0}, "before it is executed": {"RequestExecute", false, 2}, "when it is executed": {"RequestExecute", true, 2}} {
		q := acknowledged(comity.RequestPreservation)
		move, keep := client.Move{ID: q.ID, ExpectedVersion: q.Version}, client.Preservation{Cases: []comity.ID{a, b}, Reason: "asked to"}
		cut(where.operation, where.sent)
		if _, err := liaison.RequestPreserve(ctx, move, keep); err == nil {
			t.Fatalf("cut %s, it succeeds", name)
		}
		cut("", false)
		if n := holds(q); n != where.lie {
			t.Errorf("cut %s, %d holds lie, not %d", name, n, where.lie)
		}
		for range 2 {
			done, err := liaison.RequestPreserve(ctx, move, keep)
			must(t, err)
			if done.Status != comity.RequestExecuted || holds(q) != 2 {
				t.Errorf("cut %s and repeated, it is %s with %d holds", name, done.Status, holds(q))
			}
		}
	}
	q := acknowledged(comity.RequestInformation)
	_, err := liaison.RequestPreserve(ctx, client.Move{ID: q.ID, ExpectedVersion: q.Version}, client.Preservation{Cases: []comity.ID{a}, Reason: "r"})
	want(t, err, comity.CodeInvalid, 0)
	q = acknowledged(comity.RequestPreservation)
	_, err = liaison.RequestPreserve(ctx, client.Move{ID: q.ID, ExpectedVersion: q.Version}, client.Preservation{Reason: "r"})
	want(t, err, comity.CodeInvalid, 0)
	_, err = liaison.RequestPreserve(ctx, client.Move{ID: q.ID, ExpectedVersion: q.Version}, client.Preservation{Cases: []comity.ID{comity.NewID(comity.KindCase)}, Reason: "r"})
	want(t, err, comity.CodeNotFound, 0)
	if n := holds(q); n != 0 {
		t.Errorf("%d holds were placed for what was refused", n)
	}
}
