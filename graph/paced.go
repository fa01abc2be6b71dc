package graph

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/pace"
	"github.com/comity-platform/comity/graph/subscribe"
)

// fieldsPerRequest is for how many fields that its answer could hold a query
// counts as another request.
const fieldsPerRequest = 1000

// slow says that a request is to be made again later.
func slow(w *pace.Wait) *fault {
	whose := "the officers of one agency"
	if w.Limit == "addressRate" {
		whose = "one network address without a valid token"
	}
	seconds := retryAfter(w.After)
	return &fault{code: comity.CodeLimit, status: http.StatusTooManyRequests, limit: w.Limit, max: w.Max, after: w.After,
		message: fmt.Sprintf("the limit %q was passed: at most %v requests a second of %s; come again in %d s", w.Limit, w.Max, whose, seconds)}
}

// tellLater is when an event is told that is to wait for the agency's rate.
func (h *handler) tellLater(ctx context.Context, o comity.Officer) error {
	if h.pace != nil {
		if w := h.pace.Event(ctx, o); w != nil {
			return &subscribe.LaterError{After: w.After}
		}
	}
	return nil
}

// spendEvent charges an event that was to be told by what telling it could cost;
// nothing for one that was not told, which nobody is to see.
func (h *handler) spendEvent(o comity.Officer, told bool, cost float64) {
	switch {
	case h.pace == nil:
	case told:
		h.pace.SpendEvent(o, math.Floor(cost/fieldsPerRequest))
	default:
		h.pace.Untold(o)
	}
}

// retryAfter is a wait in whole seconds, after which it is over.
func retryAfter(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// admit takes a request as an officer's, if there is a place for it and it is within
// the rate.
func (h *handler) admit(r *http.Request, o comity.Officer) *fault {
	if !PlaceOf(r.Context()).Of(o) {
		return &fault{code: comity.CodeUnavailable, status: http.StatusServiceUnavailable, after: time.Second,
			message: "this server is busy; try again, and with fewer requests at once of one officer, agency or state"}
	}
	return h.tooFast(r, o)
}

// tooFast refuses what an officer asks beyond the agency's rate.
func (h *handler) tooFast(r *http.Request, o comity.Officer) *fault {
	if h.pace == nil {
		return nil
	}
	if w := h.pace.Officer(r.Context(), o); w != nil {
		return slow(w)
	}
	return nil
}

// strangerTooFast refuses what is asked without a valid token beyond the rate of
// the address that it comes from.
func (h *handler) strangerTooFast(r *http.Request) *fault {
	if h.pace == nil {
		return nil
	}
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // one that is none shares with all such
	if w := h.pace.Stranger(at.Addr()); w != nil {
		return slow(w)
	}
	return nil
}

// spend charges a query that can answer much for as many requests more.
func (h *handler) spend(who exchange.Caller, cost float64) {
	if h.pace != nil && who.Officer.Agency != "" {
		h.pace.Spend(who.Officer, math.Floor(cost/fieldsPerRequest))
	}
}
