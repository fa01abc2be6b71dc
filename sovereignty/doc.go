// Package sovereignty holds the sixteen Articles as Cedar policies and decides
// by them.
//
// It promises that every decision names the Article and the policy which
// carried it, that the same question always has the same answer, that what no
// policy permits is denied (Article 16), and that a denial which may not be
// explained to the asker answers as if the record did not exist (Article 12).
//
// It knows no database, no clock and no cryptography: package exchange
// establishes the facts of a [Question] and carries out the [Decision]. The
// policies stand one file an Article, articleNN_name.cedar, to be read beside
// the text of the Article; articles.cedarschema says which facts they can speak
// about. Editing a policy changes behaviour without touching Go, and changes
// [Policies.Hash], which is what states accept in their manifests.
package sovereignty
