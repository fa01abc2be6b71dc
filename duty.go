package comity

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Shift is a stretch of time in which one liaison is on duty at a state's
// contact point (Article 8). Shifts of one state never overlap; where none
// covers an instant, the standing contact of the state's manifest answers.
type Shift struct {
	ID        ID
	State     State
	Officer   OfficerRef // the liaison on duty
	Function  string     // of that liaison, as known abroad
	From      time.Time  // included
	Until     time.Time  // excluded
	SetBy     OfficerRef // of the state's authority
	CreatedAt time.Time

	WithdrawnBy OfficerRef
	WithdrawnAt time.Time // zero while it stands
}

// Covers reports whether the shift stands and the instant t lies in it.
func (s Shift) Covers(t time.Time) bool {
	return s.WithdrawnAt.IsZero() && !t.Before(s.From) && t.Before(s.Until)
}

// MaxShift is how long a shift lasts at most.
const MaxShift = 31 * 24 * time.Hour

// MaxContact is how long a contact line is at most, in bytes of UTF-8.
const MaxContact = 200

// CheckContact takes a contact line: one line that shows as it is, "" for none.
// The error is INVALID.
func CheckContact(s string) error {
	odd := func(r rune) bool { return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) }
	switch {
	case len(s) > MaxContact:
		return Invalid("contact", fmt.Sprintf("a contact line is of at most %d bytes", MaxContact))
	case !utf8.ValidString(s) || strings.ContainsFunc(s, odd):
		return Invalid("contact", "a contact line is one line of text that shows as it is")
	case strings.TrimSpace(s) != s:
		return Invalid("contact", "a contact line neither begins nor ends with a space")
	}
	return nil
}

// ShiftText is what is sealed of a shift at rest.
type ShiftText struct {
	// Contact is where the officer on duty is reached: a telephone, e-mail or
	// radio line in the state's own words; "" for the standing one.
	Contact string `json:"contact,omitempty"`
	// Statement is the shift as the state signed it, JWS.
	Statement string `json:"statement"`
}

// EscalationLevel is who has to act on an urgent request that nobody acknowledged.
type EscalationLevel string

// The levels of escalation.
const (
	EscalatedToDuty      EscalationLevel = "ON_DUTY"   // the officer on duty, from a quarter of the clock on
	EscalatedToAuthority EscalationLevel = "AUTHORITY" // the state's authority, from half of it on
)

// Escalation is how far an urgent request has gone up in the asked state. It
// follows from the request's clock and the time; nothing keeps it.
type Escalation struct {
	Level EscalationLevel
	Since time.Time
	Next  time.Time // when it goes up further; zero: no further
}

// Escalation tells how far the request has gone up at the instant t, nil while
// it has not. Only an urgent one goes up, and only until it is acknowledged.
func (r Request) Escalation(t time.Time) *Escalation {
	if r.Urgency != UrgencyUrgent || r.Status != RequestSent && r.Status != RequestReceived {
		return nil
	}
	clock := r.DueAt.Sub(r.CreatedAt)
	duty, authority := r.CreatedAt.Add(clock/4), r.CreatedAt.Add(clock/2)
	switch {
	case t.Before(duty):
		return nil
	case t.Before(authority):
		return &Escalation{Level: EscalatedToDuty, Since: duty, Next: authority}
	}
	return &Escalation{Level: EscalatedToAuthority, Since: authority}
}
