package storage

import "github.com/comity-platform/comity"

// Assessment is a stored assessment with its sealed text.
type Assessment struct {
	comity.Assessment
	Sealed []byte // comity.AssessmentText under the case's record key
}

// NeutralityReader reads assessments and objections of records that the caller
// has already found visible.
type NeutralityReader interface {
	// Assessments of cases of the own state, per case, oldest first.
	Assessments(cases []comity.ID) (map[comity.ID][]Assessment, error)
	// Objections to grants, per grant, oldest first.
	Objections(grants []comity.ID) (map[comity.ID][]comity.Objection, error)
}

// NeutralityWriter writes them.
type NeutralityWriter interface {
	InsertAssessment(Assessment) error
	InsertObjection(comity.Objection) error
}
