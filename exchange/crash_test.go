package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/exchangetest"
	"github.com/comity-platform/comity/storage"
	"github.com/comity-platform/comity/storage/object"
)

// Crash safety: every act is struck at every call that it makes of the
// database, a custodian or a store, in every way. It then stands wholly or not
// at all, and repeating it through another server completes it, once.

// strike is a way in which a call goes wrong.
type strike string

const (
	refused strike = "is not made"
	lost    strike = "is made and its answer lost"
	crash   strike = "is not made: the server crashes"
	crashed strike = "is made, and the server crashes"
	gone    strike = "is made when the asker no longer waits"
)

var strikes = []strike{refused, lost, crash, crashed, gone}

var errCrash = errors.New("crashed")

// fault strikes one of the calls that an act makes.
type fault struct {
	at     int
	how    strike
	cancel context.CancelFunc

	mu    sync.Mutex
	calls []string
}

func (f *fault) around(ctx context.Context, call string, perform func(context.Context) error) error {
	f.mu.Lock()
	n := len(f.calls)
	f.calls = append(f.calls, call)
	f.mu.Unlock()
	if n != f.at {
		return perform(ctx)
	}
	if f.how == gone {
		f.cancel()
		return perform(ctx)
	}
	if f.how == lost || f.how == crashed {
		if err := perform(ctx); err != nil {
			return err
		}
	}
	if f.how == crash || f.how == crashed {
		panic(errCrash)
	}
	part, _, _ := strings.Cut(call, " ")
	if part == "store" {
		return fmt.Errorf("struck: %w", object.ErrUnavailable)
	}
	return comity.Unavailable("the "+part, errors.New("struck"))
}

// tried is an act that a test strikes.
type tried struct {
	who *exchangetest.Officer
	// act makes it, each time with the same key and signed anew.
	act func() exchange.Act
	// count is how often the database shows it.
	count func() int
	// after checks what came of it once it was repeated.
	after func(t *testing.T, act exchange.Act)
}

// done counts the leaves of one request that say an act was performed.
func (b *bench) done(t *testing.T, s comity.State, request string) (n int) {
	t.Helper()
	must(t, b.DB.Read(storage.AsSystem(t.Context()), func(tx storage.ReadTx) error {
		entries, err := tx.Log(s, storage.LogFilter{}, storage.Page{Limit: 50})
		for _, e := range entries {
			c, fault := audit.Open(e)
			if fault != nil {
				return fault
			}
			if c.RequestID == request && c.Outcome == audit.Done {
				n++
			}
		}
		return err
	}))
	return n
}

// attempt performs an act through a server that may crash.
func attempt(ctx context.Context, x *exchange.Exchange, who exchange.Caller, act exchange.Act) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != errCrash {
				panic(p)
			}
			err = errCrash
		}
	}()
	return x.Do(ctx, who, act)
}

// strikeAt strikes the nth call of an act, and reports whether there was one.
func strikeAt(t *testing.T, b *bench, set func(*testing.T, *bench) tried, n int, how strike) bool {
	t.Helper()
	try := set(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &fault{at: n, how: how, cancel: cancel}
	x := serverWith(t, b.World, f.around)
	who, again := try.who.Caller, try.who.Caller
	who.RequestID, again.RequestID = uuid.NewString(), uuid.NewString()
	err := attempt(ctx, x, who, try.act())
	struck := len(f.calls) > n
	where := "(never struck)"
	if struck {
		where = fmt.Sprintf("call %d, %s, %s", n, f.calls[n], how)
	}
	count, leaves := try.count(), b.done(t, who.Officer.State, who.RequestID)
	if count != leaves || count > 1 {
		t.Errorf("%s: %d leaves say it was done, and it was %d times", where, leaves, count)
	}
	switch {
	case !struck && err != nil || err == nil && count != 1:
		t.Errorf("%s: answered %v, done %d times", where, err, count)
	case struck && err != nil && (how == refused || how == lost) && comity.CodeOf(err) != comity.CodeUnavailable:
		t.Errorf("%s: answered %v", where, err)
	}
	act := try.act()
	if err := b.Exchange.Do(t.Context(), again, act); err != nil {
		t.Fatalf("%s: repeated through another server: %v", where, err)
	}
	if count, leaves := try.count(), leaves+b.done(t, who.Officer.State, again.RequestID); count != 1 || leaves != 1 {
		t.Errorf("%s: once repeated it was done %d times, by %d leaves", where, count, leaves)
	}
	if try.after != nil {
		try.after(t, act)
	}
	return struck
}

// soak makes the long tests longer.
var soak = os.Getenv("COMITY_SOAK") != ""

func TestCrash(t *testing.T) {
	onEngines(t, func(t *testing.T) {
		for name, set := range struckActs {
			if strings.HasSuffix(t.Name(), "PostgreSQL") && !soak && !slices.Contains([]string{"grantMake", "grantRevoke", "evidenceComplete"}, name) {
				continue // the gate's steps are the same; the engine's part in them is shown by these
			}
			ways := strikes
			if strings.HasSuffix(t.Name(), "PostgreSQL") && !soak {
				ways = []strike{lost, crashed}
			}
			t.Run(name, func(t *testing.T) {
				b := newBench(t)
				for _, how := range ways {
					for n := 0; strikeAt(t, b, set, n, how); n++ {
					}
				}
			})
		}
	})
}
