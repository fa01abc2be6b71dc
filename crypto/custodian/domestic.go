package custodian

import (
	"context"
	"fmt"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// reservations is the register's word on whether a case, or a category of the
// state, is reserved. Each reservation has its turn, and a lifting names the one
// that it lifts, so that the greatest of each decide, in whichever order they
// come. What was signed in an earlier turn has ended for good.
type reservations struct {
	Reserved *mark `json:"reserved,omitempty"` // by the latest
	Turn     int   `json:"turn,omitempty"`     // of the latest
	Lifted   int   `json:"lifted,omitempty"`   // the turn that was lifted last
}

// turn is that of the latest reservation, 0 where there never was one. One of
// before turns were counted is the first.
func (r reservations) turn() int {
	if r.Reserved != nil {
		return max(r.Turn, 1)
	}
	return r.Turn
}

func (r reservations) inForce() bool { return r.turn() > r.Lifted }

// next is the turn of a reservation that is signed now: while one is in force
// it is said again.
func (r reservations) next() int {
	if r.inForce() {
		return r.turn()
	}
	return r.turn() + 1
}

// closed reports whether what was signed in a turn opens nothing: reserved now,
// or reserved since. A later turn than the register knows of is closed too,
// since the register has lost something then.
func (r reservations) closed(signedIn int) bool { return r.inForce() || r.turn() != signedIn }

func (r *reservations) reserve(turn int, m mark) bool {
	if turn = max(turn, 1); turn <= r.turn() {
		return false
	}
	r.Turn, r.Reserved = turn, &m
	return true
}

func (r *reservations) lift(turn int) bool {
	if turn <= r.Lifted {
		return false
	}
	r.Lifted = turn
	return true
}

// categoryEntry is the register's word on a category of the state.
type categoryEntry struct {
	reservations
}

func categoryKey(c comity.Category) string { return "category/" + strings.ToLower(string(c)) }

// turns are what the register counts of a case and a category just now.
func (l *Local) turns(ctx context.Context, record comity.ID, category comity.Category) (caseEntry, categoryEntry, error) {
	c, _, err := read[caseEntry](ctx, l, caseKey(record))
	if err != nil || !category.Formed() { // what is no category can be in no agreement either
		return c, categoryEntry{}, err
	}
	of, _, err := read[categoryEntry](ctx, l, categoryKey(category))
	return c, of, err
}

// shareable gives the turns of a case and its category, and refuses what is withdrawn
// or reserved.
func (l *Local) shareable(ctx context.Context, record comity.ID, category comity.Category) (caseEntry, categoryEntry, error) {
	c, of, err := l.turns(ctx, record, category)
	switch {
	case err != nil:
	case c.Withdrawn != nil:
		err = withdrawn(l.state)
	case c.inForce():
		err = reserved(l.state)
	case of.inForce():
		err = categoryReserved(l.state)
	}
	return c, of, err
}

// over reports whether a grant was signed before something that ended it for
// good, whatever the register is told yet.
func (g grantTerms) over(c caseEntry, of categoryEntry) bool {
	return c.Withdrawn != nil || g.Turns.Case < c.turn() || g.Turns.Category < of.turn()
}

// ended reports whether the register's word on case and category leaves a grant closed.
func (g grantTerms) ended(c caseEntry, of categoryEntry) bool {
	return c.Withdrawn != nil || c.closed(g.Turns.Case) || of.closed(g.Turns.Category)
}

// judgeReservation sets the turn of a reservation or lifting.
func (l *Local) judgeReservation(ctx context.Context, o SignOrder, s *statement.Statement) error {
	if o.ID != o.Record {
		return comity.Invalid("id", fmt.Sprintf("%s names its record twice", o.Kind.Indefinite()))
	}
	var category comity.Category
	switch o.Kind {
	case statement.KindReservation:
		if err := decode(s, &statement.ReserveBody{}); err != nil {
			return err
		}
	case statement.KindLifting:
		if err := decode(s, &statement.LiftBody{}); err != nil {
			return err
		}
	default:
		var b statement.CategoryBody
		if err := decode(s, &b); err != nil {
			return err
		}
		if category = b.Category; !category.Formed() {
			return comity.Invalid("category", "this is not the code of a category")
		}
	}
	var now reservations
	if category == "" {
		c, _, err := read[caseEntry](ctx, l, caseKey(o.Record))
		if err != nil {
			return err
		}
		if c.Withdrawn != nil {
			return withdrawn(l.state)
		}
		now = c.reservations
	} else {
		c, _, err := read[categoryEntry](ctx, l, categoryKey(category))
		if err != nil {
			return err
		}
		now = c.reservations
	}
	turn := now.turn()
	switch o.Kind {
	case statement.KindReservation, statement.KindCategoryReservation:
		turn = now.next()
	default:
		if turn == 0 { // one that was lifted is lifted once more, should its answer have been lost
			return comity.Conflict("there is no reservation to be lifted").CuredBy("there is nothing to do")
		}
	}
	s.Turns = &statement.Turns{Case: turn}
	if category != "" {
		s.Turns = &statement.Turns{Category: turn}
	}
	return nil
}

// enterReservation takes a reservation or lifting into the register.
func (l *Local) enterReservation(ctx context.Context, s statement.Statement, m mark) error {
	turns := statement.Turns{}
	if s.Turns != nil {
		turns = *s.Turns
	}
	switch s.Kind {
	case statement.KindReservation:
		return change(ctx, l, caseKey(s.Record), func(e *caseEntry) (bool, error) { return e.reserve(turns.Case, m), nil })
	case statement.KindLifting:
		return change(ctx, l, caseKey(s.Record), func(e *caseEntry) (bool, error) { return e.lift(turns.Case), nil })
	}
	var b statement.CategoryBody
	if err := s.Decode(&b); err != nil || !b.Category.Formed() {
		return comity.Invalid("statement", "it names no category").Because(err)
	}
	return change(ctx, l, categoryKey(b.Category), func(e *categoryEntry) (bool, error) {
		if s.Kind == statement.KindCategoryLifting {
			return e.lift(turns.Category), nil
		}
		return e.reserve(turns.Category, m), nil
	})
}

// overtaken reports whether a reservation that was just signed was lifted
// meanwhile by officers who lifted the one before it: it is signed anew then.
func (l *Local) overtaken(ctx context.Context, s statement.Statement) (bool, error) {
	switch s.Kind {
	case statement.KindReservation:
		c, _, err := read[caseEntry](ctx, l, caseKey(s.Record))
		return c.Lifted >= s.Turns.Case, err
	case statement.KindCategoryReservation:
		var b statement.CategoryBody
		if err := decode(&s, &b); err != nil {
			return false, err
		}
		c, _, err := read[categoryEntry](ctx, l, categoryKey(b.Category))
		return c.Lifted >= s.Turns.Category, err
	}
	return false, nil
}

func reserved(state comity.State) error {
	return comity.Denied(comity.ArticleDomesticReservation,
		fmt.Sprintf("%s has reserved the case as a domestic matter", state), "two officers of its authority lift the reservation")
}

func categoryReserved(state comity.State) error {
	return comity.Denied(comity.ArticleDomesticReservation,
		fmt.Sprintf("%s has reserved the case's category as a domestic matter", state), "two officers of its authority lift the reservation")
}

// EnteredCategory implements [Custodian].
func (l *Local) EnteredCategory(ctx context.Context, c comity.Category) (Entry, error) {
	if !c.Formed() {
		return Entry{}, comity.Invalid("category", "this is not the code of a category")
	}
	e, _, err := read[categoryEntry](ctx, l, categoryKey(c))
	return Entry{Ended: e.inForce(), Lifted: e.turn() > 0 && !e.inForce()}, err
}
