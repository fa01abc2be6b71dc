package graph

import (
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/exchange"
)

// markingOr is a given marking, or another one where none was.
func markingOr(m *comity.Marking, otherwise comity.Marking) comity.Marking {
	if m == nil {
		return otherwise
	}
	return *m
}

type caseFileInput struct {
	IdempotencyKey                       string
	Category                             comity.Category
	Marking                              *comity.Marking
	Nexus                                []comity.Nexus
	Title, Summary, Narrative, Reference string
	Classification                       comity.Classification
}

type caseUpdateInput struct {
	IdempotencyKey                       string
	ID                                   string
	ExpectedVersion                      int
	Category                             *comity.Category
	Marking                              *comity.Marking
	Nexus                                []comity.Nexus
	Title, Summary, Narrative, Reference *string
	Classification                       *comity.Classification
}

type caseAssignInput struct {
	IdempotencyKey string
	ID             string
	Officer        comity.OfficerRef
	Office         comity.Role
	Remove         bool
}

type caseStatusInput struct {
	IdempotencyKey  string
	ID              string
	ExpectedVersion int
}

type caseReserveInput struct {
	IdempotencyKey  string
	ID              string
	ExpectedVersion int
	Reason, Act     string
}

func (b *binding) caseActs() {
	act(b, "caseFile", nil, func(in caseFileInput) (*exchange.FileCase, error) {
		return &exchange.FileCase{Key: in.IdempotencyKey, Category: in.Category, Marking: markingOr(in.Marking, comity.DefaultMarking), Nexus: in.Nexus,
			Text: comity.CaseText{Title: in.Title, Summary: in.Summary, Narrative: in.Narrative, Reference: in.Reference, Classification: in.Classification}}, nil
	}, func(a *exchange.FileCase, p *payload) { p.id = a.ID })

	act(b, "caseUpdate", nil, func(in caseUpdateInput) (*exchange.UpdateCase, error) {
		id, err := parseID("id", in.ID, comity.KindCase)
		return &exchange.UpdateCase{Key: in.IdempotencyKey, ID: id, ExpectedVersion: in.ExpectedVersion, Category: in.Category, Marking: in.Marking,
			Nexus: in.Nexus, Title: in.Title, Summary: in.Summary, Narrative: in.Narrative, Reference: in.Reference, Classification: in.Classification}, err
	}, func(a *exchange.UpdateCase, p *payload) { p.id = a.ID })

	act(b, "caseAssign", nil, func(in caseAssignInput) (*exchange.AssignCase, error) {
		id, err := parseID("id", in.ID, comity.KindCase)
		return &exchange.AssignCase{Key: in.IdempotencyKey, ID: id, Officer: in.Officer, Office: in.Office, Remove: in.Remove}, err
	}, func(a *exchange.AssignCase, p *payload) { p.id = a.ID })

	for name, status := range map[string]comity.CaseStatus{"caseClose": comity.CaseClosed, "caseReopen": comity.CaseOpen} {
		act(b, name, nil, func(in caseStatusInput) (*exchange.SetCaseStatus, error) {
			id, err := parseID("id", in.ID, comity.KindCase)
			return &exchange.SetCaseStatus{Key: in.IdempotencyKey, ID: id, ExpectedVersion: in.ExpectedVersion, Status: status}, err
		}, func(a *exchange.SetCaseStatus, p *payload) { p.id = a.ID })
	}

	act(b, "caseReserve", nil, func(in caseReserveInput) (*exchange.ReserveCase, error) {
		id, err := parseID("id", in.ID, comity.KindCase)
		return &exchange.ReserveCase{Key: in.IdempotencyKey, Case: id, ExpectedVersion: in.ExpectedVersion,
			Body: statement.ReserveBody{Reason: in.Reason}, Act: in.Act}, err
	}, func(a *exchange.ReserveCase, p *payload) { p.id, p.ids, p.statement = a.Case, a.Ended, a.Statement })

	b.recordActs()
}

type recordsInput[T any] struct {
	IdempotencyKey string
	Case           string
	Items          []T
}

type entryInput struct {
	Marking        *comity.Marking
	Happened, Text string
	Classification comity.Classification
}

type subjectInput struct {
	Kind    comity.SubjectKind
	Role    comity.SubjectRole
	Minor   bool
	Marking *comity.Marking
	Names   []struct {
		Name, Script, Latin string
		Alias               bool
	}
	Birth          string
	Nationality    comity.State
	Identifier     string
	Assessment     bool
	Source         comity.SourceGrade
	Information    string
	Note           string
	Classification comity.Classification
}

type observableInput struct {
	Marking        *comity.Marking
	Type, Value    string
	Hashes         []hashValue
	SourceIDs      []string
	Indicator      bool
	Pattern        string
	ValidFrom      string
	Description    string
	Source         comity.SourceGrade
	Information    string
	Classification comity.Classification
}

// addRecords binds an act that adds records of one kind to a case. A marking
// that is left out is the case's.
func addRecords[T any](b *binding, name string, add func(*exchange.AddRecords, T) error) {
	act(b, name, nil, func(in recordsInput[T]) (*exchange.AddRecords, error) {
		id, err := parseID("case", in.Case, comity.KindCase)
		if err != nil {
			return nil, err
		}
		a := &exchange.AddRecords{Key: in.IdempotencyKey, Case: id}
		for i, item := range in.Items {
			if err := add(a, item); err != nil {
				return nil, at("items", i, err)
			}
		}
		if len(in.Items) == 0 { // which kind would have been added, the gate could not tell
			return nil, comity.Invalid("items", "at least one record is added")
		}
		return a, nil
	}, func(a *exchange.AddRecords, p *payload) { p.ids = a.IDs })
}

func (b *binding) recordActs() {
	addRecords(b, "entryAdd", func(a *exchange.AddRecords, in entryInput) error {
		a.Entries = append(a.Entries, exchange.NewEntry{Marking: markingOr(in.Marking, comity.Marking{}),
			Text: comity.EntryText{Happened: in.Happened, Text: in.Text, Classification: in.Classification}})
		return nil
	})
	addRecords(b, "subjectAdd", func(a *exchange.AddRecords, in subjectInput) error {
		text := comity.SubjectText{Birth: in.Birth, Nationality: in.Nationality, Identifier: in.Identifier, Assessment: in.Assessment,
			Source: in.Source, Information: gradeOf(in.Information), Note: in.Note, Classification: in.Classification}
		for _, n := range in.Names {
			text.Names = append(text.Names, comity.SubjectName{Name: n.Name, Script: n.Script, Latin: n.Latin, IsAlias: n.Alias})
		}
		a.Subjects = append(a.Subjects, exchange.NewSubject{Kind: in.Kind, Role: in.Role, Minor: in.Minor,
			Marking: markingOr(in.Marking, comity.Marking{}), Text: text})
		return nil
	})
	addRecords(b, "observableAdd", func(a *exchange.AddRecords, in observableInput) error {
		text := comity.ObservableText{Type: in.Type, Value: in.Value, SourceIDs: in.SourceIDs, Indicator: in.Indicator, Pattern: in.Pattern,
			ValidFrom: in.ValidFrom, Description: in.Description, Source: in.Source, Information: gradeOf(in.Information),
			Classification: in.Classification}
		for _, h := range in.Hashes {
			if _, twice := text.Hashes[h.Algorithm]; twice {
				return comity.Invalid("hashes", "there is one hash of each algorithm")
			}
			if text.Hashes == nil {
				text.Hashes = map[string]string{}
			}
			text.Hashes[h.Algorithm] = h.Value
		}
		a.Observables = append(a.Observables, exchange.NewObservable{Marking: markingOr(in.Marking, comity.Marking{}), Text: text})
		return nil
	})
}

// seconds is an instant of a signed act, which carries whole seconds.
func seconds(field string, t time.Time) (int64, error) {
	if t.Nanosecond() != 0 {
		return 0, comity.Invalid(field, "the times of a signed act are in whole seconds")
	}
	return t.Unix(), nil
}
