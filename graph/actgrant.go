package graph

import (
	"math"
	"strconv"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

type releaseDecideInput struct {
	IdempotencyKey string
	Case           string
	Decider        comity.Decider
	Reference      string
	Grantee        comity.State
	Scope          comity.Scope
	Exhibits       []string
	Subjects       []string
	Purpose        comity.Purpose
	NotAfter       time.Time
}

type grantMakeInput struct {
	IdempotencyKey      string
	ID                  string
	Case                string
	Category            comity.Category
	GranteeState        comity.State
	GranteeAgency       comity.AgencyID
	GranteeOfficer      comity.OfficerRef
	Scope               comity.Scope
	Exhibits            []string
	Subjects            []string
	Grade               comity.Grade
	Assistance          string
	Caveats             comity.Caveats
	Purpose             comity.Purpose
	Agreement           string
	Release, Request    string
	NotBefore, NotAfter time.Time
	Act                 string
	Emergency, Proposal string
}

type grantConfirmInput struct {
	IdempotencyKey       string
	Grant, Case, Release string
	ExpectedVersion      int
	NotAfter             time.Time
	Act                  string
}

type releaseWithdrawInput struct{ IdempotencyKey, Case, Release string }

type grantNarrowInput struct {
	IdempotencyKey  string
	Grant, Case     string
	ExpectedVersion int
	Scope           comity.Scope
	Exhibits        []string
	Subjects        []string
	Caveats         comity.Caveats
	NotAfter        time.Time
	Act             string
}

type grantRevokeInput struct {
	IdempotencyKey           string
	Grant, Case, Reason, Act string
}

type mandateGiveInput struct {
	IdempotencyKey      string
	Liaison             comity.OfficerRef
	NotBefore, NotAfter time.Time
	Deputies            []comity.OfficerRef
	Ceiling             struct {
		TLP        comity.TLP
		Scope      comity.Scope
		Grade      comity.Grade
		Categories []comity.Category
		Term       int64 // seconds
	}
}

type mandateEndInput struct{ IdempotencyKey, Mandate string }

// named reads the ids of exhibits and of persons. Without any a list is nil, since
// a signed body leaves the field out then.
func named(exhibits, subjects []string) (e, s []comity.ID, err error) {
	if e, err = listed("exhibits", comity.KindEvidence, exhibits); err != nil {
		return nil, nil, err
	}
	s, err = listed("subjects", comity.KindSubject, subjects)
	return e, s, err
}

func listed(field string, kind comity.Kind, given []string) (ids []comity.ID, err error) {
	for i, s := range given {
		id, err := comity.ParseID(s, kind)
		if e, ok := err.(*comity.Error); ok {
			placed := *e
			placed.Path = []string{field, strconv.Itoa(i)}
			return nil, &placed
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func (b *binding) grantActs() {
	act(b, "releaseDecide", nil, func(in releaseDecideInput) (*exchange.DecideRelease, error) {
		id, err := parseID("case", in.Case, comity.KindCase)
		if err != nil {
			return nil, err
		}
		exhibits, subjects, err := named(in.Exhibits, in.Subjects)
		return &exchange.DecideRelease{Key: in.IdempotencyKey, Case: id, Decider: in.Decider, Reference: in.Reference, Grantee: in.Grantee,
			Scope: in.Scope, Exhibits: exhibits, Subjects: subjects, Purpose: in.Purpose, NotAfter: in.NotAfter}, err
	}, func(a *exchange.DecideRelease, p *payload) { p.id, p.of = a.ID, a.Case })

	grantee := map[string]string{"state": "granteeState", "agency": "granteeAgency", "officer": "granteeOfficer"}
	act(b, "grantMake", grantee, makeGrant, func(a *exchange.MakeGrant, p *payload) { p.id = a.Body.ID })
	act(b, "grantPropose", grantee, func(in grantMakeInput) (*exchange.MakeGrant, error) {
		a, err := makeGrant(in)
		if a != nil {
			a.Propose = true
		}
		return a, err
	}, func(a *exchange.MakeGrant, p *payload) { p.id = a.Proposed })

	act(b, "grantConfirm", nil, func(in grantConfirmInput) (*exchange.ConfirmGrant, error) {
		id, of, err := grantOf(in.Grant, in.Case)
		if err != nil {
			return nil, err
		}
		release, err := parseID("release", in.Release, comity.KindRelease)
		if err != nil {
			return nil, err
		}
		until, err := seconds("notAfter", in.NotAfter)
		return &exchange.ConfirmGrant{Key: in.IdempotencyKey, Grant: id, ExpectedVersion: in.ExpectedVersion, Act: in.Act,
			Body: statement.ConfirmBody{Case: of, Release: release, NotAfter: until}}, err
	}, func(a *exchange.ConfirmGrant, p *payload) { p.id = a.Grant })

	act(b, "releaseWithdraw", nil, func(in releaseWithdrawInput) (*exchange.WithdrawRelease, error) {
		of, err := parseID("case", in.Case, comity.KindCase)
		if err != nil {
			return nil, err
		}
		id, err := parseID("release", in.Release, comity.KindRelease)
		return &exchange.WithdrawRelease{Key: in.IdempotencyKey, Case: of, Release: id}, err
	}, func(a *exchange.WithdrawRelease, p *payload) { p.id, p.of = a.Release, a.Case })

	act(b, "grantNarrow", nil, func(in grantNarrowInput) (*exchange.NarrowGrant, error) {
		id, of, err := grantOf(in.Grant, in.Case)
		if err != nil {
			return nil, err
		}
		exhibits, subjects, err := named(in.Exhibits, in.Subjects)
		if err != nil {
			return nil, err
		}
		until, err := seconds("notAfter", in.NotAfter)
		return &exchange.NarrowGrant{Key: in.IdempotencyKey, Grant: id, ExpectedVersion: in.ExpectedVersion, Act: in.Act,
			Body: statement.NarrowBody{Case: of, Scope: in.Scope, Exhibits: exhibits, Subjects: subjects, Caveats: in.Caveats, NotAfter: until}}, err
	}, func(a *exchange.NarrowGrant, p *payload) { p.id = a.Grant })

	act(b, "grantRevoke", nil, func(in grantRevokeInput) (*exchange.RevokeGrant, error) {
		id, of, err := grantOf(in.Grant, in.Case)
		return &exchange.RevokeGrant{Key: in.IdempotencyKey, Grant: id, Body: statement.RevokeBody{Case: of, Reason: in.Reason}, Act: in.Act}, err
	}, func(a *exchange.RevokeGrant, p *payload) { p.id, p.statement = a.Grant, a.Statement })

	act(b, "mandateGive", nil, func(in mandateGiveInput) (*exchange.GiveMandate, error) {
		c := in.Ceiling
		if c.Term < 0 || c.Term > math.MaxInt64/int64(time.Second) {
			return nil, comity.Invalid("term", "the longest term of a grant is in seconds, and some years at most")
		}
		return &exchange.GiveMandate{Key: in.IdempotencyKey, Liaison: in.Liaison, NotBefore: in.NotBefore, NotAfter: in.NotAfter, Deputies: in.Deputies,
			Ceiling: comity.Ceiling{TLP: c.TLP, Scope: c.Scope, Grade: c.Grade, Categories: c.Categories, Term: time.Duration(c.Term) * time.Second}}, nil
	}, func(a *exchange.GiveMandate, p *payload) { p.id = a.ID })

	act(b, "mandateEnd", nil, func(in mandateEndInput) (*exchange.EndMandate, error) {
		id, err := parseID("mandate", in.Mandate, comity.KindMandate)
		return &exchange.EndMandate{Key: in.IdempotencyKey, Mandate: id}, err
	}, func(a *exchange.EndMandate, p *payload) { p.id = a.Mandate })
}

// grantOf reads the ids of a grant and of its case.
func grantOf(grant, of string) (id, caseID comity.ID, err error) {
	if id, err = parseID("grant", grant, comity.KindGrant); err != nil {
		return "", "", err
	}
	caseID, err = parseID("case", of, comity.KindCase)
	return id, caseID, err
}

func makeGrant(in grantMakeInput) (*exchange.MakeGrant, error) {
	id, body, err := grantTerms(in)
	if err != nil {
		return nil, err
	}
	if body.ID, err = parseID("id", in.ID, comity.KindGrant); err != nil {
		return nil, err
	}
	if body.Release == "" && body.Emergency == "" {
		return nil, comity.Invalid("release", "a grant names its release decision, but in danger to life")
	}
	made := &exchange.MakeGrant{Key: in.IdempotencyKey, Case: id, Body: body, Act: in.Act}
	if in.Proposal != "" {
		made.Proposal, err = parseID("proposal", in.Proposal, comity.KindProposal)
	}
	return made, err
}

// grantTerms reads the case and the terms of a grant, but for its id.
func grantTerms(in grantMakeInput) (id comity.ID, body statement.GrantBody, err error) {
	body = statement.GrantBody{Category: in.Category, Grantee: comity.Grantee{State: in.GranteeState, Agency: in.GranteeAgency, Officer: in.GranteeOfficer},
		Scope: in.Scope, Grade: in.Grade, Assistance: in.Assistance, Caveats: in.Caveats, Purpose: in.Purpose, Agreement: in.Agreement, Emergency: in.Emergency}
	if id, err = parseID("case", in.Case, comity.KindCase); err != nil {
		return id, body, err
	}
	if body.Exhibits, body.Subjects, err = named(in.Exhibits, in.Subjects); err != nil {
		return id, body, err
	}
	if in.Release != "" {
		if body.Release, err = parseID("release", in.Release, comity.KindRelease); err != nil {
			return id, body, err
		}
	}
	if in.Request != "" {
		if body.Request, err = parseID("request", in.Request, comity.KindRequest); err != nil {
			return id, body, err
		}
	}
	if body.NotBefore, err = seconds("notBefore", in.NotBefore); err != nil {
		return id, body, err
	}
	body.NotAfter, err = seconds("notAfter", in.NotAfter)
	return id, body, err
}
