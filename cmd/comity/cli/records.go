package cli

import (
	"io"
	"strings"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/client"
)

type addEntryCmd struct {
	Case     comity.ID `arg:"" help:"The case."`
	Text     text      `required:"" help:"What happened." placeholder:"TEXT"`
	Happened string    `help:"When, as far as known: 2026, 2026-11, 2026-11-22 or an RFC 3339 time." placeholder:"DATE"`
	markingFlags
	classifiedFlag
}

// Help shows an example.
func (addEntryCmd) Help() string {
	return `Example:
  comity case add-entry case1_… --text "The bank reports a second transfer" --happened 2026-11-22`
}

func (a addEntryCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	added, err := c.EntryAdd(r.ctx, a.Case, client.NewEntry{Marking: a.over(comity.DefaultMarking), Happened: a.Happened, Text: string(a.Text),
		Classification: a.Classification})
	if err != nil {
		return err
	}
	return r.print(added, func(w io.Writer) {
		for _, e := range added {
			row(w, e.ID, e.CreatedAt, e.Marking, short(e.Text, 100))
		}
	})
}

type addSubjectCmd struct {
	Case        comity.ID          `arg:"" help:"The case."`
	Kind        comity.SubjectKind `required:"" help:"What it is." placeholder:"KIND"`
	Role        comity.SubjectRole `required:"" help:"Its part in the case; a confidential source is never a subject." placeholder:"ROLE"`
	Name        []string           `help:"A name; with /Script and its transliteration as NAME/Script/Latin. Repeatable, the first is the main one." placeholder:"NAME" sep:"none"`
	Minor       bool               `help:"Under 18."`
	Birth       string             `help:"Date of birth, as far as known." placeholder:"DATE"`
	Nationality comity.State       `help:"ISO 3166-1 code." placeholder:"CODE"`
	Identifier  string             `help:"A register's number or an account's name." placeholder:"TEXT"`
	Assessment  bool               `help:"An assessment, not a fact."`
	Source      comity.SourceGrade `help:"Source grade, from A, reliable, to X, not to be assessed." placeholder:"GRADE"`
	Information information        `help:"Information grade, from 1, known to be true, to 4, not corroborated." placeholder:"GRADE"`
	Note        text               `help:"A note." placeholder:"TEXT"`
	markingFlags
	classifiedFlag
}

// Help shows an example.
func (addSubjectCmd) Help() string {
	return `Example:
  comity case add-subject case1_… --kind PERSON --role SUSPECT --name "Иван Петров/Cyrl/Ivan Petrov" --source B --information 2`
}

func (a addSubjectCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	s := client.NewSubject{Classification: a.Classification, Kind: a.Kind, Role: a.Role, Minor: a.Minor, Marking: a.over(comity.DefaultMarking), Birth: a.Birth, Nationality: a.Nationality,
		Identifier: a.Identifier, Assessment: a.Assessment, Source: a.Source, Information: client.InformationGrade(a.Information), Note: string(a.Note)}
	for i, n := range a.Name {
		parts := append(strings.SplitN(n, "/", 3), "", "")
		s.Names = append(s.Names, client.SubjectName{Name: parts[0], Script: parts[1], Latin: parts[2], Alias: i > 0})
	}
	added, err := c.SubjectAdd(r.ctx, a.Case, s)
	if err != nil {
		return err
	}
	return r.print(added, func(w io.Writer) {
		for _, s := range added {
			row(w, s.ID, s.Role, s.Kind, nameOf(s), s.Marking)
		}
	})
}

type addObservableCmd struct {
	Case        comity.ID          `arg:"" help:"The case."`
	Type        string             `required:"" help:"STIX 2.1 type, as in ipv4-addr, url or cryptocurrency-wallet." placeholder:"TYPE"`
	Value       text               `required:"" help:"The value." placeholder:"TEXT"`
	Hash        []string           `help:"A hash as ALGORITHM=VALUE, as in SHA-256=…. Repeatable." placeholder:"HASH"`
	Indicator   bool               `help:"Meant for detection."`
	ValidFrom   string             `help:"Since when, as far as known." placeholder:"DATE"`
	Description text               `help:"A description." placeholder:"TEXT"`
	Source      comity.SourceGrade `help:"Source grade, from A, reliable, to X, not to be assessed." placeholder:"GRADE"`
	Information information        `help:"Information grade, from 1, known to be true, to 4, not corroborated." placeholder:"GRADE"`
	markingFlags
	classifiedFlag
}

// Help shows an example.
func (addObservableCmd) Help() string {
	return `Example:
  comity case add-observable case1_… --type cryptocurrency-wallet --value bc1q… --indicator`
}

func (a addObservableCmd) Run(r *run) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	o := client.NewObservable{Classification: a.Classification, Marking: a.over(comity.DefaultMarking), Type: a.Type, Value: string(a.Value), Indicator: a.Indicator,
		ValidFrom: a.ValidFrom, Description: string(a.Description), Source: a.Source, Information: client.InformationGrade(a.Information)}
	for _, h := range a.Hash {
		algorithm, value, ok := strings.Cut(h, "=")
		if !ok {
			return usagef("--hash %q: write ALGORITHM=VALUE", h)
		}
		o.Hashes = append(o.Hashes, client.Hash{Algorithm: algorithm, Value: value})
	}
	added, err := c.ObservableAdd(r.ctx, a.Case, o)
	if err != nil {
		return err
	}
	return r.print(added, func(w io.Writer) {
		for _, o := range added {
			row(w, o.ID, o.Type, short(o.Value, 80), o.Marking)
		}
	})
}
