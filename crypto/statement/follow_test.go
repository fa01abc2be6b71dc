package statement_test

import (
	"strings"
	"testing"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
)

// TestFollows: how a state leaves an agreement, and comes back to it.
func TestFollows(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	base := statement.Agreement{ID: "one", Title: "One", Parties: []comity.State{"KZ", "AM"}, Categories: []comity.Category{"RANSOMWARE"},
		InForce: day(-900), Ratified: day(-400), NoticeDays: 30}
	with := func(change func(*statement.Agreement)) *statement.Agreement {
		a := base
		change(&a)
		return &a
	}
	same := with(func(*statement.Agreement) {})
	denounced := func(ratified, at int) *statement.Agreement {
		return with(func(a *statement.Agreement) { a.Ratified, a.Denounced = day(ratified), day(at) })
	}
	ended := with(func(a *statement.Agreement) { a.Until = day(-1) })
	for what, c := range map[string]struct {
		was, is *statement.Agreement
		fault   string // part of it, "" for none
	}{
		"the same":                             {same, same, ""},
		"one more":                             {nil, same, ""},
		"left out":                             {same, nil, "left out"},
		"left out when denounced":              {denounced(-400, -50), nil, "left out"},
		"left out once it ended for everybody": {ended, nil, ""},
		"rewritten":                            {same, with(func(a *statement.Agreement) { a.Title = "Other" }), "another text"},
		"cut short":                            {same, with(func(a *statement.Agreement) { a.Until = day(1) }), "another text"},
		"denounced from now on":                {same, denounced(-400, 0), ""},
		"denounced from tomorrow on":           {same, denounced(-400, 1), ""},
		"denounced a month ago":                {same, denounced(-400, -31), "more than a day ago"},
		"taken back during the notice":         {denounced(-400, -29), same, ""},
		"postponed during the notice":          {denounced(-400, -29), denounced(-400, 0), ""},
		"brought forward":                      {denounced(-400, -2), denounced(-400, -29), "earlier than before"},
		"taken back after the notice":          {denounced(-400, -30), same, "took effect"},
		"postponed after the notice":           {denounced(-400, -30), denounced(-400, 1), "took effect"},
		"ratified anew":                        {denounced(-400, -40), with(func(a *statement.Agreement) { a.Ratified = day(-10) }), ""},
		"ratified anew, and from tomorrow on":  {denounced(-400, -40), with(func(a *statement.Agreement) { a.Ratified = day(1) }), ""},
		"ratified anew before it had ended":    {denounced(-400, -40), with(func(a *statement.Agreement) { a.Ratified = day(-11) }), "took effect"},
		"ratified anew during the notice":      {denounced(-400, -29), with(func(a *statement.Agreement) { a.Ratified = day(1) }), "another than before"},
		"ratified at another time":             {same, with(func(a *statement.Agreement) { a.Ratified = day(-399) }), "another than before"},
		"ratified anew and denounced long ago": {denounced(-400, -40), denounced(-10, -9), "more than a day ago"},
		"ratified anew and denounced at once":  {denounced(-400, -40), denounced(-10, 0), ""},
	} {
		var was, is statement.Manifest
		if c.was != nil {
			was.Agreements = []statement.Agreement{*c.was}
		}
		if c.is != nil {
			is.Agreements = []statement.Agreement{*c.is}
		}
		faults := is.Follows(was, now)
		if c.fault == "" && len(faults) > 0 {
			t.Errorf("%s: %v", what, faults)
		}
		if c.fault != "" && (len(faults) == 0 || !strings.Contains(faults[0].Error()+faults[len(faults)-1].Error(), c.fault)) {
			t.Errorf("%s: %v, wanted %q", what, faults, c.fault)
		}
	}
}
