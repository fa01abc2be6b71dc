package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange"
)

func (b *binding) grants() {
	get(b, "Grant", fields[*comity.Grant]{
		"id":             func(_ *request, g *comity.Grant) any { return g.ID },
		"case":           func(_ *request, g *comity.Grant) any { return g.Case },
		"state":          func(_ *request, g *comity.Grant) any { return g.State },
		"liaison":        func(_ *request, g *comity.Grant) any { return g.Liaison },
		"function":       func(_ *request, g *comity.Grant) any { return g.Function },
		"granteeState":   func(_ *request, g *comity.Grant) any { return g.Grantee.State },
		"granteeAgency":  func(_ *request, g *comity.Grant) any { return g.Grantee.Agency },
		"granteeOfficer": func(_ *request, g *comity.Grant) any { return g.Grantee.Officer },
		"scope":          func(_ *request, g *comity.Grant) any { return g.Scope },
		"exhibits": func(_ *request, g *comity.Grant) any {
			if g.Scope == "" { // ended, and read by its former grantee
				return nil
			}
			return append([]comity.ID{}, g.Exhibits...)
		},
		"subjects": func(_ *request, g *comity.Grant) any {
			if g.Scope == "" { // ended, and read by its former grantee
				return nil
			}
			return append([]comity.ID{}, g.Subjects...)
		},
		"grade":      func(_ *request, g *comity.Grant) any { return g.Grade },
		"assistance": func(_ *request, g *comity.Grant) any { return g.Assistance },
		"caveats": func(_ *request, g *comity.Grant) any {
			if g.Scope == "" {
				return nil
			}
			return g.Caveats
		},
		"purpose":   func(_ *request, g *comity.Grant) any { return g.Purpose },
		"agreement": func(_ *request, g *comity.Grant) any { return g.Agreement },
		"release":   func(_ *request, g *comity.Grant) any { return g.Release },
		"request":   func(_ *request, g *comity.Grant) any { return g.Request },
		"notBefore": func(_ *request, g *comity.Grant) any { return g.NotBefore },
		"notAfter":  func(_ *request, g *comity.Grant) any { return g.NotAfter },
		"status":    func(_ *request, g *comity.Grant) any { return g.Status },
		"live":      func(q *request, g *comity.Grant) any { return g.Live(q.reader.Now()) },
		"endedAt":   func(_ *request, g *comity.Grant) any { return g.EndedAt },
		"version":   func(_ *request, g *comity.Grant) any { return g.Version },
		"createdAt": func(_ *request, g *comity.Grant) any { return g.CreatedAt },
		"statement": func(_ *request, g *comity.Grant) any { return g.Statement },
		"narrowing": func(_ *request, g *comity.Grant) any { return g.Narrowing },
		"second":    func(_ *request, g *comity.Grant) any { return g.Second },
		"actingFor": func(q *request, g *comity.Grant) any {
			if g.State != q.reader.Officer().State {
				return nil
			}
			return g.ActingFor
		},
		"emergency": func(_ *request, g *comity.Grant) any {
			if g.Scope == "" { // ended, and read by its former grantee
				return nil
			}
			return g.Emergency
		},
		"confirmation": func(_ *request, g *comity.Grant) any { return g.Confirmation },
		"standing": func(q *request, g *comity.Grant) any {
			if g.State != q.reader.Officer().State {
				return nil
			}
			return g.Standing
		},
	})
	get(b, "Caveats", fields[comity.Caveats]{
		"marking": func(_ *request, c comity.Caveats) any { return c.Marking },
		"text":    func(_ *request, c comity.Caveats) any { return c.Text },
	})
	get(b, "Release", fields[comity.Release]{
		"id":        func(_ *request, r comity.Release) any { return r.ID },
		"case":      func(_ *request, r comity.Release) any { return r.Case },
		"officer":   func(_ *request, r comity.Release) any { return r.Officer },
		"decider":   func(_ *request, r comity.Release) any { return r.Decider },
		"reference": func(_ *request, r comity.Release) any { return r.Reference },
		"grantee":   func(_ *request, r comity.Release) any { return r.Grantee },
		"scope":     func(_ *request, r comity.Release) any { return r.Scope },
		"exhibits":  func(_ *request, r comity.Release) any { return r.Exhibits },
		"subjects":  func(_ *request, r comity.Release) any { return append([]comity.ID{}, r.Subjects...) },
		"purpose":   func(_ *request, r comity.Release) any { return r.Purpose },
		"notAfter":  func(_ *request, r comity.Release) any { return r.NotAfter },
		"createdAt": func(_ *request, r comity.Release) any { return r.CreatedAt },

		"withdrawnBy": func(_ *request, r comity.Release) any { return r.WithdrawnBy },
		"withdrawnAt": func(_ *request, r comity.Release) any { return r.WithdrawnAt },
		"team":        func(_ *request, r comity.Release) any { return r.Team },
		"statement":   func(_ *request, r comity.Release) any { return r.Statement },
	})
	get(b, "Mandate", fields[comity.Mandate]{
		"id":        func(_ *request, m comity.Mandate) any { return m.ID },
		"liaison":   func(_ *request, m comity.Mandate) any { return m.Liaison },
		"givenBy":   func(_ *request, m comity.Mandate) any { return m.GivenBy },
		"notBefore": func(_ *request, m comity.Mandate) any { return m.NotBefore },
		"notAfter":  func(_ *request, m comity.Mandate) any { return m.NotAfter },
		"endedAt":   func(_ *request, m comity.Mandate) any { return m.EndedAt },
		"live":      func(q *request, m comity.Mandate) any { return m.Live(q.reader.Now()) },
		"deputies":  func(_ *request, m comity.Mandate) any { return append([]comity.OfficerRef{}, m.Deputies...) },
		"ceiling":   func(_ *request, m comity.Mandate) any { return m.Ceiling },
	})
	get(b, "Ceiling", fields[comity.Ceiling]{
		"tlp":        func(_ *request, c comity.Ceiling) any { return c.TLP },
		"scope":      func(_ *request, c comity.Ceiling) any { return c.Scope },
		"grade":      func(_ *request, c comity.Ceiling) any { return c.Grade },
		"categories": func(_ *request, c comity.Ceiling) any { return append([]comity.Category{}, c.Categories...) },
		"term":       func(_ *request, c comity.Ceiling) any { return int64(c.Term / time.Second) },
	})
}

func (b *binding) log() {
	get(b, "LogEntry", fields[*exchange.LogView]{
		"id":          func(_ *request, e *exchange.LogView) any { return e.Leaf.ID },
		"act":         func(_ *request, e *exchange.LogView) any { return e.Content.Act },
		"outcome":     func(_ *request, e *exchange.LogView) any { return e.Content.Outcome },
		"at":          func(_ *request, e *exchange.LogView) any { return e.Content.At },
		"state":       func(_ *request, e *exchange.LogView) any { return e.Content.Actor.State },
		"agency":      func(_ *request, e *exchange.LogView) any { return e.Content.Actor.Agency },
		"function":    func(_ *request, e *exchange.LogView) any { return e.Content.Actor.Function },
		"ref":         func(_ *request, e *exchange.LogView) any { return e.Content.Actor.Ref },
		"records":     func(_ *request, e *exchange.LogView) any { return e.Content.Records },
		"purpose":     func(_ *request, e *exchange.LogView) any { return e.Content.Purpose },
		"use":         func(_ *request, e *exchange.LogView) any { return e.Content.Use },
		"digest":      func(_ *request, e *exchange.LogView) any { return e.Content.Digest },
		"article":     func(_ *request, e *exchange.LogView) any { return int(e.Content.Article) },
		"articleName": func(_ *request, e *exchange.LogView) any { return e.Content.Article.Name() },
		"reason":      func(_ *request, e *exchange.LogView) any { return e.Content.Reason },
		"policies":    func(_ *request, e *exchange.LogView) any { return e.Content.Policies },
		"requestId":   func(_ *request, e *exchange.LogView) any { return e.Content.RequestID },
		"leaf":        func(_ *request, e *exchange.LogView) any { return e.Leaf.Hash },
		"index": func(_ *request, e *exchange.LogView) any {
			if e.Leaf.Index < 0 {
				return nil
			}
			return uint64(e.Leaf.Index) // the first place is 0, and not empty
		},
		"chain":       func(_ *request, e *exchange.LogView) any { return e.Leaf.Chain },
		"salt":        func(_ *request, e *exchange.LogView) any { return e.Leaf.Openings[0].Salt },
		"commitments": func(_ *request, e *exchange.LogView) any { return e.Commitments },
		"content":     func(_ *request, e *exchange.LogView) any { return string(e.Leaf.Openings[0].Content) },
	})
	get(b, "LogRecord", fields[audit.Record]{
		"id":      func(_ *request, r audit.Record) any { return r.ID },
		"level":   func(_ *request, r audit.Record) any { return r.Level },
		"grant":   func(_ *request, r audit.Record) any { return r.Grant },
		"purpose": func(_ *request, r audit.Record) any { return r.Purpose },
		"denied":  func(_ *request, r audit.Record) any { return int(r.Denied) },
	})
	get(b, "LogChain", fields[exchange.Stretch]{
		"size":   func(_ *request, s exchange.Stretch) any { return s.Size },
		"leaves": func(_ *request, s exchange.Stretch) any { return packed(s.Leaves) },
		"chains": func(_ *request, s exchange.Stretch) any { return packed(s.Chains) },
	})
}

// packed puts hashes after each other.
func packed(hashes [][32]byte) []byte {
	out := make([]byte, 0, 32*len(hashes))
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}
