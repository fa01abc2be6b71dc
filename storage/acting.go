package storage

import (
	"context"
	"errors"

	"github.com/comity-platform/comity"
)

// acting is for whom the transactions of a context are.
type acting struct {
	officer comity.Officer
	system  bool
}

type actingKey struct{}

// As has what is read under the context be read for an officer: on PostgreSQL
// row-level security then leaves nothing else. It comes beside the predicates of
// the queries, which take their viewer explicitly, and never instead of them.
func As(ctx context.Context, o comity.Officer) context.Context {
	return context.WithValue(ctx, actingKey{}, acting{officer: o})
}

// AsSystem has it be read for no officer: to carry out effects, to check, to
// prepare. No request of an officer is served under it.
func AsSystem(ctx context.Context) context.Context {
	return context.WithValue(ctx, actingKey{}, acting{system: true})
}

// ErrNobody is a transaction under a context that says for whom it is by neither.
var ErrNobody = errors.New("storage: a transaction says for whom it is")

// Acting says for whom the transactions of a context are: for the system, or for an
// officer.
func Acting(ctx context.Context) (o comity.Officer, system bool, err error) {
	a, ok := ctx.Value(actingKey{}).(acting)
	if !ok {
		return o, false, ErrNobody
	}
	return a.officer, a.system, nil
}
