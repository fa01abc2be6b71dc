package graph

import (
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
	"github.com/comity-platform/comity/sovereignty"
)

type requestSendInput struct {
	IdempotencyKey string
	To             comity.State
	Kind           comity.RequestKind
	Urgency        comity.Urgency
	Category       comity.Category
	Purpose        comity.Purpose
	Marking        *comity.Marking
	Title, Facts   string
	Record         string
	Observables    []struct{ Type, Value, Description string }
	FromReference  string
	Classification comity.Classification
	OnwardTo       comity.State
	Grant          string
}

// moveInput is the input of every act that moves a request; the schema says
// which of the fields each has.
type moveInput struct {
	IdempotencyKey  string
	ID              string
	ExpectedVersion int
	Note            string
	Classification  comity.Classification
	Reference       string
	RouteTo         comity.AgencyID
	Outcome         comity.RequestStatus
	Until           time.Time
	Ground          comity.Ground
	Act             string
}

type messageSendInput struct {
	IdempotencyKey string
	Request        string
	Text           string
	Classification comity.Classification
}

var moves = []sovereignty.Action{sovereignty.RequestReceive, sovereignty.RequestAcknowledge, sovereignty.RequestAskSupplement,
	sovereignty.RequestSupplement, sovereignty.RequestForward, sovereignty.RequestExecute, sovereignty.RequestPostpone,
	sovereignty.RequestRefuse, sovereignty.RequestClose}

func (b *binding) requestActs() {
	act(b, "requestSend", map[string]string{"items": "observables"}, func(in requestSendInput) (*exchange.SendRequest, error) {
		grant, err := optionalID("grant", in.Grant, comity.KindGrant)
		a := &exchange.SendRequest{Key: in.IdempotencyKey, To: in.To, Kind: in.Kind, Urgency: in.Urgency, Category: in.Category,
			Purpose: in.Purpose, Marking: markingOr(in.Marking, comity.DefaultMarking),
			Text:     comity.RequestText{Title: in.Title, Facts: in.Facts, Record: strings.TrimSpace(in.Record), FromReference: in.FromReference, Classification: in.Classification},
			OnwardTo: in.OnwardTo, Grant: grant}
		for _, o := range in.Observables {
			a.Text.Observables = append(a.Text.Observables, comity.ObservableText{Type: o.Type, Value: o.Value, Description: o.Description})
		}
		return a, err
	}, func(a *exchange.SendRequest, p *payload) { p.id = a.ID })

	for _, move := range moves {
		act(b, string(move), nil, func(in moveInput) (*exchange.MoveRequest, error) {
			id, err := parseID("id", in.ID, comity.KindRequest)
			return &exchange.MoveRequest{Key: in.IdempotencyKey, ID: id, ExpectedVersion: in.ExpectedVersion, Move: move, Outcome: in.Outcome,
				Note: in.Note, Classification: in.Classification, RouteTo: in.RouteTo, Until: in.Until, Ground: in.Ground, Reference: in.Reference, Act: in.Act}, err
		}, func(a *exchange.MoveRequest, p *payload) { p.id = a.ID })
	}

	act(b, "messageSend", nil, func(in messageSendInput) (*exchange.SendMessage, error) {
		id, err := parseID("request", in.Request, comity.KindRequest)
		return &exchange.SendMessage{Key: in.IdempotencyKey, Request: id, Text: in.Text, Classification: in.Classification}, err
	}, func(a *exchange.SendMessage, p *payload) { p.id, p.of = a.ID, a.Request })
}
