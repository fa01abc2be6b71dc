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

// asking is how long a test waits for an answer that must not wait for an
// issuer: none of these issuers ever answers, so only a fault takes as long.
func asking(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestAttackSlowIssuer: one state's identity provider takes connections and
// says nothing. Its keys are known and good for an hour: nobody must wait for
// it, for whoever can show any token of its name, signed or not, would hold a
// place of the exchange for as long.
func TestAttackSlowIssuer(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, _ := u.Login(t, "liaison@KZ")
	v, c := counted(t, u)
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	c.hang(t)
	u.Clock.Advance(6 * time.Minute)
	if _, err := v.Verify(asking(t), tok); err != nil {
		t.Errorf("with keys at hand, a token waits while its issuer hangs: %v", err)
	}
	// A forged token of that issuer takes as long: its signature is looked at last.
	u.Clock.Advance(11 * time.Second)
	if _, err := v.Verify(asking(t), tok[:len(tok)-20]+"AAAAAAAAAAAAAAAAAAAA"); comity.CodeOf(err) != comity.CodeUnauthenticated {
		t.Errorf("a forged token of the hanging issuer holds a place: %v", err)
	}
	if n := v.Waiting(); n != 0 {
		t.Errorf("%d waited", n)
	}
	if !soon(func() bool { return c.fetched.Load() == oneFetch+1 }) {
		t.Errorf("%d documents were asked for: the keys are not fetched anew", c.fetched.Load())
	}
}

// TestAttackUnknownKid floods a hanging issuer's name with made-up kids: few of
// the forged tokens wait for one fetch, as long as there is patience, and no
// officer does.
func TestAttackUnknownKid(t *testing.T) {
	const flood, most = 200, 32
	u := tokentest.NewUnion(t)
	_, tok, key := u.Login(t, "liaison@KZ")
	v, c := counted(t, u)
	end := v.HoldPatience()
	if _, err := v.Verify(t.Context(), tok); err != nil {
		t.Fatal(err)
	}
	c.hang(t)
	forged := tokentest.Forge(t, map[string]any{"alg": "ES256", "typ": "at+jwt", "kid": "made-up"}, tokentest.Payload(t, tok), key)
	var answered atomic.Int64
	var wg sync.WaitGroup
	for range flood {
		wg.Go(func() {
			if _, err := v.Verify(t.Context(), forged); comity.CodeOf(err) != comity.CodeUnavailable {
				t.Errorf("a forged token: %v", err)
			}
			answered.Add(1)
		})
	}
	if !soon(func() bool { return answered.Load() >= flood-most && v.Waiting() >= most }) {
		t.Errorf("%d forged tokens wait and %d are answered", v.Waiting(), answered.Load())
	}
	for range 20 {
		if _, err := v.Verify(asking(t), tok); err != nil {
			t.Errorf("an officer amid the flood: %v", err)
		}
	}
	if waiting, done := v.Waiting(), answered.Load(); waiting != most || done != flood-most {
		t.Errorf("before there is no more patience %d forged tokens wait and %d are answered", waiting, done)
	}
	end()
	wg.Wait()
	// The fetch has not ended, its patience has: nobody waits for it again.
	if _, err := v.Verify(asking(t), forged); comity.CodeOf(err) != comity.CodeUnavailable {
		t.Errorf("afterwards: %v", err)
	}
	if n := c.fetched.Load(); n != oneFetch+1 {
		t.Errorf("the issuer was asked %d times", n-oneFetch)
	}
}

// TestAttackHangsFromTheStart: without keys at hand there is nothing to answer
// from, yet the wait is short.
func TestAttackHangsFromTheStart(t *testing.T) {
	u := tokentest.NewUnion(t)
	_, tok, _ := u.Login(t, "liaison@KZ")
	c := &transport{}
	v := token.NewVerifier(u.Directory, token.Options{HTTP: &http.Client{Transport: c}, Now: u.Clock.Now, Development: true})
	c.hang(t)
	began := time.Now()
	if _, err := v.Verify(asking(t), tok); comity.CodeOf(err) != comity.CodeUnavailable || !strings.Contains(err.Error(), "KZ") {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	if took := time.Since(began); took < 2*time.Second {
		t.Errorf("there is no patience: it took %s", took)
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
