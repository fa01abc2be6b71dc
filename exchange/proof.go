package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/storage"
)

// UseProof takes the proof that a request came with once over all servers, for what
// lasts longer than a request: each server by itself knows only those that it saw.
// Errors are UNAUTHENTICATED, or UNAVAILABLE where the database is away.
func (x *Exchange) UseProof(ctx context.Context, who Caller) error {
	id := sha256.Sum256([]byte(who.Proof)) // which is whatever the client wrote: not all of it is text to a database
	err := x.db.Write(storage.AsSystem(ctx), func(tx storage.Tx) error {
		return tx.UseNonce(who.JKT, "dpop "+hex.EncodeToString(id[:]), tx.Now().Add(proofAge)) // acts' nonces hold no space
	})
	if errors.Is(err, storage.ErrExists) {
		return token.Replayed()
	}
	return err
}

// proofAge is after which time no proof that was taken is fresh: one can be dated
// ahead by as much as back.
const proofAge = 2*statement.Freshness + time.Minute
