package custodian

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// assessed is the register's word on what a case predominantly is. Each
// assessment has its turn, so that the last counts in whichever order they come.
type assessed struct {
	mark
	ID        comity.ID        `json:"id"`
	Turn      int              `json:"turn"`
	Character comity.Character `json:"character"`
	By        signer           `json:"by"`
	// Past are other assessments with when they came (Unix seconds), for as long as the
	// officer's act behind one is fresh: given to another process, or after a restart,
	// it is not signed at a later turn than those that came since.
	Past map[comity.ID]int64 `json:"past,omitempty"`
}

// pastFor is how long an assessment is remembered that is not the last.
const pastFor = int64(4 * statement.Freshness / time.Second)

// note remembers an assessment that is not the last by now, and forgets older ones.
func (a *assessed) note(past map[comity.ID]int64, id comity.ID, now int64) bool {
	if _, known := a.Past[id]; known {
		return false
	}
	all := map[comity.ID]int64{id: now}
	for id, at := range past {
		if now < at+pastFor {
			all[id] = at
		}
	}
	a.Past = all
	return true
}

// adverse reports whether the case is not shareable by its last assessment.
func (a *assessed) adverse() bool { return a != nil && a.Character != comity.CharacterOrdinary }

func (a *assessed) turn() int {
	if a == nil {
		return 0
	}
	return a.Turn
}

// judgeAssessment sets the turn of an assessment. What one officer found not to
// be shareable, another alone finds ordinary.
func (l *Local) judgeAssessment(ctx context.Context, o SignOrder, who asked, s *statement.Statement) error {
	var b statement.AssessBody
	if err := decode(s, &b); err != nil {
		return err
	}
	switch {
	case who.Officer.Role == comity.RoleAuditor:
		return comity.Denied(comity.ArticleNoBypass, "an auditor changes nothing", "have an officer of another role assess it")
	case b.ID != o.ID:
		return comity.Invalid("id", "the officer signed the assessment under another id")
	case !b.Character.Valid():
		return comity.Invalid("character", "this is not a character that a case can have")
	case strings.TrimSpace(b.Conduct) == "" || strings.TrimSpace(b.Motive) == "" || strings.TrimSpace(b.Context) == "":
		return comity.Invalid("conduct", "an assessment says something of act, motive and context")
	}
	c, _, err := read[caseEntry](ctx, l, caseKey(o.Record))
	switch {
	case err != nil:
		return err
	case c.Withdrawn != nil:
		return withdrawn(l.state)
	}
	if c.Assessed != nil && c.Assessed.Past[o.ID] != 0 {
		return comity.Conflict("the case was assessed anew since").CuredBy("assess under a new id")
	}
	turn := c.Assessed.turn() + 1
	if c.Assessed != nil && c.Assessed.ID == o.ID { // signed once more, should the answer have been lost
		if turn = c.Assessed.Turn; c.Assessed.Character != b.Character || c.Assessed.By.Ref != who.Officer.Ref() {
			return comity.Conflict("there is another assessment under this id").CuredBy("assess under a new id")
		}
	} else if c.Assessed.adverse() && b.Character == comity.CharacterOrdinary && (c.Assessed.By.Ref == who.Officer.Ref() || c.Assessed.By.JKT == who.JKT) {
		return comity.Denied(comity.ArticleNeutrality, "the officer found the case not shareable, and does not find otherwise alone",
			fmt.Sprintf("another officer of %s assesses it", l.state))
	}
	s.Turns = &statement.Turns{Assessment: turn}
	return nil
}

func (l *Local) enterAssessment(ctx context.Context, s statement.Statement, m mark) error {
	var b statement.AssessBody
	if err := s.Decode(&b); err != nil || s.Turns == nil || s.Turns.Assessment < 1 {
		return comity.Invalid("statement", "this is not an assessment").Because(err)
	}
	return change(ctx, l, caseKey(s.Record), func(e *caseEntry) (bool, error) {
		if was := e.Assessed; was != nil && (s.Turns.Assessment < was.Turn || s.Turns.Assessment == was.Turn && (was.ID == s.ID || was.adverse())) {
			return was.ID != s.ID && was.note(was.Past, s.ID, m.At), nil // of two at once the adverse one counts
		}
		was := e.Assessed
		e.Assessed = &assessed{mark: m, ID: s.ID, Turn: s.Turns.Assessment, Character: b.Character, By: signer{s.Officer.Ref, s.Officer.JKT}}
		if was != nil && was.ID != s.ID {
			e.Assessed.note(was.Past, was.ID, m.At)
		}
		return true, nil
	})
}

func adverse(state comity.State) error {
	return comity.Denied(comity.ArticleNeutrality, fmt.Sprintf("by the last assessment of %s the case is not shareable", state),
		"another officer of the originator assesses it anew, with reasons")
}
