package cli

import (
	"io"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type versionFlag struct {
	Expected int `name:"expected-version" help:"The version that the officer has read; without it, the present one." placeholder:"N"`
}

// versionOf gives the version of a case to act on.
func (v versionFlag) versionOf(r *run, c *client.Client, id comity.ID) (int, error) {
	return expected(v.Expected, func() (int, error) {
		found, err := c.Case(r.ctx, id, "")
		if err != nil {
			return 0, err
		}
		return found.Version, nil
	})
}

type caseUpdateCmd struct {
	Case comity.ID `arg:"" help:"The case."`
	versionFlag
	caseFields
}

// Help shows an example.
func (caseUpdateCmd) Help() string {
	return `Only what is given changes. An empty text clears summary, narrative or reference.

Examples:
  comity case update case1_… --title "Ransom at two banks" --tlp AMBER_STRICT
  comity case update case1_… --summary ""`
}

func (u caseUpdateCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	found, err := c.Case(r.ctx, u.Case, "")
	if err != nil {
		return err
	}
	in := client.CaseChange{ID: u.Case, ExpectedVersion: u.Expected}
	if in.ExpectedVersion == 0 {
		in.ExpectedVersion = found.Version
	}
	if in.Nexus, err = u.nexus(); err != nil {
		return err
	}
	if found.Marking != nil {
		in.Marking = u.over(*found.Marking)
	}
	if u.Category != "" {
		in.Category = &u.Category
	}
	in.Title, in.Summary, in.Narrative, in.Reference = (*string)(u.Title), (*string)(u.Summary), (*string)(u.Narrative), (*string)(u.Reference)
	if u.Classification != "" {
		in.Classification = &u.Classification
	}
	changed, err := c.CaseUpdate(r.ctx, in)
	if err != nil {
		return err
	}
	return r.print(changed, func(w io.Writer) { showCase(w, changed) })
}

type caseAssignCmd struct {
	Case    comity.ID         `arg:"" help:"The case."`
	Officer comity.OfficerRef `help:"An officer of the own state, as in KZ:in-4k2p." xor:"to" placeholder:"REF"`
	Office  office            `help:"An office of the own state: each of its officers." xor:"to" placeholder:"ROLE"`
	Remove  bool              `help:"No longer."`
}

// Help shows examples.
func (caseAssignCmd) Help() string {
	return `Examples:
  comity case assign case1_… --officer KZ:in-4k2p
  comity case assign case1_… --office LIAISON --remove`
}

func (a caseAssignCmd) Run(r *run) error {
	if (a.Officer == "") == (a.Office == "") {
		return usagef("say to whom: --officer REF or --office ROLE")
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	changed, err := c.CaseAssign(r.ctx, client.Assignment{ID: a.Case, Officer: a.Officer, Office: comity.Role(a.Office), Remove: a.Remove})
	if err != nil {
		return err
	}
	return r.print(changed, func(w io.Writer) { showCase(w, changed) })
}

type caseCloseCmd struct {
	Case comity.ID `arg:"" help:"The case."`
	versionFlag
}

// Help shows an example.
func (caseCloseCmd) Help() string {
	return `A closed case is read on, and can be reopened.

Example:
  comity case close case1_…`
}

func (s caseCloseCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	version, err := s.versionOf(r, c, s.Case)
	if err != nil {
		return err
	}
	changed, err := c.CaseClose(r.ctx, s.Case, version)
	if err != nil {
		return err
	}
	return r.print(changed, func(w io.Writer) { showCase(w, changed) })
}

type caseReopenCmd struct {
	Case comity.ID `arg:"" help:"The case."`
	versionFlag
}

// Help shows an example.
func (caseReopenCmd) Help() string {
	return `Example:
  comity case reopen case1_…`
}

func (s caseReopenCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	version, err := s.versionOf(r, c, s.Case)
	if err != nil {
		return err
	}
	changed, err := c.CaseReopen(r.ctx, s.Case, version)
	if err != nil {
		return err
	}
	return r.print(changed, func(w io.Writer) { showCase(w, changed) })
}

type caseReserveCmd struct {
	Case   comity.ID `arg:"" help:"The case."`
	Reason text      `required:"" help:"Why; kept within the state." placeholder:"TEXT"`
	versionFlag
}

// Help says what a reservation does.
func (caseReserveCmd) Help() string {
	return `The case becomes invisible outside the state and ungrantable, and its running grants end for good.

Example:
  comity case reserve case1_… --reason "a domestic matter"`
}

func (s caseReserveCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	version, err := s.versionOf(r, c, s.Case)
	if err != nil {
		return err
	}
	changed, ended, err := c.CaseReserve(r.ctx, s.Case, version, string(s.Reason))
	if err != nil {
		return err
	}
	return r.print(struct {
		*client.Case
		Ended []comity.ID `json:"endedGrants"`
	}{changed, nonNil(ended)}, func(w io.Writer) {
		showCase(w, changed)
		for _, g := range ended {
			field(w, "ended grant", g)
		}
	})
}
