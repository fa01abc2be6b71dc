package exchange

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/audit"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// UndertakingAge is the most that an undertaking binds.
const UndertakingAge = 5 * 366 * 24 * time.Hour

// GiveUndertaking undertakes reciprocity to a state for one of its cases, which
// it names to itself when it accepts: the legal basis of a grant where no
// agreement binds both states (Article 7).
type GiveUndertaking struct {
	Key  string                    `json:"-"`
	ID   comity.ID                 `json:"id"`
	Body statement.UndertakingBody `json:"body"`
	Act  string                    `json:"-"`

	dispatching
}

func (g *GiveUndertaking) about() (sovereignty.Action, string, any) {
	return sovereignty.UndertakingGive, g.Key, g
}

func (g *GiveUndertaking) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(g.Act, statement.ActUndertakingGive, g.ID, g.Body)
	if err != nil {
		return err
	}
	g.canonical = canonical
	a.records = nil
	if err := a.decide(sovereignty.Question{Record: sovereignty.Record{State: a.who.Officer.State, To: g.Body.To, Kind: comity.KindUndertaking,
		Dispatch: comity.DispatchUndertaking}, Circumstances: sovereignty.Circumstances{Visible: true, Signed: true, Classification: g.Body.Classification}}); err != nil {
		return err
	}
	g.make(a, comity.DispatchUndertaking, g.ID, g.Body.To)
	a.on(string(g.ID))
	a.told = map[comity.State]audit.Content{g.row.To: a.tellDispatch(g.ID)}
	g.row.Category, g.row.Marking, g.row.Record, g.row.DueAt = g.Body.Category, g.Body.Marking, g.Body.Request, time.Unix(g.Body.NotAfter, 0).UTC()
	g.text = comity.DispatchText{Title: g.Body.Title, Text: g.Body.Text, Classification: g.Body.Classification}
	return g.check(tx, a)
}

func (g *GiveUndertaking) check(tx storage.ReadTx, a *attempt) error {
	if err := a.x.member("to", g.Body.To); err != nil {
		return err
	}
	if _, known := sovereignty.Category(g.Body.Category); !known {
		return comity.Invalid("category", "the union has no such category; see the query `categories`")
	}
	if !g.row.DueAt.After(a.now) || g.row.DueAt.After(a.now.Add(UndertakingAge)) {
		return comity.Invalid("notAfter", "an undertaking binds for five years at most, from now")
	}
	if g.Body.Request != "" {
		found, err := tx.Requests(a.viewer(), []comity.ID{g.Body.Request})
		if err != nil {
			return err
		}
		if r, ok := found[g.Body.Request]; !ok || r.State != a.who.Officer.State || r.To != g.Body.To {
			return comity.Invalid("request", "this is no request of the own state to that one")
		}
	}
	return first(needed("title", g.Body.Title, "an undertaking has a title"), checkLine("title", g.Body.Title), checkWords(g.Body.Text), g.Body.Marking.Check())
}

func (g *GiveUndertaking) prepare(ctx context.Context, a *attempt) error {
	return g.sign(ctx, a, statement.KindUndertaking, g.ID, g.ID, g.Act)
}

func (g *GiveUndertaking) commit(tx storage.Tx, a *attempt) error              { return g.insert(tx, a) }
func (g *GiveUndertaking) finish(context.Context, *attempt) error              { return nil }
func (g *GiveUndertaking) repeat(context.Context, *attempt, []comity.ID) error { return nil }

// accepts checks the case that an undertaking is accepted for.
func (s *AnswerDispatch) accepts(tx storage.ReadTx, a *attempt) error {
	switch {
	case s.Case != s.Body.Case:
		return comity.Invalid("case", "the officer signed the answer for another case")
	case s.Body.Answer != comity.DispatchAccepted && s.Case != "":
		return comity.Invalid("case", "what is declined is for no case")
	case s.Body.Answer != comity.DispatchAccepted:
		return nil
	case s.Case == "":
		return comity.Invalid("case", "an undertaking is accepted for one case of the own state").CuredBy("name the case")
	case !s.found:
		return comity.NotFound()
	}
	view, _, _, err := a.findCase(tx, s.Case)
	if err == nil && view.Category != s.view.Category {
		err = comity.Invalid("case", "the case is of another category than the undertaking").CuredBy("name a case of its category, or have another undertaking given")
	}
	return err
}

// basis is the legal basis that a grant of a case names (Article 7), nil when it
// is none: an agreement in force between both states that covers the case's
// category, or an undertaking of the grantee's that the own authority accepted
// for the case, and that outlasts the grant.
func (x *Exchange) basis(tx storage.ReadTx, v storage.Viewer, c storage.CaseView, b statement.GrantBody) (*Basis, error) {
	id := comity.ID(b.Agreement)
	if id.Kind() != comity.KindUndertaking {
		a, err := x.dir.Agreement(c.State, b.Grantee.State, b.Agreement, c.Category, "", v.At)
		if err != nil {
			return nil, nil //nolint:nilerr // that there is none is the answer
		}
		return &Basis{Agreement: a.ID, Title: a.Title, Hash: a.Hash()}, nil
	}
	found, err := tx.Dispatches(v, []comity.ID{id})
	if err != nil {
		return nil, err
	}
	if u, ok := found[id]; !ok || !accepts(u, c, b.Grantee.State, time.Unix(b.NotAfter, 0)) {
		return nil, nil
	}
	return &Basis{Agreement: b.Agreement}, nil
}

// accepts reports whether an undertaking of the grantee's was accepted for a case, as
// which it is still categorised, and binds until an instant.
func accepts(u storage.DispatchView, c storage.CaseView, grantee comity.State, until time.Time) bool {
	return u.State == grantee && u.To == c.State && u.Status == comity.DispatchAccepted && u.Answer == c.ID && u.Category == c.Category &&
		until.Unix() <= u.DueAt.Unix()
}
