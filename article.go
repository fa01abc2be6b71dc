package comity

import "fmt"

// Article is one of the sixteen sovereignty rules. Every decision names the
// article that decided it.
type Article uint8

// The Articles.
const (
	ArticleOriginator          Article = 1  // every record belongs to exactly one state, immutably
	ArticleNonInterference     Article = 2  // only the originator's officers change a record
	ArticleTerritory           Article = 3  // a measure in another state is a request to it
	ArticleDomesticReservation Article = 4  // what a state reserves is invisible and ungrantable abroad
	ArticleNeutrality          Article = 5  // political, military, religious and racial matters are not shareable
	ArticleExternalNexus       Article = 6  // a shareable case states its cross-border element
	ArticleLegalBasis          Article = 7  // an agreement in force binds originator and grantee
	ArticleLiaison             Article = 8  // only a mandated liaison grants, over a release decision
	ArticlePurpose             Article = 9  // a foreign read declares the grant's purpose
	ArticleOriginatorControl   Article = 10 // no onward disclosure without a new grant
	ArticleTerm                Article = 11 // every grant ends; revocation takes effect on the next read
	ArticleNoOracle            Article = 12 // hidden and absent answer alike
	ArticleResidency           Article = 13 // evidence and keys stay in the state's own store and Vault
	ArticleAccountability      Article = 14 // everything is in the log before its effect is visible
	ArticleReciprocity         Article = 15 // a measure is used only while it is offered
	ArticleNoBypass            Article = 16 // no role skips an article
)

var articleNames = [...]string{
	"", "Originator", "Non-interference", "Territory", "Domestic reservation", "Neutrality", "External nexus",
	"Legal basis", "Liaison", "Purpose and caveats", "Originator control", "Term and withdrawal", "No oracle",
	"Residency", "Accountability", "Reciprocity", "No bypass",
}

// Valid reports whether a is one of the sixteen.
func (a Article) Valid() bool { return a >= 1 && int(a) < len(articleNames) }

// Name returns the article's name, "" for none.
func (a Article) Name() string {
	if !a.Valid() {
		return ""
	}
	return articleNames[a]
}

// String is "Article 4, Domestic reservation".
func (a Article) String() string {
	if !a.Valid() {
		return "no Article"
	}
	return fmt.Sprintf("Article %d, %s", a, a.Name())
}
