package sovereignty

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/comity-platform/comity"
)

var roles = []comity.Role{comity.RoleInvestigator, comity.RoleLiaison, comity.RoleAuthority, comity.RoleAuditor}

// changing are the acts upon a record that only its own state's officers do.
var changing = []Action{CaseFile, CaseUpdate, CaseAssign, CaseClose, CaseReopen, CaseReserve, EntryAdd, SubjectAdd, ObservableAdd,
	EvidenceBegin, EvidenceParts, EvidenceComplete, RequestSend, RequestSupplement, RequestClose, ReleaseDecide, GrantMake,
	GrantNarrow, GrantRevoke, MandateGive, MandateEnd}

func TestNoForeignOfficerChangesARecord(t *testing.T) {
	p, r := load(t), random(t)
	for range *rounds {
		q := randomQuestion(r, pick(r, changing...))
		if d := p.Decide(q); d.Permit && q.Officer.State != q.Record.State {
			t.Fatalf("%s permits %+v", d.Policy, q)
		}
	}
}

// TestHiddenAnswersAlike: whatever the record is, hidden answers as absent does.
func TestHiddenAnswersAlike(t *testing.T) {
	p, r := load(t), random(t)
	for range *rounds {
		q := randomQuestion(r, pick(r, Actions...))
		if q.Circumstances.Visible = false; fresh[q.Action] {
			continue
		}
		hidden := p.Decide(q)
		absent := p.Decide(Question{Officer: q.Officer, Action: q.Action,
			Circumstances: Circumstances{Signed: q.Circumstances.Signed, Purpose: q.Circumstances.Purpose}})
		if hidden != absent || hidden.Permit || !reflect.DeepEqual(hidden.Err(), error(comity.NotFound())) {
			t.Fatalf("hidden: %+v\nabsent: %+v\n%+v", hidden, absent, q)
		}
	}
}

// TestForeignersLearnNothing changes everything about a case that only its own
// state knows, and wants officers abroad to be answered the same. Only a
// reservation or withdrawal may hide what was open, and that case is visible to nobody; and
// whom a live grant covers may learn that the case is marked TLP:RED, and, when
// it declares the grant's purpose, what is no longer shareable in it.
func TestForeignersLearnNothing(t *testing.T) {
	p, r := load(t), random(t)
	tried := 0
	for range *rounds {
		q := randomQuestion(r, pick(r, CaseRead, EvidenceOpen, CaseUpdate, EntryAdd, CaseReserve, ReleaseDecide, GrantMake, EvidenceBegin,
			GrantNarrow, GrantRevoke, GrantRead))
		if q.Officer.State == q.Record.State {
			continue
		}
		other := randomQuestion(r, q.Action)
		changed := q
		changed.Record = other.Record
		changed.Record.State = q.Record.State
		if q.Circumstances.Grant.Live || !q.Circumstances.Grant.Ended {
			changed.Record.Reserved, changed.Record.Withdrawn = q.Record.Reserved, q.Record.Withdrawn
		}
		if q.Circumstances.Grant.Live {
			changed.Record.Marking = q.Record.Marking
		}
		c := &changed.Circumstances
		if g := q.Circumstances.Grant; g.Live && g.Purpose == q.Circumstances.Purpose {
			changed.Record.Category, changed.Record.Nexus = q.Record.Category, q.Record.Nexus
			other.Circumstances.Assessed = q.Circumstances.Assessed
		}
		c.Release, c.Assessed, c.Mandate, c.Term, c.Narrows = other.Circumstances.Release, other.Circumstances.Assessed,
			other.Circumstances.Mandate, other.Circumstances.Term, other.Circumstances.Narrows
		if before, after := p.Decide(q).Err(), p.Decide(changed).Err(); !reflect.DeepEqual(before, after) {
			t.Fatalf("%v\nbecame %v\n%+v\n%+v", before, after, q, changed)
		}
		tried++
	}
	if tried < *rounds/10 {
		t.Fatalf("only %d questions were tried", tried)
	}
}

// TestFormerGranteeLearnsOnlyTheEnd: the answer after the end is one and the same.
func TestFormerGranteeLearnsOnlyTheEnd(t *testing.T) {
	p, r := load(t), random(t)
	var first error
	for range *rounds {
		q := randomQuestion(r, pick(r, CaseRead, EvidenceOpen))
		if q.Officer.State == q.Record.State || !q.Circumstances.Grant.Ended || !q.Circumstances.Visible {
			continue
		}
		err := p.Decide(q).Err()
		if first == nil {
			first = err
		}
		if comity.CodeOf(err) != comity.CodeDenied || !reflect.DeepEqual(err, first) {
			t.Fatalf("%v, before %v\n%+v", err, first, q)
		}
	}
	if first == nil {
		t.Fatal("nothing was tried")
	}
}

// TestNoRoleIsEnough: no role permits everything, and an auditor permits no change.
func TestNoRoleIsEnough(t *testing.T) {
	p, r := load(t), random(t)
	permitted := map[comity.Role]map[Action]bool{}
	for _, role := range roles {
		permitted[role] = map[Action]bool{}
	}
	for range *rounds {
		q := randomQuestion(r, pick(r, Actions...))
		if p.Decide(q).Permit {
			permitted[q.Officer.Role][q.Action] = true
		}
	}
	for role, actions := range permitted {
		if len(actions) == 0 || len(actions) == len(Actions) {
			t.Errorf("%s may do %d of %d", role, len(actions), len(Actions))
		}
	}
	if got := permitted[comity.RoleAuditor]; len(got) != 7 || !got[LogRead] || !got[GrantRead] || !got[ManifestRead] || !got[MandateRead] || !got[ReservationRead] || !got[DutyRead] || !got[StandingRead] {
		t.Errorf("an auditor may do %v", permitted[comity.RoleAuditor])
	}
}

func TestStrangersAreDenied(t *testing.T) {
	p := load(t)
	good := questions(t)["ownChange"]
	if !p.Decide(good).Permit {
		t.Fatal("the question to begin with is denied")
	}
	for name, spoil := range map[string]func(*Question){
		"no officer":     func(q *Question) { q.Officer = comity.Officer{} },
		"no role":        func(q *Question) { q.Officer.Role = "" },
		"operator":       func(q *Question) { q.Officer.Role = "OPERATOR" },
		"no state":       func(q *Question) { q.Officer.State, q.Record.State = "", "" },
		"foreign agency": func(q *Question) { q.Officer.Agency = "AM/cyber" },
		"no act":         func(q *Question) { q.Action = "" },
		"unknown act":    func(q *Question) { q.Action = "caseDelete" },
		"group":          func(q *Question) { q.Action = "changesCase" },
	} {
		q := good
		spoil(&q)
		if d := p.Decide(q); d.Permit || d.Policy != policyFault || comity.CodeOf(d.Err()) != comity.CodeNotFound {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestErr(t *testing.T) {
	if err := (Decision{Permit: true}).Err(); err != nil {
		t.Error(err)
	}
	d := Decision{Article: comity.ArticleDomesticReservation, Reason: "why", Cure: "how", Explainable: true}
	e, ok := errors.AsType[*comity.Error](d.Err())
	if !ok || e.Code != comity.CodeDenied || e.Article != d.Article || e.Message != "why" || e.Cure != "how" {
		t.Errorf("%+v", e)
	}
	d.Explainable = false
	if !reflect.DeepEqual(d.Err(), error(comity.NotFound())) {
		t.Errorf("%+v", d.Err())
	}
}

func TestLevel(t *testing.T) {
	p := load(t)
	const abroad = "AM investigator | caseRead | KZ case, nexus | visible, agreement, purpose INVESTIGATION, "
	for line, want := range map[string]Access{
		"KZ investigator | caseRead | KZ case, assigned | visible": AccessOwn,
		abroad + "grant live for INVESTIGATION":                    AccessFull,
		abroad + "grant live for PROSECUTION":                      AccessNone,
		abroad + "grant ended for INVESTIGATION":                   AccessEnded,
		abroad + "grant ended for INVESTIGATION, no visible":       AccessNone,
		abroad + "grant waiting for INVESTIGATION":                 AccessNone,
		abroad: AccessNone,
	} {
		r, err := readRow(line + " | permit | 1 x |")
		if err != nil {
			t.Fatal(err)
		}
		if got := Level(r.question, p.Decide(r.question)); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	q := questions(t)["foreignRead"]
	for scope, want := range map[comity.Scope]Access{comity.ScopeFull: AccessFull, comity.ScopeSummary: AccessSummary,
		comity.ScopeExhibits: AccessExhibits, "": AccessNone, "EVERYTHING": AccessNone} {
		q.Circumstances.Grant.Scope = scope
		if got := Level(q, p.Decide(q)); got != want {
			t.Errorf("scope %q: %s, want %s", scope, got, want)
		}
	}
}

// TestConcurrentDecisions also turns the tables of interned records over.
func TestConcurrentDecisions(t *testing.T) {
	p, r := load(t), random(t)
	var asked []Question
	var want []Decision
	for range 2 * maxInterned {
		q := randomQuestion(r, pick(r, Actions...))
		asked, want = append(asked, q), append(want, p.Decide(q))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i, q := range asked {
				if d := p.Decide(q); d != want[i] {
					t.Errorf("%+v became %+v", want[i], d)
				}
			}
		})
	}
	wg.Wait()
}
