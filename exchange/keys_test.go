package exchange

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
)

// TestKeysBounded: the cache holds no more than its bound, gives up those past
// their age first, and keeps the newest.
func TestKeysBounded(t *testing.T) {
	now := time.Now()
	k := newRecordKeys(nil)
	k.now = func() time.Time { return now }
	ref := func(i int) keyRef { return keyRef{comity.ID(fmt.Sprint(i)), "KZ", "w"} }
	for i := range 100 {
		k.keep(ref(i), wordKey{}, now.Add(-keyAge+time.Second))
	}
	for i := 100; i < maxKeys; i++ {
		k.keep(ref(i), wordKey{}, now)
	}
	now = now.Add(2 * time.Second)
	k.keep(ref(maxKeys), wordKey{}, now)
	if n := len(k.cache); n != maxKeys-100+1 {
		t.Errorf("with 100 keys past their age %d are kept", n)
	}
	for i := range 200 {
		k.keep(ref(maxKeys+1+i), wordKey{}, now)
		if _, ok := k.cache[ref(maxKeys+1+i)]; !ok || len(k.cache) > maxKeys {
			t.Fatalf("the newest key is kept: %v, among %d", ok, len(k.cache))
		}
	}
}

// askedKeys is a custodian that counts what it is asked.
type askedKeys struct {
	custodian.Custodian
	asked int
	away  bool
	hook  func()
}

func (c *askedKeys) RecordKey(context.Context, comity.ID, string) (custodian.RecordKey, error) {
	c.asked++
	if c.hook != nil {
		c.hook()
	}
	if c.away {
		return custodian.RecordKey{}, errors.New("away")
	}
	return custodian.RecordKey{byte(c.asked)}, nil
}

// TestKeysRenewed: a key that was used is due between half and three quarters of its
// age and renewed from when it was asked for; one that was not is never, nor one past
// its age; one that was dropped meanwhile stays so, and one that the custodian does
// not give ends at its age.
func TestKeysRenewed(t *testing.T) {
	began := time.Now()
	now := began
	c := &askedKeys{}
	k := newRecordKeys(func(comity.State) (custodian.Custodian, error) { return c, nil })
	k.now = func() time.Time { return now }
	ref := keyRef{"case1_x", "KZ", "w"}
	at := func(d time.Duration) { now = began.Add(d) }
	get := func() {
		t.Helper()
		if _, err := k.get(t.Context(), ref); err != nil {
			t.Fatal(err)
		}
	}
	due := func(want int) {
		t.Helper()
		if got := len(k.due()["KZ"]); got != want {
			t.Errorf("after %v %d keys are due, wanted %d", now.Sub(began), got, want)
		}
	}
	get()
	at(renewTo)
	due(0) // not used since
	at(0)
	get()
	at(renewFrom - 1)
	due(0)
	at(renewTo)
	due(1)
	at(keyAge)
	due(0)
	at(renewTo)
	c.hook = func() { at(renewTo + 5*time.Second) } // it takes its time
	k.renew(t.Context(), ref)
	c.hook = nil
	due(0)
	if c.asked != 2 {
		t.Errorf("the custodian was asked %d times", c.asked)
	}
	at(renewTo + keyAge - 1)
	if _, ok := k.kept(ref); !ok {
		t.Error("a renewed key ended before its age")
	}
	c.away = true
	k.renew(t.Context(), ref)
	if _, ok := k.kept(ref); !ok {
		t.Error("a key ended before its age when the custodian was away")
	}
	at(renewTo + keyAge)
	if _, ok := k.kept(ref); ok {
		t.Error("a key outlived its age, which counts from before it was asked for")
	}
	c.away = false
	get()
	c.hook = func() { k.drop(ref.record) }
	k.renew(t.Context(), ref)
	if _, ok := k.kept(ref); ok {
		t.Error("a dropped key came back")
	}
	get()
	if _, ok := k.kept(ref); ok {
		t.Error("a key that was dropped while it was asked for was kept")
	}
}

// TestKeysPanic: what asking panics with is met by who asked, and nothing stays of it.
func TestKeysPanic(t *testing.T) {
	c := &askedKeys{hook: func() { panic("struck") }}
	k := newRecordKeys(func(comity.State) (custodian.Custodian, error) { return c, nil })
	ref := keyRef{"case1_x", "KZ", "w"}
	met := func() (v any) {
		defer func() { v = recover() }()
		_, _ = k.get(t.Context(), ref)
		return nil
	}()
	if met != "struck" || len(k.flights) > 0 {
		t.Errorf("who asked met %v, and %d questions are open", met, len(k.flights))
	}
	c.hook = nil
	if _, err := k.get(t.Context(), ref); err != nil {
		t.Errorf("asked again: %v", err)
	}
}

// slowKeys is a custodian that answers when it is let, or its caller is gone.
type slowKeys struct {
	custodian.Custodian
	asked atomic.Int32
	let   chan struct{}
}

func (c *slowKeys) RecordKey(ctx context.Context, _ comity.ID, _ string) (custodian.RecordKey, error) {
	c.asked.Add(1)
	select {
	case <-c.let:
		return custodian.RecordKey{1}, nil
	case <-ctx.Done():
		return custodian.RecordKey{}, ctx.Err()
	}
}

// TestKeysAskedOnce: who lacks the same key waits for one answer, whoever asked first
// and however it ended for them; when nobody waits any more nothing goes on.
func TestKeysAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slowKeys{let: make(chan struct{})}
		k := newRecordKeys(func(comity.State) (custodian.Custodian, error) { return c, nil })
		ref := keyRef{"case1_x", "KZ", "w"}
		get := func(ctx context.Context) chan error {
			done := make(chan error, 1)
			go func() {
				_, err := k.get(ctx, ref)
				done <- err
			}()
			synctest.Wait()
			return done
		}
		first, leave := context.WithCancel(t.Context())
		gone := get(first)
		var all []chan error
		for range 50 {
			all = append(all, get(t.Context()))
		}
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		close(c.let)
		for _, done := range all {
			if err := <-done; err != nil {
				t.Errorf("who waited got %v", err)
			}
		}
		if n := c.asked.Load(); n != 1 {
			t.Errorf("the custodian was asked %d times", n)
		}
		if _, ok := k.kept(ref); !ok || len(k.flights) > 0 {
			t.Errorf("the key is kept: %v; %d questions are still open", ok, len(k.flights))
		}
		k.drop(ref.record)
		c.let = make(chan struct{})
		alone, leave := context.WithCancel(t.Context())
		gone = get(alone)
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) || comity.CodeOf(err) != comity.CodeUnavailable {
			t.Errorf("the last who left got %v", err)
		}
		synctest.Wait()
		if n := c.asked.Load(); n != 2 || len(k.flights) > 0 {
			t.Errorf("after the last left: asked %d times, %d questions open", n, len(k.flights))
		}
		close(c.let)
		if err := <-get(t.Context()); err != nil {
			t.Errorf("who came after the last left got %v", err)
		}
	})
}

// deafKeys is a custodian that answers when it is let, whoever is gone.
type deafKeys struct {
	custodian.Custodian
	let chan struct{}
}

func (c *deafKeys) RecordKey(context.Context, comity.ID, string) (custodian.RecordKey, error) {
	<-c.let
	return custodian.RecordKey{1}, nil
}

// TestKeysLeft: what is answered when nobody waits any more is not kept: its record
// may have been dropped meanwhile.
func TestKeysLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &deafKeys{let: make(chan struct{})}
		k := newRecordKeys(func(comity.State) (custodian.Custodian, error) { return c, nil })
		ref := keyRef{"case1_x", "KZ", "w"}
		alone, leave := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := k.get(alone, ref)
			done <- err
		}()
		synctest.Wait()
		leave()
		synctest.Wait()
		k.drop(ref.record)
		close(c.let)
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		if _, ok := k.kept(ref); ok {
			t.Error("the key of a record that was dropped came back")
		}
	})
}
