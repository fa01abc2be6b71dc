package exchange

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/comity-platform/comity"
)

// Bounds of what an act carries, in bytes of UTF-8 and in counts.
const (
	maxLine      = 500
	maxText      = 64 << 10
	maxNexus     = 50
	maxNames     = 50
	maxSources   = 200
	maxHashes    = 20
	maxPerAct    = 500
	maxObjection = 2000
)

// checkLine takes one line of text.
func checkLine(field, s string) error {
	if len(s) > maxLine {
		return tooLong(field, maxLine)
	}
	if strings.ContainsAny(s, "\n\t") {
		return comity.Invalid(field, "this is one line, without tabs")
	}
	return checkText(field, s)
}

// checkText takes text of several lines. What would show otherwise than it is
// (control characters, changes of writing direction) is refused: records are
// read by officers who trust what they see.
func checkText(field, s string) error {
	if len(s) > maxText {
		return tooLong(field, maxText)
	}
	if !utf8.ValidString(s) {
		return comity.Invalid(field, "this is not UTF-8")
	}
	for _, r := range s {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return comity.Invalid(field, fmt.Sprintf("the character U+%04X is not taken", r))
		}
	}
	return nil
}

// needed takes text that says something.
func needed(field, s, message string) error {
	if strings.TrimSpace(s) == "" {
		return comity.Invalid(field, message)
	}
	return nil
}

func tooLong(field string, limit int) error {
	return comity.Invalid(field, fmt.Sprintf("this is longer than the limit of %d bytes", limit))
}

// first gives the first error of several checks.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// at adds the position of an item to the path of its error.
func at(i int, err error) error {
	if e, ok := err.(*comity.Error); ok {
		c := *e
		c.Path = append([]string{"items", fmt.Sprint(i)}, e.Path...)
		return &c
	}
	return err
}

func checkCaseText(t comity.CaseText) error {
	return first(needed("title", t.Title, "a case has a title"), checkLine("title", t.Title), checkText("summary", t.Summary),
		checkText("narrative", t.Narrative), checkLine("reference", t.Reference))
}

// checkNexus takes the form of a case's links to states.
func checkNexus(links []comity.Nexus) error {
	if len(links) > maxNexus {
		return comity.Invalid("nexus", fmt.Sprintf("a case names at most %d links", maxNexus))
	}
	for _, n := range links {
		if !n.Basis.Valid() || !n.State.Valid() {
			return comity.Invalid("nexus", "a link names a basis and a state by its ISO 3166-1 code")
		}
	}
	return nil
}

// partialDate is an ISO 8601 date as far as it is known, or an RFC 3339 time.
var partialDate = regexp.MustCompile(`^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?)?)?$`)

func checkDate(field, s string) error {
	if s != "" && !partialDate.MatchString(s) {
		return comity.Invalid(field, "a date is written 2026, 2026-11, 2026-11-22 or as an RFC 3339 time")
	}
	return nil
}

func checkGrades(s comity.SourceGrade, i comity.InformationGrade) error {
	if s != "" && !slices.Contains(comity.SourceGrades, s) {
		return comity.Invalid("source", "source grades are A, B, C and X")
	}
	if i != "" && !slices.Contains(comity.InformationGrades, i) {
		return comity.Invalid("information", "information grades are 1, 2, 3 and 4")
	}
	return nil
}

// checkMarking takes a marking, or none.
func checkMarking(m comity.Marking) error {
	if m == (comity.Marking{}) {
		return nil
	}
	return m.Check()
}

func (n NewEntry) check() error {
	return first(needed("text", n.Text.Text, "an entry has a text"), checkText("text", n.Text.Text),
		checkDate("happened", n.Text.Happened), checkMarking(n.Marking))
}

func (n NewSubject) check() error {
	switch n.Kind {
	case comity.SubjectPerson, comity.SubjectOrganisation, comity.SubjectAccount:
	default:
		return comity.Invalid("kind", "a subject is a PERSON, an ORGANISATION or an ACCOUNT")
	}
	switch n.Role {
	case comity.SubjectSuspect, comity.SubjectConvicted, comity.SubjectVictim, comity.SubjectWitness, comity.SubjectContact:
	default:
		return comity.Invalid("role", "a subject has one of the listed roles; a confidential source is never a subject")
	}
	if len(n.Text.Names) == 0 && n.Text.Identifier == "" {
		return comity.Invalid("names", "a subject has a name or an identifier")
	}
	if len(n.Text.Names) > maxNames {
		return comity.Invalid("names", fmt.Sprintf("a subject has at most %d names", maxNames))
	}
	for _, name := range n.Text.Names {
		if err := first(needed("names", name.Name, "a name is not empty"), checkLine("names", name.Name), checkLine("names", name.Latin),
			checkLine("names", name.Script)); err != nil {
			return err
		}
	}
	if n.Text.Nationality != "" && !n.Text.Nationality.Valid() {
		return comity.Invalid("nationality", "a nationality is an ISO 3166-1 code")
	}
	return first(checkLine("identifier", n.Text.Identifier), checkText("note", n.Text.Note), checkDate("birth", n.Text.Birth),
		checkGrades(n.Text.Source, n.Text.Information), checkMarking(n.Marking))
}

func (n NewObservable) check() error {
	t := n.Text
	if len(t.Hashes) > maxHashes || len(t.SourceIDs) > maxSources {
		return comity.Invalid("hashes", fmt.Sprintf("an observable has at most %d hashes and %d source ids", maxHashes, maxSources))
	}
	for algorithm, value := range t.Hashes {
		if err := first(checkLine("hashes", algorithm), checkLine("hashes", value)); err != nil {
			return err
		}
	}
	for _, id := range t.SourceIDs {
		if err := checkLine("sourceIds", id); err != nil {
			return err
		}
	}
	return first(needed("type", t.Type, "an observable has a STIX type"), checkLine("type", t.Type),
		needed("value", t.Value, "an observable has a value"), checkText("value", t.Value), checkText("description", t.Description),
		checkText("pattern", t.Pattern), checkDate("validFrom", t.ValidFrom), checkGrades(t.Source, t.Information), checkMarking(n.Marking), t.Check())
}

func (b BeginExhibit) check() error {
	switch {
	case !mediaType.MatchString(b.Body.MediaType):
		return comity.Invalid("mediaType", "this is not a media type, such as application/octet-stream")
	case b.Body.Size < 0:
		return comity.Invalid("size", "the size is in bytes, 0 or more")
	case !md5Form.MatchString(b.Body.ClaimMD5):
		return comity.Invalid("claimMd5", "this is not an MD5 in lower-case hex")
	case !sha1Form.MatchString(b.Body.ClaimSHA1):
		return comity.Invalid("claimSha1", "this is not a SHA-1 in lower-case hex")
	}
	return first(needed("name", b.Body.Name, "an exhibit has a name"), checkLine("name", b.Body.Name), checkText("note", b.Note))
}

var (
	mediaType = regexp.MustCompile(`^[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}$`)
	md5Form   = regexp.MustCompile(`^([0-9a-f]{32})?$`)
	sha1Form  = regexp.MustCompile(`^([0-9a-f]{40})?$`)
)
