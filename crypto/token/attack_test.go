package token_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// TestAttackSlowIssuer: one state's identity provider takes connections and
// says nothing. Its keys are known and good for an hour: nobody must wait for
// it, for whoever can show any token of its name, signed or not, would hold a
// place of the exchange for as long.
func TestAttackSlowIssuer(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, _ := u.Login(t, "liaison@KZ")
	hang(t, u, "KZ")
	u.Clock.Advance(6 * time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	began := time.Now()
	_, err := u.Verifier.Verify(ctx, tok)
	if took := time.Since(began); took > time.Second {
		t.Errorf("with keys at hand, a token took %s while its issuer hangs (%v)", took, err)
	}
	// A forged token of that issuer takes as long: its signature is looked at last.
	u.Clock.Advance(11 * time.Second)
	began = time.Now()
	_, _ = u.Verifier.Verify(ctx, tok[:len(tok)-20]+"AAAAAAAAAAAAAAAAAAAA")
	if took := time.Since(began); took > time.Second {
		t.Errorf("a forged token of the hanging issuer holds a place for %s", took)
	}
}

// hang makes a state's identity provider take connections and say nothing, until
// the test is over. It gives how often it was asked since.
func hang(t *testing.T, u *tokentest.Union, s comity.State) *atomic.Int64 {
	t.Helper()
	var asked atomic.Int64
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	u.Servers[s].Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked.Add(1)
		<-over
	})
	return &asked
}

// TestAttackUnknownKid floods a hanging issuer's name with made-up kids: few of
// the forged tokens wait, briefly, for one fetch, and no officer does.
func TestAttackUnknownKid(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, key := u.Login(t, "liaison@KZ")
	asked := hang(t, u, "KZ")
	forged := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "made-up"}, tokentest.Payload(t, tok), key)
	began := time.Now()
	var atOnce, waited atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, err := u.Verifier.Verify(t.Context(), forged); comity.CodeOf(err) != comity.CodeUnavailable {
				t.Errorf("a forged token: %v", err)
			}
			if took := time.Since(began); took < 2*time.Second {
				atOnce.Add(1)
			} else if waited.Add(1); took > 5*time.Second {
				t.Errorf("a forged token holds a place for %s", took)
			}
		})
	}
	for range 20 {
		one := time.Now()
		if _, err := u.Verifier.Verify(t.Context(), tok); err != nil || time.Since(one) > time.Second {
			t.Errorf("an officer amid the flood: %v after %s", err, time.Since(one))
		}
		time.Sleep(10 * time.Millisecond)
	}
	wg.Wait()
	if waited.Load() == 0 || waited.Load() > 32 || atOnce.Load() < 168 {
		t.Errorf("%d forged tokens waited, %d did not", waited.Load(), atOnce.Load())
	}
	// The fetch has not ended, its patience has: nobody waits for it again.
	one := time.Now()
	if _, err := u.Verifier.Verify(t.Context(), forged); comity.CodeOf(err) != comity.CodeUnavailable || time.Since(one) > time.Second {
		t.Errorf("afterwards: %v after %s", err, time.Since(one))
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// TestAttackHangsFromTheStart: without keys at hand there is nothing to answer
// from, yet the wait is short.
func TestAttackHangsFromTheStart(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, _ := u.Login(t, "liaison@KZ")
	hang(t, u, "KZ")
	v := token.NewVerifier(u.Directory, token.Options{Now: u.Clock.Now, Development: true})
	began := time.Now()
	if _, err := v.Verify(t.Context(), tok); comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), "KZ") {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took < 2*time.Second || took > 6*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestAttackReplayElsewhere plays a proof again after a restart, which forgets
// what was used. (At a second server that ran all the while it can be used once
// more: see the threat model, "proof caught and shown to a second server".)
func TestAttackReplayElsewhere(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, key := u.Login(t, "liaison@KZ")
	r := u.Request(t, key, tok, http.MethodPost, endpoint)
	if _, err := u.Verifier.VerifyRequest(t.Context(), r, endpoint); err != nil {
		t.Fatal(err)
	}
	u.Clock.Advance(time.Second)
	restarted := token.NewVerifier(u.Directory, token.Options{Now: u.Clock.Now, Development: true})
	who, err := restarted.VerifyRequest(t.Context(), r, endpoint)
	if comity.CodeOf(err) != comity.CodeUnauthenticated || !strings.Contains(err.Error(), "just started") {
		t.Errorf("the same proof is taken again, for another query if its thief likes, as %q: %v", who.Officer.Ref(), err)
	}
	if c := token.Challenge(err); !strings.Contains(c, `error="invalid_dpop_proof"`) {
		t.Errorf("the challenge is %s", c)
	}
	u.Clock.Advance(time.Minute)
	if _, err := restarted.VerifyRequest(t.Context(), r, endpoint); err == nil {
		t.Error("the same proof is taken a minute later")
	}
	// Proofs are dated in whole seconds: one made at once after the start is taken.
	again := token.NewVerifier(u.Directory, token.Options{Now: u.Clock.Now, Development: true})
	r = u.Request(t, key, tok, http.MethodPost, endpoint)
	for _, v := range []*token.Verifier{restarted, again} {
		if _, err := v.VerifyRequest(t.Context(), r, endpoint); err != nil {
			t.Errorf("a new proof: %v", err)
		}
	}
}
