package exchange

import (
	"context"
	"slices"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// FileCase files a case of the officer's own agency. The officer becomes its
// owner and is, at first, the only one who sees it.
type FileCase struct {
	Key      string          `json:"-"`
	Category comity.Category `json:"category"`
	Marking  comity.Marking  `json:"marking"`
	Nexus    []comity.Nexus  `json:"nexus"`
	Text     comity.CaseText `json:"text"`

	ID comity.ID `json:"-"` // the case, on success

	wrapped string
	key     wordKey
}

func (f *FileCase) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseFile, f.Key, f
}

func (f *FileCase) judge(_ storage.ReadTx, a *attempt) error {
	category, known := sovereignty.Category(f.Category)
	if !known {
		return comity.Invalid("category", "the union has no such category; see the query `categories`")
	}
	if err := f.Marking.Check(); err != nil {
		return err
	}
	if err := checkNexus(f.Nexus); err != nil {
		return err
	}
	if err := checkCaseText(f.Text); err != nil {
		return err
	}
	return a.decide(sovereignty.Question{
		Record: sovereignty.Record{State: a.who.Officer.State, Agency: a.who.Officer.Agency, Kind: comity.KindCase,
			Category: f.Category, Marking: f.Marking, Claimed: linked(f.Nexus, a.who.Officer.State),
			Nexus: linkedAbroad(f.Nexus, a.who.Officer.State)},
		Circumstances: sovereignty.Circumstances{Competent: a.competent(category), Classification: f.Text.Classification},
	})
}

func (f *FileCase) prepare(ctx context.Context, a *attempt) error {
	c, err := a.x.custodian(a.who.Officer.State)
	if err != nil {
		return err
	}
	f.ID = comity.NewID(comity.KindCase)
	f.wrapped, f.key, err = newWordKey(ctx, c, f.ID)
	return err
}

func (f *FileCase) commit(tx storage.Tx, a *attempt) error {
	c := comity.Case{ID: f.ID, State: a.who.Officer.State, Agency: a.who.Officer.Agency, Owner: a.who.Officer.Ref(),
		Category: f.Category, Status: comity.CaseOpen, Marking: f.Marking, Nexus: f.Nexus,
		Version: 1, VersionAbroad: 1, CreatedAt: a.now, UpdatedAt: a.now, UpdatedAbroad: a.now, ListedAbroad: a.now}
	sealed, err := seal(f.key, bindCase(c), f.Text)
	if err != nil {
		return err
	}
	if err := tx.InsertCase(storage.Case{Case: c, Sealed: sealed}, f.wrapped); err != nil {
		return err
	}
	a.on(string(f.ID))
	a.made = []comity.ID{f.ID}
	return tx.Assign(f.ID, string(c.Owner), c.Owner)
}

func (f *FileCase) finish(context.Context, *attempt) error { return nil }

func (f *FileCase) repeat(_ context.Context, _ *attempt, ids []comity.ID) error {
	f.ID = ids[0]
	return nil
}

// linked reports whether a case states its ground at home (Article 3).
func linked(links []comity.Nexus, own comity.State) bool {
	return slices.ContainsFunc(links, func(n comity.Nexus) bool { return n.State == own })
}

// linkedAbroad reports whether it states a cross-border element (Article 6).
func linkedAbroad(links []comity.Nexus, own comity.State) bool {
	return slices.ContainsFunc(links, func(n comity.Nexus) bool { return n.State != own })
}

// competent reports whether the officer's agency may deal with the category.
func (a *attempt) competent(c sovereignty.CategoryInfo) bool {
	m, err := a.x.dir.State(a.who.Officer.State)
	if err != nil {
		return false
	}
	for _, agency := range m.Agencies {
		if agency.ID == a.who.Officer.Agency {
			return slices.Contains(agency.Competences, c.Competence)
		}
	}
	return false
}
