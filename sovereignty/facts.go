package sovereignty

import (
	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/comity-platform/comity"
)

// asked gives Cedar the two entities of one question.
type asked struct {
	principal, resource types.Entity
}

// Get implements [types.EntityGetter].
func (a *asked) Get(uid types.EntityUID) (types.Entity, bool) {
	switch uid {
	case a.principal.UID:
		return a.principal, true
	case a.resource.UID:
		return a.resource, true
	}
	return types.Entity{}, false
}

var principals = map[comity.Role]types.EntityUID{
	comity.RoleInvestigator: types.NewEntityUID("Investigator", "asker"),
	comity.RoleLiaison:      types.NewEntityUID("Liaison", "asker"),
	comity.RoleAuthority:    types.NewEntityUID("Authority", "asker"),
	comity.RoleAuditor:      types.NewEntityUID("Auditor", "asker"),
}

var (
	aCase    = types.NewEntityUID("Case", "record")
	aRequest = types.NewEntityUID("Request", "record")
	aGrant   = types.NewEntityUID("Grant", "record")
	anOffice = types.NewEntityUID("Office", "record")
)

// facts turns a question into Cedar's terms: exactly the facts that
// articles.cedarschema gives to its action, for a policy that reaches for a
// missing one could not be evaluated.
func facts(q Question) (asked, cedar.Request) {
	a := asked{principal: types.Entity{UID: principals[q.Officer.Role], Attributes: types.NewRecord(types.RecordMap{
		"state": types.String(q.Officer.State), "agency": types.String(q.Officer.Agency)})}}
	switch q.Action {
	case RequestSend, RequestRead, RequestReceive, RequestAcknowledge, RequestAskSupplement, RequestSupplement,
		RequestForward, RequestExecute, RequestPostpone, RequestRefuse, RequestClose, MessageSend:
		a.resource = types.Entity{UID: aRequest, Attributes: requestFacts(q.Record)}
	case GrantNarrow, GrantRevoke, GrantRead:
		a.resource = types.Entity{UID: aGrant, Attributes: types.NewRecord(types.RecordMap{
			"state": types.String(q.Record.State), "assigned": types.Boolean(q.Record.Assigned)})}
	case MandateGive, MandateEnd, LogRead:
		a.resource = types.Entity{UID: anOffice, Attributes: types.NewRecord(types.RecordMap{
			"state": types.String(q.Record.State)})}
	default:
		a.resource = types.Entity{UID: aCase, Attributes: caseFacts(q.Record)}
	}
	return a, cedar.Request{Principal: a.principal.UID, Action: types.NewEntityUID("Action", types.String(q.Action)),
		Resource: a.resource.UID, Context: circumstances(q.Action, q.Circumstances)}
}

func caseFacts(r Record) types.Record {
	category, listed := categoryByCode[r.Category]
	return types.NewRecord(types.RecordMap{
		"state":    types.String(r.State),
		"agency":   types.String(r.Agency),
		"claimed":  types.Boolean(r.Claimed),
		"nexus":    types.Boolean(r.Nexus),
		"listed":   types.Boolean(listed),
		"prone":    types.Boolean(category.NeutralityProne),
		"red":      types.Boolean(r.Marking.TLP == comity.TLPRed),
		"original": types.Boolean(r.Original),
		"reserved": types.Boolean(r.Reserved),
		"closed":   types.Boolean(r.Closed),
		"owner":    types.Boolean(r.Owner),
		"assigned": types.Boolean(r.Assigned),
		"reached":  types.Boolean(r.Reached),
	})
}

func requestFacts(r Record) types.Record {
	return types.NewRecord(types.RecordMap{
		"state":    types.String(r.State),
		"agency":   types.String(r.Agency),
		"to":       types.String(r.To),
		"routedTo": types.String(r.RoutedTo),
		"owner":    types.Boolean(r.Owner),
	})
}

func circumstances(action Action, c Circumstances) types.Record {
	m := types.RecordMap{}
	if !fresh[action] {
		m["visible"] = types.Boolean(c.Visible)
	}
	switch action {
	case CaseReserve, EvidenceBegin, EvidenceComplete, EvidenceOpen, RequestRefuse, GrantMake, GrantNarrow, GrantRevoke:
		m["signed"] = types.Boolean(c.Signed)
	}
	switch action {
	case CaseFile:
		m["competent"] = types.Boolean(c.Competent)
	case RequestSend:
		m["competent"] = types.Boolean(c.Competent)
		m["agreement"] = types.Boolean(c.Agreement)
	case EvidenceBegin:
		m["resident"] = types.Boolean(c.Resident)
	case GrantNarrow:
		m["narrows"] = types.Boolean(c.Narrows)
	case GrantRead:
		m["covered"] = types.Boolean(c.Grant.Present)
	case CaseRead, EvidenceOpen:
		m["purpose"] = types.String(c.Purpose)
		m["agreement"] = types.Boolean(c.Agreement)
		m["grant"] = types.NewRecord(types.RecordMap{
			"present":      types.Boolean(c.Grant.Present),
			"live":         types.Boolean(c.Grant.Live),
			"ended":        types.Boolean(c.Grant.Ended),
			"purpose":      types.String(c.Grant.Purpose),
			"namesExhibit": types.Boolean(c.Grant.NamesExhibit),
		})
	case GrantMake:
		m["grantee"] = types.String(c.Grantee)
		m["agreement"] = types.Boolean(c.Agreement)
		m["mandate"] = types.Boolean(c.Mandate)
		m["term"] = types.Boolean(c.Term)
		m["evidenceGrade"] = types.Boolean(c.Grade == comity.GradeEvidence)
		m["assistance"] = types.Boolean(c.Assistance)
		m["assessed"] = types.Boolean(c.Assessed)
		m["secondLiaison"] = types.Boolean(c.SecondLiaison)
		m["release"] = types.NewRecord(types.RecordMap{
			"present":   types.Boolean(c.Release.Present),
			"sameState": types.Boolean(c.Release.SameState),
			"scope":     types.Boolean(c.Release.CoversScope),
			"exhibits":  types.Boolean(c.Release.CoversExhibits),
			"term":      types.Boolean(c.Release.CoversTerm),
			"purpose":   types.Boolean(c.Release.SamePurpose),
		})
	}
	return types.NewRecord(m)
}
