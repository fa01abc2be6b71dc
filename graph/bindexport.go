package graph

import (
	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/exchange"
)

type caseExportInput struct {
	IdempotencyKey string
	ID             string
	Purpose        comity.Purpose
	Use            comity.Use
}

func (b *binding) exports() {
	act(b, "caseExport", map[string]string{"case": "id"}, func(in caseExportInput) (*exchange.ExportCase, error) {
		id, err := parseID("id", in.ID, comity.KindCase)
		return &exchange.ExportCase{Key: in.IdempotencyKey, Case: id, Purpose: in.Purpose, Use: in.Use}, err
	}, func(a *exchange.ExportCase, p *payload) { p.result = a })

	get(b, "*Payload", fields[*payload]{"export": object(func(_ *request, p *payload) *exchange.ExportCase {
		done, _ := p.result.(*exchange.ExportCase)
		return done
	})})
	get(b, "CaseExport", fields[*exchange.ExportCase]{
		"content": text(func(_ *request, a *exchange.ExportCase) string { return string(a.Content) }),
		"sha256":  text(func(_ *request, a *exchange.ExportCase) string { return a.SHA256 }),
	})
}
