package exchange

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/storage"
)

// cursors seals the places of lists. A cursor is opaque, and opens only for
// the viewer, the list and the filter that it was made for.
type cursors struct{ gcm cipher.AEAD }

func newCursors(key [32]byte) (cursors, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return cursors{}, fmt.Errorf("exchange: cursor key: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	return cursors{gcm}, err
}

// bindings are what cursors are bound to: written when it is first needed.
type bindings struct {
	who    comity.Officer
	list   string
	filter any
	raw    []byte
}

func cursorFor(who comity.Officer, list string, filter any) *bindings {
	return &bindings{who: who, list: list, filter: filter}
}

func (b *bindings) bytes() []byte {
	if b.raw == nil {
		raw, err := json.Marshal([]any{"comity/cursor/v1", b.who.Issuer, b.who.Subject, b.list, b.filter})
		if err != nil { // filters are plain structs
			panic(err)
		}
		b.raw = raw
	}
	return b.raw
}

func (c cursors) make(binding *bindings, k storage.Key) string {
	plain, _ := json.Marshal([]any{k.At.UnixMicro(), k.ID})
	nonce := make([]byte, c.gcm.NonceSize())
	_, _ = rand.Read(nonce) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(c.gcm.Seal(nonce, nonce, plain, binding.bytes()))
}

// Cursors are those of a page's items. Each is sealed when it is looked at: few are.
type Cursors struct {
	of      cursors
	binding *bindings
	keys    []storage.Key
	made    *[]string // those that were looked at: an item has one cursor in an answer
}

// Len is how many items there are.
func (c Cursors) Len() int { return len(c.keys) }

// At is the cursor of the item at i.
func (c Cursors) At(i int) string {
	if *c.made == nil {
		*c.made = make([]string, len(c.keys))
	}
	if (*c.made)[i] == "" {
		(*c.made)[i] = c.of.make(c.binding, c.keys[i])
	}
	return (*c.made)[i]
}

// and takes over a cursor of a page of the same list.
func (c Cursors) and(all Cursors, i int) Cursors {
	all.keys, all.made = append(c.keys, all.keys[i]), new([]string)
	return all
}

// open takes each cursor in the one form in which it was made: the decoding passes over
// line ends, and over bits at the end that stand for nothing.
func (c cursors) open(binding *bindings, cursor string) (storage.Key, error) {
	if cursor == "" {
		return storage.Key{}, nil
	}
	bad := comity.Invalid("after", "this cursor does not belong to this list, filter and viewer")
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || base64.RawURLEncoding.EncodeToString(raw) != cursor || len(raw) < c.gcm.NonceSize() {
		return storage.Key{}, bad
	}
	plain, err := c.gcm.Open(nil, raw[:c.gcm.NonceSize()], raw[c.gcm.NonceSize():], binding.bytes())
	if err != nil {
		return storage.Key{}, bad
	}
	var at int64
	var id comity.ID
	if err := json.Unmarshal(plain, &[]any{&at, &id}); err != nil {
		return storage.Key{}, bad
	}
	return storage.Key{At: time.UnixMicro(at).UTC(), ID: id}, nil
}
