package client

import (
	"context"
	"time"

	"github.com/comity-platform/comity"
)

// NewRelease is a release decision to record.
type NewRelease struct {
	Case      comity.ID      `json:"case"`
	Decider   comity.Decider `json:"decider"`
	Reference string         `json:"reference,omitempty"` // of the prosecutor's or court's decision
	Grantee   comity.State   `json:"grantee"`
	Scope     comity.Scope   `json:"scope"` // the widest that is released
	Exhibits  []comity.ID    `json:"exhibits,omitempty"`
	Subjects  []comity.ID    `json:"subjects,omitempty"` // victims, witnesses and minors whom a grant may name
	Purpose   comity.Purpose `json:"purpose"`
	NotAfter  time.Time      `json:"notAfter"`
}

// ReleaseDecide records a release decision, without which no liaison grants (Article 8).
func (c *Client) ReleaseDecide(ctx context.Context, in NewRelease) (*Release, error) {
	if err := id("case", in.Case, comity.KindCase); err != nil {
		return nil, err
	}
	in.NotAfter = in.NotAfter.UTC()
	return releaseOf(mutate[releasePayload](ctx, c, "ReleaseDecide", always(in)))
}

type releasePayload struct {
	payload
	Release *Release `json:"release"`
}

func releaseOf(p releasePayload, err error) (*Release, error) {
	if err == nil && p.Release == nil {
		err = errEmpty
	}
	return p.Release, err
}

// ReleaseWithdraw withdraws a release decision of a case: no grant rests on it
// from then on. Grants that were made run on; revoke them one by one.
func (c *Client) ReleaseWithdraw(ctx context.Context, caseID, release comity.ID) (*Release, error) {
	if err := id("case", caseID, comity.KindCase); err != nil {
		return nil, err
	}
	if err := id("release", release, comity.KindRelease); err != nil {
		return nil, err
	}
	return releaseOf(mutate[releasePayload](ctx, c, "ReleaseWithdraw", always(struct {
		Case    comity.ID `json:"case"`
		Release comity.ID `json:"release"`
	}{caseID, release})))
}
