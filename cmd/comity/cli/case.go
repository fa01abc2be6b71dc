package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
	"github.com/comity-platform/comity/client/importer"
)

type caseCmd struct {
	File     caseFileCmd     `cmd:"" help:"File a case, by hand or from a STIX 2.1 bundle or MISP event."`
	List     caseListCmd     `cmd:"" help:"List the cases that are open to the officer."`
	Show     caseShowCmd     `cmd:"" help:"Show a case with its records."`
	Export   caseExportCmd   `cmd:"" help:"Export what may be read of a case, for a declared use (Article 9)."`
	Update   caseUpdateCmd   `cmd:"" help:"Change a case."`
	Assign   caseAssignCmd   `cmd:"" help:"Let an officer or an office of the own state work on a case, or no longer."`
	Close    caseCloseCmd    `cmd:"" help:"Close a case."`
	Reopen   caseReopenCmd   `cmd:"" help:"Open a closed case again."`
	Reserve  caseReserveCmd  `cmd:"" help:"Withdraw a case from sharing as a domestic matter (Article 4)."`
	Lift     caseLiftCmd     `cmd:"" help:"Propose to lift a case's reservation (Article 4)."`
	Withdraw caseWithdrawCmd `cmd:"" help:"Propose to withdraw a case, which destroys its key (Article 11)."`

	CancelWithdrawal caseCancelWithdrawalCmd `cmd:"" help:"Cancel a withdrawal before its time."`
	Withdrawals      caseWithdrawalsCmd      `cmd:"" help:"List the withdrawals of own cases."`

	Assess        caseAssessCmd    `cmd:"" help:"Record how a case's predominant character is judged (Article 5)."`
	AddEntry      addEntryCmd      `cmd:"" help:"Add a line to a case's log."`
	AddSubject    addSubjectCmd    `cmd:"" help:"Add a person, organisation or account."`
	AddObservable addObservableCmd `cmd:"" help:"Add a cyber-observable."`
}

// Help shows examples.
func (caseCmd) Help() string {
	return `Examples:
  comity case list
  comity case file --category RANSOMWARE --title "Ransom at the bank" --nexus TERRITORY:KZ --nexus EFFECTS:AM
  comity case show case1_…`
}

// caseFields are a case's words and labels.
type caseFields struct {
	Category  comity.Category `help:"Kind of crime, as in RANSOMWARE; comity category list shows all." placeholder:"CODE"`
	Title     *text           `help:"Title." placeholder:"TEXT"`
	Summary   *text           `help:"Summary; shown abroad under a grant of scope SUMMARY." placeholder:"TEXT"`
	Narrative *text           `help:"Narrative." placeholder:"TEXT"`
	Reference *text           `help:"The own file number; never shown abroad." placeholder:"TEXT"`
	Nexus     []string        `help:"A link to a state: BASIS:STATE with TERRITORY, NATIONALS or EFFECTS. Repeatable." placeholder:"LINK"`
	markingFlags
	classifiedFlag
}

func (f caseFields) nexus() ([]comity.Nexus, error) {
	var out []comity.Nexus
	for _, s := range f.Nexus {
		basis, state, ok := strings.Cut(s, ":")
		n := comity.Nexus{Basis: comity.NexusBasis(strings.ToUpper(basis)), State: comity.State(strings.ToUpper(state))}
		if !ok || !n.Basis.Valid() || !n.State.Valid() {
			return nil, usagef("--nexus %q: write BASIS:STATE, as in TERRITORY:KZ or EFFECTS:AM", s)
		}
		out = append(out, n)
	}
	return out, nil
}

type caseFileCmd struct {
	caseFields
	From    string `help:"Take the case from a STIX 2.1 bundle or a MISP event; - reads standard input." placeholder:"FILE"`
	Partial bool   `help:"Import the rest of a document with broken objects."`
}

// Help shows how to file.
func (caseFileCmd) Help() string {
	return `Without --nexus the case claims the own territory. A case that is to be shared names a link abroad too
(Article 6).

Examples:
  comity case file --category RANSOMWARE --title "Ransom at the bank" --nexus TERRITORY:KZ --nexus EFFECTS:AM
  comity case file --category RANSOMWARE --from event.json --nexus TERRITORY:KZ --nexus EFFECTS:AM
  comity case file --category MALWARE --from bundle.json --partial --narrative @report.txt`
}

func (f caseFileCmd) Run(r *run) error {
	if f.Category == "" {
		return usagef("--category is needed; comity category list shows the kinds of crime")
	}
	nexus, err := f.nexus()
	if err != nil {
		return err
	}
	c, err := r.client()
	if err != nil {
		return err
	}
	if nexus == nil {
		who, err := c.Viewer(r.ctx)
		if err != nil {
			return err
		}
		nexus = []comity.Nexus{{Basis: comity.NexusTerritory, State: who.State}}
	}
	if f.From != "" {
		return f.draft(r, c, nexus)
	}
	if f.Partial {
		return usagef("--partial goes with --from")
	}
	filed, err := c.CaseFile(r.ctx, client.NewCase{Category: f.Category, Marking: f.over(comity.DefaultMarking), Nexus: nexus,
		Title: f.Title.given(), Summary: f.Summary.given(), Narrative: f.Narrative.given(), Reference: f.Reference.given(), Classification: f.Classification})
	if err != nil {
		return err
	}
	return r.print(filed, func(w io.Writer) { showCase(w, filed) })
}

// problem is an object of a document that was left out, for programs.
type problem struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type,omitempty"`
	Pointer string `json:"pointer"`
	Reason  string `json:"reason"`
}

func problems(all []importer.Problem) []problem {
	out := []problem{}
	for _, p := range all {
		out = append(out, problem{p.ID, p.Type, p.Pointer, p.Reason})
	}
	return out
}

func (f caseFileCmd) draft(r *run, c *client.Client, nexus []comity.Nexus) error {
	if f.Narrative != nil {
		return usagef("--narrative: a case that is filed from a document has the document's provenance there; change it afterwards")
	}
	in := r.stdin
	if f.From != "-" {
		file, err := os.Open(f.From)
		if err != nil {
			return comity.Invalid("from", err.Error())
		}
		defer file.Close()
		in = file
	}
	draft, err := importer.Read(in, importer.Options{Partial: f.Partial})
	if err != nil {
		return err
	}
	d := client.DraftCase{Category: f.Category, Nexus: nexus, Title: f.Title.given(), Summary: f.Summary.given(), Reference: f.Reference.given(), Classification: f.Classification}
	if m := f.over(comity.DefaultMarking); m != nil {
		d.Marking = *m
	}
	filed, err := c.FileDraft(r.ctx, draft, d)
	if err != nil {
		return err
	}
	return r.print(struct {
		Case        *client.Case `json:"case"`
		Format      string       `json:"format"`
		SourceID    string       `json:"sourceId"`
		Observables int          `json:"observables"`
		Subjects    int          `json:"subjects"`
		Entries     int          `json:"entries"`
		Skipped     []problem    `json:"skipped"`
		Broken      []problem    `json:"broken"`
	}{filed.Case, draft.Format, draft.SourceID, filed.Observables, filed.Subjects, filed.Entries, problems(filed.Skipped), problems(filed.Broken)},
		func(w io.Writer) {
			showCase(w, filed.Case)
			fmt.Fprintf(w, "\nFrom the %s document %s: %d observables, %d subjects, %d entries.\n", draft.Format, clean(draft.SourceID),
				filed.Observables, filed.Subjects, filed.Entries)
			leftOut(w, "skipped, since a case has no place for it", filed.Skipped)
			leftOut(w, "broken, and not imported", filed.Broken)
		})
}

// leftOut lists what was left out, the first of it.
func leftOut(w io.Writer, what string, all []importer.Problem) {
	const shown = 20
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "%d %s:\n", len(all), what)
	for i, p := range all {
		if i == shown {
			fmt.Fprintf(w, "  and %d more (--json lists all)\n", len(all)-shown)
			break
		}
		fmt.Fprintf(w, "  %s\n", clean(p.String()))
	}
}

func showCase(w io.Writer, c *client.Case) {
	field(w, "case", c.ID)
	field(w, "title", c.Title)
	field(w, "state", c.State)
	field(w, "agency", c.Agency)
	field(w, "owner", c.Owner)
	field(w, "category", c.Category)
	field(w, "status", c.Status)
	field(w, "marking", c.Marking)
	field(w, "classified", c.Classification)
	var links []string
	for _, n := range c.Nexus {
		links = append(links, fmt.Sprintf("%s:%s", n.Basis, n.State))
	}
	field(w, "nexus", strings.Join(links, " "))
	field(w, "reference", c.Reference)
	if c.Reserved {
		field(w, "reserved", "yes: a domestic matter, not shared (Article 4)")
	}
	showAssessments(w, c.Assessments)
	field(w, "assigned", strings.Join(c.Assignees, " "))
	if c.Version > 0 {
		field(w, "version", c.Version)
	}
	field(w, "filed", c.CreatedAt)
	field(w, "changed", c.UpdatedAt)
	field(w, "access", c.Access.Level)
	if g := c.Access.Grant; g != nil {
		field(w, "under grant", fmt.Sprintf("%s %s %s", g.ID, g.Purpose, g.Check))
		if g.Caveats != nil {
			field(w, "caveats", strings.TrimSpace(marked(g.Caveats.Marking)+" "+g.Caveats.Text))
		}
	}
	for _, o := range c.Access.Obligations {
		field(w, "bound", fmt.Sprintf("%s (Article %d)", o.Text, o.Article))
	}
	for _, d := range c.Access.Redactions {
		field(w, "withheld", fmt.Sprintf("%s (Article %d, %s): %s; %s", d.Field, d.Article, d.ArticleName, d.Reason, d.Cure))
	}
}

type caseListCmd struct {
	State    comity.State      `help:"Only of this state." placeholder:"CODE"`
	Agency   comity.AgencyID   `help:"Only of this agency, as in KZ/cyber." placeholder:"ID"`
	Category comity.Category   `help:"Only of this category; comity category list shows all." placeholder:"CODE"`
	Status   comity.CaseStatus `help:"Only in this status." placeholder:"STATUS"`
	Own      bool              `help:"Only the own state's." xor:"whose"`
	Granted  bool              `help:"Only those that other states granted." xor:"whose"`
	Purpose  comity.Purpose    `help:"For what other states' cases are read (Article 9)." placeholder:"PURPOSE"`
	pageFlags
}

// Help shows examples.
func (caseListCmd) Help() string {
	return `Examples:
  comity case list
  comity case list --granted --purpose INVESTIGATION`
}

func (l caseListCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	f := client.CaseFilter{State: l.State, Agency: l.Agency, Category: l.Category, Status: l.Status, Own: l.Own, Granted: l.Granted}
	cases, total, cut, err := list(l.pageFlags, func(first int, after string) (client.Page[client.Case], error) {
		return c.Cases(r.ctx, f, l.Purpose, first, after)
	})
	if err != nil {
		return err
	}
	defer r.more(cut, len(cases), total)
	return r.print(nonNil(cases), func(w io.Writer) {
		row(w, "CASE", "STATE", "STATUS", "CATEGORY", "MARKING", "ACCESS", "CHANGED", "TITLE")
		for _, c := range cases {
			status := string(c.Status)
			if c.Reserved {
				status += " reserved"
			}
			row(w, c.ID, c.State, status, c.Category, c.Marking, c.Access.Level, c.UpdatedAt, short(c.Title, 60))
		}
	})
}

func nameOf(s client.Subject) string {
	if len(s.Names) == 0 {
		return s.Identifier
	}
	n := s.Names[0]
	if n.Latin != "" && n.Latin != n.Name {
		return n.Name + " (" + n.Latin + ")"
	}
	return n.Name
}
