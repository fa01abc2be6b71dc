package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
)

// Why asks why an act is permitted or denied. Action is the act as the API names
// it, as in "caseRead" or "grantMake"; Record is what it is upon, "" for an act upon
// none. The rest is what the act would say, where its decision depends on it.
type Why struct {
	Action   string             `json:"action"`
	Record   comity.ID          `json:"record,omitempty"`
	Purpose  comity.Purpose     `json:"purpose,omitempty"`
	Category comity.Category    `json:"category,omitempty"`
	State    comity.State       `json:"state,omitempty"`
	Kind     comity.RequestKind `json:"kind,omitempty"`
}

// Reason is one reason of a decision.
type Reason struct {
	Article     comity.Article `json:"article"`
	ArticleName string         `json:"articleName"`
	Text        string         `json:"text"`           // what the Article says
	Reason      string         `json:"reason"`         // in one sentence
	Cure        string         `json:"cure,omitempty"` // of a denial; "" when nothing would
	Who         []string       `json:"who,omitempty"`  // can do what cures it
}

// Explanation is why an act is permitted or denied, as far as the officer may
// know: of what is hidden it is what it is of what does not exist (Article 12).
type Explanation struct {
	Action string    `json:"action"`
	Record comity.ID `json:"record,omitempty"`
	Permit bool      `json:"permit"` // as far as it depends on no input of the act
	Reason
	Further []Reason `json:"further,omitempty"` // what else denies it
	Basis   *Basis   `json:"basis,omitempty"`
}

// Basis is the legal basis of what one state opens to another (Article 7).
type Basis struct {
	Agreement string    `json:"agreement"`
	Title     string    `json:"title"`
	Hash      string    `json:"hash"`            // hex, of its text
	Grant     comity.ID `json:"grant,omitempty"` // under which the officer reads
}

// Explain asks why an act is permitted or denied. Nothing is done by it.
func (c *Client) Explain(ctx context.Context, w Why) (*Explanation, error) {
	asked, err := members(w)
	if err != nil {
		return nil, err
	}
	var data struct {
		Viewer struct {
			Explain *Explanation `json:"explain"`
		} `json:"viewer"`
	}
	if err := c.query(ctx, "Explain", asked, &data); err != nil {
		return nil, err
	}
	if data.Viewer.Explain == nil {
		return nil, errEmpty
	}
	return data.Viewer.Explain, nil
}

// GrantTrial is what a grant would do, before anybody makes it.
type GrantTrial struct {
	Alone       bool              `json:"alone"`    // the officer could make it
	Proposed    bool              `json:"proposed"` // the officer could propose it, for another liaison to approve
	Denials     []Reason          `json:"denials"`  // everything that stands in the way
	Faults      []GrantFault      `json:"faults"`   // mistakes in the terms, all at once
	Agencies    []comity.AgencyID `json:"agencies"` // that it would reach
	Officer     comity.OfficerRef `json:"officer,omitempty"`
	From        time.Time         `json:"from,omitzero"`
	Until       time.Time         `json:"until,omitzero"`
	LapsesAt    time.Time         `json:"lapsesAt,omitzero"` // unless another liaison confirms it
	Basis       *Basis            `json:"basis,omitempty"`
	Mandate     comity.ID         `json:"mandate,omitempty"`
	ActingFor   comity.OfficerRef `json:"actingFor,omitempty"` // whose mandate it is, for a deputy
	Level       string            `json:"level"`               // what its grantees would see of the case
	Withheld    []Redaction       `json:"withheld"`
	Entries     TrialCount        `json:"entries"`
	Subjects    TrialCount        `json:"subjects"`
	Observables TrialCount        `json:"observables"`
	Evidence    TrialCount        `json:"evidence"`
	Exhibits    []TrialExhibit    `json:"exhibits"`
	Named       []TrialSubject    `json:"named"` // victims, witnesses and minors whom it would open
}

// GrantFault is a mistake in the terms of a grant.
type GrantFault struct {
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Cure    string `json:"cure,omitempty"`
}

// TrialCount is how many records of a kind a grant would open.
type TrialCount struct {
	Open   int `json:"open"`
	Closed int `json:"closed"`
}

// TrialSubject is a victim, witness or minor whom a grant would open.
type TrialSubject struct {
	ID    comity.ID          `json:"id"`
	Kind  comity.SubjectKind `json:"kind"`
	Role  comity.SubjectRole `json:"role"`
	Minor bool               `json:"minor"`
}

// TrialExhibit is an exhibit that a grant would open.
type TrialExhibit struct {
	ID        comity.ID `json:"id"`
	MediaType string    `json:"mediaType"`
	Original  bool      `json:"original"`
	Size      int64     `json:"size"`
}

// GrantTry weighs a grant that nobody makes: nothing is signed by it, and
// nothing is told abroad. A case that is not to be found answers NOT_FOUND.
func (c *Client) GrantTry(ctx context.Context, in NewGrant) (*GrantTrial, error) {
	if err := id("case", in.Case, comity.KindCase); err != nil {
		return nil, err
	}
	var data struct {
		Viewer struct {
			GrantTry *GrantTrial `json:"grantTry"`
		} `json:"viewer"`
	}
	if err := c.query(ctx, "GrantTry", map[string]any{"input": inputOf(in.Case, in.body(""))}, &data); err != nil {
		return nil, err
	}
	if data.Viewer.GrantTry == nil {
		return nil, comity.NotFound()
	}
	return data.Viewer.GrantTry, nil
}
