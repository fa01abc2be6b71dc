package exchange

import "context"

// keyFlight is a question to a custodian for one key, on which every read that lacks
// the key waits: when fifty keys end together, a hundred reads ask for fifty.
type keyFlight struct {
	done     chan struct{}
	stop     context.CancelFunc
	waiting  int  // guarded by recordKeys.mu, as are the others
	dropped  bool // the key is not to be kept: its record was dropped meanwhile
	key      wordKey
	err      error
	panicked any // of asking, which is theirs who wait
}

// get opens one key. The question goes on while one of those who wait for it does, and
// the last to leave sees it end.
func (k *recordKeys) get(ctx context.Context, ref keyRef) (wordKey, error) {
	if key, ok := k.kept(ref); ok {
		return key, nil
	}
	f := k.join(ctx, ref)
	select {
	case <-f.done:
	case <-ctx.Done():
		if k.leave(ref, f) {
			<-f.done
		}
		return wordKey{}, custodianAway(ref.state, ctx.Err())
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f.key, f.err
}

func (k *recordKeys) join(ctx context.Context, ref keyRef) *keyFlight {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f := k.flights[ref]; f != nil {
		f.waiting++
		return f
	}
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	f := &keyFlight{done: make(chan struct{}), stop: stop, waiting: 1}
	k.flights[ref] = f
	go k.fly(asking, ref, f)
	return f
}

// leave is of one who waits no more, and says whether it was the last.
func (k *recordKeys) leave(ref keyRef, f *keyFlight) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if f.waiting--; f.waiting > 0 {
		return false
	}
	f.stop()
	if k.flights[ref] == f { // whoever comes now asks anew
		delete(k.flights, ref)
	}
	return true
}

func (k *recordKeys) fly(ctx context.Context, ref keyRef, f *keyFlight) {
	defer close(f.done)
	defer f.stop()
	defer func() {
		if f.panicked = recover(); f.panicked != nil {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.flights[ref] == f {
				delete(k.flights, ref)
			}
		}
	}()
	now := k.now()
	f.key, f.err = k.ask(ctx, ref)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.flights[ref] != f { // nobody waits any more, nor would it be known here that the record was dropped
		return
	}
	delete(k.flights, ref)
	if f.err == nil && !f.dropped {
		k.keep(ref, f.key, now)
	}
}
