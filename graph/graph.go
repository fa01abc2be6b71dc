// Package graph serves the exchange as a GraphQL API over HTTP. The schema is
// schema.graphql, written, described and reviewed there; this package binds it
// to the gate and keeps from the GraphQL library what would end or stall it.
//
// A query runs inside one read of the gate: not a byte of the answer leaves
// before the read's leaf stands in the record of acts. Each mutation is one act
// and, where its payload shows records, one read; mutations of one request run
// one after the other.
package graph

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/comity-platform/comity/crypto/token"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/exchange/pace"
	"github.com/comity-platform/comity/graph/sdl"
	"github.com/comity-platform/comity/graph/subscribe"
)

// SDL is the schema, in the schema definition language.
//
//go:embed schema.graphql
var SDL string

// Options is what the API stands on.
type Options struct {
	Exchange *exchange.Exchange
	Verifier *token.Verifier
	// ExternalURL is the endpoint as its clients write it, as in
	// https://comity.example/graphql: their proofs are made for it, and those for
	// streams for /stream below it.
	ExternalURL string
	// Development serves introspection, GET /schema.graphql and an explorer
	// page at GET /explorer.
	Development bool
	Limits      Limits           // DefaultLimits when zero
	Streams     subscribe.Limits // subscribe.DefaultLimits when zero
	// Trusted are the documents of the project's own clients, by any names. They
	// are checked against the schema and compiled here, and asked for by id.
	Trusted map[string]string
	// TrustedOnly answers those alone.
	TrustedOnly bool
	Pace        *pace.Pace // nil: as fast as they ask
	Log         *slog.Logger
}

type handler struct {
	x           *exchange.Exchange
	verifier    *token.Verifier
	externalURL string
	streamURL   string
	development bool
	limits      Limits
	log         *slog.Logger
	schema      *sdl.Schema
	bound       *binding
	prepared    *prepared
	trusted     *trusted
	trustedOnly bool
	site        *http.CrossOriginProtection
	pace        *pace.Pace
	hub         *subscribe.Hub
	seats       *seats // of sockets
}

// API is the handler of the API.
type API struct {
	http.Handler
	hub *subscribe.Hub
}

// Run tells streams what happens, until ctx ends. No stream is taken before it, and none after.
func (a *API) Run(ctx context.Context) { a.hub.Run(ctx) }

// Streams is how many streams are open.
func (a *API) Streams() int { return a.hub.Len() }

// EndStreams ends every stream and takes no more, before a server shuts down.
func (a *API) EndStreams() { a.hub.End() }

// New makes the handler of the API: the endpoint at /graphql, that of streams at
// /graphql/stream, and what development adds.
func New(o Options) (*API, error) {
	h, err := newHandler(o)
	if err != nil {
		return nil, err
	}
	compressed, err := compression()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", compressed(http.HandlerFunc(h.serve)))
	mux.HandleFunc("/graphql/stream", h.serveStream)
	if o.Development {
		mux.HandleFunc("GET /schema.graphql", serveSDL)
		mux.HandleFunc("GET /explorer", h.serveExplorer)
	}
	return &API{mux, h.hub}, nil
}

func newHandler(o Options) (*handler, error) {
	if o.Exchange == nil || o.Verifier == nil || o.Log == nil {
		return nil, errors.New("graph: an exchange, a verifier and a log are needed")
	}
	if u, err := url.Parse(o.ExternalURL); err != nil || u.Host == "" {
		return nil, fmt.Errorf("graph: the external URL %q is not absolute", o.ExternalURL)
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits
	}
	h := &handler{x: o.Exchange, verifier: o.Verifier, externalURL: o.ExternalURL, streamURL: o.ExternalURL + "/stream", development: o.Development,
		limits: o.Limits, trustedOnly: o.TrustedOnly, pace: o.Pace, log: o.Log}
	var err error
	if h.schema, h.bound, err = bindSchema(); err != nil {
		return nil, err
	}
	if h.prepared, err = newPrepared(); err != nil {
		return nil, err
	}
	if err := h.trust(o.Trusted); err != nil {
		return nil, err
	}
	if h.site, err = sameSite(o.ExternalURL); err != nil {
		return nil, fmt.Errorf("graph: the external URL %q: %w", o.ExternalURL, err)
	}
	if o.Streams == (subscribe.Limits{}) {
		o.Streams = subscribe.DefaultLimits
	}
	h.hub = subscribe.New(subscribe.Options{Source: o.Exchange, Limits: o.Streams, Now: o.Verifier.Now, Log: o.Log})
	h.seats = newSeats(o.Streams)
	return h, nil
}
