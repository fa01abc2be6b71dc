package exchange

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// changeCase is what every change of an own case shares: the case as judged,
// its words, and the key that seals them anew, since the words are bound to
// the clear fields beside them.
type changeCase struct {
	view storage.CaseView
	key  wordKey
}

func (c *changeCase) open(ctx context.Context, a *attempt) error {
	var wrapped string
	err := a.x.db.Read(ctx, func(tx storage.ReadTx) error {
		keys, err := tx.RecordKeys([]comity.ID{c.view.ID})
		wrapped = keys[c.view.ID][c.view.State]
		return err
	})
	if err != nil {
		return err
	}
	c.key, err = a.x.keys.get(ctx, keyRef{c.view.ID, c.view.State, wrapped})
	return err
}

// write seals the words under the changed clear fields and writes the case.
// The change counts abroad when full scope shows it, and moves the case in
// lists abroad when every scope does; while the case is TLP:RED, only where two
// liaisons granted it, since it is closed to all others.
func (c *changeCase) write(tx storage.Tx, a *attempt, abroad bool, change func(*comity.Case, *comity.CaseText)) error {
	var text comity.CaseText
	if err := unseal(c.key, bindCase(c.view.Case.Case), c.view.Sealed, &text); err != nil {
		return err
	}
	changed := c.view.Case
	expected := changed.Version
	change(&changed.Case, &text)
	changed.Version++
	changed.UpdatedAt = a.now
	was := c.view.Case
	if abroad && was.Marking.TLP == comity.TLPRed && changed.Marking.TLP == comity.TLPRed {
		var err error
		if abroad, err = tx.SecondedRun(was.ID, a.now); err != nil {
			return err
		}
	}
	if abroad {
		changed.VersionAbroad++
		changed.UpdatedAbroad = a.now
		listed := false
		if was.Category != changed.Category || was.Status != changed.Status || was.Marking != changed.Marking || !slices.Equal(was.Nexus, changed.Nexus) {
			changed.ListedAbroad, listed = a.now, true
		}
		a.tellGrantees(comity.EventCaseChanged, was.ID, was.ID, listed)
	}
	var err error
	if changed.Sealed, err = seal(c.key, bindCase(changed.Case), text); err != nil {
		return err
	}
	a.made = []comity.ID{changed.ID}
	return tx.UpdateCase(changed, expected)
}

// UpdateCase changes a case's words, category, marking or links. Fields that
// are nil stay as they are.
type UpdateCase struct {
	Key             string                 `json:"-"`
	ID              comity.ID              `json:"id"`
	ExpectedVersion int                    `json:"expectedVersion"`
	Category        *comity.Category       `json:"category"`
	Marking         *comity.Marking        `json:"marking"`
	Nexus           []comity.Nexus         `json:"nexus"`
	Title           *string                `json:"title"`
	Summary         *string                `json:"summary"`
	Narrative       *string                `json:"narrative"`
	Reference       *string                `json:"reference"`
	Classification  *comity.Classification `json:"classification"`

	changeCase
}

func (u *UpdateCase) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseUpdate, u.Key, struct {
		ID              comity.ID
		ExpectedVersion int
		Category        *comity.Category
		Marking         *comity.Marking
		Nexus           []comity.Nexus
		Text            []*string
		Classification  *comity.Classification `json:",omitempty"`
	}{u.ID, u.ExpectedVersion, u.Category, u.Marking, u.Nexus, []*string{u.Title, u.Summary, u.Narrative, u.Reference}, u.Classification}
}

func (u *UpdateCase) judge(tx storage.ReadTx, a *attempt) (err error) {
	u.view, err = a.actOnCaseAs(tx, u.ID, func(v storage.CaseView) (c sovereignty.Circumstances, err error) {
		c.Becomes, c.KeepsNexus = v.Category, linkedAbroad(v.Nexus, v.State)
		c.Assessed = v.Assessed.Shareable(v.Category)
		set(&c.Becomes, u.Category)
		set(&c.Classification, u.Classification)
		if u.Nexus != nil {
			c.KeepsNexus = linkedAbroad(u.Nexus, v.State)
		}
		c.KeepsAssessed = c.Becomes == v.Category || v.Assessed.Shareable(c.Becomes)
		if c.Granted, err = tx.GrantsRun(u.ID, a.now); err != nil || v.ID == "" || c.Becomes == v.Category {
			return c, err
		}
		c.Relabelled = true
		if c.LeavesReserved, err = a.categoryReserved(tx, v.Category); err == nil {
			c.EntersReserved, err = a.categoryReserved(tx, c.Becomes)
		}
		return c, err
	})
	if err != nil {
		return err
	}
	if u.Category == nil && u.Marking == nil && u.Nexus == nil && u.Title == nil && u.Summary == nil && u.Narrative == nil && u.Reference == nil &&
		u.Classification == nil {
		return errNothingChanges
	}
	if u.view.Version != u.ExpectedVersion {
		return comity.Conflict("the case changed meanwhile; read it again")
	}
	if u.Category != nil {
		category, known := sovereignty.Category(*u.Category)
		if !known || !a.competent(category) {
			return comity.Invalid("category", "the union has no such category, or the agency is not competent for it")
		}
	}
	if u.Marking != nil {
		if err := u.Marking.Check(); err != nil {
			return err
		}
	}
	if u.Nexus != nil {
		if err := checkNexus(u.Nexus); err != nil {
			return err
		}
		if !linked(u.Nexus, u.view.State) {
			return comity.Denied(comity.ArticleTerritory, "a state keeps a case on the ground of its own territory, nationals or effects", "name the own state's link as well")
		}
	}
	return nil
}

func (u *UpdateCase) prepare(ctx context.Context, a *attempt) error { return u.open(ctx, a) }

func (u *UpdateCase) commit(tx storage.Tx, a *attempt) error {
	// The file number and a reserved case are seen by nobody abroad.
	abroad := !u.view.Reserved && (u.Category != nil || u.Marking != nil || u.Nexus != nil || u.Title != nil || u.Summary != nil || u.Narrative != nil ||
		u.Classification != nil)
	var bad error
	err := u.write(tx, a, abroad, func(c *comity.Case, t *comity.CaseText) {
		was, said := *c, *t
		set(&c.Category, u.Category)
		set(&c.Marking, u.Marking)
		if u.Nexus != nil {
			c.Nexus = u.Nexus
		}
		set(&t.Title, u.Title)
		set(&t.Summary, u.Summary)
		set(&t.Narrative, u.Narrative)
		set(&t.Reference, u.Reference)
		set(&t.Classification, u.Classification)
		if bad = checkCaseText(*t); bad == nil && reflect.DeepEqual(was, *c) && said == *t {
			bad = errNothingChanges
		}
	})
	if bad != nil {
		return bad
	}
	return err
}

// errNothingChanges answers an act that would leave everything as it is.
var errNothingChanges = comity.Invalid("", "nothing would change; say what changes")

func (u *UpdateCase) finish(context.Context, *attempt) error              { return nil }
func (u *UpdateCase) repeat(context.Context, *attempt, []comity.ID) error { return nil }

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// SetCaseStatus closes or reopens a case.
type SetCaseStatus struct {
	Key             string            `json:"-"`
	ID              comity.ID         `json:"id"`
	ExpectedVersion int               `json:"expectedVersion"`
	Status          comity.CaseStatus `json:"status"`

	changeCase
}

func (s *SetCaseStatus) about() (sovereignty.Action, string, any) {
	action := sovereignty.CaseClose
	if s.Status == comity.CaseOpen {
		action = sovereignty.CaseReopen
	}
	return action, s.Key, []any{s.ID, s.ExpectedVersion, s.Status}
}

func (s *SetCaseStatus) judge(tx storage.ReadTx, a *attempt) (err error) {
	if s.view, err = a.actOnCase(tx, s.ID, sovereignty.Circumstances{}); err != nil {
		return err
	}
	if s.Status != comity.CaseOpen && s.Status != comity.CaseClosed {
		return comity.Invalid("status", "a case is OPEN or CLOSED")
	}
	if s.view.Status == s.Status {
		return comity.Conflict("the case is " + strings.ToLower(string(s.Status)) + " already").CuredBy("there is nothing to do")
	}
	if s.view.Version != s.ExpectedVersion {
		return comity.Conflict("the case changed meanwhile; read it again")
	}
	return nil
}

func (s *SetCaseStatus) prepare(ctx context.Context, a *attempt) error { return s.open(ctx, a) }

func (s *SetCaseStatus) commit(tx storage.Tx, a *attempt) error {
	return s.write(tx, a, !s.view.Reserved, func(c *comity.Case, _ *comity.CaseText) { c.Status = s.Status })
}

func (s *SetCaseStatus) finish(context.Context, *attempt) error              { return nil }
func (s *SetCaseStatus) repeat(context.Context, *attempt, []comity.ID) error { return nil }

// AssignCase lets an officer of the own state, or one of its offices, see and
// work on a case, or no longer.
type AssignCase struct {
	Key     string            `json:"-"`
	ID      comity.ID         `json:"id"`
	Officer comity.OfficerRef `json:"officer"` // either an officer
	Office  comity.Role       `json:"office"`  // or the state's liaisons or its authority
	Remove  bool              `json:"remove"`

	view storage.CaseView
}

func (s *AssignCase) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseAssign, s.Key, s
}

func (s *AssignCase) judge(tx storage.ReadTx, a *attempt) (err error) {
	if s.view, err = a.actOnCase(tx, s.ID, sovereignty.Circumstances{}); err != nil {
		return err
	}
	switch {
	case (s.Officer == "") == (s.Office == ""):
		return comity.Invalid("officer", "a case is assigned to an officer or to an office, one at a time")
	case s.Officer != "" && (!s.Officer.Valid() || s.Officer.State() != s.view.State):
		return comity.Invalid("officer", "only officers of the own state are assigned; other states are granted access")
	case s.Office != "" && s.Office != comity.RoleLiaison && s.Office != comity.RoleAuthority:
		return comity.Invalid("office", "the offices are LIAISON and AUTHORITY")
	case s.Remove && s.Officer == s.view.Owner:
		return comity.Invalid("officer", "the owner of a case stays assigned to it")
	}
	if s.Remove && s.Office == comity.RoleAuthority {
		pending, err := tx.Withdrawing(s.ID)
		if err != nil {
			return err
		}
		if pending {
			return comity.Conflict("the case is being withdrawn, and every officer of the authority can cancel that until its time").
				CuredBy("have an officer of the authority cancel the withdrawal first")
		}
	}
	if s.Officer != "" && !s.Remove {
		return ownOfficer(tx, "officer", s.Officer, comity.RoleInvestigator, comity.RoleLiaison, comity.RoleAuthority)
	}
	return nil
}

func (s *AssignCase) prepare(context.Context, *attempt) error { return nil }

func (s *AssignCase) commit(tx storage.Tx, a *attempt) error {
	viewer := string(s.Officer)
	if s.Office != "" {
		viewer = storage.OfficeViewer(s.view.State, s.Office)
	}
	a.on(viewer)
	a.made = []comity.ID{s.ID}
	if s.Remove {
		return tx.Unassign(s.ID, viewer)
	}
	return tx.Assign(s.ID, viewer, a.who.Officer.Ref())
}

func (s *AssignCase) finish(context.Context, *attempt) error              { return nil }
func (s *AssignCase) repeat(context.Context, *attempt, []comity.ID) error { return nil }
