package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/exchange"
)

func (b *binding) grants() {
	get(b, "Grant", fields[*comity.Grant]{
		"id":             text(func(_ *request, g *comity.Grant) comity.ID { return g.ID }),
		"case":           text(func(_ *request, g *comity.Grant) comity.ID { return g.Case }),
		"state":          text(func(_ *request, g *comity.Grant) comity.State { return g.State }),
		"liaison":        text(func(_ *request, g *comity.Grant) comity.OfficerRef { return g.Liaison }),
		"function":       text(func(_ *request, g *comity.Grant) string { return g.Function }),
		"granteeState":   text(func(_ *request, g *comity.Grant) comity.State { return g.Grantee.State }),
		"granteeAgency":  text(func(_ *request, g *comity.Grant) comity.AgencyID { return g.Grantee.Agency }),
		"granteeOfficer": text(func(_ *request, g *comity.Grant) comity.OfficerRef { return g.Grantee.Officer }),
		"scope":          text(func(_ *request, g *comity.Grant) comity.Scope { return g.Scope }),
		"exhibits": texts(func(_ *request, g *comity.Grant) []comity.ID {
			if g.Scope == "" { // ended, and read by its former grantee
				return nil
			}
			return orEmpty(g.Exhibits)
		}),
		"subjects": texts(func(_ *request, g *comity.Grant) []comity.ID {
			if g.Scope == "" { // ended, and read by its former grantee
				return nil
			}
			return orEmpty(g.Subjects)
		}),
		"grade":      text(func(_ *request, g *comity.Grant) comity.Grade { return g.Grade }),
		"assistance": text(func(_ *request, g *comity.Grant) string { return g.Assistance }),
		"caveats": object(func(_ *request, g *comity.Grant) *comity.Caveats {
			if g.Scope == "" {
				return nil
			}
			return &g.Caveats
		}),
		"purpose":   text(func(_ *request, g *comity.Grant) comity.Purpose { return g.Purpose }),
		"agreement": text(func(_ *request, g *comity.Grant) string { return g.Agreement }),
		"release":   text(func(_ *request, g *comity.Grant) comity.ID { return g.Release }),
		"request":   text(func(_ *request, g *comity.Grant) comity.ID { return g.Request }),
		"notBefore": instant(func(_ *request, g *comity.Grant) time.Time { return g.NotBefore }),
		"notAfter":  instant(func(_ *request, g *comity.Grant) time.Time { return g.NotAfter }),
		"status":    text(func(_ *request, g *comity.Grant) comity.GrantStatus { return g.Status }),
		"live":      boolean(func(q *request, g *comity.Grant) bool { return g.Live(q.reader.Now()) }),
		"endedAt":   instant(func(_ *request, g *comity.Grant) time.Time { return g.EndedAt }),
		"version":   number(func(_ *request, g *comity.Grant) int { return g.Version }),
		"createdAt": instant(func(_ *request, g *comity.Grant) time.Time { return g.CreatedAt }),
		"statement": text(func(_ *request, g *comity.Grant) string { return g.Statement }),
		"narrowing": text(func(_ *request, g *comity.Grant) string { return g.Narrowing }),
		"second":    text(func(_ *request, g *comity.Grant) comity.OfficerRef { return g.Second }),
		"actingFor": text(func(q *request, g *comity.Grant) comity.OfficerRef {
			if g.State != q.reader.Officer().State {
				return ""
			}
			return g.ActingFor
		}),
		"emergency": optionalBoolean(func(_ *request, g *comity.Grant) *bool {
			if g.Scope == "" { // ended, and read by its former grantee
				return nil
			}
			return &g.Emergency
		}),
		"confirmation": text(func(_ *request, g *comity.Grant) string { return g.Confirmation }),
		"standing": text(func(q *request, g *comity.Grant) comity.ID {
			if g.State != q.reader.Officer().State {
				return ""
			}
			return g.Standing
		}),
	})
	get(b, "Caveats", fields[*comity.Caveats]{
		"marking": object(func(_ *request, c *comity.Caveats) *comity.Marking { return &c.Marking }),
		"text":    text(func(_ *request, c *comity.Caveats) string { return c.Text }),
	})
	get(b, "Release", fields[*comity.Release]{
		"id":        text(func(_ *request, r *comity.Release) comity.ID { return r.ID }),
		"case":      text(func(_ *request, r *comity.Release) comity.ID { return r.Case }),
		"officer":   text(func(_ *request, r *comity.Release) comity.OfficerRef { return r.Officer }),
		"decider":   text(func(_ *request, r *comity.Release) comity.Decider { return r.Decider }),
		"reference": text(func(_ *request, r *comity.Release) string { return r.Reference }),
		"grantee":   text(func(_ *request, r *comity.Release) comity.State { return r.Grantee }),
		"scope":     text(func(_ *request, r *comity.Release) comity.Scope { return r.Scope }),
		"exhibits":  texts(func(_ *request, r *comity.Release) []comity.ID { return r.Exhibits }),
		"subjects":  texts(func(_ *request, r *comity.Release) []comity.ID { return orEmpty(r.Subjects) }),
		"purpose":   text(func(_ *request, r *comity.Release) comity.Purpose { return r.Purpose }),
		"notAfter":  instant(func(_ *request, r *comity.Release) time.Time { return r.NotAfter }),
		"createdAt": instant(func(_ *request, r *comity.Release) time.Time { return r.CreatedAt }),

		"withdrawnBy": text(func(_ *request, r *comity.Release) comity.OfficerRef { return r.WithdrawnBy }),
		"withdrawnAt": instant(func(_ *request, r *comity.Release) time.Time { return r.WithdrawnAt }),
		"team":        text(func(_ *request, r *comity.Release) string { return r.Team }),
		"statement":   text(func(_ *request, r *comity.Release) string { return r.Statement }),
	})
	get(b, "Mandate", fields[*comity.Mandate]{
		"id":        text(func(_ *request, m *comity.Mandate) comity.ID { return m.ID }),
		"liaison":   text(func(_ *request, m *comity.Mandate) comity.OfficerRef { return m.Liaison }),
		"givenBy":   text(func(_ *request, m *comity.Mandate) comity.OfficerRef { return m.GivenBy }),
		"notBefore": instant(func(_ *request, m *comity.Mandate) time.Time { return m.NotBefore }),
		"notAfter":  instant(func(_ *request, m *comity.Mandate) time.Time { return m.NotAfter }),
		"endedAt":   instant(func(_ *request, m *comity.Mandate) time.Time { return m.EndedAt }),
		"live":      boolean(func(q *request, m *comity.Mandate) bool { return m.Live(q.reader.Now()) }),
		"deputies":  texts(func(_ *request, m *comity.Mandate) []comity.OfficerRef { return orEmpty(m.Deputies) }),
		"ceiling":   object(func(_ *request, m *comity.Mandate) *comity.Ceiling { return &m.Ceiling }),
	})
	get(b, "Ceiling", fields[*comity.Ceiling]{
		"tlp":        text(func(_ *request, c *comity.Ceiling) comity.TLP { return c.TLP }),
		"scope":      text(func(_ *request, c *comity.Ceiling) comity.Scope { return c.Scope }),
		"grade":      text(func(_ *request, c *comity.Ceiling) comity.Grade { return c.Grade }),
		"categories": texts(func(_ *request, c *comity.Ceiling) []comity.Category { return orEmpty(c.Categories) }),
		"term":       number(func(_ *request, c *comity.Ceiling) int64 { return int64(c.Term / time.Second) }),
	})
}

func (b *binding) log() {
	get(b, "LogEntry", fields[*exchange.LogView]{
		"id":          text(func(_ *request, e *exchange.LogView) comity.ID { return e.Leaf.ID }),
		"act":         text(func(_ *request, e *exchange.LogView) string { return e.Content.Act }),
		"outcome":     text(func(_ *request, e *exchange.LogView) audit.Outcome { return e.Content.Outcome }),
		"at":          instant(func(_ *request, e *exchange.LogView) time.Time { return e.Content.At }),
		"state":       text(func(_ *request, e *exchange.LogView) comity.State { return e.Content.Actor.State }),
		"agency":      text(func(_ *request, e *exchange.LogView) comity.AgencyID { return e.Content.Actor.Agency }),
		"function":    text(func(_ *request, e *exchange.LogView) string { return e.Content.Actor.Function }),
		"ref":         text(func(_ *request, e *exchange.LogView) comity.OfficerRef { return e.Content.Actor.Ref }),
		"records":     items(func(_ *request, e *exchange.LogView) []audit.Record { return e.Content.Records }),
		"purpose":     text(func(_ *request, e *exchange.LogView) comity.Purpose { return e.Content.Purpose }),
		"use":         text(func(_ *request, e *exchange.LogView) comity.Use { return e.Content.Use }),
		"digest":      text(func(_ *request, e *exchange.LogView) string { return e.Content.Digest }),
		"article":     number(func(_ *request, e *exchange.LogView) int { return int(e.Content.Article) }),
		"articleName": text(func(_ *request, e *exchange.LogView) string { return e.Content.Article.Name() }),
		"reason":      text(func(_ *request, e *exchange.LogView) string { return e.Content.Reason }),
		"policies":    text(func(_ *request, e *exchange.LogView) string { return e.Content.Policies }),
		"requestId":   text(func(_ *request, e *exchange.LogView) string { return e.Content.RequestID }),
		"leaf":        hash(func(_ *request, e *exchange.LogView) [32]byte { return e.Leaf.Hash }),
		"index": optionalNumber(func(_ *request, e *exchange.LogView) *int64 {
			if e.Leaf.Index < 0 {
				return nil
			}
			return &e.Leaf.Index // the first place is 0, and not empty
		}),
		"salt":        hash(func(_ *request, e *exchange.LogView) [32]byte { return e.Leaf.Openings[0].Salt }),
		"commitments": hashes(func(_ *request, e *exchange.LogView) [][32]byte { return e.Commitments }),
		"content":     text(func(_ *request, e *exchange.LogView) string { return string(e.Leaf.Openings[0].Content) }),
		"commitment":  hash(func(_ *request, e *exchange.LogView) [32]byte { return e.Own }),
		"erasedBy":    text(func(_ *request, e *exchange.LogView) comity.ID { return e.Leaf.Openings[0].ErasedBy }),
		"erased":      object(func(_ *request, e *exchange.LogView) *exchange.Erased { return e.Content.Erased }),
	})
	get(b, "LogRecord", fields[*audit.Record]{
		"id":      text(func(_ *request, r *audit.Record) string { return r.ID }),
		"level":   text(func(_ *request, r *audit.Record) string { return r.Level }),
		"grant":   text(func(_ *request, r *audit.Record) comity.ID { return r.Grant }),
		"purpose": text(func(_ *request, r *audit.Record) comity.Purpose { return r.Purpose }),
		"denied":  number(func(_ *request, r *audit.Record) int { return int(r.Denied) }),
	})
}
