package graph

import (
	"context"

	"github.com/comity-platform/comity"
)

// Place is that of a request among those that a server answers at once.
type Place interface {
	// Of has it counted as an officer's, once it is known whose the request is; false
	// where there is no place for it.
	Of(comity.Officer) bool
	// Leave gives it back: a request has become a stream, which has a place of its own.
	Leave()
}

type placeKey struct{}

// WithPlace gives a request its place.
func WithPlace(ctx context.Context, p Place) context.Context {
	return context.WithValue(ctx, placeKey{}, p)
}

// PlaceOf is a request's place. Where a server does not count them there is one for all.
func PlaceOf(ctx context.Context) Place {
	if p, ok := ctx.Value(placeKey{}).(Place); ok {
		return p
	}
	return anyPlace{}
}

type anyPlace struct{}

func (anyPlace) Of(comity.Officer) bool { return true }
func (anyPlace) Leave()                 {}
