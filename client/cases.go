package client

import (
	"context"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// CaseFilter narrows a list of cases; a zero field does not.
type CaseFilter struct {
	State    comity.State      `json:"state,omitempty"`
	Agency   comity.AgencyID   `json:"agency,omitempty"`
	Category comity.Category   `json:"category,omitempty"`
	Status   comity.CaseStatus `json:"status,omitempty"`
	Own      bool              `json:"own,omitempty"`
	Granted  bool              `json:"granted,omitempty"`
}

// variables leaves out what is empty: the API knows no null.
func variables(pairs map[string]any) map[string]any {
	for name, v := range pairs {
		switch v := v.(type) {
		case string:
			if v == "" {
				delete(pairs, name)
			}
		case comity.Purpose:
			if v == "" {
				delete(pairs, name)
			}
		}
	}
	return pairs
}

// Cases lists the cases that the officer may see, newest change first. A
// purpose is declared for what other states granted (Article 9).
func (c *Client) Cases(ctx context.Context, f CaseFilter, p comity.Purpose, first int, after string) (Page[Case], error) {
	var data struct {
		Viewer struct {
			Cases Page[Case] `json:"cases"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Cases", variables(map[string]any{"filter": f, "purpose": p, "first": first, "after": after}), &data)
	for i := range data.Viewer.Cases.Nodes {
		c.checkAccess(ctx, &data.Viewer.Cases.Nodes[i].Access)
	}
	return data.Viewer.Cases, err
}

func (c *Client) checkAccess(ctx context.Context, a *Access) {
	if a.Grant != nil {
		c.checkGrant(ctx, a.Grant)
	}
}

// Case reads a case. What may not be seen answers NOT_FOUND, as what does not
// exist (Article 12).
func (c *Client) Case(ctx context.Context, caseID comity.ID, p comity.Purpose) (*Case, error) {
	if err := id("id", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	var data struct {
		Node *Case `json:"node"`
	}
	if err := c.query(ctx, "Case", variables(map[string]any{"id": caseID, "purpose": p}), &data); err != nil {
		return nil, err
	}
	if data.Node == nil || data.Node.ID != caseID {
		return nil, comity.NotFound()
	}
	c.checkAccess(ctx, &data.Node.Access)
	c.checkAssessments(ctx, data.Node)
	return data.Node, nil
}

// inner reads a page of a case's inner records; a list that the officer may
// not see is empty.
func inner[T any](ctx context.Context, c *Client, operation, field string, record comity.ID, p comity.Purpose, first int, after string) (Page[T], error) {
	var data struct {
		Node map[string]jsonText `json:"node"`
	}
	var page Page[T]
	err := c.query(ctx, operation, variables(map[string]any{"id": record, "purpose": p, "first": first, "after": after}), &data)
	switch {
	case err != nil:
		return page, err
	case data.Node == nil || data.Node["id"] == nil:
		return page, comity.NotFound()
	}
	return page, decode(data.Node[field], &page)
}

// Entries lists a case's log.
func (c *Client) Entries(ctx context.Context, caseID comity.ID, p comity.Purpose, first int, after string) (Page[Entry], error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return Page[Entry]{}, err
	}
	return inner[Entry](ctx, c, "Entries", "entries", caseID, p, first, after)
}

// Subjects lists a case's subjects.
func (c *Client) Subjects(ctx context.Context, caseID comity.ID, p comity.Purpose, first int, after string) (Page[Subject], error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return Page[Subject]{}, err
	}
	return inner[Subject](ctx, c, "Subjects", "subjects", caseID, p, first, after)
}

// Observables lists a case's observables.
func (c *Client) Observables(ctx context.Context, caseID comity.ID, p comity.Purpose, first int, after string) (Page[Observable], error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return Page[Observable]{}, err
	}
	return inner[Observable](ctx, c, "Observables", "observables", caseID, p, first, after)
}

// Exhibits lists a case's exhibits. The Check of each says whether the state's
// receipt holds and says what the answer says.
func (c *Client) Exhibits(ctx context.Context, caseID comity.ID, p comity.Purpose, first int, after string) (Page[Evidence], error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return Page[Evidence]{}, err
	}
	page, err := inner[Evidence](ctx, c, "Exhibits", "evidence", caseID, p, first, after)
	for i := range page.Nodes {
		c.checkLabel(ctx, &page.Nodes[i])
	}
	return page, err
}

// NewCase is a case to file. A nil marking is [comity.DefaultMarking].
type NewCase struct {
	Category  comity.Category `json:"category"`
	Marking   *comity.Marking `json:"marking,omitempty"`
	Nexus     []comity.Nexus  `json:"nexus"`
	Title     string          `json:"title"`
	Summary   string          `json:"summary,omitempty"`
	Narrative string          `json:"narrative,omitempty"`
	Reference string          `json:"reference,omitempty"`

	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
}

type casePayload struct {
	payload
	Case      *Case       `json:"case"`
	Ended     []comity.ID `json:"endedGrants"`
	Statement string      `json:"statement"` // of a reservation
}

func caseOf(p casePayload, err error) (*Case, error) {
	if err == nil && p.Case == nil {
		err = errEmpty
	}
	return p.Case, err
}

// CaseFile files a case of the officer's agency.
func (c *Client) CaseFile(ctx context.Context, in NewCase) (*Case, error) {
	return caseOf(mutate[casePayload](ctx, c, "CaseFile", always(in)))
}

// CaseChange changes a case; what is nil stays.
type CaseChange struct {
	ID              comity.ID        `json:"id"`
	ExpectedVersion int              `json:"expectedVersion"`
	Category        *comity.Category `json:"category,omitempty"`
	Marking         *comity.Marking  `json:"marking,omitempty"`
	Nexus           []comity.Nexus   `json:"nexus,omitempty"`
	Title           *string          `json:"title,omitempty"`
	Summary         *string          `json:"summary,omitempty"`
	Narrative       *string          `json:"narrative,omitempty"`
	Reference       *string          `json:"reference,omitempty"`

	Classification *comity.Classification `json:"classification,omitempty"`
}

// CaseUpdate changes a case that nobody changed since ExpectedVersion; else CONFLICT.
func (c *Client) CaseUpdate(ctx context.Context, in CaseChange) (*Case, error) {
	if err := id("id", in.ID, comity.KindCase); err != nil {
		return nil, err
	}
	return caseOf(mutate[casePayload](ctx, c, "CaseUpdate", always(in)))
}

// Assignment lets an officer, or an office, of the own state work on a case,
// or with Remove no longer.
type Assignment struct {
	ID      comity.ID         `json:"id"`
	Officer comity.OfficerRef `json:"officer,omitempty"`
	Office  comity.Role       `json:"office,omitempty"`
	Remove  bool              `json:"remove,omitempty"`
}

// CaseAssign changes who of the own state sees a case.
func (c *Client) CaseAssign(ctx context.Context, in Assignment) (*Case, error) {
	if err := id("id", in.ID, comity.KindCase); err != nil {
		return nil, err
	}
	return caseOf(mutate[casePayload](ctx, c, "CaseAssign", always(in)))
}

type versioned struct {
	ID              comity.ID `json:"id"`
	ExpectedVersion int       `json:"expectedVersion"`
}

// CaseClose closes a case.
func (c *Client) CaseClose(ctx context.Context, caseID comity.ID, expectedVersion int) (*Case, error) {
	if err := id("id", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	return caseOf(mutate[casePayload](ctx, c, "CaseClose", always(versioned{caseID, expectedVersion})))
}

// CaseReopen opens a closed case again.
func (c *Client) CaseReopen(ctx context.Context, caseID comity.ID, expectedVersion int) (*Case, error) {
	if err := id("id", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	return caseOf(mutate[casePayload](ctx, c, "CaseReopen", always(versioned{caseID, expectedVersion})))
}

// CaseReserve withdraws a case from sharing as a domestic matter (Article 4),
// by a signed act of the state's authority. It gives the grants that ended. The
// state's signed reservation is verified on receipt.
func (c *Client) CaseReserve(ctx context.Context, caseID comity.ID, expectedVersion int, reason string) (*Case, []comity.ID, error) {
	if err := id("id", caseID, comity.KindCase); err != nil {
		return nil, nil, err
	}
	if _, err := c.Directory(ctx); err != nil {
		return nil, nil, err
	}
	body := statement.ReserveBody{Reason: reason}
	p, err := mutate[casePayload](ctx, c, "CaseReserve", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActCaseReserve, Record: caseID}, body)
		return struct {
			versioned
			Reason string `json:"reason"`
			Act    string `json:"act"`
		}{versioned{caseID, expectedVersion}, reason, act}, err
	})
	reserved, err := caseOf(p, err)
	if err != nil {
		return nil, nil, err
	}
	if reserved.ID != caseID || !reserved.Reserved {
		return nil, nil, unverifiedf("the reservation of "+string(caseID), "the answer shows %s as not reserved", reserved.ID)
	}
	return reserved, p.Ended, c.checkOwn(ctx, p.Statement, statement.KindReservation, caseID, caseID, body)
}

// NewEntry is a line to add to a case's log. A nil marking is the case's.
type NewEntry struct {
	Marking  *comity.Marking `json:"marking,omitempty"`
	Happened string          `json:"happened,omitempty"`
	Text     string          `json:"text"`

	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
}

// NewSubject is a subject to add.
type NewSubject struct {
	Kind        comity.SubjectKind `json:"kind"`
	Role        comity.SubjectRole `json:"role"`
	Minor       bool               `json:"minor,omitempty"`
	Marking     *comity.Marking    `json:"marking,omitempty"`
	Names       []SubjectName      `json:"names,omitempty"`
	Birth       string             `json:"birth,omitempty"`
	Nationality comity.State       `json:"nationality,omitempty"`
	Identifier  string             `json:"identifier,omitempty"`
	Assessment  bool               `json:"assessment,omitempty"`
	Source      comity.SourceGrade `json:"source,omitempty"`
	Information InformationGrade   `json:"information,omitempty"`
	Note        string             `json:"note,omitempty"`

	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
}

// NewObservable is an observable to add.
type NewObservable struct {
	Marking     *comity.Marking    `json:"marking,omitempty"`
	Type        string             `json:"type"`
	Value       string             `json:"value"`
	Hashes      []Hash             `json:"hashes,omitempty"`
	SourceIDs   []string           `json:"sourceIds,omitempty"`
	Indicator   bool               `json:"indicator,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	ValidFrom   string             `json:"validFrom,omitempty"`
	Description string             `json:"description,omitempty"`
	Source      comity.SourceGrade `json:"source,omitempty"`
	Information InformationGrade   `json:"information,omitempty"`

	Classification comity.Classification `json:"classification,omitempty"` // declared of the words
}

type additions[T any] struct {
	Case  comity.ID `json:"case"`
	Items []T       `json:"items"`
}

type addPayload struct {
	payload
	Entries     []Entry      `json:"entries"`
	Subjects    []Subject    `json:"subjects"`
	Observables []Observable `json:"observables"`
}

// EntryAdd adds lines to a case's log, all or none.
func (c *Client) EntryAdd(ctx context.Context, caseID comity.ID, items ...NewEntry) ([]Entry, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	p, err := mutate[addPayload](ctx, c, "EntryAdd", always(additions[NewEntry]{caseID, items}))
	return p.Entries, err
}

// SubjectAdd adds subjects to a case, all or none.
func (c *Client) SubjectAdd(ctx context.Context, caseID comity.ID, items ...NewSubject) ([]Subject, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	p, err := mutate[addPayload](ctx, c, "SubjectAdd", always(additions[NewSubject]{caseID, items}))
	return p.Subjects, err
}

// ObservableAdd adds observables to a case, all or none.
func (c *Client) ObservableAdd(ctx context.Context, caseID comity.ID, items ...NewObservable) ([]Observable, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	p, err := mutate[addPayload](ctx, c, "ObservableAdd", always(additions[NewObservable]{caseID, items}))
	return p.Observables, err
}
