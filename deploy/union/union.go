// Package union is the sample union of states: the seven states of the
// founding text, two agencies each, their officers for the development issuers,
// and the agreements between them. It makes the states' root keys and signs
// their manifests, for the demo, for "comityd up" and for tests.
//
// Everything here that a real union's states do each for themselves, offline
// and with keys that nobody else has, is done by one program in one directory:
// it is a sample, and vouches for nobody.
package union

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"github.com/comity-platform/comity"
	"github.com/comity-platform/comity/crypto/statement"
	"github.com/comity-platform/comity/crypto/token/devissuer"
	"github.com/comity-platform/comity/sovereignty"
)

// Name is the sample union's name, which is the audience of its tokens.
const Name = "sample-union"

// The ids of the agreements that all seven states have ratified. They are in
// the manner of the CIS agreements of 2018 (Dushanbe, 28 September 2018) and
// 2001 (Minsk, 1 June 2001); their categories and clocks are samples and not
// the treaties' text.
const (
	Agreement2018 = "cis-2018"
	Agreement2001 = "cis-2001"
)

// Member is one state of the sample union.
type Member struct {
	Code  comity.State
	Name  string
	Cyber string // name of the agency CODE/cyber
	CT    string // name of the agency CODE/ct
}

// Members are the seven states, in the order of their codes.
func Members() []Member {
	return []Member{
		{"AM", "Republic of Armenia", "Cybercrime Department of Armenia", "Counter-Terrorism Department of Armenia"},
		{"BY", "Republic of Belarus", "Cybercrime Department of Belarus", "Counter-Terrorism Department of Belarus"},
		{"KG", "Kyrgyz Republic", "Cybercrime Department of Kyrgyzstan", "Counter-Terrorism Department of Kyrgyzstan"},
		{"KZ", "Republic of Kazakhstan", "Cybercrime Department of Kazakhstan", "Counter-Terrorism Department of Kazakhstan"},
		{"RU", "Russian Federation", "Cybercrime Department of the Russian Federation", "Counter-Terrorism Department of the Russian Federation"},
		{"TJ", "Republic of Tajikistan", "Cybercrime Department of Tajikistan", "Counter-Terrorism Department of Tajikistan"},
		{"UZ", "Republic of Uzbekistan", "Cybercrime Department of Uzbekistan", "Counter-Terrorism Department of Uzbekistan"},
	}
}

// States are the members' codes.
func States() []comity.State {
	var all []comity.State
	for _, m := range Members() {
		all = append(all, m.Code)
	}
	return all
}

// Officers are a state's officers, by the name to log in with: investigator,
// colleague, liaison, deputy (a second liaison), authority, second (a second
// authority) and auditor of CODE/cyber, and ct, an investigator of CODE/ct; each @CODE. The same officer
// has the same subject and pseudonym at every start.
func Officers(s comity.State) []devissuer.Officer {
	var all []devissuer.Officer
	for _, o := range []struct {
		name, agency, prefix, function string
		role                           comity.Role
	}{
		{"investigator", "cyber", "inv", "Investigator, cybercrime", comity.RoleInvestigator},
		{"colleague", "cyber", "inv", "Investigator, cybercrime", comity.RoleInvestigator},
		{"liaison", "cyber", "li", "Liaison officer", comity.RoleLiaison},
		{"deputy", "cyber", "li", "Deputy liaison officer", comity.RoleLiaison},
		{"authority", "cyber", "au", "Competent authority", comity.RoleAuthority},
		{"second", "cyber", "au", "Competent authority", comity.RoleAuthority},
		{"auditor", "cyber", "dp", "Data protection auditor", comity.RoleAuditor},
		{"ct", "ct", "inv", "Investigator, counter-terrorism", comity.RoleInvestigator},
	} {
		name := o.name + "@" + string(s)
		all = append(all, devissuer.Officer{Name: name, Subject: strings.ToLower(string(s)) + "-" + o.name,
			Agency: comity.AgencyID(string(s) + "/" + o.agency), Role: o.role, Function: o.function,
			Pseudonym: o.prefix + "-" + mark(name)})
	}
	return all
}

// mark is four letters and digits that look like a pseudonym's and are the same
// for the same name, so that a mandate outlives a restart. Real pseudonyms are
// drawn by the state's own identity provider.
func mark(name string) string {
	sum := sha256.Sum256([]byte("comity sample union: " + name))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:4])
}

// Agreements are those that all members have ratified, the newest first.
func Agreements() []statement.Agreement {
	var categories []comity.Category
	for _, c := range sovereignty.Categories() {
		categories = append(categories, c.Code)
	}
	clocks := map[comity.Urgency]int{comity.UrgencyUrgent: 8, comity.UrgencyPrompt: 72, comity.UrgencyRoutine: 168}
	return []statement.Agreement{
		{
			ID:         Agreement2018,
			Title:      "Cooperation of the member states in combating crimes in the field of information technologies (sample, in the manner of Dushanbe 2018)",
			Parties:    States(),
			Categories: slices.Clone(categories),
			Measures:   []comity.RequestKind{comity.RequestInformation, comity.RequestAccess, comity.RequestMeasure, comity.RequestPreservation},
			InForce:    time.Date(2020, 3, 12, 0, 0, 0, 0, time.UTC),
			Clocks:     clocks,
		},
		{
			ID:         Agreement2001,
			Title:      "Cooperation of the member states in combating crimes involving computer information (sample, in the manner of Minsk 2001)",
			Parties:    States(),
			Categories: slices.Clone(categories),
			Measures:   []comity.RequestKind{comity.RequestInformation, comity.RequestMeasure},
			InForce:    time.Date(2002, 3, 14, 0, 0, 0, 0, time.UTC),
			Clocks:     clocks,
		},
	}
}
