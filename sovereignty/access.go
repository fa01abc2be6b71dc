package sovereignty

import "github.com/comity-platform/comity"

// Access is how much of a case an officer is shown.
type Access string

// The levels of access.
const (
	AccessOwn      Access = "OWN"      // everything: a record of the officer's own state
	AccessFull     Access = "FULL"     // see [comity.ScopeFull]
	AccessSummary  Access = "SUMMARY"  // see [comity.ScopeSummary]
	AccessExhibits Access = "EXHIBITS" // see [comity.ScopeExhibits]
	AccessEnded    Access = "ENDED"    // only that a grant ended (Article 12)
	AccessNone     Access = "NONE"     // nothing, not even that there is a case
)

// Level derives from the decision on a CaseRead how much is shown. It is
// AccessEnded for the former grantee, whose read is denied by Article 11.
func Level(q Question, d Decision) Access {
	switch {
	case !d.Permit && d.Explainable && d.Article == comity.ArticleTerm && q.Circumstances.Grant.Ended:
		return AccessEnded
	case !d.Permit:
		return AccessNone
	case q.Officer.State == q.Record.State:
		return AccessOwn
	}
	switch q.Circumstances.Grant.Scope {
	case comity.ScopeFull:
		return AccessFull
	case comity.ScopeSummary:
		return AccessSummary
	case comity.ScopeExhibits:
		return AccessExhibits
	}
	return AccessNone
}
