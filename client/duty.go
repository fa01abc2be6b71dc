package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// Shift is a stretch of time in which a liaison of the own state is on duty.
type Shift struct {
	ID          comity.ID         `json:"id"`
	Officer     comity.OfficerRef `json:"officer"`
	Function    string            `json:"function"`
	From        time.Time         `json:"from"`
	Until       time.Time         `json:"until"`
	Contact     string            `json:"contact,omitempty"` // "": the standing contact of the state's manifest
	Running     bool              `json:"running"`
	SetBy       comity.OfficerRef `json:"setBy"`
	CreatedAt   time.Time         `json:"createdAt"`
	WithdrawnBy comity.OfficerRef `json:"withdrawnBy,omitempty"`
	WithdrawnAt time.Time         `json:"withdrawnAt,omitzero"`
	Statement   string            `json:"statement,omitempty"` // "" while the state's keys cannot be reached
	Check       Check             `json:"check"`
}

// DutyContact is how a state's contact point is reached now. The shift and what
// belongs to it are empty where the standing contact answers.
type DutyContact struct {
	State        comity.State      `json:"state"`
	ContactPoint comity.AgencyID   `json:"contactPoint"`
	Contact      string            `json:"contact,omitempty"` // the line to call
	Shift        comity.ID         `json:"shift,omitempty"`
	Officer      comity.OfficerRef `json:"officer,omitempty"` // on duty
	// Function of that officer, on the server's word: a shift is signed for the officer.
	Function  string    `json:"function,omitempty"`
	Until     time.Time `json:"until,omitzero"`
	Statement string    `json:"statement,omitempty"`
	// Check is whether the state itself signed the line, and who is on duty: for the
	// shift that covers now, or the line as the standing one of its manifest, at which
	// then nobody is named.
	Check Check `json:"check"`
}

// Escalation is how far an urgent request has gone up in the asked state.
type Escalation struct {
	Level    comity.EscalationLevel `json:"level"`
	Since    time.Time              `json:"since"`
	Next     time.Time              `json:"next,omitzero"` // when it goes up further
	Role     comity.Role            `json:"role"`          // whose turn it is
	Officer  comity.OfficerRef      `json:"officer,omitempty"`
	Function string                 `json:"function,omitempty"`
	Deputies []comity.OfficerRef    `json:"deputies,omitempty"`
}

// NewShift is a shift to set, in whole seconds.
type NewShift struct {
	Officer comity.OfficerRef // a liaison of the own state
	From    time.Time
	Until   time.Time
	Contact string // "": the standing contact of the state's manifest
}

type shiftPayload struct {
	payload
	Shift *Shift `json:"shift"`
}

// DutySet puts a liaison of the own state on duty, by a signed act of its
// authority (Article 8). The state's statement is verified on receipt.
func (c *Client) DutySet(ctx context.Context, in NewShift) (*Shift, error) {
	if _, err := c.Directory(ctx); err != nil {
		return nil, err
	}
	from, until := in.From.UTC().Truncate(time.Second), in.Until.UTC().Truncate(time.Second)
	body := statement.DutyBody{ID: comity.NewID(comity.KindShift), Officer: in.Officer, From: from.Unix(), Until: until.Unix(), Contact: in.Contact}
	p, err := mutate[shiftPayload](ctx, c, "DutySet", func() (any, error) {
		act, err := c.act(statement.Act{Act: statement.ActDutySet, Record: body.ID}, body)
		return struct {
			ID      comity.ID         `json:"id"`
			Officer comity.OfficerRef `json:"officer"`
			From    time.Time         `json:"from"`
			Until   time.Time         `json:"until"`
			Contact string            `json:"contact,omitempty"`
			Act     string            `json:"act"`
		}{body.ID, body.Officer, from, until, body.Contact, act}, err
	})
	if err == nil && p.Shift == nil {
		err = errEmpty
	}
	if err != nil {
		return nil, err
	}
	if err := c.checkOwn(ctx, p.Shift.Statement, statement.KindShift, body.ID, body.ID, body); err != nil {
		return nil, err
	}
	p.Shift.Check = Check{errNone}
	return p.Shift, nil
}

// DutyWithdraw takes a shift off the own state's roster at once.
func (c *Client) DutyWithdraw(ctx context.Context, shift comity.ID) (*Shift, error) {
	if err := id("shift", shift, comity.KindShift); err != nil {
		return nil, err
	}
	p, err := mutate[shiftPayload](ctx, c, "DutyWithdraw", always(struct {
		Shift comity.ID `json:"shift"`
	}{shift}))
	if err == nil && p.Shift == nil {
		err = errEmpty
	}
	if err != nil {
		return nil, err
	}
	return p.Shift, c.checkShift(ctx, p.Shift)
}

// Roster lists the own state's shifts by when they end: those that stand and are
// not over, or with all every one.
func (c *Client) Roster(ctx context.Context, all bool, first int, after string) (Page[Shift], error) {
	var data struct {
		Viewer struct {
			Roster Page[Shift] `json:"roster"`
		} `json:"viewer"`
	}
	err := c.query(ctx, "Roster", variables(map[string]any{"all": all, "first": first, "after": after}), &data)
	for i := range data.Viewer.Roster.Nodes {
		if err == nil {
			err = c.checkShift(ctx, &data.Viewer.Roster.Nodes[i])
		}
	}
	return data.Viewer.Roster, err
}

// DutyContact tells who is on duty at a state now, and where to call.
func (c *Client) DutyContact(ctx context.Context, s comity.State) (*DutyContact, error) {
	var data struct {
		Viewer struct {
			DutyContact *DutyContact `json:"dutyContact"`
		} `json:"viewer"`
	}
	if err := c.query(ctx, "DutyContact", map[string]any{"state": s}, &data); err != nil {
		return nil, err
	}
	d := data.Viewer.DutyContact
	if d == nil {
		return nil, errEmpty
	}
	c.checkDuty(ctx, s, d)
	return d, nil
}

// checkShift verifies the statement behind a shift of the own state.
func (c *Client) checkShift(ctx context.Context, s *Shift) error {
	if s.Statement == "" {
		return nil
	}
	own, err := c.state(ctx)
	if err != nil {
		return err
	}
	b, err := c.shiftOf(ctx, s.Statement, own, s.ID)
	if err == nil && (b.Officer != s.Officer || b.From != s.From.Unix() || b.Until != s.Until.Unix() || b.Contact != s.Contact) {
		err = errors.New("the shift is shown otherwise than the state signed")
	}
	if err == nil {
		err = errNone
	}
	s.Check = Check{err}
	return nil
}

func (c *Client) shiftOf(ctx context.Context, jws string, of comity.State, shift comity.ID) (b statement.DutyBody, err error) {
	s, err := c.statementOf(ctx, jws, []statement.Kind{statement.KindShift}, of, shift, shift)
	if err == nil {
		err = s.Decode(&b)
	}
	return b, err
}

// checkDuty verifies that the line to call is what the state said: nobody who
// runs the exchange answers in its place.
func (c *Client) checkDuty(ctx context.Context, of comity.State, d *DutyContact) {
	err := c.dutyFault(ctx, of, d)
	if err == nil {
		err = errNone
	}
	d.Check = Check{err}
}

func (c *Client) dutyFault(ctx context.Context, of comity.State, d *DutyContact) error {
	if d.State != of {
		return fmt.Errorf("it is of %s", d.State)
	}
	line := ""
	if d.Statement == "" && (d.Shift != "" || d.Officer != "" || d.Function != "" || !d.Until.IsZero()) {
		return errors.New("who is on duty is shown without the state's statement")
	}
	if d.Statement != "" {
		b, err := c.shiftOf(ctx, d.Statement, of, d.Shift)
		if err != nil {
			return err
		}
		now := c.now()
		switch {
		case b.Officer != d.Officer || b.Until != d.Until.Unix():
			return errors.New("the shift is shown otherwise than the state signed")
		case now.Before(time.Unix(b.From, 0).Add(-statement.Freshness)) || now.After(time.Unix(b.Until, 0).Add(statement.Freshness)):
			return errors.New("the shift does not cover now")
		}
		line = b.Contact
	}
	if line != "" && line == d.Contact {
		return nil
	}
	return c.verify(ctx, func(dir *statement.Directory) error {
		m, err := dir.State(of)
		if err == nil && (line != "" || d.Contact != m.Contact || d.ContactPoint != m.ContactPoint) {
			err = errors.New("the line is not the one that the state signed")
		}
		return err
	})
}
