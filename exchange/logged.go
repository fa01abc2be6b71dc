package exchange

import (
	"context"
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit/verify"
)

// Prover proves to the states' custodians that a leaf is in the log. It is
// [audit.Prover] over the exchange's database.
type Prover interface {
	// Prove waits, some seconds at most, for a checkpoint over the leaf that the
	// policy of a state takes, and opens the leaf for that state. When none comes it is
	// UNAVAILABLE, naming the states whose witnesses have not cosigned.
	Prove(ctx context.Context, leaf comity.ID, s comity.State) (verify.Proof, error)
}

// prove proves that the request for a key is in the log.
func (x *Exchange) prove(ctx context.Context, leaf comity.ID, s comity.State) (verify.Proof, error) {
	p, err := x.prover.Prove(ctx, leaf, s)
	if e, ok := errors.AsType[*comity.Error](err); ok && e.Code == comity.CodeUnavailable {
		waits := *e
		waits.Message = "a key is released once witnesses have seen the request in the log, and " + e.Message
		err = &waits
	}
	return p, err
}
