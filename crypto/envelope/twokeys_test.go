package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"io"
	"testing"
)

// element is an element of GCM's field, as the two halves of a block (NIST SP 800-38D).
type element struct{ hi, lo uint64 }

func block(b []byte) element {
	return element{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (a element) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, a.hi), a.lo)
}

func (a element) add(b element) element { return element{a.hi ^ b.hi, a.lo ^ b.lo} }

func (a element) mul(b element) (z element) {
	for i := range 128 {
		bit := a.hi >> (63 - i%64)
		if i >= 64 {
			bit = a.lo >> (63 - i%64)
		}
		if bit&1 == 1 {
			z = z.add(b)
		}
		carry := b.lo & 1
		b = element{b.hi >> 1, b.lo>>1 | b.hi<<63}
		if carry == 1 {
			b.hi ^= 0xe1 << 56
		}
	}
	return z
}

// inverse is a^(2^128-2).
func (a element) inverse() element {
	z := element{hi: 1 << 63} // one
	for range 127 {
		a = a.mul(a)
		z = z.mul(a)
	}
	return z
}

// TestTwoKeysOneCiphertext shows why the commitment is there. AES-GCM alone
// lets whoever makes a part find one that is authentic under two keys at once,
// and thus show two courts two exhibits with the same receipt.
func TestTwoKeysOneCiphertext(t *testing.T) {
	k1, k2 := testKey(t, 1), testKey(t, 2)
	h := testHeader(t, k1, "evidence1_a", 32, k64)
	nonce := bytes.Repeat([]byte{0x80}, 12) // with the final bit
	pkg := append([]byte{0x20, 0, 31, 0}, nonce...)

	var hash, mask [2]element // H and E(J0) of each key
	for i, k := range []Key{k1, k2} {
		key := k.part(h, 0, true)
		aesKey, err := aes.NewCipher(key[:])
		if err != nil {
			t.Fatal(err)
		}
		out := make([]byte, 16)
		aesKey.Encrypt(out, out)
		hash[i] = block(out)
		aesKey.Encrypt(out, append(bytes.Clone(nonce), 0, 0, 0, 1))
		mask[i] = block(out)
	}
	ad := block(append(bytes.Clone(pkg[:4]), make([]byte, 12)...))
	sizes := element{4 * 8, 32 * 8}
	// tag = ad·H⁴ + c·H³ + 0·H² + sizes·H + E(J0) must be the same under both
	// keys; the first ciphertext block c is free, the second is zero.
	terms := func(i int) (rest, cube element) {
		square := hash[i].mul(hash[i])
		return ad.mul(square.mul(square)).add(sizes.mul(hash[i])).add(mask[i]), square.mul(hash[i])
	}
	rest1, cube1 := terms(0)
	rest2, cube2 := terms(1)
	c := rest1.add(rest2).mul(cube1.add(cube2).inverse())
	pkg = append(append(pkg, c.bytes()...), make([]byte, 16)...)
	pkg = append(pkg, rest1.add(c.mul(cube1)).bytes()...)

	var plain [2][]byte
	for i, k := range []Key{k1, k2} {
		key := k.part(h, 0, true)
		aesKey, _ := aes.NewCipher(key[:])
		gcm, _ := cipher.NewGCM(aesKey)
		var err error
		if plain[i], err = gcm.Open(nil, nonce, pkg[16:], pkg[:4]); err != nil {
			t.Fatalf("the attack itself does not work with key %d, so that the test proves nothing: %v", i+1, err)
		}
	}
	if bytes.Equal(plain[0], plain[1]) {
		t.Fatal("both keys give the same plaintext")
	}
	var out bytes.Buffer
	if _, err := OpenPartTo(&out, k1, h, 0, true, bytes.NewReader(pkg)); err != nil || !bytes.Equal(out.Bytes(), plain[0]) {
		t.Errorf("the committed key: %v", err)
	}
	if _, err := OpenPartTo(io.Discard, k2, h, 0, true, bytes.NewReader(pkg)); !errors.Is(err, ErrCommitment) {
		t.Errorf("the second key opens the same ciphertext to other bytes: %v", err)
	}
}
