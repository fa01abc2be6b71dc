package custodian

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
)

// asked is an officer's verified word.
type asked struct {
	token.Identity
	act statement.Act
}

// want is what an act must be about.
type want struct {
	act    string
	record comity.ID
	body   any  // whose canonical JSON the act's body_hash is over
	paired bool // the officer is one of two, where one may do
}

// hear verifies token and act anew, that one session key is behind both, that
// the act is the one wanted, that the manifests which say so are none of the
// past, that another state's quota is not used up, and that the act has not been
// used here before. The caller gives the act back (see forgive) when it could not be served.
func (l *Local) hear(ctx context.Context, a statement.Asker, w want) (asked, error) {
	who, err := l.verifier.Verify(ctx, a.Token)
	if err != nil {
		return asked{}, err
	}
	now := l.now()
	act, jkt, err := statement.ReadAct(a.Act, now)
	if err != nil {
		return asked{}, err
	}
	hash, _, err := statement.BodyHash(w.body)
	if err != nil {
		return asked{}, comity.Invalid("body", "the body of the act is not JSON").Because(err)
	}
	switch {
	case jkt != who.JKT:
		return asked{}, comity.Unauthenticated("the act is signed with another key than the token's", nil)
	case act.Union != l.directory.Union():
		return asked{}, comity.Unauthenticated("the act is of another union", nil)
	case act.Act != w.act:
		return asked{}, comity.Unauthenticated("the signed act is another one: wanted "+w.act, nil)
	case act.Record != w.record:
		return asked{}, comity.Unauthenticated("the signed act is about another record", nil)
	case act.Seconded != w.paired:
		return asked{}, comity.Unauthenticated("the officer signed as one of two what is asked for alone, or alone what takes two", nil)
	case act.BodyHash != hash:
		return asked{}, comity.Unauthenticated("what is asked for is not what the officer signed", nil)
	}
	if err := l.newest(ctx, l.state, who.Officer.State); err != nil {
		return asked{}, err
	}
	// Before the act is remembered: another state's acts do not fill the memory.
	if who.Officer.State != l.state {
		if err := l.spend(who.Officer.State); err != nil {
			return asked{}, err
		}
	}
	if err := l.seen.claim(jkt, act.Nonce, time.Unix(act.IssuedAt, 0).Add(statement.Freshness), now); err != nil {
		return asked{}, err
	}
	return asked{who, act}, nil
}

// forgive lets an act be used again whose order failed because keys were away:
// nothing was given for it.
func (l *Local) forgive(a asked, err error) {
	if comity.CodeOf(err) == comity.CodeUnavailable {
		l.seen.release(a.JKT, a.act.Nonce)
	}
}

// maxReplays bounds the memory of replays at some 15 MB. An act is remembered
// for at most twice [statement.Freshness].
const maxReplays = 1 << 17

// replays remembers the nonces of acts for as long as the acts are fresh. The
// zero value is ready.
type replays struct {
	mu    sync.Mutex
	known map[[32]byte]bool
	due   map[int64][][32]byte // by the Unix second after which they are stale
}

func nonceKey(jkt, nonce string) [32]byte { return sha256.Sum256([]byte(jkt + "\n" + nonce)) }

// claim takes a nonce, once. The key belongs to it: an ECDSA signature has
// several spellings, a nonce under one key has one.
func (r *replays) claim(jkt, nonce string, stale, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known, r.due = map[[32]byte]bool{}, map[int64][][32]byte{}
	}
	for second, keys := range r.due { // at most one for every second of freshness
		if second < now.Unix() {
			for _, k := range keys {
				delete(r.known, k)
			}
			delete(r.due, second)
		}
	}
	k := nonceKey(jkt, nonce)
	if r.known[k] {
		return comity.Unauthenticated("this signed act was used before; sign a new one", nil)
	}
	if len(r.known) >= maxReplays {
		return &comity.Error{Code: comity.CodeLimit, Message: "the custodian has more acts to judge than it can remember; try again in some minutes"}
	}
	r.known[k] = true
	r.due[stale.Unix()] = append(r.due[stale.Unix()], k)
	return nil
}

func (r *replays) release(jkt, nonce string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, nonceKey(jkt, nonce))
}
