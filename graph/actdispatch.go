package graph

import (
	"slices"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

type annotationAddInput struct {
	IdempotencyKey          string
	ID, Case, Record, Grant string
	Form                    comity.DispatchForm
	Source                  comity.SourceGrade
	Information             string
	Marking                 *comity.Marking
	Classification          comity.Classification
	Text, Act               string
}

// dispatchAnswerInput is the input of every act that answers a dispatch; the
// schema says which of the fields each has.
type dispatchAnswerInput struct {
	IdempotencyKey string
	ID, Said       string
	Answer         comity.DispatchStatus
	Reason, Act    string
	Case           string
}

type dispatchWithdrawInput struct {
	IdempotencyKey, ID string
}

type referralInput struct {
	IdempotencyKey   string
	ID, Case         string
	To               comity.State
	Category         comity.Category
	Marking          *comity.Marking
	Classification   comity.Classification
	Title, Text, Act string
	Version          int
	NotAfter         time.Time
}

type undertakingGiveInput struct {
	IdempotencyKey   string
	ID, Request      string
	To               comity.State
	Category         comity.Category
	Marking          *comity.Marking
	Classification   comity.Classification
	Title, Text, Act string
	NotAfter         time.Time
}

type noticeSendInput struct {
	IdempotencyKey   string
	ID, Case, Record string
	Through          int
	Form             comity.DispatchForm
	Classification   comity.Classification
	Text, Act        string
	NotAfter         time.Time
}

type disclosureNotifyInput struct {
	IdempotencyKey               string
	ID, Case, Grant              string
	Form                         comity.DispatchForm
	Classification               comity.Classification
	Recipient, Text, Reason, Act string
	At                           time.Time
}

var insideKinds = []comity.Kind{comity.KindCase, comity.KindEntry, comity.KindSubject, comity.KindObservable, comity.KindEvidence}

// noticedKinds are the kinds of what a notice is about.
var noticedKinds = append(slices.Clone(insideKinds), comity.KindAnnotation)

func (b *binding) dispatchActs() {
	act(b, "annotationAdd", nil, func(in annotationAddInput) (*exchange.Annotate, error) {
		id, of, err := twoIDs("id", in.ID, comity.KindAnnotation, in.Case)
		if err != nil {
			return nil, err
		}
		body := statement.AnnotationBody{ID: id, Form: in.Form, Source: in.Source, Information: gradeOf(in.Information),
			Marking: markingOr(in.Marking, comity.DefaultMarking), Text: in.Text, Classification: in.Classification}
		if body.Record, err = parseID("record", in.Record, insideKinds...); err != nil {
			return nil, err
		}
		body.Grant, err = parseID("grant", in.Grant, comity.KindGrant)
		return &exchange.Annotate{Key: in.IdempotencyKey, Case: of, Body: body, Act: in.Act}, err
	}, func(a *exchange.Annotate, p *payload) { p.id, p.statement = a.Body.ID, a.Statement })

	for name, kind := range map[string]comity.Kind{"annotationAnswer": comity.KindAnnotation, "referralAnswer": comity.KindReferral,
		"noticeAnswer": comity.KindNotice, "disclosureObject": comity.KindCompelled, "undertakingAnswer": comity.KindUndertaking} {
		act(b, name, nil, func(in dispatchAnswerInput) (*exchange.AnswerDispatch, error) {
			id, err := parseID("id", in.ID, kind)
			if err != nil {
				return nil, err
			}
			if kind == comity.KindCompelled {
				in.Answer = comity.DispatchObjected
			}
			a := &exchange.AnswerDispatch{Key: in.IdempotencyKey, ID: id, Act: in.Act,
				Body: statement.AnswerBody{Said: in.Said, Answer: in.Answer, Reason: in.Reason}}
			if a.Case, err = optionalID("case", in.Case, comity.KindCase); kind == comity.KindUndertaking {
				a.Body.Case = a.Case
			}
			return a, err
		}, func(a *exchange.AnswerDispatch, p *payload) { p.id, p.statement = a.ID, a.Statement })
	}
	for name, kind := range map[string]comity.Kind{"annotationWithdraw": comity.KindAnnotation, "referralWithdraw": comity.KindReferral,
		"undertakingWithdraw": comity.KindUndertaking} {
		act(b, name, nil, func(in dispatchWithdrawInput) (*exchange.WithdrawDispatch, error) {
			id, err := parseID("id", in.ID, kind)
			return &exchange.WithdrawDispatch{Key: in.IdempotencyKey, ID: id}, err
		}, func(a *exchange.WithdrawDispatch, p *payload) { p.id = a.ID })
	}
	for name, change := range map[string]bool{"referralOffer": false, "referralChange": true} {
		act(b, name, nil, func(in referralInput) (*exchange.OfferReferral, error) {
			id, err := parseID("id", in.ID, comity.KindReferral)
			if err != nil {
				return nil, err
			}
			a := &exchange.OfferReferral{Key: in.IdempotencyKey, ID: id, Change: change, Act: in.Act, Body: statement.ReferralBody{To: in.To,
				Category: in.Category, Marking: markingOr(in.Marking, comity.DefaultMarking), Title: in.Title, Text: in.Text, Classification: in.Classification, Version: in.Version}}
			if a.Case, err = optionalID("case", in.Case, comity.KindCase); err != nil {
				return nil, err
			}
			a.Body.NotAfter, err = seconds("notAfter", in.NotAfter)
			return a, err
		}, func(a *exchange.OfferReferral, p *payload) { p.id, p.statement = a.ID, a.Statement })
	}

	act(b, "undertakingGive", nil, func(in undertakingGiveInput) (*exchange.GiveUndertaking, error) {
		id, err := parseID("id", in.ID, comity.KindUndertaking)
		if err != nil {
			return nil, err
		}
		body := statement.UndertakingBody{To: in.To, Category: in.Category, Marking: markingOr(in.Marking, comity.DefaultMarking), Title: in.Title, Text: in.Text, Classification: in.Classification}
		if body.Request, err = optionalID("request", in.Request, comity.KindRequest); err != nil {
			return nil, err
		}
		body.NotAfter, err = seconds("notAfter", in.NotAfter)
		return &exchange.GiveUndertaking{Key: in.IdempotencyKey, ID: id, Body: body, Act: in.Act}, err
	}, func(a *exchange.GiveUndertaking, p *payload) { p.id, p.statement = a.ID, a.Statement })

	act(b, "noticeSend", nil, func(in noticeSendInput) (*exchange.SendNotice, error) {
		id, of, err := twoIDs("id", in.ID, comity.KindNotice, in.Case)
		if err != nil {
			return nil, err
		}
		body := statement.NoticeBody{ID: id, Through: in.Through, Form: in.Form, Text: in.Text, Classification: in.Classification}
		if body.Record, err = parseID("record", in.Record, noticedKinds...); err != nil {
			return nil, err
		}
		body.NotAfter, err = seconds("notAfter", in.NotAfter)
		return &exchange.SendNotice{Key: in.IdempotencyKey, Case: of, Body: body, Act: in.Act}, err
	}, func(a *exchange.SendNotice, p *payload) {
		p.id, p.statement, p.result = a.Body.ID, a.Statement, a.Reached
	})

	act(b, "disclosureNotify", nil, func(in disclosureNotifyInput) (*exchange.NotifyDisclosure, error) {
		id, of, err := twoIDs("id", in.ID, comity.KindCompelled, in.Case)
		if err != nil {
			return nil, err
		}
		body := statement.CompelledBody{ID: id, Form: in.Form, Recipient: in.Recipient, Text: in.Text, Classification: in.Classification, Reason: in.Reason}
		if body.Grant, err = parseID("grant", in.Grant, comity.KindGrant); err != nil {
			return nil, err
		}
		body.At, err = seconds("at", in.At)
		return &exchange.NotifyDisclosure{Key: in.IdempotencyKey, Case: of, Body: body, Act: in.Act}, err
	}, func(a *exchange.NotifyDisclosure, p *payload) { p.id, p.statement = a.Body.ID, a.Statement })
}
