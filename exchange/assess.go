package exchange

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/custodian"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/sovereignty"
	"github.com/comity-platform/comity/storage"
)

// AssessCase records an officer's judgement of a case's predominant character,
// by act, motive and context (Article 5). The latest one counts: an ordinary one
// lets a case of a prone category be granted, any other closes the case abroad.
type AssessCase struct {
	Key             string               `json:"-"`
	Case            comity.ID            `json:"case"`
	ExpectedVersion int                  `json:"expectedVersion"`
	Body            statement.AssessBody `json:"body"`
	Act             string               `json:"-"`

	Statement string `json:"-"`

	changeCase
	canonical json.RawMessage
}

func (s *AssessCase) about() (sovereignty.Action, string, any) {
	return sovereignty.CaseAssess, s.Key, s
}

func (s *AssessCase) judge(tx storage.ReadTx, a *attempt) error {
	_, canonical, err := a.verify(s.Act, statement.ActCaseAssess, s.Case, s.Body)
	if err != nil {
		return err
	}
	s.canonical = canonical
	s.view, err = a.actOnCaseAs(tx, s.Case, func(v storage.CaseView) (sovereignty.Circumstances, error) {
		return sovereignty.Circumstances{Signed: true,
			OverturnsOwn: v.Assessed.Adverse() && v.Assessed.By == a.who.Officer.Ref() && s.Body.Character == comity.CharacterOrdinary}, nil
	})
	if err != nil {
		return err
	}
	if s.view.Version != s.ExpectedVersion {
		return comity.Conflict("the case changed meanwhile; read it again")
	}
	return s.check()
}

func (s *AssessCase) check() error {
	b := s.Body
	if _, err := comity.ParseID(string(b.ID), comity.KindAssessment); err != nil {
		return err
	}
	switch {
	case !b.Character.Valid():
		return comity.Invalid("character", "the characters are ORDINARY, POLITICAL, MILITARY, RELIGIOUS and RACIAL")
	case b.Category != s.view.Category:
		return comity.Invalid("category", "the case is of another category; read it again")
	}
	for _, f := range []struct{ name, text string }{{"conduct", b.Conduct}, {"motive", b.Motive}, {"context", b.Context}} {
		if len(f.text) > maxObjection {
			return tooLong(f.name, maxObjection)
		}
		if err := first(needed(f.name, f.text, "an assessment says how it judges act, motive and context"), checkText(f.name, f.text)); err != nil {
			return err
		}
	}
	return nil
}

func (s *AssessCase) prepare(ctx context.Context, a *attempt) error {
	if err := s.open(ctx, a); err != nil {
		return err
	}
	keys, err := a.x.custodian(s.view.State)
	if err != nil {
		return err
	}
	s.Statement, err = keys.Sign(ctx, custodian.SignOrder{Asker: a.asker(s.Act), Kind: statement.KindAssessment, ID: s.Body.ID, Record: s.Case, Body: s.canonical})
	return err
}

func (s *AssessCase) commit(tx storage.Tx, a *attempt) error {
	o := a.who.Officer
	row := storage.Assessment{Assessment: comity.Assessment{ID: s.Body.ID, Case: s.Case, State: o.State, Officer: o.Ref(), Function: o.Function,
		Category: s.Body.Category, Character: s.Body.Character, CreatedAt: a.now}}
	var err error
	if row.Sealed, err = seal(s.key, bindAssessment(row.Assessment), comity.AssessmentText{Statement: s.Statement}); err != nil {
		return err
	}
	if err := tx.InsertAssessment(row); err != nil {
		if errors.Is(err, storage.ErrExists) {
			return comity.Conflict("no assessment can be made under this id").CuredBy("choose another id")
		}
		return err
	}
	a.on(string(row.ID))
	// What it means abroad shows itself there: the case closes, or may be granted.
	return s.write(tx, a, false, func(c *comity.Case, _ *comity.CaseText) {
		c.Assessed = comity.Assessed{Category: row.Category, Character: row.Character, By: row.Officer}
	})
}

func (s *AssessCase) finish(context.Context, *attempt) error              { return nil }
func (s *AssessCase) repeat(context.Context, *attempt, []comity.ID) error { return nil }

// AssessmentView is an assessment with its reasons; empty while the state's keys
// cannot be reached.
type AssessmentView struct {
	comity.Assessment
	Reasons   *statement.AssessBody
	Statement string
}

// Assessments reads those of own cases, oldest first.
func (r *Reader) Assessments(cases []*CaseView) (map[comity.ID][]*AssessmentView, error) {
	var ids []comity.ID
	var refs []keyRef
	of := map[comity.ID]keyRef{}
	for _, c := range cases {
		if c.Own && c.full() {
			ids, refs = append(ids, c.ID), append(refs, c.keyRef())
			of[c.ID] = c.keyRef()
		}
	}
	found, err := r.tx.Assessments(ids)
	if err != nil {
		return nil, err
	}
	keys, _, err := r.keys(refs)
	if err != nil {
		return nil, err
	}
	out := map[comity.ID][]*AssessmentView{}
	for id, rows := range found {
		for _, row := range rows {
			v := &AssessmentView{Assessment: row.Assessment}
			if key, ok := keys[of[id]]; ok {
				if err := r.openAssessment(v, row, key); err != nil {
					return nil, err
				}
			}
			out[id] = append(out[id], v)
		}
	}
	return out, nil
}

func (r *Reader) openAssessment(v *AssessmentView, row storage.Assessment, key wordKey) error {
	var text comity.AssessmentText
	if err := unseal(key, bindAssessment(row.Assessment), row.Sealed, &text); err != nil {
		r.incident(string(row.ID), row.State, err)
		return err
	}
	s, err := r.x.statements.get(r.x.dir, text.Statement)
	if err != nil {
		return nil // a key that left the manifest: who made it and what was found still shows
	}
	v.Statement, v.Reasons = text.Statement, &statement.AssessBody{}
	return s.Decode(v.Reasons)
}
