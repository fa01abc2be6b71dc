package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// Signer signs checkpoints with the exchange's Ed25519 key, from a file or in a
// Vault. Its name is the log's origin.
type Signer = note.Signer

// Cosigner is a witness of the log, as whoever publishes checkpoints reaches it.
type Cosigner interface {
	// Name tells witnesses apart, and whose it is.
	Name() string
	// Keys are those its cosignatures are under (cosignature/v1). What it answers
	// under others is thrown away.
	Keys() []note.Verifier
	// Cosign asks for a cosignature of a signed checkpoint: one or more signature
	// lines of a note. The proof is of consistency with the tree of size old (RFC
	// 6962, section 2.1.2), none where old is 0 or the checkpoint's own size. A
	// [*Conflict] when the witness stands at another size: it is asked again from there.
	Cosign(ctx context.Context, old int64, proof [][32]byte, signed []byte) (cosignatures []byte, err error)
}

// Conflict is a witness's answer that it stands at another size.
type Conflict struct{ Size int64 }

func (c *Conflict) Error() string { return fmt.Sprintf("the witness stands at size %d", c.Size) }
