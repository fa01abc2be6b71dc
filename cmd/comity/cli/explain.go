package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type explainCmd struct {
	Act    string    `arg:"" help:"The act as the API names it, as in caseRead or grantMake."`
	Record comity.ID `arg:"" optional:"" help:"That it is upon; none for an act upon none, such as caseFile."`

	Purpose  comity.Purpose     `help:"Declared with a read, or that of a grant." placeholder:"PURPOSE"`
	Category comity.Category    `help:"Of the case that is filed, or of the request that is put." placeholder:"CODE"`
	State    comity.State       `help:"The state that is asked, or granted to." placeholder:"CODE"`
	Kind     comity.RequestKind `help:"Of the request that is put." placeholder:"KIND"`
}

// Help says what is told.
func (explainCmd) Help() string {
	return `The Article and what it says, the legal basis, what would cure a denial and who can do that; of what is hidden no
more than of what does not exist (Article 12). Nothing is done. What the act would say beyond these flags is taken as
the Articles want it; comity grant try weighs all terms of a grant. A denial ends with exit code 4.

Examples:
  comity explain caseRead case1_… --purpose INVESTIGATION
  comity explain grantMake case1_… --state AM --purpose INVESTIGATION
  comity explain caseFile --category RANSOMWARE`
}

func (e explainCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	x, err := c.Explain(r.ctx, client.Why{Action: e.Act, Record: e.Record, Purpose: e.Purpose, Category: e.Category, State: e.State, Kind: e.Kind})
	if err != nil {
		return err
	}
	err = r.print(x, func(w io.Writer) {
		field(w, "act", x.Action)
		field(w, "record", x.Record)
		row(w, "permitted", x.Permit)
		showReason(w, x.Reason)
		showBasis(w, x.Basis)
		for _, d := range x.Further {
			fmt.Fprintln(w)
			row(w, "denied also", "")
			showReason(w, d)
		}
	})
	if err == nil && !x.Permit {
		err = comity.Denied(x.Article, x.Reason.Reason, x.Cure)
	}
	return err
}

func showReason(w io.Writer, d client.Reason) {
	field(w, "article", d.Article)
	field(w, "says", d.Text)
	field(w, "why", d.Reason)
	field(w, "cure", d.Cure)
	field(w, "by", strings.Join(d.Who, ", or "))
}

func showBasis(w io.Writer, b *client.Basis) {
	if b == nil {
		return
	}
	field(w, "agreement", strings.TrimSpace(b.Agreement+" "+b.Title))
	field(w, "its text", b.Hash)
	field(w, "under grant", b.Grant)
}

type grantTryCmd struct {
	grantFlags
	Emergency text `help:"What the danger to life is, as in comity grant make." placeholder:"TEXT"`
}

// Help says what is weighed.
func (grantTryCmd) Help() string {
	return `Nothing is made, signed or told abroad. All that is in the way is told at once, with what would cure it and who can
do that. What cannot be made or proposed so ends with exit code 4.

Examples:
  comity grant try case1_… --to AM --purpose INVESTIGATION --until 7d
  comity grant try case1_… --to AM --purpose DANGER_TO_LIFE --until 14d --emergency "a hospital is without power"`
}

func (g grantTryCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	in, err := g.terms(r, c, string(g.Emergency), true)
	if err != nil {
		return err
	}
	t, err := c.GrantTry(r.ctx, in)
	if err != nil {
		return err
	}
	if err := r.print(t, func(w io.Writer) { showTrial(w, t) }); err != nil {
		return err
	}
	switch {
	case len(t.Denials) > 0:
		return comity.Denied(t.Denials[0].Article, t.Denials[0].Reason, t.Denials[0].Cure)
	case len(t.Faults) > 0:
		return comity.Invalid(t.Faults[0].Field, t.Faults[0].Message)
	}
	return nil
}

func showTrial(w io.Writer, t *client.GrantTrial) {
	how := "not so"
	switch {
	case len(t.Faults) > 0 || len(t.Denials) > 0:
	case t.Alone:
		how = "by this officer alone: comity grant make"
	case t.Proposed:
		how = "by two liaisons: comity grant propose"
	}
	field(w, "can be made", how)
	field(w, "to", strings.TrimSpace(listed(t.Agencies)+" "+string(t.Officer)))
	for _, at := range []struct {
		name string
		time time.Time
	}{{"from", t.From}, {"until", t.Until}, {"lapses unless confirmed", t.LapsesAt}} {
		field(w, at.name, at.time)
	}
	showBasis(w, t.Basis)
	field(w, "mandate", t.Mandate)
	field(w, "acting for", t.ActingFor)
	field(w, "opens", t.Level)
	for _, n := range []struct {
		name string
		client.TrialCount
	}{{"entries", t.Entries}, {"subjects", t.Subjects}, {"observables", t.Observables}, {"exhibits", t.Evidence}} {
		if n.Open+n.Closed > 0 {
			field(w, n.name, fmt.Sprintf("%d open, %d closed", n.Open, n.Closed))
		}
	}
	for _, e := range t.Exhibits {
		field(w, "exhibit", fmt.Sprintf("%s %s %s", e.ID, e.MediaType, size(e.Size)))
	}
	for _, s := range t.Named {
		field(w, "named", fmt.Sprintf("%s %s %s", s.ID, s.Role, yes(s.Minor, "minor")))
	}
	for _, d := range t.Withheld {
		field(w, "withheld", fmt.Sprintf("%s: %s", d.Field, d.Article))
	}
	for _, d := range t.Denials {
		fmt.Fprintln(w)
		row(w, "denied", "")
		showReason(w, d)
	}
	for _, f := range t.Faults {
		fmt.Fprintln(w)
		field(w, "wrong "+f.Field, f.Message)
		field(w, "cure", f.Cure)
	}
}
