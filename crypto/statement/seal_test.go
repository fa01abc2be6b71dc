package statement_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/tokentest"
)

// opening is one officer's act that asks for a key, and the answer to it.
type opening struct {
	u       *tokentest.Union
	key     *ecdsa.PrivateKey
	act     string
	binding statement.Binding
	dek     []byte
	want    statement.Want
}

func newOpening(t testing.TB, u *tokentest.Union, act string) opening {
	t.Helper()
	_, _, key := u.Login(t, "investigator@KZ")
	jkt, err := statement.Thumbprint(key)
	if err != nil {
		t.Fatal(err)
	}
	b := statement.Binding{Union: tokentest.Name, State: "KZ", Case: comity.NewID(comity.KindCase), Evidence: comity.NewID(comity.KindEvidence),
		BeginHash: anyHash, HeaderHash: anyHash, Commitment: anyHash, RecipientJKT: jkt, Expires: u.Clock.Now().Unix() + 60}
	a := statement.Act{Act: act, Record: b.Case, RecipientJKT: jkt}
	if act == statement.ActEvidenceOpen {
		a.Record, a.HeaderHash, a.Purpose = b.Evidence, b.HeaderHash, comity.PurposeInvestigation
	}
	o := opening{u: u, key: key, act: u.Act(t, key, a, statement.OpenBody{}), binding: b, dek: bytes.Repeat([]byte{7}, 32)}
	signed, _, err := statement.ReadActAnytime(o.act)
	if err != nil {
		t.Fatal(err)
	}
	o.binding.Nonce = signed.Nonce
	o.want = statement.Want{ActJWS: o.act, Evidence: b.Evidence, HeaderHash: b.HeaderHash, Now: u.Clock.Now()}
	return o
}

func (o opening) seal(t testing.TB) statement.SealedKey {
	t.Helper()
	compact, err := statement.SealKey(context.Background(), o.u.Signers["KZ"], statement.PublicJWK(o.key), o.act, o.binding, o.dek)
	if err != nil {
		t.Fatal(err)
	}
	sk, err := o.u.Directory.VerifySealedKey(compact)
	if err != nil {
		t.Fatal(err)
	}
	return sk
}

func TestSealRoundTrip(t *testing.T) {
	u := tokentest.NewUnion(t)
	for _, act := range []string{statement.ActEvidenceOpen, statement.ActEvidenceBegin} {
		o := newOpening(t, u, act)
		got, err := statement.DecryptKey(o.seal(t), o.key, o.want)
		if err != nil || !bytes.Equal(got, o.dek) {
			t.Errorf("%s: %v", act, err)
		}
	}
}

func TestDecryptRefuses(t *testing.T) {
	u := tokentest.NewUnion(t)
	o := newOpening(t, u, statement.ActEvidenceOpen)
	sk := o.seal(t)
	other := newOpening(t, u, statement.ActEvidenceOpen)
	otherSealed := other.seal(t)
	sameNonce := resign(t, o.key, o.act, func(a *statement.Act) { a.Purpose = comity.PurposeProsecution })
	toOther := resign(t, o.key, o.act, func(a *statement.Act) { a.RecipientJKT = other.binding.RecipientJKT })
	narrow := u.Act(t, o.key, statement.Act{Act: statement.ActGrantRevoke, Record: comity.NewID(comity.KindGrant), RecipientJKT: o.binding.RecipientJKT}, 1)
	for name, change := range map[string]func(*statement.SealedKey, *statement.Want){
		"another act of one's own":    func(_ *statement.SealedKey, w *statement.Want) { w.ActJWS = other.act },
		"an act that asks for no key": func(s *statement.SealedKey, w *statement.Want) { w.ActJWS, s.Act = narrow, statement.ActHash(narrow) },
		"an act of the same nonce":    func(_ *statement.SealedKey, w *statement.Want) { w.ActJWS = sameNonce },
		"an act that names another key": func(s *statement.SealedKey, w *statement.Want) {
			w.ActJWS, s.Act = toOther, statement.ActHash(toOther)
		},
		"not an act":                 func(_ *statement.SealedKey, w *statement.Want) { w.ActJWS = "" },
		"another exhibit wanted":     func(_ *statement.SealedKey, w *statement.Want) { w.Evidence = comity.NewID(comity.KindEvidence) },
		"another header wanted":      func(_ *statement.SealedKey, w *statement.Want) { w.HeaderHash = strings.Repeat("0b", 32) },
		"expired":                    func(s *statement.SealedKey, w *statement.Want) { w.Now = w.Now.AddDate(0, 0, 1) },
		"the answer to another":      func(s *statement.SealedKey, _ *statement.Want) { *s = otherSealed },
		"another's key inside":       func(s *statement.SealedKey, _ *statement.Want) { s.Key = otherSealed.Key },
		"another nonce":              func(s *statement.SealedKey, _ *statement.Want) { s.Nonce = other.binding.Nonce },
		"another recipient":          func(s *statement.SealedKey, _ *statement.Want) { s.RecipientJKT = other.binding.RecipientJKT },
		"another case outside":       func(s *statement.SealedKey, _ *statement.Want) { s.Case = comity.NewID(comity.KindCase) },
		"another root outside":       func(s *statement.SealedKey, _ *statement.Want) { s.Root = anyHash },
		"a longer term outside":      func(s *statement.SealedKey, _ *statement.Want) { s.Expires++ },
		"another commitment outside": func(s *statement.SealedKey, _ *statement.Want) { s.Commitment = strings.Repeat("0b", 32) },
		"key tampered":               func(s *statement.SealedKey, _ *statement.Want) { s.Key = s.Key[:len(s.Key)-4] + "AAAA" },
		"no key":                     func(s *statement.SealedKey, _ *statement.Want) { s.Key = "" },
		"compressed": func(s *statement.SealedKey, _ *statement.Want) {
			s.Key = encrypt(t, o, jose.ECDH_ES_A256KW, jose.A256GCM, jose.DEFLATE)
		},
		"weaker wrap": func(s *statement.SealedKey, _ *statement.Want) {
			s.Key = encrypt(t, o, jose.ECDH_ES_A128KW, jose.A256GCM, jose.NONE)
		},
		"other content cipher": func(s *statement.SealedKey, _ *statement.Want) {
			s.Key = encrypt(t, o, jose.ECDH_ES_A256KW, jose.A128GCM, jose.NONE)
		},
	} {
		s, w := sk, o.want
		change(&s, &w)
		if _, err := statement.DecryptKey(s, o.key, w); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	s := sk
	s.Key = encrypt(t, o, jose.ECDH_ES_A256KW, jose.A256GCM, jose.NONE)
	if _, err := statement.DecryptKey(s, o.key, o.want); err != nil {
		t.Errorf("the forge itself: %v", err)
	}
	if _, err := statement.DecryptKey(sk, other.key, o.want); err == nil {
		t.Error("opened with another session key")
	}
}

// encrypt makes the inner JWE in another way than SealKey does.
func encrypt(t testing.TB, o opening, alg jose.KeyAlgorithm, enc jose.ContentEncryption, zip jose.CompressionAlgorithm) string {
	t.Helper()
	e, err := jose.NewEncrypter(enc, jose.Recipient{Algorithm: alg, Key: o.key.Public()},
		(&jose.EncrypterOptions{Compression: zip}).WithType(statement.TypKeyMaterial))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := statement.Canonical(statement.KeyMaterial{Binding: o.binding, DEK: o.dek})
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := e.Encrypt(plain)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jwe.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealRefuses(t *testing.T) {
	u := tokentest.NewUnion(t)
	good := newOpening(t, u, statement.ActEvidenceOpen)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	p384JKT, _ := statement.Thumbprint(p384)
	for name, c := range map[string]struct {
		recipient any
		change    func(*opening)
	}{
		"another key than named": {newKey(t), func(*opening) {}},
		"a P-384 key":            {p384, func(o *opening) { o.binding.RecipientJKT = p384JKT }},
		"a symmetric key":        {[]byte("0123456789abcdef0123456789abcdef"), func(*opening) {}},
		"no key":                 {nil, func(*opening) {}},
		"a short DEK":            {good.key, func(o *opening) { o.dek = o.dek[:16] }},
		"no expiry":              {good.key, func(o *opening) { o.binding.Expires = 0 }},
		"no nonce":               {good.key, func(o *opening) { o.binding.Nonce = "" }},
		"a case for an exhibit":  {good.key, func(o *opening) { o.binding.Evidence = o.binding.Case }},
		"no header hash":         {good.key, func(o *opening) { o.binding.HeaderHash = "" }},
	} {
		o := good
		c.change(&o)
		if _, err := statement.SealKey(context.Background(), u.Signers["KZ"], statement.PublicJWK(c.recipient), o.act, o.binding, o.dek); err == nil {
			t.Errorf("%s: sealed", name)
		}
	}
	// Signed by another state, for which KZ's exhibits are none of its business.
	forged, err := statement.SealKey(context.Background(), u.Signers["AM"], statement.PublicJWK(good.key), good.act, good.binding, good.dek)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Directory.VerifySealedKey(forged); err == nil {
		t.Error("a sealed key of KZ signed by AM was taken")
	}
}
