package custodian

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
)

// Quota bounds how many acts of the officers of one grantee state are judged.
type Quota struct {
	PerSecond float64
	Burst     int
}

// DefaultQuota lets a state open two full batches at once and then ten exhibits
// a second: enough for any team of officers, too little to empty a store unseen.
var DefaultQuota = Quota{PerSecond: 10, Burst: 200}

// Options are what a [Local] judges by.
type Options struct {
	State     comity.State
	Directory *statement.Directory // over roots that the state itself pinned
	Verifier  *token.Verifier      // over the same directory
	Quota     Quota                // [DefaultQuota] when zero
	Now       func() time.Time     // time.Now when nil
}

// Local is a custodian in this process. It is safe for concurrent use, and
// several processes may share one state's [Keys].
type Local struct {
	state     comity.State
	directory *statement.Directory
	verifier  *token.Verifier
	keys      Keys
	now       func() time.Time
	seen      replays

	quota    Quota
	quotaMu  sync.Mutex
	limiters map[comity.State]*rate.Limiter

	judgedMu sync.Mutex
	judged   map[comity.State]int64 // the manifest by its number that the register knows of
}

var _ Custodian = (*Local)(nil)

// New makes the custodian of a state over its keys.
func New(o Options, keys Keys) *Local {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Quota == (Quota{}) {
		o.Quota = DefaultQuota
	}
	return &Local{state: o.State, directory: o.Directory, verifier: o.Verifier, keys: keys, now: o.Now, quota: o.Quota,
		limiters: map[comity.State]*rate.Limiter{}, judged: map[comity.State]int64{}}
}

// State implements [Custodian].
func (l *Local) State() comity.State { return l.state }

// KeyName is the name of the key of a case or request in [Keys].
func KeyName(record comity.ID) string { return "case-" + string(record) }

// The contexts under which keys are wrapped, so that a wrapped key opens for
// what it was made for and nothing else.
func recordContext(record comity.ID) [32]byte {
	return sha256.Sum256([]byte("comity/record/v1" + string(record)))
}

func evidenceContext(headerHash [32]byte) [32]byte {
	return sha256.Sum256(append([]byte("comity/evidence/v1"), headerHash[:]...))
}

// recordKinds are the records with words of their own.
var recordKinds = []comity.Kind{comity.KindCase, comity.KindRequest, comity.KindReservation,
	comity.KindAnnotation, comity.KindReferral, comity.KindNotice, comity.KindCompelled,
	comity.KindShift, comity.KindUndertaking, comity.KindErasure}

// NewRecordKey implements [Custodian].
func (l *Local) NewRecordKey(ctx context.Context, record comity.ID) (string, RecordKey, error) {
	if _, err := comity.ParseID(string(record), recordKinds...); err != nil {
		return "", RecordKey{}, err
	}
	if err := l.keys.CreateKey(ctx, KeyName(record)); err != nil {
		return "", RecordKey{}, l.fault(err)
	}
	// After the key is made, lest it be made just behind its own destruction.
	if err := l.stays(ctx, record); err != nil {
		return "", RecordKey{}, err
	}
	plain, wrapped, err := l.keys.DataKey(ctx, KeyName(record), recordContext(record))
	if err != nil {
		return "", RecordKey{}, l.fault(err)
	}
	return wrapped, take(plain), nil
}

// RecordKey implements [Custodian].
func (l *Local) RecordKey(ctx context.Context, record comity.ID, wrapped string) (RecordKey, error) {
	if _, err := comity.ParseID(string(record), recordKinds...); err != nil {
		return RecordKey{}, err
	}
	plain, err := l.keys.Unwrap(ctx, KeyName(record), recordContext(record), wrapped)
	if err != nil {
		return RecordKey{}, l.fault(err)
	}
	if err := l.gone(ctx, record); err != nil {
		clear(plain)
		return RecordKey{}, err
	}
	return take(plain), nil
}

// ownCase refuses a case that is none of the state's: its id does not tell, but
// each of the own cases was filed under a key that was made here (Article 1).
// Another state's case answers as one that does not exist.
func (l *Local) ownCase(ctx context.Context, record comity.ID) error {
	plain, _, err := l.keys.DataKey(ctx, KeyName(record), recordContext(record))
	clear(plain)
	if !errors.Is(err, ErrAbsent) {
		return l.fault(err)
	}
	c, _, err := read[caseEntry](ctx, l, caseKey(record))
	if err == nil && c.Withdrawn == nil { // its key would be destroyed
		err = comity.NotFound()
	}
	return err
}

// take moves a key of 32 bytes into its type and clears the rest.
func take(plain []byte) RecordKey {
	defer clear(plain)
	return RecordKey(plain)
}

// Keys implements [Custodian].
func (l *Local) Keys(ctx context.Context) ([]jose.JSONWebKey, error) {
	s, err := l.keys.Signer(ctx)
	if err != nil {
		return nil, l.fault(err)
	}
	return []jose.JSONWebKey{s.Public()}, nil
}

// Check implements [Custodian]. A statement key that the state's manifest does
// not name is a fault: nobody could verify what it signs.
func (l *Local) Check(ctx context.Context) error {
	if err := l.keys.Check(ctx); err != nil {
		return l.fault(err)
	}
	s, err := l.keys.Signer(ctx)
	if err != nil {
		return l.fault(err)
	}
	if err := l.newest(ctx, l.state); err != nil {
		return err
	}
	return l.listed(s)
}

// listed checks that the manifest carries the statement key.
func (l *Local) listed(s statement.Signer) error {
	m, err := l.directory.State(l.state)
	if err != nil {
		return err
	}
	public, err := m.StatementKey(s.KeyID())
	if err == nil {
		var want, got string
		if want, err = statement.Thumbprint(public); err == nil {
			if got, err = statement.Thumbprint(s.Public()); err == nil && want != got {
				err = errors.New("the manifest carries another key under this id")
			}
		}
	}
	if err != nil {
		return l.away(fmt.Errorf("the statement key %s is not in the manifest of %s: %w", s.KeyID(), l.state, err))
	}
	return nil
}

// signer is the state's signer, whose failures say that the custodian is away.
func (l *Local) signer(ctx context.Context) (statement.Signer, error) {
	s, err := l.keys.Signer(ctx)
	if err != nil {
		return nil, l.fault(err)
	}
	if err := l.listed(s); err != nil {
		return nil, err
	}
	return reporting{s, l}, nil
}

type reporting struct {
	statement.Signer
	l *Local
}

func (r reporting) Sign(ctx context.Context, input []byte) ([]byte, error) {
	b, err := r.Signer.Sign(ctx, input)
	if err != nil {
		return nil, r.l.fault(err)
	}
	return b, nil
}

// fault turns an error of [Keys] into one that the exchange can pass on.
func (l *Local) fault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrAbsent):
		return comity.NotFound().Because(err)
	case errors.Is(err, ErrWrapped):
		return comity.Invalid("wrappedKey", "this wrapped key is not that of the record").Because(err)
	case errors.Is(err, ErrCAS):
		return comity.Conflict("the register is being changed by others; try again").Because(err)
	}
	return l.away(err)
}

func (l *Local) away(err error) error {
	return comity.Unavailable(fmt.Sprintf("the custodian of %s", l.state), err)
}

// spend takes one of the acts that officers of a grantee state may have judged.
func (l *Local) spend(grantee comity.State) error {
	l.quotaMu.Lock()
	defer l.quotaMu.Unlock()
	b := l.limiters[grantee]
	if b == nil {
		b = rate.NewLimiter(rate.Limit(l.quota.PerSecond), l.quota.Burst)
		l.limiters[grantee] = b
	}
	if !b.AllowN(l.now(), 1) {
		return &comity.Error{Code: comity.CodeLimit, Cure: "wait some seconds and open fewer exhibits at a time",
			Message: fmt.Sprintf("officers of %s ask the custodian of %s for more keys than its quota of %g a second", grantee, l.state, l.quota.PerSecond)}
	}
	return nil
}
