// Package custodiantest is what every adapter of [custodian.Keys] must pass
// ([Run]), and what the judge over it must refuse ([RunCustodian]).
package custodiantest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
)

// Run runs the suite of the port. open gives a custodian.Keys of a state that
// is new, or at least shares no names with others.
func Run(t *testing.T, open func(*testing.T) custodian.Keys) {
	for _, c := range []struct {
		name string
		test func(*testing.T, custodian.Keys)
	}{
		{"data keys", dataKeys}, {"missing keys", missingKeys}, {"creation is idempotent", createTwice}, {"destruction", destruction}, {"names", badNames},
		{"signer", signer}, {"register", register}, {"register versions", registerCAS}, {"register race", registerRace},
		{"all at once", atOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := open(t)
			if err := k.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.test(t, k)
		})
	}
}

func name() string { return custodian.KeyName(comity.NewID(comity.KindCase)) }

func context32(s string) [32]byte { return sha256.Sum256([]byte(s)) }

func created(t *testing.T, k custodian.Keys) string {
	t.Helper()
	n := name()
	if err := k.CreateKey(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return n
}

func dataKeys(t *testing.T, k custodian.Keys) {
	ctx, a, b := t.Context(), created(t, k), created(t, k)
	plain, wrapped, err := k.DataKey(ctx, a, context32("one"))
	if err != nil || len(plain) != 32 || bytes.Equal(plain, make([]byte, 32)) {
		t.Fatalf("a data key of %d bytes: %v", len(plain), err)
	}
	got, err := k.Unwrap(ctx, a, context32("one"), wrapped)
	if err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("it opens to something else: %v", err)
	}
	other, wrapped2, err := k.DataKey(ctx, a, context32("one"))
	if err != nil || bytes.Equal(other, plain) || wrapped2 == wrapped {
		t.Fatalf("a second data key is the first: %v", err)
	}
	damaged := []byte(wrapped)
	damaged[len(damaged)-6] ^= 1
	for what, open := range map[string]func() ([]byte, error){
		"another context": func() ([]byte, error) { return k.Unwrap(ctx, a, context32("two"), wrapped) },
		"another key":     func() ([]byte, error) { return k.Unwrap(ctx, b, context32("one"), wrapped) },
		"damage":          func() ([]byte, error) { return k.Unwrap(ctx, a, context32("one"), string(damaged)) },
		"truncation":      func() ([]byte, error) { return k.Unwrap(ctx, a, context32("one"), wrapped[:len(wrapped)/2]) },
		"nothing":         func() ([]byte, error) { return k.Unwrap(ctx, a, context32("one"), "") },
		"garbage":         func() ([]byte, error) { return k.Unwrap(ctx, a, context32("one"), "vault:v1:keyring:v1:!") },
		"another version": func() ([]byte, error) { return k.Unwrap(ctx, a, context32("one"), "vault:v9:"+wrapped[9:]) },
	} {
		if got, err := open(); !errors.Is(err, custodian.ErrWrapped) || got != nil {
			t.Errorf("%s: got %d bytes and %v, want ErrWrapped", what, len(got), err)
		}
	}
}

func missingKeys(t *testing.T, k custodian.Keys) {
	ctx, n := t.Context(), name()
	for range 2 { // the first must not have made it
		if _, _, err := k.DataKey(ctx, n, context32("x")); !errors.Is(err, custodian.ErrAbsent) {
			t.Fatalf("a data key under a missing key: %v, want ErrAbsent", err)
		}
	}
	a := created(t, k)
	_, wrapped, err := k.DataKey(ctx, a, context32("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Unwrap(ctx, n, context32("x"), wrapped); !errors.Is(err, custodian.ErrAbsent) {
		t.Fatalf("unwrapped under a missing key: %v, want ErrAbsent", err)
	}
}

func createTwice(t *testing.T, k custodian.Keys) {
	ctx, n := t.Context(), created(t, k)
	plain, wrapped, err := k.DataKey(ctx, n, context32("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.CreateKey(ctx, n); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Unwrap(ctx, n, context32("x"), wrapped); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("the second creation replaced the key: %v", err)
	}
}

func destruction(t *testing.T, k custodian.Keys) {
	ctx, n, other := t.Context(), created(t, k), created(t, k)
	_, wrapped, err := k.DataKey(ctx, n, context32("x"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := k.DestroyKey(ctx, n); err != nil {
			t.Fatal(err)
		}
		if _, err := k.Unwrap(ctx, n, context32("x"), wrapped); !errors.Is(err, custodian.ErrAbsent) {
			t.Fatalf("unwrapped under a destroyed key: %v, want ErrAbsent", err)
		}
		if _, _, err := k.DataKey(ctx, n, context32("x")); !errors.Is(err, custodian.ErrAbsent) {
			t.Fatalf("a data key under a destroyed key: %v, want ErrAbsent", err)
		}
	}
	if err := k.DestroyKey(ctx, name()); err != nil {
		t.Errorf("destroying a key that never was: %v", err)
	}
	if _, _, err := k.DataKey(ctx, other, context32("x")); err != nil {
		t.Errorf("another key went with it: %v", err)
	}
	// One of the same name is another key.
	if err := k.CreateKey(ctx, n); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Unwrap(ctx, n, context32("x"), wrapped); !errors.Is(err, custodian.ErrWrapped) {
		t.Errorf("what a destroyed key wrapped opens under a new one: %v", err)
	}
}

func badNames(t *testing.T, k custodian.Keys) {
	ctx := t.Context()
	for _, n := range []string{"", "..", "../statements", "a/b", "a/config", "A", "case-1?x=1", "case-1#", "case%2f1", "case 1", "case-\n"} {
		if err := k.CreateKey(ctx, n); err == nil {
			t.Errorf("made a key %q", n)
		}
		if _, _, err := k.DataKey(ctx, n, context32("x")); err == nil {
			t.Errorf("used a key %q", n)
		}
		if err := k.DestroyKey(ctx, n); err == nil {
			t.Errorf("destroyed a key %q", n)
		}
		if _, err := k.Unwrap(ctx, n, context32("x"), "vault:v1:x"); err == nil {
			t.Errorf("unwrapped with a key %q", n)
		}
		for _, key := range []string{n, "case/" + n, "../" + n, "case/../" + n} {
			if (n == "a/b" || n == "a/config") && key == n { // has the form of an entry
				continue
			}
			if _, _, err := k.RegisterGet(ctx, key); err == nil || errors.Is(err, custodian.ErrAbsent) {
				t.Errorf("read the register entry %q: %v", key, err)
			}
			if err := k.RegisterPut(ctx, key, []byte("{}"), 0); err == nil {
				t.Errorf("wrote a register entry %q", key)
			}
		}
	}
	if err := k.RegisterPut(ctx, "case/text", []byte{0xff}, 0); err == nil {
		t.Error("wrote an entry that is not text")
	}
}

func signer(t *testing.T, k custodian.Keys) {
	s, err := k.Signer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	public := s.Public()
	if !public.Valid() || !public.IsPublic() || public.KeyID != s.KeyID() || public.Algorithm != string(s.Algorithm()) {
		t.Fatalf("the signer shows the key %v", public)
	}
	if thumb, err := statement.Thumbprint(public); err != nil || thumb != s.KeyID() {
		t.Fatalf("the key's id %s is not its thumbprint %s: %v", s.KeyID(), thumb, err)
	}
	again, err := k.Signer(t.Context())
	if err != nil || again.KeyID() != s.KeyID() {
		t.Fatalf("the second signer is another: %v", err)
	}
	for _, n := range []int{0, 1, 100, 64 << 10} {
		input := bytes.Repeat([]byte("x"), n)
		sig, err := s.Sign(t.Context(), input)
		if err != nil {
			t.Fatal(err)
		}
		if !verifies(public, input, sig) || verifies(public, append(input, 'y'), sig) {
			t.Fatalf("the signature over %d bytes does not tell them from others", n)
		}
	}
	compact, err := statement.Sign(t.Context(), s, statement.TypStatement, map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{s.Algorithm()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Verify(public); err != nil {
		t.Fatal(err)
	}
}

func verifies(public jose.JSONWebKey, input, sig []byte) bool {
	switch key := public.Key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, input, sig)
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(input)
		return len(sig) == 64 && ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	}
	return false
}

func entryKey() string { return "grant/" + string(comity.NewID(comity.KindGrant)) }

func register(t *testing.T, k custodian.Keys) {
	ctx, key := t.Context(), entryKey()
	if _, _, err := k.RegisterGet(ctx, key); !errors.Is(err, custodian.ErrAbsent) {
		t.Fatalf("a missing entry: %v, want ErrAbsent", err)
	}
	var version int64
	for _, value := range []string{`{"a":1}`, "", `{"text":"қазақ\nсөз","big":9007199254740993}`, "\n\n"} {
		if err := k.RegisterPut(ctx, key, []byte(value), version); err != nil {
			t.Fatal(err)
		}
		got, at, err := k.RegisterGet(ctx, key)
		if err != nil || string(got) != value || at <= version {
			t.Fatalf("read %q at version %d after %d, wrote %q: %v", got, at, version, value, err)
		}
		version = at
	}
	if _, _, err := k.RegisterGet(ctx, entryKey()); !errors.Is(err, custodian.ErrAbsent) {
		t.Fatalf("another entry: %v, want ErrAbsent", err)
	}
}

func registerCAS(t *testing.T, k custodian.Keys) {
	ctx, key := t.Context(), entryKey()
	put := func(value string, version int64) error { return k.RegisterPut(ctx, key, []byte(value), version) }
	if err := put("early", 1); !errors.Is(err, custodian.ErrCAS) {
		t.Fatalf("a change of what is not there: %v, want ErrCAS", err)
	}
	if err := put("first", 0); err != nil {
		t.Fatal(err)
	}
	if err := put("again", 0); !errors.Is(err, custodian.ErrCAS) {
		t.Fatalf("a creation of what is there: %v, want ErrCAS", err)
	}
	_, version, err := k.RegisterGet(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := put("second", version); err != nil {
		t.Fatal(err)
	}
	for _, stale := range []int64{version, version + 2, version + 100} {
		if err := put("stale", stale); !errors.Is(err, custodian.ErrCAS) {
			t.Fatalf("a change at version %d: %v, want ErrCAS", stale, err)
		}
	}
	if got, _, err := k.RegisterGet(ctx, key); err != nil || string(got) != "second" {
		t.Fatalf("read %q, %v", got, err)
	}
}

// registerRace counts in one entry from many goroutines: none may be lost.
func registerRace(t *testing.T, k custodian.Keys) {
	const workers, each = 8, 5
	key := entryKey()
	increment := func(ctx context.Context) error {
		for range 100 * workers {
			value, version, err := k.RegisterGet(ctx, key)
			if err != nil && !errors.Is(err, custodian.ErrAbsent) {
				return err
			}
			n := 0
			_, _ = fmt.Sscan(string(value), &n)
			if err = k.RegisterPut(ctx, key, fmt.Append(nil, n+1), version); !errors.Is(err, custodian.ErrCAS) {
				return err
			}
		}
		return errors.New("no change ever wins")
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				if err := increment(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got, _, err := k.RegisterGet(t.Context(), key); err != nil || string(got) != fmt.Sprint(workers*each) {
		t.Fatalf("counted to %s, want %d: %v", got, workers*each, err)
	}
}

// atOnce makes one key from many goroutines and uses it in each.
func atOnce(t *testing.T, k custodian.Keys) {
	n := name()
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			if err := k.CreateKey(t.Context(), n); err != nil {
				t.Error(err)
				return
			}
			c := context32(fmt.Sprint(i))
			plain, wrapped, err := k.DataKey(t.Context(), n, c)
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := k.Unwrap(t.Context(), n, c, wrapped); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("opened to something else: %v", err)
			}
		})
	}
	group.Wait()
}

// Alternate gives Keys whose calls go to a and b in turn: two processes, or
// two servers, over one state's keys.
func Alternate(a, b custodian.Keys) custodian.Keys { return &alternate{both: [2]custodian.Keys{a, b}} }

type alternate struct {
	both [2]custodian.Keys
	n    atomic.Uint32
}

func (a *alternate) next() custodian.Keys { return a.both[a.n.Add(1)%2] }

func (a *alternate) Signer(ctx context.Context) (statement.Signer, error) {
	return a.next().Signer(ctx)
}

func (a *alternate) CreateKey(ctx context.Context, name string) error {
	return a.next().CreateKey(ctx, name)
}

func (a *alternate) DestroyKey(ctx context.Context, name string) error {
	return a.next().DestroyKey(ctx, name)
}

func (a *alternate) DataKey(ctx context.Context, name string, c [32]byte) ([]byte, string, error) {
	return a.next().DataKey(ctx, name, c)
}

func (a *alternate) Unwrap(ctx context.Context, name string, c [32]byte, wrapped string) ([]byte, error) {
	return a.next().Unwrap(ctx, name, c, wrapped)
}

func (a *alternate) RegisterGet(ctx context.Context, key string) ([]byte, int64, error) {
	return a.next().RegisterGet(ctx, key)
}

func (a *alternate) RegisterPut(ctx context.Context, key string, value []byte, version int64) error {
	return a.next().RegisterPut(ctx, key, value, version)
}

func (a *alternate) Check(ctx context.Context) error { return a.next().Check(ctx) }
